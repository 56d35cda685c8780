//! `linn log`: a step's log, a window of it, what matches in it, its exact bytes, or all that is still to come.
//!
//! `--raw` is byte-exact (C16) and alone unsafe, so it does not go to a terminal unasked. All other ways go line by line
//! through [`print::Printer`]. A lost link is resumed at the next byte or line: nothing is missing, nothing comes twice.

mod follow;
mod grep;
mod print;
mod range;
mod raw;
mod window;

use clap::Args;
use regex::bytes::Regex;

use self::print::Printer;
use self::range::Range;
use super::Done;
use super::session::Door;
use crate::client::{ClientError, LogRef};

pub(crate) const EXAMPLE: &str = "Example:\n  \
    linn log linux#42/test -f\n  \
    linn log linux#42/test/stdio --lines 100:120\n  \
    linn log linux/test --grep 'error(\\[|:)' -n\n  \
    linn log linux#42/test --raw | sha256sum";

/// `linn log`.
#[derive(Debug, Args)]
pub struct ShowLog {
    /// BUILD/STEP[/LOG]; STEP by name or position, LOG is stdio when left out
    #[arg(value_name = "LOG")]
    log: String,
    /// Go on as it grows, until it is complete
    #[arg(short, long)]
    follow: bool,
    /// Lines A to B, both included, the first is 1; either may be left out
    #[arg(long, value_name = "A:B", conflicts_with_all = ["tail", "raw"])]
    lines: Option<Range>,
    /// The last N lines
    #[arg(long, value_name = "N", conflicts_with = "raw")]
    tail: Option<u64>,
    /// Only the lines that match
    #[arg(long, value_name = "REGEX", conflicts_with = "raw")]
    grep: Option<String>,
    /// Begin each line with its number
    #[arg(short = 'n', long = "number", conflicts_with = "raw")]
    numbers: bool,
    /// Begin each line with the time at which it was printed
    #[arg(long, conflicts_with = "raw")]
    timestamps: bool,
    /// Exactly the bytes that were printed
    #[arg(long)]
    raw: bool,
    /// With --raw: even to a terminal, which obeys whatever the bytes say
    #[arg(long, requires = "raw")]
    to_terminal: bool,
}

pub(crate) async fn run(show: ShowLog, at: Door<'_>) -> Done {
    let log: LogRef = show.log.parse()?;
    let pattern = show.grep.as_deref().map(pattern).transpose()?;
    if show.raw && at.global.json {
        return Err(ClientError::usage("--raw and --json exclude each other")
            .why("raw bytes are no JSON")
            .into());
    }
    if show.raw && at.io.terminal && !show.to_terminal {
        return Err(ClientError::usage("--raw does not write to a terminal")
            .why("the bytes of a build can do anything to it that it obeys")
            .hint("pipe them, redirect them to a file, or add --to-terminal")
            .into());
    }
    let mut session = at.open().await?;
    let session = &mut session;
    let log = session.pinned_log(log).await?.to_string();
    if show.raw {
        return raw::run(session, log, show.follow).await;
    }
    let printer = Printer {
        json: session.json,
        colour: session.io.rich,
        numbers: show.numbers,
        timestamps: show.timestamps,
    };
    let want = match (show.lines, show.tail) {
        (Some(range), _) => Want::Lines(range),
        (None, Some(count)) => Want::Tail(count),
        (None, None) => Want::All,
    };
    match pattern {
        _ if show.follow => follow::run(session, log, want, pattern.as_ref(), &printer).await,
        Some(_) => grep::run(session, log, want, &show.grep.unwrap_or_default(), &printer).await,
        None => window::run(session, log, want, &printer).await,
    }
}

/// Which lines are wanted.
#[derive(Debug, Clone, Copy)]
enum Want {
    All,
    Lines(Range),
    Tail(u64),
}

impl Want {
    /// The lines of a log that has `total` now.
    fn of(self, total: u64) -> Range {
        match self {
            Self::All => Range::ALL,
            Self::Lines(range) => range,
            Self::Tail(count) => Range::last(count, total),
        }
    }

    /// Header and footer belong to the whole log, not to a piece of it.
    fn is_whole(self) -> bool {
        matches!(self, Self::All)
    }
}

/// Looked at here as well as on the master, so that a mistake is told before anything is asked.
fn pattern(text: &str) -> Result<Regex, ClientError> {
    Regex::new(text).map_err(|error| {
        ClientError::usage(format!("`{text}` is no regular expression (--grep)"))
            .why(error.to_string())
    })
}
