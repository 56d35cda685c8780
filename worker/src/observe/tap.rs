//! TAP 13 and 14, the Test Anything Protocol.
//!
//! Tests at the top count; those of a subtest are its own, and it counts as one by its line. `# SKIP` did not run, and what
//! is `# TODO` may fail. What was planned and did not run has failed, and so has a run that bailed out.

use super::tally::{Outcome, Tally};

/// Plans beyond that are taken for nonsense.
const MAX_PLAN: u64 = 1_000_000;

/// How far a run is.
#[derive(Debug, Default)]
pub(super) struct Tap {
    planned: Option<u64>,
    ran: u64,
    /// A test that failed, until it is known how long it took.
    failed: Option<(String, Option<f64>)>,
    bailed: bool,
}

impl Tap {
    /// Takes a line.
    pub(super) fn line(&mut self, line: &str, tally: &mut Tally) {
        if line.starts_with([' ', '\t']) {
            if let (Some((_, seconds)), Some(ms)) =
                (&mut self.failed, line.trim().strip_prefix("duration_ms:"))
            {
                *seconds = seconds.or_else(|| ms.trim().parse().ok().map(|ms: f64| ms / 1_000.0));
            }
            return;
        }
        if let Some(rest) = line.strip_prefix("Bail out!") {
            self.flush(tally);
            self.bailed = true;
            let why = rest.trim();
            let name =
                if why.is_empty() { "bailed out".to_owned() } else { format!("bailed out: {why}") };
            return tally.add(&name, Outcome::Failed, None);
        }
        if let Some(planned) = plan(line) {
            // Another one begins where the one before is done, as when `prove -v` runs several files.
            let before = self.planned.filter(|before| *before <= self.ran).unwrap_or(0);
            self.planned = Some(before.saturating_add(planned));
            return;
        }
        let (ok, rest) = match (line.strip_prefix("not ok"), line.strip_prefix("ok")) {
            (Some(rest), _) => (false, rest),
            (None, Some(rest)) => (true, rest),
            (None, None) => return,
        };
        // `okay` is no test, nor is the `ok` by which `prove` says that all that was planned is well.
        let done = self.planned.is_some_and(|planned| planned <= self.ran);
        if (rest.is_empty() && done) || (!rest.is_empty() && !rest.starts_with([' ', '\t'])) {
            return;
        }
        self.flush(tally);
        self.ran += 1;
        let rest = rest.trim_start();
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number = &rest[..digits];
        let (name, directive) = parted(&rest[digits..]);
        let name = name.trim().trim_start_matches("- ").trim_start_matches('-').trim();
        let outcome = match (ok, directive) {
            (_, Directive::Skip) | (false, Directive::Todo) => Outcome::Skipped,
            (true, _) => Outcome::Passed,
            (false, Directive::None) => Outcome::Failed,
        };
        if outcome == Outcome::Failed {
            let name = if name.is_empty() {
                format!(
                    "test {}",
                    if number.is_empty() { self.ran.to_string() } else { number.to_owned() }
                )
            } else {
                name.to_owned()
            };
            self.failed = Some((name, None));
        } else {
            tally.add(name, outcome, None);
        }
    }

    /// The run is over.
    pub(super) fn end(&mut self, tally: &mut Tally) {
        self.flush(tally);
        let missing = self.planned.unwrap_or(0).saturating_sub(self.ran);
        if !self.bailed && missing > 0 {
            tally.count(Outcome::Failed, missing);
            let were = if missing == 1 {
                "1 test was".to_owned()
            } else {
                format!("{missing} tests were")
            };
            tally.name(&format!("{were} planned and did not run"), None);
        }
    }

    fn flush(&mut self, tally: &mut Tally) {
        if let Some((name, seconds)) = self.failed.take() {
            tally.add(&name, Outcome::Failed, seconds);
        }
    }
}

enum Directive {
    None,
    Skip,
    Todo,
}

/// `1..5`, with whatever follows.
fn plan(line: &str) -> Option<u64> {
    let rest = line.strip_prefix("1..")?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    rest[..digits].parse().ok().filter(|planned| *planned <= MAX_PLAN)
}

