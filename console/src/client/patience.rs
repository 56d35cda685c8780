//! How often and how long to call again after the link was lost.
//!
//! Pauses grow from a tenth of a second to two seconds, so that a restarting master is found at once and an absent one
//! is not hammered.

use std::time::Duration;

use tokio::time::Instant;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// A count of failures in a row, and when to stop trying.
#[derive(Debug, Clone)]
pub struct Patience {
    limit: Option<Duration>,
    since: Option<Instant>,
    pause: Duration,
}

impl Patience {
    /// For those who wait until somebody interrupts them (`--wait`, `-f`).
    #[must_use]
    pub fn endless() -> Self {
        Self { limit: None, since: None, pause: FIRST_PAUSE }
    }

    /// For calls that must not be repeated, and those that people rather repeat themselves.
    #[must_use]
    pub fn none() -> Self {
        Self::at_most(Duration::ZERO)
    }

    /// Gives up when the master was away for `limit` in one piece.
    #[must_use]
    pub fn at_most(limit: Duration) -> Self {
        Self { limit: Some(limit), since: None, pause: FIRST_PAUSE }
    }

    /// Whether it is [`Patience::none`].
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.limit == Some(Duration::ZERO)
    }

    /// Whether the link is lost at the moment, as far as was noticed.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.since.is_some()
    }

    /// Waits for the next attempt; false when it is time to give up.
    pub async fn pause(&mut self) -> bool {
        let since = *self.since.get_or_insert_with(Instant::now);
        if self.limit.is_some_and(|limit| since.elapsed() >= limit) {
            return false;
        }
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        true
    }

    /// The master answered: begin to count anew. True when it had been away.
    pub fn answered(&mut self) -> bool {
        self.pause = FIRST_PAUSE;
        self.since.take().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn gives_up_at_its_limit_and_begins_anew_after_an_answer() {
        let mut patience = Patience::at_most(Duration::from_millis(50));
        assert!(!patience.is_waiting());
        assert!(patience.pause().await);
        assert!(patience.is_waiting());
        assert!(!patience.pause().await);
        assert!(patience.answered());
        assert!(!patience.answered());
        assert!(patience.pause().await);
    }
}
