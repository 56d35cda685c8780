//! A buildset: one source stamp set, to be built by several builders (BS-*).

use serde::{Deserialize, Serialize};

use crate::change::SourceStamp;
use crate::id::{BuildId, BuildRef, BuildsetId, RequestId, StepNumber, WorkerName};
use crate::properties::Properties;
use crate::results::Results;
use crate::time::Timestamp;

/// What was asked for, once for all its builders.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Buildset {
    /// Its number.
    pub id: BuildsetId,
    /// For people.
    pub reason: String,
    /// Who asked: a scheduler's name, or `rebuild`.
    pub scheduler: String,
    /// When.
    pub submitted_at: Timestamp,
    /// When its last request was.
    pub complete_at: Option<Timestamp>,
    /// `None` until complete; then the worst of its requests (BS-2).
    pub results: Option<Results>,
    /// Whether its first failure was told (BS-3).
    pub first_failure_told: bool,
    /// One for each codebase.
    pub stamps: Vec<SourceStamp>,
    /// Given with the asking.
    pub properties: Properties,
    /// Free text, searchable (BS-7).
    pub external_id: String,
    /// What it builds again (CA-5).
    pub rebuild_of: Option<BuildRef>,
    /// The build whose step triggered it (TR-1).
    pub parent: Option<Parent>,
    /// Its parent's step waits for it (TR-3).
    pub waited_for: bool,
    /// The worker that was chosen for it; `None`: any that the builder has.
    pub worker: Option<WorkerName>,
    /// A repository is being asked which revisions its stamps are: until it has answered, nothing of it starts (SS-3).
    #[serde(default)]
    pub resolving: bool,
    /// One for each builder (BS-1).
    pub requests: Vec<RequestId>,
}

/// The step of a build that triggered a buildset.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Parent {
    /// What the build was for, oldest first: it stays when the build is tried again (LW-3), and what is left of it when one of them
    /// is cancelled (CA-1).
    pub requests: Vec<RequestId>,
    /// Which build.
    pub id: BuildId,
    /// The same, for people.
    pub build: BuildRef,
    /// Which of its steps.
    pub step: StepNumber,
}
