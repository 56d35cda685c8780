//! The simple twin: every row in an ordered map, and what is forgotten is only left out when loading. Tests compare with
//! it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use linn_core::change::{Change, Commit, SourceStamp};
use linn_core::id::{
    BuildId, BuilderName, BuildsetId, ChangeId, ConfigDigest, RequestId, SchedulerName, Seq,
    SourceName, WorkerName,
};
use linn_core::model::{Build, BuildRequest, Buildset, Deletion, Worker};
use linn_core::record::{Record, Subject};
use linn_core::state::{
    Built, LastIds, Retained, SourceCursor, Standing, TAIL_ANSWERS, TAIL_BUILDS, TAIL_BUILT,
    TAIL_CHANGES, TAIL_COMMITS, TAIL_KEYS, Tables,
};
use linn_core::time::Timestamp;

use super::{Event, SeqRange, Store, StoreError, journal, rules};

/// Everything in memory.
#[derive(Clone, Default, Debug)]
pub struct MemoryStore {
    changes: BTreeMap<ChangeId, Change>,
    /// In the order learnt, the newest [`TAIL_COMMITS`].
    commits: VecDeque<(String, Commit)>,
    /// The same, by repository and revision.
    known: BTreeSet<(String, String)>,
    buildsets: BTreeMap<BuildsetId, Buildset>,
    requests: BTreeMap<RequestId, BuildRequest>,
    builds: BTreeMap<BuildId, Build>,
    workers: BTreeMap<WorkerName, Worker>,
    waiting: BTreeMap<(SchedulerName, ChangeId), bool>,
    standings: BTreeMap<SchedulerName, Standing>,
    sources: BTreeMap<SourceName, SourceCursor>,
    answers: Vec<(String, Vec<Subject>, Timestamp)>,
    /// Of deleted changes too.
    keys: BTreeMap<String, ChangeId>,
    deleted: BTreeSet<(BuilderName, u32)>,
    retained: Retained,
    last_log: u64,
    last_command: u64,
    config: Option<ConfigDigest>,
    configs: BTreeMap<ConfigDigest, Vec<(String, String)>>,
    events: Vec<Event>,
}

impl MemoryStore {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// All events, oldest first.
    #[must_use]
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The kept text of a configuration.
    #[must_use]
    pub fn kept_config(&self, digest: &ConfigDigest) -> Option<&[(String, String)]> {
        self.configs.get(digest).map(Vec::as_slice)
    }

    /// Any build ever recorded.
    #[must_use]
    pub fn build(&self, id: BuildId) -> Option<&Build> {
        self.builds.get(&id)
    }

    fn apply(&mut self, record: &Record) {
        if let Some(build) = rules::build_changed(record).and_then(|id| self.builds.get_mut(&id)) {
            rules::change_build(build, record);
        }
        match record {
            Record::ChangeAdded(change) => {
                self.keys.extend(change.key.clone().map(|key| (key, change.id)));
                self.changes.insert(change.id, (**change).clone());
            }
            Record::CommitsLearned { repository, commits } => {
                for commit in commits {
                    self.learn(repository, commit);
                }
            }
            Record::ChangeClassified { scheduler, change, important } => {
                self.waiting.insert((scheduler.clone(), *change), *important);
            }
            Record::SchedulerFired { scheduler, changes, .. } => {
                for change in changes {
                    self.waiting.remove(&(scheduler.clone(), *change));
                }
                if let Some(standing) = self.standings.get_mut(scheduler) {
                    standing.learn(record);
                }
            }
            Record::SchedulerSwitched { scheduler, .. }
            | Record::SchedulerTimed { scheduler, .. } => {
                self.standings.entry(scheduler.clone()).or_default().learn(record);
            }
            Record::SourceAdvanced { source, .. }
            | Record::SourceFailed { source, .. }
            | Record::SourceRecovered { source } => {
                rules::change_source(self.sources.entry(source.clone()).or_default(), record);
            }
            Record::BuildsetAdded(buildset) => {
                self.buildsets.insert(buildset.id, (**buildset).clone());
            }
            Record::RequestAdded(request) => {
                self.requests.insert(request.id, request.clone());
            }
            Record::RequestPrioritised { request, .. }
            | Record::RequestReturned { request }
            | Record::RequestFinished { request, .. } => {
                if let Some(request) = self.requests.get_mut(request) {
                    rules::change_request(request, record);
                }
            }
            Record::StepTriggered { requests, .. } => {
                for request in requests {
                    if let Some(request) = self.requests.get_mut(request) {
                        rules::change_children(request, record);
                    }
                }
            }
            Record::ChildFinished { request, .. } => {
                if let Some(request) = self.requests.get_mut(request) {
                    rules::change_children(request, record);
                }
            }
            Record::BuildsetResolved { buildset, .. }
            | Record::BuildsetFirstFailure { buildset, .. }
            | Record::BuildsetFinished { buildset, .. } => {
                if let Some(buildset) = self.buildsets.get_mut(buildset) {
                    rules::change_buildset(buildset, record);
                }
            }
            Record::BuildStarted(build) => {
                for request in &build.requests {
                    if let Some(request) = self.requests.get_mut(request) {
                        rules::claim(request, build);
                    }
                }
                self.builds.insert(build.id, (**build).clone());
            }
            Record::StepStarted { spec, logs, .. } => {
                let newest = logs.iter().map(|log| log.id.0).max().unwrap_or_default();
                self.last_log = self.last_log.max(newest);
                let command = spec.as_ref().map_or(0, |spec| spec.id.0);
                self.last_command = self.last_command.max(command);
            }
            Record::BuildFinished { id, results, at, .. } => {
                let worker = self.builds.get(id).map(|build| build.worker.clone());
                if let Some(worker) = worker.and_then(|name| self.workers.get_mut(&name)) {
                    worker.build_ended(*results, *at);
                }
            }
            Record::WorkerConnected { worker, .. }
            | Record::WorkerLost { worker, .. }
            | Record::WorkerPaused { worker, .. }
            | Record::WorkerResumed { worker }
            | Record::WorkerTroubled { worker, .. }
            | Record::WorkerReleased { worker } => {
                let mut row = self.workers.remove(worker);
                rules::change_worker(&mut row, record);
                self.workers.extend(row.map(|row| (worker.clone(), row)));
            }
            Record::ConfigApplied { digest, .. } => self.config = Some(digest.clone()),
            Record::HistoryDeleted(deletion) => self.delete(deletion),
            Record::RetentionTimed { .. } | Record::RetentionApplied { .. } => {
                self.retained.learn(record);
            }
            Record::AskingAnswered { request_id, made, at } => {
                self.answers.retain(|(id, _, _)| id != request_id);
                self.answers.push((request_id.clone(), made.clone(), *at));
            }
            _ => {}
        }
    }

