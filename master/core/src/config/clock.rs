//! Schedulers that go by the clock (PN-*): how often, and which changes make it worth while.

use std::fmt;

use super::{ChangeFilter, Importance};
use crate::cron::{Cron, Zone};
use crate::time::{Span, Timestamp};

/// What periodic and nightly schedulers share.
#[derive(Clone, PartialEq, Debug)]
pub struct Clock {
    /// When.
    pub pace: Pace,
    /// Of which branch the tip is built; `None`: each codebase's default branch (PN-8).
    pub branch: Option<String>,
    /// A slot is left out when nothing important came in since the last one (PN-7).
    pub only_if_changed: bool,
    /// Which changes count, with `only_if_changed`.
    pub filter: ChangeFilter,
    /// Which of them are worth a build.
    pub importance: Importance,
}

/// When a scheduler's slots are.
#[derive(Clone, PartialEq, Debug)]
pub enum Pace {
    /// So long after the last one.
    Every(Span),
    /// At times of day.
    At {
        /// Any of these.
        at: Vec<Cron>,
        /// At these too, and then whether something changed or not (PN-7).
        force_at: Vec<Cron>,
        /// Where the clock hangs (PN-6 better).
        zone: Zone,
    },
}

impl Pace {
    /// The first time of day later than a moment; `None` for a pace that goes by the last slot.
    #[must_use]
    pub fn next_after(&self, moment: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Every(_) => None,
            Self::At { at, force_at, zone } => {
                let slots = at.iter().chain(force_at);
                slots.filter_map(|cron| cron.next_after(moment, zone)).min()
            }
        }
    }

    /// Whether a slot that builds in any case lies between two moments, the later one included.
    #[must_use]
    pub fn is_forced(&self, after: Timestamp, until: Timestamp) -> bool {
        match self {
            Self::Every(_) => false,
            Self::At { force_at, zone, .. } => {
                let mut slots = force_at.iter().filter_map(|cron| cron.next_after(after, zone));
                slots.any(|slot| slot <= until)
            }
        }
    }
}

impl fmt::Display for Pace {
    /// One line: `every 6h`, `at 0 3 * * * in Europe/Berlin`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |slots: &[Cron]| slots.iter().map(Cron::text).collect::<Vec<_>>().join(" or ");
        match self {
            Self::Every(span) => write!(f, "every {span}"),
            Self::At { at, force_at, zone } => {
                write!(f, "at {}", joined(at))?;
                if !force_at.is_empty() {
                    write!(f, ", and in any case at {}", joined(force_at))?;
                }
                write!(f, " in {zone}")
            }
        }
    }
}
