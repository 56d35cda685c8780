//! Which request starts on which worker: one function to a fixed point, after any input (RQ-*, F27).
//!
//! Only what has news is looked at: builders with new requests, and workers that may have become free. Nothing waits for
//! a wake-up, so none can be lost.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::build;
use crate::config::Builder;
use crate::ctx::Ctx;
use crate::id::{BuilderName, RequestId, WorkerName};
use crate::live::{Dirty, Generation};
use crate::policy;
use crate::state::ReadyKey;

/// Starts every build that can start now.
pub(crate) fn run(ctx: &mut Ctx<'_>) {
    // While the master is in trouble the news are kept; when the trouble ends, everything counts as news.
    while ctx.live.trouble.is_none() {
        let mut dirty = std::mem::take(&mut ctx.live.dirty);
        dirty.workers.retain(|worker| is_free(ctx, worker));
        if dirty.is_empty() {
            return;
        }
        pass(ctx, &mut dirty);
        // A build may have ended at once and freed its worker again: that is the next pass's news.
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
    let free = if dirty.builders.contains(&key.builder) {
        free_for(ctx, builder, builder.workers.iter())
    } else {
        let freed = dirty.workers.iter();
        free_for(ctx, builder, freed.filter(|worker| generation.serves(worker, &key.builder)))
    };
    if free.is_empty() {
        return false;
    }
    // A request that nobody can serve does not block those behind it (RQ-4).
    for request in policy::order(ctx, builder, MAX_TRIED) {
        if let Some(worker) = worker_for(ctx, builder, request, &free) {
            build::start(ctx, request, &worker);
            if !is_free(ctx, &worker) {
                dirty.workers.remove(&worker);
            }
            return true;
        }
    }
    false
}

/// Who of the free workers takes a request.
fn worker_for(
    ctx: &mut Ctx<'_>,
    builder: &Builder,
    request: RequestId,
    free: &[WorkerName],
) -> Option<WorkerName> {
    let buildset = ctx.state().request(request)?.buildset;
    let chosen = ctx.state().buildset(buildset)?.worker.clone();
    let fits = |worker: &&WorkerName| chosen.as_ref().is_none_or(|chosen| chosen == *worker);
    let mut willing: Vec<WorkerName> = free.iter().filter(fits).cloned().collect();
    if willing.is_empty() {
        return None;
    }
    willing.retain(|worker| policy::may_start(ctx, builder, worker, request));
    if willing.is_empty() {
        ctx.live.vetoed.insert(request, "can_start_build");
        return None;
    }
    let worker = policy::worker(ctx, builder, request, &willing);
    if worker.is_none() {
        ctx.live.vetoed.insert(request, "next_worker");
    }
    worker
}

/// The workers that can take a build of this builder: fewest running first, then longest idle, then by name (RQ-3).
fn free_for<'a>(
    ctx: &Ctx<'_>,
    builder: &Builder,
    workers: impl Iterator<Item = &'a WorkerName>,
) -> Vec<WorkerName> {
    let state = ctx.state();
    let mut free: Vec<_> = workers
        .filter(|worker| is_free(ctx, worker))
        .filter(|worker| !state.running_on(worker).any(|build| build.builder == builder.name))
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
