//! What a running master knows that is no fact: its configuration's generations, sessions, deadlines, and which
//! builders and workers the next distribution must look at. All of it is worked out again at a restart.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::config::{CancellerKind, Config};
use crate::filter::Matcher;
use crate::id::{
    BuildId, BuilderName, BuildsetId, ConfigDigest, RequestId, SchedulerName, SessionId, WorkerName,
};
use crate::lock::{Lines, Waiter};
use crate::model::{Build, LockKey, Parent, Totals, Worker};
use crate::policy::Erred;
use crate::queue::{Queues, Round};
use crate::record::Record;
use crate::results::Results;
use crate::schedule::{self, Compiled};
use crate::state::State;
use crate::time::Span;
use crate::timers::{Timer, Timers, build_deadline, next_fire};

/// How many deleted builds are known as such: an edge that had read one before its deletion is found out.
const DELETED_KNOWN: usize = 100_000;

/// A configuration with what is worked out from it once: expressions compiled, builders by worker.
#[derive(Debug)]
pub(crate) struct Generation {
    pub(crate) config: Arc<Config>,
    /// Of each branch scheduler.
    pub(crate) compiled: BTreeMap<SchedulerName, Compiled>,
    /// The branches of each canceller; none: any.
    pub(crate) tracked: Vec<Vec<Matcher>>,
    builders_of: BTreeMap<WorkerName, BTreeSet<BuilderName>>,
}

impl Generation {
    pub(crate) fn new(config: Arc<Config>) -> Self {
        let mut builders_of: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for builder in config.builders.values() {
            for worker in &builder.workers {
                builders_of.entry(worker.clone()).or_default().insert(builder.name.clone());
            }
        }
        let compiled = schedule::compile(&config);
        let tracked = config.cancellers.iter().map(|canceller| match &canceller.kind {
            CancellerKind::Overtaken(branches) => Matcher::all(branches),
            CancellerKind::Failed => Vec::new(),
        });
        let tracked = tracked.collect();
        Self { config, compiled, tracked, builders_of }
    }

    /// The builders that a worker may run.
    pub(crate) fn builders_of(&self, worker: &WorkerName) -> impl Iterator<Item = &BuilderName> {
        self.builders_of.get(worker).into_iter().flatten()
    }

    /// Whether a worker may run a builder.
    pub(crate) fn serves(&self, worker: &WorkerName, builder: &BuilderName) -> bool {
        self.builders_of.get(worker).is_some_and(|builders| builders.contains(builder))
    }
}

/// Who is connected, and by which session.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    workers: BTreeMap<SessionId, WorkerName>,
    sessions: BTreeMap<WorkerName, SessionId>,
}

impl Sessions {
    /// The worker of a session, unless that session is over.
    pub(crate) fn worker(&self, session: SessionId) -> Option<&WorkerName> {
        self.workers.get(&session)
    }

    /// The present session of a worker.
    pub(crate) fn of(&self, worker: &WorkerName) -> Option<SessionId> {
        self.sessions.get(worker).copied()
    }

    /// Makes a session a worker's present one; gives back the one it replaces.
    pub(crate) fn open(&mut self, session: SessionId, worker: &WorkerName) -> Option<SessionId> {
        self.workers.insert(session, worker.clone());
        let old = self.sessions.insert(worker.clone(), session).filter(|old| *old != session);
        if let Some(old) = old {
            self.workers.remove(&old);
        }
        old
    }

    /// Ends a session; gives back its worker if it was that worker's present one.
    pub(crate) fn close(&mut self, session: SessionId) -> Option<WorkerName> {
        let worker = self.workers.remove(&session)?;
        self.sessions.remove(&worker);
        Some(worker)
    }
}

