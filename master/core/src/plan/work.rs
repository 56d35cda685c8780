//! What runs and waits, counted: all that a plan must know of the state.
//!
//! It is small, so that a plan of a thousand builders is made aside while the engine goes on.

use std::collections::BTreeMap;

use crate::id::{BuilderName, SchedulerName, WorkerName};
use crate::state::State;

/// Unfinished work, by whom it belongs to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Work {
    running_of: BTreeMap<BuilderName, usize>,
    running_on: BTreeMap<WorkerName, usize>,
    requests: BTreeMap<BuilderName, usize>,
    changes: BTreeMap<SchedulerName, usize>,
}

impl Work {
    /// Of a state at this moment.
    #[must_use]
    pub fn of(state: &State) -> Self {
        let mut work = Self::default();
        for build in state.unfinished() {
            *work.running_of.entry(build.builder.clone()).or_default() += 1;
            *work.running_on.entry(build.worker.clone()).or_default() += 1;
        }
        for request in state.waiting_requests() {
            *work.requests.entry(request.builder.clone()).or_default() += 1;
        }
        for scheduler in state.waiting_schedulers() {
            work.changes.insert(scheduler.clone(), state.waiting_of(scheduler).count());
        }
        work
    }

    /// Unfinished builds of a builder.
    pub(super) fn running_of(&self, builder: &BuilderName) -> usize {
        self.running_of.get(builder).copied().unwrap_or_default()
    }

    /// Unfinished builds on a worker.
    pub(super) fn running_on(&self, worker: &WorkerName) -> usize {
        self.running_on.get(worker).copied().unwrap_or_default()
    }

    /// Requests of a builder that wait.
    pub(super) fn requests(&self, builder: &BuilderName) -> usize {
        self.requests.get(builder).copied().unwrap_or_default()
    }

    /// Changes that wait for a scheduler.
    pub(super) fn changes(&self, scheduler: &SchedulerName) -> usize {
        self.changes.get(scheduler).copied().unwrap_or_default()
    }
}
