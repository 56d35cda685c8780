//! A step of a build and its logs.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{CommandSpec, LockShare, Test};
use crate::config::StepSpec;
use crate::id::{BuildsetId, CommandId, LogId, StepNumber};
use crate::results::Results;
use crate::time::Timestamp;

/// A step, planned, running or over.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Step {
    /// From 1.
    pub number: StepNumber,
    /// Unique in its build (BL-9).
    pub name: String,
    /// Since when it waits for its locks, or how long before it began it did.
    pub waiting_since: Option<Timestamp>,
    /// What it holds while it runs, or waits for.
    pub locks: Vec<LockShare>,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub complete_at: Option<Timestamp>,
    /// How.
    pub results: Option<Results>,
    /// In words.
    pub text: String,
    /// The one on the worker; `None`: none yet, or a step of the master's own.
    pub command: Option<CommandId>,
    /// The same, rendered whole, kept until the step is over so that it can be sent again.
    pub spec: Option<CommandSpec>,
    /// As shown to people.
    pub shown: String,
    /// Where and with what it runs: the lines under its command (PR-4). They outlive the command itself.
    pub heading: String,
    /// In the order made.
    pub logs: Vec<Log>,
    /// In the order made.
    pub urls: Vec<Url>,
    /// Counts and measures, by name (C10).
    pub statistics: BTreeMap<String, f64>,
    /// Tests that failed, as far as there is room (F20).
    #[serde(default)]
    pub tests: Vec<Test>,
    /// Not shown, but counts (BL-10).
    pub hidden: bool,
    /// The buildsets it triggered and waits for (TR-3).
    pub waits_for: Vec<BuildsetId>,
}

// A statistic is never NaN: the core takes finite numbers only, so equality is total.
impl Eq for Step {}

impl Step {
    /// One that has not begun.
    #[must_use]
    pub fn planned(number: StepNumber, name: impl Into<String>) -> Self {
        Self {
            number,
            name: name.into(),
            waiting_since: None,
            locks: Vec::new(),
            started_at: None,
            complete_at: None,
            results: None,
            text: String::new(),
            command: None,
            spec: None,
            shown: String::new(),
            heading: String::new(),
            logs: Vec::new(),
            urls: Vec::new(),
            statistics: BTreeMap::new(),
            tests: Vec::new(),
            hidden: false,
            waits_for: Vec::new(),
        }
    }

    /// All the steps of a recipe, not begun; doubled names get `_1`, `_2` (BL-9).
    #[must_use]
    pub fn plan(recipe: &[StepSpec]) -> Vec<Self> {
        let mut taken: BTreeSet<String> = BTreeSet::new();
        let mut steps = Vec::with_capacity(recipe.len());
        for (spec, number) in recipe.iter().zip(1..) {
            let mut name = spec.name.clone();
            let mut suffix = 0_u32;
            while !taken.insert(name.clone()) {
                suffix += 1;
                name = format!("{}_{suffix}", spec.name);
            }
            steps.push(Self::planned(StepNumber(number), name));
        }
        steps
    }

    /// Where it is in its life.
    #[must_use]
    pub const fn state(&self) -> StepState {
        match (self.waiting_since, self.started_at, self.complete_at) {
            (.., Some(_)) => StepState::Finished,
            (_, Some(_), None) => StepState::Running,
            (Some(_), None, None) => StepState::Waiting,
            (None, None, None) => StepState::Pending,
        }
    }

    /// Over, as a step is whose worker was not heard: what it wrote may still be missing here, and come with a late worker.
    #[must_use]
    pub const fn was_given_up(&self) -> bool {
        matches!(self.results, Some(Results::Retry | Results::Cancelled))
    }
}

impl StepState {
    /// Its turn has come and it is not over.
    #[must_use]
    pub const fn is_present(self) -> bool {
        matches!(self, Self::Waiting | Self::Running)
    }
}

/// Where a step is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StepState {
    /// Planned.
    Pending,
    /// Its turn has come, and its locks are not free.
    Waiting,
    /// Under way.
    Running,
    /// Over, skipped ones too.
    Finished,
}

/// A log of a step. Its bytes are in files (architecture.md 5).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Log {
    /// Names the file.
    pub id: LogId,
    /// `stdio` first.
    pub name: String,
    /// Final once complete.
    pub bytes: u64,
    /// Final once complete; an unended last line counts.
    pub lines: u64,
    /// Nothing more comes.
    pub complete: bool,
    /// Bytes that the size limit cut off (LG-8).
    pub dropped: u64,
}

/// A link a step gave.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Url {
    /// For people.
    pub name: String,
    /// Where to.
    pub url: String,
}
