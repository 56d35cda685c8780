//! Points in time as scripts write and read them: RFC 3339, UTC, milliseconds.

use jiff::Timestamp;

/// RFC 3339, UTC, with milliseconds; none for a time no calendar has.
pub(crate) fn stamp(ms: i64) -> Option<String> {
    let time = Timestamp::from_millisecond(ms).ok()?;
    Some(format!("{time:.3}"))
}

/// Milliseconds since the epoch of what a person wrote: RFC 3339, or seconds since the epoch.
pub(crate) fn parse(text: &str) -> Option<i64> {
    let time = match text.parse::<i64>() {
        Ok(seconds) => Timestamp::from_second(seconds).ok()?,
        Err(_) => text.parse().ok()?,
    };
    Some(time.as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps() {
        assert_eq!(stamp(0).as_deref(), Some("1970-01-01T00:00:00.000Z"));
        assert_eq!(stamp(1_790_000_000_007).as_deref(), Some("2026-09-21T14:13:20.007Z"));
        assert_eq!(stamp(i64::MAX), None);
    }

    #[test]
    fn times_as_people_write_them() {
        for (text, ms) in [
            ("1790000000", Some(1_790_000_000_000)),
            ("2026-09-21T14:13:20Z", Some(1_790_000_000_000)),
            ("2026-09-21 16:13:20.5+02:00", Some(1_790_000_000_500)),
            ("2026-09-21T14:13:20", None),
            ("yesterday", None),
            ("", None),
            ("99999999999999999", None),
        ] {
            assert_eq!(parse(text), ms, "{text}");
        }
    }
}
