//! Rows of history as things: what the database keeps, with what only the engine knows laid over it.

use std::collections::HashMap;
use std::sync::Arc;

use linn_core::eta;
use linn_core::id::{BuildId, BuildsetId, LogId, RequestId};
use linn_core::model::{Build, BuildRequest, Buildset};
use linn_proto::entity::entity::Of;
use linn_proto::entity::{self as entity, Entity};
use tonic::Status;

use super::super::convert::{self, Asked};
use super::super::key::Key;
use super::super::view::{build_entity, request_entity};
use super::super::{Doors, gone};
use crate::engine::Gone;
use crate::logs::LogKey;
use crate::store::BuildFilter;

/// A thing.
pub(super) fn thing(of: Of) -> Entity {
    Entity { of: Some(of) }
}

/// Builds, whole: those that the engine still remembers with what is expected of them.
pub(super) async fn builds(doors: &Doors, rows: Vec<Build>) -> Result<Vec<entity::Build>, Status> {
    let running: Vec<BuildId> =
        rows.iter().filter(|build| build.complete_at.is_none()).map(|build| build.id).collect();
    let mut fresh: HashMap<u64, entity::Build> = HashMap::new();
    if !running.is_empty() {
        let now = doors.engine.now();
        let look = move |master: &linn_core::master::Master| {
            let state = master.state();
            let known = running.iter().filter_map(|id| state.build(*id));
            known
                .map(|build| {
                    let usual = eta::usual(state, &build.builder);
                    let mut entity = build_entity(build, &usual, now);
                    entity.properties = convert::properties(&build.properties);
                    convert::set_tests(&mut entity, build);
                    convert::set_progress(&mut entity, master.progress(build.id));
                    (build.id.0, entity)
                })
                .collect::<Vec<_>>()
        };
        fresh = known(doors, look).await?.into_iter().collect();
    }
    let whole = |row: Build| {
        fresh.remove(&row.id.0).unwrap_or_else(|| {
            let mut entity = convert::build(&row, None, None);
            entity.properties = convert::properties(&row.properties);
            convert::set_tests(&mut entity, &row);
            entity
        })
    };
    let mut builds: Vec<entity::Build> = rows.into_iter().map(whole).collect();
    for build in builds.iter_mut().filter(|build| build.complete_at_ms.is_none()) {
        measure_logs(doors, build).await;
    }
    Ok(builds)
}

/// What only the engine knows. While it cannot write (F14) it answers nobody, and rows alone are told: whoever only reads
/// need not hear of the disk.
async fn known<T: Default + Send + 'static>(
    doors: &Doors,
    look: impl FnOnce(&linn_core::master::Master) -> T + Send + 'static,
) -> Result<T, Status> {
    match doors.engine.ask(look).await {
        Ok(known) => Ok(known),
        Err(Gone::NotWritten(_)) => Ok(T::default()),
        Err(error) => Err(gone(&error)),
    }
}

/// How many builds of a page may be read one by one.
const FEW: usize = 32;

/// Builds without their properties, newest first, for the page that is asked for most: those that are over are taken from
/// what consoles are shown anyway, and only few rows are read. `None`: there are more to read than that.
pub(super) async fn remembered(
    doors: &Arc<Doors>,
    filter: &BuildFilter,
) -> Result<Option<Vec<entity::Build>>, Status> {
    let asked = filter.clone();
    let Some(refs) = doors.query(move |queries| queries.build_refs(&asked)).await? else {
        return Ok(None);
    };
    let mut found: Vec<Option<entity::Build>> = Vec::with_capacity(refs.len());
    let mut missing = Vec::new();
    for (id, build) in refs {
        let shown = doors.hub.get(&Key::Build(build.builder.clone(), build.number));
        match shown.and_then(|entity| entity.of.clone()) {
            Some(Of::Build(shown)) if shown.id == id.0 && shown.complete_at_ms.is_some() => {
                found.push(Some(shown));
            }
            _ => {
                found.push(None);
                missing.push(build);
            }
        }
    }
    if missing.len() > FEW {
        return Ok(None);
    }
    let read = move |queries: &crate::store::Queries| {
        let rows: Result<Vec<_>, _> = missing.iter().map(|build| queries.build(build)).collect();
        Ok(rows?.into_iter().flatten().collect::<Vec<_>>())
    };
    let rows = doors.query(read).await?;
    let mut rows = builds(doors, rows).await?.into_iter();
    // Those that were forgotten between the two looks are missing, and nobody else is.
    let mut whole: Vec<_> =
        found.into_iter().filter_map(|build| build.or_else(|| rows.next())).collect();
    whole.iter_mut().for_each(make_brief);
    Ok(Some(whole))
}

/// Leaves out what a list does not show: properties, and tests that failed.
pub(super) fn make_brief(build: &mut entity::Build) {
    build.properties.clear();
    build.steps.iter_mut().for_each(|step| step.tests.clear());
}

/// How long the logs of a build that runs are now: the engine sees none of their bytes, so it cannot tell.
async fn measure_logs(doors: &Doors, build: &mut entity::Build) {
    let id = BuildId(build.id);
    let logs = build.steps.iter_mut().flat_map(|step| &mut step.logs);
    for log in logs.filter(|log| !log.complete) {
        let key = LogKey::new(id, LogId(log.id), log.name.clone());
        // One that cannot be read keeps the length it is recorded with; reading it will tell why.
        if let Ok(lengths) = doors.logs.lengths(&key).await {
            (log.bytes, log.lines) = (lengths.bytes, lengths.lines);
        }
    }
}

/// Requests: those that wait with why, all with what their buildsets say.
pub(super) async fn requests(
    doors: &Arc<Doors>,
    rows: Vec<BuildRequest>,
) -> Result<Vec<entity::BuildRequest>, Status> {
    let ids: Vec<RequestId> = rows.iter().map(|request| request.id).collect();
    let look = move |master: &linn_core::master::Master| {
        let mut explainer = master.explainer();
        let known = ids.iter().filter_map(|id| master.state().request(*id));
        known
            .map(|request| {
                let waits = convert::waits(&explainer.waits(request));
                (request.id.0, request_entity(request, master.state(), waits))
            })
            .collect::<HashMap<_, _>>()
    };
    let mut fresh = known(doors, look).await?;
    let old: Vec<BuildsetId> = rows
        .iter()
        .filter(|request| !fresh.contains_key(&request.id.0))
        .map(|request| request.buildset)
        .collect();
    let buildsets = buildsets_of(doors, old).await?;
    let whole = |row: BuildRequest| {
        fresh.remove(&row.id.0).unwrap_or_else(|| {
            let asked = buildsets.get(&row.buildset.0).map(asked).unwrap_or_default();
            convert::request(&row, Vec::new(), asked)
        })
    };
    Ok(rows.into_iter().map(whole).collect())
}

async fn buildsets_of(
    doors: &Doors,
    mut ids: Vec<BuildsetId>,
) -> Result<HashMap<u64, Buildset>, Status> {
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let read = move |queries: &crate::store::Queries| {
        let mut found = HashMap::new();
        for id in ids {
            if let Some(buildset) = queries.buildset(id)? {
                found.insert(id.0, buildset);
            }
        }
        Ok(found)
    };
    doors.query(read).await
}

/// What a buildset of history says: its people are those that forced it, for its changes are not at hand.
fn asked(buildset: &Buildset) -> Asked {
    Asked {
        reason: buildset.reason.clone(),
        stamps: convert::stamps(&buildset.stamps),
        owners: buildset.properties.text("owner").map(ToOwned::to_owned).into_iter().collect(),
    }
}
