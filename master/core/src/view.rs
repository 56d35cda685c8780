//! What functions of the configuration see: a build or a change as plain values, made in this one place (config.md).

use serde_json::{Map, Value, json};

use crate::change::Change;
use crate::config::Config;
use crate::model::Build;
use crate::results::Results;
use crate::state::State;

/// A change, with the keys of cli.md.
#[must_use]
pub fn change_view(change: &Change) -> Value {
    json!({
        "id": change.id.0,
        "author": change.author,
        "committer": change.committer,
        "comments": change.comments,
        "files": change.files,
        "branch": change.branch,
        "revision": change.revision,
        "repository": change.repository,
        "codebase": change.codebase.as_str(),
        "project": change.project,
        "category": change.category,
        "revlink": change.revlink,
        "when": change.when.0,
        "properties": change.properties,
        "key": change.key,
        "parents": change.parents,
    })
}

/// A build: `properties`, `sources`, `builder`, `number`, `worker`, `changes`, `files`, `results` (config.md, F38).
/// `results` is the given one: a step's while `hide_step_if` asks (F22), else the build's so far.
#[must_use]
pub fn build_view(state: &State, config: &Config, build: &Build, results: Results) -> Value {
    let properties: Map<String, Value> =
        build.properties.iter().map(|(name, it)| (name.to_owned(), it.value.clone())).collect();
    let sources: Map<String, Value> = build
        .stamps
        .iter()
        .map(|stamp| {
            let source = json!({
                "branch": stamp.branch,
                "revision": stamp.revision,
                "repository": stamp.repository,
                "project": stamp.project,
                "codebase": stamp.codebase.as_str(),
            });
            (stamp.codebase.to_string(), source)
        })
        .collect();
    let ids = build.stamps.iter().flat_map(|stamp| &stamp.changes);
    let changes: Vec<&Change> = ids.filter_map(|id| state.change(*id)).collect();
    let mut files: Vec<&str> =
        changes.iter().flat_map(|change| change.files.iter().map(String::as_str)).collect();
    files.sort_unstable();
    files.dedup();
    let builder = config.builders.get(&build.builder);
    json!({
        "properties": properties,
        "sources": sources,
        "builder": {
            "name": build.builder.as_str(),
            "tags": builder.map(|builder| builder.tags.as_slice()).unwrap_or_default(),
            "project": builder.map_or("", |builder| &builder.project),
            "description": builder.map_or("", |builder| &builder.description),
        },
        "number": build.number,
        "worker": build.worker.as_str(),
        "changes": changes.into_iter().map(change_view).collect::<Vec<_>>(),
        "files": files,
        "results": results.word(),
    })
}

/// Whether a value counts as true, as in Python: `None`, `False`, zero and empty things do not.
#[must_use]
pub fn truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(yes) => *yes,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(map) => !map.is_empty(),
    }
}
