//! What functions of the configuration see: a build or a change as plain values, made in this one place (config.md).

use serde_json::{Map, Value, json};

use crate::change::{Change, SourceStamp};
use crate::config::{Builder, Config, Scheduler};
use crate::id::{BuilderName, WorkerName};
use crate::inheritance;
use crate::model::{Build, BuildRequest};
use crate::properties::Properties;
use crate::results::Results;
use crate::state::{GOT_REVISION, State};

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
    let changes = changes_of(state, &build.stamps);
    let files = files_of(&changes);
    let builder = config.builders.get(&build.builder);
    json!({
        "properties": recipe_properties(config, build),
        "sources": sources_of(build),
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

/// What a scheduler wants built, before its builders are chosen (TS-11): `scheduler`, `reason`, `builders`, and what a
/// build of it would have: `properties`, `sources`, `changes`, `files`.
#[must_use]
pub(crate) fn order_view(
    state: &State,
    scheduler: &Scheduler,
    reason: &str,
    stamps: &[SourceStamp],
    properties: &Properties,
) -> Value {
    let changes = changes_of(state, stamps);
    json!({
        "scheduler": scheduler.name.as_str(),
        "reason": reason,
        "builders": scheduler.builders.iter().map(BuilderName::as_str).collect::<Vec<_>>(),
        "properties": plain(properties),
        "sources": sources(stamps),
        "files": files_of(&changes),
        "changes": changes.into_iter().map(change_view).collect::<Vec<_>>(),
    })
}

/// A builder, as policies see it (F38).
#[must_use]
pub fn builder_view(builder: &Builder) -> Value {
    json!({
        "name": builder.name.as_str(),
        "tags": builder.tags,
        "project": builder.project,
        "description": builder.description,
    })
}

/// A worker, as policies see it: what is declared of it, what it says of itself, and how much it does.
#[must_use]
pub fn worker_view(state: &State, config: &Config, name: &WorkerName) -> Value {
    let declared = config.workers.get(name);
    let known = state.worker(name);
    json!({
        "name": name.as_str(),
        "properties": declared.map(|worker| &worker.properties),
        "max_builds": declared.and_then(|worker| worker.max_builds),
        "running": state.load_of(name),
        "platform": known.map_or("", |worker| &worker.info.platform),
        "version": known.map_or("", |worker| &worker.info.version),
        "cpus": known.map_or(0, |worker| worker.info.cpus),
        "memory_bytes": known.map_or(0, |worker| worker.info.memory_bytes),
    })
}

/// A request with what its buildset says, as policies see it.
#[must_use]
pub fn request_view(state: &State, request: &BuildRequest) -> Value {
    let buildset = state.buildset(request.buildset);
    let changes: Vec<u64> = buildset
        .into_iter()
        .flat_map(|buildset| buildset.stamps.iter().flat_map(|stamp| &stamp.changes))
        .map(|id| id.0)
        .collect();
    json!({
        "id": request.id.0,
        "buildset": request.buildset.0,
        "priority": request.priority,
        "submitted_at": request.submitted_at.0,
        "attempt": request.builds.len() + 1,
        "reason": buildset.map_or("", |buildset| &buildset.reason),
        "scheduler": buildset.map_or("", |buildset| &buildset.scheduler),
        "waited_for": buildset.is_some_and(|buildset| buildset.waited_for),
        "properties": buildset.map(|buildset| plain(&buildset.properties)).unwrap_or_default(),
        "sources": buildset.map(|buildset| sources(&buildset.stamps)).unwrap_or_default(),
        "changes": changes,
    })
}

/// A property as the recipe sees it: values, templates, conditions and functions agree on it. What source steps obtained is
/// kept as a map of codebase to revision; where the builder checks out one codebase, its recipe sees the revision itself
/// (SS-7 better).
#[must_use]
pub fn recipe_property<'a>(config: &Config, build: &'a Build, name: &str) -> Option<&'a Value> {
    let value = build.properties.get(name)?;
    let (GOT_REVISION, Value::Object(map)) = (name, value) else { return Some(value) };
    let only = config
        .builders
        .get(&build.builder)
        .and_then(|builder| inheritance::only_stamp(config, builder, build));
    match only {
        Some(stamp) if map.len() == 1 => Some(map.get(stamp.codebase.as_str()).unwrap_or(value)),
        _ => Some(value),
    }
}

fn recipe_properties(config: &Config, build: &Build) -> Map<String, Value> {
    let names = build.properties.iter().map(|(name, _)| name);
    names
        .filter_map(|name| Some((name.to_owned(), recipe_property(config, build, name)?.clone())))
        .collect()
}

fn changes_of<'a>(state: &'a State, stamps: &[SourceStamp]) -> Vec<&'a Change> {
    let ids = stamps.iter().flat_map(|stamp| &stamp.changes);
    ids.filter_map(|id| state.change(*id)).collect()
}

/// The files of changes, each once, sorted.
fn files_of<'a>(changes: &[&'a Change]) -> Vec<&'a str> {
    let mut files: Vec<&str> =
        changes.iter().flat_map(|change| change.files.iter().map(String::as_str)).collect();
    files.sort_unstable();
    files.dedup();
    files
}

fn plain(properties: &Properties) -> Map<String, Value> {
    properties.iter().map(|(name, it)| (name.to_owned(), it.value.clone())).collect()
}

fn sources(stamps: &[SourceStamp]) -> Map<String, Value> {
    let source = |stamp: &SourceStamp| {
        let source = json!({
            "branch": stamp.branch,
            "revision": stamp.revision,
            "repository": stamp.repository,
            "project": stamp.project,
            "codebase": stamp.codebase.as_str(),
        });
        (stamp.codebase.to_string(), source)
    };
    stamps.iter().map(source).collect()
}

/// A build's stamps, each with what was obtained of it; `None` until its source step is over.
fn sources_of(build: &Build) -> Map<String, Value> {
    let mut all = sources(&build.stamps);
    for (codebase, source) in &mut all {
        if let Value::Object(source) = source {
            source
                .insert(GOT_REVISION.to_owned(), build.got_revision.get(codebase).cloned().into());
        }
    }
    all
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
