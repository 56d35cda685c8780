//! Which lines look like errors and warnings: found as bytes come, the same however they are cut into pieces.
//!
//! The rules are texts, so that one pass over the bytes finds them at memory speed. Kept are the first and the last
//! [`MAX_MARKS`] lines of each sort: the first errors are why a build broke, the last what it ended with.

use std::collections::VecDeque;
use std::sync::LazyLock;

use memchr::{memchr, memchr_iter, memrchr};
use regex::bytes::Regex;

use super::line::Marks;
use super::{MAX_MARKS, pattern::any_of};

/// What makes a line an error: compilers, linkers, make, test runners, interpreters, git, the shell.
const ERRORS: [&str; 16] = [
    "error:",
    "error[",
    ": error ",
    "Error:",
    "ERROR:",
    "ERROR ",
    "FAILED",
    "FAIL:",
    "panicked at",
    "Traceback (most recent call last)",
    "fatal:",
    "FATAL",
    "undefined reference",
    "*** [",
    "Segmentation fault",
    "command not found",
];
/// What makes a line a warning.
const WARNINGS: [&str; 5] = ["warning:", "warning[", ": warning ", "Warning:", "WARNING"];

static ERROR: LazyLock<Regex> = LazyLock::new(|| any_of(&ERRORS));
static WARNING: LazyLock<Regex> = LazyLock::new(|| any_of(&WARNINGS));

/// Bytes of an unended line remembered, to see a text that comes in two pieces: more than the longest rule.
const SEAM: usize = 48;

/// Looks at a log as it grows.
#[derive(Clone, Default, Debug)]
pub(super) struct Marker {
    errors: Ends,
    warnings: Ends,
    /// Ended lines so far: the number of the present line, from 0.
    newlines: u64,
    /// The end of the present line, if it has begun.
    seam: Vec<u8>,
}

/// The first and the last of an ascending list.
#[derive(Clone, Default, Debug)]
struct Ends {
    first: Vec<u64>,
    last: VecDeque<u64>,
}

impl Ends {
    fn newest(&self) -> Option<u64> {
        self.last.back().or(self.first.last()).copied()
    }

    fn push(&mut self, line: u64) {
        if self.newest() == Some(line) {
            return;
        }
        if self.first.len() < MAX_MARKS {
            self.first.push(line);
            return;
        }
        if self.last.len() == MAX_MARKS {
            self.last.pop_front();
        }
        self.last.push_back(line);
    }

    fn take_back(&mut self, line: u64) {
        if self.newest() == Some(line) && self.last.pop_back().is_none() {
            self.first.pop();
        }
    }

    fn all(&self) -> Vec<u64> {
        self.first.iter().chain(&self.last).copied().collect()
    }
}

