//! The tables in memory, read-only outside: `State::apply` is the only function that changes them.
//!
//! One file a table, each with its indexes. What is remembered and what is forgotten follows [`Tables`], so that a state
//! made from a store's rows equals the state that wrote them.

mod answers;
mod apply;
mod builds;
mod changes;
mod graph;
mod load;
mod locks;
mod requests;
mod retained;
mod standing;
mod tables;
#[cfg(test)]
mod tests;
mod waiting;

use std::collections::{BTreeMap, BTreeSet};

pub(crate) use apply::GOT_REVISION;
pub(crate) use requests::ReadyKey;
pub use retained::Retained;
pub use standing::Standing;
pub use tables::{
    Built, LastIds, SourceCursor, TAIL_ANSWERS, TAIL_BUILDS, TAIL_BUILT, TAIL_CHANGES,
    TAIL_COMMITS, TAIL_KEYS, Tables, Tree,
};
pub use waiting::{Line, Quiet};

use crate::change::Change;
use crate::config::LockMode;
use crate::id::{
    BuildId, BuildRef, BuilderName, BuildsetId, ChangeId, CommandId, ConfigDigest, RequestId,
    SchedulerName, SourceName, StepNumber, WorkerName,
};
use crate::model::{Build, BuildRequest, Buildset, LockHolder, LockKey, Worker};
use crate::record::Subject;
use crate::time::Timestamp;

/// Everything a master knows that is not done with, and a bounded tail of what is.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct State {
    changes: changes::Changes,
    graph: graph::Graph,
    buildsets: BTreeMap<BuildsetId, Buildset>,
    requests: requests::Requests,
    builds: builds::Builds,
    locks: locks::Locks,
    workers: BTreeMap<WorkerName, Worker>,
    waiting: waiting::Waiting,
    standings: BTreeMap<SchedulerName, Standing>,
    sources: BTreeMap<SourceName, SourceCursor>,
    answers: answers::Answers,
    /// Of builds that are not remembered too.
    pins: BTreeSet<BuildId>,
    retained: Retained,
    last: LastIds,
    numbers: BTreeMap<BuilderName, u32>,
    config: Option<ConfigDigest>,
}

impl State {
    /// A change that is still remembered.
    #[must_use]
    pub fn change(&self, id: ChangeId) -> Option<&Change> {
        self.changes.get(id)
    }

    /// Every remembered change, oldest first.
    pub fn changes(&self) -> impl DoubleEndedIterator<Item = &Change> {
        self.changes.iter()
    }

    /// The change that came in with this key (I2).
    #[must_use]
    pub fn change_by_key(&self, key: &str) -> Option<ChangeId> {
        self.changes.by_key(key)
    }

    /// The changes that speak of a revision, oldest first; the same commit may have come on several branches.
    pub fn changes_at(&self, repository: &str, revision: &str) -> impl Iterator<Item = &Change> {
        self.changes.at(repository, revision)
    }

    /// The newest remembered change of each line.
    pub fn newest_changes(&self) -> impl Iterator<Item = ChangeId> {
        self.changes.newest_of_lines()
    }

    /// The changes that something unfinished names.
    pub fn needed_changes(&self) -> impl Iterator<Item = ChangeId> {
        self.changes.needed()
    }

    /// The newest remembered change of the same (branch, repository, project, codebase) (CH-7).
    #[must_use]
    pub fn newest_of(&self, line: &Line) -> Option<&Change> {
        self.changes.newest_of(line)
    }

    /// The parents of a commit: from the graph where it is known, else from a change that speaks of it.
    #[must_use]
    pub fn parents(&self, repository: &str, revision: &str) -> Option<&[String]> {
        self.graph.parents(repository, revision).or_else(|| {
            self.changes.at(repository, revision).last().map(|change| change.parents.as_slice())
        })
    }

