//! One builder is served: its requests are tried in their order until one starts (RQ-2, RQ-4), and those that would but for
//! their locks stand in line for them (LK-2, LK-5).

use std::collections::BTreeSet;

use super::fit::{Choice, free_for, is_free, worker_for};
use crate::build;
use crate::config::{Builder, Locks};
use crate::ctx::Ctx;
use crate::hooks::HookId;
use crate::id::{BuilderName, RequestId, WorkerName};
use crate::live::{Dirty, Generation};
use crate::lock::Waiter;
use crate::model::{Build, LockShare, StepState, Worker};
use crate::policy::{self, Pick};
use crate::queue::{Round, Which};
use crate::state::ReadyKey;
use crate::timers::Timer;

/// The most requests of a builder that are tried in one pass; the next one goes on behind them.
const MAX_TRIED: usize = 50;

/// The most that `next_build` is asked in one pass: each time all that wait are shown to it.
const MAX_ASKED: usize = 5;

/// The most requests of a builder that stand in line. For those behind them the builder is looked at again, but they have no
/// place before others.
const MAX_IN_LINE: usize = 50;

/// Starts the builder's next request if a worker is free for it.
pub(super) fn serve(
    ctx: &mut Ctx<'_>,
    generation: &Generation,
    dirty: &mut Dirty,
    key: &ReadyKey,
) -> bool {
    let Some(builder) = generation.config.builders.get(&key.builder) else {
        leave_line(ctx, &key.builder);
        return false;
    };
    let goes_on = dirty.rounds.contains(&key.builder);
    let freed = || dirty.workers.iter().filter(|worker| generation.serves(worker, &key.builder));
    let asked = dirty.builders.contains(&key.builder);
    let has_news = asked || freed().next().is_some();
    if !has_news && !goes_on {
        return false;
    }
    let known = ctx.live.rounds.contains_key(&key.builder);
    let free = if asked || known || ctx.live.lines.waits(&key.builder) {
        free_for(ctx, builder, builder.workers.iter())
    } else {
        free_for(ctx, builder, freed())
    };
    if free.is_empty() {
        // Whoever could not start even with its locks keeps nobody from them.
        leave_line(ctx, &builder.name);
        break_rings(ctx, builder, &free);
        return false;
    }
    let waited = ctx.live.lines.waits(&key.builder);
    let mut trial = Trial { builder, free, started: None };
    // A round that goes on without news goes on where it stopped; news are for the first ones first, and for all after.
    if has_news || !known {
        trial.begin(ctx, known);
    }
    if trial.started.is_none() && goes_on {
        trial.go_on(ctx);
    }
    let Some(worker) = trial.started else {
        let free = trial.free;
        break_rings(ctx, builder, &free);
        return false;
    };
    if !is_free(ctx, &worker) {
        dirty.workers.remove(&worker);
    }
    if known || waited || ctx.live.lines.waits(&key.builder) {
        // Those behind it have to be looked at, too.
        dirty.builders.insert(key.builder.clone());
    }
    true
}

/// A builder's requests are tried.
struct Trial<'a> {
    builder: &'a Builder,
    free: Vec<WorkerName>,
    /// One started, here.
    started: Option<WorkerName>,
}

