//! Times as people read them. Points in time are milliseconds since the epoch, spans are milliseconds.

/// How long something took or takes: `0:44`, `6:12`, `31:04`, `2:03:09`. Never negative.
pub(crate) fn span(ms: i64) -> String {
    let seconds = ms.max(0) / 1000;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

/// How long a step took: seconds below a minute (`21s`, `0.3s`), else as [`span`].
pub(crate) fn step_span(ms: i64) -> String {
    match ms.max(0) {
        0..=99 => "0s".into(),
        ms @ 100..=9_999 => format!("{}.{}s", ms / 1000, ms % 1000 / 100),
        ms @ 10_000..=59_999 => format!("{}s", ms / 1000),
        ms => span(ms),
    }
}

/// How long ago: `12s`, `3m`, `2h10`, `9d`.
pub(crate) fn age(ms: i64) -> String {
    let seconds = ms.max(0) / 1000;
    match seconds {
        0..=59 => format!("{seconds}s"),
        60..=3599 => format!("{}m", seconds / 60),
        3600..=86_399 if seconds / 60 % 60 == 0 => format!("{}h", seconds / 3600),
        3600..=86_399 => format!("{}h{:02}", seconds / 3600, seconds / 60 % 60),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// A stretch of nothing: `42 min`, `3 h 5 min`, `2 d`.
pub(crate) fn stretch(ms: i64) -> String {
    let minutes = ms.max(0) / 60_000;
    match minutes {
        0 => format!("{} s", ms.max(0) / 1000),
        1..=59 => format!("{minutes} min"),
        60..=1439 if minutes % 60 == 0 => format!("{} h", minutes / 60),
        60..=1439 => format!("{} h {} min", minutes / 60, minutes % 60),
        _ => format!("{} d", minutes / 1440),
    }
}

/// The size of a bucket or interval: `15s`, `1m`, `4h`, `1d`.
pub(crate) fn unit(ms: i64) -> String {
    match ms {
        ms if ms >= 86_400_000 => format!("{}d", ms / 86_400_000),
        ms if ms >= 3_600_000 => format!("{}h", ms / 3_600_000),
        ms if ms >= 60_000 => format!("{}m", ms / 60_000),
        ms => format!("{}s", ms / 1000),
    }
}

/// A number with thin groups as in the log header: `12 314 013`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// A number of bytes: `312 B`, `4.1 MB`, `1.02 GB`.
pub(crate) fn bytes(number: u64) -> String {
    const UNITS: [(&str, f64); 4] = [("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)];
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let value = number as f64;
    for (unit, size) in UNITS {
        if value >= size {
            let value = value / size;
            return if value < 10.0 {
                format!("{value:.1} {unit}")
            } else {
                format!("{value:.0} {unit}")
            };
        }
    }
    format!("{number} B")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_ages_read_as_in_the_mock_ups() {
        assert_eq!(span(372_000), "6:12");
        assert_eq!(span(1_864_000), "31:04");
        assert_eq!(span(-5), "0:00");
        assert_eq!(step_span(21_000), "21s");
        assert_eq!(step_span(168_000), "2:48");
        assert_eq!(age(180_000), "3m");
        assert_eq!(age(7_800_000), "2h10");
        assert_eq!(age(9 * 86_400_000), "9d");
        assert_eq!(stretch(42 * 60_000), "42 min");
        assert_eq!(grouped(12_314_013), "12 314 013");
        assert_eq!(bytes(4_100_000), "4.1 MB");
    }
}
