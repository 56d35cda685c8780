//! `State::apply`: the only function that changes a state. One arm a record; the store's commit follows the same rules.

use std::collections::BTreeSet;

use super::builds::StepEnd;
use super::{SourceCursor, State};
use crate::change::SourceStamp;
use crate::id::ChangeId;
use crate::model::{Deletion, LockHolder, Worker};
use crate::record::Record;

impl State {
    /// Makes a fact true. A fact about something unknown changes nothing: the core never records one.
    pub fn apply(&mut self, record: &Record) {
        match record {
            Record::ChangeAdded(change) => {
                self.last.change = self.last.change.max(change.id.0);
                self.changes.add((**change).clone());
            }
            Record::CommitsLearned { repository, commits } => {
                for commit in commits {
                    self.graph.learn(repository, commit);
                }
            }
            Record::ChangeClassified { scheduler, change, important } => {
                if let Some(change) = self.changes.get(*change) {
                    self.waiting.insert(scheduler, change, *important);
                    let id = change.id;
                    self.changes.need(id);
                }
            }
            Record::SchedulerFired { scheduler, changes, .. } => {
                let used: BTreeSet<_> = changes.iter().copied().collect();
                let held: BTreeSet<_> = self
                    .waiting
                    .of(scheduler)
                    .map(|(id, _)| id)
                    .filter(|id| used.contains(id))
                    .collect();
                self.waiting.remove(scheduler, &held, |id| self.changes.get(id));
                for id in held {
                    self.changes.need_no_more(id);
                }
                if let Some(standing) = self.standings.get_mut(scheduler) {
                    standing.learn(record);
                }
            }
            Record::SchedulerSwitched { scheduler, .. }
            | Record::SchedulerTimed { scheduler, .. } => {
                self.standings.entry(scheduler.clone()).or_default().learn(record);
            }
            Record::SourceAdvanced { .. }
            | Record::SourceFailed { .. }
            | Record::SourceRecovered { .. } => self.apply_to_source(record),
            Record::BuildsetAdded(_)
            | Record::RequestAdded(_)
            | Record::RequestPrioritised { .. }
            | Record::RequestReturned { .. }
            | Record::ChildFinished { .. }
            | Record::RequestFinished { .. }
            | Record::BuildsetResolved { .. }
            | Record::BuildsetFirstFailure { .. }
            | Record::BuildsetFinished { .. } => self.apply_to_buildset(record),
            Record::BuildStarted(_)
            | Record::BuildBlamed { .. }
            | Record::StepsAdded { .. }
            | Record::StepWaiting { .. }
            | Record::StepStarted { .. }
            | Record::StepTriggered { .. }
            | Record::StepLinked { .. }
            | Record::StepFinished { .. }
            | Record::PropertySet { .. }
            | Record::BuildStopping { .. }
            | Record::BuildOrphaned { .. }
            | Record::BuildResumed { .. }
            | Record::BuildFinished { .. } => self.apply_to_build(record),
            Record::WorkerConnected { .. }
            | Record::WorkerLost { .. }
            | Record::WorkerPaused { .. }
            | Record::WorkerResumed { .. }
            | Record::WorkerTroubled { .. }
            | Record::WorkerReleased { .. } => self.apply_to_worker(record),
            Record::ConfigApplied { digest, .. } => self.config = Some(digest.clone()),
            Record::AskingAnswered { request_id, made, at } => {
                self.answers.insert(request_id.clone(), made.clone(), *at);
            }
            Record::BuildPinned { id, pin, .. } => {
                self.pins.insert(*id);
                self.builds.update(*id, |build| build.keeping.pin = Some(pin.clone()));
            }
            Record::BuildUnpinned { id, .. } => {
                self.pins.remove(id);
                self.builds.update(*id, |build| build.keeping.pin = None);
            }
            Record::RetentionTimed { .. } | Record::RetentionApplied { .. } => {
                self.retained.learn(record);
            }
            Record::HistoryDeleted(deletion) => self.delete(deletion),
            // These are for the journal, or for a table that nothing is decided by.
            Record::ArtifactAdded { .. }
            | Record::NoticeRaised(_)
            | Record::InputRefused { .. }
            | Record::StaleResultRefused { .. } => {}
        }
    }

