//! The few colours and glyphs of the scripting commands: for terminals, each colour with a sign of its own beside it.

use linn_proto::common::Results;

/// What a piece of text means; the colour follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// As it is.
    Plain,
    /// Headings.
    Strong,
    /// Of lesser weight.
    Dim,
    /// Went well.
    Good,
    /// Went well with warnings.
    Warn,
    /// Failed.
    Bad,
    /// Nobody's fault: exception, retry, cancelled.
    Odd,
    /// Happening now.
    Live,
}

impl Tone {
    /// The text in its colour.
    pub(crate) fn paint(self, text: &str) -> String {
        let code = match self {
            Self::Plain => return text.to_owned(),
            Self::Strong => "1",
            Self::Dim => "2",
            Self::Good => "32",
            Self::Warn => "33",
            Self::Bad => "31",
            Self::Odd => "35",
            Self::Live => "36",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

/// The upper-case word of a result; none while it is open.
pub(crate) fn word(results: Results) -> Option<&'static str> {
    match results {
        Results::Unspecified => None,
        Results::Success => Some("SUCCESS"),
        Results::Warnings => Some("WARNINGS"),
        Results::Failure => Some("FAILURE"),
        Results::Skipped => Some("SKIPPED"),
        Results::Exception => Some("EXCEPTION"),
        Results::Retry => Some("RETRY"),
        Results::Cancelled => Some("CANCELLED"),
    }
}

/// The tone of a result; open things are live.
pub(crate) fn tone(results: Results) -> Tone {
    match results {
        Results::Unspecified => Tone::Live,
        Results::Success => Tone::Good,
        Results::Warnings => Tone::Warn,
        Results::Failure => Tone::Bad,
        Results::Skipped => Tone::Dim,
        Results::Exception | Results::Retry | Results::Cancelled => Tone::Odd,
    }
}

/// One cell that stands for a result: a glyph, or a letter where glyphs are not welcome.
pub(crate) fn glyph(results: Results, rich: bool) -> char {
    match (results, rich) {
        (Results::Unspecified, true) => '►',
        (Results::Unspecified, false) => '>',
        (Results::Success, true) => '✓',
        (Results::Success, false) => '.',
        (Results::Warnings, _) => '!',
        (Results::Failure, true) => '✗',
        (Results::Failure, false) => 'X',
        (Results::Skipped, _) => '-',
        (Results::Exception, _) => 'E',
        (Results::Retry, _) => 'R',
        (Results::Cancelled, _) => 'C',
    }
}
