//! The one place of the master that reads the clocks.
//!
//! Decides what "now" is: the machine's time, but never earlier than a time already given out, so that for the core time
//! never steps back (architecture.md 2). While the machine's clock is behind, as after it was set back, time goes on at
//! half its pace until the machine has caught up: every deadline still comes, only later (F20).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use linn_core::time::Timestamp;

/// Tells the time to every edge of one master. Cheap to clone; all clones agree.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    last: Arc<Mutex<Told>>,
}

/// What was told last.
#[derive(Debug)]
struct Told {
    at_ms: i64,
    /// When, by the clock that nobody sets.
    when: Instant,
}

impl Default for Clock {
    fn default() -> Self {
        Self::not_before(Timestamp(0))
    }
}

impl Clock {
    /// A clock that never tells a time before `floor`: the newest one that was made durable.
    pub(crate) fn not_before(floor: Timestamp) -> Self {
        let told = Told { at_ms: floor.0, when: Instant::now() };
        Self { last: Arc::new(Mutex::new(told)) }
    }

    /// The present moment, never earlier than any moment told before.
    pub(crate) fn now(&self) -> Timestamp {
        self.after(read(), Instant::now())
    }

    fn after(&self, machine_ms: i64, now: Instant) -> Timestamp {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if machine_ms >= last.at_ms {
            *last = Told { at_ms: machine_ms, when: now };
            return Timestamp(machine_ms);
        }
        let half = now.saturating_duration_since(last.when).as_millis() / 2;
        let half = u64::try_from(half).unwrap_or(u64::MAX);
        // What is less than a millisecond counts next time.
        last.when += Duration::from_millis(half.saturating_mul(2));
        last.at_ms = last.at_ms.saturating_add_unsigned(half);
        Timestamp(last.at_ms)
    }
}

/// Milliseconds since the epoch; a machine whose clock stands before 1970 reads as 1970.
fn read() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_millis()).ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_never_steps_back_nor_stands_still() {
        let clock = Clock::default();
        let start = Instant::now();
        let later = |ms| start + Duration::from_millis(ms);
        assert_eq!(clock.after(100_000, start), Timestamp(100_000));
        assert_eq!(clock.clone().after(40_000, start), Timestamp(100_000), "set back");
        assert_eq!(clock.after(41_000, later(1_000)), Timestamp(100_500), "at half its pace");
        assert_eq!(clock.after(41_001, later(1_001)), Timestamp(100_500));
        assert_eq!(clock.after(41_002, later(1_002)), Timestamp(100_501), "no part is lost");
        assert_eq!(clock.after(200_000, later(2_000)), Timestamp(200_000), "set right");
        assert!(clock.now() >= Timestamp(200_000));
    }

    #[test]
    fn it_starts_where_the_store_left_off() {
        let clock = Clock::not_before(Timestamp(i64::MAX));
        assert_eq!(clock.now(), Timestamp(i64::MAX));
    }
}
