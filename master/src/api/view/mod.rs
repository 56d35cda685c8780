//! Records → things as consoles see them.
//!
//! A record says *which* things have changed; what they are now is read from the state, once a batch however often they
//! changed in it. What the state forgets when it is over (buildsets, requests) is told a last time from what was shown
//! before and the record of its end. This runs in the engine's thread after each commit, so it must be cheap: a finished
//! build touches a handful of things, each made in microseconds.

mod fold;
mod value;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use linn_core::config::Config;
use linn_core::eta::{self, Usual};
use linn_core::id::BuilderName;
use linn_core::master::Master;
use linn_core::record::Record;
use linn_core::state::State;
use linn_core::time::Timestamp;
use linn_proto::entity::entity::Of;
use linn_proto::entity::{self as wire, Entity};

use super::convert;
use super::hub::{Hub, Publication};
use super::key::Key;
use crate::store::SeqRange;
use fold::Fold;
pub(crate) use value::{build_entity, request_entity};

/// The most waiting requests whose reasons are kept fresh for watchers.
const MAX_WAITS: usize = 2_000;

/// What consoles are told of the master itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    /// The state folder.
    pub folder: String,
    /// Empty: the built-in one.
    pub config_file: String,
    /// When the process started.
    pub started_at: Timestamp,
}

/// Makes publications of records.
pub(crate) struct View {
    facts: Facts,
    trouble: Option<String>,
    told_trouble: Option<String>,
    /// How long builders take; worked out anew when a build of theirs has ended.
    usual: BTreeMap<BuilderName, Usual>,
}

impl View {
    /// For a master with these facts.
    pub(crate) fn new(facts: Facts) -> Self {
        Self { facts, trouble: None, told_trouble: None, usual: BTreeMap::new() }
    }

    /// Nothing new is started, and why; `None`: all is well.
    pub(crate) fn set_trouble(&mut self, trouble: Option<String>) {
        self.trouble = trouble;
    }

    /// What a commit has changed for consoles.
    pub(crate) fn news(
        &mut self,
        master: &Master,
        hub: &Hub,
        records: &[Record],
        range: SeqRange,
        at: Timestamp,
    ) -> Publication {
        let state = master.state();
        let config = master.config();
        let mut keys = BTreeSet::new();
        let mut fold = Fold::default();
        let mut notices = Vec::new();
        for (seq, record) in (range.first..).zip(records) {
            touched(record, state, config, &mut keys);
            fold.take(record);
            match record {
                Record::NoticeRaised(notice) => notices.push(convert::notice(notice, seq, at)),
                Record::BuildFinished { build, .. } => drop(self.usual.remove(&build.builder)),
                Record::ConfigApplied { .. } => keys.extend(shown(hub)),
                _ => {}
            }
        }
        if self.trouble != self.told_trouble {
            self.told_trouble.clone_from(&self.trouble);
            keys.insert(Key::Master);
        }
        let mut upserts = Vec::with_capacity(keys.len());
        let mut removals = Vec::new();
        for key in keys {
            let value = self.value(&key, master, at).or_else(|| fold.last_word(&key, hub));
            match value {
                Some(entity) => upserts.push((key, entity)),
                None => removals.push(key),
            }
        }
        Publication { upserts, removals, notices }
    }

    /// Everything there is to see, for a hub that starts.
    pub(crate) fn everything(&mut self, master: &Master, now: Timestamp) -> Vec<(Key, Entity)> {
        let state = master.state();
        self.usual.clear();
        self.told_trouble.clone_from(&self.trouble);
        let mut keys = BTreeSet::new();
        configured(master.config(), &mut keys);
        keys.extend(state.changes().map(|change| Key::Change(change.id.0)));
        keys.extend(state.buildsets().map(|buildset| Key::Buildset(buildset.id.0)));
        keys.extend(state.requests().map(|request| Key::Request(request.id.0)));
        // Removed ones that still have work.
        keys.extend(state.waiting_requests().map(|it| Key::Builder(it.builder.clone())));
        keys.extend(state.unfinished().map(|it| Key::Builder(it.builder.clone())));
        keys.extend(state.builds().map(|build| Key::Build(build.builder.clone(), build.number)));
        keys.extend(state.workers().map(|worker| Key::Worker(worker.name.clone())));
        let value = |key: Key| self.value(&key, master, now).map(|entity| (key, entity));
        keys.into_iter().filter_map(value).collect()
    }

