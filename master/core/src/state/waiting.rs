//! Changes that schedulers with a timer keep for their next firing, grouped by line of development (TS-3, TS-5).

use std::collections::{BTreeMap, BTreeSet};

use crate::change::Change;
use crate::id::{ChangeId, CodebaseName, SchedulerName};
use crate::time::Timestamp;

/// A line of development: changes on one line follow each other (CH-7, TS-5).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Line {
    /// Which codebase.
    pub codebase: CodebaseName,
    /// May be empty.
    pub project: String,
    /// Where it lives.
    pub repository: String,
    /// `None`: the default branch.
    pub branch: Option<String>,
}

impl Line {
    /// The line a change is on.
    #[must_use]
    pub fn of(change: &Change) -> Self {
        Self {
            codebase: change.codebase.clone(),
            project: change.project.clone(),
            repository: change.repository.clone(),
            branch: change.branch.clone(),
        }
    }
}

/// What a scheduler keeps of one line.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Quiet {
    /// By id, and whether each is important.
    pub changes: BTreeMap<ChangeId, bool>,
    /// When the first important one came in.
    pub first_important: Option<Timestamp>,
    /// When the last important one did.
    pub last_important: Option<Timestamp>,
}

/// By scheduler, then by line.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Waiting {
    by_scheduler: BTreeMap<SchedulerName, BTreeMap<Line, Quiet>>,
}

impl Waiting {
    pub(super) fn insert(&mut self, scheduler: &SchedulerName, change: &Change, important: bool) {
        let lines = self.by_scheduler.entry(scheduler.clone()).or_default();
        let quiet = lines.entry(Line::of(change)).or_default();
        quiet.changes.insert(change.id, important);
        if important {
            let at = change.received_at;
            quiet.first_important = Some(quiet.first_important.map_or(at, |first| first.min(at)));
            quiet.last_important = Some(quiet.last_important.map_or(at, |last| last.max(at)));
        }
    }

    /// Forgets changes that a firing used up. `change` looks one up, for the times of those that stay.
    pub(super) fn remove<'a>(
        &mut self,
        scheduler: &SchedulerName,
        used: &BTreeSet<ChangeId>,
        change: impl Fn(ChangeId) -> Option<&'a Change>,
    ) {
        let Some(lines) = self.by_scheduler.get_mut(scheduler) else { return };
        lines.retain(|_, quiet| {
            let before = quiet.changes.len();
            quiet.changes.retain(|id, _| !used.contains(id));
            if quiet.changes.len() != before {
                let times = quiet.changes.iter().filter(|(_, important)| **important);
                let times = times.filter_map(|(id, _)| change(*id)).map(|it| it.received_at);
                quiet.first_important = times.clone().min();
                quiet.last_important = times.max();
            }
            !quiet.changes.is_empty()
        });
        if lines.is_empty() {
            self.by_scheduler.remove(scheduler);
        }
    }

    pub(super) fn of(
        &self,
        scheduler: &SchedulerName,
    ) -> impl Iterator<Item = (ChangeId, bool)> + use<> {
        let lines = self.by_scheduler.get(scheduler);
        let all: BTreeMap<_, _> =
            lines.into_iter().flatten().flat_map(|(_, quiet)| quiet.changes.clone()).collect();
        all.into_iter()
    }

    pub(super) fn quiet(&self, scheduler: &SchedulerName) -> impl Iterator<Item = (&Line, &Quiet)> {
        self.by_scheduler.get(scheduler).into_iter().flatten()
    }

    pub(super) fn schedulers(&self) -> impl Iterator<Item = &SchedulerName> {
        self.by_scheduler.keys()
    }
}
