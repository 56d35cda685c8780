//! The configuration language: `master.star` evaluated, frozen, validated whole and lowered to plain data.
//!
//! [`load`] reads a file (or the built-in one) and answers with a [`Loaded`], or with every [`Problem`] of the text at once:
//! a bad file never replaces a good one. [`Library`] holds the functions of every generation that is still in use (decision
//! D9); [`reload_kept`] makes an old generation again from its kept text. Starlark is used below this module and nowhere else.
//!
//! The way of a text: `sources` reads and parses all files and names them by digest; `star` evaluates them, whereby the
//! functions of `globals` write into a `draft` through `call`; `finish` looks at the whole; `hooks` keeps the functions.

mod aliases;
mod call;
mod calls;
mod careful;
#[cfg(test)]
mod check_tests;
mod circles;
mod draft;
mod endless;
mod facts;
mod finish;
mod globals;
mod guard;
mod hooks;
mod likeness;
mod lower;
mod manual;
mod nearest;
mod problem;
#[cfg(test)]
mod retention_tests;
#[cfg(test)]
mod scheduler_tests;
mod shape;
mod size;
mod source;
#[cfg(test)]
mod source_tests;
mod sources;
mod star;
#[cfg(test)]
mod tests;
mod triggered;
mod twice;
#[expect(
    unsafe_code,
    reason = "deriving Starlark's own `ProvidesStaticType` writes an `unsafe impl`; nothing else here does"
)]
mod values;
mod weighing;

use std::path::Path;
use std::sync::Arc;

use linn_core::config::Config;
use linn_core::id::ConfigDigest;

pub use facts::{Facts, MAX_FILES, MAX_NAMES};
pub use hooks::{Generation, Library};
pub use manual::manual;
pub use problem::{Place, Problem, Problems};
pub(crate) use star::{STACK, on_deep_stack};

use sources::{FACTS, Shelf, Sources};

/// The configuration of `linn up` when there is no `master.star`.
pub const BUILT_IN: &str = include_str!("../../../assets/default.star");
/// What the built-in configuration is called in messages and among the sources.
pub const BUILT_IN_NAME: &str = "default.star";

/// How many workers `checkout.workers` says while a file is only checked.
const CHECKED_WORKERS: u32 = 2;

/// Which configuration is meant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin<'a> {
    /// A file; what it loads is looked for in its folder.
    File(&'a Path),
    /// The one compiled in.
    BuiltIn,
}

/// A configuration that is whole and right.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What it says.
    pub config: Arc<Config>,
    /// The functions that it names.
    pub generation: Arc<Generation>,
    /// All that it was made of: names and texts, the main file first. Keep them by the digest (decision D9).
    pub sources: Vec<(String, String)>,
    /// Of the sources, in hex.
    pub digest: ConfigDigest,
    /// Remarks that are no mistakes (contract.md F29).
    pub notes: Vec<Problem>,
}

impl Loaded {
    /// The texts of its files, the main one first: what another master needs to evaluate it.
    #[must_use]
    pub fn texts(&self) -> Vec<(String, String)> {
        self.sources.iter().filter(|(name, _)| name != FACTS).cloned().collect()
    }
}

/// What `linn check` says of a good configuration.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Summary {
    /// How many there are.
    pub builders: usize,
    /// How many there are.
    pub workers: usize,
    /// How many there are.
    pub schedulers: usize,
    /// How many change sources there are.
    pub sources: usize,
    /// Remarks that are no mistakes.
    pub notes: Vec<Problem>,
}

