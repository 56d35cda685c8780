//! Builds: unfinished ones, and a tail of finished ones for each builder, with their indexes.

use std::collections::{BTreeMap, BTreeSet};

use super::{Built, TAIL_BUILDS, TAIL_BUILT};
use crate::change::SourceStamp;
use crate::id::{BuildId, BuildRef, BuilderName, BuildsetId, CommandId, StepNumber, WorkerName};
use crate::model::{Build, CommandSpec, LockShare, Log, Step, Stop, Test, Url};
use crate::results::Results;
use crate::time::Timestamp;

/// What is remembered of one builder's builds.
#[derive(Clone, PartialEq, Debug, Default)]
struct OfBuilder {
    /// By number.
    running: BTreeMap<u32, BuildId>,
    /// By number: the last [`TAIL_BUILDS`].
    finished: BTreeMap<u32, BuildId>,
    /// By number: the last [`TAIL_BUILT`].
    built: BTreeMap<u32, Built>,
    /// The numbers of the last [`TAIL_BUILT`], deleted ones too: what is remembered is one of them, so a deletion lets
    /// nothing older move up that was forgotten.
    places: BTreeSet<u32>,
}

impl OfBuilder {
    /// A build is over; what falls out of the tail is forgotten.
    fn give_place(&mut self, number: u32) {
        self.places.insert(number);
        if self.places.len() > TAIL_BUILT
            && let Some(oldest) = self.places.pop_first()
        {
            self.built.remove(&oldest);
        }
    }
}

/// All remembered builds.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Builds {
    by_id: BTreeMap<BuildId, Build>,
    builders: BTreeMap<BuilderName, OfBuilder>,
    unfinished: BTreeSet<BuildId>,
    workers: BTreeMap<WorkerName, BTreeSet<BuildId>>,
    /// Of every step of every remembered build.
    commands: BTreeMap<CommandId, (BuildId, StepNumber)>,
}

/// How a step ended, as its record tells.
pub(super) struct StepEnd<'a> {
    pub(super) at: Timestamp,
    pub(super) results: Results,
    pub(super) text: &'a str,
    pub(super) logs: &'a [Log],
    pub(super) urls: &'a [Url],
    pub(super) statistics: &'a BTreeMap<String, f64>,
    pub(super) tests: &'a [Test],
    pub(super) hidden: bool,
    pub(super) build_results: Results,
    pub(super) ending: bool,
}

impl Builds {
    pub(super) fn get(&self, id: BuildId) -> Option<&Build> {
        self.by_id.get(&id)
    }

