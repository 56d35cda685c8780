//! Change sources: each looks at its repository from time to time, listens or is told, and tells the engine what is new.
//!
//! One task a source. It looks at its interval, at once when somebody asks, and less and less often while it fails; it
//! comes back by itself. The cursor it goes by is the engine's durable one, read afresh before every look, and moves in
//! the same commit as the changes it stands for (GP-6): so nothing is lost and nothing comes twice, whoever dies when.
//!
//! [`resolve()`] answers the other question about repositories: which commit a branch or revision is now (SS-3).

mod address;
mod gerrit;
mod git;
mod hg;
mod intake;
mod look;
mod maildir;
mod program;
mod resolve;
#[cfg(test)]
mod resolve_tests;
mod status;
mod svn;
mod task;
#[cfg(test)]
mod task_tests;
mod tool;
mod turn;
pub(crate) mod webhook;

use std::collections::BTreeMap;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use linn_core::config::{Config, GitOnly, Source, SourceKind};
use linn_core::id::SourceName;
use linn_core::input::Asking;
use linn_core::time::Span;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(crate) use address::address_problem;
pub use git::GitError;
pub(crate) use git::without_passwords;
pub use intake::{Ended, Intake};
pub use resolve::{ResolveError, Resolved, resolve};
pub use status::{SourceState, SourceStatus};
pub use tool::ToolError;

use crate::secret::Secrets;
use git::{GitSource, Picks};
use look::Look;
use status::Board;
use task::Task;
use webhook::{Ledger, Watch};

/// How many may wait for a look at one source; more are turned away.
const WAITING_ASKERS: usize = 64;
/// How often is looked whether a webhook has its secret.
const WATCH_INTERVAL: Span = Span::seconds(60);

/// The running sources. Cheap to clone; they end with [`Sources::stop`].
#[derive(Clone, Debug)]
pub struct Sources(Arc<Running>);

#[derive(Debug)]
struct Running {
    doors: RwLock<BTreeMap<SourceName, Door>>,
    tasks: TaskTracker,
    ending: CancellationToken,
}

/// How one source is reached.
#[derive(Debug)]
struct Door {
    asks: mpsc::Sender<Option<Asking>>,
    board: Arc<Board>,
    /// Of a webhook.
    ledger: Arc<Ledger>,
    /// What it was started by.
    source: Source,
    config: Arc<Config>,
    ending: CancellationToken,
    task: JoinHandle<Option<()>>,
}

impl Door {
    /// Whether its task does what another configuration says of its name. Gerrit's looks up codebases by itself.
    fn does(&self, source: &Source, config: &Config) -> bool {
        let looks_up = matches!(source.kind, SourceKind::Gerrit(_));
        self.source == *source && (!looks_up || self.config.codebases == config.codebases)
    }
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
pub fn start<I: Intake>(
    config: &Arc<Config>,
    dir: &Path,
    secrets: &Secrets,
    intake: &I,
) -> Sources {
    let sources = Sources::none();
    let mut doors = BTreeMap::new();
    for source in config.sources.values() {
        doors.insert(source.name.clone(), sources.open(source, config, dir, secrets, intake));
    }
    *sources.lock() = doors;
    sources
}

/// How a source asks its function which refs are looked at.
fn picks<I: Intake>(name: &SourceName, intake: &I) -> Picks {
    let (name, intake) = (name.clone(), intake.clone());
    Picks::new(move |refs| {
        let (name, intake) = (name.clone(), intake.clone());
        async move {
            let picked = intake.picks(&name, refs).await;
            picked.unwrap_or_else(|ended| Err(ended.to_string()))
        }
    })
}

/// A source's task, of whatever kind.
type Life = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What every source is given.
struct Desk<'a, I> {
    source: &'a Source,
    intake: &'a I,
    asked: mpsc::Receiver<Option<Asking>>,
    board: Arc<Board>,
}

impl<I: Intake> Desk<'_, I> {
    /// The task of a source that looks from time to time.
    fn task<L: Look>(self, interval: Span, repository: &str, looks: Result<L, String>) -> Life {
        let task = Task {
            name: self.source.name.clone(),
            interval,
            looks,
            repository: repository.to_owned(),
            intake: self.intake.clone(),
            asked: self.asked,
            board: self.board,
        };
        Box::pin(task.run())
    }
}

impl Sources {
    /// No source at all.
    #[must_use]
    pub fn none() -> Self {
        let (tasks, ending) = (TaskTracker::new(), CancellationToken::new());
        Self(Arc::new(Running { doors: RwLock::default(), tasks, ending }))
    }

