//! Who can never go on unless certain builds do: found by letting everybody else go on as far as they can, and looking who
//! is left (LK-6).

use std::collections::{BTreeMap, BTreeSet};

use super::line::Waiter;
use super::{Wanting, capacity, fits, others};
use crate::id::{BuildId, BuildsetId, RequestId};
use crate::live::Live;
use crate::model::{Build, LockShare, Step, StepState};
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
        let held_up = |build: &&Build| these.contains(&build.id) || waits(build);
        let mut stuck = Self {
            builds: state.unfinished().filter(held_up).map(|build| build.id).collect(),
            waiters: live.lines.waiters().map(|(who, _)| who).collect(),
        };
        loop {
            let gone =
                stuck.waiters.iter().copied().filter(|who| stuck.can_go_on(state, live, *who));
            let gone: Vec<_> = gone.collect();
            let free = stuck.builds.iter().copied().filter(|id| !these.contains(id));
            let free: Vec<_> = free.filter(|id| stuck.is_free(state, *id)).collect();
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

    /// A waiter goes on when what is stuck leaves it its locks, those before it in line included.
    fn can_go_on(&self, state: &State, live: &Live, who: Waiter) -> bool {
        let wanting = match who {
            Waiter::Step(build, step) => Wanting::step(state, build, step),
            Waiter::Request(request) => Wanting::request(state, request),
        };
        live.lines.wants(who).into_iter().flatten().any(|shares| {
            shares.iter().all(|share| {
                let holders = others(state, &wanting, &share.key);
                let holders = holders.filter(|(holder, _)| self.builds.contains(&holder.build()));
                let ahead = live.lines.ahead(&share.key, who);
                let ahead = ahead.filter(|(other, _)| self.has(*other)).map(|(_, mode)| mode);
                fits(share.mode, capacity(live, &share.key), holders, ahead)
            })
        })
    }

    /// A build goes on when its waiting step does, or when all that its step waits for is over or goes on.
    fn is_free(&self, state: &State, id: BuildId) -> bool {
        let Some(build) = state.build(id) else { return true };
        let Some(step) = present(build) else { return true };
        if step.state() == StepState::Waiting {
            return !self.has(Waiter::Step(id, step.number));
        }
        step.waits_for.iter().all(|buildset| {
            children(state, *buildset).all(|request| match running(state, request) {
                Some(build) => !self.builds.contains(&build.id),
                None => !self.has(Waiter::Request(request)),
            })
        })
    }
}

/// Whether a build does nothing but wait: for a lock, or for its children.
fn waits(build: &Build) -> bool {
    present(build)
        .is_some_and(|step| step.state() == StepState::Waiting || !step.waits_for.is_empty())
}

fn present(build: &Build) -> Option<&Step> {
    build.steps.iter().find(|step| step.state().is_present())
}

fn children(state: &State, buildset: BuildsetId) -> impl Iterator<Item = RequestId> {
    let requests = state.buildset(buildset).into_iter().flat_map(|buildset| &buildset.requests);
    let open = requests.filter_map(|id| state.request(*id));
    open.filter(|request| request.complete_at.is_none()).map(|request| request.id)
}

fn running(state: &State, request: RequestId) -> Option<&Build> {
    let (build, _) = state.request(request)?.builds.last()?;
    state.build(*build).filter(|build| build.complete_at.is_none())
}

/// The most links of a ring that are spelt out.
const MAX_LINKS: usize = 8;

/// Who waits for whom, in words, beginning with what somebody wants: `db is held by b#2, which waits for cpu, which is held
/// by a#1`.
pub(crate) fn sentence(
    state: &State,
    live: &Live,
    wanting: &Wanting,
    shares: &[LockShare],
) -> String {
    let stuck = Stuck::without(state, live, &wanting.family);
    let mut links = Vec::new();
    let mut seen: BTreeMap<BuildId, ()> = BTreeMap::new();
    let mut wants: Vec<LockShare> = shares.to_vec();
    let mut of = Wanting { who: wanting.who, family: wanting.family.clone() };
    while links.len() < MAX_LINKS {
        let held = wants.iter().find_map(|share| {
            let mut holders = others(state, &of, &share.key);
            let holder = holders.find(|(holder, _)| stuck.builds.contains(&holder.build()))?;
            Some((share.key.clone(), holder.0.build()))
        });
        let Some((key, holder)) = held else { break };
        let Some(build) = state.build(holder) else { break };
        let again = seen.insert(holder, ()).is_some() || wanting.family.contains(&holder);
        links.push(format!("{key} is held by {}", build.reference()));
        if again {
            break;
        }
        match waiting_for(state, live, build) {
            Some((next, shares)) => (of, wants) = (next, shares),
            None => break,
        }
    }
    links.join(", which waits for a lock: ")
}

/// What a build that is stuck waits for: itself, or through its children.
fn waiting_for(state: &State, live: &Live, build: &Build) -> Option<(Wanting, Vec<LockShare>)> {
    let step = present(build)?;
    if step.state() == StepState::Waiting {
        return Some((Wanting::step(state, build.id, step.number), step.locks.clone()));
    }
    let requests = step.waits_for.iter().flat_map(|buildset| children(state, *buildset));
    requests.into_iter().find_map(|request| match running(state, request) {
        Some(child) => waiting_for(state, live, child),
        None => {
            let wants = live.lines.wants(Waiter::Request(request))?.first()?.clone();
            Some((Wanting::request(state, request), wants))
        }
    })
}
