//! Which request starts on which worker: one function to a fixed point, after any input (RQ-*, F27).
//!
//! Only what has news is looked at: builders with new requests, and workers that may have become free. Nothing waits for
//! a wake-up, so none can be lost.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::build;
use crate::canceller;
use crate::config::{Builder, LockAccess, Locks};
use crate::ctx::Ctx;
use crate::id::{BuilderName, RequestId, WorkerName};
use crate::live::{Dirty, Generation};
use crate::lock::{self, Waiter, Wanting};
use crate::model::LockShare;
use crate::policy;
use crate::state::ReadyKey;
use crate::trigger;

/// Starts every build that can start now.
pub(crate) fn run(ctx: &mut Ctx<'_>) {
    loop {
        go_on(ctx);
        // While the master is in trouble the news are kept; when the trouble ends, everything counts as news.
        if ctx.live.trouble.is_some() {
            return;
        }
        let mut dirty = std::mem::take(&mut ctx.live.dirty);
        dirty.workers.retain(|worker| is_free(ctx, worker));
        if dirty.is_empty() {
            return;
        }
        pass(ctx, &mut dirty);
        // A build may have ended at once and freed its worker again: that is the next pass's news.
    }
}

/// Ends what is not worth finishing, and lets running builds go on that waited for what they triggered, or for locks: they come before anything new.
fn go_on(ctx: &mut Ctx<'_>) {
    loop {
        for buildset in std::mem::take(&mut ctx.live.dirty.opened) {
            canceller::opened(ctx, buildset);
        }
        for (buildset, builder, results) in std::mem::take(&mut ctx.live.dirty.ended) {
            canceller::ended(ctx, buildset, &builder, results);
        }
        for (parent, buildset, results) in std::mem::take(&mut ctx.live.dirty.children) {
            trigger::child_over(ctx, &parent, buildset, results);
        }
        let mut moved = wake(ctx);
        for worker in ctx.live.dirty.workers.clone() {
            moved |= unpark(ctx, &worker);
        }
        let news = &ctx.live.dirty;
        if !moved && news.children.is_empty() && news.ended.is_empty() && news.opened.is_empty() {
            return;
        }
    }
}

/// Builds of a worker that only waited for what they triggered go on, the oldest first, as far as there is room.
fn unpark(ctx: &mut Ctx<'_>, worker: &WorkerName) -> bool {
    let mut moved = false;
    loop {
        let limit = ctx.live.current.config.workers.get(worker).and_then(|it| it.max_builds);
        let limit = limit.map_or(usize::MAX, |limit| limit as usize);
        if ctx.state().load_of(worker) >= limit {
            return moved;
        }
        let ready = {
            let mut parked = ctx.state().running_on(worker).filter(|build| build.is_parked());
            parked.find(|build| trigger::is_ready(ctx.state(), build)).map(|build| build.id)
        };
        match ready {
            Some(build) => build::unpark(ctx, build),
            None => return moved,
        }
        moved = true;
    }
}

/// Looks at everybody in the line of a lock of which there may be more: steps go on at once, requests are looked at with
/// their builders (LK-5).
fn wake(ctx: &mut Ctx<'_>) -> bool {
    let mut moved = false;
    loop {
        let locks = std::mem::take(&mut ctx.live.dirty.locks);
        if locks.is_empty() {
            return moved;
        }
        moved = true;
        let waiters: BTreeSet<_> = locks
            .iter()
            .flat_map(|key| ctx.live.lines.waiters_for(key))
            .map(|(who, _)| who)
            .collect();
        let order: Vec<_> = ctx
            .live
            .lines
            .waiters()
            .map(|(who, _)| who)
            .filter(|who| waiters.contains(who))
            .collect();
        for who in order {
            match who {
                Waiter::Step(build, step) => build::wake(ctx, build, step),
                Waiter::Request(request) => {
                    let builder =
                        ctx.state().request(request).map(|request| request.builder.clone());
                    ctx.live.dirty.builders.extend(builder);
                }
            }
        }
    }
}

/// The builders that a pass looks at, in the order of service.
enum Candidates {
    /// Few: these, picked beforehand.
    Few(BTreeSet<ReadyKey>),
    /// Many: every waiting builder, met one after the other until nothing is free any more.
    All(Option<ReadyKey>),
}

