//! Who can never go on unless certain builds do: found by letting everybody else go on as far as they can, and looking who
//! is left (LK-6). What they need is locks, and room on a worker.

use std::collections::BTreeSet;

use super::line::Waiter;
use super::{Wanting, capacity, fits, others};
use crate::config::Builder;
use crate::id::{BuildId, BuildsetId, RequestId, WorkerName};
use crate::live::Live;
use crate::model::{Build, LockShare, Step, StepState, Worker};
use crate::state::State;

/// What is left when everybody who can has gone on.
#[derive(Debug, Default)]
pub(crate) struct Stuck {
    builds: BTreeSet<BuildId>,
    waiters: BTreeSet<Waiter>,
}

impl Stuck {
    /// Those who cannot go on while none of `these` does.
    pub(crate) fn without(state: &State, live: &Live, these: &BTreeSet<BuildId>) -> Self {
        Self::but(state, live, these, None)
    }

    /// The same, if one of those who wait went on.
    pub(crate) fn but(
        state: &State,
        live: &Live,
        these: &BTreeSet<BuildId>,
        goes_on: Option<BuildId>,
    ) -> Self {
        let held_up = |build: &&Build| {
            these.contains(&build.id) || (waits(build) && goes_on != Some(build.id))
        };
        let in_line = live.lines.waiters().map(|(who, _)| who);
        let children = live.queues.all_children().map(Waiter::Request);
        let stays = |who: &Waiter| !matches!(who, Waiter::Step(id, _) if goes_on == Some(*id));
        let mut stuck = Self {
            builds: state.unfinished().filter(held_up).map(|build| build.id).collect(),
            waiters: in_line.chain(children).filter(stays).collect(),
        };
        loop {
            let gone =
                stuck.waiters.iter().copied().filter(|who| stuck.can_go_on(state, live, *who));
            let gone: Vec<_> = gone.collect();
            let free = stuck.builds.iter().copied().filter(|id| !these.contains(id));
            let free: Vec<_> = free.filter(|id| stuck.is_free(state, live, *id)).collect();
            if gone.is_empty() && free.is_empty() {
                return stuck;
            }
            for who in gone {
                stuck.waiters.remove(&who);
            }
            for id in free {
                stuck.builds.remove(&id);
            }
        }
    }

    /// Whether somebody is left.
    pub(crate) fn has(&self, who: Waiter) -> bool {
        self.waiters.contains(&who)
    }

    /// Whether somebody's locks will be free one day without the builds that are stuck.
    pub(crate) fn leaves(
        &self,
        state: &State,
        live: &Live,
        wanting: &Wanting,
        shares: &[LockShare],
    ) -> bool {
        shares.iter().all(|share| {
            let holders = others(state, wanting, &share.key);
            let holders = holders.filter(|(holder, _)| self.builds.contains(&holder.build()));
            fits(share.mode, capacity(live, &share.key), holders, std::iter::empty())
        })
    }

    /// Whether what is stuck leaves a worker to a request, of those that were ever there. While none was, one may come.
    pub(crate) fn leaves_room(&self, state: &State, live: &Live, request: RequestId) -> bool {
        let Some((builder, workers)) = workers_of(state, live, request) else { return true };
        workers.is_empty()
            || workers.iter().any(|worker| self.in_the_way(state, live, builder, worker).is_none())
    }

