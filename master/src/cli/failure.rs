//! How the binary's own commands fail: three lines and an exit code (`cli.md`).

use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

/// The longest line told; what is cut away is foreign text in all cases.
const LINE_MAX_CHARS: usize = 600;

/// A failure for people: what went wrong and where, why, what to try; and the exit code.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Failure {
    code: u8,
    what: String,
    why: String,
    hint: String,
}

impl Failure {
    /// A mistake in the command line or the configuration: 2.
    pub(crate) fn usage(what: impl Into<String>) -> Self {
        Self::new(2, what)
    }

    /// Nobody answers: 4.
    #[cfg(feature = "console")]
    pub(crate) fn unreachable(what: impl Into<String>) -> Self {
        Self::new(4, what)
    }

    /// Linn's own mistake or the machine's: 5.
    pub(crate) fn internal(what: impl Into<String>) -> Self {
        Self::new(5, what)
    }

    /// With an exit code of `cli.md`; `what` is a fragment in lower case without a full stop.
    pub(crate) fn new(code: u8, what: impl Into<String>) -> Self {
        Self { code, what: what.into(), why: String::new(), hint: String::new() }
    }

    /// Adds the reason.
    #[must_use]
    pub(crate) fn why(mut self, why: impl Into<String>) -> Self {
        self.why = why.into();
        self
    }

    /// Adds what to try.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    /// Tells it on standard error and gives the exit code.
    pub(crate) fn tell(&self) -> ExitCode {
        say(&self.to_string());
        ExitCode::from(self.code)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.what)?;
        for (label, text) in [("why", &self.why), ("try", &self.hint)] {
            if !text.is_empty() {
                write!(f, "\n{label}: {text}")?;
            }
        }
        Ok(())
    }
}

/// An error with all its causes, as a reason: `a: b: c`.
#[cfg(feature = "console")]
pub(crate) fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        // Some errors repeat their cause in their own sentence.
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

/// Lines for the person, on standard error. Whether they arrive changes nothing.
pub(crate) fn say(text: &str) {
    let mut err = io::stderr().lock();
    for line in text.lines() {
        let _ = writeln!(err, "{}", shown(line));
    }
    let _ = err.flush();
}

/// A line of data on standard output.
///
/// # Errors
/// When nobody reads it any more, or it cannot be written.
#[cfg(feature = "master")]
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for line in text.lines() {
        writeln!(out, "{}", shown(line))?;
    }
    out.flush()
}

/// The line without anything that a terminal acts on: words of a repository or a command line may be in it (D10).
pub(crate) fn shown(line: &str) -> String {
    let steers = |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    line.chars()
        .take(LINE_MAX_CHARS)
        .map(|c| if c == '\t' { ' ' } else { c })
        .map(|c| if c.is_control() || steers(c) { '\u{fffd}' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_lines() {
        let failure = Failure::new(3, "no such thing").why("it is gone").hint("make one");
        assert_eq!(failure.to_string(), "error: no such thing\nwhy: it is gone\ntry: make one");
        assert_eq!(Failure::usage("x").to_string(), "error: x");
    }

    #[test]
    fn lines_cannot_steer_a_terminal() {
        assert_eq!(shown("a\u{1b}[2J\u{202e}b\tc"), "a\u{fffd}[2J\u{fffd}b c");
        assert_eq!(shown(&"x".repeat(10_000)).len(), LINE_MAX_CHARS);
    }
}
