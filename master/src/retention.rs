//! Goes through history and lets old things go, quietly: the core decides when, [`choose`] what, and the core again about
//! every bite; here history is read, bites are handed over, and files are removed after the commit that says so.
//!
//! A crash between that commit and the files leaves files alone, which the next start finds: folders of logs whose builds
//! were deleted, and artifacts that no build names.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use linn_core::config::Limits;
use linn_core::id::{BuildId, ConfigDigest};
use linn_core::input::Input;
use linn_core::model::Deletion;
use linn_core::retention::{Chosen, Needs, choose, next_pass};
use linn_core::time::Timestamp;
use tokio::sync::{Mutex, Notify};
use tokio_util::sync::CancellationToken;

use crate::artifacts::Artifacts;
use crate::engine::{EngineHandle, Gone};
use crate::logs::LogStore;
use crate::store::{Queries, StoreError};

/// Between two bites of a pass that nobody waits for.
const PAUSE: Duration = Duration::from_millis(100);
/// How often history is read anew in one pass, because what was chosen has come to be needed.
const ROUNDS: usize = 3;

/// Goes through history, once at a time.
pub(crate) struct Retention {
    parts: Parts,
    turn: Mutex<()>,
}

/// What it works with.
pub(crate) struct Parts {
    /// Who decides.
    pub engine: EngineHandle,
    /// History.
    pub queries: Queries,
    /// Bytes of logs.
    pub logs: LogStore,
    /// Files that builds keep.
    pub artifacts: Artifacts,
}

/// What would go now, or has gone.
pub(crate) struct Seen {
    /// What.
    pub chosen: Chosen,
    /// By which rules, in words; empty: none.
    pub rules: String,
    /// When the master does it by itself.
    pub next: Option<Timestamp>,
    /// When it last did.
    pub last: Option<Timestamp>,
    /// The configuration that the rules are from.
    under: ConfigDigest,
    /// Of the artifacts of what was chosen.
    digests: BTreeSet<String>,
}

/// Why history was not gone through to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// Nobody decides any more.
    #[error(transparent)]
    Gone(#[from] Gone),
    /// The database cannot be read.
    #[error("the database cannot be read: {0}")]
    Unread(String),
    /// What was chosen came to be needed, again and again.
    #[error("history changes faster than it can be gone through")]
    Changing,
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Unread(error.to_string())
    }
}

impl Retention {
    pub(crate) fn new(parts: Parts) -> Self {
        Self { parts, turn: Mutex::new(()) }
    }

    /// Removes what a crash left behind, then goes through history whenever it is time, until the master ends.
    pub(crate) async fn serve(self: Arc<Self>, due: Arc<Notify>, ending: CancellationToken) {
        let work = async {
            if let Err(trouble) = self.sweep().await {
                tracing::warn!("files of deleted builds may be left: {trouble}");
            }
            loop {
                due.notified().await;
                if let Err(trouble) = self.pass("").await {
                    tracing::warn!("old history was not deleted: {trouble}");
                }
            }
        };
        tokio::select! {
            () = ending.cancelled() => {}
            () = work => {}
        }
    }

    /// What would go now.
    ///
    /// # Errors
    /// [`Trouble`].
    pub(crate) async fn look(&self) -> Result<Seen, Trouble> {
        let now = self.parts.engine.now();
        let asked = self.parts.engine.ask(|master| {
            let (state, config) = (master.state(), master.config());
            let retained = state.retained();
            (
                config.retention.clone(),
                config.digest.clone(),
                Needs::of(state),
                (retained.rules.clone(), next_pass(state, config), retained.last),
            )
        });
        let (retention, under, needs, (rules, next, last)) = asked.await?;
        let queries = self.parts.queries.clone();
        let work = move || {
            let limits = Limits::new(&retention);
            let history = queries.history(&limits)?;
            let mut chosen = choose(&limits, &needs, &history, now);
            let digests = queries.weigh(&mut chosen)?;
            Ok::<_, StoreError>((chosen, digests))
        };
        let (chosen, digests) = blocking(work).await?;
        Ok(Seen { chosen, rules, next, last, under, digests })
    }

