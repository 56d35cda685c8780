//! What Rust's test harness prints: its JSON (`--format json`), and the text of `cargo test`.
//!
//! Of the text: `test NAME ... ok|FAILED|ignored`, the names under `failures:`, and `test result:`. A summary that counts
//! more than the lines before it is believed, as with `--quiet`, where tests are dots; output of tests that run with
//! `--nocapture` may tear a line, and is made good by the summary in the same way. And of `cargo nextest run` the lines
//! `PASS`, `FAIL`, `SKIP` and their kin.

use std::collections::BTreeSet;

use serde_json::Value;

use super::tally::{Outcome, Tally};

/// The most names remembered, so that a test that fails again and again counts once.
const MAX_REMEMBERED: usize = 10_000;

/// The state between lines.
#[derive(Debug, Default)]
pub(super) struct Libtest {
    /// Since the last summary: passed, failed, skipped.
    counted: (u64, u64, u64),
    /// Under `failures:`.
    listing: bool,
    /// Names listed there since the last summary.
    listed: Vec<String>,
    /// Of nextest: what failed before, for it tells it again at the end.
    failed: BTreeSet<String>,
}

impl Libtest {
    /// Takes a line.
    pub(super) fn line(&mut self, line: &str, tally: &mut Tally) {
        if line.starts_with('{') {
            return json(line, tally);
        }
        if self.listing {
            if let Some(name) = line.strip_prefix("    ").filter(|name| !name.starts_with(' ')) {
                if self.listed.len() < MAX_REMEMBERED {
                    self.listed.push(name.trim().to_owned());
                }
                return;
            }
            self.listing = false;
        }
        if line == "failures:" {
            self.listing = true;
            // The names come with the last list; the one before it heads what they printed.
            self.listed.clear();
        } else if let Some(summary) = line.strip_prefix("test result: ") {
            self.summary(summary, tally);
        } else if let Some(rest) = line.strip_prefix("test ") {
            self.test(rest, tally);
        } else {
            self.nextest(line, tally);
        }
    }

    /// The output is over. What no summary followed was counted line by line.
    pub(super) fn end(&mut self) {
        *self = Self::default();
    }

    fn test(&mut self, rest: &str, tally: &mut Tally) {
        let Some((name, outcome)) = rest.rsplit_once(" ... ") else { return };
        let name = name.trim_end_matches(" - should panic");
        let (word, seconds) = timed(outcome.trim());
        let outcome = match word {
            "ok" => Outcome::Passed,
            "FAILED" => Outcome::Failed,
            "ignored" => Outcome::Skipped,
            word if word.starts_with("ignored,") => Outcome::Skipped,
            word if word.starts_with("bench:") => Outcome::Passed,
            _ => return,
        };
        match outcome {
            Outcome::Passed => self.counted.0 += 1,
            Outcome::Failed => self.counted.1 += 1,
            Outcome::Skipped => self.counted.2 += 1,
        }
        tally.add(name, outcome, seconds);
    }

    /// `FAILED. 3 passed; 1 failed; 2 ignored; 0 measured; 5 filtered out; finished in 0.00s`.
    fn summary(&mut self, summary: &str, tally: &mut Tally) {
        let Some((_, counts)) = summary.split_once(". ") else { return };
        let count = |word: &str| -> u64 {
            let mut parts = counts.split(';').filter_map(|part| part.trim().split_once(' '));
            parts.find(|(_, it)| *it == word).and_then(|(count, _)| count.parse().ok()).unwrap_or(0)
        };
        let (passed, failed, skipped) = self.counted;
        let more = |total: u64, seen: u64| total.saturating_sub(seen).min(u64::from(u32::MAX));
        tally.count(
            Outcome::Passed,
            more(count("passed").saturating_add(count("measured")), passed),
        );
        tally.count(Outcome::Skipped, more(count("ignored"), skipped));
        let unnamed = more(count("failed"), failed);
        tally.count(Outcome::Failed, unnamed);
        let mut names = std::mem::take(&mut self.listed);
        names.retain(|name| !tally.has_failed(name));
        for name in names.iter().take(usize::try_from(unnamed).unwrap_or(usize::MAX)) {
            tally.name(name, None);
        }
        self.counted = (0, 0, 0);
    }

    /// `        PASS [   0.005s] crate::binary test::name`, perhaps with `(1/9)` in between.
    fn nextest(&mut self, line: &str, tally: &mut Tally) {
        let Some((word, rest)) = line.trim_start().split_once(" [") else { return };
        let outcome = match word.trim() {
            "PASS" | "LEAK" => Outcome::Passed,
            "FAIL" | "TIMEOUT" | "ABORT" | "LEAK-FAIL" => Outcome::Failed,
            word if word.starts_with("SIG") && word.len() < 10 => Outcome::Failed,
            "SKIP" => Outcome::Skipped,
            _ => return,
        };
        let Some((time, name)) = rest.split_once("] ") else { return };
        let seconds: Option<f64> =
            time.trim().trim_end_matches('s').trim_start_matches('>').parse().ok();
        if outcome != Outcome::Skipped && seconds.is_none() {
            return;
        }
        let name = name.trim_start();
        // Its place in the run is no part of the name.
        let name = match name.strip_prefix('(').and_then(|rest| rest.split_once(") ")) {
            Some((place, name)) if place.contains('/') => name.trim_start(),
            _ => name,
        };
        if outcome == Outcome::Failed {
            if !self.failed.insert(name.to_owned()) {
                return;
            }
            if self.failed.len() > MAX_REMEMBERED {
                self.failed.pop_first();
            }
        }
        tally.add(name, outcome, seconds);
    }
}

