//! How long history is kept: rules by age and by count, for all builders or some (JN-2 better).

use std::collections::BTreeMap;
use std::fmt;

use super::Pattern;
use crate::filter::{self, Matcher};
use crate::id::BuilderName;
use crate::time::{Span, Timestamp};

/// What a limit is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum HistoryKind {
    /// Builds with all that belongs to them.
    Builds,
    /// The logs of builds that stay.
    Logs,
    /// The artifacts of builds that stay.
    Artifacts,
    /// What builds counted.
    Statistics,
    /// Changes.
    Changes,
}

impl HistoryKind {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Builds, Self::Logs, Self::Artifacts, Self::Statistics, Self::Changes];

    /// As it is written in a configuration.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Builds => "builds",
            Self::Logs => "logs",
            Self::Artifacts => "artifacts",
            Self::Statistics => "statistics",
            Self::Changes => "changes",
        }
    }
}

/// What goes: whatever every given part says is old. Neither: nothing ever.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Limit {
    /// What ended longer ago.
    pub age: Option<Span>,
    /// What is not among so many of the newest.
    pub kept: Option<u32>,
}

impl Limit {
    /// Whether something that ended then, and is so far from the newest (0), goes.
    #[must_use]
    pub fn is_old(&self, ended: Timestamp, rank: usize, now: Timestamp) -> bool {
        let aged = self.age.is_none_or(|age| now - ended > age);
        let beyond = self.kept.is_none_or(|kept| rank >= kept as usize);
        (self.age.is_some() || self.kept.is_some()) && aged && beyond
    }

    /// As it would be written.
    #[must_use]
    pub fn words(&self, of: HistoryKind) -> String {
        let word = of.word();
        match (self.age, self.kept) {
            (None, None) => format!("{word} = None"),
            (Some(age), None) => format!("{word} = {}", Days(age)),
            (None, Some(kept)) => format!("{word}_kept = {kept}"),
            (Some(age), Some(kept)) => format!("{word} = {}, {word}_kept = {kept}", Days(age)),
        }
    }
}

/// A span in days where it is whole ones: `180d`.
struct Days(Span);

impl fmt::Display for Days {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DAY: i64 = 24 * 3_600_000;
        match self.0.millis() {
            ms if ms > 0 && ms % DAY == 0 => write!(f, "{}d", ms / DAY),
            _ => self.0.fmt(f),
        }
    }
}

/// One call of `retention`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Retention {
    /// Of which builders; empty: of all.
    pub builders: Vec<Pattern>,
    /// What it speaks of.
    pub limits: BTreeMap<HistoryKind, Limit>,
}

impl fmt::Display for Retention {
    /// For people: `logs = 180d of linux*`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<_> = self.limits.iter().map(|(of, limit)| limit.words(*of)).collect();
        f.write_str(&words.join(", "))?;
        if !self.builders.is_empty() {
            let names: Vec<_> = self.builders.iter().map(|it| it.0.as_str()).collect();
            write!(f, " of {}", names.join(", "))?;
        }
        Ok(())
    }
}

/// All rules, compiled.
#[derive(Debug)]
pub struct Limits {
    rules: Vec<(Vec<Matcher>, BTreeMap<HistoryKind, Limit>)>,
}

impl Limits {
    /// Compiles rules.
    #[must_use]
    pub fn new(rules: &[Retention]) -> Self {
        let rules = rules.iter().map(|it| (Matcher::all(&it.builders), it.limits.clone()));
        Self { rules: rules.collect() }
    }

    /// The limit of a builder's history: the last that speaks of it holds. `None`: it is all kept.
    #[must_use]
    pub fn of(&self, builder: &BuilderName, what: HistoryKind) -> Option<Limit> {
        let mut fitting =
            self.rules.iter().rev().filter(|(builders, _)| {
                builders.is_empty() || filter::any(builders, builder.as_str())
            });
        let limit = fitting.find_map(|(_, limits)| limits.get(&what))?;
        (*limit != Limit::default()).then_some(*limit)
    }

    /// The limit of changes, which belong to no builder.
    #[must_use]
    pub fn of_changes(&self) -> Option<Limit> {
        let limit =
            self.rules.iter().rev().find_map(|(_, limits)| limits.get(&HistoryKind::Changes))?;
        (*limit != Limit::default()).then_some(*limit)
    }

    /// Whether any rule limits this.
    #[must_use]
    pub fn speak_of(&self, what: HistoryKind) -> bool {
        let limits = self.rules.iter().filter_map(|(_, limits)| limits.get(&what));
        limits.into_iter().any(|limit| *limit != Limit::default())
    }

    /// Whether nothing is ever deleted.
    #[must_use]
    pub fn are_none(&self) -> bool {
        !HistoryKind::ALL.iter().any(|what| self.speak_of(*what))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_a_limit_must_say_that_it_is_old() {
        let now = Timestamp(1_000_000);
        let age = Limit { age: Some(Span::seconds(100)), kept: None };
        assert!(age.is_old(Timestamp(899_999), 0, now));
        assert!(!age.is_old(Timestamp(900_000), 99, now));
        let kept = Limit { age: None, kept: Some(3) };
        assert!(kept.is_old(now, 3, now) && !kept.is_old(Timestamp(0), 2, now));
        let both = Limit { age: age.age, kept: kept.kept };
        assert!(both.is_old(Timestamp(0), 3, now));
        assert!(!both.is_old(Timestamp(0), 2, now) && !both.is_old(now, 9, now));
        assert!(!Limit::default().is_old(Timestamp(0), 9, now));
        assert_eq!(both.words(HistoryKind::Logs), "logs = 1m40s, logs_kept = 3");
        assert_eq!(
            Limit { age: Some(Span::minutes(180 * 24 * 60)), kept: None }.words(HistoryKind::Logs),
            "logs = 180d"
        );
    }

    #[test]
    fn the_last_rule_that_speaks_of_it_holds() {
        let rule = |builders: &[&str], what, age: Option<i64>| Retention {
            builders: builders.iter().map(|it| Pattern((*it).to_owned())).collect(),
            limits: [(what, Limit { age: age.map(Span::seconds), kept: None })].into(),
        };
        let limits = Limits::new(&[
            rule(&[], HistoryKind::Builds, Some(9)),
            rule(&["linux*"], HistoryKind::Builds, Some(5)),
            rule(&["linux-rel"], HistoryKind::Builds, None),
        ]);
        let of = |name: &str| limits.of(&name.into(), HistoryKind::Builds).and_then(|it| it.age);
        assert_eq!(of("mac"), Some(Span::seconds(9)));
        assert_eq!(of("linux-dbg"), Some(Span::seconds(5)));
        assert_eq!(of("linux-rel"), None);
        assert!(limits.of(&"mac".into(), HistoryKind::Logs).is_none());
        assert!(limits.of_changes().is_none() && !limits.are_none());
        assert!(Limits::new(&[rule(&[], HistoryKind::Logs, None)]).are_none());
    }
}
