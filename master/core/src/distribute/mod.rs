//! Which request starts on which worker: one function to a fixed point, after any input (RQ-*, F27).
//!
//! Only what has news is looked at: builders with new requests, and workers that may have become free. Nothing waits for
//! a wake-up, so none can be lost.

mod fit;
mod serve;

use std::collections::BTreeSet;
use std::sync::Arc;

use fit::is_free;
use serve::serve;

use crate::build;
use crate::canceller;
use crate::ctx::Ctx;
use crate::id::{BuilderName, WorkerName};
use crate::live::{Dirty, Generation};
use crate::lock::Waiter;
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
        let watchers = locks.iter().flat_map(|key| ctx.live.lines.watchers(key));
        let watchers: Vec<_> = watchers.cloned().collect();
        ctx.live.dirty.builders.extend(watchers);
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
        let named = dirty.builders.iter().chain(&dirty.rounds).chain(freed());
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
            dirty.rounds.remove(&key.builder);
        }
        if dirty.is_empty() {
            return;
        }
    }
}
