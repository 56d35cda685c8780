//! LK-3: what a build holds, its own or that of every build on one of its workers, its steps cannot take again.

use std::collections::BTreeSet;

use linn_core::config::{Builder, LockAccess, Locks};

use super::draft::{Draft, Kind};
use super::problem::{Place, quote};

/// Reports every lock that would be waited for by who holds it. What functions take is not known yet.
pub(super) fn refuse(draft: &mut Draft) {
    let found: Vec<(Place, String)> = draft
        .config
        .builders
        .values()
        .flat_map(|builder| of_workers(draft, builder).into_iter().chain(of_steps(draft, builder)))
        .collect();
    for (place, message) in found {
        draft.problem(&place, message, "take it in one place only");
    }
}

/// What a builder takes beside one of its workers.
fn of_workers(draft: &Draft, builder: &Builder) -> Vec<(Place, String)> {
    let place = draft.declared_at(Kind::Builder, builder.name.as_str());
    let own = fixed(&builder.locks);
    let twice = worker_locks(draft, builder).into_iter().filter_map(|(worker, taken)| {
        own.iter().find(|access| access.lock == taken.lock).map(|access| {
            let (builder, lock) = (quote(builder.name.as_str()), quote(access.lock.as_str()));
            format!(
                "builder {builder} takes the lock {lock}, which every build on worker {} takes already",
                quote(worker)
            )
        })
    });
    twice.map(|message| (place.clone(), message)).collect()
}

/// What a step takes beside its builder or one of the builder's workers.
fn of_steps(draft: &Draft, builder: &Builder) -> Vec<(Place, String)> {
    let own = fixed(&builder.locks);
    let workers = worker_locks(draft, builder);
    let mut found = Vec::new();
    for (nth, step) in builder.factory.iter().enumerate() {
        let of = format!("builder {}", quote(builder.name.as_str()));
        for access in fixed(&step.locks) {
            let lock = quote(access.lock.as_str());
            let mut tell = |holder: &str| {
                let message = format!(
                    "the step {} of {of} takes the lock {lock}, which {holder} takes already, so it would wait for itself",
                    quote(&step.name)
                );
                found.push((draft.step_place(builder.name.as_str(), nth), message));
            };
            if own.iter().any(|it| it.lock == access.lock) {
                tell("the builder");
            }
            let on: BTreeSet<&str> = workers
                .iter()
                .filter(|(_, taken)| taken.lock == access.lock)
                .map(|(worker, _)| *worker)
                .collect();
            for worker in on {
                tell(&format!("every build on worker {}", quote(worker)));
            }
        }
    }
    found
}

/// What every build on the builder's workers takes.
fn worker_locks<'a>(draft: &'a Draft, builder: &'a Builder) -> Vec<(&'a str, &'a LockAccess)> {
    let workers = builder.workers.iter().filter_map(|name| draft.config.workers.get(name));
    workers
        .flat_map(|worker| worker.locks.iter().map(|taken| (worker.name.as_str(), taken)))
        .collect()
}

/// What is written out.
fn fixed(locks: &Locks) -> &[LockAccess] {
    match locks {
        Locks::These(locks) => locks,
        Locks::Hook(_) => &[],
    }
}
