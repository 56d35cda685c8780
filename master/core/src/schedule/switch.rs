//! Whether a scheduler acts, and by which clock (CH-12, PN-1): what people switch at run time, and what follows from another
//! configuration.
//!
//! A disabled scheduler drops what comes: changes, slots, buildsets of its upstream. Nothing of that is made up for when it is
//! enabled again. What it had kept before stays, and goes on then.

use super::clock;
use crate::action::Refusal;
use crate::config::{Scheduler, SchedulerKind};
use crate::ctx::Ctx;
use crate::id::SchedulerName;
use crate::input::Asking;
use crate::record::{Record, Subject};
use crate::state::State;

/// Whether a scheduler acts: what people switched holds against what is configured, until they switch it back.
#[must_use]
pub fn is_enabled(state: &State, scheduler: &Scheduler) -> bool {
    let switched = state.standing(&scheduler.name).and_then(|standing| standing.switched);
    switched.unwrap_or(scheduler.enabled)
}

/// Somebody enables or disables a scheduler. Either may be said again.
pub(crate) fn control(ctx: &mut Ctx<'_>, asking: &Asking, name: SchedulerName, enabled: bool) {
    let config = ctx.config();
    let Some(scheduler) = config.scheduler(&name) else {
        let verb = if enabled { "enable" } else { "disable" };
        let known = config.schedulers.iter().map(|scheduler| scheduler.name.as_str());
        return ctx.refuse(asking, verb, &name, Refusal::no_such("scheduler", &name, known));
    };
    if is_enabled(ctx.state(), scheduler) != enabled {
        switch(ctx, scheduler, enabled, asking.who.clone());
        settle(ctx);
    }
    ctx.accept(asking, vec![Subject::Scheduler(name)]);
}

fn switch(ctx: &mut Ctx<'_>, scheduler: &Scheduler, enabled: bool, by: String) {
    ctx.record(Record::SchedulerSwitched {
        scheduler: scheduler.name.clone(),
        enabled,
        against_config: enabled != scheduler.enabled,
        by,
        at: ctx.now,
    });
}

/// Follows up on another configuration or another switch: every scheduler goes by the clock that it now has.
pub(crate) fn settle(ctx: &mut Ctx<'_>) {
    let config = ctx.config();
    for scheduler in &config.schedulers {
        let standing = ctx.state().standing(&scheduler.name);
        // Once the configuration says the same, it has the say again.
        if standing.and_then(|standing| standing.switched) == Some(scheduler.enabled) {
            switch(ctx, scheduler, scheduler.enabled, String::new());
        }
    }
    let mut times = Vec::new();
    for scheduler in &config.schedulers {
        let (SchedulerKind::Periodic(clock) | SchedulerKind::Nightly(clock)) = &scheduler.kind
        else {
            continue;
        };
        if is_enabled(ctx.state(), scheduler) {
            let watches = clock::watches(scheduler, clock);
            times.push((scheduler.name.clone(), clock.pace.to_string(), watches));
        }
    }
    let gone: Vec<_> = ctx
        .state()
        .standings()
        .filter(|(name, standing)| {
            !standing.schedule.is_empty() && !times.iter().any(|(timed, _, _)| timed == *name)
        })
        .map(|(name, _)| (name.clone(), String::new(), String::new()))
        .collect();
    for (scheduler, schedule, watches) in gone.into_iter().chain(times) {
        let standing = ctx.state().standing(&scheduler);
        let same =
            standing.is_some_and(|known| known.schedule == schedule && known.watches == watches);
        if !same {
            let at = ctx.now;
            ctx.record(Record::SchedulerTimed { scheduler, schedule, watches, at });
        }
    }
}
