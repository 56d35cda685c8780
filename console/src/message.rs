//! Everything that can happen to a console, in one type: the loop puts all of it into one order.

use crossterm::event::KeyEvent;
use linn_proto::{
    console::{LogHit, LogLines, LogMarksReply},
    control::Accepted,
    entity::Build,
};

use crate::{
    link::LinkEvent,
    logs::{LogRef, Purpose},
    notice::Ring,
    refusal::Refusal,
    replica::BuildRef,
};

/// Something that happened.
#[derive(Debug)]
pub(crate) enum Message {
    /// The local clock, milliseconds since the epoch. The loop says it before each batch of other messages.
    Tick(i64),
    /// A key was pressed.
    Key(KeyEvent),
    /// Text was pasted.
    Paste(String),
    /// The terminal has another size: columns, rows.
    Resize(u16, u16),
    /// The terminal has or lost the focus.
    Focus(bool),
    /// The link.
    Link(LinkEvent),
    /// A window of lines came.
    Lines { log: LogRef, purpose: Purpose, result: Result<LogLines, Refusal> },
    /// New lines of the log that is followed.
    Followed { log: LogRef, lines: LogLines },
    /// Following ended: the log is complete (`None`) or it broke.
    FollowEnded { log: LogRef, broke: Option<Refusal> },
    /// A step of a search. `run` tells searches of one log apart.
    Hit { log: LogRef, run: u64, hit: LogHit },
    /// A search ended.
    SearchEnded { log: LogRef, run: u64, result: Result<(), Refusal> },
    /// Where the errors are.
    Marks { log: LogRef, result: Result<LogMarksReply, Refusal> },
    /// One build, whole.
    Whole { build: BuildRef, result: Result<Box<Build>, Refusal> },
    /// An action was answered.
    Acted { request_id: String, result: Result<Accepted, Refusal> },
    /// A log was saved: where and how many bytes, or why not.
    Saved { log: LogRef, result: Result<(String, u64), String> },
    /// The desktop took no notice: ring the terminal.
    Undelivered(Ring),
    /// The process is asked to end (TERM, HUP).
    Terminate,
}
