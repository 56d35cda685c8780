//! The vocabulary of states (console.md B) and the lines and blocks everything is drawn with, in Unicode and ASCII.
//!
//! Shape before colour: every state has a glyph, a letter and a word, so a screen without colour loses nothing.

use linn_proto::{
    common::Results,
    entity::{Build, BuildState, Step, StepState},
};

/// What a thing is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum State {
    Failure,
    Exception,
    Warnings,
    Retry,
    Lost,
    Never,
    Locked,
    Queued,
    Running,
    Paused,
    Cancelled,
    Skipped,
    Success,
}

impl State {
    /// The word people read.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Failure => "FAIL",
            Self::Exception => "EXC",
            Self::Warnings => "warn",
            Self::Retry => "retry",
            Self::Lost => "lost",
            Self::Never => "never",
            Self::Locked => "lock",
            Self::Queued => "wait",
            Self::Running => "run",
            Self::Paused => "paused",
            Self::Cancelled => "cancel",
            Self::Skipped => "skip",
            Self::Success => "ok",
        }
    }

    /// Whether somebody should look at it.
    pub(crate) fn is_red(self) -> bool {
        matches!(self, Self::Failure | Self::Exception)
    }

    /// The state of something that ended so. `None`: it did not end.
    pub(crate) fn of_results(results: Results) -> Option<Self> {
        Some(match results {
            Results::Unspecified => return None,
            Results::Success => Self::Success,
            Results::Warnings => Self::Warnings,
            Results::Failure => Self::Failure,
            Results::Skipped => Self::Skipped,
            Results::Exception => Self::Exception,
            Results::Retry => Self::Retry,
            Results::Cancelled => Self::Cancelled,
        })
    }

    /// The state of a build.
    pub(crate) fn of_build(build: &Build) -> Self {
        match build.state() {
            BuildState::Finished => Self::of_results(build.results()).unwrap_or(Self::Exception),
            _ if build.worker_lost => Self::Lost,
            _ => Self::Running,
        }
    }

    /// The state of a step.
    pub(crate) fn of_step(step: &Step) -> Self {
        match step.state() {
            StepState::Finished => Self::of_results(step.results()).unwrap_or(Self::Exception),
            StepState::Running => Self::Running,
            StepState::Pending | StepState::Waiting | StepState::Unspecified => Self::Queued,
        }
    }

    /// The word of the command line's results, as a result of a whole build.
    pub(crate) fn upper(self) -> &'static str {
        match self {
            Self::Failure => "FAILURE",
            Self::Exception => "EXCEPTION",
            Self::Warnings => "WARNINGS",
            Self::Retry => "RETRY",
            Self::Cancelled => "CANCELLED",
            Self::Skipped => "SKIPPED",
            Self::Success => "SUCCESS",
            Self::Running => "RUNNING",
            Self::Lost => "WORKER LOST",
            Self::Never => "NEVER BUILT",
            Self::Locked | Self::Queued => "WAITING",
            Self::Paused => "PAUSED",
        }
    }
}

