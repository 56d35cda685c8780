//! What may be taken of a lock, by whom and when (LK-*): first come first served, all of a build's or step's locks at once,
//! and never more than there is.
//!
//! Two who must not wait for each other do not: a child takes what its waiting parent holds (LK-6), and nobody stands behind
//! somebody who waits for him. Who would wait for ever is told so, and by name.

mod line;
pub(crate) mod ring;
mod stuck;
mod view;

use std::collections::{BTreeMap, BTreeSet};

pub(crate) use line::{Lines, Waiter};
pub(crate) use stuck::Stuck;
pub use view::LockView;
pub(crate) use view::all;

use crate::config::{Config, LockAccess, LockMode, LockScope};
use crate::id::{BuildId, RequestId, WorkerName};
use crate::live::Live;
use crate::model::{LockHolder, LockKey, LockShare};
use crate::state::State;
use crate::trigger::waiting_build;

/// What locks mean for somebody on a worker: the instances, each once, without what weighs nothing.
///
/// # Errors
/// A clause about the first lock that cannot be taken so.
pub(crate) fn shares(
    config: &Config,
    accesses: &[LockAccess],
    worker: &WorkerName,
) -> Result<Vec<LockShare>, String> {
    let mut shares: BTreeMap<LockKey, LockMode> = BTreeMap::new();
    for access in accesses {
        let Some(lock) = config.locks.get(&access.lock) else {
            return Err(format!("there is no lock `{}`", access.lock));
        };
        let of = (lock.scope == LockScope::Worker).then(|| worker.clone());
        let capacity = lock.capacity(of.as_ref());
        let key = LockKey { lock: access.lock.clone(), worker: of };
        match access.mode {
            LockMode::Counting(0) => continue,
            LockMode::Counting(count) if count > capacity => {
                return Err(format!(
                    "{count} of the lock {key} are wanted, and there are {capacity}"
                ));
            }
            mode => {
                if shares.insert(key.clone(), mode).is_some() {
                    return Err(format!("the lock {key} is taken twice"));
                }
            }
        }
    }
    Ok(shares.into_iter().map(|(key, mode)| LockShare { key, mode }).collect())
}

/// Somebody who wants locks.
#[derive(Clone, Debug)]
pub(crate) struct Wanting {
    pub(crate) who: Waiter,
    /// The builds that wait for this one, and its own: what they hold is no hindrance, and who waits for them not either.
    family: BTreeSet<BuildId>,
}

impl Wanting {
    /// A step of a build.
    pub(crate) fn step(state: &State, build: BuildId, step: crate::id::StepNumber) -> Self {
        let requests = state.build(build).map(|build| build.requests.clone()).unwrap_or_default();
        let mut family = ancestors(state, requests);
        family.insert(build);
        Self { who: Waiter::Step(build, step), family }
    }

    /// A request.
    pub(crate) fn request(state: &State, request: RequestId) -> Self {
        Self { who: Waiter::Request(request), family: ancestors(state, vec![request]) }
    }
}

impl Wanting {
    /// The builds that wait for this one, and its own.
    pub(crate) const fn family(&self) -> &BTreeSet<BuildId> {
        &self.family
    }
}

/// The builds whose steps wait for one of these requests, however far up.
fn ancestors(state: &State, mut requests: Vec<RequestId>) -> BTreeSet<BuildId> {
    let mut found = BTreeSet::new();
    while let Some(request) = requests.pop() {
        let buildset = state.request(request).and_then(|request| state.buildset(request.buildset));
        let Some(buildset) = buildset.filter(|buildset| buildset.waited_for) else { continue };
        let parents = buildset.parent.iter().flat_map(|parent| &parent.requests);
        for build in parents.filter_map(|request| waiting_build(state, *request)) {
            if found.insert(build.id) {
                requests.extend(build.requests.iter().copied());
            }
        }
    }
    found
}

/// Whether all of these can be taken now, by somebody who came when he came (LK-2, LK-3).
pub(crate) fn are_free(
    state: &State,
    live: &Live,
    wanting: &Wanting,
    shares: &[LockShare],
) -> bool {
    let hindered = |share: &LockShare, passed: &dyn Fn(Waiter) -> bool| {
        let holders = others(state, wanting, &share.key);
        let ahead = live.lines.ahead(&share.key, wanting.who);
        let ahead = ahead.filter(|(who, _)| !passed(*who)).map(|(_, mode)| mode);
        !fits(share.mode, capacity(live, &share.key), holders, ahead)
    };
    if shares.iter().all(|share| !hindered(share, &|_| false)) {
        return true;
    }
    // Whoever stands before us and cannot go on before we do is no hindrance.
    let stands_before =
        |share: &LockShare| live.lines.ahead(&share.key, wanting.who).next().is_some();
    if wanting.family.is_empty() || !shares.iter().any(stands_before) {
        return false;
    }
    let stuck = Stuck::without(state, live, &wanting.family);
    shares.iter().all(|share| !hindered(share, &|who| stuck.has(who)))
}

/// What others than the family hold of a lock.
fn others(
    state: &State,
    wanting: &Wanting,
    key: &LockKey,
) -> impl Iterator<Item = (LockHolder, LockMode)> {
    state.holders(key).filter(|(holder, _)| !wanting.family.contains(&holder.build()))
}

/// LK-2, LK-4 better: whether so much can be taken beside what is held and what those before want.
fn fits(
    mode: LockMode,
    capacity: u32,
    holders: impl Iterator<Item = (LockHolder, LockMode)>,
    ahead: impl Iterator<Item = LockMode>,
) -> bool {
    let mut taken = 0_u64;
    for other in holders.map(|(_, mode)| mode).chain(ahead) {
        match (mode, other) {
            (LockMode::Counting(_), LockMode::Counting(count)) => taken += u64::from(count),
            _ => return false,
        }
    }
    match mode {
        LockMode::Exclusive => true,
        // Of a lock that has become smaller, whoever wants more than there is gets all of it (LK-9).
        LockMode::Counting(count) => taken + u64::from(count.min(capacity)) <= u64::from(capacity),
    }
}

/// How much there is of a lock: what the present configuration says (LK-9), else the newest that still knows it.
pub(crate) fn capacity(live: &Live, key: &LockKey) -> u32 {
    let current = live.current.config.locks.get(&key.lock);
    let older = || live.generations.values().find_map(|config| config.locks.get(&key.lock));
    current.or_else(older).map_or(1, |lock| lock.capacity(key.worker.as_ref()))
}
