//! Times of day as cron text, in a time zone of their own (PN-2 to PN-6, contract.md F10, F11).
//!
//! Five fields: minute, hour, day of the month, month, day of the week. The zones are bundled: what a master does must not
//! depend on the machine it runs on.

mod day;
mod parse;
#[cfg(test)]
mod tests;
mod zone;

use jiff::civil::{Date, DateTime};
use jiff::tz::AmbiguousOffset;

use crate::time::Timestamp;
use day::Days;
pub use parse::CronError;
pub use zone::{Zone, zone_names};

/// What it takes when both the day of the month and the day of the week are restricted (PN-5).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum DayMatch {
    /// Either matches, as cron has always had it.
    #[default]
    Any,
    /// Both match.
    All,
}

/// When something is to happen, minute by minute of local time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cron {
    /// As it was written.
    text: String,
    /// Bit 0-59.
    minutes: u64,
    /// Bit 0-23.
    hours: u64,
    days: Days,
}

impl Cron {
    /// Reads cron text.
    ///
    /// # Errors
    /// What is wrong, in which field, and what to write instead. Text that never comes true is an error too (F11).
    pub fn parse(text: &str, day_match: DayMatch) -> Result<Self, CronError> {
        let cron = parse::parse(text, day_match)?;
        if !cron.days.ever() {
            return Err(CronError::never(text));
        }
        Ok(cron)
    }

    /// As it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The first slot later than a moment; `None`: the calendar ends before (year 9999).
    ///
    /// A slot that a change of the clock leaves out comes at the end of the gap; one that the clock passes twice comes
    /// once, the first time (F10).
    #[must_use]
    pub fn next_after(&self, moment: Timestamp, zone: &Zone) -> Option<Timestamp> {
        let after = jiff::Timestamp::from_millisecond(moment.0).ok()?;
        // Local times that come earlier on the clock than this one come earlier in time, too.
        let mut local = zone.tz().to_datetime(after);
        loop {
            let slot = self.at_or_after(local)?;
            let at = moment_of(slot, zone)?;
            if at > after {
                return Some(Timestamp(at.as_millisecond()));
            }
            local = slot.checked_add(jiff::Span::new().minutes(1)).ok()?;
        }
    }

    /// The first matching minute of the clock that is not before a local time's own.
    fn at_or_after(&self, local: DateTime) -> Option<DateTime> {
        let (mut hour, mut minute) = (u32::from(local.hour().unsigned_abs()), 0);
        if let Some(of) = self.minute_from(u32::from(local.minute().unsigned_abs())) {
            minute = of;
        } else {
            hour += 1;
        }
        let mut date = self.days.at_or_after(local.date())?;
        if date == local.date() {
            if let Some(found) = from(self.hours, hour) {
                let minute = if found == u32::from(local.hour().unsigned_abs()) {
                    minute
                } else {
                    self.minutes.trailing_zeros()
                };
                return time(date, found, minute);
            }
            date = self.days.at_or_after(date.tomorrow().ok()?)?;
        }
        time(date, self.hours.trailing_zeros(), self.minutes.trailing_zeros())
    }

    fn minute_from(&self, minute: u32) -> Option<u32> {
        from(self.minutes, minute)
    }
}

/// The first bit that is set from a place on.
const fn from(bits: u64, place: u32) -> Option<u32> {
    if place >= u64::BITS {
        return None;
    }
    let rest = bits >> place << place;
    if rest == 0 { None } else { Some(rest.trailing_zeros()) }
}

fn time(date: Date, hour: u32, minute: u32) -> Option<DateTime> {
    let (hour, minute) = (i8::try_from(hour).ok()?, i8::try_from(minute).ok()?);
    Some(date.at(hour, minute, 0, 0))
}

/// When a clock shows a local time first; where it never does, when it next jumps.
fn moment_of(local: DateTime, zone: &Zone) -> Option<jiff::Timestamp> {
    let tz = zone.tz();
    let found = tz.to_ambiguous_timestamp(local);
    match found.offset() {
        AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => found.earlier().ok(),
        AmbiguousOffset::Gap { after, .. } => {
            // By the offset that follows the gap, a time inside of it is before the jump.
            let before_jump = after.to_timestamp(local).ok()?;
            tz.following(before_jump).next().map(|jump| jump.timestamp())
        }
    }
}