    /// The build that is stuck on a worker and keeps it from a builder.
    pub(super) fn in_the_way<'a>(
        &self,
        state: &'a State,
        live: &Live,
        builder: &Builder,
        worker: &WorkerName,
    ) -> Option<&'a Build> {
        let mut here = state.running_on(worker).filter(|build| self.builds.contains(&build.id));
        let config = &live.current.config;
        here.find(|build| config.share_a_folder(&build.builder, builder))
            .or_else(|| self.fills(state, live, worker))
    }

    /// One of the builds that are stuck on a worker, if they leave no room there.
    pub(super) fn fills<'a>(
        &self,
        state: &'a State,
        live: &Live,
        worker: &WorkerName,
    ) -> Option<&'a Build> {
        let limit = live.current.config.workers.get(worker)?.max_builds?;
        let here = state.running_on(worker).filter(|build| self.builds.contains(&build.id));
        let mut here = here.filter(|build| !build.is_parked()).peekable();
        let one = here.peek().copied();
        one.filter(|_| here.count() >= limit as usize)
    }

    /// Whether a build is left.
    pub(super) fn holds(&self, build: BuildId) -> bool {
        self.builds.contains(&build)
    }

    /// A waiter goes on when what is stuck leaves it its locks, those before it in line included, and a request a worker.
    fn can_go_on(&self, state: &State, live: &Live, who: Waiter) -> bool {
        let wanting = match who {
            Waiter::Step(build, step) => Wanting::step(state, build, step),
            Waiter::Request(request) if !self.leaves_room(state, live, request) => return false,
            Waiter::Request(request) => Wanting::request(state, request),
        };
        let Some(wants) = live.lines.wants(who) else { return true };
        wants.iter().any(|shares| {
            shares.iter().all(|share| {
                let holders = others(state, &wanting, &share.key);
                let holders = holders.filter(|(holder, _)| self.builds.contains(&holder.build()));
                let ahead = live.lines.ahead(&share.key, who);
                let ahead = ahead.filter(|(other, _)| self.has(*other)).map(|(_, mode)| mode);
                fits(share.mode, capacity(live, &share.key), holders, ahead)
            })
        })
    }

    /// A build goes on when its waiting step does, or when all that its step waits for is over or goes on and its worker has
    /// room for it again.
    fn is_free(&self, state: &State, live: &Live, id: BuildId) -> bool {
        let Some(build) = state.build(id) else { return true };
        let Some(step) = present(build) else { return true };
        if step.state() == StepState::Waiting {
            return !self.has(Waiter::Step(id, step.number));
        }
        let children_go_on = step.waits_for.iter().all(|buildset| {
            children(state, *buildset).all(|request| match running(state, request) {
                Some(build) => !self.builds.contains(&build.id),
                None => !self.has(Waiter::Request(request)),
            })
        });
        children_go_on && self.fills(state, live, &build.worker).is_none()
    }
}

/// Whether a build does nothing but wait: for a lock, or for its children.
fn waits(build: &Build) -> bool {
    present(build)
        .is_some_and(|step| step.state() == StepState::Waiting || !step.waits_for.is_empty())
}

pub(super) fn present(build: &Build) -> Option<&Step> {
    build.steps.iter().find(|step| step.state().is_present())
}

pub(super) fn children(state: &State, buildset: BuildsetId) -> impl Iterator<Item = RequestId> {
    let requests = state.buildset(buildset).into_iter().flat_map(|buildset| &buildset.requests);
    let open = requests.filter_map(|id| state.request(*id));
    open.filter(|request| request.complete_at.is_none()).map(|request| request.id)
}

pub(super) fn running(state: &State, request: RequestId) -> Option<&Build> {
    let (build, _) = state.request(request)?.builds.last()?;
    state.build(*build).filter(|build| build.complete_at.is_none())
}

/// The builder of a request, and the workers that could take it: of all, or the one that it was asked for on, those that were ever
/// there.
pub(super) fn workers_of<'a>(
    state: &State,
    live: &'a Live,
    request: RequestId,
) -> Option<(&'a Builder, Vec<&'a WorkerName>)> {
    let request = state.request(request)?;
    let config = &live.current.config;
    let builder = config.builders.get(&request.builder)?;
    let chosen = state.buildset(request.buildset).and_then(|buildset| buildset.worker.as_ref());
    let may = |name: &&WorkerName| {
        let known = || state.worker(name).is_some_and(Worker::was_seen);
        chosen.is_none_or(|chosen| chosen == *name)
            && config.workers.get(*name).is_some_and(|worker| worker.local || known())
    };
    Some((builder, builder.workers.iter().filter(may).collect()))
}
