//! How long to wait before the next attempt: nothing, then 0.25 s, doubled up to 8 s, with full jitter (console.md I18).

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(250);
const CAP: Duration = Duration::from_secs(8);

/// Counts failed attempts in a row. The first one after a success is followed by another at once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Backoff {
    failed: u32,
}

impl Backoff {
    /// An attempt succeeded, and lasted.
    pub(crate) fn reset(&mut self) {
        self.failed = 0;
    }

    /// An attempt failed: how long to wait. `share` is a random number in `0.0..=1.0`.
    pub(crate) fn next(&mut self, share: f64) -> Duration {
        let before = self.failed;
        self.failed = before.saturating_add(1);
        let Some(doubled) = before.checked_sub(1) else { return Duration::ZERO };
        let cap = FIRST.saturating_mul(1 << doubled.min(10)).min(CAP);
        cap.mul_f64(share.clamp(0.0, 1.0))
    }
}

/// A random number in `0.0..=1.0` from the system; a half when the system gives none.
pub(crate) fn random_share() -> f64 {
    let mut bytes = [0_u8; 4];
    match rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty()) {
        Ok(4) => f64::from(u32::from_ne_bytes(bytes)) / f64::from(u32::MAX),
        _ => 0.5,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_to_the_cap_and_starts_again() {
        let mut backoff = Backoff::default();
        let waits: Vec<u128> = (0..8).map(|_| backoff.next(1.0).as_millis()).collect();
        assert_eq!(waits, [0, 250, 500, 1000, 2000, 4000, 8000, 8000]);
        backoff.reset();
        assert_eq!(backoff.next(0.5).as_millis(), 0);
        assert_eq!(backoff.next(0.5).as_millis(), 125);
    }

    #[test]
    fn never_overflows() {
        let mut backoff = Backoff { failed: u32::MAX };
        assert_eq!(backoff.next(1.0), CAP);
    }
}
