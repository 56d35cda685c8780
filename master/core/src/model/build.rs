//! A build: one try at a request on one worker. Complete in itself: it outlives its buildset in memory.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Keeping, LockShare, Step, StepState};
use crate::change::SourceStamp;
use crate::config::{Builder, StepSpec};
use crate::id::{
    BuildId, BuildRef, BuilderName, BuildsetId, ChangeId, ConfigDigest, RequestId, WorkerName,
};
use crate::properties::Properties;
use crate::results::Results;
use crate::time::Timestamp;

/// One try at a request on one worker.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Build {
    /// Over all builders.
    pub id: BuildId,
    /// Whose.
    pub builder: BuilderName,
    /// Which of that builder's, from 1.
    pub number: u32,
    /// What it is for: the oldest first, which took the others in (MG-3).
    pub requests: Vec<RequestId>,
    /// What the oldest is part of.
    pub buildset: BuildsetId,
    /// Where it runs.
    pub worker: WorkerName,
    /// Its recipe's generation (D9).
    pub config: ConfigDigest,
    /// From 1 for each request (F2).
    pub attempt: u32,
    /// The buildset's.
    pub reason: String,
    /// The buildset's.
    pub scheduler: String,
    /// The buildset's: the pinned revisions.
    pub stamps: Vec<SourceStamp>,
    /// What it holds from its start to its end (LK-3).
    pub locks: Vec<LockShare>,
    /// By PP-1, then by its steps.
    pub properties: Properties,
    /// What the source steps obtained, by codebase (C9).
    pub got_revision: BTreeMap<String, String>,
    /// Who may have broken it (BM-*).
    pub blame: Blame,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub complete_at: Option<Timestamp>,
    /// The worst so far; final once complete (BL-2).
    pub results: Results,
    /// The words at its end (BL-11).
    pub text: String,
    /// Somebody wants it to end.
    pub stop: Option<Stop>,
    /// An ending step was seen: only always-run steps follow (BL-4).
    pub ending: bool,
    /// Since when its worker is gone, while it is waited for (F3).
    pub lost_since: Option<Timestamp>,
    /// It failed and its predecessor did not.
    pub new_failure: bool,
    /// All its steps, planned ones too.
    pub steps: Vec<Step>,
    /// What they do, where functions made some of them; `None`: what its configuration says (F39).
    pub recipe: Option<Vec<StepSpec>>,
    /// What becomes of it after its end.
    #[serde(default, skip_serializing_if = "Keeping::is_plain")]
    pub keeping: Keeping,
}

impl Build {
    /// As people name it.
    #[must_use]
    pub fn reference(&self) -> BuildRef {
        BuildRef { builder: self.builder.clone(), number: self.number }
    }

    /// Whether a step was left out by its build's end: it is shown as skipped, with the words [`NOT_RUN`], though no
    /// record says so (BL-4).
    #[must_use]
    pub fn left_out(&self, step: &Step) -> bool {
        self.complete_at.is_some() && step.state() == StepState::Pending
    }

    /// What its steps do, in order; `builder` is that of the configuration it began with.
    #[must_use]
    pub fn recipe<'a>(&'a self, builder: Option<&'a Builder>) -> &'a [StepSpec] {
        let declared = || builder.map_or(&[] as &[StepSpec], |builder| &builder.factory);
        self.recipe.as_deref().unwrap_or_else(declared)
    }

    /// Follows a recipe that begins like its own so far: steps whose turn has come stay as they are.
    pub fn follow(&mut self, recipe: &[StepSpec]) {
        let begun = self.steps.iter().rposition(|step| step.state() != StepState::Pending);
        let planned = Step::plan(recipe).into_iter().skip(begun.map_or(0, |at| at + 1));
        self.steps.truncate(begun.map_or(0, |at| at + 1));
        self.steps.extend(planned);
        self.recipe = Some(recipe.to_vec());
    }

    /// Whether it does nothing but wait for what it triggered: then its worker has room for another (LK-6 better).
    #[must_use]
    pub fn is_parked(&self) -> bool {
        let present = self.steps.iter().find(|step| step.state() == StepState::Running);
        present.is_some_and(|step| !step.waits_for.is_empty())
    }

    /// The word of cli.md.
    #[must_use]
    pub fn state(&self) -> BuildState {
        if self.complete_at.is_some() {
            BuildState::Finished
        } else if self.stop.is_some() {
            BuildState::Stopping
        } else if self.steps.iter().all(|step| step.started_at.is_none()) {
            BuildState::Starting
        } else {
            BuildState::Running
        }
    }
}

/// The words of a step that its build's end left out (BL-4).
pub const NOT_RUN: &str = "not run: the build ended before it";

/// Where a build is in its life (cli.md).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BuildState {
    /// No step has begun.
    Starting,
    /// A step has.
    Running,
    /// Somebody stopped it and it is not over yet.
    Stopping,
    /// Over.
    Finished,
}

/// Somebody wants a build to end (CA-2). A second one replaces the first.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Stop {
    /// Why, in their words.
    pub reason: String,
    /// Who; empty: the master itself.
    pub by: String,
    /// KILL at once.
    pub kill: bool,
    /// What the build becomes: CANCELLED for people, FAILURE for its own time limit.
    pub results: Results,
    /// When.
    pub at: Timestamp,
}

impl Stop {
    /// It is the build's own time limit, and nobody's wish.
    #[must_use]
    pub const fn is_limit(&self) -> bool {
        self.by.is_empty()
    }
}

/// Whose changes a build is about: one definition for all who show it (BM-4, contract.md C6, C7).
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Blame {
    /// New in this build, oldest first.
    pub changes: Vec<ChangeId>,
    /// Their people, sorted, once each.
    pub blamelist: Vec<String>,
    /// The same since the last good comparable build.
    pub since_good: SinceGood,
}

/// What has come since a comparable build was good (C6).
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct SinceGood {
    /// That build; `None`: never.
    pub build: Option<BuildRef>,
    /// Oldest first.
    pub changes: Vec<ChangeId>,
    /// Their people, sorted, once each.
    pub blamelist: Vec<String>,
}
