//! Lists: what is there now by name, what was by id, newest first. Bounded by count and by bytes; `next_before` pages on.

use std::sync::Arc;

use linn_core::master::Master;
use linn_core::results::Results;
use linn_core::time::Timestamp;
use linn_proto::console::{ListReply, ListRequest};
use linn_proto::entity::entity::Of;
use linn_proto::entity::{Entity, Kind};
use prost::Message as _;
use tonic::Status;

use super::super::convert;
use super::super::key::Key;
use super::super::{Doors, gone, status};
use super::get;
use super::history::{self, thing};
use crate::store::{
    BuildFilter, BuildStateFilter, BuildsetFilter, ChangeFilter, DEFAULT_LIMIT, RequestFilter,
};

/// The most things of one page.
const MAX_LIMIT: usize = 10_000;
/// The most bytes of one page; one thing more may be in it.
const MAX_PAGE_BYTES: usize = linn_proto::MAX_MESSAGE_BYTES - (1 << 19);

/// Lists them.
pub(super) async fn list(doors: &Arc<Doors>, asked: ListRequest) -> Result<ListReply, Status> {
    let limit = match asked.limit {
        0 => DEFAULT_LIMIT,
        limit => usize::try_from(limit).unwrap_or(MAX_LIMIT).min(MAX_LIMIT),
    };
    let before = Some(asked.before).filter(|before| *before > 0);
    let page = |entities| page(entities, limit);
    match asked.kind() {
        Kind::Unspecified => Err(status::mistake("say which kind of thing to list")),
        Kind::Build => {
            let filter = build_filter(&asked, limit, before)?;
            let keyed = |builds: Vec<linn_proto::entity::Build>| {
                page(builds.into_iter().map(|build| (build.id, Of::Build(build))).collect())
            };
            if asked.brief
                && let Some(builds) = history::remembered(doors, &filter).await?
                && !builds.is_empty()
            {
                return Ok(keyed(builds));
            }
            let rows = doors.query(move |queries| queries.builds(&filter)).await?;
            if rows.is_empty() {
                get::builder_known(doors, &asked.builder).await?;
            }
            let mut builds = history::builds(doors, rows).await?;
            if asked.brief {
                builds.iter_mut().for_each(history::make_brief);
            }
            Ok(keyed(builds))
        }
        Kind::Request => {
            let filter = RequestFilter {
                all: asked.all,
                builder: some(&asked.builder).map(Into::into),
                before,
                limit,
            };
            let rows = doors.query(move |queries| queries.requests(&filter)).await?;
            if rows.is_empty() {
                get::builder_known(doors, &asked.builder).await?;
            }
            let requests = history::requests(doors, rows).await?;
            let keyed = requests.into_iter().map(|request| (request.id, Of::Request(request)));
            let mut page = page(keyed.collect());
            if !asked.all {
                // The queue is not in the order of ids, so there is no id to page on from.
                page.next_before = 0;
            }
            Ok(page)
        }
        Kind::Buildset => {
            let builder = some(&asked.builder).map(Into::into);
            let external_id = some(&asked.external_id).map(ToOwned::to_owned);
            let filter = BuildsetFilter { builder, external_id, before, limit };
            let rows = doors.query(move |queries| queries.buildsets(&filter)).await?;
            if rows.is_empty() {
                get::builder_known(doors, &asked.builder).await?;
            }
            let keyed = rows.iter().map(|row| (row.id.0, Of::Buildset(convert::buildset(row))));
            Ok(page(keyed.collect()))
        }
        Kind::Change => {
            let filter = ChangeFilter {
                branch: some(&asked.branch).map(ToOwned::to_owned),
                author: some(&asked.author).map(ToOwned::to_owned),
                before,
                limit,
            };
            let rows = doors.query(move |queries| queries.changes(&filter)).await?;
            let keyed = rows.iter().map(|row| (row.id.0, Of::Change(convert::change(row))));
            Ok(page(keyed.collect()))
        }
        // Nobody is told of them as they change: they are what they are at the moment.
        Kind::Lock => {
            let locks = doors.engine.ask(Master::locks).await;
            let locks = locks.map_err(|error| gone(&error))?;
            let entities = locks.iter().take(limit).map(convert::lock);
            let entities = entities.map(|lock| Entity { of: Some(Of::Lock(lock)) }).collect();
            Ok(ListReply { entities, next_before: 0 })
        }
        kind @ (Kind::Builder | Kind::Worker | Kind::Scheduler | Kind::Source | Kind::Master) => {
            let things = doors.hub.list(|key, _| is_of(kind, key));
            let things = things.iter().take(limit).map(|found| Entity::clone(found));
            let entities = things.map(|found| with_status(doors, found)).collect();
            Ok(ListReply { entities, next_before: 0 })
        }
    }
}

