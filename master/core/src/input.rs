//! What happened at an edge. Validated, plain data; the time comes beside it.
//!
//! Inputs can be written down and read again ([`crate::testing::Recording`]): what is left out of a hand-written one is
//! empty. A configuration is no plain data, so [`Input::Reconfigured`] cannot.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::change::{Commit, NewChange, SourceStamp};
use crate::config::Config;
use crate::id::{
    BuildRef, BuilderName, BuildsetId, CodebaseName, CommandId, ConfigDigest, RequestId,
    SchedulerName, SessionId, SourceName, Token, WorkerName,
};
use crate::model::{Deletion, Finished, Url, WorkerInfo};
use crate::properties::Properties;
use crate::time::{Span, Timestamp};

/// Who asks and how to answer: the edge's token, and the id that makes a repeated asking harmless.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Asking {
    /// Answered by exactly one [`crate::action::Action::Reply`].
    pub token: Token,
    /// The same id again within a day gets the same answer and does nothing twice; empty: none.
    #[serde(default)]
    pub request_id: String,
    /// Who, for people and for the audit: a user's name.
    #[serde(default)]
    pub who: String,
}

/// What a build was asked for with: its steps may have changed its own properties since, and its request is over.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct AskedFor {
    /// Of its buildset.
    pub properties: Properties,
    /// Of its request.
    pub priority: i32,
}

/// What a repository says that a stamp is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Resolution {
    /// Of the branch that the stamp named, or the repository's own; `None`: it has no name.
    pub branch: Option<String>,
    /// Its tip.
    pub revision: String,
}