    /// Forgets what is no more. Buildsets, texts and numbers of the past are no part of a state.
    fn delete(&mut self, deletion: &Deletion) {
        for gone in &deletion.builds {
            self.builds.delete(gone.id, &gone.build);
        }
        for gone in &deletion.logs {
            self.builds.update(gone.id, |build| build.keeping.clear_logs(gone, deletion.at));
        }
        for gone in &deletion.artifacts {
            self.builds.update(gone.id, |build| build.keeping.clear_artifacts(gone, deletion.at));
        }
        for change in &deletion.changes {
            self.changes.delete(*change);
        }
    }

    fn apply_to_source(&mut self, record: &Record) {
        match record {
            Record::SourceAdvanced { source, tips } => {
                let cursor = self.sources.entry(source.clone()).or_default();
                *cursor =
                    SourceCursor { tips: tips.clone(), looked: true, error: cursor.error.take() };
            }
            Record::SourceFailed { source, error } => {
                self.sources.entry(source.clone()).or_default().error = Some(error.clone());
            }
            Record::SourceRecovered { source } => {
                self.sources.entry(source.clone()).or_default().error = None;
            }
            _ => {}
        }
    }

    fn apply_to_buildset(&mut self, record: &Record) {
        match record {
            Record::BuildsetAdded(buildset) => {
                self.last.buildset = self.last.buildset.max(buildset.id.0);
                self.pin_stamps(&buildset.stamps);
                self.buildsets.insert(buildset.id, (**buildset).clone());
            }
            Record::RequestAdded(request) => {
                self.last.request = self.last.request.max(request.id.0);
                let buildset = self.buildsets.get(&request.buildset);
                let held = buildset.is_some_and(|buildset| buildset.resolving);
                self.requests.add(request.clone(), held);
            }
            Record::RequestPrioritised { request, priority } => {
                self.requests.prioritise(*request, *priority);
            }
            Record::RequestReturned { request } => self.requests.unclaim(*request),
            Record::ChildFinished { request, buildset, results } => {
                self.requests.child_over(*request, *buildset, *results);
            }
            Record::RequestFinished { request, results, at, .. } => {
                self.requests.finish(*request, *results, *at);
            }
            Record::BuildsetResolved { buildset, stamps, .. } => {
                if let Some(buildset) = self.buildsets.get_mut(buildset) {
                    buildset.stamps.clone_from(stamps);
                    buildset.resolving = false;
                    for request in &buildset.requests {
                        self.requests.release(*request);
                    }
                }
            }
            Record::BuildsetFirstFailure { buildset, .. } => {
                if let Some(buildset) = self.buildsets.get_mut(buildset) {
                    buildset.first_failure_told = true;
                }
            }
            // A finished buildset is history: the store has it, and nothing here needs it any more.
            Record::BuildsetFinished { buildset, .. } => {
                if let Some(buildset) = self.buildsets.remove(buildset) {
                    for request in &buildset.requests {
                        self.requests.forget(*request);
                    }
                    self.unpin_stamps(&buildset.stamps);
                }
            }
            _ => {}
        }
    }