/// What has news for the next distribution.
#[derive(Debug, Default)]
pub(crate) struct Dirty {
    /// These have new requests.
    pub(crate) builders: BTreeSet<BuilderName>,
    /// These may have become free.
    pub(crate) workers: BTreeSet<WorkerName>,
    /// The rounds of these go on.
    pub(crate) rounds: BTreeSet<BuilderName>,
    /// These were opened.
    pub(crate) opened: Vec<BuildsetId>,
    /// Requests of open buildsets that ended, and how.
    pub(crate) ended: Vec<(BuildsetId, BuilderName, Results)>,
    /// Buildsets that steps triggered are over.
    pub(crate) children: Vec<(Parent, BuildsetId, Results)>,
    /// Of these there may be more, or somebody has left their line.
    pub(crate) locks: BTreeSet<LockKey>,
}

impl Dirty {
    /// Whether nothing has news that could start a build.
    pub(crate) fn is_empty(&self) -> bool {
        self.builders.is_empty() && self.workers.is_empty() && self.rounds.is_empty()
    }
}

/// Why a free worker does not take a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Veto {
    /// A function of the builder does not let it start: this one.
    Function(&'static str),
    /// A worker has less of a lock than it would take there: a clause says which.
    Scarce {
        /// No other worker of the builder has more.
        never: bool,
        /// The clause.
        why: String,
    },
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) current: Arc<Generation>,
    /// Generations that unfinished builds began with, the current one too.
    pub(crate) generations: BTreeMap<ConfigDigest, Arc<Config>>,
    pub(crate) sessions: Sessions,
    pub(crate) timers: Timers,
    pub(crate) dirty: Dirty,
    /// Workers that are not declared any more: they bring their builds to an end, and are shown out then (RC-3).
    pub(crate) leaving: BTreeSet<WorkerName>,
    /// Who waits for locks.
    pub(crate) lines: Lines,
    /// The waiting requests by what sets them apart.
    pub(crate) queues: Queues,
    /// Builders with more requests to be tried than one pass tries.
    pub(crate) rounds: BTreeMap<BuilderName, Round>,
    /// Why nothing new is started.
    pub(crate) trouble: Option<String>,
    /// Policies that erred when they were last asked.
    pub(crate) erred: Erred,
    /// Requests for which a worker was free that did not take them, and why.
    pub(crate) vetoed: BTreeMap<RequestId, Veto>,
    /// Unfinished builds of which a property was not kept, and people were told so.
    pub(crate) unkept: BTreeSet<BuildId>,
    /// How far the running steps of builds are, as far as their commands tell (F21).
    pub(crate) progress: BTreeMap<BuildId, f64>,
    /// How much of an unfinished build's time nobody saw (F07, F20). A restart forgets it: then the limit is a little
    /// stricter than it should be.
    unseen: BTreeMap<BuildId, Span>,
    /// Builds that were deleted of late: history as somebody read it may still have them.
    pub(crate) deleted: BTreeSet<BuildId>,
    /// What the present pass through history has deleted.
    pub(crate) deleting: Totals,
}

impl Live {
    pub(crate) fn new(configs: Vec<Arc<Config>>, current: Arc<Config>) -> Self {
        let mut generations: BTreeMap<_, _> =
            configs.into_iter().map(|config| (config.digest.clone(), config)).collect();
        generations.insert(current.digest.clone(), Arc::clone(&current));
        Self {
            current: Arc::new(Generation::new(current)),
            generations,
            sessions: Sessions::default(),
            timers: Timers::default(),
            dirty: Dirty::default(),
            leaving: BTreeSet::new(),
            lines: Lines::default(),
            queues: Queues::default(),
            rounds: BTreeMap::new(),
            trouble: None,
            erred: Erred::new(),
            vetoed: BTreeMap::new(),
            unkept: BTreeSet::new(),
            progress: BTreeMap::new(),
            unseen: BTreeMap::new(),
            deleted: BTreeSet::new(),
            deleting: Totals::default(),
        }
    }

    /// The configuration that a build began with (D9).
    pub(crate) fn recipe(&self, build: &Build) -> Option<&Arc<Config>> {
        self.generations.get(&build.config)
    }

    /// Follows another configuration; generations that no unfinished build began with are let go.
    pub(crate) fn follow(&mut self, config: Arc<Config>, state: &State) {
        self.generations.insert(config.digest.clone(), Arc::clone(&config));
        self.current = Arc::new(Generation::new(config));
        self.release(state);
    }