/// What happened.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Input {
    /// A hook or a person submits changes, oldest first.
    ChangesSubmitted {
        /// Who asks.
        asking: Asking,
        /// What.
        changes: Vec<NewChange>,
        /// What the edge learnt of the graph behind them.
        #[serde(default)]
        commits: Vec<(String, Vec<Commit>)>,
    },
    /// A source has looked: its changes and its cursor become durable together (GP-6).
    SourcePolled {
        /// Which.
        source: SourceName,
        /// For somebody who asked for the poll.
        asking: Option<Asking>,
        /// New ones, oldest first.
        #[serde(default)]
        changes: Vec<NewChange>,
        /// Branch → tip, as now known; replaces what was.
        #[serde(default)]
        tips: BTreeMap<String, String>,
        /// The repository looked at, and what was learnt of its graph.
        #[serde(default)]
        commits: (String, Vec<Commit>),
    },
    /// A source could not look.
    SourceFailed {
        /// Which.
        source: SourceName,
        /// For somebody who asked for the poll.
        asking: Option<Asking>,
        /// A sentence.
        error: String,
    },
    /// Somebody forces builds. Stamps that could be resolved are pinned already (SS-3).
    ForceRequested {
        /// Who asks.
        asking: Asking,
        /// Which builders.
        builders: Vec<BuilderName>,
        /// `None`: the first force scheduler that has them all (C21).
        scheduler: Option<SchedulerName>,
        /// Those given; a codebase left out gets its defaults.
        #[serde(default)]
        stamps: Vec<SourceStamp>,
        /// Learnt while resolving, by repository.
        #[serde(default)]
        commits: Vec<(String, Vec<Commit>)>,
        /// As typed (C20, C44).
        #[serde(default)]
        properties: BTreeMap<String, String>,
        /// May be empty.
        #[serde(default)]
        reason: String,
        /// `None`: the scheduler's.
        priority: Option<i32>,
        /// Of the buildset (BS-7); may be empty.
        #[serde(default)]
        external_id: String,
    },
    /// Somebody tries a patch (TY-1). The base revision is pinned already.
    TryRequested {
        /// Who asks, which is the patch's author.
        asking: Asking,
        /// Which builders; empty: all of the scheduler's (TY-2).
        #[serde(default)]
        builders: Vec<BuilderName>,
        /// `None`: the first try scheduler that has them all.
        #[serde(default)]
        scheduler: Option<SchedulerName>,
        /// With the patch; a codebase left out gets its defaults.
        stamps: Vec<SourceStamp>,
        /// Learnt while resolving, by repository.
        #[serde(default)]
        commits: Vec<(String, Vec<Commit>)>,
        /// As typed.
        #[serde(default)]
        properties: BTreeMap<String, String>,
        /// May be empty.
        #[serde(default)]
        comment: String,
        /// Of the buildset (BS-7); empty: the asking's own id, by which its client can wait (TY-3).
        #[serde(default)]
        external_id: String,
    },
    /// Somebody wants a build again (CA-5).
    RebuildRequested {
        /// Who asks.
        asking: Asking,
        /// The build as it was, from memory or from the store; `None`: there is no such build.
        build: Option<Box<crate::model::Build>>,
        /// What it was asked for with; `None`: nobody knows any more.
        #[serde(default)]
        asked_for: Option<AskedFor>,
        /// How it was named.
        named: String,
        /// Stamps to use instead of the build's own: the tips of the same branches, resolved (`--latest`).
        latest: Option<Vec<SourceStamp>>,
        /// Learnt while resolving, by repository.
        #[serde(default)]
        commits: Vec<(String, Vec<Commit>)>,
        /// May be empty.
        #[serde(default)]
        reason: String,
    },
    /// Somebody stops a build (CA-2).
    StopRequested {
        /// Who asks.
        asking: Asking,
        /// Which.
        build: BuildRef,
        /// Never empty.
        reason: String,
        /// KILL at once.
        kill: bool,
    },
    /// Somebody cancels a request (CA-1).
    CancelRequested {
        /// Who asks.
        asking: Asking,
        /// Which.
        request: RequestId,
        /// Never empty.
        reason: String,
    },
    /// Somebody changes a waiting request's priority (CA-6).
    PriorityRequested {
        /// Who asks.
        asking: Asking,
        /// Which.
        request: RequestId,
        /// To what.
        priority: i32,
    },
    /// Somebody pauses, drains or resumes a worker (LW-7, C27).
    WorkerControlled {
        /// Who asks.
        asking: Asking,
        /// Which.
        worker: WorkerName,
        /// What.
        verb: WorkerVerb,
        /// May be empty.
        #[serde(default)]
        reason: String,
    },
    /// Somebody enables or disables a scheduler (CH-12).
    SchedulerControlled {
        /// Who asks.
        asking: Asking,
        /// Which.
        scheduler: SchedulerName,
        /// Whether it acts from now on.
        enabled: bool,
    },
    /// Somebody pins a build, or lets it go.
    PinRequested {
        /// Who asks.
        asking: Asking,
        /// The build as history has it; `None`: there is no such build.
        build: Option<Box<crate::model::Build>>,
        /// How it was named.
        named: String,
        /// Why it is to stay; `None`: it may go.
        reason: Option<String>,
    },
    /// A bite of history was chosen for deletion.
    HistoryChosen {
        /// By the rules of which configuration.
        under: ConfigDigest,
        /// What.
        bite: Box<Deletion>,
    },
    /// All history was gone through, or could not be.
    HistoryRead {
        /// Who asked for it; empty: the rules themselves.
        by: String,
        /// It could not be read, or not to its end.
        failed: bool,
    },
    /// A worker dialled in and said Hello.
    WorkerAttached {
        /// Of this connection.
        session: SessionId,
        /// As it calls itself.
        name: WorkerName,
        /// Of its folder, in hex.
        instance: String,
        /// What it says of itself.
        #[serde(default)]
        info: WorkerInfo,
        /// What it holds: command, and whether that has ended.
        #[serde(default)]
        held: Vec<(CommandId, bool)>,
    },
    /// A session ended.
    WorkerDetached {
        /// Which.
        session: SessionId,
    },
    /// A command began.
    CommandStarted {
        /// Of which session.
        session: SessionId,
        /// Which.
        command: CommandId,
        /// When.
        at: Timestamp,
    },
    /// A command found a property.
    PropertyFound {
        /// Of which session.
        session: SessionId,
        /// Which.
        command: CommandId,
        /// Its name.
        name: String,
        /// Its value.
        value: Value,
    },
    /// A command told a link (F21).
    LinkFound {
        /// Of which session.
        session: SessionId,
        /// Which.
        command: CommandId,
        /// Where to.
        url: Url,
    },
    /// A command told how far it is (F21). Nothing of it is kept.
    ProgressTold {
        /// Of which session.
        session: SessionId,
        /// Which.
        command: CommandId,
        /// From 0 to 1.
        share: f64,
    },
    /// A command ended, and its logs are settled on our disk.
    CommandFinished {
        /// Of which session.
        session: SessionId,
        /// All of it.
        finished: Box<Finished>,
    },
    /// A command on the master's own machine ended, and its logs are settled.
    HereFinished {
        /// All of it.
        finished: Box<Finished>,
    },
    /// Repositories have been asked about the stamps of a buildset (SS-3).
    StampsResolved {
        /// Whose.
        buildset: BuildsetId,
        /// Branch and revision by codebase, or a sentence why nobody knows.
        answers: Vec<(CodebaseName, Result<Resolution, String>)>,
        /// Learnt while resolving, by repository.
        #[serde(default)]
        commits: Vec<(String, Vec<Commit>)>,
    },
    /// Another configuration, evaluated and right, is to be followed from now on (RC-1).
    #[serde(skip)]
    Reconfigured(Arc<Config>),
    /// Another configuration was to be followed and has mistakes: nothing changes, and people are told (RC-6).
    ConfigRefused {
        /// Its file, for people.
        file: String,
        /// The first mistake with its place, and how many more there are.
        why: String,
    },
    /// The disk under the master: `Some(sentence)` when nearly full, `None` when there is room again.
    DiskState(Option<String>),
    /// `Master::next_timeout` has come.
    Timeout,
    /// So much time went by unseen: the machine or this program slept, or its clock was set forward. Nobody could be heard
    /// meanwhile, so it counts against nobody (F07, F20).
    TimeSkipped(Span),
}

