//! How long the master may be silent before its link is taken for dead.
//!
//! Keep-alive at the level of HTTP/2 finds a dead network; this finds a master that accepts bytes and says nothing. Only a
//! master that does ping is expected to go on with it.

use std::time::Duration;

use linn_proto::worker::to_worker;
use tokio::time::Instant;

/// How long the master may take to answer a hello.
const WELCOME: Duration = Duration::from_secs(30);

/// The least silence that means a dead link when the master pings.
const LEAST: Duration = Duration::from_secs(15);

/// When silence means that the link is dead.
#[derive(Debug, Default)]
pub(crate) struct Patience {
    span: Option<Duration>,
    until: Option<Instant>,
    ping_every: Duration,
}

impl Patience {
    /// For a link on which nothing but the hello has been said.
    pub(crate) fn of_new_link(now: Instant) -> Self {
        Self { span: None, until: Some(now + WELCOME), ping_every: Duration::ZERO }
    }

    /// The master said something on the control stream.
    pub(crate) fn heard(&mut self, msg: &to_worker::Msg, now: Instant) {
        match msg {
            to_worker::Msg::Welcome(welcome) => {
                self.ping_every = Duration::from_millis(welcome.ping_every_ms.into());
                self.until = None;
            }
            // Only a master that does ping is expected to go on with it.
            to_worker::Msg::Ping(_) if !self.ping_every.is_zero() => {
                self.span = Some((3 * self.ping_every).max(LEAST));
            }
            _ => {}
        }
        self.refresh(now);
    }

    /// The master said anything at all.
    pub(crate) fn refresh(&mut self, now: Instant) {
        if let Some(span) = self.span {
            self.until = Some(now + span);
        }
    }

    /// Waits until it has been silent for too long; then there is no more to wait for. May be dropped and called again.
    pub(crate) async fn over(&mut self) {
        match self.until {
            Some(until) => {
                tokio::time::sleep_until(until).await;
                *self = Self::default();
            }
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use linn_proto::worker::{Ping, Welcome};

    use super::*;

    fn welcomed(ping_every_ms: u32, now: Instant) -> Patience {
        let mut patience = Patience::of_new_link(now);
        assert_eq!(patience.until, Some(now + WELCOME));
        patience
            .heard(&to_worker::Msg::Welcome(Welcome { ping_every_ms, ..Welcome::default() }), now);
        assert_eq!(patience.until, None, "until it has pinged once");
        patience.heard(&to_worker::Msg::Ping(Ping { nonce: 1 }), now);
        patience
    }

    #[test]
    fn a_master_that_does_not_say_how_often_it_pings_may_be_silent() {
        assert_eq!(welcomed(0, Instant::now()).until, None);
    }

    #[test]
    fn three_pings_may_be_missed_and_every_word_counts() {
        let now = Instant::now();
        let mut patience = welcomed(20_000, now);
        assert_eq!(patience.until, Some(now + Duration::from_secs(60)));
        let later = now + Duration::from_secs(50);
        patience.refresh(later);
        assert_eq!(patience.until, Some(later + Duration::from_secs(60)));
        assert_eq!(welcomed(1_000, now).until, Some(now + LEAST));
    }

    #[tokio::test]
    async fn it_is_told_once() {
        let mut patience = Patience { until: Some(Instant::now()), ..Patience::default() };
        patience.over().await;
        assert_eq!(patience.until, None);
    }
}