impl Candidates {
    fn of(ctx: &Ctx<'_>, generation: &Generation, dirty: &Dirty) -> Self {
        let state = ctx.state();
        let freed = || dirty.workers.iter().flat_map(|worker| generation.builders_of(worker));
        if freed().take(MAX_FEW).count() == MAX_FEW {
            return Self::All(None);
        }
        let named = dirty.builders.iter().chain(freed());
        Self::Few(named.filter_map(|name| state.ready_key(name)).cloned().collect())
    }

    fn next(&mut self, ctx: &Ctx<'_>) -> Option<ReadyKey> {
        match self {
            Self::Few(keys) => keys.pop_first(),
            Self::All(cursor) => {
                *cursor = ctx.state().next_ready(cursor.as_ref()).cloned();
                cursor.clone()
            }
        }
    }

    /// A builder got a build: it moved back in the order, and is met again.
    fn served(&mut self, ctx: &Ctx<'_>, builder: &BuilderName) {
        if let Self::Few(keys) = self {
            keys.extend(ctx.state().ready_key(builder).cloned());
        }
    }
}

/// Beyond so many builders it is cheaper to meet them one by one than to pick them beforehand.
const MAX_FEW: usize = 64;

/// Serves builders in their order until nothing is free, or nobody waits.
fn pass(ctx: &mut Ctx<'_>, dirty: &mut Dirty) {
    let generation = Arc::clone(&ctx.live.current);
    let mut candidates = Candidates::of(ctx, &generation, dirty);
    while let Some(key) = candidates.next(ctx) {
        if serve(ctx, &generation, dirty, &key) {
            candidates.served(ctx, &key.builder);
        } else {
            dirty.builders.remove(&key.builder);
        }
        if dirty.is_empty() {
            return;
        }
    }
}

/// The most requests of a builder that are tried in one pass, where a function or a chosen worker keeps those before.
const MAX_TRIED: usize = 50;

/// Starts the builder's next request if a worker is free for it.
fn serve(ctx: &mut Ctx<'_>, generation: &Generation, dirty: &mut Dirty, key: &ReadyKey) -> bool {
    let Some(builder) = generation.config.builders.get(&key.builder) else { return false };
    let in_line = ctx.live.lines.requests_of(&key.builder);
    let free = if dirty.builders.contains(&key.builder) || !in_line.is_empty() {
        free_for(ctx, builder, builder.workers.iter())
    } else {
        let freed = dirty.workers.iter();
        free_for(ctx, builder, freed.filter(|worker| generation.serves(worker, &key.builder)))
    };
    if free.is_empty() {
        // Whoever could not start even with its locks keeps nobody from them.
        for request in in_line {
            ctx.live.leave_line(Waiter::Request(request), &key.builder);
        }
        return false;
    }
    let mut lined_up = false;
    // A request that nobody can serve does not block those behind it (RQ-4).
    for request in policy::order(ctx, builder, MAX_TRIED) {
        match worker_for(ctx, builder, request, &free) {
            Choice::Start(worker, locks) => {
                build::start(ctx, request, &worker, locks);
                if !is_free(ctx, &worker) {
                    dirty.workers.remove(&worker);
                }
                return true;
            }
            // The first one stands in line for all of its builder: who comes behind it wants the same or stands behind it.
            Choice::Wait(wants) if !lined_up => {
                lined_up = true;
                line_up(ctx, builder, request, &wants);
            }
            Choice::Wait(_) | Choice::Nobody => {}
        }
    }
    false
}

/// What becomes of a request for which workers are free.
enum Choice {
    /// It starts there, and takes these locks.
    Start(WorkerName, Vec<LockShare>),
    /// It would, but for its locks: one set for each worker.
    Wait(Vec<Vec<LockShare>>),
    /// None of them takes it.
    Nobody,
}

/// A request takes its place in line (LK-2). A child whose parents hold what somebody wants who holds what it wants itself
/// would wait for ever: that somebody is told (LK-6).
fn line_up(ctx: &mut Ctx<'_>, builder: &Builder, request: RequestId, wants: &[Vec<LockShare>]) {
    let before = ctx.live.lines.requests_of(&builder.name);
    for other in before.into_iter().filter(|other| *other != request) {
        ctx.live.leave_line(Waiter::Request(other), &builder.name);
    }
    ctx.live.lines.enter(Waiter::Request(request), &builder.name, wants.to_vec());
    build::break_ring(ctx, request, wants);
}