/// What can be asked of a worker.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkerVerb {
    /// Take no new build.
    Pause,
    /// Take builds again; ends either hold.
    Resume,
    /// Take no new build, and be shown as draining until idle.
    Drain,
}

impl Input {
    /// Who waits for an answer, if this is a question at all. [`crate::master::Master::handle`] answers each exactly once.
    #[must_use]
    pub const fn asking(&self) -> Option<&Asking> {
        match self {
            Self::ChangesSubmitted { asking, .. }
            | Self::ForceRequested { asking, .. }
            | Self::TryRequested { asking, .. }
            | Self::RebuildRequested { asking, .. }
            | Self::StopRequested { asking, .. }
            | Self::CancelRequested { asking, .. }
            | Self::PriorityRequested { asking, .. }
            | Self::SchedulerControlled { asking, .. }
            | Self::PinRequested { asking, .. }
            | Self::WorkerControlled { asking, .. } => Some(asking),
            Self::SourcePolled { asking, .. } | Self::SourceFailed { asking, .. } => {
                asking.as_ref()
            }
            Self::WorkerAttached { .. }
            | Self::WorkerDetached { .. }
            | Self::HistoryChosen { .. }
            | Self::HistoryRead { .. }
            | Self::CommandStarted { .. }
            | Self::PropertyFound { .. }
            | Self::LinkFound { .. }
            | Self::ProgressTold { .. }
            | Self::CommandFinished { .. }
            | Self::HereFinished { .. }
            | Self::StampsResolved { .. }
            | Self::Reconfigured(_)
            | Self::ConfigRefused { .. }
            | Self::DiskState(_)
            | Self::Timeout
            | Self::TimeSkipped(_) => None,
        }
    }
}