impl Marker {
    /// Takes the next bytes.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.feed_seam(bytes);
        let errors = self.lines_with(&ERROR, bytes);
        // The text of a warning may have come in an earlier piece of a line that turns out to be an error. Before the
        // warnings of later lines are put in, for only the newest can be taken back.
        if errors.first() == Some(&self.newlines) {
            self.warnings.take_back(self.newlines);
        }
        for line in self.lines_with(&WARNING, bytes) {
            if errors.binary_search(&line).is_err() && self.errors.newest() != Some(line) {
                self.warnings.push(line);
            }
        }
        errors.into_iter().for_each(|line| self.errors.push(line));
        self.newlines += memchr_iter(b'\n', bytes).count() as u64;
        match memrchr(b'\n', bytes) {
            Some(at) => self.seam = bytes[bytes.len() - SEAM.min(bytes.len() - at - 1)..].to_vec(),
            None => {
                self.seam.extend_from_slice(&bytes[bytes.len() - SEAM.min(bytes.len())..]);
                let spare = self.seam.len().saturating_sub(SEAM);
                self.seam.drain(..spare);
            }
        }
    }

    /// A rule's text whose beginning came with the bytes before these.
    fn feed_seam(&mut self, bytes: &[u8]) {
        if self.seam.is_empty() {
            return;
        }
        let rest = &bytes[..memchr(b'\n', bytes).unwrap_or(bytes.len()).min(SEAM)];
        let joint = [&self.seam, rest].concat();
        if ERROR.is_match(&joint) {
            self.warnings.take_back(self.newlines);
            self.errors.push(self.newlines);
        } else if WARNING.is_match(&joint) && self.errors.newest() != Some(self.newlines) {
            self.warnings.push(self.newlines);
        }
    }

    /// The numbers, from 0, of the lines with a match in these bytes.
    fn lines_with(&self, rule: &Regex, bytes: &[u8]) -> Vec<u64> {
        let mut found = Vec::new();
        let (mut from, mut line) = (0, self.newlines);
        while let Some(hit) = rule.find_at(bytes, from) {
            line += memchr_iter(b'\n', &bytes[from..hit.start()]).count() as u64;
            found.push(line);
            let Some(end) = memchr(b'\n', &bytes[hit.start()..]) else { break };
            from = hit.start() + end + 1;
            line += 1;
        }
        found
    }

    /// What was found, as line numbers from 1.
    pub(super) fn marks(&self) -> Marks {
        let numbers = |ends: &Ends| ends.all().into_iter().map(|line| line + 1).collect();
        Marks {
            errors: numbers(&self.errors),
            warnings: numbers(&self.warnings),
            marked_to: self.newlines + u64::from(!self.seam.is_empty()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn naive(bytes: &[u8]) -> (Vec<u64>, Vec<u64>) {
        let (mut errors, mut warnings) = (Vec::new(), Vec::new());
        for (nth, line) in bytes.split(|b| *b == b'\n').enumerate() {
            let has = |rules: &[&str]| {
                rules.iter().any(|rule| line.windows(rule.len()).any(|w| w == rule.as_bytes()))
            };
            if has(&ERRORS) {
                errors.push(nth as u64 + 1);
            } else if has(&WARNINGS) {
                warnings.push(nth as u64 + 1);
            }
        }
        (errors, warnings)
    }

    proptest! {
        #[test]
        fn marks_do_not_depend_on_the_cuts(
            words in proptest::collection::vec(
                prop_oneof![
                    Just("error:"), Just("warning:"), Just("FAILED"), Just("\n"), Just("\n"), Just(" "),
                    Just("Traceback (most recent call last)"), Just("x"), Just("err"), Just("or:"), Just("\u{fffd}"),
                ],
                0..60,
            ),
            cuts in proptest::collection::vec(1_usize..12, 0..80),
        ) {
            let text = words.concat();
            let mut marker = Marker::default();
            let mut rest = text.as_bytes();
            for cut in cuts {
                let (now, later) = rest.split_at(cut.min(rest.len()));
                marker.feed(now);
                rest = later;
            }
            marker.feed(rest);
            let marks = marker.marks();
            prop_assert_eq!((marks.errors, marks.warnings), naive(text.as_bytes()));
        }
    }

    #[test]
    fn a_warning_that_becomes_an_error_is_taken_back_though_another_follows() {
        let mut marker = Marker::default();
        marker.feed(b"warning: x ");
        marker.feed(b"error: y\nwarning: z\n");
        let marks = marker.marks();
        assert_eq!((marks.errors, marks.warnings), (vec![1], vec![2]));
    }

    #[test]
    fn both_ends_are_kept() {
        let mut marker = Marker::default();
        for _ in 0..5000 {
            marker.feed(b"error: again\n");
        }
        let marks = marker.marks();
        assert_eq!(marks.errors.len(), 2 * MAX_MARKS);
        assert_eq!((marks.errors[0], marks.errors[2 * MAX_MARKS - 1]), (1, 5000));
        assert_eq!(marks.marked_to, 5000);
    }
}
