//! Digests that somebody counts on though no build's row may name them yet: their files are not removed.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// So long after somebody asked for it last, nobody counts on a digest any more.
pub(super) const COUNTED_FOR: Duration = Duration::from_secs(7 * 24 * 3600);

/// With fewer digests it is not worth looking for those that nobody counts on any more.
const FEW: usize = 10_000;

/// Each digest, and since when.
#[derive(Debug, Default)]
pub(super) struct Counted {
    since: HashMap<String, Instant>,
    /// With how many they are looked through next. Twice as many as were left the last time, so that an upload of many files
    /// is not looked through once for each of them.
    sweep_at: usize,
}

impl Counted {
    /// Somebody counts on it from now on.
    pub(super) fn count(&mut self, sha256: &str, now: Instant) {
        if self.since.len() >= self.sweep_at.max(FEW) {
            self.since.retain(|_, since| now.duration_since(*since) < COUNTED_FOR);
            self.sweep_at = self.since.len() * 2;
        }
        self.since.insert(sha256.to_owned(), now);
    }

    /// A build's row names it: nobody need count on it.
    pub(super) fn forget(&mut self, sha256: &str) {
        self.since.remove(sha256);
    }

    /// Whether somebody counts on it.
    pub(super) fn has(&self, sha256: &str, now: Instant) -> bool {
        self.since.get(sha256).is_some_and(|since| now.duration_since(*since) < COUNTED_FOR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_counts_on_nothing_any_more_is_forgotten() {
        let began = Instant::now();
        let mut counted = Counted::default();
        for nth in 0..3 * FEW {
            counted.count(&nth.to_string(), began);
        }
        assert_eq!(counted.since.len(), 3 * FEW, "all of them are counted on");
        assert!(counted.has("7", began) && !counted.has("x", began));
        counted.forget("7");
        assert!(!counted.has("7", began));
        let later = began + COUNTED_FOR;
        assert!(!counted.has("8", later));
        for nth in 0..2 * FEW {
            counted.count(&format!("later {nth}"), later);
        }
        assert_eq!(counted.since.len(), 2 * FEW, "the first ones are gone");
        assert!(counted.has("later 0", later));
    }
}
