//! What this console knows of the master: maps of entities by id, and the sequence number they stand at.
//!
//! Deltas carry current values, never verbs, so applying is inserting: any grouping of the same changes gives the same
//! maps (a property test says so). History is bounded: the newest things of each kind stay, whatever the order they
//! came in.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use linn_proto::entity::{
    Build, BuildRequest, BuildState, Builder, Buildset, Change, Entity, EntityId, Kind, Master,
    Worker, entity::Of,
};

/// Finished builds kept of each builder, beside those that run.
pub(crate) const BUILDS_KEPT: usize = 200;
const CHANGES_KEPT: usize = 2_000;
const REQUESTS_KEPT: usize = 2_000;
const BUILDSETS_KEPT: usize = 2_000;

/// Names a build: `linux#42`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct BuildRef {
    pub(crate) builder: String,
    pub(crate) number: u32,
}

impl BuildRef {
    pub(crate) fn new(builder: impl Into<String>, number: u32) -> Self {
        Self { builder: builder.into(), number }
    }

    /// Reads `BUILDER#NUMBER`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (builder, number) = text.rsplit_once('#')?;
        let number = number.parse().ok()?;
        (!builder.is_empty()).then(|| Self::new(builder, number))
    }
}

impl fmt::Display for BuildRef {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}#{}", self.builder, self.number)
    }
}

/// Which build an entity is.
pub(crate) fn reference(build: &Build) -> BuildRef {
    BuildRef::new(build.builder.clone(), build.number)
}

/// The maps.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Replica {
    /// Which history the numbers belong to; empty before the first snapshot.
    pub(crate) epoch: Vec<u8>,
    /// The last sequence number applied.
    pub(crate) seq: u64,
    pub(crate) changes: BTreeMap<u64, Change>,
    pub(crate) buildsets: BTreeMap<u64, Buildset>,
    pub(crate) requests: BTreeMap<u64, BuildRequest>,
    /// By builder, then number.
    pub(crate) builds: BTreeMap<String, BTreeMap<u32, Build>>,
    pub(crate) builders: BTreeMap<String, Builder>,
    pub(crate) workers: BTreeMap<String, Worker>,
    pub(crate) master: Option<Master>,
    /// The builds that have not ended, by builder: few among many, and asked for in every frame.
    unfinished: BTreeMap<String, BTreeSet<u32>>,
    /// The requests that wait, in queue order: of all builders, and of each. Asked for in every frame, too.
    queue: BTreeSet<Turn>,
    queues: BTreeMap<String, BTreeSet<Turn>>,
}

/// Where a request stands in the queue: by priority, time and id.
type Turn = (i64, i64, u64);

/// The turn of a request; `None`: it does not wait.
fn turn(request: &BuildRequest) -> Option<Turn> {
    (request.claimed_at_ms.is_none() && request.complete_at_ms.is_none())
        .then(|| (-i64::from(request.priority), request.submitted_at_ms, request.id))
}

