//! Who holds and who waits, for those who look (cli.md: lock).

use std::collections::BTreeSet;

use super::capacity;
use super::line::Waiter;
use crate::config::{LockMode, LockScope};
use crate::live::Live;
use crate::model::{LockHolder, LockKey};
use crate::state::State;

/// One instance of a lock as people see it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LockView {
    /// Which.
    pub key: LockKey,
    /// Whether it is one of many.
    pub scope: LockScope,
    /// How much there is of it.
    pub capacity: u32,
    /// Who holds how much: `BUILDER#NUMBER`, or `BUILDER#NUMBER/STEP`.
    pub holders: Vec<(String, LockMode)>,
    /// Who waits for how much, first come first; a request by its number.
    pub waiters: Vec<(String, LockMode)>,
}

/// Every declared lock; of a worker's, those that are in use, or the lock itself when none is.
pub(crate) fn all(state: &State, live: &Live) -> Vec<LockView> {
    let mut keys: BTreeSet<LockKey> =
        state.held_locks().chain(live.lines.locks()).cloned().collect();
    for lock in live.current.config.locks.keys() {
        if !keys.iter().any(|key| key.lock == *lock) {
            keys.insert(LockKey { lock: lock.clone(), worker: None });
        }
    }
    keys.into_iter().map(|key| view(state, live, key)).collect()
}

fn view(state: &State, live: &Live, key: LockKey) -> LockView {
    let declared = live.current.config.locks.get(&key.lock);
    let of_worker = key.worker.is_some();
    let usual = if of_worker { LockScope::Worker } else { LockScope::Master };
    LockView {
        scope: declared.map_or(usual, |lock| lock.scope),
        capacity: capacity(live, &key),
        holders: state.holders(&key).map(|(who, mode)| (holder(state, who), mode)).collect(),
        waiters: live
            .lines
            .waiters_for(&key)
            .map(|(who, mode)| (waiter(state, who), mode))
            .collect(),
        key,
    }
}

fn holder(state: &State, who: LockHolder) -> String {
    let Some(build) = state.build(who.build()) else { return String::new() };
    match who {
        LockHolder::Build(_) => build.reference().to_string(),
        LockHolder::Step(_, number) => {
            let step = build.steps.iter().find(|step| step.number == number);
            format!("{}/{}", build.reference(), step.map_or("", |step| &step.name))
        }
    }
}

fn waiter(state: &State, who: Waiter) -> String {
    match who {
        Waiter::Step(build, step) => holder(state, LockHolder::Step(build, step)),
        Waiter::Request(request) => request.to_string(),
    }
}