impl Trial<'_> {
    /// Tries the first ones. What is behind them has its turn in the round that goes on, or in a new one.
    fn begin(&mut self, ctx: &mut Ctx<'_>, known: bool) {
        if !known {
            ctx.live.lines.look_away(&self.builder.name);
        }
        let mut round = Round::default();
        let done = self.try_some(ctx, &mut round);
        if self.started.is_some() {
            return;
        }
        match ctx.live.rounds.get_mut(&self.builder.name) {
            Some(_) if done => drop(ctx.live.rounds.remove(&self.builder.name)),
            Some(known) => {
                known.again = true;
                known.lined.append(&mut round.lined);
            }
            None if done => {}
            None => drop(ctx.live.rounds.insert(self.builder.name.clone(), round)),
        }
        self.settle(ctx);
    }

    /// Tries those that come next in the round.
    fn go_on(&mut self, ctx: &mut Ctx<'_>) {
        let Some(mut round) = ctx.live.rounds.remove(&self.builder.name) else { return };
        let done = self.try_some(ctx, &mut round);
        if !done || self.started.is_some() {
            ctx.live.rounds.insert(self.builder.name.clone(), round);
        } else if round.again {
            ctx.live.rounds.insert(self.builder.name.clone(), Round::default());
        }
        self.settle(ctx);
    }

    /// The next pass follows at once while there is a round.
    fn settle(&self, ctx: &mut Ctx<'_>) {
        let more = ctx.live.rounds.contains_key(&self.builder.name);
        let at = more.then_some(ctx.now);
        ctx.live.timers.set(Timer::Queue(self.builder.name.clone()), at);
    }

    /// Tries as many as one pass may; answers whether those were the last.
    fn try_some(&mut self, ctx: &mut Ctx<'_>, round: &mut Round) -> bool {
        let done = match &self.builder.policy.next_build {
            Some(hook) => self.try_picked(ctx, hook, round),
            None => self.try_in_order(ctx, round),
        };
        if done {
            self.make_room(ctx, &round.lined);
        }
        done
    }

    /// By priority and age.
    fn try_in_order(&mut self, ctx: &mut Ctx<'_>, round: &mut Round) -> bool {
        let none = BTreeSet::new();
        let which = Which {
            builder: &self.builder.name,
            after: round.after,
            workers: &self.free,
            each: self.is_asked_of_each(),
            not: &BTreeSet::new(),
            without: &none,
        };
        let mut places = ctx.live.queues.next(&which, MAX_TRIED + 1);
        let done = places.len() <= MAX_TRIED;
        places.truncate(MAX_TRIED);
        for place in places {
            round.after = Some(place);
            if self.try_one(ctx, place.1, round) {
                return false;
            }
        }
        done
    }

    /// As a function says, which is asked again without those that it picked in vain.
    fn try_picked(&mut self, ctx: &mut Ctx<'_>, hook: &HookId, round: &mut Round) -> bool {
        for _ in 0..MAX_ASKED {
            let each = self.is_asked_of_each();
            let kins = round.passed.iter().filter_map(|id| ctx.live.queues.kin(*id)).cloned();
            let without = if each { BTreeSet::new() } else { kins.collect() };
            let which = Which {
                builder: &self.builder.name,
                after: None,
                workers: &self.free,
                each: true,
                not: &round.passed,
                without: &without,
            };
            let shown = ctx.live.queues.next(&which, policy::MAX_SHOWN);
            let shown: Vec<_> = shown.into_iter().map(|(_, id)| id).collect();
            let picked = if shown.is_empty() {
                Pick::Nothing
            } else {
                policy::pick(ctx, self.builder, hook, &shown)
            };
            match picked {
                Pick::One(request) => {
                    round.passed.insert(request);
                    if self.try_one(ctx, request, round) {
                        return false;
                    }
                }
                Pick::Nothing => return true,
                Pick::Erred => {
                    round.passed.clear();
                    return self.try_in_order(ctx, round);
                }
            }
        }
        false
    }

    /// Whether a function looks at every request; else all of a kin go the way of the first.
    fn is_asked_of_each(&self) -> bool {
        let policy = &self.builder.policy;
        policy.can_start_build.is_some()
            || policy.next_worker.is_some()
            || matches!(self.builder.locks, Locks::Hook(_))
    }

    /// Starts a request, or lines it up, or neither. Answers whether one has started.
    fn try_one(&mut self, ctx: &mut Ctx<'_>, request: RequestId, round: &mut Round) -> bool {
        round.lined.remove(&request);
        match worker_for(ctx, self.builder, request, &self.free) {
            Choice::Start(worker, locks) => {
                build::start(ctx, request, &worker, locks);
                self.started = Some(worker);
                return true;
            }
            Choice::Wait(wants) => {
                if self.line_up(ctx, request, &wants, &round.lined) {
                    round.lined.insert(request);
                }
                // A child whose parents hold what somebody wants who holds what it wants itself would wait for ever: that
                // somebody is told (LK-6).
                build::break_ring(ctx, request);
            }
            Choice::Nobody => {}
        }
        if !round.lined.contains(&request) {
            ctx.live.leave_line(Waiter::Request(request), &self.builder.name);
        }
        false
    }

    /// A request takes its place in line (LK-2), unless one of its builder that was tried before it stands there for the same:
    /// that one has the better place of both.
    fn line_up(
        &self,
        ctx: &mut Ctx<'_>,
        request: RequestId,
        wants: &[Vec<LockShare>],
        before: &BTreeSet<RequestId>,
    ) -> bool {
        if let Some(first) = self.alike(ctx, request, wants, before) {
            self.take_over(ctx, first, request);
            return false;
        }
        let in_line = ctx.live.lines.requests_of(&self.builder.name);
        if in_line.iter().filter(|id| **id != request).count() >= MAX_IN_LINE {
            ctx.live.lines.watch(&self.builder.name, wants);
            return false;
        }
        let who = Waiter::Request(request);
        let moved = ctx.live.lines.enter(who, &self.builder.name, wants.to_vec());
        ctx.live.dirty.locks.extend(moved);
        true
    }

    /// All have been tried: those that stand in line and have no reason to do so any more leave it to who wants the same.
    fn make_room(&self, ctx: &mut Ctx<'_>, lined: &BTreeSet<RequestId>) {
        for request in ctx.live.lines.requests_of(&self.builder.name) {
            let wants = ctx.live.lines.wants(Waiter::Request(request)).map(<[_]>::to_vec);
            if lined.contains(&request) {
                continue;
            }
            match wants.and_then(|wants| self.alike(ctx, request, &wants, lined)) {
                Some(heir) => self.take_over(ctx, heir, request),
                None => ctx.live.leave_line(Waiter::Request(request), &self.builder.name),
            }
        }
    }

    /// The request among those that waits for the same as another one.
    fn alike(
        &self,
        ctx: &Ctx<'_>,
        request: RequestId,
        wants: &[Vec<LockShare>],
        those: &BTreeSet<RequestId>,
    ) -> Option<RequestId> {
        let parents = |id| ctx.live.queues.kin(id).map(|kin| &kin.parents);
        let same = |other: &RequestId| {
            let theirs = ctx.live.lines.wants(Waiter::Request(*other));
            *other != request && theirs == Some(wants) && parents(*other) == parents(request)
        };
        those.iter().copied().find(same)
    }

    fn take_over(&self, ctx: &mut Ctx<'_>, heir: RequestId, from: RequestId) {
        let (heir, from) = (Waiter::Request(heir), Waiter::Request(from));
        let moved = ctx.live.lines.take_over(heir, from, &self.builder.name);
        ctx.live.dirty.locks.extend(moved);
    }
}

