//! What all watchers share: every thing's current value by key, and a ring of which keys were touched when.
//!
//! Publishing costs the same whoever watches: values go into one map, keys into one ring. A watcher is a place in the
//! ring; what it has not had yet is *the keys from its place on, once each, with their values as they are now*. So a live
//! watcher, a slow one and one that comes back after a cut are served by the same few lines: a slow one's updates merge by
//! themselves, and nothing is kept for it. Notices stand in the ring themselves and are therefore never merged; who falls
//! out of the ring gets a fresh snapshot, and finds what it missed of notices in the journal (`linn events`).
//!
//! What must hold: values of one publication appear together; `seq` never falls; memory is bounded by the number of things
//! plus [`RING`] touches.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use linn_core::id::BuilderName;
use linn_core::time::Timestamp;
use linn_proto::entity::entity::Of;
use linn_proto::entity::{BuildState, Entity, EntityId, Notice};
use tokio::sync::watch;

use super::key::Key;

/// How many touches can be looked back on.
const RING: usize = 131_072;
/// How many complete buildsets, and complete requests, stay in the map for new watchers.
const COMPLETE_KEPT: usize = 500;
/// How many changes stay in the map for new watchers.
const CHANGES_KEPT: usize = 2_000;

/// What one commit has changed for consoles.
#[derive(Default)]
pub(crate) struct Publication {
    /// Current values.
    pub upserts: Vec<(Key, Entity)>,
    /// Things that are no more.
    pub removals: Vec<Key>,
    /// Things to tell, oldest first.
    pub notices: Vec<Notice>,
}

impl Publication {
    /// Whether there is nothing to tell.
    pub(crate) fn is_empty(&self) -> bool {
        self.upserts.is_empty() && self.removals.is_empty() && self.notices.is_empty()
    }
}

/// The map and the ring, shared by the engine, which writes, and the doors, which read.
pub(crate) struct Hub {
    epoch: Vec<u8>,
    inner: Mutex<Inner>,
    /// How many publications there were: what watchers wait on.
    moved: watch::Sender<u64>,
    watchers: AtomicUsize,
}

struct Inner {
    replica: BTreeMap<Key, Arc<Entity>>,
    ring: VecDeque<Touch>,
    /// The place of the ring's first touch, counted from the hub's beginning.
    first: u64,
    /// Everything up to here happened before the ring's first touch.
    base: u64,
    seq: u64,
    at: Timestamp,
    /// Builds kept in the map for each builder, finished ones.
    builds_kept: usize,
    /// What of the map is history, by what it is history of.
    history: BTreeMap<History, BTreeSet<Key>>,
}

/// Things that are forgotten together, the oldest first.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum History {
    Changes,
    Buildsets,
    Requests,
    Builds(BuilderName),
}

struct Touch {
    seq: u64,
    what: Touched,
}

enum Touched {
    Thing(Key),
    Notice(Arc<Notice>),
}

/// A watcher's place in the ring.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Place {
    next: u64,
    /// The sequence number its holder stands at.
    pub seq: u64,
}

/// What a watcher has not had yet.
pub(crate) enum News {
    /// Nothing.
    None,
    /// Current values, once each.
    Some {
        /// The state after this sequence number.
        seq: u64,
        /// When that was.
        at: Timestamp,
        /// Current values.
        upserts: Vec<Arc<Entity>>,
        /// Things that are no more.
        removals: Vec<EntityId>,
        /// Things to tell, oldest first.
        notices: Vec<Arc<Notice>>,
    },
    /// The place is no longer in the ring: a fresh snapshot is needed.
    Behind,
}