    fn apply_to_build(&mut self, record: &Record) {
        match record {
            Record::BuildStarted(build) => {
                self.last.build = self.last.build.max(build.id.0);
                let number = self.numbers.entry(build.builder.clone()).or_default();
                *number = build.number.max(*number);
                self.pin_stamps(&build.stamps);
                for request in &build.requests {
                    self.requests.claim(*request, build);
                }
                self.requests.serve(&build.builder, build.id);
                self.locks.add(build);
                self.builds.add((**build).clone());
            }
            Record::BuildBlamed { id, blame, .. } => {
                self.builds.update(*id, |build| build.blame = blame.clone());
            }
            Record::StepsAdded { id, recipe, .. } => {
                self.builds.update(*id, |build| build.follow(recipe));
            }
            Record::StepWaiting { id, step, at, locks, .. } => {
                self.locks.wait(*id, *step, *at);
                self.builds.wait(*id, *step, *at, locks);
            }
            Record::StepStarted { id, step, at, shown, text, spec, logs, locks, .. } => {
                let since = self.builds.step(*id, *step).and_then(|step| step.waiting_since);
                self.locks.wait_no_more(*id, *step, since);
                self.locks.take(LockHolder::Step(*id, *step), locks);
                if let Some(spec) = spec {
                    self.last.command = self.last.command.max(spec.id.0);
                }
                for log in logs {
                    self.last.log = self.last.log.max(log.id.0);
                }
                self.builds.start_step(
                    *id,
                    *step,
                    *at,
                    [shown, text],
                    spec.as_deref(),
                    logs,
                    locks,
                );
            }
            Record::StepTriggered { id, step, requests, children, waits_for, .. } => {
                for request in requests {
                    self.requests.adopt(*request, children);
                }
                self.builds.wait_for(*id, *step, waits_for);
            }
            Record::StepFinished {
                id,
                step,
                at,
                results,
                text,
                logs,
                urls,
                statistics,
                tests,
                hidden,
                build_results,
                ending,
                ..
            } => {
                let end = StepEnd {
                    at: *at,
                    results: *results,
                    text,
                    logs,
                    urls,
                    statistics,
                    tests,
                    hidden: *hidden,
                    build_results: *build_results,
                    ending: *ending,
                };
                if let Some(step) = self.builds.step(*id, *step) {
                    self.locks.wait_no_more(*id, step.number, step.waiting_since);
                    self.locks.give_back(LockHolder::Step(*id, step.number), &step.locks);
                }
                self.builds.finish_step(*id, *step, &end);
            }
            Record::StepLinked { id, step, url, .. } => self.builds.link_step(*id, *step, url),
            Record::PropertySet { id, name, value, source, .. } => {
                self.builds.update(*id, |build| {
                    if name == GOT_REVISION
                        && let Some(map) = value.as_object()
                    {
                        let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
                        build.got_revision = map
                            .iter()
                            .filter_map(|(codebase, value)| Some((codebase.clone(), text(value)?)))
                            .collect();
                    }
                    build.properties.set(name.clone(), value.clone(), *source);
                });
            }
            Record::BuildStopping { id, stop, .. } => self.builds.stop(*id, stop),
            Record::BuildOrphaned { id, at, .. } => {
                self.builds.update(*id, |build| build.lost_since = Some(*at));
            }
            Record::BuildResumed { id, .. } => {
                self.builds.update(*id, |build| build.lost_since = None);
            }
            Record::BuildFinished { id, results, text, at, new_failure, .. } => {
                if let Some(build) = self.builds.get(*id) {
                    self.locks.give_back(LockHolder::Build(*id), &build.locks);
                }
                let held = self.builds.finish(*id, *results, text, *at, *new_failure);
                let Some((worker, stamps)) = held else { return };
                if let Some(worker) = self.workers.get_mut(&worker) {
                    worker.build_ended(*results, *at);
                }
                self.unpin_stamps(&stamps);
            }
            _ => {}
        }
    }

    fn apply_to_worker(&mut self, record: &Record) {
        match record {
            Record::WorkerConnected { worker, instance, info, at } => {
                let row = self.workers.entry(worker.clone());
                let row = row.or_insert_with(|| Worker::new(worker.clone()));
                row.instance.clone_from(instance);
                row.info = info.clone();
                row.connected_at = Some(*at);
            }
            Record::WorkerLost { worker, at } => {
                if let Some(row) = self.workers.get_mut(worker) {
                    row.connected_at = None;
                    row.lost_at = Some(*at);
                }
            }
            Record::WorkerPaused { worker, hold } => {
                // One that is only declared may be held before it first comes (C27).
                let row = self.workers.entry(worker.clone());
                row.or_insert_with(|| Worker::new(worker.clone())).hold = Some(hold.clone());
            }
            Record::WorkerResumed { worker } => {
                if let Some(row) = self.workers.get_mut(worker) {
                    row.hold = None;
                    row.quarantine = None;
                }
            }
            Record::WorkerTroubled { worker, quarantine } => {
                if let Some(row) = self.workers.get_mut(worker) {
                    row.quarantine = Some(quarantine.clone());
                }
            }
            Record::WorkerReleased { worker } => {
                let row = self.workers.get_mut(worker);
                if let Some(quarantine) = row.and_then(|row| row.quarantine.as_mut()) {
                    quarantine.until = None;
                }
            }
            _ => {}
        }
    }

    pub(super) fn pin_stamps(&mut self, stamps: &[SourceStamp]) {
        for id in changes_of(stamps) {
            self.changes.need(id);
        }
    }

    fn unpin_stamps(&mut self, stamps: &[SourceStamp]) {
        for id in changes_of(stamps) {
            self.changes.need_no_more(id);
        }
    }
}

/// The property that a source step's revision is told by: a map codebase → revision (C9).
pub(crate) const GOT_REVISION: &str = "got_revision";

fn changes_of(stamps: &[SourceStamp]) -> impl Iterator<Item = ChangeId> {
    stamps.iter().flat_map(|stamp| stamp.changes.iter().copied())
}
