//! One thing by its reference, whole. No reference is a mistake, a reference to nothing is not found (C18).

use std::sync::Arc;

use linn_core::action::Refusal;
use linn_core::id::{BuilderName, BuildsetId, ChangeId, RequestId};
use linn_core::master::Master;
use linn_core::model::Build;
use linn_core::time::Timestamp;
use linn_proto::entity::entity::Of;
use linn_proto::entity::{Entity, Kind};
use tonic::Status;

use super::super::convert;
use super::super::key::Key;
use super::super::reference::{self, BuildNamed};
use super::super::{Doors, gone, status};
use super::history::{self, thing};
use super::list::with_status;

/// Gets it.
pub(super) async fn get(doors: &Arc<Doors>, kind: Kind, named: &str) -> Result<Entity, Status> {
    match kind {
        Kind::Unspecified => Err(status::mistake("say which kind of thing is meant")),
        Kind::Change => {
            let id = reference::number(named, "a change")?;
            let found = doors.query(move |queries| queries.change(ChangeId(id))).await?;
            let change = found.ok_or_else(|| no("change", named, "linn changes"))?;
            Ok(thing(Of::Change(convert::change(&change))))
        }
        Kind::Buildset => {
            let id = reference::number(named, "a buildset")?;
            let found = doors.query(move |queries| queries.buildset(BuildsetId(id))).await?;
            let buildset = found.ok_or_else(|| no("buildset", named, "linn buildsets"))?;
            Ok(thing(Of::Buildset(convert::buildset(&buildset))))
        }
        Kind::Request => {
            let id = reference::number(named, "a request")?;
            let found = doors.query(move |queries| queries.request(RequestId(id))).await?;
            let request = found.ok_or_else(|| no("request", named, "linn requests --all"))?;
            let whole = history::requests(doors, vec![request]).await?.pop();
            whole.map(|request| thing(Of::Request(request))).ok_or_else(|| lost("request"))
        }
        Kind::Build => {
            let build = build(doors, reference::build(named)?).await?;
            let whole = history::builds(doors, vec![build]).await?.pop();
            whole.map(|build| thing(Of::Build(build))).ok_or_else(|| lost("build"))
        }
        Kind::Builder => named_thing(doors, Key::Builder(named.into()), "builder", named).await,
        Kind::Worker => {
            let worker = named_thing(doors, Key::Worker(named.into()), "worker", named).await?;
            Ok(with_status(doors, worker))
        }
        Kind::Scheduler => {
            named_thing(doors, Key::Scheduler(named.into()), "scheduler", named).await
        }
        Kind::Source => {
            let source = named_thing(doors, Key::Source(named.into()), "source", named).await?;
            Ok(with_status(doors, source))
        }
        Kind::Lock => {
            reference::name(named, "lock")?;
            let locks = doors.engine.ask(Master::locks).await;
            let locks = locks.map_err(|error| gone(&error))?;
            let found = locks.iter().find(|lock| lock.key.lock.as_str() == named);
            let lock = found.ok_or_else(|| no("lock", named, "linn locks"))?;
            Ok(thing(Of::Lock(convert::lock(lock))))
        }
        Kind::Master => named_thing(doors, Key::Master, "master", "master").await,
    }
}

/// A build of history, by its number or a builder's newest.
pub(in crate::api) async fn build(doors: &Arc<Doors>, named: BuildNamed) -> Result<Build, Status> {
    let asked = named.clone();
    let found = doors
        .query(move |queries| match &asked {
            BuildNamed::Exactly(build) => queries.build(build),
            BuildNamed::Newest(builder) => queries.newest_build(builder),
        })
        .await?;
    match (found, named) {
        (Some(build), _) => Ok(build),
        (None, BuildNamed::Exactly(build)) => {
            let asked = build.clone();
            if let Some(at) = doors.query(move |queries| queries.deleted(&asked)).await? {
                let what = format!("`{build}` was deleted by retention on {}", day(at));
                let hint =
                    format!("`linn builds --builder {}` lists those that are kept", build.builder);
                return Err(status::unknown(what, &hint));
            }
            // Which of the two is wrong helps to find out what was meant.
            named_thing(
                doors,
                Key::Builder(build.builder.clone()),
                "builder",
                build.builder.as_str(),
            )
            .await?;
            let hint = format!("`linn builds --builder {}` lists them", build.builder);
            Err(status::unknown(format!("there is no build `{build}`"), &hint))
        }
        (None, BuildNamed::Newest(builder)) => {
            named_thing(doors, Key::Builder(builder.clone()), "builder", builder.as_str()).await?;
            let hint = format!("`linn force {builder}` makes one");
            Err(status::unknown(format!("builder `{builder}` has not built yet"), &hint))
        }
    }
}

/// Nothing was found for a builder: that it is declared, or has built before it was taken out, makes that an answer;
/// otherwise the name is wrong. The empty text names no builder.
pub(super) async fn builder_known(doors: &Arc<Doors>, named: &str) -> Result<(), Status> {
    if named.is_empty() {
        return Ok(());
    }
    let builder = BuilderName::from(named);
    let built = builder.clone();
    if doors.query(move |queries| queries.newest_build(&built)).await?.is_some() {
        return Ok(());
    }
    named_thing(doors, Key::Builder(builder), "builder", named).await.map(drop)
}

/// A thing of the configuration, or a sentence with the nearest name.
async fn named_thing(
    doors: &Arc<Doors>,
    key: Key,
    sort: &'static str,
    named: &str,
) -> Result<Entity, Status> {
    reference::name(named, sort)?;
    if let Some(found) = doors.hub.get(&key) {
        return Ok(Entity::clone(&found));
    }
    let config = doors.engine.ask(|master| master.config().clone()).await;
    let config = config.map_err(|error| gone(&error))?;
    let known: Vec<&str> = match key {
        Key::Builder(_) => config.builders.keys().map(linn_core::id::BuilderName::as_str).collect(),
        Key::Worker(_) => config.workers.keys().map(linn_core::id::WorkerName::as_str).collect(),
        Key::Scheduler(_) => {
            config.schedulers.iter().map(|scheduler| scheduler.name.as_str()).collect()
        }
        Key::Source(_) => config.sources.keys().map(linn_core::id::SourceName::as_str).collect(),
        _ => Vec::new(),
    };
    let refusal = Refusal::no_such(sort, &named.escape_debug(), known.into_iter());
    Err(status::of_refusal(&refusal))
}

/// The day of a moment, in UTC.
pub(super) fn day(at: Timestamp) -> String {
    at.to_string().chars().take(10).collect()
}

fn no(sort: &str, named: &str, list: &str) -> Status {
    let shown = named.escape_debug();
    status::unknown(format!("there is no {sort} `{shown}`"), &format!("`{list}` lists them"))
}

fn lost(sort: &str) -> Status {
    status::broken(format!("the {sort} was there a moment ago and is not now"), "")
}