    fn delete(&mut self, deletion: &Deletion) {
        for gone in &deletion.logs {
            if let Some(build) = self.builds.get_mut(&gone.id) {
                build.keeping.clear_logs(gone, deletion.at);
            }
        }
        for gone in &deletion.artifacts {
            if let Some(build) = self.builds.get_mut(&gone.id) {
                build.keeping.clear_artifacts(gone, deletion.at);
            }
        }
        for gone in &deletion.builds {
            if self.builds.remove(&gone.id).is_some() {
                self.deleted.insert((gone.build.builder.clone(), gone.build.number));
            }
        }
        for id in &deletion.buildsets {
            if let Some(buildset) = self.buildsets.remove(id) {
                for request in &buildset.requests {
                    self.requests.remove(request);
                }
            }
        }
        for id in &deletion.changes {
            self.changes.remove(id);
        }
        for digest in &deletion.configs {
            self.configs.remove(digest);
        }
    }

    fn learn(&mut self, repository: &str, commit: &Commit) {
        if !self.known.insert((repository.to_owned(), commit.revision.clone())) {
            return;
        }
        self.commits.push_back((repository.to_owned(), commit.clone()));
        if self.commits.len() > TAIL_COMMITS
            && let Some((repository, commit)) = self.commits.pop_front()
        {
            self.known.remove(&(repository, commit.revision));
        }
    }

    /// The numbers of each builder's finished builds, deleted ones too, newest first.
    fn places(&self) -> BTreeMap<BuilderName, Vec<u32>> {
        let mut places: BTreeMap<BuilderName, BTreeSet<u32>> = BTreeMap::new();
        for (builder, number) in &self.deleted {
            places.entry(builder.clone()).or_default().insert(*number);
        }
        for build in self.builds.values().filter(|build| build.complete_at.is_some()) {
            places.entry(build.builder.clone()).or_default().insert(build.number);
        }
        let newest_first = |numbers: BTreeSet<u32>| numbers.into_iter().rev().collect();
        places.into_iter().map(|(builder, numbers)| (builder, newest_first(numbers))).collect()
    }

    /// Changes that something unfinished names.
    fn named_changes(&self) -> BTreeSet<ChangeId> {
        let of = |stamps: &[SourceStamp]| -> Vec<ChangeId> {
            stamps.iter().flat_map(|stamp| stamp.changes.clone()).collect()
        };
        let buildsets = self.buildsets.values().filter(|it| it.complete_at.is_none());
        let builds = self.builds.values().filter(|it| it.complete_at.is_none());
        let stamps = buildsets.map(|it| of(&it.stamps)).chain(builds.map(|it| of(&it.stamps)));
        stamps.flatten().chain(self.waiting.keys().map(|(_, change)| *change)).collect()
    }
}

