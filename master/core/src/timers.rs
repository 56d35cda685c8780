//! Deadlines, derived from the state and never stored: whoever restarts works them out again, to the millisecond.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::{BranchTimer, Clock, Config, Pace, Scheduler, SchedulerKind};
use crate::id::{BuildId, BuilderName, SchedulerName, WorkerName};
use crate::model::Build;
use crate::schedule;
use crate::state::{Quiet, Standing, State};
use crate::time::{Span, Timestamp};

/// What a deadline is for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Timer {
    /// A lost worker is waited for no longer, or a build took too long.
    Build(BuildId),
    /// A worker has rested for long enough (LW-5).
    Worker(WorkerName),
    /// A branch has been quiet, or has been waited for long enough; or a slot of the clock has come.
    Scheduler(SchedulerName),
    /// History is gone through, and what is old goes.
    Retention,
    /// A builder has more requests to be tried than one pass tries: the next pass follows at once (RQ-4).
    Queue(BuilderName),
}

/// At most one deadline for each thing, in order.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    due: BTreeSet<(Timestamp, Timer)>,
    of: BTreeMap<Timer, Timestamp>,
}

impl Timers {
    /// Sets, moves or removes a deadline.
    pub(crate) fn set(&mut self, timer: Timer, at: Option<Timestamp>) {
        if let Some(old) = self.of.remove(&timer) {
            self.due.remove(&(old, timer.clone()));
        }
        if let Some(at) = at {
            self.of.insert(timer.clone(), at);
            self.due.insert((at, timer));
        }
    }

    /// The earliest deadline.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Takes out the earliest deadline that has come.
    pub(crate) fn pop(&mut self, now: Timestamp) -> Option<Timer> {
        if self.next()? > now {
            return None;
        }
        let (_, timer) = self.due.pop_first()?;
        self.of.remove(&timer);
        Some(timer)
    }
}

/// When a build whose worker is gone is given up (F3).
pub(crate) fn lost_deadline(build: &Build, recipe: &Config) -> Option<Timestamp> {
    let policy = &recipe.builders.get(&build.builder)?.policy;
    Some(build.lost_since? + policy.lost_after?)
}

/// When a build has taken too long (F1). A build that is being stopped has no such limit any more, and one whose worker
/// is away has none yet: it may have ended in time without our knowing. Time that nobody saw comes on top.
pub(crate) fn max_time_deadline(build: &Build, recipe: &Config, unseen: Span) -> Option<Timestamp> {
    if build.stop.is_some() || build.lost_since.is_some() {
        return None;
    }
    let policy = &recipe.builders.get(&build.builder)?.policy;
    policy.max_time.map(|limit| build.started_at + limit + unseen)
}

/// The earliest deadline of a build.
pub(crate) fn build_deadline(build: &Build, recipe: &Config, unseen: Span) -> Option<Timestamp> {
    if build.complete_at.is_some() {
        return None;
    }
    let both = [lost_deadline(build, recipe), max_time_deadline(build, recipe, unseen)];
    both.into_iter().flatten().min()
}

/// When a scheduler fires next: because changes wait for it, or because of the clock.
#[must_use]
pub fn next_fire(state: &State, scheduler: &Scheduler) -> Option<Timestamp> {
    if !schedule::is_enabled(state, scheduler) {
        return None;
    }
    let lines = || state.quiet_of(&scheduler.name).map(|(_, quiet)| quiet);
    match &scheduler.kind {
        SchedulerKind::AnyBranch(timer) => {
            lines().filter_map(|quiet| quiet_deadline(timer, important(quiet))).min()
        }
        SchedulerKind::SingleBranch(timer) => quiet_deadline(timer, together(lines())),
        SchedulerKind::Periodic(clock) | SchedulerKind::Nightly(clock) => {
            next_slot(clock, state.standing(&scheduler.name)?)
        }
        SchedulerKind::Dependent(_)
        | SchedulerKind::Triggerable
        | SchedulerKind::Try
        | SchedulerKind::Force(_) => None,
    }
}

/// When the next slot of a scheduler is (PN-1). A periodic one begins at once; a time of day that was missed is made up for
/// once, however many there were.
pub(crate) fn next_slot(clock: &Clock, standing: &Standing) -> Option<Timestamp> {
    if standing.schedule.is_empty() {
        return None;
    }
    match clock.pace {
        Pace::Every(span) => Some(standing.last.map_or(standing.since, |last| last + span)),
        Pace::At { .. } => clock.pace.next_after(dealt_with(standing)),
    }
}

/// Up to when a scheduler has dealt with its times of day.
pub(crate) fn dealt_with(standing: &Standing) -> Timestamp {
    standing.last.map_or(standing.since, |last| last.max(standing.since))
}

/// When the first and the last important change of some lines came in.
pub(crate) type Important = (Option<Timestamp>, Option<Timestamp>);

/// Of one line.
pub(crate) const fn important(quiet: &Quiet) -> Important {
    (quiet.first_important, quiet.last_important)
}

/// All lines of a scheduler taken as one (TS-5, single branch).
pub(crate) fn together<'a>(lines: impl Iterator<Item = &'a Quiet>) -> Important {
    lines.map(important).fold((None, None), |all, line| (earlier(all.0, line.0), all.1.max(line.1)))
}

fn earlier(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// The last important change plus the quiet time, but no later than the first plus the longest wait (TS-6, TS-7).
pub(crate) fn quiet_deadline(timer: &BranchTimer, (first, last): Important) -> Option<Timestamp> {
    let calm = last? + timer.tree_stable_timer.unwrap_or(Span::ZERO);
    let patience = timer.max_wait.and_then(|wait| Some(first? + wait));
    Some(patience.map_or(calm, |patience| calm.min(patience)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_deadline_each_in_order() {
        let mut timers = Timers::default();
        let build = |id| Timer::Build(BuildId(id));
        timers.set(build(1), Some(Timestamp(50)));
        timers.set(build(2), Some(Timestamp(20)));
        timers.set(build(1), Some(Timestamp(10)));
        assert_eq!(timers.next(), Some(Timestamp(10)));
        assert_eq!(timers.pop(Timestamp(9)), None);
        assert_eq!(timers.pop(Timestamp(15)), Some(build(1)));
        assert_eq!(timers.pop(Timestamp(15)), None);
        timers.set(build(2), None);
        assert_eq!(timers.next(), None);
    }

    /// TS-6, TS-7.
    #[test]
    fn quiet_ends_by_calm_or_by_patience() {
        let timer = BranchTimer {
            filter: crate::config::ChangeFilter::default(),
            tree_stable_timer: Some(Span::seconds(10)),
            max_wait: Some(Span::seconds(25)),
            importance: crate::config::Importance::default(),
            only_important: false,
        };
        let quiet = |first, last| Quiet {
            first_important: Some(Timestamp(first)),
            last_important: Some(Timestamp(last)),
            ..Quiet::default()
        };
        assert_eq!(quiet_deadline(&timer, important(&quiet(0, 5_000))), Some(Timestamp(15_000)));
        assert_eq!(quiet_deadline(&timer, important(&quiet(0, 24_000))), Some(Timestamp(25_000)));
        assert_eq!(quiet_deadline(&timer, (None, None)), None);
    }
}