fn is_of(kind: Kind, key: &Key) -> bool {
    match key {
        Key::Builder(_) => kind == Kind::Builder,
        Key::Worker(_) => kind == Kind::Worker,
        Key::Scheduler(_) => kind == Kind::Scheduler,
        Key::Source(_) => kind == Kind::Source,
        Key::Master => kind == Kind::Master,
        Key::Change(_) | Key::Buildset(_) | Key::Request(_) | Key::Build(..) => false,
    }
}

/// With what is so at the moment and nobody is told of otherwise: what a source's task does (C12), and that a worker with
/// a session is seen now.
pub(super) fn with_status(doors: &Doors, mut found: Entity) -> Entity {
    if let Some(Of::Worker(worker)) = &mut found.of
        && worker.connected_at_ms.is_some()
    {
        worker.last_seen_at_ms = Some(doors.engine.now().0);
    }
    if let Some(Of::Source(source)) = &mut found.of
        && let Some(now) = doors.sources.status(&source.name.as_str().into())
    {
        now.state.word().clone_into(&mut source.state);
        source.last_poll_at_ms = convert::at_opt(now.last_poll_at);
        source.next_poll_at_ms = convert::at_opt(now.next_poll_at);
    }
    found
}

fn build_filter(
    asked: &ListRequest,
    limit: usize,
    before: Option<u64>,
) -> Result<BuildFilter, Status> {
    let state = match asked.state.as_str() {
        "" => None,
        "starting" => Some(BuildStateFilter::Starting),
        "running" => Some(BuildStateFilter::Running),
        "stopping" => Some(BuildStateFilter::Stopping),
        "finished" => Some(BuildStateFilter::Finished),
        other => {
            let shown: String = other.chars().take(50).collect();
            return Err(status::mistake(format!(
                "`{}` is no state of a build; it is starting, running, stopping or finished",
                shown.escape_debug()
            )));
        }
    };
    let results = match asked.results.as_str() {
        "" => None,
        word => Some(Results::from_word(&word.to_uppercase()).ok_or_else(|| {
            let shown: String = word.chars().take(50).collect();
            let words: Vec<_> = Results::ALL.into_iter().map(Results::word).collect();
            let shown = shown.escape_debug();
            status::mistake(format!("`{shown}` is no result; it is one of {}", words.join(", ")))
        })?),
    };
    Ok(BuildFilter {
        builder: some(&asked.builder).map(Into::into),
        branch: some(&asked.branch).map(ToOwned::to_owned),
        state,
        results,
        since: Some(Timestamp(asked.since_ms)).filter(|since| since.0 > 0),
        before,
        limit,
        brief: asked.brief,
    })
}

fn some(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

/// As many of these as fit into a message, and where to page on from if there may be more.
fn page(all: Vec<(u64, Of)>, limit: usize) -> ListReply {
    let mut reply = ListReply { entities: Vec::with_capacity(all.len()), next_before: 0 };
    let count = all.len();
    let mut bytes = 0;
    for (id, of) in all {
        let entity = thing(of);
        bytes += entity.encoded_len() + 8;
        reply.entities.push(entity);
        reply.next_before = id;
        if bytes > MAX_PAGE_BYTES {
            break;
        }
    }
    if reply.entities.len() == count && count < limit {
        reply.next_before = 0;
    }
    reply
}

#[cfg(test)]
mod tests {
    use linn_proto::entity::Build;

    use super::*;

    fn builds(count: u64, bytes: usize) -> Vec<(u64, Of)> {
        let text = "x".repeat(bytes);
        (1..=count)
            .rev()
            .map(|id| (id, Of::Build(Build { id, text: text.clone(), ..Build::default() })))
            .collect()
    }

    #[test]
    fn a_page_says_whether_there_is_more() {
        assert_eq!(page(builds(3, 1), 5).next_before, 0);
        assert_eq!(page(builds(3, 1), 3).next_before, 1);
        let large = page(builds(10, 1 << 20), 20);
        assert!(large.entities.len() < 10);
        assert_eq!(large.next_before, 10 - large.entities.len() as u64 + 1);
        assert!(large.encoded_len() < linn_proto::MAX_MESSAGE_BYTES * 2);
    }

    #[test]
    fn words_that_are_none_are_mistakes() {
        let asked = |state: &str, results: &str| ListRequest {
            state: state.to_owned(),
            results: results.to_owned(),
            ..ListRequest::default()
        };
        assert!(build_filter(&asked("", "failure"), 1, None).is_ok());
        assert!(build_filter(&asked("gone", ""), 1, None).is_err());
        assert!(build_filter(&asked("", "RED"), 1, None).is_err());
    }
}
