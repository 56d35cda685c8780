//! `lock`, `worker_lock`: what only so many builds or steps may hold at one time (LK-*), and the lists of them that others take.

use std::collections::{BTreeMap, BTreeSet};

use linn_core::config::{Lock, LockAccess, LockScope, Locks};
use linn_core::id::{LockName, WorkerName};
use starlark::values::Value;

use super::{Function, Group, Outcome, Parameter, Type, param};
use crate::config::call::Call;
use crate::config::draft::Kind;
use crate::config::problem::quote;
use crate::config::values::Product;

pub(super) static FUNCTIONS: &[Function] = &[
    Function {
        name: "lock",
        group: Group::Locks,
        doc: "A lock of the whole site. Take it with `.exclusive()` or `.counting(n)`.",
        positional: 1,
        parameters: &[LOCK],
        open: false,
        example: "lock(\"database\", max_count = 4)",
        call: |call| declare(call, LockScope::Master),
    },
    Function {
        name: "worker_lock",
        group: Group::Locks,
        doc: "A lock of which each worker has one of its own. Take it with `.exclusive()` or `.counting(n)`.",
        positional: 1,
        parameters: &[LOCK, WORKER_LOCK],
        open: false,
        example: "worker_lock(\"cpu\", max_count = 2)",
        call: |call| declare(call, LockScope::Worker),
    },
];

static LOCK: &[Parameter] = &[
    param("name", Type::Text, "", "Its name."),
    param("max_count", Type::Int, "1", "How much of it there is."),
];

static WORKER_LOCK: &[Parameter] =
    &[param("max_count_for_worker", Type::Dict, "{}", "How much of it there is on these workers.")];

/// The most there can be of a lock.
const MAX_COUNT: i64 = 1_000_000;

fn declare(call: &mut Call<'_, '_>, scope: LockScope) -> Outcome {
    let max_count = call.count("max_count", 1).unwrap_or(1);
    let max_count_for = if scope == LockScope::Worker { counts_for(call) } else { BTreeMap::new() };
    let Some(name) = call.name(Kind::Lock) else { return Outcome::Mistake };
    let here = call.here();
    let lock = LockName::from(name.as_str());
    let mut draft = call.draft();
    if draft.declare(Kind::Lock, &name, &here) {
        let made = Lock { name: lock.clone(), scope, max_count, max_count_for };
        draft.config.locks.insert(lock.clone(), made);
    }
    Outcome::Product(Product::Lock(lock))
}

fn counts_for(call: &Call<'_, '_>) -> BTreeMap<WorkerName, u32> {
    let mut counts = BTreeMap::new();
    let entries: Vec<(String, Value<'_>, _)> = call.entries("max_count_for_worker");
    for (worker, value, place) in entries {
        call.draft().mention(Kind::Worker, &worker, &place, "`max_count_for_worker`");
        match value.unpack_i32().filter(|count| (1..=MAX_COUNT).contains(&i64::from(*count))) {
            Some(count) => _ = counts.insert(WorkerName::from(worker), count.unsigned_abs()),
            None => {
                let message = format!(
                    "the count for {} must be a number of at least 1, not {}",
                    quote(&worker),
                    value.to_repr()
                );
                call.draft().problem(&place, message, "write {\"linux-1\": 4}");
            }
        }
    }
    counts
}

/// The argument `locks`: a list, or a function; `subject` is what it is given.
pub(super) fn taken(call: &Call<'_, '_>, subject: &str) -> Locks {
    match call.hook_or_none("locks", subject) {
        Some(hook) => Locks::Hook(hook),
        None => Locks::These(fixed(call)),
    }
}

/// The argument `locks` where it cannot be a function.
pub(super) fn fixed(call: &Call<'_, '_>) -> Vec<LockAccess> {
    let pick = |product: &Product| match product {
        Product::LockAccess(access) => Some(Ok(access.clone())),
        Product::Lock(lock) => Some(Err(lock.clone())),
        _ => None,
    };
    let wanted = "locks as db.exclusive() or cpu.counting(2)";
    let mut seen = BTreeSet::new();
    let mut locks = Vec::new();
    for (picked, place) in call.products("locks", wanted, pick).unwrap_or_default() {
        let access = match picked {
            Ok(access) => access,
            Err(lock) => {
                let message = format!("how is the lock {} taken?", quote(lock.as_str()));
                call.draft().problem(
                    &place,
                    message,
                    "write .exclusive() or .counting(1) after it",
                );
                continue;
            }
        };
        if seen.insert(access.lock.clone()) {
            locks.push(access);
        } else {
            let message = format!("the lock {} is taken twice", quote(access.lock.as_str()));
            call.draft().problem(&place, message, "take it once, with the larger count");
        }
    }
    locks
}