    /// Lets go of generations that nothing needs any more.
    pub(crate) fn release(&mut self, state: &State) {
        if self.generations.len() == 1 {
            return;
        }
        let current = &self.current.config.digest;
        let needed: BTreeSet<_> = state.unfinished().map(|build| &build.config).collect();
        self.generations.retain(|digest, _| digest == current || needed.contains(digest));
    }

    /// Works out what a fact, just applied, changes here.
    pub(crate) fn learn(&mut self, record: &Record, state: &State) {
        match record {
            Record::ChangeClassified { scheduler, .. }
            | Record::SchedulerFired { scheduler, .. }
            | Record::SchedulerSwitched { scheduler, .. }
            | Record::SchedulerTimed { scheduler, .. } => {
                self.time_scheduler(scheduler, state);
            }
            Record::RequestAdded(request) => {
                self.queues.settle(state, request.id);
                self.dirty.builders.insert(request.builder.clone());
            }
            Record::BuildsetAdded(buildset) => self.dirty.opened.push(buildset.id),
            Record::BuildsetResolved { buildset, .. } => {
                let requests = state.buildset(*buildset).into_iter().flat_map(|it| &it.requests);
                for request in requests.filter_map(|request| state.request(*request)) {
                    self.queues.settle(state, request.id);
                    self.dirty.builders.insert(request.builder.clone());
                }
            }
            Record::RequestReturned { request } => {
                self.queues.settle(state, *request);
                if let Some(request) = state.request(*request) {
                    self.dirty.builders.insert(request.builder.clone());
                }
            }
            // What a policy chooses from has changed.
            Record::RequestPrioritised { request, .. }
            | Record::RequestFinished { request, .. } => {
                if let Record::RequestFinished { results, .. } = record
                    && let Some(request) = state.request(*request)
                {
                    let builder = request.builder.clone();
                    self.dirty.ended.push((request.buildset, builder, *results));
                }
                self.vetoed.remove(request);
                self.queues.settle(state, *request);
                if let Some(request) = state.request(*request) {
                    if request.claimed_at.is_none() {
                        self.dirty.builders.insert(request.builder.clone());
                    }
                    if request.complete_at.is_some() {
                        self.leave_line(Waiter::Request(request.id), &request.builder);
                    }
                }
            }
            Record::BuildStarted(build) => {
                for request in &build.requests {
                    self.queues.settle(state, *request);
                    self.vetoed.remove(request);
                    self.leave_line(Waiter::Request(*request), &build.builder);
                }
                self.time_build(build.id, state);
            }
            Record::BuildOrphaned { id, .. }
            | Record::BuildResumed { id, .. }
            | Record::BuildStopping { id, .. } => self.time_build(*id, state),
            Record::StepWaiting { id, build, step, locks, .. } => {
                let who = Waiter::Step(*id, *step);
                self.lines.enter(who, &build.builder, vec![locks.clone()]);
            }
            Record::StepStarted { id, build, step, .. } => {
                self.leave_line(Waiter::Step(*id, *step), &build.builder);
            }
            // Its worker has room for another while it waits.
            Record::StepTriggered { id, .. } => {
                let worker = state.build(*id).map(|build| build.worker.clone());
                self.dirty.workers.extend(worker);
            }
            Record::StepFinished { id, build, step, .. } => {
                self.leave_line(Waiter::Step(*id, *step), &build.builder);
                let steps = state.build(*id).into_iter().flat_map(|build| &build.steps);
                let locks = steps.filter(|it| it.number == *step).flat_map(|step| &step.locks);
                self.dirty.locks.extend(locks.map(|share| share.key.clone()));
            }
            Record::RetentionTimed { .. } | Record::RetentionApplied { .. } => {
                self.time_retention(state);
            }
            Record::HistoryDeleted(deletion) => {
                self.deleted.extend(deletion.builds.iter().map(|gone| gone.id));
                while self.deleted.len() > DELETED_KNOWN {
                    self.deleted.pop_first();
                }
            }
            Record::BuildFinished { id, .. } => {
                let locks = state.build(*id).into_iter().flat_map(|build| &build.locks);
                self.dirty.locks.extend(locks.map(|share| share.key.clone()));
                self.unkept.remove(id);
                self.progress.remove(id);
                self.unseen.remove(id);
                self.timers.set(Timer::Build(*id), None);
                if let Some(build) = state.build(*id) {
                    self.time_worker(&build.worker, state);
                }
                self.release(state);
            }
            Record::WorkerConnected { worker, .. }
            | Record::WorkerResumed { worker }
            | Record::WorkerReleased { worker } => {
                self.dirty.workers.insert(worker.clone());
                self.time_worker(worker, state);
            }
            Record::WorkerTroubled { worker, .. } => self.time_worker(worker, state),
            Record::ConfigApplied { .. } => {
                // What was judged and tried so far was judged by what no longer counts.
                self.vetoed.clear();
                self.rounds.clear();
                self.all_dirty(state);
                self.time_all(state);
            }
            _ => {}
        }
    }

