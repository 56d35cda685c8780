//! A webhook as a source among others: there is nothing to look for, but whether it can work is looked at from time to time,
//! so that people see it where they see every source (C12, F41).

use std::sync::{Arc, Mutex, PoisonError};

use linn_core::id::SecretName;
use linn_core::state::SourceCursor;

use crate::secret::Secrets;
use crate::source::look::{Look, Portion};

/// What the last delivery came to.
#[derive(Debug, Default)]
pub(in crate::source) struct Ledger(Mutex<Option<String>>);

impl Ledger {
    /// Keeps what was wrong with the last delivery, if anything; true when that is news.
    pub(in crate::source) fn keep(&self, wrong: Option<String>) -> bool {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let news = *kept != wrong;
        *kept = wrong;
        news
    }

    fn read(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A webhook's health.
#[derive(Debug)]
pub(in crate::source) struct Watch {
    pub(in crate::source) secret: Option<SecretName>,
    pub(in crate::source) secrets: Secrets,
    pub(in crate::source) ledger: Arc<Ledger>,
}

impl Look for Watch {
    type Plan = ();

    async fn look(&self, _: &SourceCursor) -> Result<Option<()>, String> {
        if let Some(secret) = &self.secret {
            self.secrets.fetch(secret).await.map_err(|error| error.to_string())?;
        }
        match self.ledger.read() {
            Some(wrong) => Err(format!("the last delivery was refused: {wrong}")),
            None => Ok(None),
        }
    }

    async fn next(&self, (): &mut ()) -> Result<Option<Portion>, String> {
        Ok(None)
    }
}