/// The last `count` finished builds of each builder, by number.
fn newest_finished(
    builds: &BTreeMap<BuildId, Build>,
    count: usize,
) -> impl Iterator<Item = &Build> {
    let mut builders: BTreeMap<&BuilderName, BTreeMap<u32, &Build>> = BTreeMap::new();
    for build in builds.values().filter(|build| build.complete_at.is_some()) {
        builders.entry(&build.builder).or_default().insert(build.number, build);
    }
    builders.into_values().flat_map(move |of| of.into_values().rev().take(count))
}

/// The last `count`, still in order.
fn tail<T: Clone>(all: &[T], count: usize) -> Vec<T> {
    all[all.len().saturating_sub(count)..].to_vec()
}

impl Store for MemoryStore {
    fn commit(&mut self, at: Timestamp, records: &[Record]) -> Result<SeqRange, StoreError> {
        let first = self.events.len() as u64 + 1;
        for (seq, record) in (first..).zip(records) {
            self.events.push(Event {
                seq: Seq(seq),
                at,
                kind: record.kind().to_owned(),
                subject: record.subject(),
                body: journal::body(record),
            });
            self.apply(record);
        }
        Ok(SeqRange { first, last: self.events.len() as u64 })
    }

    fn load(&mut self) -> Result<Tables, StoreError> {
        let newest = self.changes.keys().next_back().map_or(0, |id| id.0);
        let edge = newest.saturating_sub(TAIL_CHANGES as u64);
        let named = self.named_changes();
        let kept = |change: &&Change| change.id.0 > edge || named.contains(&change.id);
        let mut keys: Vec<_> = self.keys.iter().map(|(key, id)| (key.clone(), *id)).collect();
        keys.sort_by_key(|(_, id)| *id);
        let mut builds: Vec<Build> =
            self.builds.values().filter(|build| build.complete_at.is_none()).cloned().collect();
        let places = self.places();
        let among = |build: &&Build, tail: usize| {
            let places = &places[&build.builder];
            build.number >= places.get(tail - 1).copied().unwrap_or(0)
        };
        let whole = newest_finished(&self.builds, TAIL_BUILDS);
        builds.extend(whole.filter(|build| among(build, TAIL_BUILDS)).cloned());
        builds.sort_by_key(|build| build.id);
        let for_blame = newest_finished(&self.builds, TAIL_BUILT);
        let for_blame = for_blame.filter(|build| among(build, TAIL_BUILT));
        let mut built: Vec<_> = for_blame.map(Built::of).collect();
        built.sort_by_key(|built| built.id);
        let open = |id: &BuildsetId| {
            self.buildsets.get(id).is_some_and(|buildset| buildset.complete_at.is_none())
        };
        let mut numbers = BTreeMap::new();
        for build in self.builds.values() {
            let number = numbers.entry(build.builder.clone()).or_default();
            *number = build.number.max(*number);
        }
        Ok(Tables {
            changes: self.changes.values().filter(kept).cloned().collect(),
            keys: tail(&keys, TAIL_KEYS),
            commits: self.commits.iter().cloned().collect(),
            buildsets: self.buildsets.values().filter(|it| open(&it.id)).cloned().collect(),
            requests: self.requests.values().filter(|it| open(&it.buildset)).cloned().collect(),
            builds,
            built,
            workers: self.workers.values().cloned().collect(),
            waiting: self
                .waiting
                .iter()
                .map(|((scheduler, change), important)| (scheduler.clone(), *change, *important))
                .collect(),
            standings: self.standings.clone(),
            sources: self.sources.clone(),
            answers: tail(&self.answers, TAIL_ANSWERS),
            deleted: self
                .deleted
                .iter()
                .filter(|(builder, number)| {
                    let edge = places[builder].get(TAIL_BUILT - 1).copied().unwrap_or(0);
                    *number >= edge
                })
                .cloned()
                .collect(),
            pins: self
                .builds
                .values()
                .filter(|build| build.keeping.pin.is_some())
                .map(|build| build.id)
                .collect(),
            retained: self.retained.clone(),
            last: LastIds {
                change: newest,
                buildset: self.buildsets.keys().next_back().map_or(0, |id| id.0),
                request: self.requests.keys().next_back().map_or(0, |id| id.0),
                build: self.builds.keys().next_back().map_or(0, |id| id.0),
                log: self.last_log,
                command: self.last_command,
            },
            numbers,
            config: self.config.clone(),
        })
    }

    fn keep_config(
        &mut self,
        digest: &ConfigDigest,
        sources: &[(String, String)],
    ) -> Result<(), StoreError> {
        self.configs.entry(digest.clone()).or_insert_with(|| sources.to_vec());
        Ok(())
    }

    fn tidy(&mut self, _now: Timestamp) -> Result<bool, StoreError> {
        Ok(false)
    }
}
