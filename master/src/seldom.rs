//! Troubles that come many times a second, as on a full disk: one is said, and the next one after a while says how many
//! were not. A log of the daemon that fills the disk it complains about helps nobody.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The least time between two warnings of one sort.
const EVERY: Duration = Duration::from_secs(10);

/// Whether a warning of one sort is due. One for each place that warns.
#[derive(Debug)]
pub(crate) struct Seldom(Mutex<State>);

#[derive(Debug)]
struct State {
    said: Option<Instant>,
    unsaid: u64,
}

impl Seldom {
    /// Nothing was said yet.
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(State { said: None, unsaid: 0 }))
    }

    /// Says it, unless one was said a moment ago. The closure is given how many were not said since.
    pub(crate) fn say(&self, warn: impl FnOnce(u64)) {
        if let Some(unsaid) = self.due(Instant::now()) {
            warn(unsaid);
        }
    }

    fn due(&self, now: Instant) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.said.is_some_and(|said| now.duration_since(said) < EVERY) {
            state.unsaid += 1;
            return None;
        }
        state.said = Some(now);
        Some(std::mem::take(&mut state.unsaid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_said_and_the_rest_are_counted() {
        let (seldom, now) = (Seldom::new(), Instant::now());
        assert_eq!(seldom.due(now), Some(0));
        assert_eq!(seldom.due(now), None);
        assert_eq!(seldom.due(now + EVERY / 2), None);
        assert_eq!(seldom.due(now + EVERY), Some(2));
        assert_eq!(seldom.due(now + 3 * EVERY), Some(0));
    }
}
