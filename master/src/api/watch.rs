//! One watcher's stream: a snapshot in parts or what was missed, then deltas, and a beat when nothing happens.
//!
//! A watcher holds nothing here but its place in the hub's ring, so a slow one costs no memory: when it reads on it gets
//! the present values. Who has fallen out of the ring gets a fresh snapshot within the same stream.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use linn_core::state::TAIL_BUILDS;
use linn_core::time::Timestamp;
use linn_proto::console::{self as wire, watch_reply};
use linn_proto::entity::entity::Of;
use linn_proto::entity::{BuildState, Entity, EntityId, Notice};
use prost::Message as _;
use tokio::sync::mpsc;
use tonic::Status;

use super::hub::{Hub, News, Place};
use super::{Doors, convert};
use crate::store::{BuildFilter, BuildStateFilter};

/// The most bytes of things in one message.
const PART_BYTES: usize = 1 << 20;
/// How often a silent stream says that it lives.
const BEAT_EVERY: Duration = Duration::from_secs(10);
/// The least time between two deltas: a screen is not drawn more often, and a burst becomes one delta.
const PACE: Duration = Duration::from_millis(10);
/// How many finished builds of each builder a snapshot has when nobody says.
const BUILDS_BACK: usize = 20;

/// The most finished builds of one builder in a snapshot.
const MAX_BUILDS_BACK: usize = 1_000;
/// About the most finished builds that a snapshot takes from history, of all builders together.
const MAX_OLDER_BUILDS: usize = 10_000;

/// Messages on their way to a watcher.
pub(super) type Outbound = mpsc::Sender<Result<wire::WatchReply, Status>>;

/// The watcher went away.
struct Left;

/// Serves one watcher until it leaves or the doors close.
pub(super) async fn watch(doors: Arc<Doors>, request: wire::WatchRequest, out: Outbound) {
    let _counted = doors.hub.watcher();
    let watching = Watching { doors: doors.clone(), request, out };
    tokio::select! {
        _left = watching.run() => {}
        () = doors.ending.cancelled() => {
            let ending = super::status::away("the master is ending");
            drop(watching.out.try_send(Err(ending)));
        }
    }
}

struct Watching {
    doors: Arc<Doors>,
    request: wire::WatchRequest,
    out: Outbound,
}

impl Watching {
    async fn run(&self) -> Result<(), Left> {
        let hub = &self.doors.hub;
        let mut moved = hub.moved();
        let mut place = match hub.resume(&self.request.epoch, self.request.since) {
            Some(place) => {
                let resumed = wire::Resumed { epoch: hub.epoch().to_vec(), seq: place.seq };
                self.say(watch_reply::Msg::Resumed(resumed)).await?;
                place
            }
            None => self.snapshot().await?,
        };
        loop {
            moved.mark_unchanged();
            let before = place.seq;
            match hub.news(&mut place) {
                News::None => {}
                News::Behind => {
                    place = self.snapshot().await?;
                    continue;
                }
                News::Some { seq, at, upserts, removals, notices } => {
                    for delta in deltas(before, seq, at, upserts, removals, &notices) {
                        self.say(watch_reply::Msg::Delta(delta)).await?;
                    }
                    tokio::time::sleep(PACE).await;
                    continue;
                }
            }
            tokio::select! {
                changed = moved.changed() => changed.map_err(|_| Left)?,
                () = tokio::time::sleep(BEAT_EVERY) => {
                    let at_ms = self.doors.engine.now().0;
                    self.say(watch_reply::Msg::Beat(wire::Beat { at_ms, seq: hub.seq() })).await?;
                }
                () = self.out.closed() => return Err(Left),
            }
        }
    }

    async fn snapshot(&self) -> Result<Place, Left> {
        let hub: &Hub = &self.doors.hub;
        let (mut things, place) = hub.snapshot();
        let wanted = match self.request.builds_back {
            0 => BUILDS_BACK,
            wanted => usize::try_from(wanted).unwrap_or(usize::MAX),
        };
        let had = newest_builds(&mut things, wanted);
        if wanted > TAIL_BUILDS {
            things.extend(self.older_builds(&had, wanted).await);
        }
        let mut parts = parts(things).into_iter().peekable();
        // An empty master has a snapshot too.
        let mut part = parts.next().unwrap_or_default();
        loop {
            let next = parts.next();
            let snapshot = wire::SnapshotPart {
                epoch: hub.epoch().to_vec(),
                seq: place.seq,
                entities: part.iter().map(|thing| Entity::clone(thing)).collect(),
                last: next.is_none(),
            };
            self.say(watch_reply::Msg::Snapshot(snapshot)).await?;
            match next {
                Some(next) => part = next,
                None => return Ok(place),
            }
        }
    }

