//! Answers given to askings with an id, so that the same asking again does nothing twice.

use std::collections::{BTreeMap, VecDeque};

use super::TAIL_ANSWERS;
use crate::record::Subject;
use crate::time::Timestamp;

/// The newest [`TAIL_ANSWERS`] answers; an id answered anew counts as new.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Answers {
    by_id: BTreeMap<String, (Vec<Subject>, Timestamp)>,
    /// Oldest first.
    order: VecDeque<String>,
}

impl Answers {
    pub(super) fn get(&self, request_id: &str) -> Option<(&[Subject], Timestamp)> {
        self.by_id.get(request_id).map(|(made, at)| (made.as_slice(), *at))
    }

    pub(super) fn insert(&mut self, request_id: String, made: Vec<Subject>, at: Timestamp) {
        if self.by_id.insert(request_id.clone(), (made, at)).is_some() {
            self.order.retain(|id| *id != request_id);
        }
        self.order.push_back(request_id);
        if self.order.len() > TAIL_ANSWERS
            && let Some(oldest) = self.order.pop_front()
        {
            self.by_id.remove(&oldest);
        }
    }

    /// Oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &[Subject], Timestamp)> {
        self.order.iter().filter_map(|id| {
            self.by_id.get(id).map(|(made, at)| (id.as_str(), made.as_slice(), *at))
        })
    }
}
