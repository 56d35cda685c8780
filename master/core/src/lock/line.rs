//! Who waits for which lock, first come first (LK-2): steps whose turn has come, and requests for which a worker is free.
//!
//! The places of steps outlive a restart, for they are facts; those of requests are taken anew, in the order of service.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::LockMode;
use crate::id::{BuildId, BuilderName, RequestId, StepNumber};
use crate::model::{LockKey, LockShare};

/// Who waits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Waiter {
    /// A step of a running build.
    Step(BuildId, StepNumber),
    /// A request that could start but for its locks.
    Request(RequestId),
}

#[derive(Debug)]
struct Place {
    who: Waiter,
    /// What would do: one set for each worker that would take a request.
    wants: Vec<Vec<LockShare>>,
}

/// All lines, as one: a waiter has a single place, which counts for each lock that it wants.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    last: u64,
    places: BTreeMap<u64, Place>,
    tickets: BTreeMap<Waiter, u64>,
    by_lock: BTreeMap<LockKey, BTreeSet<u64>>,
    requests: BTreeMap<BuilderName, BTreeSet<RequestId>>,
    /// Builders that have more requests than may stand in line, and what those wait for.
    watched: BTreeMap<LockKey, BTreeSet<BuilderName>>,
    watches: BTreeMap<BuilderName, BTreeSet<LockKey>>,
}

impl Lines {
    /// Takes the last place, or keeps the place that it has and wants something else from now on. Answers the locks that it
    /// wants no more: their lines have moved.
    pub(crate) fn enter(
        &mut self,
        who: Waiter,
        builder: &BuilderName,
        wants: Vec<Vec<LockShare>>,
    ) -> BTreeSet<LockKey> {
        let ticket = self.tickets.get(&who).copied().unwrap_or(self.last + 1);
        let before = self.places.get(&ticket).into_iter().flat_map(|place| &place.wants).flatten();
        let mut left: BTreeSet<_> = before.map(|share| share.key.clone()).collect();
        for share in wants.iter().flatten() {
            left.remove(&share.key);
        }
        self.drop_from_locks(ticket);
        self.last = self.last.max(ticket);
        for share in wants.iter().flatten() {
            self.by_lock.entry(share.key.clone()).or_default().insert(ticket);
        }
        self.places.insert(ticket, Place { who, wants });
        self.tickets.insert(who, ticket);
        if let Waiter::Request(request) = who {
            self.requests.entry(builder.clone()).or_default().insert(request);
        }
        left
    }

    /// A builder is looked at when there may be more of these, though none of its requests stands in line for them.
    pub(crate) fn watch(&mut self, builder: &BuilderName, wants: &[Vec<LockShare>]) {
        for share in wants.iter().flatten() {
            self.watched.entry(share.key.clone()).or_default().insert(builder.clone());
            self.watches.entry(builder.clone()).or_default().insert(share.key.clone());
        }
    }

    /// A builder watches nothing any more.
    pub(crate) fn look_away(&mut self, builder: &BuilderName) {
        for key in self.watches.remove(builder).into_iter().flatten() {
            if let Some(builders) = self.watched.get_mut(&key) {
                builders.remove(builder);
                if builders.is_empty() {
                    self.watched.remove(&key);
                }
            }
        }
    }

    /// The builders that watch a lock.
    pub(crate) fn watchers(&self, key: &LockKey) -> impl Iterator<Item = &BuilderName> {
        self.watched.get(key).into_iter().flatten()
    }

    /// Whether a request of a builder waits for a lock, in line or not.
    pub(crate) fn waits(&self, builder: &BuilderName) -> bool {
        self.requests.contains_key(builder) || self.watches.contains_key(builder)
    }

