//! The wall clock, for people only.
//!
//! Every time limit is measured on the monotonic clock where it is kept; what is read here is only written down.

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since the epoch, UTC; 0 on a machine whose clock stands before 1970.
pub(crate) fn now_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_millis()).ok())
        .unwrap_or(0)
}
