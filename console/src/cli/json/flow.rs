//! What flows through a master: changes, buildsets, requests, events and lines.

use linn_proto::console::LogLine;
use linn_proto::entity::{BuildRequest, Buildset, Change, Event, Wait};
use serde_json::{Map, Value, json};

use super::{maybe_time, properties, results, sourcestamps, text, time};

/// `change`.
pub(crate) fn change(change: &Change) -> Value {
    json!({
        "id": change.id,
        "author": change.author,
        "committer": text(&change.committer),
        "comments": text(&change.comments),
        "files": change.files,
        "branch": change.branch,
        "revision": change.revision,
        "parents": change.parents,
        "repository": text(&change.repository),
        "codebase": change.codebase,
        "project": text(&change.project),
        "category": text(&change.category),
        "revlink": text(&change.revlink),
        "when": time(change.when_ms),
        "received_at": time(change.received_at_ms),
        "properties": properties(&change.properties),
        "key": text(&change.key),
    })
}

/// `buildset`.
pub(crate) fn buildset(buildset: &Buildset) -> Value {
    json!({
        "id": buildset.id,
        "reason": buildset.reason,
        "scheduler": text(&buildset.scheduler),
        "submitted_at": time(buildset.submitted_at_ms),
        "complete_at": maybe_time(buildset.complete_at_ms),
        "results": results(buildset.results),
        "sourcestamps": sourcestamps(&buildset.sourcestamps),
        "requests": buildset.requests,
        "external_id": text(&buildset.external_id),
        "properties": properties(&buildset.properties),
        "rebuild_of": text(&buildset.rebuild_of),
    })
}

/// `request`.
pub(crate) fn request(request: &BuildRequest) -> Value {
    json!({
        "id": request.id,
        "builder": request.builder,
        "buildset": request.buildset,
        "priority": request.priority,
        "submitted_at": time(request.submitted_at_ms),
        "claimed_at": maybe_time(request.claimed_at_ms),
        "complete_at": maybe_time(request.complete_at_ms),
        "results": results(request.results),
        "builds": request.builds,
        "merged_into": request.merged_into,
        "waits": request.waits.iter().map(wait).collect::<Vec<_>>(),
        "reason": request.reason,
        "sourcestamps": sourcestamps(&request.sourcestamps),
        "owners": request.owners,
    })
}

pub(crate) fn wait(wait: &Wait) -> Value {
    json!({"kind": wait.kind, "detail": wait.detail, "until": maybe_time(wait.until_ms)})
}

/// `event`: its four keys and the record's own fields. A field that has the name of one of the four is given with a `_`
/// behind it, so that neither is lost.
pub(crate) fn event(event: &Event) -> Value {
    let mut object = Map::new();
    object.insert("seq".to_owned(), Value::from(event.seq));
    object.insert("at".to_owned(), time(event.at_ms));
    object.insert("kind".to_owned(), Value::from(event.kind.as_str()));
    object.insert("subject".to_owned(), Value::from(event.subject.as_str()));
    for (mut name, value) in fields(event) {
        if let Some(own) = object.get(&name) {
            if *own == value {
                continue;
            }
            name.push('_');
        }
        object.insert(name, value);
    }
    Value::Object(object)
}

/// The record's own fields.
pub(crate) fn fields(event: &Event) -> Map<String, Value> {
    match serde_json::from_str(&event.json) {
        Ok(Value::Object(mut fields)) => {
            fields.iter_mut().for_each(|(name, value)| as_scripts_read(name, value));
            fields
        }
        _ => Map::new(),
    }
}

/// As scripts read them everywhere. The journal counts milliseconds; its fields that are moments are called `at`, `when`, or
/// something ending in `_at` or `_since`; its empty texts are absent ones. What users gave a name themselves is left as
/// they gave it.
fn as_scripts_read(name: &str, value: &mut Value) {
    let is_moment =
        matches!(name, "at" | "when") || name.ends_with("_at") || name.ends_with("_since");
    match value {
        // As everywhere: what is absent is null.
        Value::String(text) if text.is_empty() => *value = Value::Null,
        Value::Number(ms) if is_moment => {
            if let Some(ms) = ms.as_i64() {
                *value = time(ms);
            }
        }
        Value::Object(fields) if !matches!(name, "value" | "properties" | "statistics") => {
            fields.iter_mut().for_each(|(name, value)| as_scripts_read(name, value));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| as_scripts_read(name, item)),
        _ => {}
    }
}

/// A line of `linn log --json`.
pub(crate) fn log_line(line: &LogLine) -> Value {
    json!({
        "number": line.number,
        "at": if line.at_ms == 0 { Value::Null } else { time(line.at_ms) },
        "text": String::from_utf8_lossy(&line.text),
        "err": line.err,
        "cut": line.cut,
    })
}
