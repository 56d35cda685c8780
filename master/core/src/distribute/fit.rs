//! Who of the workers could take a request, and with which locks (RQ-3, RQ-4, LK-8).

use std::collections::BTreeSet;

use crate::config::{Builder, LockAccess, Locks};
use crate::ctx::Ctx;
use crate::id::{RequestId, WorkerName};
use crate::live::Veto;
use crate::lock::{self, Wanting};
use crate::model::LockShare;
use crate::policy;

/// What becomes of a request for which workers are free.
pub(super) enum Choice {
    /// It starts there, and takes these locks.
    Start(WorkerName, Vec<LockShare>),
    /// It would, but for its locks: one set for each worker.
    Wait(Vec<Vec<LockShare>>),
    /// None of them takes it.
    Nobody,
}

/// Who of the free workers takes a request.
pub(super) fn worker_for(
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
        ctx.live.vetoed.insert(request, Veto::Function("can_start_build"));
        return Choice::Nobody;
    }
    let all = chosen.as_ref().map_or(builder.workers.as_slice(), std::slice::from_ref);
    let wants = match locks_for(ctx, builder, request, &willing, all) {
        Ok(wants) => wants,
        Err(veto) => {
            ctx.live.vetoed.insert(request, veto);
            return Choice::Nobody;
        }
    };
    let wanting = Wanting::request(ctx.state(), request);
    let free = |shares: &[LockShare]| lock::are_free(ctx.state(), ctx.live, &wanting, shares);
    let ready: Vec<WorkerName> =
        wants.iter().filter(|(_, shares)| free(shares)).map(|(worker, _)| worker.clone()).collect();
    if ready.is_empty() {
        // In most cases the same for each worker.
        let sets: BTreeSet<_> = wants.into_iter().map(|(_, shares)| shares).collect();
        return Choice::Wait(sets.into_iter().collect());
    }
    let Some(worker) = policy::worker(ctx, builder, request, &ready) else {
        ctx.live.vetoed.insert(request, Veto::Function("next_worker"));
        return Choice::Nobody;
    };
    let shares =
        wants.into_iter().find(|(willing, _)| *willing == worker).map(|(_, shares)| shares);
    Choice::Start(worker, shares.unwrap_or_default())
}

/// The locks that a request would take on each worker: its builder's and the worker's own (LK-8). A worker on which they
/// cannot be taken at all is left out. Where that leaves none, whether another of all its workers would do.
fn locks_for(
    ctx: &mut Ctx<'_>,
    builder: &Builder,
    request: RequestId,
    workers: &[WorkerName],
    all: &[WorkerName],
) -> Result<Vec<(WorkerName, Vec<LockShare>)>, Veto> {
    let accesses = match &builder.locks {
        Locks::These(locks) => locks.clone(),
        Locks::Hook(hook) => policy::locks(ctx, hook, request).ok_or(Veto::Function("locks"))?,
    };
    let config = ctx.config();
    let on = |worker: &WorkerName| {
        let own = config.workers.get(worker).into_iter().flat_map(|worker| &worker.locks);
        let all: Vec<LockAccess> = accesses.iter().chain(own).cloned().collect();
        lock::shares(&config, &all, worker)
    };
    let mut why = None;
    let mut wants = Vec::new();
    for worker in workers {
        match on(worker) {
            Ok(shares) => wants.push((worker.clone(), shares)),
            Err(clause) => why = why.or(Some(clause)),
        }
    }
    match why {
        Some(why) if wants.is_empty() => {
            let mut declared = all.iter().filter(|worker| config.workers.contains_key(*worker));
            Err(Veto::Scarce { never: declared.all(|worker| on(worker).is_err()), why })
        }
        _ => Ok(wants),
    }
}

/// The workers that can take a build of this builder: fewest running first, then longest idle, then by name (RQ-3).
pub(super) fn free_for<'a>(
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

/// Connected, declared, neither held nor in quarantine, and below its limit (RQ-3).
pub(super) fn is_free(ctx: &Ctx<'_>, name: &WorkerName) -> bool {
    let Some(declared) = ctx.live.current.config.workers.get(name) else { return false };
    let held = ctx
        .state()
        .worker(name)
        .is_none_or(|worker| worker.hold.is_some() || worker.rests_until().is_some());
    let limit = declared.max_builds.map_or(usize::MAX, |limit| limit as usize);
    !held && ctx.live.sessions.of(name).is_some() && ctx.state().load_of(name) < limit
}
