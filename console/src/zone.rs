//! The person's time zone, found without any help of the time library: `TZ`, else what `/etc/localtime` is.

use jiff::{
    Timestamp,
    civil::{Date, Time},
    tz::TimeZone,
};

/// A time zone to show times in.
#[derive(Clone, Debug)]
pub(crate) struct Zone(TimeZone);

impl Zone {
    /// The zone of this machine; UTC when it has none that can be read.
    pub(crate) fn local() -> Self {
        let named = std::env::var("TZ").ok().filter(|name| !name.is_empty());
        if let Some(name) = named {
            let name = name.strip_prefix(':').unwrap_or(&name);
            if let Ok(zone) = TimeZone::get(name).or_else(|_| TimeZone::posix(name)) {
                return Self(zone);
            }
        }
        let path = std::path::Path::new("/etc/localtime");
        if let Ok(target) = std::fs::canonicalize(path)
            && let Some((_, name)) = target.to_string_lossy().rsplit_once("zoneinfo/")
            && let Ok(zone) = TimeZone::get(name)
        {
            return Self(zone);
        }
        let zone = std::fs::read(path).ok().and_then(|data| TimeZone::tzif("Local", &data).ok());
        Self(zone.unwrap_or(TimeZone::UTC))
    }

    /// UTC.
    pub(crate) fn utc() -> Self {
        Self(TimeZone::UTC)
    }

    /// `14:32`.
    pub(crate) fn minute(&self, at_ms: i64) -> String {
        self.format(at_ms, "%H:%M")
    }

    /// `14:32:07`.
    pub(crate) fn second(&self, at_ms: i64) -> String {
        self.format(at_ms, "%H:%M:%S")
    }

    /// The time of a row of so long. Rows shorter than a minute show the second, except where a minute begins, or where it
    /// is to be `whole`.
    pub(crate) fn row(&self, at_ms: i64, row_ms: i64, whole: bool) -> String {
        if row_ms >= 60_000 || whole || at_ms.rem_euclid(60_000) == 0 {
            return self.minute(at_ms);
        }
        format!("  {}", self.second(at_ms).get(5..).unwrap_or_default())
    }

    /// `14:31:58.101`.
    pub(crate) fn milli(&self, at_ms: i64) -> String {
        self.format(at_ms, "%H:%M:%S%.3f")
    }

    /// `11-20`.
    pub(crate) fn day(&self, at_ms: i64) -> String {
        self.format(at_ms, "%m-%d")
    }

    /// `2026-11-20`, where it may be years ago.
    pub(crate) fn date(&self, at_ms: i64) -> String {
        self.format(at_ms, "%Y-%m-%d")
    }

    /// The last point in time not after `now_ms` at which a clock here showed the given time of day.
    pub(crate) fn last(&self, now_ms: i64, hour: i8, minute: i8, second: i8) -> Option<i64> {
        let now = Timestamp::from_millisecond(now_ms).ok()?.to_zoned(self.0.clone());
        let time = Time::new(hour, minute, second, 0).ok()?;
        let on = |date: Date| {
            Some(self.0.to_zoned(date.to_datetime(time)).ok()?.timestamp().as_millisecond())
        };
        let today = on(now.date())?;
        if today <= now_ms { Some(today) } else { on(now.date().yesterday().ok()?) }
    }

    /// Where local midnight lies, as milliseconds to add to UTC.
    pub(crate) fn offset_ms(&self, at_ms: i64) -> i64 {
        Timestamp::from_millisecond(at_ms)
            .map_or(0, |at| i64::from(self.0.to_offset(at).seconds()) * 1000)
    }

    fn format(&self, at_ms: i64, format: &str) -> String {
        match Timestamp::from_millisecond(at_ms) {
            Ok(at) => at.to_zoned(self.0.clone()).strftime(format).to_string(),
            Err(_) => "--:--".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_times_of_day() {
        let zone = Zone::utc();
        assert_eq!(zone.second(52_327_101), "14:32:07");
        assert_eq!(zone.milli(52_327_101), "14:32:07.101");
        assert_eq!(zone.minute(i64::MAX), "--:--");
    }

    #[test]
    fn a_time_of_day_is_the_last_one() {
        let zone = Zone::utc();
        let now = 86_400_000 + 52_327_000;
        assert_eq!(zone.last(now, 14, 31, 50), Some(86_400_000 + 52_310_000));
        assert_eq!(zone.last(now, 15, 0, 0), Some(54_000_000));
        assert_eq!(zone.last(now, 25, 0, 0), None);
    }
}
