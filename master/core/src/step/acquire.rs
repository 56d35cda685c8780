//! A step takes its locks, all at once, or waits for them in line while it holds none (LK-3); one that would wait for ever
//! ends instead, and says for whom (LK-6).

use std::collections::BTreeSet;

use super::{Ended, Position, end, go, step_name};
use crate::config::{Locks, StepSpec};
use crate::ctx::Ctx;
use crate::id::{BuildId, RequestId, StepNumber};
use crate::lock::{self, Stuck, Waiter, Wanting};
use crate::model::{Build, LockShare, StepState};
use crate::policy::lock_list;
use crate::record::Record;
use crate::render::{RenderError, Renderer};
use crate::results::Results;
use crate::trigger;

/// What a step is to hold while it runs.
pub(super) fn locks(
    renderer: &Renderer<'_>,
    build: &Build,
    spec: &StepSpec,
) -> Result<Vec<LockShare>, RenderError> {
    let accesses = match &spec.locks {
        Locks::These(locks) => locks.clone(),
        Locks::Hook(hook) => {
            let value = renderer.call(hook, build.results)?;
            lock_list(value).map_err(|error| RenderError {
                what: format!("the function {} failed: {error}", hook.label),
                hook: Some((hook.clone(), error)),
            })?
        }
    };
    let shares =
        lock::shares(renderer.config, &accesses, &build.worker).map_err(RenderError::new)?;
    let both = shares.iter().find(|share| build.locks.iter().any(|held| held.key == share.key));
    match both {
        Some(share) => Err(RenderError::new(format!(
            "the lock {} is held by its build already, and would be waited for for ever",
            share.key
        ))),
        None => Ok(shares),
    }
}

/// Takes the locks and goes on, or waits for them.
pub(super) fn acquire(ctx: &mut Ctx<'_>, position: &Position, shares: Vec<LockShare>) {
    let wanting = Wanting::step(ctx.state(), position.build, position.number);
    if shares.is_empty() || lock::are_free(ctx.state(), ctx.live, &wanting, &shares) {
        return go(ctx, position, shares);
    }
    let Some(build) = ctx.state().build(position.build) else { return };
    let (id, reference) = (build.id, build.reference());
    let name = step_name(build, position.number);
    let (step, at) = (position.number, ctx.now);
    ctx.record(Record::StepWaiting { id, build: reference, step, name, at, locks: shares.clone() });
    let stuck = Stuck::without(ctx.state(), ctx.live, wanting.family());
    if !stuck.leaves(ctx.state(), ctx.live, &wanting, &shares) {
        give_up(ctx, position, &wanting, &shares);
    }
}

/// There may be more of a lock: a step that waits for it goes on, if its turn has come.
pub(crate) fn wake(ctx: &mut Ctx<'_>, position: &Position) {
    let Some(build) = ctx.state().build(position.build) else { return };
    let step = build.steps.iter().find(|step| step.number == position.number);
    let Some(step) = step.filter(|step| step.state() == StepState::Waiting) else { return };
    let shares = step.locks.clone();
    let wanting = Wanting::step(ctx.state(), position.build, position.number);
    if lock::are_free(ctx.state(), ctx.live, &wanting, &shares) {
        go(ctx, position, shares);
    }
}

/// Who ends, so that a request does not wait for ever.
pub(crate) enum Breaker {
    /// A step that waits for a lock.
    Waiting(BuildId, StepNumber),
    /// The steps that wait for the request itself.
    Parents(BTreeSet<BuildId>),
}

/// A request whose build is waited for cannot start now. Where that would never change, because those who have what it needs wait
/// for its parents, or are its parents, somebody ends: of those who wait for a lock the last to come, if that helps; else its
/// parents wait no more.
pub(crate) fn break_ring(ctx: &Ctx<'_>, request: RequestId) -> Option<Breaker> {
    let (state, live) = (ctx.state(), &*ctx.live);
    let wanting = Wanting::request(state, request);
    if wanting.family().is_empty() {
        return None;
    }
    let can_start = |stuck: &Stuck| {
        let locks = live.lines.wants(Waiter::Request(request));
        stuck.leaves_room(state, live, request)
            && locks.is_none_or(|wants| {
                wants.iter().any(|shares| stuck.leaves(state, live, &wanting, shares))
            })
    };
    let stuck = Stuck::without(state, live, wanting.family());
    if can_start(&stuck) {
        return None;
    }
    let waiting: Vec<_> = state.waiting_steps().collect();
    let mut waiting = waiting.into_iter().rev();
    let helps = waiting.find(|(build, step)| {
        stuck.has(Waiter::Step(*build, *step))
            && can_start(&Stuck::but(state, live, wanting.family(), Some(*build)))
    });
    if let Some((build, step)) = helps {
        return Some(Breaker::Waiting(build, step));
    }
    let buildset = state.request(request).and_then(|it| state.buildset(it.buildset));
    let parents = buildset?.parent.iter().flat_map(|parent| &parent.requests);
    let builds = parents.filter_map(|parent| trigger::waiting_build(state, *parent));
    Some(Breaker::Parents(builds.map(|build| build.id).collect()))
}

/// Ends a step that waits for a request that never starts.
pub(crate) fn end_the_trigger(ctx: &mut Ctx<'_>, position: &Position, why: String) {
    end(ctx, position, Ended::plain(Results::Exception, why));
}

/// Ends a step that waits for ever.
pub(super) fn give_up(
    ctx: &mut Ctx<'_>,
    position: &Position,
    wanting: &Wanting,
    shares: &[LockShare],
) {
    let text = lock::ring::for_locks(ctx.state(), ctx.live, wanting, shares);
    end(ctx, position, Ended::plain(Results::Exception, text));
}

/// The same, for one that waits already.
pub(crate) fn end_the_wait(ctx: &mut Ctx<'_>, position: &Position) {
    let Some(build) = ctx.state().build(position.build) else { return };
    let step = build.steps.iter().find(|step| step.number == position.number);
    let Some(shares) = step.map(|step| step.locks.clone()) else { return };
    let wanting = Wanting::step(ctx.state(), position.build, position.number);
    give_up(ctx, position, &wanting, &shares);
}