    /// Gives the place up; answers the locks whose line has moved.
    pub(crate) fn leave(&mut self, who: Waiter, builder: &BuilderName) -> BTreeSet<LockKey> {
        let Some(ticket) = self.tickets.remove(&who) else { return BTreeSet::new() };
        self.drop_from_locks(ticket);
        if let Waiter::Request(request) = who
            && let Some(requests) = self.requests.get_mut(builder)
        {
            requests.remove(&request);
            if requests.is_empty() {
                self.requests.remove(builder);
            }
        }
        let place = self.places.remove(&ticket);
        let wants = place.into_iter().flat_map(|place| place.wants).flatten();
        wants.map(|share| share.key).collect()
    }

    /// A request takes the place of another of its builder, if that is the better one, and the other gives its own up. Answers the
    /// locks whose line has moved.
    pub(crate) fn take_over(
        &mut self,
        heir: Waiter,
        from: Waiter,
        builder: &BuilderName,
    ) -> BTreeSet<LockKey> {
        let (Some(mine), Some(theirs)) = (self.tickets.get(&heir), self.tickets.get(&from)) else {
            return BTreeSet::new();
        };
        let (mine, theirs) = (*mine, *theirs);
        if mine < theirs {
            return self.leave(from, builder);
        }
        self.drop_from_locks(mine);
        self.drop_from_locks(theirs);
        let places = [(self.places.remove(&mine), theirs), (self.places.remove(&theirs), mine)];
        for (place, ticket) in places {
            let Some(place) = place else { continue };
            for share in place.wants.iter().flatten() {
                self.by_lock.entry(share.key.clone()).or_default().insert(ticket);
            }
            self.tickets.insert(place.who, ticket);
            self.places.insert(ticket, place);
        }
        let mut moved = self.leave(from, builder);
        moved.extend(self.wants(heir).into_iter().flatten().flatten().map(|it| it.key.clone()));
        moved
    }

    fn drop_from_locks(&mut self, ticket: u64) {
        let wants = self.places.get(&ticket).into_iter().flat_map(|place| &place.wants).flatten();
        for share in wants {
            if let Some(line) = self.by_lock.get_mut(&share.key) {
                line.remove(&ticket);
                if line.is_empty() {
                    self.by_lock.remove(&share.key);
                }
            }
        }
    }

    /// Who waits for a lock before somebody, or before a newcomer; and the most that each may take of it.
    pub(crate) fn ahead(
        &self,
        key: &LockKey,
        of: Waiter,
    ) -> impl Iterator<Item = (Waiter, LockMode)> {
        let mine = self.tickets.get(&of).copied().unwrap_or(u64::MAX);
        let line = self.by_lock.get(key).into_iter().flatten();
        line.take_while(move |ticket| **ticket < mine).filter_map(|ticket| {
            let place = self.places.get(ticket)?;
            let shares = place.wants.iter().flatten().filter(|share| share.key == *key);
            Some((place.who, shares.map(|share| share.mode).max()?))
        })
    }

    /// Everybody who waits, first come first.
    pub(crate) fn waiters(&self) -> impl Iterator<Item = (Waiter, &[Vec<LockShare>])> {
        self.places.values().map(|place| (place.who, place.wants.as_slice()))
    }

    /// Everybody who waits for a lock, first come first.
    pub(crate) fn waiters_for(&self, key: &LockKey) -> impl Iterator<Item = (Waiter, LockMode)> {
        // Nobody has this place, so all are before it.
        self.ahead(key, Waiter::Request(RequestId(u64::MAX)))
    }

    /// Every lock that somebody waits for.
    pub(crate) fn locks(&self) -> impl Iterator<Item = &LockKey> {
        self.by_lock.keys()
    }

    /// What somebody waits for.
    pub(crate) fn wants(&self, who: Waiter) -> Option<&[Vec<LockShare>]> {
        self.places.get(self.tickets.get(&who)?).map(|place| place.wants.as_slice())
    }

    /// The requests of a builder that wait for locks.
    pub(crate) fn requests_of(&self, builder: &BuilderName) -> Vec<RequestId> {
        self.requests.get(builder).into_iter().flatten().copied().collect()
    }
}