impl Replica {
    /// Whether a snapshot has come at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.epoch.is_empty()
    }

    /// Starts over from a whole snapshot.
    pub(crate) fn reset(&mut self, epoch: Vec<u8>, seq: u64, entities: Vec<Entity>) {
        *self = Self { epoch, seq, ..Self::default() };
        for entity in entities {
            self.insert(entity);
        }
    }

    /// Applies current values. Removals come after upserts: an id is in one of the two only.
    pub(crate) fn apply(&mut self, seq: u64, upserts: Vec<Entity>, removals: &[EntityId]) {
        for entity in upserts {
            self.insert(entity);
        }
        for id in removals {
            self.remove(id);
        }
        self.seq = self.seq.max(seq);
    }

    fn insert(&mut self, entity: Entity) {
        match entity.of {
            Some(Of::Change(change)) => {
                self.changes.insert(change.id, change);
                trim(&mut self.changes, CHANGES_KEPT, |_| true);
            }
            Some(Of::Buildset(buildset)) => {
                self.buildsets.insert(buildset.id, buildset);
                trim(&mut self.buildsets, BUILDSETS_KEPT, |set| set.complete_at_ms.is_some());
            }
            Some(Of::Request(request)) => {
                if let Some(old) = self.requests.remove(&request.id) {
                    self.unqueue(&old);
                }
                if let Some(turn) = turn(&request) {
                    self.queue.insert(turn);
                    self.queues.entry(request.builder.clone()).or_default().insert(turn);
                }
                self.requests.insert(request.id, request);
                trim(&mut self.requests, REQUESTS_KEPT, |request| request.complete_at_ms.is_some());
            }
            Some(Of::Build(build)) => {
                self.note(&build.builder, build.number, build.state() != BuildState::Finished);
                let builds = self.builds.entry(build.builder.clone()).or_default();
                builds.insert(build.number, build);
                trim(builds, BUILDS_KEPT, |build| build.state() == BuildState::Finished);
            }
            Some(Of::Builder(builder)) => {
                self.builders.insert(builder.name.clone(), builder);
            }
            Some(Of::Worker(worker)) => {
                self.workers.insert(worker.name.clone(), worker);
            }
            Some(Of::Master(master)) => self.master = Some(master),
            // Nothing here shows them yet (screen 8), and a kind of a newer master nothing here can show.
            Some(Of::Scheduler(_) | Of::Source(_) | Of::Lock(_)) | None => {}
        }
    }

    fn remove(&mut self, id: &EntityId) {
        let number = || id.id.parse::<u64>().unwrap_or(0);
        match id.kind() {
            Kind::Change => drop(self.changes.remove(&number())),
            Kind::Buildset => drop(self.buildsets.remove(&number())),
            Kind::Request => {
                if let Some(old) = self.requests.remove(&number()) {
                    self.unqueue(&old);
                }
            }
            Kind::Build => {
                let Some(build) = BuildRef::parse(&id.id) else { return };
                self.note(&build.builder, build.number, false);
                if let Some(builds) = self.builds.get_mut(&build.builder) {
                    builds.remove(&build.number);
                    if builds.is_empty() {
                        self.builds.remove(&build.builder);
                    }
                }
            }
            Kind::Builder => drop(self.builders.remove(&id.id)),
            Kind::Worker => drop(self.workers.remove(&id.id)),
            Kind::Master => self.master = None,
            Kind::Scheduler | Kind::Source | Kind::Lock | Kind::Unspecified => {}
        }
    }

    /// Keeps the list of unfinished builds; a builder without any has no entry.
    fn note(&mut self, builder: &str, number: u32, runs: bool) {
        match self.unfinished.get_mut(builder) {
            Some(numbers) if runs => _ = numbers.insert(number),
            Some(numbers) => {
                numbers.remove(&number);
                if numbers.is_empty() {
                    self.unfinished.remove(builder);
                }
            }
            None if runs => {
                _ = self.unfinished.insert(builder.to_owned(), BTreeSet::from([number]));
            }
            None => {}
        }
    }

    /// Takes a request that is no longer so out of the queue; a builder for which none waits has no entry.
    fn unqueue(&mut self, old: &BuildRequest) {
        let Some(turn) = turn(old) else { return };
        self.queue.remove(&turn);
        if let Some(queue) = self.queues.get_mut(&old.builder) {
            queue.remove(&turn);
            if queue.is_empty() {
                self.queues.remove(&old.builder);
            }
        }
    }

    /// The builds that have not ended, by builder and number.
    pub(crate) fn running(&self) -> impl Iterator<Item = &Build> {
        self.unfinished.iter().flat_map(|(builder, numbers)| {
            let builds = self.builds.get(builder);
            numbers.iter().filter_map(move |number| builds?.get(number))
        })
    }

    /// The newest build of a builder that has not ended.
    pub(crate) fn running_of(&self, builder: &str) -> Option<&Build> {
        let newest = self.unfinished.get(builder)?.last()?;
        self.builds.get(builder)?.get(newest)
    }

    /// A build by its reference.
    pub(crate) fn build(&self, id: &BuildRef) -> Option<&Build> {
        self.builds.get(&id.builder)?.get(&id.number)
    }

    /// The known builds of a builder, oldest first.
    pub(crate) fn builds_of(&self, builder: &str) -> impl DoubleEndedIterator<Item = &Build> {
        self.builds.get(builder).into_iter().flat_map(BTreeMap::values)
    }

    /// All known builds.
    pub(crate) fn all_builds(&self) -> impl Iterator<Item = &Build> {
        self.builds.values().flat_map(BTreeMap::values)
    }

    /// The newest finished build of a builder that says something about the code: skipped and cancelled ones do not.
    pub(crate) fn last_verdict(&self, builder: &str) -> Option<&Build> {
        use linn_proto::common::Results::{Exception, Failure, Success, Warnings};
        self.builds_of(builder).rev().find(|build| {
            build.state() == BuildState::Finished
                && matches!(build.results(), Success | Warnings | Failure | Exception)
        })
    }

    /// The requests that wait, in queue order.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = &BuildRequest> {
        self.queue.iter().filter_map(|(_, _, id)| self.requests.get(id))
    }

    /// How many wait.
    pub(crate) fn waiting_count(&self) -> usize {
        self.queue.len()
    }

    /// The requests of a builder that wait, in queue order.
    pub(crate) fn waiting_of(&self, builder: &str) -> impl Iterator<Item = &BuildRequest> {
        let queue = self.queues.get(builder).into_iter().flatten();
        queue.filter_map(|(_, _, id)| self.requests.get(id))
    }
}