    /// The reasons of waiting requests, where they differ from what was told.
    pub(crate) fn waits(&self, master: &Master, hub: &Hub) -> Publication {
        let mut news = Publication::default();
        let mut explainer = master.explainer();
        for request in master.state().waiting_requests().take(MAX_WAITS) {
            let key = Key::Request(request.id.0);
            let Some(told) = hub.get(&key) else { continue };
            let Some(Of::Request(told)) = &told.of else { continue };
            let waits = convert::waits(&explainer.waits(request));
            if told.waits != waits {
                let request = wire::BuildRequest { waits, ..told.clone() };
                news.upserts.push((key, Entity { of: Some(Of::Request(request)) }));
            }
        }
        news
    }

    /// How far running steps are, where it differs from what was told (F21): no record says so.
    pub(crate) fn progress(&self, master: &Master, hub: &Hub) -> Publication {
        let mut news = Publication::default();
        for id in master.progressing() {
            let Some(build) = master.state().build(id) else { continue };
            let key = Key::Build(build.builder.clone(), build.number);
            let Some(told) = hub.get(&key) else { continue };
            let Some(Of::Build(told)) = &told.of else { continue };
            let mut build = told.clone();
            convert::set_progress(&mut build, master.progress(id));
            if build != *told {
                news.upserts.push((key, Entity { of: Some(Of::Build(build)) }));
            }
        }
        news
    }

    /// A thing as it is now; `None`: the state has none.
    fn value(&mut self, key: &Key, master: &Master, now: Timestamp) -> Option<Entity> {
        let state = master.state();
        let config = master.config();
        let of = match key {
            Key::Change(id) => {
                Of::Change(convert::change(state.change(linn_core::id::ChangeId(*id))?))
            }
            Key::Buildset(id) => {
                Of::Buildset(convert::buildset(state.buildset(linn_core::id::BuildsetId(*id))?))
            }
            Key::Request(id) => {
                let request = state.request(linn_core::id::RequestId(*id))?;
                Of::Request(request_entity(request, state, Vec::new()))
            }
            Key::Build(builder, number) => {
                let reference =
                    linn_core::id::BuildRef { builder: builder.clone(), number: *number };
                let build = state.build_by_ref(&reference)?;
                let mut entity = build_entity(build, self.usual(builder, state), now);
                convert::set_progress(&mut entity, master.progress(build.id));
                Of::Build(entity)
            }
            Key::Builder(name) => {
                let removed = || value::removed(name, master);
                let builder = config.builders.get(name).map(Cow::Borrowed).or_else(removed)?;
                Of::Builder(value::builder(&builder, master, self.usual(name, state), now))
            }
            Key::Worker(name) => Of::Worker(value::worker(name, master)?),
            Key::Scheduler(name) => {
                Of::Scheduler(value::scheduler(config.scheduler(name)?, master))
            }
            Key::Source(name) => Of::Source(value::source(config.sources.get(name)?, state)),
            Key::Master => Of::Master(self.master(config)),
        };
        Some(Entity { of: Some(of) })
    }

    fn usual(&mut self, builder: &BuilderName, state: &State) -> &Usual {
        self.usual.entry(builder.clone()).or_insert_with(|| eta::usual(state, builder))
    }

    fn master(&self, config: &Arc<Config>) -> wire::Master {
        wire::Master {
            title: config.title.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            folder: self.facts.folder.clone(),
            config_file: self.facts.config_file.clone(),
            config_digest: config.digest.to_string(),
            started_at_ms: convert::at(self.facts.started_at),
            trouble: self.trouble.clone().unwrap_or_default(),
        }
    }
}

/// Everything a configuration names.
fn configured(config: &Config, keys: &mut BTreeSet<Key>) {
    keys.insert(Key::Master);
    keys.extend(config.builders.keys().cloned().map(Key::Builder));
    keys.extend(config.workers.keys().cloned().map(Key::Worker));
    keys.extend(config.schedulers.iter().map(|scheduler| Key::Scheduler(scheduler.name.clone())));
    keys.extend(config.sources.keys().cloned().map(Key::Source));
}

/// What a configuration may have named that is shown now.
fn shown(hub: &Hub) -> Vec<Key> {
    hub.keys(|key| {
        matches!(key, Key::Builder(_) | Key::Worker(_) | Key::Scheduler(_) | Key::Source(_))
    })
}

