//! Lines of one log held by the console: a bounded cache around the place that is shown (never a whole log).

use std::{collections::BTreeMap, fmt};

use linn_proto::{
    common::Results,
    console::{LogLine, LogLines},
    entity::{Build, Step, StepState},
};

use crate::{
    replica::{BuildRef, reference},
    safe::log::{LogText, line},
};

/// Raw bytes of lines held at most (console.md F4).
const HELD_BYTES: usize = 4 << 20;

/// Names a log. The step goes by position, which no name can confuse.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct LogRef {
    pub(crate) build: BuildRef,
    /// 1-based.
    pub(crate) step: u32,
    pub(crate) name: String,
}

impl fmt::Display for LogRef {
    /// As the master and `linn log` read it.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}/{}", self.build, self.step, self.name)
    }
}

impl LogRef {
    pub(crate) fn new(build: &Build, step: &Step, name: &str) -> Self {
        Self { build: reference(build), step: step.number, name: name.to_owned() }
    }
}

/// Who asked for lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The log screen, to show.
    Show,
    /// The log screen, to jump: the first line that comes is the place (time look-ups).
    Jump,
    /// The tail in the build screen.
    Tail,
}

/// Where a log is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spot {
    /// At its end, going along.
    Follow,
    /// At its end, standing.
    End,
    /// At the first error, or the end when there is none.
    FirstError,
}

/// The step of a build that matters most now: the one that broke it, else the one that runs, else the last with a log.
pub(crate) fn telling_step(build: &Build) -> Option<&Step> {
    let shown = || build.steps.iter().filter(|step| !step.hidden);
    let broken = |step: &&Step| {
        matches!(step.results(), Results::Failure | Results::Exception | Results::Retry)
    };
    shown()
        .find(broken)
        .or_else(|| shown().find(|step| step.state() == StepState::Running))
        .or_else(|| shown().rfind(|step| !step.logs.is_empty()))
}

/// The log of a step to open first: `stdio`, else the first.
pub(crate) fn main_log(step: &Step) -> Option<&str> {
    let stdio = step.logs.iter().find(|log| log.name == "stdio");
    stdio.or_else(|| step.logs.first()).map(|log| log.name.as_str())
}

/// The log that tells most about a build, and where to open it.
pub(crate) fn telling_log(build: &Build) -> Option<(LogRef, Spot)> {
    let step = telling_step(build).filter(|step| !step.logs.is_empty()).or_else(|| {
        build.steps.iter().filter(|step| !step.hidden).rfind(|step| !step.logs.is_empty())
    })?;
    Some((LogRef::new(build, step, main_log(step)?), spot(step)))
}

/// Where to open a log of a step.
pub(crate) fn spot(step: &Step) -> Spot {
    match (step.state(), step.results()) {
        (StepState::Running, _) => Spot::Follow,
        (_, Results::Failure | Results::Exception | Results::Retry | Results::Cancelled) => {
            Spot::FirstError
        }
        _ => Spot::End,
    }
}

/// One line. It is made safe when it is shown: of a flood that is followed, most lines never are.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Line {
    /// When its first byte was read; 0: unknown.
    pub(crate) at_ms: i64,
    raw: Vec<u8>,
    /// Only its first part is here.
    pub(crate) cut: bool,
}

impl Line {
    /// The line made safe.
    pub(crate) fn text(&self) -> LogText {
        line(&self.raw)
    }

    fn bytes(&self) -> usize {
        self.raw.len() + 64
    }
}

impl From<LogLine> for Line {
    fn from(line: LogLine) -> Self {
        let mut raw = line.text;
        raw.truncate(linn_proto::MAX_LINE_BYTES);
        Self { at_ms: line.at_ms, raw, cut: line.cut }
    }
}

/// The cache of one log.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LogBuffer {
    pub(crate) log: LogRef,
    pub(crate) lines: BTreeMap<u64, Line>,
    pub(crate) total_lines: u64,
    pub(crate) total_bytes: u64,
    pub(crate) complete: bool,
    /// Something has come, so that the totals mean something.
    pub(crate) known: bool,
    /// How it ended, several lines at most; empty while it runs.
    pub(crate) footer: String,
    held: usize,
}

