//! A function of the configuration says which refs are looked at (GP-4).
//!
//! It is pure, so each name is asked for once; a source begins anew with another configuration, and with it this memory.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;

use tokio::sync::Mutex;

use super::branches::{HEADS, TAGS};
use super::error::GitError;

/// How many names are asked for at once: nothing else happens in the engine meanwhile.
const AT_ONCE: usize = 50;

/// What is asked: for each full name of a ref, whether it is looked at. An error is one sentence.
type Asked = Pin<Box<dyn Future<Output = Result<Vec<bool>, String>> + Send>>;

/// Who asks the function, and what it has said so far.
pub(in crate::source) struct Picks {
    ask: Box<dyn Fn(Vec<String>) -> Asked + Send + Sync>,
    known: Mutex<BTreeMap<String, bool>>,
}

impl fmt::Debug for Picks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Picks").finish_non_exhaustive()
    }
}

impl Picks {
    /// What asks so.
    pub(in crate::source) fn new<F>(ask: impl Fn(Vec<String>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Vec<bool>, String>> + Send + 'static,
    {
        Self { ask: Box::new(move |names| Box::pin(ask(names))), known: Mutex::default() }
    }

    /// Leaves those that are looked at. Branches come by their own names, tags by their full ones.
    ///
    /// # Errors
    /// The function failed, or there is nobody to call it.
    pub(super) async fn among(&self, tips: &mut BTreeMap<String, String>) -> Result<(), GitError> {
        let mut known = self.known.lock().await;
        let new: Vec<String> =
            tips.keys().map(|name| full(name)).filter(|name| !known.contains_key(name)).collect();
        for names in new.chunks(AT_ONCE) {
            let picked = (self.ask)(names.to_vec()).await.map_err(GitError::Picks)?;
            known.extend(names.iter().cloned().zip(picked));
        }
        // What is gone may go: a repository may have had any number of names.
        let now: BTreeMap<String, bool> = tips
            .keys()
            .map(|name| full(name))
            .filter_map(|name| known.get(&name).map(|picked| (name, *picked)))
            .collect();
        tips.retain(|name, _| now.get(&full(name)) == Some(&true));
        *known = now;
        Ok(())
    }
}

/// The full name of a ref.
fn full(name: &str) -> String {
    if name.starts_with(TAGS) { name.to_owned() } else { format!("{HEADS}{name}") }
}