    /// Finished builds that the hub no longer has, from history. That they cannot be read leaves a shorter past.
    async fn older_builds(&self, had: &HashMap<String, Had>, wanted: usize) -> Vec<Arc<Entity>> {
        let short: Vec<BuildFilter> = had
            .iter()
            .filter(|(_, had)| had.count >= TAIL_BUILDS && had.count < wanted)
            .map(|(builder, had)| BuildFilter {
                builder: Some(builder.as_str().into()),
                state: Some(BuildStateFilter::Finished),
                before: Some(had.oldest),
                limit: wanted.min(MAX_BUILDS_BACK) - had.count,
                brief: true,
                ..BuildFilter::default()
            })
            .collect();
        let read = move |queries: &crate::store::Queries| {
            let mut rows = Vec::new();
            for filter in short {
                rows.extend(queries.builds(&filter)?);
                if rows.len() >= MAX_OLDER_BUILDS {
                    break;
                }
            }
            Ok(rows)
        };
        let rows = self.doors.query(read).await.unwrap_or_default();
        let thing = |row: &linn_core::model::Build| {
            Arc::new(Entity { of: Some(Of::Build(convert::build(row, None, None))) })
        };
        rows.iter().map(thing).collect()
    }

    async fn say(&self, msg: watch_reply::Msg) -> Result<(), Left> {
        self.out.send(Ok(wire::WatchReply { msg: Some(msg) })).await.map_err(|_| Left)
    }
}

/// What a snapshot has of a builder's finished builds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Had {
    count: usize,
    /// The id of the oldest.
    oldest: u64,
}

/// Leaves at most `wanted` finished builds of each builder, the newest, and tells what is left.
fn newest_builds(things: &mut Vec<Arc<Entity>>, wanted: usize) -> HashMap<String, Had> {
    let mut had: HashMap<String, Had> = HashMap::new();
    // Builds are in order of their numbers, so the newest of a builder come first from the end.
    let mut keep: Vec<bool> = things
        .iter()
        .rev()
        .map(|thing| match &thing.of {
            Some(Of::Build(build)) if build.state() == BuildState::Finished => {
                let of = had.entry(build.builder.clone()).or_default();
                let fits = of.count < wanted;
                if fits {
                    *of = Had { count: of.count + 1, oldest: build.id };
                }
                fits
            }
            _ => true,
        })
        .collect();
    things.retain(|_| keep.pop().unwrap_or(true));
    had
}

/// Things in portions of at most [`PART_BYTES`], or of one thing that is larger.
fn parts(things: Vec<Arc<Entity>>) -> Vec<Vec<Arc<Entity>>> {
    let mut parts = Vec::new();
    let mut part = Vec::new();
    let mut bytes = 0;
    for thing in things {
        let size = thing.encoded_len() + 8;
        if bytes + size > PART_BYTES && !part.is_empty() {
            parts.push(std::mem::take(&mut part));
            bytes = 0;
        }
        bytes += size;
        part.push(thing);
    }
    if !part.is_empty() {
        parts.push(part);
    }
    parts
}

/// News as deltas of bounded size. All but the last carry the number before, so that who is cut off in between asks for
/// all of it again.
fn deltas(
    before: u64,
    seq: u64,
    at: Timestamp,
    upserts: Vec<Arc<Entity>>,
    removals: Vec<EntityId>,
    notices: &[Arc<Notice>],
) -> Vec<wire::Delta> {
    let mut deltas: Vec<wire::Delta> = parts(upserts)
        .into_iter()
        .map(|part| wire::Delta {
            seq: before,
            at_ms: at.0,
            upserts: part.iter().map(|thing| Entity::clone(thing)).collect(),
            ..wire::Delta::default()
        })
        .collect();
    if deltas.is_empty() {
        deltas.push(wire::Delta { at_ms: at.0, ..wire::Delta::default() });
    }
    if let Some(last) = deltas.last_mut() {
        last.seq = seq;
        last.removals = removals;
        last.notices = notices.iter().map(|notice| Notice::clone(notice)).collect();
    }
    deltas
}

#[cfg(test)]
mod tests {
    use linn_proto::entity::Build;

    use super::*;

    fn build(number: u32, state: BuildState, text: &str) -> Arc<Entity> {
        let build = Build {
            builder: "linux".to_owned(),
            number,
            state: state.into(),
            text: text.to_owned(),
            ..Build::default()
        };
        Arc::new(Entity { of: Some(Of::Build(build)) })
    }

    #[test]
    fn the_newest_finished_builds_and_all_others_stay() {
        let mut things: Vec<_> =
            (2..=5).map(|number| build(number, BuildState::Finished, "")).collect();
        things.insert(0, build(1, BuildState::Running, ""));
        let had = newest_builds(&mut things, 2);
        assert_eq!(had.get("linux").map(|had| had.count), Some(2));
        let numbers: Vec<u32> = things
            .iter()
            .map(|thing| match &thing.of {
                Some(Of::Build(build)) => build.number,
                _ => 0,
            })
            .collect();
        assert_eq!(numbers, [1, 4, 5]);
    }

    #[test]
    fn large_news_come_in_parts_and_only_the_last_moves_the_number() {
        let text = "x".repeat(400_000);
        let things = (1..=6).map(|number| build(number, BuildState::Running, &text)).collect();
        let deltas = deltas(7, 9, Timestamp(1), things, Vec::new(), &[]);
        assert_eq!(deltas.iter().map(|delta| delta.seq).collect::<Vec<_>>(), [7, 7, 9]);
        assert_eq!(deltas.iter().map(|delta| delta.upserts.len()).sum::<usize>(), 6);
        assert!(deltas.iter().all(|delta| delta.encoded_len() <= PART_BYTES + 1024));
    }
}
