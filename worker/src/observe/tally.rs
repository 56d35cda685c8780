//! Counts of tests, and the names of those that failed, within bounds.

use linn_proto::worker::{FailedTest, TestResults};

/// The most names kept.
const MAX_FAILURES: usize = 1_000;
/// The longest name, in bytes.
const MAX_NAME_BYTES: usize = 400;
/// All names, in bytes: they are kept with their step for as long as its build.
const MAX_NAMES_BYTES: usize = 64 << 10;

/// How a test went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    Passed,
    Failed,
    Skipped,
}

/// What tests there were so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    results: TestResults,
    names_bytes: usize,
}

impl Tally {
    /// Counts one.
    pub(super) fn add(&mut self, name: &str, outcome: Outcome, seconds: Option<f64>) {
        self.count(outcome, 1);
        if outcome == Outcome::Failed {
            self.name(name, seconds);
        }
    }

    /// Counts some of which no name is known.
    pub(super) fn count(&mut self, outcome: Outcome, number: u64) {
        let results = &mut self.results;
        let of = match outcome {
            Outcome::Passed => &mut results.passed,
            Outcome::Failed => &mut results.failed,
            Outcome::Skipped => &mut results.skipped,
        };
        *of = of.saturating_add(number);
        results.total = results.total.saturating_add(number);
    }

    /// Keeps the name of one that failed and was counted.
    pub(super) fn name(&mut self, name: &str, seconds: Option<f64>) {
        let name = clean(name);
        let fits = self.names_bytes + name.len() <= MAX_NAMES_BYTES;
        if fits && self.results.failures.len() < MAX_FAILURES {
            self.names_bytes += name.len();
            let seconds = seconds.filter(|seconds| seconds.is_finite() && *seconds >= 0.0);
            self.results.failures.push(FailedTest { name, seconds });
        }
    }

    /// Whether one of that name has failed.
    pub(super) fn has_failed(&self, name: &str) -> bool {
        let name = clean(name);
        self.results.failures.iter().any(|failed| failed.name == name)
    }

    /// Whether there was any.
    pub(super) fn any(&self) -> bool {
        self.results.total > 0
    }

    #[cfg(test)]
    pub(super) fn numbers(&self) -> (u64, u64, u64, u64) {
        let it = &self.results;
        (it.total, it.passed, it.failed, it.skipped)
    }

    #[cfg(test)]
    pub(super) fn failures(&self) -> Vec<&str> {
        self.results.failures.iter().map(|failed| failed.name.as_str()).collect()
    }

    #[cfg(test)]
    pub(super) fn seconds(&self, at: usize) -> Option<f64> {
        self.results.failures[at].seconds
    }

    /// The result; `trouble` says why there are none, or not all.
    pub(super) fn finish(self, trouble: String) -> TestResults {
        TestResults { trouble, ..self.results }
    }
}

/// A name in one line, cut to size.
fn clean(name: &str) -> String {
    let mut out = String::with_capacity(name.len().min(MAX_NAME_BYTES));
    for c in name.trim().chars().map(|c| if c.is_control() { ' ' } else { c }) {
        if out.len() + c.len_utf8() > MAX_NAME_BYTES {
            out.push('…');
            break;
        }
        out.push(c);
    }
    if out.is_empty() { "(no name)".to_owned() } else { out }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_bounded_and_counts_are_not() {
        let mut tally = Tally::default();
        for n in 0..5_000 {
            tally.add(&format!("t{n}"), Outcome::Failed, Some(f64::NAN));
        }
        tally.add(&"x".repeat(10_000), Outcome::Failed, None);
        assert_eq!(tally.numbers(), (5_001, 0, 5_001, 0));
        assert_eq!(tally.failures().len(), 1_000);
        assert_eq!(tally.seconds(0), None);
        let mut tally = Tally::default();
        for _ in 0..1_000 {
            tally.add(&"ü\u{1b}".repeat(10_000), Outcome::Failed, None);
        }
        assert!(tally.failures().iter().map(|name| name.len()).sum::<usize>() <= MAX_NAMES_BYTES);
        assert!(!tally.failures()[0].contains('\u{1b}'));
    }
}