/// Who of the free workers takes a request.
fn worker_for(
    ctx: &mut Ctx<'_>,
    builder: &Builder,
    request: RequestId,
    free: &[WorkerName],
) -> Choice {
    let buildset = ctx.state().request(request).map(|request| request.buildset);
    let buildset = buildset.and_then(|id| ctx.state().buildset(id));
    let chosen = buildset.and_then(|buildset| buildset.worker.clone());
    let fits = |worker: &&WorkerName| chosen.as_ref().is_none_or(|chosen| chosen == *worker);
    let mut willing: Vec<WorkerName> = free.iter().filter(fits).cloned().collect();
    if willing.is_empty() {
        return Choice::Nobody;
    }
    willing.retain(|worker| policy::may_start(ctx, builder, worker, request));
    if willing.is_empty() {
        ctx.live.vetoed.insert(request, "can_start_build");
        return Choice::Nobody;
    }
    let wants = locks_for(ctx, builder, request, &willing);
    if wants.is_empty() {
        ctx.live.vetoed.insert(request, "locks");
        return Choice::Nobody;
    }
    let wanting = Wanting::request(ctx.state(), request);
    let free = |shares: &[LockShare]| lock::are_free(ctx.state(), ctx.live, &wanting, shares);
    let ready: Vec<WorkerName> =
        wants.iter().filter(|(_, shares)| free(shares)).map(|(worker, _)| worker.clone()).collect();
    if ready.is_empty() {
        return Choice::Wait(wants.into_iter().map(|(_, shares)| shares).collect());
    }
    let Some(worker) = policy::worker(ctx, builder, request, &ready) else {
        ctx.live.vetoed.insert(request, "next_worker");
        return Choice::Nobody;
    };
    let shares =
        wants.into_iter().find(|(willing, _)| *willing == worker).map(|(_, shares)| shares);
    Choice::Start(worker, shares.unwrap_or_default())
}

/// The locks that a request would take on each worker: its builder's and the worker's own (LK-8). A worker on which they
/// cannot be taken at all is left out.
fn locks_for(
    ctx: &mut Ctx<'_>,
    builder: &Builder,
    request: RequestId,
    workers: &[WorkerName],
) -> Vec<(WorkerName, Vec<LockShare>)> {
    let accesses = match &builder.locks {
        Locks::These(locks) => locks.clone(),
        Locks::Hook(hook) => match policy::locks(ctx, hook, request) {
            Some(locks) => locks,
            None => return Vec::new(),
        },
    };
    let config = ctx.config();
    let on = |worker: &WorkerName| {
        let own = config.workers.get(worker).into_iter().flat_map(|worker| &worker.locks);
        let all: Vec<LockAccess> = accesses.iter().chain(own).cloned().collect();
        Some((worker.clone(), lock::shares(&config, &all, worker).ok()?))
    };
    workers.iter().filter_map(on).collect()
}

/// The workers that can take a build of this builder: fewest running first, then longest idle, then by name (RQ-3).
fn free_for<'a>(
    ctx: &Ctx<'_>,
    builder: &Builder,
    workers: impl Iterator<Item = &'a WorkerName>,
) -> Vec<WorkerName> {
    let (state, config) = (ctx.state(), &ctx.live.current.config);
    let mut free: Vec<_> = workers
        .filter(|worker| is_free(ctx, worker))
        .filter(|worker| {
            !state.running_on(worker).any(|build| config.share_a_folder(&build.builder, builder))
        })
        .map(|worker| {
            let idle_since = state.worker(worker).and_then(|worker| worker.idle_since);
            (state.load_of(worker), idle_since, worker)
        })
        .collect();
    free.sort_unstable();
    free.into_iter().map(|(_, _, worker)| worker.clone()).collect()
}

/// Connected, declared, not held, and below its limit (RQ-3).
fn is_free(ctx: &Ctx<'_>, name: &WorkerName) -> bool {
    let Some(declared) = ctx.live.current.config.workers.get(name) else { return false };
    let held = ctx.state().worker(name).is_none_or(|worker| worker.hold.is_some());
    let limit = declared.max_builds.map_or(usize::MAX, |limit| limit as usize);
    !held && ctx.live.sessions.of(name).is_some() && ctx.state().load_of(name) < limit
}