/// Reads, evaluates and validates a configuration. `facts` are what `checkout` shows, if the caller has a checkout.
///
/// # Errors
/// Every problem of the text.
pub fn load(origin: Origin<'_>, facts: Option<&Facts>) -> Result<Loaded, Problems> {
    match origin {
        Origin::BuiltIn => {
            let texts = [(BUILT_IN_NAME.to_owned(), BUILT_IN.to_owned())];
            load_from(&Shelf::Kept(&texts), BUILT_IN_NAME, facts).map_err(Problems)
        }
        Origin::File(path) => {
            let folder = path.parent().unwrap_or_else(|| Path::new(""));
            let Some(main) = path.file_name().and_then(std::ffi::OsStr::to_str) else {
                let place = Place::file(path.display().to_string());
                return Err(Problems::one(Problem::at(
                    &place,
                    "this is not the name of a file",
                    "",
                )));
            };
            let as_given = |mut problem: Problem| {
                problem.file = if problem.file == main {
                    path.display().to_string()
                } else {
                    folder.join(&problem.file).display().to_string()
                };
                problem
            };
            let found = load_from(&Shelf::Folder(folder), main, facts);
            let mut loaded =
                found.map_err(|problems| Problems(problems.into_iter().map(as_given).collect()))?;
            loaded.notes = loaded.notes.into_iter().map(as_given).collect();
            Ok(loaded)
        }
    }
}

/// The evaluation ended without an answer.
pub(crate) fn broke_down() -> Problems {
    let place = Place::file("configuration");
    let message = "the evaluation broke down; this is a mistake of linn's";
    Problems::one(Problem::at(&place, message, ""))
}

/// Evaluates texts that somebody sent, the main file first, with nothing of this machine but `facts`.
///
/// # Errors
/// Every problem of the texts.
pub fn load_texts(texts: &[(String, String)], facts: Option<&Facts>) -> Result<Loaded, Problems> {
    let Some((main, _)) = texts.first() else {
        let place = Place::file("configuration");
        return Err(Problems::one(Problem::at(&place, "there is no text", "")));
    };
    let texts: Vec<_> = texts.iter().filter(|(name, _)| name != FACTS).cloned().collect();
    load_from(&Shelf::Kept(&texts), main, facts).map_err(Problems)
}

/// Evaluates an old generation again from what was kept of it, with the very same result.
///
/// # Errors
/// When the texts are not those of the digest, or this version of linn understands them no more.
pub fn reload_kept(
    digest: &ConfigDigest,
    sources: &[(String, String)],
) -> Result<Loaded, Problems> {
    let broken = |message: String| {
        Problems::one(Problem::at(&Place::file("kept configuration"), message, ""))
    };
    if sources::digest(sources) != *digest {
        return Err(broken(format!("the kept texts are not those of {digest}")));
    }
    let Some((main, _)) = sources.first() else {
        return Err(broken("there is no text".to_owned()));
    };
    let facts = match sources.iter().find(|(name, _)| name == FACTS) {
        Some((_, text)) => Some(
            serde_json::from_str::<Facts>(text)
                .map_err(|error| broken(format!("the kept facts cannot be read: {error}")))?,
        ),
        None => None,
    };
    load_from(&Shelf::Kept(sources), main, facts.as_ref()).map_err(Problems)
}

/// Looks at a configuration for `linn check` (contract.md C31): the problems' `Display` is what it prints. Should the text ask
/// for `checkout`, that is the folder of the file.
///
/// # Errors
/// Every problem of the text.
pub fn check(path: &Path) -> Result<Summary, Problems> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let facts = Facts::read(folder.unwrap_or_else(|| Path::new(".")), CHECKED_WORKERS);
    let loaded = load(Origin::File(path), Some(&facts))?;
    Ok(Summary {
        builders: loaded.config.builders.len(),
        workers: loaded.config.workers.len(),
        schedulers: loaded.config.schedulers.len(),
        sources: loaded.config.sources.len(),
        notes: loaded.notes,
    })
}

fn load_from(shelf: &Shelf<'_>, main: &str, facts: Option<&Facts>) -> Result<Loaded, Vec<Problem>> {
    let work = || {
        let mut sources = sources::gather(shelf, main, facts)?;
        let evaluated = star::evaluate(&mut sources)?;
        let Sources { texts, digest, .. } = sources;
        Ok(Loaded {
            config: Arc::new(evaluated.draft.config),
            generation: Arc::new(Generation::new(
                digest.clone(),
                evaluated.functions,
                evaluated.draft.hooks,
            )),
            sources: texts,
            digest,
            notes: evaluated.draft.notes,
        })
    };
    star::on_deep_stack(work)
        .unwrap_or_else(|why| Err(vec![Problem::at(&Place::file(main), why, "")]))
}