/// One set of characters. Everything the console draws by itself comes from here.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Glyphs {
    pub(crate) ascii: bool,
    pub(crate) horizontal: &'static str,
    pub(crate) vertical: &'static str,
    /// Top left, top right, bottom left, bottom right.
    pub(crate) corners: [&'static str; 4],
    /// Rule between groups of a list.
    pub(crate) dashes: &'static str,
    /// Between crumbs.
    pub(crate) crumb: &'static str,
    /// Cut here.
    pub(crate) more: &'static str,
    /// Follows now: on top, at the bottom.
    pub(crate) now_up: &'static str,
    pub(crate) now_down: &'static str,
    /// Forecast bar.
    pub(crate) forecast: &'static str,
    /// Bar of a build that passed, warned, failed, runs, was lost or cancelled.
    pub(crate) bars: [&'static str; 5],
    /// Full block, and its eighths from one to seven; ASCII has only the full one.
    pub(crate) block: &'static str,
    pub(crate) eighths: [&'static str; 7],
    /// The empty part of a bar, and of the map of a log.
    pub(crate) empty: &'static str,
    pub(crate) shade: &'static str,
    /// Wrapped line goes on.
    pub(crate) wrapped: &'static str,
    /// Between facts in one line.
    pub(crate) dot: &'static str,
    /// Points at something.
    pub(crate) points: &'static str,
    /// Idle rows were folded.
    pub(crate) fold: &'static str,
}

/// For terminals with Unicode.
pub(crate) static UNICODE: Glyphs = Glyphs {
    ascii: false,
    horizontal: "─",
    vertical: "│",
    corners: ["┌", "┐", "└", "┘"],
    dashes: "┄",
    crumb: "▸",
    more: "…",
    now_up: "now↑",
    now_down: "now↓",
    forecast: "╎",
    bars: ["│", "┆", "█", "║", "╎"],
    block: "█",
    eighths: ["▏", "▎", "▍", "▌", "▋", "▊", "▉"],
    empty: "░",
    shade: "░",
    wrapped: "↪",
    dot: "·",
    points: "◄",
    fold: "···",
};

/// For the others.
pub(crate) static ASCII: Glyphs = Glyphs {
    ascii: true,
    horizontal: "-",
    vertical: "|",
    corners: ["+", "+", "+", "+"],
    dashes: "-",
    crumb: ">",
    more: "~",
    now_up: "now^",
    now_down: "now_",
    forecast: "'",
    bars: ["|", ":", "#", "!", "'"],
    block: "#",
    eighths: [" ", " ", " ", "#", "#", "#", "#"],
    empty: ".",
    shade: ".",
    wrapped: ">",
    dot: "-",
    points: "<",
    fold: "...",
};

impl Glyphs {
    /// The glyph of a state.
    pub(crate) fn state(&self, state: State) -> &'static str {
        let (unicode, ascii) = match state {
            State::Success => ("✓", "."),
            State::Warnings => ("!", "!"),
            State::Failure => ("✗", "X"),
            State::Exception => ("E", "E"),
            State::Retry => ("R", "R"),
            State::Cancelled => ("C", "C"),
            State::Skipped => ("-", "-"),
            State::Running => ("►", ">"),
            State::Queued => ("◦", "o"),
            State::Locked => ("⧗", "L"),
            State::Lost => ("⌁", "?"),
            State::Never => ("∅", "_"),
            State::Paused => ("P", "P"),
        };
        if self.ascii { ascii } else { unicode }
    }

    /// The bar of a build in this state.
    pub(crate) fn bar(&self, state: State) -> &'static str {
        let [passed, warned, failed, runs, gone] = self.bars;
        match state {
            State::Success => passed,
            State::Warnings => warned,
            State::Failure | State::Exception => failed,
            State::Running => runs,
            _ => gone,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use unicode_width::UnicodeWidthStr;

    use super::*;

    const ALL: [State; 13] = [
        State::Failure,
        State::Exception,
        State::Warnings,
        State::Retry,
        State::Lost,
        State::Never,
        State::Locked,
        State::Queued,
        State::Running,
        State::Paused,
        State::Cancelled,
        State::Skipped,
        State::Success,
    ];

    #[test]
    fn states_differ_in_shape_and_take_one_cell() {
        for glyphs in [&UNICODE, &ASCII] {
            let shapes: BTreeSet<&str> = ALL.iter().map(|state| glyphs.state(*state)).collect();
            assert_eq!(shapes.len(), ALL.len());
            assert!(shapes.iter().all(|shape| shape.width() == 1));
        }
        assert!(ALL.iter().all(|state| ASCII.state(*state).is_ascii()));
    }

    #[test]
    fn bars_differ_in_shape() {
        for glyphs in [&UNICODE, &ASCII] {
            assert_eq!(glyphs.bars.iter().collect::<BTreeSet<_>>().len(), 5);
        }
    }
}
