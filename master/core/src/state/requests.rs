//! Requests of incomplete buildsets, the queue of each builder, and the order in which builders are served.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use crate::id::{BuildId, BuilderName, BuildsetId, RequestId};
use crate::model::{Build, BuildRequest, Child};
use crate::results::Results;
use crate::time::Timestamp;

/// A waiting builder's place: highest priority first, then least recently served, then oldest request (RQ-1, F27).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct ReadyKey {
    priority: Reverse<i32>,
    /// The newest build it ever got; `None`: it never got one.
    served: Option<BuildId>,
    /// The request that is next.
    pub(crate) request: RequestId,
    /// Whose place.
    pub(crate) builder: BuilderName,
}

/// All requests of incomplete buildsets.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Requests {
    by_id: BTreeMap<RequestId, BuildRequest>,
    /// Waiting ones: highest priority first, then oldest.
    queues: BTreeMap<BuilderName, BTreeSet<(Reverse<i32>, RequestId)>>,
    /// These are in no queue yet: it is being asked what they are to build (SS-3).
    held: BTreeSet<(BuilderName, RequestId)>,
    ready: BTreeSet<ReadyKey>,
    /// Each waiting builder's key in `ready`.
    places: BTreeMap<BuilderName, ReadyKey>,
    /// The newest build of each builder.
    served: BTreeMap<BuilderName, BuildId>,
}

impl Requests {
    pub(super) fn get(&self, id: RequestId) -> Option<&BuildRequest> {
        self.by_id.get(&id)
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &BuildRequest> {
        self.by_id.values()
    }

    pub(super) fn queue(&self, builder: &BuilderName) -> impl Iterator<Item = &BuildRequest> {
        let queue = self.queues.get(builder);
        queue.into_iter().flatten().filter_map(|(_, id)| self.by_id.get(id))
    }

    pub(super) fn pending(&self, builder: &BuilderName) -> usize {
        let held = self.held.range((builder.clone(), RequestId(0))..);
        let held = held.take_while(|(of, _)| of == builder).count();
        self.queues.get(builder).map_or(0, BTreeSet::len) + held
    }

    pub(super) fn waiting(&self) -> impl Iterator<Item = &BuildRequest> {
        let queued = self.queues.values().flatten().map(|(_, id)| id);
        queued.chain(self.held.iter().map(|(_, id)| id)).filter_map(|id| self.by_id.get(id))
    }

    pub(super) fn waiting_builders(&self) -> impl Iterator<Item = &BuilderName> {
        self.queues.keys()
    }

    pub(super) fn ready_key(&self, builder: &BuilderName) -> Option<&ReadyKey> {
        self.places.get(builder)
    }

    pub(super) fn next_ready(&self, cursor: Option<&ReadyKey>) -> Option<&ReadyKey> {
        let from = cursor.map_or(Bound::Unbounded, |key| Bound::Excluded(key.clone()));
        self.ready.range((from, Bound::Unbounded)).next()
    }

    /// Takes a request in; one that is `held` waits outside its queue until it is released.
    pub(super) fn add(&mut self, request: BuildRequest, held: bool) {
        let (builder, id) = (request.builder.clone(), request.id);
        if held && request.complete_at.is_none() {
            self.held.insert((builder.clone(), id));
        }
        self.by_id.insert(id, request);
        self.enqueue(&builder, id);
    }

    /// A request that was held goes into its queue.
    pub(super) fn release(&mut self, id: RequestId) {
        let Some(request) = self.by_id.get(&id) else { return };
        let builder = request.builder.clone();
        self.held.remove(&(builder.clone(), id));
        self.enqueue(&builder, id);
    }

    /// Changes one request and puts it, and its builder, where they now belong.
    fn change(&mut self, id: RequestId, with: impl FnOnce(&mut BuildRequest)) {
        let Some(request) = self.by_id.get_mut(&id) else { return };
        let builder = request.builder.clone();
        if let Some(queue) = self.queues.get_mut(&builder) {
            queue.remove(&(Reverse(request.priority), id));
            if queue.is_empty() {
                self.queues.remove(&builder);
            }
        }
        with(request);
        self.enqueue(&builder, id);
    }

    fn enqueue(&mut self, builder: &BuilderName, id: RequestId) {
        if let Some(request) = self.by_id.get(&id)
            && request.claimed_at.is_none()
            && request.complete_at.is_none()
            && !self.held.contains(&(builder.clone(), id))
        {
            let queue = self.queues.entry(builder.clone()).or_default();
            queue.insert((Reverse(request.priority), id));
        }
        self.place(builder);
    }

    /// Finds a builder's place among those that wait.
    fn place(&mut self, builder: &BuilderName) {
        if let Some(old) = self.places.remove(builder) {
            self.ready.remove(&old);
        }
        let head = self.queues.get(builder).and_then(BTreeSet::first);
        let Some(&(priority, request)) = head else { return };
        let served = self.served.get(builder).copied();
        let key = ReadyKey { priority, served, request, builder: builder.clone() };
        self.places.insert(builder.clone(), key.clone());
        self.ready.insert(key);
    }

    /// A builder got a build.
    pub(super) fn serve(&mut self, builder: &BuilderName, build: BuildId) {
        let newest = self.served.get(builder).map_or(build, |known| build.max(*known));
        self.served.insert(builder.clone(), newest);
        self.place(builder);
    }

    pub(super) fn prioritise(&mut self, id: RequestId, priority: i32) {
        self.change(id, |request| request.priority = priority);
    }

    pub(super) fn claim(&mut self, id: RequestId, build: &Build) {
        self.change(id, |request| {
            request.claimed_at = Some(build.started_at);
            request.builds.push((build.id, build.number));
            request.merged_into = build.requests.first().copied().filter(|first| *first != id);
        });
    }

    pub(super) fn unclaim(&mut self, id: RequestId) {
        self.change(id, |request| {
            request.claimed_at = None;
            request.merged_into = None;
        });
    }

    pub(super) fn finish(&mut self, id: RequestId, results: Results, at: Timestamp) {
        self.change(id, |request| {
            request.results = Some(results);
            request.complete_at = Some(at);
        });
        if let Some(request) = self.by_id.get(&id) {
            self.held.remove(&(request.builder.clone(), id));
        }
    }

    /// A step of its build triggered these.
    pub(super) fn adopt(&mut self, id: RequestId, children: &[Child]) {
        if let Some(request) = self.by_id.get_mut(&id) {
            request.children.extend_from_slice(children);
        }
    }

    pub(super) fn child_over(&mut self, id: RequestId, buildset: BuildsetId, results: Results) {
        let children = self.by_id.get_mut(&id).into_iter().flat_map(|it| &mut it.children);
        for child in children.filter(|child| child.buildset == buildset) {
            child.results = Some(results);
        }
    }

    /// Forgets the requests of a finished buildset.
    pub(super) fn forget(&mut self, id: RequestId) {
        let Some(request) = self.by_id.remove(&id) else { return };
        self.held.remove(&(request.builder.clone(), id));
        if let Some(queue) = self.queues.get_mut(&request.builder) {
            queue.remove(&(Reverse(request.priority), id));
            if queue.is_empty() {
                self.queues.remove(&request.builder);
            }
        }
        self.place(&request.builder);
    }
}
