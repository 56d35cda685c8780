//! Which notices ring, and which are only shown (contract.md N1). Pure; `notify` and `terminal` make the sound.

use std::{
    collections::VecDeque,
    hash::{DefaultHasher, Hash, Hasher},
};

use linn_proto::entity::Notice;

use crate::safe;

/// Keys remembered: a failure rings once.
const REMEMBERED: usize = 500;
/// More rings than this in the span collapse into one (console.md H).
const STORM: usize = 5;
const STORM_SPAN_MS: i64 = 120_000;

/// Something to ring with. The texts are safe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ring {
    /// Replaces an earlier one with the same number on the desktop.
    pub(crate) id: u32,
    pub(crate) title: String,
    pub(crate) body: String,
}

/// What this console has been told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notices {
    last_seq: u64,
    rung: VecDeque<String>,
    times: VecDeque<i64>,
    /// The newest that tells of a build, for the one key that opens it.
    pub(crate) newest: Option<Notice>,
}

impl Notices {
    /// A snapshot came: news is what has a higher number than it. The numbers fall when a master lives on from a backup or
    /// on a new database, and what it then tells must not count as told.
    pub(crate) fn begin(&mut self, seq: u64) {
        self.last_seq = seq;
    }

    /// Takes one in. `None`: it is old news. Otherwise whether, and how, it rings.
    pub(crate) fn take(
        &mut self,
        notice: &Notice,
        now_ms: i64,
        focused: Option<bool>,
    ) -> Option<Option<Ring>> {
        // A resumed link may tell again what was told.
        if notice.seq != 0 && notice.seq <= self.last_seq {
            return None;
        }
        self.last_seq = self.last_seq.max(notice.seq);
        if !notice.build.is_empty() {
            self.newest = Some(notice.clone());
        }
        // Who looks at the screen needs no ring; not knowing counts as not looking.
        if notice.kind != "problem" || focused == Some(true) || self.rung.contains(&notice.key) {
            return Some(None);
        }
        if !notice.key.is_empty() {
            self.rung.push_back(notice.key.clone());
            if self.rung.len() > REMEMBERED {
                self.rung.pop_front();
            }
        }
        self.times.retain(|at| *at > now_ms - STORM_SPAN_MS);
        self.times.push_back(now_ms);
        if self.times.len() > STORM {
            let title = format!("{} builds broke", self.times.len());
            let body = safe::first_line(&notice.text).into_owned();
            return Some(Some(Ring { id: number("storm"), title, body }));
        }
        let title = if notice.build.is_empty() {
            notice.subject.clone()
        } else {
            format!("{} broke", notice.build)
        };
        Some(Some(Ring {
            id: number(&notice.key),
            title: safe::first_line(&title).into_owned(),
            body: safe::text(&notice.text).into_owned(),
        }))
    }
}

/// A number for a key; never 0, which means "a new one" to notification services.
fn number(key: &str) -> u32 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    u32::try_from(hasher.finish() >> 33).unwrap_or(0).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(seq: u64, key: &str) -> Notice {
        let text = format!("{key} failed in test");
        Notice {
            seq,
            kind: "problem".into(),
            key: key.into(),
            build: "linux#4".into(),
            text,
            ..Notice::default()
        }
    }

    #[test]
    fn one_ring_a_failure() {
        let mut notices = Notices::default();
        assert!(notices.take(&problem(1, "a"), 0, None).unwrap().is_some());
        assert_eq!(notices.take(&problem(2, "a"), 0, None), Some(None), "the same failure");
        assert_eq!(notices.take(&problem(2, "b"), 0, None), None, "told before");
        assert!(notices.take(&problem(3, "b"), 0, Some(false)).unwrap().is_some());
    }

    #[test]
    fn a_master_that_starts_over_is_heard() {
        let mut notices = Notices::default();
        assert!(notices.take(&problem(1_000, "a"), 0, None).unwrap().is_some());
        notices.begin(5);
        assert_eq!(notices.take(&problem(5, "b"), 0, None), None, "the snapshot has it");
        assert!(notices.take(&problem(6, "b"), 0, None).unwrap().is_some());
    }

    #[test]
    fn who_looks_is_not_rung() {
        let mut notices = Notices::default();
        assert_eq!(notices.take(&problem(1, "a"), 0, Some(true)), Some(None));
        assert_eq!(notices.newest.unwrap().build, "linux#4");
    }

    #[test]
    fn a_storm_is_one_ring() {
        let mut notices = Notices::default();
        let rings: Vec<Ring> = (1..9)
            .filter_map(|seq| notices.take(&problem(seq, &seq.to_string()), 0, None).flatten())
            .collect();
        assert_eq!(rings[5].id, rings[7].id);
        assert_eq!(rings[7].title, "8 builds broke");
    }

    #[test]
    fn hostile_words_stay_words() {
        let mut notices = Notices::default();
        let notice = Notice { text: "x\x1b]0;y\x07".into(), ..problem(1, "a") };
        assert_eq!(notices.take(&notice, 0, None).unwrap().unwrap().body, "x␛]0;y␇");
    }
}
