//! The one place of the master that reads the wall clock.
//!
//! Decides what "now" is: the machine's time, but never earlier than a time already given out, so that for the core time
//! never steps back (architecture.md 2). A clock that was set back stands still until the machine has caught up.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use linn_core::time::Timestamp;

/// Tells the time to every edge of one master. Cheap to clone; all clones agree.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clock {
    last: Arc<AtomicI64>,
}

impl Clock {
    /// A clock that never tells a time before `floor`: the newest one that was made durable.
    pub(crate) fn not_before(floor: Timestamp) -> Self {
        Self { last: Arc::new(AtomicI64::new(floor.0)) }
    }

    /// The present moment, never earlier than any moment told before.
    pub(crate) fn now(&self) -> Timestamp {
        self.after(read())
    }

    fn after(&self, machine_ms: i64) -> Timestamp {
        Timestamp(self.last.fetch_max(machine_ms, Ordering::AcqRel).max(machine_ms))
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
    fn time_never_steps_back() {
        let clock = Clock::default();
        assert_eq!(clock.after(100), Timestamp(100));
        assert_eq!(clock.clone().after(40), Timestamp(100), "set back: stands still");
        assert_eq!(clock.after(101), Timestamp(101));
        assert!(clock.now() >= Timestamp(101));
    }

    #[test]
    fn it_starts_where_the_store_left_off() {
        let clock = Clock::not_before(Timestamp(i64::MAX));
        assert_eq!(clock.now(), Timestamp(i64::MAX));
    }
}