impl LogBuffer {
    pub(crate) fn new(log: LogRef) -> Self {
        Self {
            log,
            lines: BTreeMap::new(),
            total_lines: 0,
            total_bytes: 0,
            complete: false,
            known: false,
            footer: String::new(),
            held: 0,
        }
    }

    /// Takes lines in. Totals only grow: an old answer may arrive after a newer one.
    pub(crate) fn insert(&mut self, lines: LogLines, around: u64) {
        self.known = true;
        self.total_lines = self.total_lines.max(lines.total_lines);
        self.total_bytes = self.total_bytes.max(lines.total_bytes);
        self.complete |= lines.complete;
        if !lines.footer.is_empty() {
            self.footer = lines.footer;
        }
        for raw in lines.lines {
            let number = raw.number;
            // An unended last line comes again, longer: the longer one is the newer one.
            let line = Line::from(raw);
            if self.lines.get(&number).is_none_or(|old| old.bytes() <= line.bytes()) {
                self.held += line.bytes();
                if let Some(old) = self.lines.insert(number, line) {
                    self.held -= old.bytes();
                }
            }
            self.total_lines = self.total_lines.max(number);
        }
        self.evict(around);
    }

    /// Drops what is farthest from `around` while too much is held.
    fn evict(&mut self, around: u64) {
        while self.held > HELD_BYTES && self.lines.len() > 1 {
            let (Some((&first, _)), Some((&last, _))) =
                (self.lines.first_key_value(), self.lines.last_key_value())
            else {
                return;
            };
            let far = if around.saturating_sub(first) >= last.saturating_sub(around) {
                first
            } else {
                last
            };
            if let Some(line) = self.lines.remove(&far) {
                self.held -= line.bytes();
            }
        }
    }

    /// How many lines like those that are held can be held at once. Of huge ones it is few: what is asked for beyond that is
    /// dropped again, and asked for again.
    pub(crate) fn room(&self) -> u64 {
        // A quarter is left for what one line may differ from the next.
        let bytes = self.held.max(1) / self.lines.len().max(1);
        (HELD_BYTES * 3 / 4 / bytes.max(1)) as u64
    }

    /// The first line in the range that exists and is not held.
    pub(crate) fn missing(&self, from: u64, to: u64) -> Option<u64> {
        let (from, to) = (from.max(1), to.min(self.total_lines));
        let mut expected = from;
        for (&number, _) in self.lines.range(from..=to.max(from)) {
            if number > expected {
                break;
            }
            expected = number + 1;
        }
        (expected <= to).then_some(expected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log() -> LogRef {
        LogRef { build: BuildRef::new("linux", 4), step: 2, name: "stdio".into() }
    }

    fn lines(from: u64, count: u64, size: usize) -> LogLines {
        let line = |number| LogLine { number, text: vec![b'x'; size], ..LogLine::default() };
        LogLines {
            lines: (from..from + count).map(line).collect(),
            total_lines: 1000,
            ..LogLines::default()
        }
    }

    #[test]
    fn a_log_is_named_by_position() {
        assert_eq!(log().to_string(), "linux#4/2/stdio");
    }

    #[test]
    fn finds_what_is_missing() {
        let mut buffer = LogBuffer::new(log());
        buffer.insert(lines(10, 10, 5), 10);
        assert_eq!(buffer.missing(1, 30), Some(1));
        assert_eq!(buffer.missing(12, 19), None);
        assert_eq!(buffer.missing(12, 30), Some(20));
        assert_eq!(buffer.missing(1001, 1100), None);
    }

    #[test]
    fn holds_a_bounded_amount_around_the_place() {
        let mut buffer = LogBuffer::new(log());
        for page in 0..20 {
            buffer.insert(lines(1 + page * 10, 10, 60_000), 150);
        }
        assert!(buffer.held <= HELD_BYTES);
        assert!(buffer.lines.contains_key(&150) && !buffer.lines.contains_key(&1));
    }
}