impl Hub {
    /// An empty hub of a database, at the sequence number up to which that was loaded.
    pub(crate) fn new(epoch: Vec<u8>, seq: u64, builds_kept: usize) -> Self {
        let inner = Inner {
            replica: BTreeMap::new(),
            ring: VecDeque::new(),
            first: 0,
            base: seq,
            seq,
            at: Timestamp::default(),
            builds_kept,
            history: BTreeMap::new(),
        };
        Self {
            epoch,
            inner: Mutex::new(inner),
            moved: watch::Sender::new(0),
            watchers: AtomicUsize::new(0),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic while the lock is held leaves whole values: every change is one insertion or removal.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Which database the sequence numbers belong to.
    pub(crate) fn epoch(&self) -> &[u8] {
        &self.epoch
    }

    /// The last sequence number published.
    pub(crate) fn seq(&self) -> u64 {
        self.lock().seq
    }

    /// Makes a commit's changes visible.
    pub(crate) fn publish(&self, seq: u64, at: Timestamp, news: Publication) {
        {
            let mut inner = self.lock();
            inner.seq = inner.seq.max(seq);
            inner.at = inner.at.max(at);
            let now = inner.seq;
            for (key, entity) in news.upserts {
                inner.touch(now, Touched::Thing(key.clone()));
                inner.insert(key, entity);
            }
            for key in news.removals {
                if inner.remove(&key) {
                    inner.touch(now, Touched::Thing(key));
                }
            }
            for notice in news.notices {
                inner.touch(now, Touched::Notice(Arc::new(notice)));
            }
        }
        self.moved.send_modify(|count| *count += 1);
    }

    /// The engine has loaded its state. The first time, that is where the ring begins: who held less needs a snapshot.
    /// Later, everything is touched, and what is not in `upserts` is gone.
    pub(crate) fn replace(&self, seq: u64, at: Timestamp, mut upserts: Vec<(Key, Entity)>) {
        {
            let mut inner = self.lock();
            if inner.replica.is_empty() {
                inner.base = seq;
                // What is true of this process alone has changed without any record.
                let (own, all) = upserts.into_iter().partition(|(key, _)| *key == Key::Master);
                upserts = own;
                for (key, entity) in all {
                    inner.insert(key, entity);
                }
                drop(inner);
                let news = Publication { upserts, ..Publication::default() };
                return self.publish(seq, at, news);
            }
        }
        let present: BTreeSet<Key> = upserts.iter().map(|(key, _)| key.clone()).collect();
        let gone = {
            let inner = self.lock();
            // Complete buildsets and requests are no part of a state; that they are not there says nothing.
            let history = |key: &Key| matches!(key, Key::Buildset(_) | Key::Request(_));
            let missing = |key: &&Key| !present.contains(*key) && !history(key);
            inner.replica.keys().filter(missing).cloned().collect()
        };
        self.publish(seq, at, Publication { upserts, removals: gone, notices: Vec::new() });
    }

    /// The current value of a thing.
    pub(crate) fn get(&self, key: &Key) -> Option<Arc<Entity>> {
        self.lock().replica.get(key).cloned()
    }

    /// The current values of those things that are here.
    pub(crate) fn get_all(&self, keys: &[Key]) -> Vec<Arc<Entity>> {
        let inner = self.lock();
        keys.iter().filter_map(|key| inner.replica.get(key).cloned()).collect()
    }

    /// The things of a kind, in the order of their keys; `pick` sees each under the hub's lock, so it must be quick.
    pub(crate) fn list(&self, pick: impl Fn(&Key, &Entity) -> bool) -> Vec<Arc<Entity>> {
        let inner = self.lock();
        let picked = inner.replica.iter().filter(|(key, entity)| pick(key, entity));
        picked.map(|(_, entity)| entity.clone()).collect()
    }

    /// The keys of the things that are here, of those that `pick` picks.
    pub(crate) fn keys(&self, pick: impl Fn(&Key) -> bool) -> Vec<Key> {
        self.lock().replica.keys().filter(|key| pick(key)).cloned().collect()
    }

    /// Everything now, and the place after it.
    pub(crate) fn snapshot(&self) -> (Vec<Arc<Entity>>, Place) {
        let inner = self.lock();
        let place = Place { next: inner.end(), seq: inner.seq };
        (inner.replica.values().cloned().collect(), place)
    }

    /// The place of a watcher that holds everything up to `since`; `None`: that is too long ago, or another database.
    pub(crate) fn resume(&self, epoch: &[u8], since: u64) -> Option<Place> {
        let inner = self.lock();
        let known = !epoch.is_empty() && epoch == self.epoch;
        if !known || since < inner.base || since > inner.seq {
            return None;
        }
        // Touches *at* `since` are told again: reasons to wait change without a commit, so they share its number.
        let skipped = inner.ring.partition_point(|touch| touch.seq < since);
        Some(Place { next: inner.first + skipped as u64, seq: since })
    }

    /// What has come since `place`, which moves on.
    pub(crate) fn news(&self, place: &mut Place) -> News {
        let inner = self.lock();
        if place.next < inner.first {
            return News::Behind;
        }
        let end = inner.end();
        if place.next == end {
            return News::None;
        }
        let skip = usize::try_from(place.next - inner.first).unwrap_or(usize::MAX);
        let mut keys = BTreeSet::new();
        let mut notices = Vec::new();
        for touch in inner.ring.iter().skip(skip) {
            match &touch.what {
                Touched::Thing(key) => drop(keys.insert(key)),
                Touched::Notice(notice) => notices.push(notice.clone()),
            }
        }
        let mut upserts = Vec::with_capacity(keys.len());
        let mut removals = Vec::new();
        for key in keys {
            match inner.replica.get(key) {
                Some(entity) => upserts.push(entity.clone()),
                // Forgotten history is not removed history.
                None if matches!(key, Key::Buildset(_) | Key::Request(_) | Key::Change(_)) => {}
                None => removals.push(key.entity_id()),
            }
        }
        *place = Place { next: end, seq: inner.seq };
        News::Some { seq: inner.seq, at: inner.at, upserts, removals, notices }
    }

    /// Wakes whenever something was published.
    pub(crate) fn moved(&self) -> watch::Receiver<u64> {
        self.moved.subscribe()
    }

    /// Counts a watcher for as long as the guard lives.
    pub(crate) fn watcher(self: &Arc<Self>) -> Watcher {
        self.watchers.fetch_add(1, Ordering::Relaxed);
        Watcher(self.clone())
    }

    /// Whether anybody watches.
    pub(crate) fn is_watched(&self) -> bool {
        self.watchers.load(Ordering::Relaxed) > 0
    }
}

/// Somebody who watches.
pub(crate) struct Watcher(Arc<Hub>);

impl Drop for Watcher {
    fn drop(&mut self) {
        self.0.watchers.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Inner {
    fn end(&self) -> u64 {
        self.first + self.ring.len() as u64
    }

    fn touch(&mut self, seq: u64, what: Touched) {
        if self.ring.len() >= RING
            && let Some(oldest) = self.ring.pop_front()
        {
            self.first += 1;
            // Some touches of that number may be left, others are gone: who stands before it cannot be served.
            self.base = oldest.seq;
        }
        self.ring.push_back(Touch { seq, what });
    }

    fn insert(&mut self, key: Key, entity: Entity) {
        if let Some((of, kept)) = self.history_of(&key) {
            let keys = self.history.entry(of).or_default();
            if is_complete(&entity) {
                keys.insert(key.clone());
            } else {
                keys.remove(&key);
            }
            while keys.len() > kept
                && let Some(oldest) = keys.pop_first()
            {
                self.replica.remove(&oldest);
                if oldest == key {
                    return;
                }
            }
        }
        self.replica.insert(key, Arc::new(entity));
    }

    fn remove(&mut self, key: &Key) -> bool {
        if let Some((of, _)) = self.history_of(key)
            && let Some(keys) = self.history.get_mut(&of)
        {
            keys.remove(key);
        }
        self.replica.remove(key).is_some()
    }

    /// What a thing is history of once it is complete, and how much of that is kept.
    fn history_of(&self, key: &Key) -> Option<(History, usize)> {
        match key {
            Key::Change(_) => Some((History::Changes, CHANGES_KEPT)),
            Key::Buildset(_) => Some((History::Buildsets, COMPLETE_KEPT)),
            Key::Request(_) => Some((History::Requests, COMPLETE_KEPT)),
            Key::Build(builder, _) => Some((History::Builds(builder.clone()), self.builds_kept)),
            Key::Builder(_) | Key::Worker(_) | Key::Scheduler(_) | Key::Source(_) | Key::Master => {
                None
            }
        }
    }
}

fn is_complete(entity: &Entity) -> bool {
    match &entity.of {
        Some(Of::Buildset(buildset)) => buildset.complete_at_ms.is_some(),
        Some(Of::Request(request)) => request.complete_at_ms.is_some(),
        Some(Of::Build(build)) => build.state() == BuildState::Finished,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use linn_proto::entity::{Build, BuildRequest};

    use super::*;

    fn hub() -> Hub {
        Hub::new(vec![7], 10, 20)
    }

    fn build(number: u32, text: &str, state: BuildState) -> (Key, Entity) {
        let build = Build {
            builder: "linux".to_owned(),
            number,
            text: text.to_owned(),
            state: state.into(),
            ..Build::default()
        };
        (Key::Build("linux".into(), number), Entity { of: Some(Of::Build(build)) })
    }

    fn running(number: u32, text: &str) -> (Key, Entity) {
        build(number, text, BuildState::Running)
    }

    fn told(hub: &Hub, seq: u64, upserts: Vec<(Key, Entity)>) {
        let news = Publication { upserts, ..Publication::default() };
        hub.publish(seq, Timestamp(1), news);
    }

    fn texts(news: &News) -> Vec<String> {
        let News::Some { upserts, .. } = news else { return Vec::new() };
        let text = |entity: &Arc<Entity>| match &entity.of {
            Some(Of::Build(build)) => build.text.clone(),
            _ => String::new(),
        };
        upserts.iter().map(text).collect()
    }

    #[test]
    fn a_slow_watcher_gets_the_last_word_on_each_thing() {
        let hub = hub();
        let (_, mut place) = hub.snapshot();
        told(&hub, 11, vec![running(1, "a"), running(2, "x")]);
        told(&hub, 12, vec![running(1, "b")]);
        assert_eq!(texts(&hub.news(&mut place)), ["b", "x"]);
        assert_eq!(place.seq, 12);
        assert!(matches!(hub.news(&mut place), News::None));
    }

    #[test]
    fn notices_are_never_merged() {
        let hub = hub();
        let (_, mut place) = hub.snapshot();
        for seq in 11..14 {
            let notice = Notice { seq, key: "same".to_owned(), ..Notice::default() };
            let news = Publication { notices: vec![notice], ..Publication::default() };
            hub.publish(seq, Timestamp(1), news);
        }
        let News::Some { notices, .. } = hub.news(&mut place) else { panic!("there is news") };
        assert_eq!(notices.iter().map(|notice| notice.seq).collect::<Vec<_>>(), [11, 12, 13]);
    }

    #[test]
    fn resuming_gives_what_was_touched_since() {
        let hub = hub();
        told(&hub, 11, vec![running(1, "one")]);
        told(&hub, 12, vec![running(2, "two")]);
        told(&hub, 13, vec![running(3, "three")]);
        let mut place = hub.resume(&[7], 12).expect("within reach");
        assert_eq!(texts(&hub.news(&mut place)), ["two", "three"]);
        assert_eq!(hub.resume(&[8], 12), None, "another database");
        assert_eq!(hub.resume(&[], 12), None, "nothing held");
        assert_eq!(hub.resume(&[7], 9), None, "before the ring");
        assert_eq!(hub.resume(&[7], 99), None, "from the future");
    }

    #[test]
    fn a_place_that_left_the_ring_needs_a_snapshot() {
        let hub = hub();
        let (_, mut place) = hub.snapshot();
        let upserts: Vec<_> = (0..=RING as u32).map(|number| running(number, "")).collect();
        told(&hub, 11, upserts);
        assert!(matches!(hub.news(&mut place), News::Behind));
        assert_eq!(hub.resume(&[7], 10), None);
        assert!(hub.resume(&[7], 11).is_some());
    }

    #[test]
    fn what_is_removed_is_told_and_history_is_bounded() {
        let hub = hub();
        told(&hub, 11, vec![running(1, "")]);
        let (_, mut place) = hub.snapshot();
        let news =
            Publication { removals: vec![Key::Build("linux".into(), 1)], ..Publication::default() };
        hub.publish(12, Timestamp(1), news);
        let News::Some { removals, .. } = hub.news(&mut place) else { panic!("there is news") };
        assert_eq!(removals[0].id, "linux#1");

        told(&hub, 13, vec![running(1, "still runs")]);
        for number in 2..200 {
            told(&hub, 14, vec![build(number, "", BuildState::Finished)]);
        }
        let (all, _) = hub.snapshot();
        assert_eq!(all.len(), 21);
        assert!(hub.get(&Key::Build("linux".into(), 1)).is_some(), "running builds stay");
        assert!(hub.get(&Key::Build("linux".into(), 199)).is_some());
    }

    #[test]
    fn replacing_removes_what_the_new_state_has_not() {
        let hub = hub();
        let request = Entity { of: Some(Of::Request(BuildRequest::default())) };
        told(&hub, 11, vec![running(1, ""), running(2, ""), (Key::Request(5), request)]);
        let (_, mut place) = hub.snapshot();
        hub.replace(12, Timestamp(2), vec![running(2, "again")]);
        let news = hub.news(&mut place);
        assert_eq!(texts(&news), ["again"]);
        let News::Some { removals, .. } = news else { panic!("there is news") };
        assert_eq!(removals.len(), 1);
        assert!(hub.get(&Key::Request(5)).is_some(), "history is no part of a state");
    }
}