/// A description and the directive after its `#`. `\#` is no directive.
fn parted(text: &str) -> (&str, Directive) {
    let mut from = 0;
    while let Some(at) = text[from..].find('#').map(|at| at + from) {
        let escaped = text[..at].ends_with('\\');
        let word = text[at + 1..].trim_start();
        let is = |wanted: &str| {
            word.get(..wanted.len()).is_some_and(|word| word.eq_ignore_ascii_case(wanted))
        };
        if !escaped && is("skip") {
            return (&text[..at], Directive::Skip);
        }
        if !escaped && is("todo") {
            return (&text[..at], Directive::Todo);
        }
        from = at + 1;
    }
    (text, Directive::None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Tally {
        let (mut tally, mut tap) = (Tally::default(), Tap::default());
        text.lines().for_each(|line| tap.line(line, &mut tally));
        tap.end(&mut tally);
        tally
    }

    /// Written by `node --test --test-reporter=tap` (20.20), shortened.
    const NODE: &str = "TAP version 13
# Subtest: adds
ok 1 - adds
  ---
  duration_ms: 4.700522
  ...
# Subtest: fails <here> & \"there\"
not ok 2 - fails <here> & \"there\"
  ---
  duration_ms: 2.875857
  error: '1 == 2'
  ...
ok 3 - later # SKIP not yet
  ---
  duration_ms: 0.172221
  ...
not ok 4 - todo # TODO
  ---
  duration_ms: 0.388074
  ...
# Subtest: nest
    # Subtest: inner ok
    ok 1 - inner ok
    # Subtest: inner bad
    not ok 2 - inner bad
      ---
      duration_ms: 4.87675
      ...
    1..2
not ok 5 - nest
  ---
  duration_ms: 5.811816
  ...
1..5
# tests 7
";

    #[test]
    fn a_run_of_node_is_read() {
        let tally = read(NODE);
        assert_eq!(tally.numbers(), (5, 1, 2, 2));
        assert_eq!(tally.failures(), ["fails <here> & \"there\"", "nest"]);
        assert_eq!(tally.seconds(0), Some(0.002_875_857));
    }

    #[test]
    fn every_form_of_a_test_line() {
        for (line, numbers, failed) in [
            ("ok", (1, 1, 0, 0), ""),
            ("ok 1", (1, 1, 0, 0), ""),
            ("not ok", (1, 0, 1, 0), "test 1"),
            ("not ok 7", (1, 0, 1, 0), "test 7"),
            ("not ok 7 name", (1, 0, 1, 0), "name"),
            ("not ok - a # b", (1, 0, 1, 0), "a # b"),
            ("not ok 1 - cost \\# skip it", (1, 0, 1, 0), "cost \\# skip it"),
            ("ok 2 # skip no network", (1, 0, 0, 1), ""),
            ("ok 2 - x # SKIPPED", (1, 0, 0, 1), ""),
            ("not ok 2 # ToDo later", (1, 0, 0, 1), ""),
            ("ok 2 # TODO works already", (1, 1, 0, 0), ""),
            ("okay", (0, 0, 0, 0), ""),
            ("# ok", (0, 0, 0, 0), ""),
            ("1..0 # SKIP nothing to do", (0, 0, 0, 0), ""),
            ("Bail out! no database", (1, 0, 1, 0), "bailed out: no database"),
        ] {
            let tally = read(line);
            assert_eq!(tally.numbers(), numbers, "{line}");
            assert_eq!(tally.failures().join("|"), failed, "{line}");
        }
    }

    /// Written by `prove -v` (Test::Harness 3.44).
    const PROVE: &str = "a.t ..
1..2
ok 1 - a
not ok 2 - b # TODO later
ok
b.t ..
ok 1 - c
not ok 2 - d
1..2
Failed 1/2 subtests
Test Summary Report
";

    #[test]
    fn several_files_of_prove_are_one_run() {
        let tally = read(PROVE);
        assert_eq!(tally.numbers(), (4, 2, 1, 1));
        assert_eq!(tally.failures(), ["d"]);
    }

    #[test]
    fn what_was_planned_must_run() {
        let tally = read("1..5\nok 1\nok 2\n");
        assert_eq!(tally.numbers(), (5, 2, 3, 0));
        assert_eq!(tally.failures(), ["3 tests were planned and did not run"]);
        assert_eq!(read("1..5\nok 1\nBail out!\n").numbers(), (2, 1, 1, 0));
        assert_eq!(read("1..99999999999\nok 1\n").numbers(), (1, 1, 0, 0));
    }
}
