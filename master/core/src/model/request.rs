//! A build request: one builder's part of a buildset, and why it waits.

use serde::{Deserialize, Serialize};

use crate::id::{BuildId, BuilderName, BuildsetId, RequestId, SchedulerName, StepNumber};
use crate::results::Results;
use crate::time::Timestamp;

/// One builder's part of a buildset.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct BuildRequest {
    /// Its number. A retry keeps it, and so its age (LW-1).
    pub id: RequestId,
    /// Whose part.
    pub buildset: BuildsetId,
    /// Who is to build it.
    pub builder: BuilderName,
    /// Higher first.
    pub priority: i32,
    /// When it was asked for.
    pub submitted_at: Timestamp,
    /// When its present build began; `None` while it waits.
    pub claimed_at: Option<Timestamp>,
    /// When it ended.
    pub complete_at: Option<Timestamp>,
    /// How.
    pub results: Option<Results>,
    /// Every build made for it, oldest first: the last is the present one (F2).
    pub builds: Vec<(BuildId, u32)>,
    /// The request that its present build is named after, when several became one build (MG-3, MG-8).
    #[serde(default)]
    pub merged_into: Option<RequestId>,
    /// What steps of its builds have triggered.
    #[serde(default)]
    pub children: Vec<Child>,
}

/// A buildset that a step triggered, known by the step's place and the scheduler (LW-3).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Child {
    /// By which step.
    pub step: StepNumber,
    /// Through which scheduler.
    pub scheduler: SchedulerName,
    /// What came of it.
    pub buildset: BuildsetId,
    /// Whether its result counts for the step (TR-3).
    pub important: bool,
    /// How it ended.
    pub results: Option<Results>,
}

/// Why a request does not run now (contract.md C13).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wait {
    /// The typed reason.
    pub kind: WaitKind,
    /// Who or what, for people.
    pub detail: String,
    /// Until when, where that is known.
    pub until: Option<Timestamp>,
}

/// The typed reasons of contract.md C13 that can occur so far.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum WaitKind {
    /// No worker of the builder was ever there, or none is declared.
    NoWorker,
    /// All of its workers are gone.
    WorkerLost,
    /// All that are there are taken.
    WorkerBusy,
    /// Those that are there are paused.
    WorkerPaused,
    /// Those that are there take no new build.
    WorkerDraining,
    /// Requests with a higher priority, or older ones, come first.
    Priority,
    /// The master starts nothing new: its disk is nearly full.
    Limit,
    /// A lock it needs is held, or others wait for it first (LK-2).
    Lock,
    /// It is not known yet what it is to build: a repository is being asked (SS-3).
    Dependency,
    /// A function of the configuration does not let it start (RQ-2).
    Policy,
    /// Its builder is not in the configuration.
    Orphaned,
}

impl WaitKind {
    /// The word of contract.md C13.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::NoWorker => "no_worker",
            Self::WorkerLost => "worker_lost",
            Self::WorkerBusy => "worker_busy",
            Self::WorkerPaused => "worker_paused",
            Self::WorkerDraining => "worker_draining",
            Self::Priority => "priority",
            Self::Limit => "limit",
            Self::Lock => "lock",
            Self::Dependency => "dependency",
            Self::Policy => "policy",
            Self::Orphaned => "orphaned",
        }
    }
}
