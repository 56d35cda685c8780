//! Branch schedulers: the quiet period, and what is built when it ends (TS-1 to TS-12).

use std::collections::BTreeSet;

use super::stamp::stamps;
use super::timer_of;
use crate::buildset::{self, NewBuildset};
use crate::change::Change;
use crate::config::{Scheduler, SchedulerKind};
use crate::ctx::Ctx;
use crate::id::{ChangeId, SchedulerName};
use crate::properties::{Origin, Properties};
use crate::record::Record;
use crate::timers::{important, quiet_deadline, together};

/// A scheduler takes a change: at once without a timer (TS-1), else it is kept until the branch is quiet (TS-2, TS-3).
pub(super) fn take(ctx: &mut Ctx<'_>, scheduler: &Scheduler, id: ChangeId, important: bool) {
    let Some(timer) = timer_of(scheduler) else { return };
    if timer.tree_stable_timer.is_none() {
        build(ctx, scheduler, &[id]);
        return;
    }
    let scheduler = scheduler.name.clone();
    ctx.record(Record::ChangeClassified { scheduler, change: id, important });
}

/// The deadline of a scheduler has come: builds what has been quiet for long enough.
pub(crate) fn fire(ctx: &mut Ctx<'_>, name: &SchedulerName) {
    let config = ctx.config();
    let Some(scheduler) = config.scheduler(name) else { return };
    let Some(timer) = timer_of(scheduler) else { return };
    let now = ctx.now;
    let due = |at: Option<_>| at.is_some_and(|at| at <= now);
    let lines = ctx.state().quiet_of(name);
    let mut sets: Vec<Vec<ChangeId>> = Vec::new();
    if matches!(scheduler.kind, SchedulerKind::AnyBranch(_)) {
        for (_, quiet) in lines {
            if due(quiet_deadline(timer, important(quiet))) {
                sets.push(quiet.changes.keys().copied().collect());
            }
        }
    } else if due(quiet_deadline(timer, together(lines.map(|(_, quiet)| quiet)))) {
        sets.push(ctx.state().waiting_of(name).map(|(id, _)| id).collect());
    }
    for changes in sets {
        let scheduler_name = name.clone();
        build(ctx, scheduler, &changes);
        ctx.record(Record::SchedulerFired { scheduler: scheduler_name, changes, at: now });
    }
}

/// One buildset of these changes, oldest first.
fn build(ctx: &mut Ctx<'_>, scheduler: &Scheduler, ids: &[ChangeId]) {
    let config = ctx.config();
    let state = ctx.state();
    let changes: Vec<&Change> = ids.iter().filter_map(|id| state.change(*id)).collect();
    let stamps = stamps(state, &config, scheduler, &changes);
    let mut properties = Properties::new();
    for (name, value) in &scheduler.properties {
        properties.set(name.clone(), value.clone(), Origin::Scheduler);
    }
    for change in &changes {
        for (name, value) in &change.properties {
            properties.set(name.clone(), value.clone(), Origin::Change);
        }
    }
    properties.set("scheduler", scheduler.name.as_str(), Origin::Scheduler);
    let reason =
        if scheduler.reason.is_empty() { reason(&changes) } else { scheduler.reason.clone() };
    let wanted = scheduler.builders.iter();
    let builders = wanted.filter(|name| config.builders.contains_key(*name)).cloned().collect();
    buildset::open(
        ctx,
        NewBuildset {
            reason,
            scheduler: scheduler.name.to_string(),
            stamps,
            properties,
            rebuild_of: None,
            builders,
            priority: scheduler.priority,
        },
    );
}

fn reason(changes: &[&Change]) -> String {
    let branches: BTreeSet<_> = changes
        .iter()
        .map(|change| change.branch.as_deref().unwrap_or("the default branch"))
        .collect();
    let on = branches.into_iter().collect::<Vec<_>>().join(", ");
    match changes {
        [one] => format!("change {} on {on}", one.id),
        many => format!("{} changes on {on}", many.len()),
    }
}