    /// Whether the graph itself knows a commit.
    #[must_use]
    pub fn knows_commit(&self, repository: &str, revision: &str) -> bool {
        self.graph.parents(repository, revision).is_some()
    }

    /// An incomplete buildset.
    #[must_use]
    pub fn buildset(&self, id: BuildsetId) -> Option<&Buildset> {
        self.buildsets.get(&id)
    }

    /// Every incomplete buildset, oldest first.
    pub fn buildsets(&self) -> impl DoubleEndedIterator<Item = &Buildset> {
        self.buildsets.values()
    }

    /// A request of an incomplete buildset.
    #[must_use]
    pub fn request(&self, id: RequestId) -> Option<&BuildRequest> {
        self.requests.get(id)
    }

    /// Every request of every incomplete buildset, by id.
    pub fn requests(&self) -> impl DoubleEndedIterator<Item = &BuildRequest> {
        self.requests.iter()
    }

    /// A builder's waiting requests in the order they will be taken: priority, then age.
    pub fn queue(&self, builder: &BuilderName) -> impl Iterator<Item = &BuildRequest> {
        self.requests.queue(builder)
    }

    /// How many requests of a builder wait.
    #[must_use]
    pub fn pending(&self, builder: &BuilderName) -> usize {
        self.requests.pending(builder)
    }

    /// Every waiting request, builder by builder, each in queue order.
    pub fn waiting_requests(&self) -> impl Iterator<Item = &BuildRequest> {
        self.requests.waiting()
    }

    /// Every builder for which requests wait.
    pub(crate) fn waiting_builders(&self) -> impl Iterator<Item = &BuilderName> {
        self.requests.waiting_builders()
    }

    /// A waiting builder's place.
    pub(crate) fn ready_key(&self, builder: &BuilderName) -> Option<&ReadyKey> {
        self.requests.ready_key(builder)
    }

    /// The next waiting builder after `cursor` in the order of service: highest priority, then least recently
    /// served, then oldest request (RQ-1, F27).
    pub(crate) fn next_ready(&self, cursor: Option<&ReadyKey>) -> Option<&ReadyKey> {
        self.requests.next_ready(cursor)
    }

    /// A build that is still remembered.
    #[must_use]
    pub fn build(&self, id: BuildId) -> Option<&Build> {
        self.builds.get(id)
    }

    /// A build by the name people use, if it is still remembered.
    #[must_use]
    pub fn build_by_ref(&self, build: &BuildRef) -> Option<&Build> {
        self.builds.by_ref(build)
    }

    /// Every remembered build, by id.
    pub fn builds(&self) -> impl DoubleEndedIterator<Item = &Build> {
        self.builds.iter()
    }

    /// Every unfinished build, by id.
    pub fn unfinished(&self) -> impl DoubleEndedIterator<Item = &Build> {
        self.builds.unfinished()
    }

    /// A builder's unfinished builds, by id.
    pub fn running_of(&self, builder: &BuilderName) -> impl DoubleEndedIterator<Item = &Build> {
        self.builds.running_of(builder)
    }

    /// A builder's remembered finished builds, newest number first: at most [`TAIL_BUILDS`].
    pub fn finished_of(&self, builder: &BuilderName) -> impl DoubleEndedIterator<Item = &Build> {
        self.builds.finished_of(builder)
    }

    /// A builder's remembered builds, newest number first, unfinished ones too.
    pub fn recent_of(&self, builder: &BuilderName) -> impl DoubleEndedIterator<Item = &Build> {
        self.builds.recent_of(builder)
    }

    /// What blame keeps of a builder's finished builds, newest number first: at most [`TAIL_BUILT`].
    pub fn built_of(&self, builder: &BuilderName) -> impl DoubleEndedIterator<Item = &Built> {
        self.builds.built_of(builder)
    }

    /// The unfinished builds on a worker, by id.
    pub fn running_on(&self, worker: &WorkerName) -> impl DoubleEndedIterator<Item = &Build> {
        self.builds.running_on(worker)
    }