/// Which things a record may have changed.
fn touched(record: &Record, state: &State, config: &Config, keys: &mut BTreeSet<Key>) {
    match record {
        Record::ChangeAdded(change) => drop(keys.insert(Key::Change(change.id.0))),
        Record::ChangeClassified { scheduler, .. }
        | Record::SchedulerFired { scheduler, .. }
        | Record::SchedulerTimed { scheduler, .. } => {
            keys.insert(Key::Scheduler(scheduler.clone()));
        }
        Record::SchedulerSwitched { scheduler, .. } => {
            keys.insert(Key::Scheduler(scheduler.clone()));
            // A form that is switched off is no more offered.
            let builders = config.scheduler(scheduler).into_iter().flat_map(|it| &it.builders);
            keys.extend(builders.cloned().map(Key::Builder));
        }
        Record::SourceAdvanced { source, .. }
        | Record::SourceFailed { source, .. }
        | Record::SourceRecovered { source } => drop(keys.insert(Key::Source(source.clone()))),
        Record::BuildsetAdded(buildset) => drop(keys.insert(Key::Buildset(buildset.id.0))),
        Record::RequestAdded(request) => {
            keys.insert(Key::Request(request.id.0));
            keys.insert(Key::Builder(request.builder.clone()));
        }
        Record::RequestPrioritised { request, .. }
        | Record::RequestReturned { request }
        | Record::RequestFinished { request, .. } => {
            keys.insert(Key::Request(request.0));
            if let Some(request) = state.request(*request) {
                keys.insert(Key::Builder(request.builder.clone()));
            }
        }
        Record::BuildsetResolved { buildset, .. }
        | Record::BuildsetFirstFailure { buildset, .. }
        | Record::BuildsetFinished { buildset, .. } => {
            keys.insert(Key::Buildset(buildset.0));
        }
        Record::BuildStarted(build) => {
            keys.insert(Key::Build(build.builder.clone(), build.number));
            keys.insert(Key::Builder(build.builder.clone()));
            keys.insert(Key::Worker(build.worker.clone()));
            keys.extend(build.requests.iter().map(|request| Key::Request(request.0)));
        }
        Record::StepStarted { build, step, .. } => {
            keys.insert(Key::of_build(build));
            if step.0 == 1 {
                // From `starting` to `running` in its builder's row.
                keys.insert(Key::Builder(build.builder.clone()));
            }
        }
        // Properties are no part of what is watched, but for the revisions obtained.
        Record::PropertySet { build, name, .. } => {
            if name == "got_revision" {
                keys.insert(Key::of_build(build));
            }
        }
        Record::StepsAdded { build, .. }
        | Record::StepWaiting { build, .. }
        | Record::StepTriggered { build, .. }
        | Record::StepLinked { build, .. }
        | Record::BuildBlamed { build, .. }
        | Record::StepFinished { build, .. } => {
            keys.insert(Key::of_build(build));
        }
        Record::BuildStopping { build, .. }
        | Record::BuildOrphaned { build, .. }
        | Record::BuildResumed { build, .. }
        | Record::BuildFinished { build, .. } => {
            keys.insert(Key::of_build(build));
            keys.insert(Key::Builder(build.builder.clone()));
            if let Some(build) = state.build_by_ref(build) {
                keys.insert(Key::Worker(build.worker.clone()));
                keys.extend(build.requests.iter().map(|request| Key::Request(request.0)));
            }
        }
        Record::WorkerConnected { worker, .. }
        | Record::WorkerLost { worker, .. }
        | Record::WorkerPaused { worker, .. }
        | Record::WorkerResumed { worker }
        | Record::WorkerTroubled { worker, .. }
        | Record::WorkerReleased { worker } => {
            keys.insert(Key::Worker(worker.clone()));
            let uses = |builder: &&linn_core::config::Builder| builder.workers.contains(worker);
            let builders = config.builders.values().filter(uses);
            keys.extend(builders.map(|builder| Key::Builder(builder.name.clone())));
        }
        Record::BuildPinned { build, .. } | Record::BuildUnpinned { build, .. } => {
            // An old one is asked for, not watched.
            if state.build_by_ref(build).is_some() {
                keys.insert(Key::of_build(build));
            }
        }
        Record::HistoryDeleted(deletion) => {
            for gone in &deletion.builds {
                keys.insert(Key::of_build(&gone.build));
                keys.insert(Key::Builder(gone.build.builder.clone()));
            }
            let marked = deletion.logs.iter().chain(&deletion.artifacts);
            let marked = marked.filter(|gone| state.build_by_ref(&gone.build).is_some());
            keys.extend(marked.map(|gone| Key::of_build(&gone.build)));
            keys.extend(deletion.buildsets.iter().map(|id| Key::Buildset(id.0)));
            keys.extend(deletion.changes.iter().map(|id| Key::Change(id.0)));
        }
        // What is no more is found by what is shown.
        Record::ConfigApplied { .. } => configured(config, keys),
        Record::CommitsLearned { .. }
        | Record::ChildFinished { .. }
        // Files are asked for, not watched.
        | Record::ArtifactAdded { .. }
        | Record::RetentionTimed { .. }
        | Record::RetentionApplied { .. }
        | Record::NoticeRaised(_)
        | Record::AskingAnswered { .. }
        | Record::InputRefused { .. }
        | Record::StaleResultRefused { .. } => {}
    }
}
