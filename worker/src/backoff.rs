//! When to dial again: exponential back-off with full jitter.
//!
//! Pure: randomness is an argument. Full jitter (uniform between nothing and the ceiling) brings ten thousand workers
//! back in a spread, where a fixed fraction would let them come in waves.

use std::time::Duration;

/// Counts failures and says how long to wait after each.
#[derive(Debug, Clone)]
pub struct Backoff {
    base: Duration,
    cap: Duration,
    failures: u32,
}

impl Backoff {
    /// The ceiling starts at `base` and doubles with each failure up to `cap`.
    #[must_use]
    pub fn new(base: Duration, cap: Duration) -> Self {
        Self { base, cap, failures: 0 }
    }

    /// How long to wait after one more failure. `random` is any number, evenly spread; `at_least` is what the server
    /// asked for and comes on top, so that all who were told the same moment still arrive spread.
    pub fn next(&mut self, random: u64, at_least: Duration) -> Duration {
        let ceiling = self.ceiling();
        self.failures = self.failures.saturating_add(1);
        let ceiling_us = u64::try_from(ceiling.as_micros()).unwrap_or(u64::MAX - 1);
        at_least.saturating_add(Duration::from_micros(random % (ceiling_us + 1)))
    }

    /// A session was established: the next failure starts from the beginning.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    fn ceiling(&self) -> Duration {
        let doubled = 1_u32.checked_shl(self.failures).and_then(|by| self.base.checked_mul(by));
        doubled.unwrap_or(self.cap).min(self.cap)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: Duration = Duration::from_millis(100);
    const CAP: Duration = Duration::from_secs(15);

    #[test]
    fn the_ceiling_doubles_up_to_the_cap() {
        let mut backoff = Backoff::new(BASE, CAP);
        // With random = ceiling the answer is the ceiling itself.
        for expected_ms in [100, 200, 400, 800, 1600, 3200, 6400, 12800, 15000, 15000] {
            assert_eq!(backoff.ceiling(), Duration::from_millis(expected_ms));
            backoff.next(7, Duration::ZERO);
        }
    }

    #[test]
    fn the_wait_lies_between_nothing_and_the_ceiling() {
        let mut backoff = Backoff::new(BASE, CAP);
        for random in [0, 1, 99_999, 100_000, 100_001, u64::MAX] {
            backoff.reset();
            assert!(backoff.next(random, Duration::ZERO) <= BASE);
        }
        backoff.reset();
        assert_eq!(backoff.next(0, Duration::ZERO), Duration::ZERO);
        backoff.reset();
        assert_eq!(backoff.next(100_000, Duration::ZERO), BASE);
    }

    #[test]
    fn what_the_server_asks_for_is_the_least() {
        let mut backoff = Backoff::new(BASE, CAP);
        let asked = Duration::from_secs(3);
        assert!(backoff.next(123_456_789, asked) >= asked);
    }

    #[test]
    fn a_million_failures_do_not_overflow() {
        let mut backoff = Backoff { failures: u32::MAX - 1, ..Backoff::new(BASE, CAP) };
        for _ in 0..4 {
            assert!(backoff.next(u64::MAX, Duration::ZERO) <= CAP);
        }
    }
}
