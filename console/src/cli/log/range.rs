//! `--lines A:B`: 1-based, both ends included, either may be left out; beyond the end is cut, inverted is empty (C17,
//! LG-5).

use std::str::FromStr;

/// Lines `first` to `last`, both included; empty when `first > last`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    /// The first line, from 1.
    pub(crate) first: u64,
    /// The last line.
    pub(crate) last: u64,
}

impl Range {
    /// Every line.
    pub(crate) const ALL: Self = Self { first: 1, last: u64::MAX };

    /// The last `count` lines of `total`, and what comes after them.
    pub(crate) fn last(count: u64, total: u64) -> Self {
        Self { first: total.saturating_sub(count) + 1, last: u64::MAX }
    }

    /// No line is in it.
    pub(crate) fn is_empty(self) -> bool {
        self.first > self.last
    }
}

impl FromStr for Range {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str, left_out: u64| match text {
            "" => Ok(left_out),
            text if text.bytes().all(|byte| byte.is_ascii_digit()) => {
                // More digits than a line number can have is far beyond any end.
                Ok(text.parse().unwrap_or(u64::MAX))
            }
            text => Err(format!("`{text}` is no line number; write A:B, A: or :B")),
        };
        let (first, last) = match text.split_once(':') {
            Some((first, last)) => (number(first, 1)?, number(last, u64::MAX)?),
            None if text.is_empty() => return Err("write A:B, A: or :B".to_owned()),
            None => (number(text, 1)?, number(text, u64::MAX)?),
        };
        Ok(Self { first: first.max(1), last })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        for (text, first, last) in [
            ("2:5", 2, 5),
            ("2:", 2, u64::MAX),
            (":5", 1, 5),
            (":", 1, u64::MAX),
            ("7", 7, 7),
            ("0:3", 1, 3),
            ("0", 1, 0),
            ("1:99999999999999999999999", 1, u64::MAX),
        ] {
            assert_eq!(text.parse(), Ok(Range { first, last }), "{text}");
        }
        for text in ["", "a:b", "-1:2", "1-2", "1:2:3", "+1:"] {
            assert!(text.parse::<Range>().is_err(), "{text} was taken");
        }
        assert!("5:2".parse::<Range>().is_ok_and(Range::is_empty));
    }

    #[test]
    fn tails() {
        assert_eq!(Range::last(3, 10).first, 8);
        assert_eq!(Range::last(30, 10).first, 1);
        assert_eq!(Range::last(0, 10).first, 11);
    }
}
