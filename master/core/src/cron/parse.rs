//! Reading cron text, and what to say when it cannot be read.

use std::fmt;

use super::day::Days;
use super::{Cron, DayMatch};

/// Why a text is no time of day.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CronError {
    /// What is wrong, as a clause.
    pub what: String,
    /// What to write instead; may be empty.
    pub hint: String,
}

impl fmt::Display for CronError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for CronError {}

impl CronError {
    fn new(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { what: what.into(), hint: hint.into() }
    }

    /// F11.
    pub(super) fn never(text: &str) -> Self {
        Self::new(
            format!("`{}` never comes: no such day is in the calendar", shown(text)),
            "look at the day of the month, the month and the day of the week; `L` is the last day of the month",
        )
    }
}

/// What is written, short enough for a message.
fn shown(text: &str) -> String {
    let mut short: String =
        text.chars().take(60).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if text.chars().count() > 60 {
        short.push('…');
    }
    short
}

/// The longest cron text, in bytes.
const MAX_TEXT: usize = 1000;

struct Field {
    name: &'static str,
    least: u32,
    most: u32,
    /// From `least` on.
    words: &'static [&'static str],
}

const MINUTE: Field = Field { name: "minute", least: 0, most: 59, words: &[] };
const HOUR: Field = Field { name: "hour", least: 0, most: 23, words: &[] };
const DAY: Field = Field { name: "day of the month", least: 1, most: 31, words: &[] };
const MONTH: Field = Field {
    name: "month",
    least: 1,
    most: 12,
    words: &[
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ],
};
const WEEKDAY: Field = Field {
    name: "day of the week",
    least: 1,
    most: 7,
    words: &["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"],
};

pub(super) fn parse(text: &str, day_match: DayMatch) -> Result<Cron, CronError> {
    const WHAT: &str = "minute, hour, day of the month, month, day of the week";
    if text.len() > MAX_TEXT {
        return Err(CronError::new("a cron text has at most 1000 bytes", ""));
    }
    let fields: Vec<&str> = text.split_whitespace().collect();
    let [minute, hour, day, month, weekday] = fields.as_slice() else {
        let what = match fields.len() {
            0 => "a cron text has five fields, not none".to_owned(),
            1 => format!("`{}` has one field, but a cron text has five", shown(text)),
            count => format!("`{}` has {count} fields, but a cron text has five", shown(text)),
        };
        let hint = format!("write {WHAT}: \"0 3 * * *\" is 03:00 every day");
        return Err(CronError::new(what, hint));
    };
    let (of_month, last) = days_of_month(day)?;
    let mut days = Days {
        of_month,
        last,
        months: MONTH.set(month)?,
        of_week: 0,
        nth: Vec::new(),
        last_of_week: 0,
        day_match,
    };
    days_of_week(weekday, &mut days)?;
    Ok(Cron { text: fields.join(" "), minutes: MINUTE.set(minute)?, hours: HOUR.set(hour)?, days })
}

fn days_of_month(text: &str) -> Result<(u64, bool), CronError> {
    let (mut set, mut last) = (0, false);
    for item in text.split(',') {
        if item.eq_ignore_ascii_case("l") {
            last = true;
        } else {
            set |= DAY.item(item)?;
        }
    }
    Ok((set, last))
}

