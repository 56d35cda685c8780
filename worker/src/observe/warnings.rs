//! Lines that are warnings (F19): counted, unless they are suppressed, and copied to a log of their own.
//!
//! Groups of the pattern tell more of a line: those named `file`, `line` and `text`, or else the first three if there are
//! just three, in that order, as with Buildbot's extractors. Without them the text is the whole line.

use std::collections::BTreeMap;

use linn_proto::worker::{Observe, Stream, Suppression};
use regex::bytes::{Captures, Regex};

use super::lines::Lines;

/// The longest log of warnings, in bytes; all are counted.
const MAX_LOG_BYTES: usize = 4 << 20;

/// Counts the warnings of a command's logs.
#[derive(Debug)]
pub(super) struct Warnings {
    pattern: Regex,
    groups: Groups,
    suppressions: Vec<Rule>,
    /// By log, standard error apart.
    lines: BTreeMap<(usize, bool), Lines>,
    count: u64,
    copies: bool,
    copied: usize,
}

/// Where the pattern tells file, line and text: the numbers of its groups.
#[derive(Debug, Default)]
struct Groups {
    file: Option<usize>,
    line: Option<usize>,
    text: Option<usize>,
}

#[derive(Debug)]
struct Rule {
    file: Option<Regex>,
    text: Option<Regex>,
    first: Option<u64>,
    last: Option<u64>,
}

impl Warnings {
    /// An error is a clause for the user; the master has looked at the expressions before.
    pub(super) fn new(observe: &Observe) -> Result<Self, String> {
        let regex = |text: &str| {
            Regex::new(text).map_err(|error| format!("`{text}` is no expression here: {error}"))
        };
        let pattern = regex(&observe.warning_pattern)?;
        let rule = |it: &Suppression| -> Result<Rule, String> {
            let file = it.file.as_ref().map(|text| regex(&format!("^(?:{text})"))).transpose()?;
            let text = it.text.as_deref().map(regex).transpose()?;
            Ok(Rule { file, text, first: it.first, last: it.last })
        };
        Ok(Self {
            groups: Groups::of(&pattern),
            suppressions: observe.suppressions.iter().map(rule).collect::<Result<_, _>>()?,
            pattern,
            lines: BTreeMap::new(),
            count: 0,
            copies: !observe.warning_log.is_empty(),
            copied: 0,
        })
    }

    /// Takes what a log grew by; gives what its log of warnings grows by.
    pub(super) fn feed(&mut self, log: usize, stream: Stream, bytes: &[u8]) -> Option<Vec<u8>> {
        let mut lines = self.lines.remove(&(log, stream == Stream::Err)).unwrap_or_default();
        let mut copy = Vec::new();
        lines.feed(bytes, |line| self.line(line, &mut copy));
        self.lines.insert((log, stream == Stream::Err), lines);
        (!copy.is_empty()).then_some(copy)
    }

    /// The logs have ended.
    pub(super) fn end(&mut self) -> Option<Vec<u8>> {
        let mut copy = Vec::new();
        for (_, mut lines) in std::mem::take(&mut self.lines) {
            lines.end(|line| self.line(line, &mut copy));
        }
        (!copy.is_empty()).then_some(copy)
    }

    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    fn line(&mut self, line: &[u8], copy: &mut Vec<u8>) {
        if !self.is_warning(line) {
            return;
        }
        self.count += 1;
        if self.copies && self.copied + line.len() < MAX_LOG_BYTES {
            self.copied += line.len() + 1;
            copy.extend_from_slice(line);
            copy.push(b'\n');
        }
    }

    fn is_warning(&self, line: &[u8]) -> bool {
        // Without rules nobody needs to know what the groups say, which costs more.
        if self.suppressions.is_empty() {
            return self.pattern.is_match(line);
        }
        let Some(found) = self.pattern.captures(line) else { return false };
        !self.suppressions.iter().any(|rule| rule.fits(line, &found, &self.groups))
    }
}

impl Groups {
    fn of(pattern: &Regex) -> Self {
        let named = |name: &str| pattern.capture_names().position(|it| it == Some(name));
        let groups = Self { file: named("file"), line: named("line"), text: named("text") };
        let none = groups.file.is_none() && groups.line.is_none() && groups.text.is_none();
        if none && pattern.captures_len() == 4 {
            return Self { file: Some(1), line: Some(2), text: Some(3) };
        }
        groups
    }
}

