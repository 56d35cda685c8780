//! Refusals as sentences: what, why, and what to do, with the nearest name where one was mistyped.

use std::fmt::Display;

use crate::action::{Refusal, RefusalKind};

impl Refusal {
    fn new(kind: RefusalKind, what: impl Into<String>) -> Self {
        Self { kind, what: what.into(), why: String::new(), hint: String::new() }
    }

    /// A mistake in the asking.
    #[must_use]
    pub fn mistake(what: impl Into<String>) -> Self {
        Self::new(RefusalKind::Mistake, what)
    }

    /// No such thing.
    #[must_use]
    pub fn unknown(what: impl Into<String>) -> Self {
        Self::new(RefusalKind::Unknown, what)
    }

    /// Not possible now.
    #[must_use]
    pub fn not_now(what: impl Into<String>) -> Self {
        Self::new(RefusalKind::NotNow, what)
    }

    /// Says why.
    #[must_use]
    pub fn because(mut self, why: impl Into<String>) -> Self {
        self.why = why.into();
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    /// No such thing, and the nearest name among those there are.
    #[must_use]
    pub fn no_such<'a, T: Display>(
        sort: &str,
        name: &T,
        known: impl Iterator<Item = &'a str>,
    ) -> Self {
        Self::unknown(format!("there is no {sort} `{name}`")).hint(suggestion(
            sort,
            &name.to_string(),
            known,
        ))
    }
}

/// How many names a hint lists before it stops.
const MAX_LISTED: usize = 8;

/// `did you mean ...`, or else which names there are.
pub(crate) fn suggestion<'a>(
    sort: &str,
    name: &str,
    known: impl Iterator<Item = &'a str>,
) -> String {
    let known: Vec<&str> = known.collect();
    if let Some(near) = nearest(name, known.iter().copied()) {
        return format!("did you mean `{near}`?");
    }
    match known.len() {
        0 => format!("there is no {sort} at all"),
        1 => format!("there is only {}", known[0]),
        n if n <= MAX_LISTED => format!("there are {}", known.join(", ")),
        n => format!("there are {n}, among them {}", known[..MAX_LISTED].join(", ")),
    }
}

/// The name that was probably meant: at most a third of its letters differ.
#[must_use]
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let limit = ((name.chars().count() + 1) / 3).max(1);
    known
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Names longer than this are not compared: the work grows with the square.
const MAX_COMPARED: usize = 100;

/// Edits between two names, regardless of case; a swap of neighbours counts one.
fn distance(a: &str, b: &str) -> usize {
    let letters = |text: &str| -> Vec<char> {
        text.chars().take(MAX_COMPARED).flat_map(char::to_lowercase).collect()
    };
    let (a, b) = (letters(a), letters(b));
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let swap = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            let cost = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (above[j - 1] + cost).min(above[j] + 1).min(row[j - 1] + 1);
            if swap {
                best = best.min(before[j - 2] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found() {
        let known = ["linux", "linux-debug", "mac"];
        assert_eq!(nearest("linus", known.into_iter()), Some("linux"));
        assert_eq!(nearest("Linxu", known.into_iter()), Some("linux"));
        assert_eq!(nearest("mc", known.into_iter()), Some("mac"));
        assert_eq!(nearest("windows", known.into_iter()), None);
        assert_eq!(
            suggestion("builder", "windows", known.into_iter()),
            "there are linux, linux-debug, mac"
        );
        assert_eq!(suggestion("builder", "x", std::iter::empty()), "there is no builder at all");
    }
}