    pub(super) fn by_ref(&self, build: &BuildRef) -> Option<&Build> {
        let of = self.builders.get(&build.builder)?;
        let id = of.running.get(&build.number).or_else(|| of.finished.get(&build.number))?;
        self.by_id.get(id)
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Build> {
        self.by_id.values()
    }

    pub(super) fn unfinished(&self) -> impl DoubleEndedIterator<Item = &Build> {
        self.unfinished.iter().filter_map(|id| self.by_id.get(id))
    }

    pub(super) fn running_of(
        &self,
        builder: &BuilderName,
    ) -> impl DoubleEndedIterator<Item = &Build> {
        let of = self.builders.get(builder);
        let ids = of.into_iter().flat_map(|of| of.running.values());
        ids.filter_map(|id| self.by_id.get(id))
    }

    pub(super) fn finished_of(
        &self,
        builder: &BuilderName,
    ) -> impl DoubleEndedIterator<Item = &Build> {
        let of = self.builders.get(builder);
        let ids = of.into_iter().flat_map(|of| of.finished.values().rev());
        ids.filter_map(|id| self.by_id.get(id))
    }

    pub(super) fn recent_of(
        &self,
        builder: &BuilderName,
    ) -> impl DoubleEndedIterator<Item = &Build> {
        let of = self.builders.get(builder);
        let both: BTreeMap<u32, BuildId> = of
            .into_iter()
            .flat_map(|of| of.running.iter().chain(&of.finished))
            .map(|(number, id)| (*number, *id))
            .collect();
        both.into_values().rev().filter_map(|id| self.by_id.get(&id))
    }

    pub(super) fn built_of(
        &self,
        builder: &BuilderName,
    ) -> impl DoubleEndedIterator<Item = &Built> {
        self.builders.get(builder).into_iter().flat_map(|of| of.built.values().rev())
    }

    pub(super) fn built(&self) -> impl Iterator<Item = &Built> {
        self.builders.values().flat_map(|of| of.built.values())
    }

    pub(super) fn running_on(
        &self,
        worker: &WorkerName,
    ) -> impl DoubleEndedIterator<Item = &Build> {
        self.workers.get(worker).into_iter().flatten().filter_map(|id| self.by_id.get(id))
    }

    pub(super) fn load_of(&self, worker: &WorkerName) -> usize {
        let builds = self.workers.get(worker).into_iter().flatten();
        let builds = builds.filter_map(|id| self.by_id.get(id));
        builds.filter(|build| !build.is_parked()).count()
    }

    pub(super) fn command(&self, command: CommandId) -> Option<(BuildId, StepNumber)> {
        self.commands.get(&command).copied()
    }

    /// Takes a build in, unfinished or loaded as it ended.
    pub(super) fn add(&mut self, build: Build) {
        let of = self.builders.entry(build.builder.clone()).or_default();
        if build.complete_at.is_some() {
            of.finished.insert(build.number, build.id);
        } else {
            of.running.insert(build.number, build.id);
            self.unfinished.insert(build.id);
            self.workers.entry(build.worker.clone()).or_default().insert(build.id);
        }
        for step in &build.steps {
            if let Some(command) = step.command {
                self.commands.insert(command, (build.id, step.number));
            }
        }
        self.by_id.insert(build.id, build);
    }

    /// Takes in what a store loaded for blame.
    pub(super) fn add_built(&mut self, built: Built) {
        let of = self.builders.entry(built.builder.clone()).or_default();
        let number = built.number;
        of.built.insert(number, built);
        of.give_place(number);
    }

    /// Takes in that a build was deleted.
    pub(super) fn add_deleted(&mut self, builder: BuilderName, number: u32) {
        self.builders.entry(builder).or_default().give_place(number);
    }

    /// The places of deleted builds.
    pub(super) fn deleted(&self) -> impl Iterator<Item = (BuilderName, u32)> {
        self.builders.iter().flat_map(|(builder, of)| {
            let deleted = of.places.iter().filter(|number| !of.built.contains_key(number));
            deleted.map(|number| (builder.clone(), *number))
        })
    }

    /// Every builder of which something is remembered.
    pub(super) fn builders(&self) -> impl Iterator<Item = &BuilderName> {
        self.builders.keys()
    }

    /// Forgets a finished build, whose place stays.
    pub(super) fn delete(&mut self, id: BuildId, build: &BuildRef) {
        if self.unfinished.contains(&id) {
            return;
        }
        if let Some(of) = self.builders.get_mut(&build.builder) {
            of.finished.remove(&build.number);
            of.built.remove(&build.number);
        }
        self.forget(id);
    }

    fn forget(&mut self, id: BuildId) {
        let Some(build) = self.by_id.remove(&id) else { return };
        for command in build.steps.iter().filter_map(|step| step.command) {
            self.commands.remove(&command);
        }
    }

    pub(super) fn update(&mut self, id: BuildId, with: impl FnOnce(&mut Build)) {
        if let Some(build) = self.by_id.get_mut(&id) {
            with(build);
        }
    }

    pub(super) fn step(&self, id: BuildId, number: StepNumber) -> Option<&Step> {
        self.by_id.get(&id)?.steps.iter().find(|step| step.number == number)
    }

    fn step_mut(&mut self, id: BuildId, number: StepNumber) -> Option<&mut Step> {
        self.by_id.get_mut(&id)?.steps.iter_mut().find(|step| step.number == number)
    }

    pub(super) fn wait(
        &mut self,
        id: BuildId,
        number: StepNumber,
        since: Timestamp,
        locks: &[LockShare],
    ) {
        let Some(step) = self.step_mut(id, number) else { return };
        step.waiting_since = Some(since);
        step.locks = locks.to_vec();
    }

    pub(super) fn wait_for(&mut self, id: BuildId, number: StepNumber, waits_for: &[BuildsetId]) {
        if let Some(step) = self.step_mut(id, number) {
            step.waits_for = waits_for.to_vec();
        }
    }

    #[expect(clippy::too_many_arguments, reason = "these are the fields of one record")]
    pub(super) fn start_step(
        &mut self,
        id: BuildId,
        number: StepNumber,
        at: Timestamp,
        [shown, text]: [&String; 2],
        spec: Option<&CommandSpec>,
        logs: &[Log],
        locks: &[LockShare],
    ) {
        let Some(step) = self.step_mut(id, number) else { return };
        step.locks = locks.to_vec();
        step.started_at = Some(at);
        step.command = spec.map(|spec| spec.id);
        step.heading = spec.map(CommandSpec::heading).unwrap_or_default();
        step.spec = spec.cloned();
        step.shown.clone_from(shown);
        step.text.clone_from(text);
        step.logs = logs.to_vec();
        if let Some(spec) = spec {
            self.commands.insert(spec.id, (id, number));
        }
    }

    pub(super) fn link_step(&mut self, id: BuildId, number: StepNumber, url: &Url) {
        if let Some(step) = self.step_mut(id, number) {
            step.urls.push(url.clone());
        }
    }

    pub(super) fn finish_step(&mut self, id: BuildId, number: StepNumber, end: &StepEnd<'_>) {
        let Some(step) = self.step_mut(id, number) else { return };
        step.complete_at = Some(end.at);
        step.results = Some(end.results);
        step.text = end.text.to_owned();
        step.spec = None;
        step.logs = end.logs.to_vec();
        step.urls = end.urls.to_vec();
        step.statistics = end.statistics.clone();
        step.tests = end.tests.to_vec();
        step.hidden = end.hidden;
        self.update(id, |build| {
            build.results = end.build_results;
            build.ending = end.ending;
        });
    }

    pub(super) fn stop(&mut self, id: BuildId, stop: &Stop) {
        self.update(id, |build| build.stop = Some(stop.clone()));
    }

    /// Ends a build and forgets what falls out of its builder's tail: that may be this build, when many later ones ended
    /// before it. Gives back what it held, the worker and its source stamps.
    pub(super) fn finish(
        &mut self,
        id: BuildId,
        results: Results,
        text: &str,
        at: Timestamp,
        new_failure: bool,
    ) -> Option<(WorkerName, Vec<SourceStamp>)> {
        let build = self.by_id.get_mut(&id)?;
        build.results = results;
        build.text = text.to_owned();
        build.complete_at = Some(at);
        build.new_failure = new_failure;
        build.lost_since = None;
        for step in &mut build.steps {
            step.spec = None;
        }
        let (builder, number) = (build.builder.clone(), build.number);
        let (worker, stamps) = (build.worker.clone(), build.stamps.clone());
        let built = Built::of(build);
        self.add_built(built);
        self.unfinished.remove(&id);
        if let Some(ids) = self.workers.get_mut(&worker) {
            ids.remove(&id);
            if ids.is_empty() {
                self.workers.remove(&worker);
            }
        }
        let of = self.builders.entry(builder).or_default();
        of.running.remove(&number);
        of.finished.insert(number, id);
        let edge = of.places.iter().rev().nth(TAIL_BUILDS - 1).copied().unwrap_or(0);
        let kept = of.finished.split_off(&edge);
        for old in std::mem::replace(&mut of.finished, kept).into_values() {
            self.forget(old);
        }
        Some((worker, stamps))
    }
}
