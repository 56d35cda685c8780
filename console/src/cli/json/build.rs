//! Builds, their steps and logs.

use std::collections::BTreeMap;

use linn_proto::entity::{
    Build, BuildState, Cleared, Log, Pin, SinceGood, Step, StepState, Test, Url,
};
use serde_json::{Map, Value, json};

use super::{duration, maybe_time, number, properties, results, sourcestamps, text, time};

/// `build`.
pub(crate) fn build(build: &Build) -> Value {
    json!({
        "builder": build.builder,
        "number": build.number,
        "id": build.id,
        "request_ids": build.request_ids,
        "buildset": build.buildset,
        "worker": text(&build.worker),
        "worker_lost": build.worker_lost,
        "state": build_state(build.state),
        "results": results(build.results),
        "text": text(&build.text),
        "started_at": time(build.started_at_ms),
        "complete_at": maybe_time(build.complete_at_ms),
        "eta": maybe_time(build.eta_ms),
        "usual": duration(build.usual_ms),
        "reason": build.reason,
        "stop_reason": text(&build.stop_reason),
        "pin": build.pin.as_ref().map(pin),
        "logs_deleted": build.logs_deleted.as_ref().map(cleared),
        "artifacts_deleted": build.artifacts_deleted.as_ref().map(cleared),
        "scheduler": text(&build.scheduler),
        "sourcestamps": sourcestamps(&build.sourcestamps),
        "got_revision": build.got_revision,
        "blamelist": build.blamelist,
        "changes": build.changes,
        "since_good": build.since_good.as_ref().map(since_good),
        "new_failure": build.new_failure,
        "properties": properties(&build.properties),
        "steps": build.steps.iter().map(step).collect::<Vec<_>>(),
        "attempt": build.attempt,
        "config": text(&build.config),
    })
}

fn pin(pin: &Pin) -> Value {
    json!({"reason": pin.reason, "by": text(&pin.by), "at": time(pin.at_ms)})
}

fn cleared(cleared: &Cleared) -> Value {
    json!({"at": time(cleared.at_ms), "rule": cleared.rule})
}

fn since_good(since: &SinceGood) -> Value {
    json!({
        "build": text(&since.build),
        "changes": since.changes,
        "blamelist": since.blamelist,
    })
}

/// `step`.
pub(crate) fn step(step: &Step) -> Value {
    json!({
        "number": step.number,
        "name": step.name,
        "state": step_state(step.state),
        "results": results(step.results),
        "started_at": maybe_time(step.started_at_ms),
        "complete_at": maybe_time(step.complete_at_ms),
        "eta": maybe_time(step.eta_ms),
        "usual": duration(step.usual_ms),
        "text": text(&step.text),
        "command": text(&step.command),
        "logs": step.logs.iter().map(log).collect::<Vec<_>>(),
        "urls": step.urls.iter().map(url).collect::<Vec<_>>(),
        "statistics": statistics(&step.statistics),
        "tests": step.tests.iter().map(test).collect::<Vec<_>>(),
        "progress": step.progress.map(number),
        "hidden": step.hidden,
    })
}

/// `log`.
pub(crate) fn log(log: &Log) -> Value {
    json!({
        "name": log.name,
        "bytes": log.bytes,
        "lines": log.lines,
        "complete": log.complete,
        "truncated": log.truncated,
    })
}

fn test(test: &Test) -> Value {
    json!({"name": test.name, "result": test.result, "duration": test.seconds.map(number)})
}

fn url(url: &Url) -> Value {
    json!({"name": url.name, "url": url.url})
}

fn statistics(statistics: &BTreeMap<String, f64>) -> Value {
    let entry = |(name, value): (&String, &f64)| (name.clone(), number(*value));
    Value::Object(statistics.iter().map(entry).collect::<Map<_, _>>())
}

fn build_state(state: i32) -> Option<&'static str> {
    crate::cli::words::build_state(BuildState::try_from(state).unwrap_or_default())
}

fn step_state(state: i32) -> Option<&'static str> {
    crate::cli::words::step_state(StepState::try_from(state).unwrap_or_default())
}