/// Keeps the `kept` things with the highest ids among those that may be forgotten.
///
/// The oldest goes first, so what stays does not depend on the order of arrival.
fn trim<K: Ord + Clone, V>(
    map: &mut BTreeMap<K, V>,
    kept: usize,
    forgettable: impl Fn(&V) -> bool,
) {
    // Unfinished things are few; without them the common case ends here.
    if map.len() <= kept {
        return;
    }
    let count = map.values().filter(|value| forgettable(value)).count();
    let old: Vec<K> = map
        .iter()
        .filter(|(_, value)| forgettable(value))
        .take(count.saturating_sub(kept))
        .map(|(id, _)| id.clone())
        .collect();
    for id in old {
        map.remove(&id);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn build(number: u32, revision: u32) -> Entity {
        let state = if revision > 2 { BuildState::Finished } else { BuildState::Running };
        Entity {
            of: Some(Of::Build(Build {
                builder: format!("b{}", number % 3),
                number: number / 3,
                state: state.into(),
                text: revision.to_string(),
                ..Build::default()
            })),
        }
    }

    fn request(id: u32, revision: u32) -> Entity {
        let complete_at_ms = (revision > 2).then_some(1);
        let request = BuildRequest {
            id: u64::from(id),
            priority: 1,
            complete_at_ms,
            ..BuildRequest::default()
        };
        Entity { of: Some(Of::Request(request)) }
    }

    fn id_of(entity: &Entity) -> EntityId {
        match entity.of.as_ref().unwrap() {
            Of::Build(build) => {
                EntityId { kind: Kind::Build.into(), id: reference(build).to_string() }
            }
            Of::Request(request) => {
                EntityId { kind: Kind::Request.into(), id: request.id.to_string() }
            }
            _ => unreachable!("only builds and requests are made here"),
        }
    }

    /// What the master does for a slow console: the last word on each id, in one delta.
    fn coalesce(deltas: &[Vec<(Entity, bool)>]) -> (Vec<Entity>, Vec<EntityId>) {
        let mut last: BTreeMap<String, (Entity, bool)> = BTreeMap::new();
        for (entity, removed) in deltas.iter().flatten() {
            let id = id_of(entity);
            last.insert(format!("{}{}", id.kind, id.id), (entity.clone(), *removed));
        }
        let (gone, here): (Vec<_>, Vec<_>) = last.into_values().partition(|(_, removed)| *removed);
        (
            here.into_iter().map(|(entity, _)| entity).collect(),
            gone.iter().map(|(entity, _)| id_of(entity)).collect(),
        )
    }

    proptest! {
        /// console.md J, model: any prefix, any cut, any coalescing gives the same maps.
        #[test]
        fn any_coalescing_gives_the_same_maps(
            steps in prop::collection::vec((0_u32..40, 0_u32..4, prop::bool::weighted(0.2), any::<bool>()), 0..60),
            cuts in prop::collection::vec(1_usize..6, 1..20),
        ) {
            let deltas: Vec<Vec<(Entity, bool)>> = steps
                .iter()
                .map(|&(id, revision, removed, is_build)| {
                    let entity = if is_build { build(id, revision) } else { request(id, revision) };
                    vec![(entity, removed)]
                })
                .collect();
            let mut one_by_one = Replica::default();
            one_by_one.reset(vec![1], 0, Vec::new());
            for (index, delta) in deltas.iter().enumerate() {
                let (upserts, removals) = coalesce(std::slice::from_ref(delta));
                one_by_one.apply(index as u64 + 1, upserts, &removals);
            }
            let mut grouped = Replica::default();
            grouped.reset(vec![1], 0, Vec::new());
            let mut rest = deltas.as_slice();
            let mut seq = 0;
            for cut in cuts.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (group, after) = rest.split_at((*cut).min(rest.len()));
                rest = after;
                seq += group.len() as u64;
                let (upserts, removals) = coalesce(group);
                grouped.apply(seq, upserts, &removals);
            }
            prop_assert_eq!(one_by_one, grouped);
        }
    }

    #[test]
    fn history_is_bounded_and_running_builds_stay() {
        let mut replica = Replica::default();
        replica.apply(1, vec![build(0, 0)], &[]);
        for number in 1..1000 {
            replica.apply(u64::from(number), vec![build(number * 3, 3)], &[]);
        }
        let builds = &replica.builds["b0"];
        assert_eq!(builds.len(), BUILDS_KEPT + 1);
        assert!(builds.contains_key(&0) && builds.contains_key(&999) && !builds.contains_key(&1));
    }

    #[test]
    fn the_queue_is_in_order_and_follows_what_becomes_of_requests() {
        let request = |id: u64, builder: &str, priority, claimed_at_ms| Entity {
            of: Some(Of::Request(BuildRequest {
                id,
                builder: builder.into(),
                priority,
                claimed_at_ms,
                ..BuildRequest::default()
            })),
        };
        let mut replica = Replica::default();
        let ids = |replica: &Replica| replica.waiting().map(|one| one.id).collect::<Vec<_>>();
        let all =
            vec![request(1, "a", 0, None), request(2, "b", 0, None), request(3, "a", 5, None)];
        replica.apply(1, all, &[]);
        assert_eq!(ids(&replica), [3, 1, 2]);
        assert_eq!(replica.waiting_of("a").map(|one| one.id).collect::<Vec<_>>(), [3, 1]);
        replica.apply(2, vec![request(3, "a", 5, Some(1)), request(2, "b", 9, None)], &[]);
        assert_eq!(ids(&replica), [2, 1]);
        let gone = EntityId { kind: Kind::Request.into(), id: "2".into() };
        replica.apply(3, Vec::new(), &[gone]);
        assert_eq!(ids(&replica), [1]);
        assert_eq!(replica.waiting_of("b").count(), 0);
    }

    #[test]
    fn references_read_and_write() {
        let id = BuildRef::parse("linux x#42").unwrap();
        assert_eq!(
            (id.builder.as_str(), id.number, id.to_string().as_str()),
            ("linux x", 42, "linux x#42")
        );
        assert_eq!(BuildRef::parse("#3"), None);
        assert_eq!(BuildRef::parse("linux#x"), None);
    }
}
