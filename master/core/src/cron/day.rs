//! Which days a cron text means.

use jiff::civil::{Date, Weekday};

use super::DayMatch;

/// The day fields of a cron text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Days {
    /// Bit 1-31.
    pub(super) of_month: u64,
    /// The last day of the month, too.
    pub(super) last: bool,
    /// Bit 1-12.
    pub(super) months: u64,
    /// Bit 1-7: Monday to Sunday.
    pub(super) of_week: u64,
    /// The nth such day of the month, too: (day, n).
    pub(super) nth: Vec<(u32, u32)>,
    /// The last such day of the month, too.
    pub(super) last_of_week: u64,
    /// When both are restricted.
    pub(super) day_match: DayMatch,
}

/// Every day of every month.
pub(super) const EVERY_DAY: u64 = 0xffff_fffe;
/// Every day of the week.
pub(super) const EVERY_WEEKDAY: u64 = 0xfe;

impl Days {
    fn matches(&self, date: Date) -> bool {
        if !has(self.months, date.month()) {
            return false;
        }
        let by_month =
            has(self.of_month, date.day()) || self.last && date.day() == date.days_in_month();
        let by_week = self.matches_weekday(date);
        // A field that leaves no day out is no restriction.
        let any_day = self.of_month == EVERY_DAY;
        let any_weekday = self.of_week == EVERY_WEEKDAY;
        match self.day_match {
            _ if any_day || any_weekday => by_month && by_week,
            DayMatch::Any => by_month || by_week,
            DayMatch::All => by_month && by_week,
        }
    }

    fn matches_weekday(&self, date: Date) -> bool {
        let day = number(date.weekday());
        if has(self.of_week, day) {
            return true;
        }
        let nth = (date.day() - 1) / 7 + 1;
        let is_last = date.day() + 7 > date.days_in_month();
        is_last && has(self.last_of_week, day)
            || self.nth.iter().any(|(of, n)| {
                *of == u32::from(day.unsigned_abs()) && *n == u32::from(nth.unsigned_abs())
            })
    }

    /// The first matching day from a date on.
    pub(super) fn at_or_after(&self, from: Date) -> Option<Date> {
        self.between(from, Date::MAX)
    }

    fn between(&self, from: Date, last: Date) -> Option<Date> {
        let mut date = from;
        while date <= last {
            if !has(self.months, date.month()) {
                date = date.last_of_month().tomorrow().ok()?;
                continue;
            }
            if self.matches(date) {
                return Some(date);
            }
            date = date.tomorrow().ok()?;
        }
        None
    }

    /// Whether any day ever matches. Twenty-eight years without an exception of the calendar have every kind of year there
    /// is: leap or not, beginning on each day of the week.
    pub(super) fn ever(&self) -> bool {
        self.between(Date::constant(2000, 1, 1), Date::constant(2027, 12, 31)).is_some()
    }
}

fn has(bits: u64, place: i8) -> bool {
    bits >> place & 1 == 1
}

fn number(weekday: Weekday) -> i8 {
    weekday.to_monday_one_offset()
}
