//! Change sources: each looks at its repository from time to time and tells the engine what is new.
//!
//! One task a source. It looks at its interval, at once when somebody asks, and less and less often while it fails; it
//! comes back by itself. The cursor it goes by is the engine's durable one, read afresh before every look, and moves in
//! the same commit as the changes it stands for (GP-6): so nothing is lost and nothing comes twice, whoever dies when.
//!
//! [`resolve()`] answers the other question about repositories: which commit a branch or revision is now (SS-3).

mod git;
mod intake;
mod resolve;
#[cfg(test)]
mod resolve_tests;
mod status;
mod task;
#[cfg(test)]
mod task_tests;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use linn_core::config::{Source, SourceKind};
use linn_core::id::SourceName;
use linn_core::input::Asking;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use git::GitError;
pub use intake::{Ended, Intake};
pub use resolve::{ResolveError, Resolved, resolve};
pub use status::{SourceState, SourceStatus};

use git::GitSource;
use status::Board;
use task::Task;

/// How many may wait for a look at one source; more are turned away.
const WAITING_ASKERS: usize = 64;

/// The running sources. Cheap to clone; they end with [`Sources::stop`].
#[derive(Clone, Debug)]
pub struct Sources(Arc<Running>);

#[derive(Debug)]
struct Running {
    doors: BTreeMap<SourceName, Door>,
    tasks: TaskTracker,
    ending: CancellationToken,
}

/// How one source is reached.
#[derive(Debug)]
struct Door {
    asks: mpsc::Sender<Option<Asking>>,
    board: Arc<Board>,
}

/// Why a source could not be asked to look.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PollError {
    /// There is none of that name.
    #[error("there is no change source `{0}`")]
    Unknown(SourceName),
    /// Too many wait for it already.
    #[error("{WAITING_ASKERS} people wait for a look at `{0}` already")]
    Busy(SourceName),
    /// The sources are ending.
    #[error("the change source `{0}` is ending with its master")]
    Ending(SourceName),
}

/// Starts a task for each source, inside the present tokio runtime. Mirrors of remote repositories live in
/// `dir/mirrors`. The first look is at once.
pub fn start<'a, I: Intake>(
    sources: impl IntoIterator<Item = &'a Source>,
    dir: &Path,
    intake: &I,
) -> Sources {
    let ending = CancellationToken::new();
    let tasks = TaskTracker::new();
    let mut doors = BTreeMap::new();
    for source in sources {
        let (asks, asked) = mpsc::channel(WAITING_ASKERS);
        let board = Arc::new(Board::default());
        let SourceKind::Git(poller) = &source.kind;
        let task = Task {
            name: source.name.clone(),
            interval: poller.interval,
            git: GitSource::new(dir, source.clone(), poller.clone())
                .map_err(|error| error.to_string()),
            repository: poller.repository.clone(),
            intake: intake.clone(),
            asked,
            board: board.clone(),
        };
        tasks.spawn(ending.clone().run_until_cancelled_owned(task.run()));
        doors.insert(source.name.clone(), Door { asks, board });
    }
    tasks.close();
    Sources(Arc::new(Running { doors, tasks, ending }))
}

impl Sources {
    /// No source at all.
    #[must_use]
    pub fn none() -> Self {
        let tasks = TaskTracker::new();
        tasks.close();
        let ending = CancellationToken::new();
        Self(Arc::new(Running { doors: BTreeMap::new(), tasks, ending }))
    }

    /// Has a source look now. With an asking, the engine answers its token when the look has ended and its changes are
    /// stored (C40), or with the refusal when the look failed.
    ///
    /// # Errors
    /// When it cannot be asked; nobody answers the token then.
    pub fn poll(&self, source: &SourceName, asking: Option<Asking>) -> Result<(), PollError> {
        let door = self.0.doors.get(source).ok_or_else(|| PollError::Unknown(source.clone()))?;
        door.asks.try_send(asking).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => PollError::Busy(source.clone()),
            mpsc::error::TrySendError::Closed(_) => PollError::Ending(source.clone()),
        })
    }

    /// What a source does at this moment; `None`: there is none of that name. Its tips and its last error are the
    /// engine's to tell.
    #[must_use]
    pub fn status(&self, source: &SourceName) -> Option<SourceStatus> {
        self.0.doors.get(source).map(|door| door.board.read())
    }

    /// Ends all sources. A look that is under way is given up; nothing of it is told. A fetch ends with the runtime.
    pub async fn stop(&self) {
        self.0.ending.cancel();
        self.0.tasks.wait().await;
    }
}