/// Children for which no worker is free are waited for for ever where every worker that could take them has a build that waits
/// for them, however far down (LK-6).
fn break_rings(ctx: &mut Ctx<'_>, builder: &Builder, free: &[WorkerName]) {
    let waits = |build: &Build| build.steps.iter().any(|it| it.state() == StepState::Waiting);
    let config = &ctx.live.current.config;
    let held_up = |worker: &WorkerName| {
        let mut here = ctx.state().running_on(worker);
        let own =
            |build: &Build| config.share_a_folder(&build.builder, builder) && build.is_parked();
        here.any(|build| own(build) || waits(build))
    };
    let declared = |name: &&WorkerName| ctx.live.current.config.workers.contains_key(*name);
    let was_seen = |name: &&WorkerName| ctx.state().worker(name).is_some_and(Worker::was_seen);
    let known = || builder.workers.iter().filter(declared).filter(was_seen);
    let without = |chosen: Option<&WorkerName>| match chosen {
        Some(chosen) => !free.contains(chosen) && held_up(chosen),
        None => free.is_empty() && known().all(held_up),
    };
    let children = ctx.live.queues.children(&builder.name);
    let children = children.filter(|(kin, _)| without(kin.worker.as_ref()));
    for request in children.map(|(_, request)| request).collect::<Vec<_>>() {
        build::break_ring(ctx, request);
    }
}

/// No request of a builder waits for its locks any more.
fn leave_line(ctx: &mut Ctx<'_>, builder: &BuilderName) {
    for request in ctx.live.lines.requests_of(builder) {
        ctx.live.leave_line(Waiter::Request(request), builder);
    }
    ctx.live.lines.look_away(builder);
    ctx.live.rounds.remove(builder);
}
