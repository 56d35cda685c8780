//! Changes, by id, by key, by revision and by line; old ones go unless something unfinished names them.

use std::collections::{BTreeMap, BTreeSet};

use super::waiting::Line;
use super::{TAIL_CHANGES, TAIL_KEYS};
use crate::change::Change;
use crate::id::ChangeId;

/// The newest [`TAIL_CHANGES`], and those that something unfinished names.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Changes {
    by_id: BTreeMap<ChangeId, Change>,
    /// The newest [`TAIL_KEYS`].
    keys: BTreeMap<String, ChangeId>,
    keyed: BTreeMap<ChangeId, String>,
    /// Repository, then revision.
    by_revision: BTreeMap<String, BTreeMap<String, BTreeSet<ChangeId>>>,
    lines: BTreeMap<Line, BTreeSet<ChangeId>>,
    /// How many unfinished things name a change.
    needed: BTreeMap<ChangeId, u32>,
    /// The newest ever seen.
    newest: u64,
}

impl Changes {
    pub(super) fn get(&self, id: ChangeId) -> Option<&Change> {
        self.by_id.get(&id)
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Change> {
        self.by_id.values()
    }

    pub(super) fn by_key(&self, key: &str) -> Option<ChangeId> {
        self.keys.get(key).copied()
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = (&str, ChangeId)> {
        self.keyed.iter().map(|(id, key)| (key.as_str(), *id))
    }

    pub(super) fn at(&self, repository: &str, revision: &str) -> impl Iterator<Item = &Change> {
        let ids = self.by_revision.get(repository).and_then(|of| of.get(revision));
        ids.into_iter().flatten().filter_map(|id| self.by_id.get(id))
    }

    pub(super) fn newest_of(&self, line: &Line) -> Option<&Change> {
        self.lines.get(line)?.last().and_then(|id| self.by_id.get(id))
    }

    /// The newest of each line.
    pub(super) fn newest_of_lines(&self) -> impl Iterator<Item = ChangeId> {
        self.lines.values().filter_map(|ids| ids.last().copied())
    }

    /// Those that something unfinished names.
    pub(super) fn needed(&self) -> impl Iterator<Item = ChangeId> {
        self.needed.keys().copied()
    }

    /// Forgets a change that was deleted. Its key stays known.
    pub(super) fn delete(&mut self, id: ChangeId) {
        if !self.needed.contains_key(&id) {
            self.forget(id);
        }
    }

    /// Takes in a change and forgets what falls out of the tail.
    pub(super) fn add(&mut self, change: Change) {
        if let Some(key) = change.key.clone() {
            self.add_key(key, change.id);
        }
        self.restore(change);
        let edge = self.newest.saturating_sub(TAIL_CHANGES as u64);
        self.forget_unless_needed(ChangeId(edge));
    }

    /// Takes in a change that a store loaded, whose key comes beside it.
    pub(super) fn restore(&mut self, change: Change) {
        self.newest = self.newest.max(change.id.0);
        if let Some(revision) = change.revision.clone() {
            let of = self.by_revision.entry(change.repository.clone()).or_default();
            of.entry(revision).or_default().insert(change.id);
        }
        self.lines.entry(Line::of(&change)).or_default().insert(change.id);
        self.by_id.insert(change.id, change);
    }

    pub(super) fn add_key(&mut self, key: String, id: ChangeId) {
        if let Some(earlier) = self.keys.insert(key.clone(), id) {
            self.keyed.remove(&earlier);
        }
        self.keyed.insert(id, key);
        if self.keyed.len() > TAIL_KEYS
            && let Some((_, oldest)) = self.keyed.pop_first()
        {
            self.keys.remove(&oldest);
        }
    }

    pub(super) fn need(&mut self, id: ChangeId) {
        *self.needed.entry(id).or_default() += 1;
    }

    pub(super) fn need_no_more(&mut self, id: ChangeId) {
        if let Some(count) = self.needed.get_mut(&id) {
            *count -= 1;
            if *count == 0 {
                self.needed.remove(&id);
                self.forget_unless_needed(id);
            }
        }
    }

    fn forget_unless_needed(&mut self, id: ChangeId) {
        let edge = self.newest.saturating_sub(TAIL_CHANGES as u64);
        if id.0 <= edge && !self.needed.contains_key(&id) {
            self.forget(id);
        }
    }

    fn forget(&mut self, id: ChangeId) {
        let Some(change) = self.by_id.remove(&id) else { return };
        let line = Line::of(&change);
        if let Some(ids) = self.lines.get_mut(&line) {
            ids.remove(&id);
            if ids.is_empty() {
                self.lines.remove(&line);
            }
        }
        if let Some(revision) = &change.revision
            && let Some(of) = self.by_revision.get_mut(&change.repository)
            && let Some(ids) = of.get_mut(revision)
        {
            ids.remove(&id);
            if ids.is_empty() {
                of.remove(revision);
            }
            if of.is_empty() {
                self.by_revision.remove(&change.repository);
            }
        }
    }
}
