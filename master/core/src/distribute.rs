//! Which request starts on which worker: one function to a fixed point, after any input (RQ-*, F27).
//!
//! Only what has news is looked at: builders with new requests, and workers that may have become free. Nothing waits for
//! a wake-up, so none can be lost.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::build;
use crate::config::Builder;
use crate::ctx::Ctx;
use crate::id::{BuilderName, WorkerName};
use crate::live::{Dirty, Generation};
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

/// Starts the builder's next request if a worker is free for it.
fn serve(ctx: &mut Ctx<'_>, generation: &Generation, dirty: &mut Dirty, key: &ReadyKey) -> bool {
    let Some(builder) = generation.config.builders.get(&key.builder) else { return false };
    let worker = if dirty.builders.contains(&key.builder) {
        best(ctx, builder, builder.workers.iter())
    } else {
        let freed = dirty.workers.iter();
        best(ctx, builder, freed.filter(|worker| generation.serves(worker, &key.builder)))
    };
    let Some(worker) = worker else { return false };
    build::start(ctx, key.request, &worker);
    if !is_free(ctx, &worker) {
        dirty.workers.remove(&worker);
    }
    true
}

/// Of the workers that can take a build of this builder: fewest running, then longest idle, then by name.
fn best<'a>(
    ctx: &Ctx<'_>,
    builder: &Builder,
    workers: impl Iterator<Item = &'a WorkerName>,
) -> Option<WorkerName> {
    let state = ctx.state();
    workers
        .filter(|worker| is_free(ctx, worker))
        .filter(|worker| !state.running_on(worker).any(|build| build.builder == builder.name))
        .min_by_key(|worker| {
            let idle_since = state.worker(worker).and_then(|worker| worker.idle_since);
            (state.load_of(worker), idle_since, *worker)
        })
        .cloned()
}

/// Connected, declared, not held, and below its limit (RQ-3).
fn is_free(ctx: &Ctx<'_>, name: &WorkerName) -> bool {
    let Some(declared) = ctx.live.current.config.workers.get(name) else { return false };
    let held = ctx.state().worker(name).is_none_or(|worker| worker.hold.is_some());
    let limit = declared.max_builds.map_or(usize::MAX, |limit| limit as usize);
    !held && ctx.live.sessions.of(name).is_some() && ctx.state().load_of(name) < limit
}
