//! The JSON of `cli.md`: one function an object, exactly its keys (tested below), and a few more.
//!
//! Times are RFC 3339 in UTC with milliseconds, durations are seconds, absent values are null, results are the upper-case
//! words or null while open. Texts are as they came: JSON's escaping is what makes them safe.

mod build;
mod flow;
mod site;

use linn_proto::common::{Property, Results, SourceStamp};
use linn_proto::entity::{Entity, entity::Of};
use serde_json::{Map, Value, json};

pub(crate) use self::build::build;
pub(crate) use self::flow::{buildset, change, event, fields, log_line, request, wait};
pub(crate) use self::site::{builder, lock, scheduler, source, worker};
use super::paint::word;
use super::when::stamp;

/// Any entity; null for one of a kind this version does not know.
pub(crate) fn entity(entity: &Entity) -> Value {
    match &entity.of {
        Some(Of::Change(one)) => change(one),
        Some(Of::Buildset(one)) => buildset(one),
        Some(Of::Request(one)) => request(one),
        Some(Of::Build(one)) => build(one),
        Some(Of::Builder(one)) => builder(one),
        Some(Of::Worker(one)) => worker(one),
        Some(Of::Scheduler(one)) => scheduler(one),
        Some(Of::Source(one)) => source(one),
        Some(Of::Lock(one)) => lock(one),
        Some(Of::Master(_)) | None => Value::Null,
    }
}

fn time(ms: i64) -> Value {
    stamp(ms).map_or(Value::Null, Value::String)
}

pub(super) fn maybe_time(ms: Option<i64>) -> Value {
    ms.map_or(Value::Null, time)
}

/// Seconds.
fn duration(ms: Option<i64>) -> Value {
    ms.map_or(Value::Null, |ms| number(millis_to_seconds(ms)))
}

#[expect(clippy::cast_precision_loss, reason = "a duration in milliseconds is far below 2^53")]
fn millis_to_seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}

/// A number without a needless `.0`.
#[expect(clippy::cast_possible_truncation, reason = "whole and within 2^53 at that point")]
pub(super) fn number(value: f64) -> Value {
    let whole = value.fract() == 0.0 && value.abs() < 9_007_199_254_740_992.0;
    if whole { Value::from(value as i64) } else { Value::from(value) }
}

/// Empty means absent, for texts that are never empty when they are there.
fn text(text: &str) -> Value {
    if text.is_empty() { Value::Null } else { Value::from(text) }
}

fn results(value: i32) -> Value {
    Results::try_from(value).ok().and_then(word).map_or(Value::Null, Value::from)
}

/// `{name: {value, source}}` (C5).
fn properties(properties: &[Property]) -> Value {
    let entry = |property: &Property| {
        // A value that is no JSON would be the master's mistake; shown as text it is at least seen.
        let value = serde_json::from_str(&property.json)
            .unwrap_or_else(|_| Value::from(property.json.as_str()));
        (property.name.clone(), json!({"value": value, "source": property.source}))
    };
    Value::Object(properties.iter().map(entry).collect::<Map<_, _>>())
}

/// C8.
fn sourcestamps(stamps: &[SourceStamp]) -> Value {
    let one = |stamp: &SourceStamp| {
        let patch = stamp.patch.as_ref().map(|patch| {
            json!({
                "level": patch.level,
                "bytes": patch.diff.len(),
                "author": text(&patch.author),
                "comment": text(&patch.comment),
            })
        });
        json!({
            "codebase": stamp.codebase,
            "repository": text(&stamp.repository),
            "project": text(&stamp.project),
            "branch": stamp.branch,
            "revision": stamp.revision,
            "requested": text(&stamp.requested),
            "patch": patch,
            "changes": stamp.changes,
        })
    };
    stamps.iter().map(one).collect()
}

#[cfg(test)]
mod tests;