    /// Follows another configuration: who is gone ends, who is new begins, who differs begins anew after its old task has
    /// ended, and everybody else goes on undisturbed, with whatever is under way (RC-2).
    pub async fn follow<I: Intake>(
        &self,
        config: &Arc<Config>,
        dir: &Path,
        secrets: &Secrets,
        intake: &I,
    ) {
        let ended: Vec<Door> = {
            let mut doors = self.lock();
            let stays = |name: &SourceName, door: &Door| {
                config.sources.get(name).is_some_and(|source| door.does(source, config))
            };
            let gone = doors.iter().filter(|(name, door)| !stays(name, door));
            let gone: Vec<SourceName> = gone.map(|(name, _)| name.clone()).collect();
            gone.iter().filter_map(|name| doors.remove(name)).collect()
        };
        for door in ended {
            door.ending.cancel();
            // One that broke off has told so by itself.
            drop(door.task.await);
        }
        for source in config.sources.values() {
            if self.0.ending.is_cancelled() {
                return;
            }
            let known = self.doors().contains_key(&source.name);
            if !known {
                let door = self.open(source, config, dir, secrets, intake);
                self.lock().insert(source.name.clone(), door);
            }
        }
    }

    /// Starts a source's task.
    fn open<I: Intake>(
        &self,
        source: &Source,
        config: &Arc<Config>,
        dir: &Path,
        secrets: &Secrets,
        intake: &I,
    ) -> Door {
        let (asks, asked) = mpsc::channel(WAITING_ASKERS);
        let board = Arc::new(Board::default());
        let ledger = Arc::new(Ledger::default());
        let desk = Desk { source, intake, asked, board: board.clone() };
        let life: Life = match &source.kind {
            SourceKind::Git(poller) => {
                let git = GitSource::new(dir, source.clone(), poller.clone());
                let git = git.map(|git| match poller.only {
                    Some(GitOnly::Picked(_)) => git.with_picks(picks(&source.name, intake)),
                    _ => git,
                });
                let git = git.map_err(|error| error.to_string());
                desk.task(poller.interval, &poller.repository, git)
            }
            SourceKind::Hg(poller) => {
                let hg = hg::HgSource::new(dir, source.clone(), poller.clone());
                let hg = hg.map_err(|error| error.to_string());
                desk.task(poller.interval, &poller.repository, hg)
            }
            SourceKind::Svn(poller) => {
                let svn = svn::SvnSource::new(source.clone(), poller.clone());
                let svn = svn.map_err(|error| error.to_string());
                desk.task(poller.interval, &poller.repository, svn)
            }
            SourceKind::Webhook(hook) => {
                let (secrets, ledger) = (secrets.clone(), ledger.clone());
                let watch = Watch { secret: hook.secret.clone(), secrets, ledger };
                desk.task(WATCH_INTERVAL, "", Ok(watch))
            }
            SourceKind::Maildir(maildir) => {
                desk.task(maildir.interval, "", Ok(maildir::Folder::new(source, maildir)))
            }
            SourceKind::Gerrit(server) => {
                let Desk { asked, board, .. } = desk;
                let stream = gerrit::Stream::new(source, server, config, intake, asked, board);
                Box::pin(stream.run())
            }
        };
        let ending = self.0.ending.child_token();
        let task = self.0.tasks.spawn(ending.clone().run_until_cancelled_owned(life));
        let (source, config) = (source.clone(), config.clone());
        Door { asks, board, ledger, source, config, ending, task }
    }

    fn doors(&self) -> RwLockReadGuard<'_, BTreeMap<SourceName, Door>> {
        // Whole entries go in and out, so a panic elsewhere leaves nothing half done.
        self.0.doors.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> RwLockWriteGuard<'_, BTreeMap<SourceName, Door>> {
        self.0.doors.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has a source look now. With an asking, the engine answers its token when the look has ended and its changes are
    /// stored (C40), or with the refusal when the look failed. Nobody answers it when the source ends before, as at a reload: the
    /// token given back is cancelled then.
    ///
    /// # Errors
    /// When it cannot be asked; nobody answers the token then.
    pub fn poll(
        &self,
        source: &SourceName,
        asking: Option<Asking>,
    ) -> Result<CancellationToken, PollError> {
        let doors = self.doors();
        let door = doors.get(source).ok_or_else(|| PollError::Unknown(source.clone()))?;
        door.asks.try_send(asking).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => PollError::Busy(source.clone()),
            mpsc::error::TrySendError::Closed(_) => PollError::Ending(source.clone()),
        })?;
        Ok(door.ending.clone())
    }

    /// A webhook was delivered something: what was wrong with it, if anything. Only of those who proved that they know the
    /// secret, or anybody could write here.
    pub(crate) fn delivered(&self, source: &SourceName, wrong: Option<String>) {
        let look = self.doors().get(source).is_some_and(|door| door.ledger.keep(wrong));
        if look {
            // When it cannot be asked now it looks by itself soon.
            let _ = self.poll(source, None);
        }
    }

    /// What a source does at this moment; `None`: there is none of that name. Its tips and its last error are the
    /// engine's to tell.
    #[must_use]
    pub fn status(&self, source: &SourceName) -> Option<SourceStatus> {
        self.doors().get(source).map(|door| door.board.read())
    }

    /// Ends all sources. A look that is under way is given up; nothing of it is told. A fetch ends with the runtime.
    pub async fn stop(&self) {
        self.0.ending.cancel();
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }
}