fn days_of_week(text: &str, days: &mut Days) -> Result<(), CronError> {
    for item in text.split(',') {
        if let Some((day, nth)) = item.split_once('#') {
            let day = WEEKDAY.value(day)?;
            let Some(nth) = nth.parse().ok().filter(|nth| (1..=5).contains(nth)) else {
                let what =
                    format!("`{}` in the day of the week: after `#` stands 1 to 5", shown(item));
                return Err(CronError::new(what, "`fri#2` is the second Friday of the month"));
            };
            if !days.nth.contains(&(day, nth)) {
                days.nth.push((day, nth));
            }
        } else if let Some(day) = item.strip_prefix(['L', 'l']) {
            if day.is_empty() {
                let what = "`L` in the day of the week does not say which day";
                let hint = "`Lfri` is the last Friday of the month; the last day of the month is `L` in the third field";
                return Err(CronError::new(what, hint));
            }
            days.last_of_week |= 1 << WEEKDAY.value(day)?;
        } else if let Some(day) = item.strip_suffix(['L', 'l']).filter(|day| day.len() == 1) {
            let what = format!("`{}` in the day of the week is not understood", shown(item));
            return Err(CronError::new(
                what,
                format!("write `L{day}` for the last one of the month"),
            ));
        } else {
            days.of_week |= WEEKDAY.item(item)?;
        }
    }
    Ok(())
}

impl Field {
    /// A list.
    fn set(&self, text: &str) -> Result<u64, CronError> {
        text.split(',').try_fold(0, |set, item| Ok(set | self.item(item)?))
    }

    /// One item of a list: a value, a range, every nth.
    fn item(&self, item: &str) -> Result<u64, CronError> {
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => (range, self.step(item, step)?),
            None => (item, 1),
        };
        let (first, last) = if range == "*" {
            (self.least, self.most)
        } else if let Some((first, last)) = range.split_once('-') {
            (self.value(first)?, self.value(last)?)
        } else {
            let value = self.value(range)?;
            if item.contains('/') {
                let hint = format!("write `{range}-{}/{step}`, or `*/{step}`", self.most);
                return Err(self.wrong(item, "has a step but no range", hint));
            }
            (value, value)
        };
        if first > last {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let hint = if last == self.least.to_string() {
                format!("write `{first}-{},{last}`", self.most)
            } else {
                format!("write `{first}-{},{}-{last}`", self.most, self.least)
            };
            return Err(self.wrong(item, "goes backwards", hint));
        }
        let values = (first..=last).step_by(step as usize);
        Ok(values.fold(0, |set, value| set | 1 << value))
    }

    fn step(&self, item: &str, step: &str) -> Result<u32, CronError> {
        let span = self.most - self.least + 1;
        digits(step).filter(|step| (1..=span).contains(step)).ok_or_else(|| {
            self.wrong(item, &format!("needs a step from 1 to {span}"), "`*/2` is every other one")
        })
    }

    /// A number or a name.
    fn value(&self, text: &str) -> Result<u32, CronError> {
        if let Some(number) = digits(text) {
            if (self.least..=self.most).contains(&number) {
                return Ok(number);
            }
            // PN-4: cron counts from Sunday = 0, Buildbot from Monday = 0; linn takes neither by chance.
            let hint = if self.name == WEEKDAY.name && number == 0 {
                "days count from 1 = Monday to 7 = Sunday; write `sun`, or `mon` if you come from Buildbot".to_owned()
            } else {
                String::new()
            };
            let why = format!("is not from {} to {}", self.least, self.most);
            return Err(self.wrong(text, &why, hint));
        }
        let lower = text.to_ascii_lowercase();
        let named = self.words.iter().position(|word| *word == lower || word[..3] == *lower);
        if let Some(place) = named.and_then(|place| u32::try_from(place).ok()) {
            return Ok(self.least + place);
        }
        let hint = if self.words.is_empty() {
            format!("a number from {} to {}, `*`, `a-b`, `a,b` or `*/n`", self.least, self.most)
        } else {
            let short: Vec<&str> = self.words.iter().map(|word| &word[..3]).collect();
            format!("one of {}, or a number from {} to {}", short.join(" "), self.least, self.most)
        };
        Err(self.wrong(text, "is not understood", hint))
    }

    fn wrong(&self, item: &str, why: &str, hint: impl Into<String>) -> CronError {
        CronError::new(format!("`{}` in the {} {why}", shown(item), self.name), hint)
    }
}

/// A number of at most four digits and nothing else.
fn digits(text: &str) -> Option<u32> {
    let plain = (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}
