//! The log pane of a build: the last lines of what runs, or the lines at the first error of what broke.

use linn_proto::console::{LogLines, LogMarksReply};

use crate::{
    command::Command,
    logs::{LogBuffer, LogRef, Purpose, Spot},
    model::{Model, Out},
    refusal::Refusal,
};

/// Lines fetched: more than any pane shows.
const LINES: u32 = 60;
/// Lines shown before an error.
const BEFORE: u64 = 2;

/// The pane's lines.
#[derive(Clone, Debug)]
pub(crate) struct Tail {
    pub(crate) buffer: LogBuffer,
    spot: Spot,
    /// The line that stands at the top; the end is shown without one.
    pub(crate) anchor: Option<u64>,
    pub(crate) errors: usize,
    pub(crate) trouble: Option<String>,
}

/// Aims the pane at a log; nothing happens while it stays the same.
pub(crate) fn aim(
    tail: &mut Option<Tail>,
    target: Option<(LogRef, Spot)>,
    live: bool,
    out: &mut Out,
) {
    let Some((log, spot)) = target else {
        if tail.take().is_some() {
            out.push(Command::Unfollow);
        }
        return;
    };
    let same = tail.as_ref().is_some_and(|tail| tail.buffer.log == log && tail.spot == spot);
    if same || !live {
        return;
    }
    let kept = tail.take().filter(|tail| tail.buffer.log == log);
    let buffer = kept.map_or_else(|| LogBuffer::new(log.clone()), |tail| tail.buffer);
    *tail = Some(Tail { buffer, spot, anchor: None, errors: 0, trouble: None });
    match spot {
        Spot::Follow => out.push(Command::Follow { log, from: -i64::from(LINES) }),
        Spot::End | Spot::FirstError => {
            out.push(Command::Unfollow);
            if spot == Spot::FirstError {
                out.push(Command::Marks { log: log.clone() });
            }
            let from = -i64::from(LINES);
            out.push(Command::ReadLog {
                log,
                purpose: Purpose::Tail,
                from,
                lines: LINES,
                at_ms: None,
            });
        }
    }
}

fn tail_of<'a>(model: &'a mut Model, log: &LogRef) -> Option<&'a mut Tail> {
    model.build.as_mut()?.tail.as_mut().filter(|tail| &tail.buffer.log == log)
}

/// A window of lines came.
pub(crate) fn lines(model: &mut Model, log: &LogRef, result: Result<LogLines, Refusal>) {
    let Some(tail) = tail_of(model, log) else { return };
    match result {
        Ok(lines) => {
            let around = tail.anchor.unwrap_or(u64::MAX);
            tail.buffer.insert(lines, around);
            tail.trouble = None;
        }
        Err(refusal) => tail.trouble = Some(refusal.sentence),
    }
}

/// New lines came.
pub(crate) fn followed(model: &mut Model, log: &LogRef, lines: LogLines) {
    if let Some(tail) = tail_of(model, log) {
        tail.buffer.insert(lines, u64::MAX);
    }
}

/// Following ended: with the log, or with the link, after which the pane is aimed anew.
pub(crate) fn follow_ended(model: &mut Model, log: &LogRef) {
    if let Some(tail) = tail_of(model, log) {
        tail.buffer.known = true;
    }
}

/// The errors came: the pane goes to the first.
pub(crate) fn marks(
    model: &mut Model,
    log: &LogRef,
    result: Result<LogMarksReply, Refusal>,
    out: &mut Out,
) {
    let Some(tail) = tail_of(model, log) else { return };
    let Ok(marks) = result else { return };
    tail.errors = marks.errors.len();
    if let Some(first) = marks.errors.first() {
        let from = first.saturating_sub(BEFORE).max(1);
        tail.anchor = Some(from);
        let from = i64::try_from(from).unwrap_or(i64::MAX);
        out.push(Command::ReadLog {
            log: log.clone(),
            purpose: Purpose::Tail,
            from,
            lines: LINES,
            at_ms: None,
        });
    }
}