impl Rule {
    /// Everything that is given fits; what the line does not tell fits nothing.
    fn fits(&self, line: &[u8], found: &Captures<'_>, groups: &Groups) -> bool {
        let group = |at: Option<usize>| at.and_then(|at| found.get(at)).map(|it| it.as_bytes());
        let file = group(groups.file);
        let text = group(groups.text).unwrap_or(line);
        let number = group(groups.line)
            .and_then(|number| std::str::from_utf8(number).ok())
            .and_then(|number| number.trim().parse::<u64>().ok());
        let is = |regex: &Regex, text: Option<&[u8]>| text.is_some_and(|text| regex.is_match(text));
        self.file.as_ref().is_none_or(|regex| is(regex, file))
            && self.text.as_ref().is_none_or(|regex| is(regex, Some(text)))
            && self.first.is_none_or(|first| number.is_some_and(|number| number >= first))
            && self.last.is_none_or(|last| number.is_some_and(|number| number <= last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(file: &str, text: &str, lines: Option<(u64, u64)>) -> Suppression {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Suppression {
            file: some(file),
            text: some(text),
            first: lines.map(|lines| lines.0),
            last: lines.map(|lines| lines.1),
        }
    }

    fn counted(pattern: &str, suppressions: Vec<Suppression>, output: &str) -> (u64, String) {
        let observe = Observe {
            warning_pattern: pattern.into(),
            warning_log: "warnings".into(),
            suppressions,
            ..Observe::default()
        };
        let mut warnings = Warnings::new(&observe).unwrap();
        let mut copy = warnings.feed(0, Stream::Out, output.as_bytes()).unwrap_or_default();
        copy.extend(warnings.end().unwrap_or_default());
        (warnings.count(), String::from_utf8(copy).unwrap())
    }

    const GCC: &str = r"^(?P<file>[^:]+):(?P<line>\d+):(?:\d+:)? warning: (?P<text>.*)";
    const OUTPUT: &str = "cc -c a.c\n\
        src/a.c:3:1: warning: unused variable 'x' [-Wunused]\n\
        src/a.c:30:1: warning: comparison of integers\n\
        lib/b.c:7: warning: unused variable 'y' [-Wunused]\r\n\
        nothing here: no warning\n\
        lib/b.c:8: warning: the last, not ended";

    #[test]
    fn warnings_are_counted_and_copied() {
        let (count, copy) = counted(GCC, Vec::new(), OUTPUT);
        assert_eq!(count, 4);
        assert_eq!(copy.lines().count(), 4);
        assert!(copy.ends_with("the last, not ended\n"));
        assert_eq!(counted("warning", Vec::new(), OUTPUT).0, 5);
    }

    /// F19: `(file_re, text_re, first, last)`.
    #[test]
    fn everything_given_must_fit() {
        for (suppression, left) in [
            (rule("src/", "", None), 2),
            (rule("a\\.c", "", None), 4),
            (rule("", "unused", None), 2),
            (rule("lib/", "unused", None), 3),
            (rule("", "", Some((1, 8))), 1),
            (rule("src/", "", Some((10, 40))), 3),
            (rule("src/", "unused", Some((10, 40))), 4),
        ] {
            assert_eq!(counted(GCC, vec![suppression.clone()], OUTPUT).0, left, "{suppression:?}");
        }
        let both = vec![rule("src/", "", None), rule("", "unused", None)];
        assert_eq!(counted(GCC, both, OUTPUT).0, 1);
    }

    #[test]
    fn three_groups_are_file_line_and_text() {
        let pattern = r"^(.*):(\d+): warning: (.*)$";
        let output = "b.c:7: warning: unused\nb.c:9: warning: else\n";
        assert_eq!(counted(pattern, vec![rule("", "^unused", None)], output).0, 1);
        assert_eq!(counted(pattern, vec![rule("b", "", Some((9, 9)))], output).0, 1);
        // One group is no file.
        assert_eq!(counted("(warning)", vec![rule("warning", "", None)], output).0, 2);
    }

    #[test]
    fn streams_and_logs_do_not_mix() {
        let observe = Observe { warning_pattern: "^warning".into(), ..Observe::default() };
        let mut warnings = Warnings::new(&observe).unwrap();
        for (log, stream) in [(0, Stream::Out), (0, Stream::Err), (1, Stream::Out)] {
            warnings.feed(log, stream, b"warn");
        }
        for (log, stream) in [(0, Stream::Out), (0, Stream::Err), (1, Stream::Out)] {
            assert_eq!(warnings.feed(log, stream, b"ing: x\n"), None, "no log was asked for");
        }
        assert_eq!(warnings.count(), 3);
    }
}
