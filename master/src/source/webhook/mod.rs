//! Webhooks: what a forge's delivery means (F13 to F15, GP-7). The door is `web/`; here is no socket and no clock.
//!
//! [`proven`] says whether the sender knows the secret, [`read()`] which changes the body tells of. Each dialect is a pure
//! function of the delivery, in a file of its own. What they have in common, a push and a request, is in `push` and `pull`.

mod bitbucket;
mod dress;
mod generic;
mod gerrit;
mod gitea;
mod github;
mod gitlab;
mod letter;
mod place;
mod proof;
mod pull;
mod push;
#[cfg(test)]
mod tests;
mod watch;

use linn_core::change::NewChange;
use linn_core::config::{Config, Dialect, Source, Webhook};

pub(super) use generic::from_json;
pub(crate) use letter::{Letter, delivery_headers, event_headers};
pub(super) use place::{codebase_of, spelled};
pub(crate) use proof::{offered, proven};
pub(super) use watch::{Ledger, Watch};

/// The most changes of one delivery: the newest.
const MAX_CHANGES: usize = 10_000;

/// What a delivery tells.
#[derive(Clone, PartialEq, Debug, Default)]
struct Told {
    /// Oldest first, without what only the configuration knows.
    changes: Vec<NewChange>,
    /// All addresses of the repository, the best first.
    addresses: Vec<String>,
    /// Its name on its server, where that is all that is told.
    project: String,
}

impl Told {
    /// Nothing that is built.
    fn nothing() -> Self {
        Self::default()
    }
}

/// The changes of a delivery, oldest first.
///
/// # Errors
/// What is wrong with it, as a sentence for who set the forge up; nothing of it is taken then.
pub(crate) fn read(
    config: &Config,
    source: &Source,
    hook: &Webhook,
    letter: &Letter<'_>,
) -> Result<Vec<NewChange>, String> {
    let read = match hook.dialect {
        Dialect::Generic => generic::read,
        Dialect::Github => github::read,
        Dialect::Gitlab => gitlab::read,
        Dialect::Gitea => gitea::read,
        Dialect::Bitbucket => bitbucket::read,
        Dialect::Gerrit => gerrit::read,
    };
    let mut told = read(hook, letter)?;
    let surplus = told.changes.len().saturating_sub(MAX_CHANGES);
    told.changes.drain(..surplus);
    dress::dressed(config, source, told)
}
