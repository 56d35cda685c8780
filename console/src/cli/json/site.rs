//! The standing parts of a master: builders, workers, schedulers and change sources.

use linn_proto::common::Results;
use linn_proto::entity::{BuildSummary, Builder, Lock, LockShare, Scheduler, Source, Worker};
use serde_json::{Value, json};

use super::{duration, maybe_time, properties, results, text};

/// `builder`. `last_build` is the reference of its newest build, running or not.
pub(crate) fn builder(builder: &Builder) -> Value {
    let last = builder.recent.first();
    let reference = last.map(|build: &BuildSummary| format!("{}#{}", builder.name, build.number));
    json!({
        "name": builder.name,
        "description": text(&builder.description),
        "tags": builder.tags,
        "project": text(&builder.project),
        "workers": builder.workers,
        "codebases": builder.codebases,
        "state": builder.state,
        "pending": builder.pending,
        "running": builder.running,
        "last_build": reference,
        "last_results": results(last.map_or(Results::Unspecified as i32, |build| build.results)),
        "eta": maybe_time(builder.eta_ms),
        "usual": duration(builder.usual_ms),
        "never_start": builder.never_start,
    })
}

/// `worker`.
pub(crate) fn worker(worker: &Worker) -> Value {
    json!({
        "name": worker.name,
        "state": worker.state,
        "version": text(&worker.version),
        "platform": text(&worker.platform),
        "admin": text(&worker.admin),
        "connected_at": maybe_time(worker.connected_at_ms),
        "last_seen_at": maybe_time(worker.last_seen_at_ms),
        "running": worker.running,
        "max_builds": worker.max_builds,
        "builders": worker.builders,
        "properties": properties(&worker.properties),
        "paused_reason": text(&worker.paused_reason),
    })
}

/// `scheduler`.
pub(crate) fn scheduler(scheduler: &Scheduler) -> Value {
    json!({
        "name": scheduler.name,
        "kind": scheduler.kind,
        "enabled": scheduler.enabled,
        "builders": scheduler.builders,
        "next_fire_at": maybe_time(scheduler.next_fire_at_ms),
        "waiting_changes": scheduler.waiting_changes,
    })
}

/// `lock`: `holders` and `waiters` are `{who, count}`, where no count is exclusive.
pub(crate) fn lock(lock: &Lock) -> Value {
    let share = |share: &LockShare| json!({ "who": share.who, "count": share.count });
    json!({
        "name": lock.name,
        "scope": lock.scope,
        "worker": text(&lock.worker),
        "capacity": lock.capacity,
        "holders": lock.holders.iter().map(share).collect::<Vec<_>>(),
        "waiters": lock.waiters.iter().map(share).collect::<Vec<_>>(),
    })
}

/// `source` (C12).
pub(crate) fn source(source: &Source) -> Value {
    json!({
        "name": source.name,
        "kind": source.kind,
        "repository": source.repository,
        "codebase": source.codebase,
        "enabled": source.enabled,
        "state": source.state,
        "last_poll_at": maybe_time(source.last_poll_at_ms),
        "next_poll_at": maybe_time(source.next_poll_at_ms),
        "last_error": text(&source.last_error),
        "tips": source.tips,
    })
}