/// `ok <0.002s>`: the word, and the time that `--report-time` adds.
fn timed(outcome: &str) -> (&str, Option<f64>) {
    let Some((word, time)) = outcome.rsplit_once(" <") else { return (outcome, None) };
    match time.strip_suffix("s>").and_then(|time| time.parse().ok()) {
        Some(seconds) => (word, Some(seconds)),
        None => (outcome, None),
    }
}

/// `{ "type": "test", "event": "ok", "name": "a", "exec_time": 0.1 }`.
fn json(line: &str, tally: &mut Tally) {
    let Ok(Value::Object(said)) = serde_json::from_str(line) else { return };
    let text = |key: &str| said.get(key).and_then(Value::as_str);
    let outcome = match (text("type"), text("event")) {
        (Some("test"), Some("ok")) | (Some("bench"), _) => Outcome::Passed,
        (Some("test"), Some("failed")) => Outcome::Failed,
        (Some("test"), Some("ignored")) => Outcome::Skipped,
        _ => return,
    };
    let seconds = said.get("exec_time").and_then(Value::as_f64);
    tally.add(text("name").unwrap_or_default(), outcome, seconds);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Tally {
        let (mut tally, mut libtest) = (Tally::default(), Libtest::default());
        text.lines().for_each(|line| libtest.line(line, &mut tally));
        libtest.end();
        tally
    }

    /// Written by `cargo test` (1.95): a library with its documentation.
    const CARGO: &str = "   Compiling zork v0.1.0
    Finished `test` profile [unoptimized + debuginfo] target(s) in 0.31s
     Running unittests src/lib.rs (target/debug/deps/zork-1234)

running 5 tests
test a::adds ... ok
test a::later ... ignored, not yet
test a::panics - should panic ... ok
test b::breaks ... FAILED
test c::slow ... ok <0.250s>

failures:

---- b::breaks stdout ----

thread 'b::breaks' panicked at src/lib.rs:14:9:
assertion `left == right` failed
  left: 1
 right: 2


failures:
    b::breaks

test result: FAILED. 3 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s

   Doc-tests zork

running 1 test
test src/lib.rs - zork (line 3) ... ok

test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.15s
";

    #[test]
    fn the_text_of_cargo_test_is_read() {
        let tally = read(CARGO);
        assert_eq!(tally.numbers(), (6, 4, 1, 1));
        assert_eq!(tally.failures(), ["b::breaks"]);
    }

    #[test]
    fn dots_are_made_good_by_the_summary() {
        let quiet = "running 4 tests
.F.i
failures:

---- b::breaks stdout ----
boom

failures:
    b::breaks

test result: FAILED. 2 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s
";
        let tally = read(quiet);
        assert_eq!(tally.numbers(), (4, 2, 1, 1));
        assert_eq!(tally.failures(), ["b::breaks"]);
        // With --nocapture a test's own output stands between its name and its end.
        let torn = "running 1 test\ntest a ... hello from a\nok\n\ntest result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n";
        assert_eq!(read(torn).numbers(), (1, 1, 0, 0));
    }

    #[test]
    fn json_is_read() {
        let json = r#"{ "type": "suite", "event": "started", "test_count": 3 }
{ "type": "test", "event": "started", "name": "a::adds" }
{ "type": "test", "name": "a::adds", "event": "ok", "exec_time": 0.000123 }
{ "type": "test", "name": "b::breaks", "event": "failed", "exec_time": 0.5, "stdout": "boom\n" }
{ "type": "test", "name": "c", "event": "ignored" }
{ "type": "suite", "event": "failed", "passed": 1, "failed": 1, "ignored": 1, "measured": 0, "filtered_out": 0, "exec_time": 0.01 }
{ no json
"#;
        let tally = read(json);
        assert_eq!(tally.numbers(), (3, 1, 1, 1));
        assert_eq!((tally.failures(), tally.seconds(0)), (vec!["b::breaks"], Some(0.5)));
    }

    #[test]
    fn nextest_is_read() {
        let text = "    Starting 3 tests across 1 binary
        PASS [   0.094s] (1/3) linn-worker::it run::standard_error
        FAIL [   0.158s] (2/3) linn-worker::it run::first
     SIGSEGV [   0.003s] linn-worker crashes
        SLOW [> 60.000s] linn-worker slow
     Summary [   0.154s] 3 tests run: 1 passed, 2 failed, 0 skipped
        FAIL [   0.158s] (2/3) linn-worker::it run::first
";
        let tally = read(text);
        assert_eq!(tally.numbers(), (3, 1, 2, 0));
        assert_eq!(tally.failures(), ["linn-worker::it run::first", "linn-worker crashes"]);
    }

    #[test]
    fn other_output_is_no_test() {
        for line in [
            "test",
            "test x",
            "test x ... maybe",
            "tests a ... ok",
            "test result: nonsense",
            "test result: ok. x passed; y",
        ] {
            assert_eq!(read(line).numbers(), (0, 0, 0, 0), "{line}");
        }
    }
}
