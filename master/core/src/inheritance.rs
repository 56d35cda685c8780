//! From whom a build has its properties: who lays what over whom (PP-1, PP-3), and those that every build has (PP-2, BM-3).

use std::collections::BTreeSet;

use serde_json::Value;

use crate::change::SourceStamp;
use crate::config::{Builder, Config, SchedulerKind};
use crate::id::SchedulerName;
use crate::model::Build;
use crate::properties::{Origin, Properties};
use crate::state::State;

/// PP-1: site, changes, request, builder, worker, facts of the build; later ones win. Defaults fill what is missing.
/// A parameter that a force form declares wins over builder and worker, as its form says so (PP-3 better).
pub(crate) fn of(
    state: &State,
    config: &Config,
    builder: &Builder,
    asked: &Properties,
    build: &Build,
) -> Properties {
    let mut all = Properties::new();
    for (name, value) in &config.properties {
        all.set(name.clone(), value.clone(), Origin::Master);
    }
    for id in build.stamps.iter().flat_map(|stamp| &stamp.changes) {
        for (name, value) in state.change(*id).into_iter().flat_map(|change| &change.properties) {
            all.set(name.clone(), value.clone(), Origin::Change);
        }
    }
    all.lay_over(asked);
    for (name, value) in &builder.properties {
        all.set(name.clone(), value.clone(), Origin::Builder);
    }
    let worker = config.workers.get(&build.worker);
    for (name, value) in worker.into_iter().flat_map(|worker| &worker.properties) {
        all.set(name.clone(), value.clone(), Origin::Worker);
    }
    for (name, value) in &builder.defaults {
        if all.get(name).is_none() {
            all.set(name.clone(), value.clone(), Origin::Builder);
        }
    }
    for (name, value) in worker.into_iter().flat_map(|worker| &worker.defaults) {
        if all.get(name).is_none() {
            all.set(name.clone(), value.clone(), Origin::Worker);
        }
    }
    // A rebuild has the properties of what it rebuilds (CA-5), so its form is that of the first asking.
    let form = asked.text("scheduler").unwrap_or(&build.scheduler);
    let scheduler = config.scheduler(&SchedulerName::new(form));
    if let Some(SchedulerKind::Force(form)) = scheduler.map(|scheduler| &scheduler.kind) {
        for parameter in form.parameters.iter().flatten() {
            if let Some(value) = asked.get(&parameter.name) {
                all.set(parameter.name.clone(), value.clone(), Origin::Force);
            }
        }
    }
    let name = build.builder.as_str();
    all.set("builder", name, Origin::Build);
    all.set("buildername", name, Origin::Build);
    all.set("buildnumber", build.number, Origin::Build);
    all.set("workername", build.worker.as_str(), Origin::Build);
    if all.get("scheduler").is_none() {
        all.set("scheduler", build.scheduler.as_str(), Origin::Build);
    }
    if let Some(stamp) = only_stamp(config, builder, build) {
        stamp_properties(&mut all, stamp);
    }
    places(state, &mut all, builder, build);
    owners(state, &mut all, build);
    all
}

/// PP-2 better: the only stamp of what the builder checks out. With several they would be ambiguous; but a codebase that is declared
/// for others (TS-9) takes nothing from a builder that never looks at it.
pub(crate) fn only_stamp<'a>(
    config: &Config,
    builder: &Builder,
    build: &'a Build,
) -> Option<&'a SourceStamp> {
    let own = config.codebases_of(builder);
    let mut looked_at = build.stamps.iter().filter(|stamp| own.contains(&stamp.codebase));
    match (looked_at.next(), looked_at.next(), build.stamps.as_slice()) {
        (Some(only), None, _) | (None, None, [only]) => Some(only),
        _ => None,
    }
}

/// Where the build happens on its worker, as the worker told; an older one does not tell.
fn places(state: &State, all: &mut Properties, builder: &Builder, build: &Build) {
    let folder = state.worker(&build.worker).map_or("", |worker| &worker.info.folder);
    if folder.is_empty() {
        return;
    }
    all.set("basedir", folder, Origin::Worker);
    // Workers keep a folder for each builder below this one.
    all.set("builddir", format!("{folder}/builds/{}", builder.folder()), Origin::Worker);
}

/// BM-3: whom the build concerns: the authors of its changes and patches, and who asked for it.
fn owners(state: &State, all: &mut Properties, build: &Build) {
    let mut people: BTreeSet<String> = BTreeSet::new();
    for stamp in &build.stamps {
        let changes = stamp.changes.iter().filter_map(|id| state.change(*id));
        people.extend(changes.map(|change| change.author.clone()));
        people.extend(stamp.patch.iter().map(|patch| patch.author.clone()));
    }
    people.extend(all.text("owner").map(str::to_owned));
    // Several askings were merged: each of them has its owner.
    let merged = all.get("owners").and_then(Value::as_array).cloned().unwrap_or_default();
    people.extend(merged.iter().filter_map(Value::as_str).map(str::to_owned));
    people.remove("");
    if !people.is_empty() {
        all.set("owners", people.into_iter().collect::<Vec<_>>(), Origin::Build);
    }
}

fn stamp_properties(all: &mut Properties, stamp: &SourceStamp) {
    all.set("branch", stamp.branch.clone(), Origin::Build);
    all.set("revision", stamp.revision.clone(), Origin::Build);
    all.set("repository", stamp.repository.as_str(), Origin::Build);
    all.set("project", stamp.project.as_str(), Origin::Build);
    all.set("codebase", stamp.codebase.as_str(), Origin::Build);
}