    /// How many unfinished builds a worker is busy with: those that wait for what they triggered leave it room.
    #[must_use]
    pub fn load_of(&self, worker: &WorkerName) -> usize {
        self.builds.load_of(worker)
    }

    /// Which step of which remembered build a command is, or was.
    #[must_use]
    pub fn command(&self, command: CommandId) -> Option<(BuildId, StepNumber)> {
        self.builds.command(command)
    }

    /// Who holds how much of a lock.
    pub fn holders(&self, lock: &LockKey) -> impl Iterator<Item = (LockHolder, LockMode)> {
        self.locks.holders(lock)
    }

    /// Every lock of which somebody holds something.
    pub fn held_locks(&self) -> impl Iterator<Item = &LockKey> {
        self.locks.held()
    }

    /// The steps that wait for locks, first come first.
    pub fn waiting_steps(&self) -> impl Iterator<Item = (BuildId, StepNumber)> {
        self.locks.waiting()
    }

    /// Every builder of which a build is remembered.
    pub fn built_builders(&self) -> impl Iterator<Item = &BuilderName> {
        self.builds.builders()
    }

    /// A worker that was ever seen.
    #[must_use]
    pub fn worker(&self, name: &WorkerName) -> Option<&Worker> {
        self.workers.get(name)
    }

    /// Every worker ever seen, by name.
    pub fn workers(&self) -> impl Iterator<Item = &Worker> {
        self.workers.values()
    }

    /// The changes a scheduler keeps for its next firing, by id, and whether each is important.
    pub fn waiting_of(
        &self,
        scheduler: &SchedulerName,
    ) -> impl Iterator<Item = (ChangeId, bool)> + '_ {
        self.waiting.of(scheduler)
    }

    /// What a scheduler keeps, by line (TS-5).
    pub fn quiet_of(&self, scheduler: &SchedulerName) -> impl Iterator<Item = (&Line, &Quiet)> {
        self.waiting.quiet(scheduler)
    }

    /// Every scheduler that keeps changes, those no longer configured too.
    pub fn waiting_schedulers(&self) -> impl Iterator<Item = &SchedulerName> {
        self.waiting.schedulers()
    }

    /// Where a scheduler stands; `None`: there is nothing to remember of it.
    #[must_use]
    pub fn standing(&self, scheduler: &SchedulerName) -> Option<&Standing> {
        self.standings.get(scheduler)
    }

    /// Every scheduler of which something is remembered, those no longer configured too.
    pub fn standings(&self) -> impl Iterator<Item = (&SchedulerName, &Standing)> {
        self.standings.iter()
    }

    /// A source's cursor, once it has looked or failed.
    #[must_use]
    pub fn source(&self, name: &SourceName) -> Option<&SourceCursor> {
        self.sources.get(name)
    }

    /// Every source's cursor.
    pub fn sources(&self) -> impl Iterator<Item = (&SourceName, &SourceCursor)> {
        self.sources.iter()
    }

    /// What an asking with this id made, and when.
    #[must_use]
    pub fn answer(&self, request_id: &str) -> Option<(&[Subject], Timestamp)> {
        self.answers.get(request_id)
    }

    /// The builds that people want to stay, by id.
    #[must_use]
    pub const fn pins(&self) -> &BTreeSet<BuildId> {
        &self.pins
    }

    /// Where retention stands.
    #[must_use]
    pub const fn retained(&self) -> &Retained {
        &self.retained
    }

    /// The last id of each kind handed out.
    #[must_use]
    pub const fn last(&self) -> LastIds {
        self.last
    }

    /// A builder's newest build number; 0: it never built.
    #[must_use]
    pub fn last_number(&self, builder: &BuilderName) -> u32 {
        self.numbers.get(builder).copied().unwrap_or(0)
    }

    /// The configuration followed last.
    #[must_use]
    pub const fn config(&self) -> Option<&ConfigDigest> {
        self.config.as_ref()
    }
}
