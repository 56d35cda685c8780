//! The seven results, which of two is worse, and how a step's result counts for its build (BL-1, BL-2).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::config::Flags;

/// How a build, step, request or buildset ended.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Results {
    /// As wished.
    Success,
    /// Went through, with complaints.
    Warnings,
    /// The thing under test is broken.
    Failure,
    /// Was not needed.
    Skipped,
    /// The build system itself is broken.
    Exception,
    /// To be done again: the worker was lost.
    Retry,
    /// Somebody stopped it.
    Cancelled,
}

impl Results {
    /// Every one, best first (BL-2).
    pub const ALL: [Self; 7] = [
        Self::Skipped,
        Self::Success,
        Self::Warnings,
        Self::Failure,
        Self::Exception,
        Self::Retry,
        Self::Cancelled,
    ];

    const fn badness(self) -> u8 {
        match self {
            Self::Skipped => 0,
            Self::Success => 1,
            Self::Warnings => 2,
            Self::Failure => 3,
            Self::Exception => 4,
            Self::Retry => 5,
            Self::Cancelled => 6,
        }
    }

    /// The worse of two: cancelled > retry > exception > failure > warnings > success > skipped (BL-2).
    #[must_use]
    pub fn worst(self, other: Self) -> Self {
        if other.badness() > self.badness() { other } else { self }
    }

    /// How the result of a step counts for its build, and whether the build ends with it (BL-1, BL-3).
    #[must_use]
    pub(crate) const fn effect(self, flags: Flags) -> (Self, bool) {
        match self {
            Self::Success | Self::Skipped => (Self::Success, false),
            Self::Warnings if flags.flunk_on_warnings => (Self::Failure, false),
            Self::Warnings if flags.warn_on_warnings => (Self::Warnings, false),
            Self::Warnings => (Self::Success, false),
            Self::Failure => {
                let counted = if flags.flunk_on_failure {
                    Self::Failure
                } else if flags.warn_on_failure {
                    Self::Warnings
                } else {
                    Self::Success
                };
                (counted, flags.halt_on_failure)
            }
            Self::Exception | Self::Retry | Self::Cancelled => (self, true),
        }
    }

    /// Success, warnings or skipped: nothing that anybody must mend.
    #[must_use]
    pub const fn is_good(self) -> bool {
        matches!(self, Self::Success | Self::Warnings | Self::Skipped)
    }

    /// Failure or exception: somebody must mend something.
    #[must_use]
    pub const fn is_red(self) -> bool {
        matches!(self, Self::Failure | Self::Exception)
    }

    /// It went through: how long that took says how long it usually takes.
    #[must_use]
    pub(crate) const fn went_through(self) -> bool {
        matches!(self, Self::Success | Self::Warnings)
    }

    /// It says something of the tree that was built, and not of the build system or of somebody's wish.
    #[must_use]
    pub(crate) const fn is_telling(self) -> bool {
        matches!(self, Self::Success | Self::Warnings | Self::Failure)
    }

    /// The word of cli.md's JSON and tables.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Success => "SUCCESS",
            Self::Warnings => "WARNINGS",
            Self::Failure => "FAILURE",
            Self::Skipped => "SKIPPED",
            Self::Exception => "EXCEPTION",
            Self::Retry => "RETRY",
            Self::Cancelled => "CANCELLED",
        }
    }

    /// The result that a word names, if any.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|results| results.word() == word)
    }
}

impl fmt::Display for Results {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// BL-2.
    #[test]
    fn worst_is_a_total_order() {
        for (i, a) in Results::ALL.into_iter().enumerate() {
            for (j, b) in Results::ALL.into_iter().enumerate() {
                assert_eq!(a.worst(b), if j > i { b } else { a });
            }
            assert_eq!(Results::from_word(a.word()), Some(a));
        }
    }
}