    /// Somebody waits for his locks no more: the line moves.
    pub(crate) fn leave_line(&mut self, who: Waiter, builder: &BuilderName) {
        let moved = self.lines.leave(who, builder);
        self.dirty.locks.extend(moved);
    }

    /// The steps that waited for locks when the master ended wait on, in the same order; the requests wait as they did.
    pub(crate) fn line_up(&mut self, state: &State) {
        self.queues = Queues::new(state);
        for (id, number) in state.waiting_steps() {
            let Some(build) = state.build(id) else { continue };
            let step = build.steps.iter().find(|step| step.number == number);
            let wants = step.map(|step| step.locks.clone()).unwrap_or_default();
            self.lines.enter(Waiter::Step(id, number), &build.builder, vec![wants]);
        }
    }

    /// Every builder that waits is to be looked at, and everybody in line.
    pub(crate) fn all_dirty(&mut self, state: &State) {
        self.dirty.locks.extend(self.lines.locks().cloned());
        self.dirty.builders.extend(state.waiting_builders().cloned());
    }

    /// Works out every deadline.
    pub(crate) fn time_all(&mut self, state: &State) {
        self.timers = Timers::default();
        let generation = Arc::clone(&self.current);
        for scheduler in &generation.config.schedulers {
            self.time_scheduler(&scheduler.name, state);
        }
        for build in state.unfinished() {
            self.time_build(build.id, state);
        }
        for worker in state.workers() {
            self.time_worker(&worker.name, state);
        }
        self.time_retention(state);
    }

    pub(crate) fn time_scheduler(&mut self, name: &SchedulerName, state: &State) {
        let scheduler = self.current.config.scheduler(name);
        let at = scheduler.and_then(|scheduler| next_fire(state, scheduler));
        self.timers.set(Timer::Scheduler(name.clone()), at);
    }

    fn time_worker(&mut self, name: &WorkerName, state: &State) {
        let at = state.worker(name).and_then(Worker::rests_until);
        self.timers.set(Timer::Worker(name.clone()), at);
    }

    fn time_build(&mut self, id: BuildId, state: &State) {
        let unseen = self.unseen_of(id);
        let at = state.build(id).and_then(|build| {
            let recipe = self.recipe(build)?;
            build_deadline(build, recipe, unseen)
        });
        self.timers.set(Timer::Build(id), at);
    }

    /// How much of a build's time nobody saw.
    pub(crate) fn unseen_of(&self, id: BuildId) -> Span {
        self.unseen.get(&id).copied().unwrap_or(Span::ZERO)
    }

    /// Nobody saw so much of an unfinished build's time.
    pub(crate) fn unsee(&mut self, id: BuildId, span: Span, state: &State) {
        let unseen = Span(self.unseen_of(id).0.saturating_add(span.0));
        self.unseen.insert(id, unseen);
        self.time_build(id, state);
    }
}