    /// Lets go what is to go. Answers what was chosen first; `by` is who asked for it, if somebody did.
    ///
    /// # Errors
    /// [`Trouble`]; what has gone until then is gone.
    pub(crate) async fn pass(&self, by: &str) -> Result<Seen, Trouble> {
        let _turn = self.turn.lock().await;
        let done = self.rounds(by.is_empty()).await;
        let (by, failed) = (by.to_owned(), done.is_err());
        self.parts.engine.settle(Input::HistoryRead { by, failed }).await?;
        let mut seen = done?;
        let asked = self.parts.engine.ask(|master| {
            (next_pass(master.state(), master.config()), master.state().retained().last)
        });
        (seen.next, seen.last) = asked.await?;
        Ok(seen)
    }

    async fn rounds(&self, quietly: bool) -> Result<Seen, Trouble> {
        let mut first = None;
        for _ in 0..ROUNDS {
            let seen = self.look().await?;
            let again = !seen.chosen.builds.is_empty();
            self.delete(&seen, seen.chosen.first(), quietly).await?;
            self.remove_artifacts(&seen.digests).await?;
            if !again {
                self.delete(&seen, seen.chosen.then(), quietly).await?;
                return Ok(first.unwrap_or(seen));
            }
            // What those builds named may go only when they are really gone: history is read again.
            first.get_or_insert(seen);
        }
        Err(Trouble::Changing)
    }

    async fn delete(
        &self,
        seen: &Seen,
        bites: Vec<Deletion>,
        quietly: bool,
    ) -> Result<(), Trouble> {
        for bite in bites {
            let logs = bite.builds.iter().chain(&bite.logs).map(|gone| gone.id).collect();
            let under = seen.under.clone();
            let input = Input::HistoryChosen { under, bite: Box::new(bite) };
            self.parts.engine.settle(input).await?;
            self.remove_logs(logs).await?;
            if quietly {
                tokio::time::sleep(PAUSE).await;
            }
        }
        Ok(())
    }

    /// Removes the logs of those builds whose deletion is durable.
    async fn remove_logs(&self, builds: Vec<BuildId>) -> Result<(), Trouble> {
        let queries = self.parts.queries.clone();
        for build in blocking(move || queries.without_logs(&builds)).await? {
            if let Err(error) = self.parts.logs.remove(build).await {
                // The next start tries again.
                tracing::warn!("the logs of a deleted build are left: {error}");
            }
        }
        Ok(())
    }

    /// Removes the artifacts that no build names any more.
    async fn remove_artifacts(&self, digests: &BTreeSet<String>) -> Result<(), Trouble> {
        for sha256 in digests.clone() {
            let (queries, artifacts) = (self.parts.queries.clone(), self.parts.artifacts.clone());
            let work = move || {
                if !queries.is_named(&sha256)?
                    && let Err(error) = artifacts.remove(&sha256)
                {
                    tracing::warn!("an artifact of a deleted build is left: {error}");
                }
                Ok::<_, StoreError>(())
            };
            blocking(work).await?;
        }
        Ok(())
    }

    /// What a crash left between a commit and its files; nothing where nothing was ever to be deleted.
    async fn sweep(&self) -> Result<(), Trouble> {
        let asked = self.parts.engine.ask(|master| {
            let retained = master.state().retained();
            !retained.rules.is_empty() || retained.last.is_some()
        });
        if !asked.await? {
            return Ok(());
        }
        let logs = self.parts.logs.clone();
        for folders in
            blocking(move || Ok::<_, StoreError>(logs.folders().collect::<Vec<_>>())).await?
        {
            self.remove_logs(folders).await?;
        }
        let artifacts = self.parts.artifacts.clone();
        let old = blocking(move || Ok::<_, StoreError>(artifacts.old())).await?;
        self.remove_artifacts(&old.into_iter().collect()).await
    }
}

/// Runs something that waits for the disk where that disturbs nobody.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Trouble> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Ok(done?),
        Err(_) => Err(Trouble::Unread("the reader broke off".to_owned())),
    }
}
