//! Periodic and nightly schedulers: what is built when a slot comes, and when it is left out (PN-1, PN-7, PN-8).

use super::order::{self, Order};
use super::stamp::{has_unnamed_default, stamp_of, tip_stamp};
use super::{codebases_of, on_branches};
use crate::change::{Change, SourceStamp};
use crate::config::{Clock, Config, Scheduler};
use crate::ctx::Ctx;
use crate::id::ChangeId;
use crate::record::Record;
use crate::state::State;
use crate::timers::{dealt_with, next_slot};

/// Where a scheduler looks for changes, in words; empty: it builds every slot. Other words are another place, of which nothing
/// is known yet.
pub(super) fn watches(scheduler: &Scheduler, clock: &Clock) -> String {
    if !clock.only_if_changed {
        return String::new();
    }
    let mut words = clock.branch.clone().unwrap_or_else(|| "the default branch".to_owned());
    if let Some(codebases) = &scheduler.codebases {
        let names: Vec<_> = codebases.iter().map(ToString::to_string).collect();
        words.push_str(" of ");
        words.push_str(&names.join(", "));
    }
    words
}

/// Why a change is on none of the branches that are watched; `None`: it is on one (PN-7).
pub(super) fn off_branch(
    state: &State,
    config: &Config,
    clock: &Clock,
    change: &Change,
) -> Option<String> {
    let usual = tip_stamp(state, config, &change.codebase, None).branch;
    let branch = change.branch.clone().or_else(|| usual.clone());
    let wanted = clock.branch.clone().or(usual);
    match (wanted, branch) {
        // The default branch has no name there, and this one has (F48).
        (None, Some(branch)) if has_unnamed_default(config, &change.codebase) => {
            Some(format!("`{branch}` is not the default branch"))
        }
        // Nobody knows which branch is the default one: when unsure, build.
        (None, _) => None,
        (Some(wanted), Some(branch)) if wanted == branch => None,
        (Some(wanted), branch) => {
            let branch = branch.unwrap_or_else(|| "the default branch".to_owned());
            Some(format!("`{branch}` is not `{wanted}`"))
        }
    }
}

/// A slot has come: builds it, or leaves it out because nothing has changed. Either way it is dealt with.
pub(super) fn fire(ctx: &mut Ctx<'_>, scheduler: &Scheduler, clock: &Clock) {
    let now = ctx.now;
    let Some(standing) = ctx.state().standing(&scheduler.name) else { return };
    if next_slot(clock, standing).is_none_or(|at| at > now) {
        return;
    }
    let kept: Vec<_> = ctx.state().waiting_of(&scheduler.name).collect();
    let builds = !clock.only_if_changed
        || standing.unsure
        || kept.iter().any(|(_, important)| *important)
        || clock.pace.is_forced(dealt_with(standing), now);
    let changes: Vec<ChangeId> =
        if builds { kept.into_iter().map(|(id, _)| id).collect() } else { Vec::new() };
    if builds {
        build(ctx, scheduler, clock, &changes);
    }
    ctx.record(Record::SchedulerFired { scheduler: scheduler.name.clone(), changes, at: now });
}

fn build(ctx: &mut Ctx<'_>, scheduler: &Scheduler, clock: &Clock, ids: &[ChangeId]) {
    let config = ctx.config();
    let state = ctx.state();
    let changes = ids.iter().filter_map(|id| state.change(*id));
    // A scheduler that was told to watch another branch has changes of the old one at hand.
    let changes: Vec<&Change> =
        changes.filter(|change| off_branch(state, &config, clock, change).is_none()).collect();
    let stamps = codebases_of(&config, scheduler)
        .into_iter()
        .map(|codebase| -> SourceStamp {
            let of: Vec<&Change> =
                changes.iter().copied().filter(|change| change.codebase == codebase).collect();
            if of.is_empty() {
                tip_stamp(state, &config, &codebase, clock.branch.as_deref())
            } else {
                stamp_of(state, codebase, &of)
            }
        })
        .collect();
    let why = if changes.is_empty() {
        clock.pace.to_string()
    } else {
        format!("{}: {}", clock.pace, on_branches(&changes))
    };
    let order = Order::of(scheduler, &changes, stamps, why);
    order::place(ctx, scheduler, order);
}
