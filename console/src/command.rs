//! What `update` wants done at the edges. Nothing here is done by `update` itself.

use crate::{
    act::Deed,
    link::LinkOrder,
    logs::{LogRef, Purpose},
    notice::Ring,
    options::ExitReason,
    replica::BuildRef,
};

/// An order to an edge.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Command {
    /// Fetch a window of lines. `from` is 1-based; negative counts from the end. `at_ms` goes by time instead.
    ReadLog { log: LogRef, purpose: Purpose, from: i64, lines: u32, at_ms: Option<i64> },
    /// Follow one log from this line on; ends following any other.
    Follow { log: LogRef, from: i64 },
    /// Follow nothing.
    Unfollow,
    /// Search one log in one direction; a new run ends all searches of earlier runs.
    Search {
        log: LogRef,
        run: u64,
        pattern: String,
        literal: bool,
        ignore_case: bool,
        from: u64,
        backward: bool,
    },
    /// Where are the errors?
    Marks { log: LogRef },
    /// One build with its properties.
    Whole { build: BuildRef },
    /// Change something.
    Act { request_id: String, deed: Deed },
    /// Save a whole log to a new file.
    Save { log: LogRef, path: String },
    /// Ring the desktop.
    Ring(Ring),
    /// Ring the terminal.
    RingTerminal(Ring),
    /// To the link.
    Link(LinkOrder),
    /// Draw everything anew.
    Repaint,
    /// Give the terminal to the shell until `fg`.
    Suspend,
    /// Leave.
    Exit(ExitReason),
}
