//! What may be forgotten, and when: events that nobody resumes from any more, and answers and commits beyond their tails.

use linn_core::time::{Span, Timestamp};

/// The newest events that are kept whatever their age.
pub(super) const EVENTS_KEPT: u64 = 10_000;
/// The most events kept whatever their age.
pub(super) const EVENTS_AT_MOST: u64 = 1_000_000;
/// Between these two, events are kept so long.
const EVENTS_AGE: Span = Span(30 * 24 * 3_600_000);
/// Rows forgotten at a time: some milliseconds, so that a commit hardly waits.
pub(super) const BITE: u64 = 2_000;

/// How far the journal, which runs from `oldest` to `newest`, may be cut: events up to the first number for sure, those
/// up to the second when they are older than the third.
pub(super) fn edges(oldest: u64, newest: u64, now: Timestamp) -> (u64, u64, Timestamp) {
    let bite_end = oldest.saturating_add(BITE).saturating_sub(1);
    let sure = newest.saturating_sub(EVENTS_AT_MOST).min(bite_end);
    let aged = newest.saturating_sub(EVENTS_KEPT).min(bite_end);
    (sure, aged, now + Span(-EVENTS_AGE.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_events_stay_and_many_go_in_bites() {
        let now = Timestamp(EVENTS_AGE.0 + 5);
        assert_eq!(edges(1, 5_000, now), (0, 0, Timestamp(5)));
        assert_eq!(edges(1, 500_000, now), (0, BITE, Timestamp(5)));
        assert_eq!(edges(101, 2_000_000, now), (100 + BITE, 100 + BITE, Timestamp(5)));
        assert_eq!(edges(1_000_000, 2_000_500, now).0, 1_000_500);
    }
}
