//! What readers of logs ask and get: lines, lengths, windows, hits, marks.

use linn_core::time::Timestamp;

/// Where bytes of a log came from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Stream {
    /// Standard output, or both merged.
    #[default]
    Out,
    /// Standard error, where the step keeps the two apart.
    Err,
}

/// How long a log is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Lengths {
    /// Bytes taken in, durable or not.
    pub bytes: u64,
    /// Lines; an unended last one counts.
    pub lines: u64,
    /// Settled: nothing more comes. Only known for logs that were settled since the master started, and for sealed
    /// ones; what the state says of a log (`Log::complete`) counts as well.
    pub complete: bool,
}

/// What became of an append.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Appended {
    /// How long the log is now.
    pub length: u64,
    /// How much of it would survive a power cut: the worker may forget below it.
    pub durable_to: u64,
    /// The append began beyond the length and was not taken: send from here.
    pub expected: Option<u64>,
}

/// A log at its end, all of it durable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Settled {
    /// Its final length.
    pub bytes: u64,
    /// Its lines; an unended last one counts.
    pub lines: u64,
    /// Length and digest are what the worker said (I6). When not, what is stored is kept as it is.
    pub intact: bool,
}

/// A line of a log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// From 1.
    pub number: u64,
    /// When its first byte was read; `None`: unknown.
    pub at: Option<Timestamp>,
    /// Raw, without the newline; the first [`super::MAX_TEXT`] bytes when `cut`.
    pub text: Vec<u8>,
    /// The line is longer than its text.
    pub cut: bool,
    /// Its first byte came on standard error.
    pub err: bool,
}

/// Where a window begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Start {
    /// At this line: from 1; negative from the end, where -1 is the last line; 0 as 1.
    Line(i64),
    /// At the first line that began at or after this time.
    At(Timestamp),
}

/// Some lines of a log.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Window {
    /// In order, without gaps. May be fewer than asked for: at most [`super::MAX_LINES`] lines and about
    /// [`super::MAX_WINDOW`] bytes.
    pub lines: Vec<Line>,
    /// Of the whole log, when the window was read.
    pub lengths: Lengths,
}

/// One message of a search: a hit, or how far it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    /// A line that matches; `None`: progress only.
    pub line: Option<Line>,
    /// The line reached, in the direction of the search.
    pub searched_to: u64,
    /// The search is over: everything was looked at, or the limit is reached.
    pub done: bool,
}

/// The lines of a log that look like errors and warnings.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Marks {
    /// Line numbers, ascending: all, or the first and the last [`super::MAX_MARKS`].
    pub errors: Vec<u64>,
    /// The same for warnings. A line with an error is not among them.
    pub warnings: Vec<u64>,
    /// The line up to which marks are known.
    pub marked_to: u64,
}
