//! The waiting requests of each builder by what sets them apart: the worker that one was asked for on, and the parent that
//! waits for it. Of those that nothing sets apart, none can start where the first cannot.
//!
//! What must be asked of more requests than one pass may take goes on in later passes, from where it stopped (RQ-4).

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use crate::id::{BuilderName, RequestId, WorkerName};
use crate::state::State;

/// A request's place in its builder's queue: highest priority first, then oldest.
pub(crate) type Place = (Reverse<i32>, RequestId);

/// What sets a request apart from others of its builder.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(crate) struct Kin {
    /// The one worker that it was asked for on.
    pub(crate) worker: Option<WorkerName>,
    /// The requests whose build waits for it: it may take the locks that this build holds (LK-6). None: nobody waits.
    pub(crate) parents: Vec<RequestId>,
}

impl Kin {
    fn of(state: &State, request: RequestId) -> Option<Self> {
        let buildset = state.buildset(state.request(request)?.buildset)?;
        let parent = buildset.parent.as_ref().filter(|_| buildset.waited_for);
        let parents = parent.map(|parent| parent.requests.clone()).unwrap_or_default();
        Some(Self { worker: buildset.worker.clone(), parents })
    }
}

/// All waiting requests.
#[derive(Debug, Default)]
pub(crate) struct Queues {
    of: BTreeMap<BuilderName, BTreeMap<Kin, BTreeSet<Place>>>,
    places: BTreeMap<RequestId, (BuilderName, Kin, Place)>,
}

impl Queues {
    /// Takes in all that wait.
    pub(crate) fn new(state: &State) -> Self {
        let mut queues = Self::default();
        for request in state.waiting_requests() {
            queues.settle(state, request.id);
        }
        queues
    }

    /// Puts a request where it belongs now, which is nowhere once it runs or is over.
    pub(crate) fn settle(&mut self, state: &State, id: RequestId) {
        if let Some((builder, kin, place)) = self.places.remove(&id)
            && let Some(kins) = self.of.get_mut(&builder)
            && let Some(places) = kins.get_mut(&kin)
        {
            places.remove(&place);
            if places.is_empty() {
                kins.remove(&kin);
            }
            if kins.is_empty() {
                self.of.remove(&builder);
            }
        }
        let Some(request) = state.request(id) else { return };
        if request.claimed_at.is_some() || request.complete_at.is_some() {
            return;
        }
        let Some(kin) = Kin::of(state, id) else { return };
        let place = (Reverse(request.priority), id);
        let kins = self.of.entry(request.builder.clone()).or_default();
        kins.entry(kin.clone()).or_default().insert(place);
        self.places.insert(id, (request.builder.clone(), kin, place));
    }

    /// What sets a waiting request apart.
    pub(crate) fn kin(&self, request: RequestId) -> Option<&Kin> {
        self.places.get(&request).map(|(_, kin, _)| kin)
    }

    /// The first requests of a builder, beyond a place, that one of these workers might take.
    pub(crate) fn next(&self, which: &Which<'_>, most: usize) -> Vec<Place> {
        let workers: BTreeSet<&WorkerName> = which.workers.iter().collect();
        let fits = |kin: &Kin| {
            kin.worker.as_ref().is_none_or(|worker| workers.contains(worker))
                && !which.without.contains(kin)
        };
        let from = which.after.map_or(Bound::Unbounded, Bound::Excluded);
        let kins = self.of.get(which.builder).into_iter().flatten().filter(|(kin, _)| fits(kin));
        let mut found: Vec<Place> = if which.each {
            kins.flat_map(|(_, places)| {
                let beyond = places.range((from, Bound::Unbounded));
                beyond.filter(|(_, id)| !which.not.contains(id)).take(most)
            })
            .copied()
            .collect()
        } else {
            let firsts = kins.filter_map(|(_, places)| places.first());
            firsts
                .filter(|place| which.after.is_none_or(|after| **place > after))
                .copied()
                .collect()
        };
        found.sort_unstable();
        found.truncate(most);
        found
    }

    /// Of the waiting children of a builder, the first of each parent, and on each worker that was asked for.
    pub(crate) fn children(
        &self,
        builder: &BuilderName,
    ) -> impl Iterator<Item = (&Kin, RequestId)> {
        let kins = self.of.get(builder).into_iter().flatten();
        let children = kins.filter(|(kin, _)| !kin.parents.is_empty());
        children.filter_map(|(kin, places)| Some((kin, places.first()?.1)))
    }

    /// The same, of all builders.
    pub(crate) fn all_children(&self) -> impl Iterator<Item = RequestId> {
        self.of.keys().flat_map(|builder| self.children(builder)).map(|(_, request)| request)
    }
}

/// Which requests of a builder are looked for.
#[derive(Debug)]
pub(crate) struct Which<'a> {
    pub(crate) builder: &'a BuilderName,
    /// Beyond this place.
    pub(crate) after: Option<Place>,
    /// For one of these.
    pub(crate) workers: &'a [WorkerName],
    /// Every one, because a function looks at each; else the first of each kin stands for all of it.
    pub(crate) each: bool,
    /// Not these.
    pub(crate) not: &'a BTreeSet<RequestId>,
    /// And none of these.
    pub(crate) without: &'a BTreeSet<Kin>,
}

/// How far a builder's requests have been tried that are more than one pass tries.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Round {
    /// The last one that was tried.
    pub(crate) after: Option<Place>,
    /// Those that `next_build` picked, and nobody could take.
    pub(crate) passed: BTreeSet<RequestId>,
    /// Those that stand in line for their locks, of those that were tried.
    pub(crate) lined: BTreeSet<RequestId>,
    /// There were news since it began: what was tried before them is tried again.
    pub(crate) again: bool,
}
