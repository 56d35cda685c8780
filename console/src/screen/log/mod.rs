//! A log (C5): any size, in windows. It follows, goes to lines and times, walks errors and matches.
//!
//! Only what is around the shown place is held; what is missing is asked for, one window at a time. An unended log is
//! always followed, so the count of new lines is true while the person looks elsewhere in it.

pub(crate) mod go;
pub(crate) mod search;
pub(crate) mod stamps;
pub(crate) mod view;

use linn_proto::console::{LogLines, LogMarksReply};

use crate::{
    command::Command,
    glyph::State,
    logs::{LogBuffer, LogRef, Purpose, Spot},
    model::{Model, Out, Place},
    navigate,
    popup::Popup,
    refusal::Refusal,
    registry::ActionId,
    replica::reference,
    time, words,
};
use search::Search;
use stamps::Stamps;

/// Lines asked for at once.
const WINDOW: u32 = 256;
/// A window that failed is asked for again after so long, in ms.
const AGAIN_MS: i64 = 1_000;

/// The state of the screen.
#[derive(Clone, Debug)]
pub(crate) struct LogScreen {
    pub(crate) buffer: LogBuffer,
    /// Where to go once the answer to that is there.
    spot: Option<Spot>,
    /// The first shown line, while not following.
    pub(crate) top: u64,
    /// Cells scrolled to the right.
    pub(crate) left: u16,
    /// The newest line is at the foot.
    pub(crate) follow: bool,
    /// The stream of new lines is open.
    streaming: bool,
    /// Lines there were when following was left: later ones are new.
    pub(crate) seen: u64,
    pub(crate) wrap: bool,
    pub(crate) stamps: Stamps,
    /// The line gone to.
    pub(crate) current: Option<u64>,
    pub(crate) marks: Option<LogMarksReply>,
    /// Where to go when marks come: forwards or backwards.
    step: Option<isize>,
    pub(crate) search: Option<Search>,
    pub(crate) runs: u64,
    asked: bool,
    /// A window is under way.
    window: bool,
    again_ms: i64,
    pub(crate) trouble: Option<String>,
}

impl LogScreen {
    pub(crate) fn new(log: LogRef, spot: Spot, times: bool) -> Self {
        Self {
            buffer: LogBuffer::new(log),
            spot: Some(spot),
            top: 1,
            left: 0,
            follow: spot == Spot::Follow,
            streaming: false,
            seen: 0,
            wrap: false,
            stamps: if times { Stamps::Local } else { Stamps::Off },
            current: None,
            marks: None,
            step: None,
            search: None,
            runs: 0,
            asked: false,
            window: false,
            again_ms: 0,
            trouble: None,
        }
    }

    /// The first line that can stand at the top.
    fn last_top(&self, rows: u64) -> u64 {
        (self.buffer.total_lines + 1).saturating_sub(rows).max(1)
    }

    /// To a line: a third of the screen stands above it.
    pub(crate) fn jump(&mut self, line: u64, rows: u64) {
        let line = line.clamp(1, self.buffer.total_lines.max(1));
        self.leave_follow();
        self.spot = None;
        self.current = Some(line);
        let shown = self.top..self.top + rows;
        // Near ones do not move the text under the eyes.
        if !shown.contains(&line) || line + 1 == shown.end {
            self.top = line.saturating_sub(rows / 3).clamp(1, self.last_top(rows));
        }
    }

    fn leave_follow(&mut self) {
        if self.follow {
            self.follow = false;
            self.seen = self.buffer.total_lines;
        }
    }

    fn marked(&self) -> &[u64] {
        self.marks.as_ref().map_or(&[], |marks| marks.errors.as_slice())
    }
}

/// Rows of text: under the status line.
pub(crate) fn rows(model: &Model) -> u64 {
    u64::from(model.body_height().saturating_sub(1)).max(1)
}

/// On arrival (also on the way back).
pub(crate) fn arrive(model: &mut Model, out: &mut Out) {
    if let Some(screen) = model.log.as_mut() {
        screen.asked = false;
        screen.streaming = false;
        screen.window = false;
    }
    settle(model, out);
}

/// The link is back: the stream goes on behind the last line held, and an unanswered window is asked for again.
pub(crate) fn relinked(model: &mut Model, out: &mut Out) {
    if let Some(screen) = model.log.as_mut() {
        screen.asked = screen.buffer.known;
        screen.streaming = false;
        screen.window = false;
        screen.again_ms = 0;
        screen.trouble = None;
    }
    settle(model, out);
}

/// Asks for what is missing and keeps the top inside.
pub(crate) fn settle(model: &mut Model, out: &mut Out) {
    let (rows, now_ms, live) = (rows(model), model.local_ms, model.is_live());
    let Some(screen) = model.log.as_mut() else { return };
    if !live {
        return;
    }
    let log = screen.buffer.log.clone();
    if !screen.asked && now_ms >= screen.again_ms {
        screen.asked = true;
        // The totals and the end come first, whatever the spot: most logs are small.
        let from = -i64::try_from(rows.max(u64::from(WINDOW))).unwrap_or(1);
        screen.window = true;
        let lines = u32::try_from(-from).unwrap_or(WINDOW);
        out.push(Command::ReadLog {
            log: log.clone(),
            purpose: Purpose::Show,
            from,
            lines,
            at_ms: None,
        });
        out.push(Command::Marks { log });
        return;
    }
    if screen.asked && screen.buffer.known && !screen.buffer.complete && !screen.streaming {
        screen.streaming = true;
        // The last line comes again: it may have been unended.
        let from = i64::try_from(screen.buffer.total_lines.max(1)).unwrap_or(i64::MAX);
        out.push(Command::Follow { log: log.clone(), from });
    }
    if screen.follow {
        screen.top = screen.last_top(rows);
    }
    screen.top = screen.top.clamp(1, screen.buffer.total_lines.max(1));
    if screen.window || now_ms < screen.again_ms || screen.trouble.is_some() {
        return;
    }
    // What is seen first, then a page behind it and one before it where there is room for all three.
    let top = screen.top;
    let room = screen.buffer.room();
    let mut missing = screen.buffer.missing(top, top + rows);
    if missing.is_none() && room >= 3 * rows {
        missing = screen
            .buffer
            .missing(top + rows, top + 2 * rows)
            .or_else(|| screen.buffer.missing(top.saturating_sub(rows), top));
    }
    if let Some(line) = missing {
        screen.window = true;
        let from = i64::try_from(line).unwrap_or(i64::MAX);
        // Of huge lines no more than are shown.
        let lines = u32::try_from(room.max(rows)).map_or(WINDOW, |room| room.min(WINDOW));
        out.push(Command::ReadLog { log, purpose: Purpose::Show, from, lines, at_ms: None });
    }
}

fn screen_of<'a>(model: &'a mut Model, log: &LogRef) -> Option<&'a mut LogScreen> {
    model.log.as_mut().filter(|screen| &screen.buffer.log == log)
}

/// A window of lines came.
pub(crate) fn lines(
    model: &mut Model,
    log: &LogRef,
    purpose: Purpose,
    result: Result<LogLines, Refusal>,
    _out: &mut Out,
) {
    let (rows, now_ms) = (rows(model), model.local_ms);
    let Some(screen) = screen_of(model, log) else { return };
    if purpose == Purpose::Show {
        screen.window = false;
    }
    match result {
        Ok(lines) => {
            let first = lines.lines.first().map(|line| line.number);
            let last = lines.lines.last().map(|line| line.number);
            // An answer that brings nothing would be asked for for ever.
            if lines.lines.is_empty() {
                screen.again_ms = now_ms + AGAIN_MS;
            }
            let fresh = !screen.buffer.known;
            // The middle of what is shown: of huge lines little more is held than that.
            let around = match purpose {
                Purpose::Jump => first,
                _ if fresh => last,
                _ => None,
            };
            let around = around.unwrap_or(screen.top + rows / 2);
            screen.buffer.insert(lines, around);
            if fresh {
                screen.top = screen.last_top(rows);
                screen.seen = screen.buffer.total_lines;
                match screen.spot {
                    Some(Spot::Follow) => {
                        screen.follow = !screen.buffer.complete;
                        screen.spot = None;
                    }
                    Some(Spot::End) => screen.spot = None,
                    Some(Spot::FirstError) | None => first_error(screen, rows),
                }
            }
            // A shown line that could not be held beside the others would be asked for for ever, too.
            let missing = screen.buffer.missing(screen.top, screen.top + rows);
            if missing.is_some() && missing == first {
                screen.again_ms = now_ms + AGAIN_MS;
            }
            if purpose == Purpose::Jump {
                match first {
                    Some(line) => screen.jump(line, rows),
                    None => model.toast("nothing was printed at or after that time", None),
                }
            }
        }
        // What is shown stands: only the jump was not possible.
        Err(refusal) if purpose == Purpose::Jump => {
            model.toast(refusal.sentence, Some(State::Exception));
        }
        Err(refusal) if refusal.lost => screen.again_ms = now_ms + AGAIN_MS,
        Err(refusal) => screen.trouble = Some(refusal.sentence),
    }
}

/// New lines came.
pub(crate) fn followed(model: &mut Model, log: &LogRef, lines: LogLines) {
    if let Some(screen) = screen_of(model, log) {
        let around = if screen.follow { u64::MAX } else { screen.top };
        screen.buffer.insert(lines, around);
    }
}

/// The stream ended. With the log: the totals say so when they are asked for again. With the link: it is opened again
/// when that is back.
pub(crate) fn follow_ended(model: &mut Model, log: &LogRef, broke: Option<&Refusal>) {
    let now_ms = model.local_ms;
    if let Some(screen) = screen_of(model, log) {
        match broke {
            None if !screen.buffer.complete => {
                screen.asked = false;
                screen.streaming = false;
                screen.again_ms = now_ms + AGAIN_MS;
            }
            None => {}
            Some(refusal) if refusal.lost => {}
            Some(refusal) => screen.trouble = Some(refusal.sentence.clone()),
        }
    }
}

/// The errors came.
pub(crate) fn marks(
    model: &mut Model,
    log: &LogRef,
    result: Result<LogMarksReply, Refusal>,
    out: &mut Out,
) {
    let rows = rows(model);
    let Some(screen) = screen_of(model, log) else { return };
    let Ok(marks) = result else {
        screen.spot = None;
        return;
    };
    screen.marks = Some(marks);
    if screen.buffer.known {
        first_error(screen, rows);
    }
    if let Some(by) = screen.step.take() {
        error(model, by, true, out);
    }
}

/// Goes to the first error when that is what the log was opened for, and both answers are there.
fn first_error(screen: &mut LogScreen, rows: u64) {
    if screen.spot == Some(Spot::FirstError) && screen.marks.is_some() {
        screen.spot = None;
        if let Some(first) = screen.marked().first().copied() {
            screen.jump(first, rows);
        }
    }
}

/// To the next or previous error. Marks that do not reach the end are asked for again once; `fresh` ones just came.
fn error(model: &mut Model, by: isize, fresh: bool, out: &mut Out) {
    let rows = rows(model);
    let Some(screen) = model.log.as_mut() else { return };
    let stale =
        screen.marks.as_ref().is_none_or(|marks| marks.marked_to < screen.buffer.total_lines);
    let from =
        screen.current.unwrap_or(if by > 0 { screen.top.saturating_sub(1) } else { screen.top });
    let errors = screen.marked();
    let target = if by > 0 {
        errors.iter().find(|line| **line > from)
    } else {
        errors.iter().rfind(|line| **line < from)
    };
    match target.copied() {
        Some(line) => screen.jump(line, rows),
        None if stale && !fresh && by > 0 => {
            screen.step = Some(by);
            let log = screen.buffer.log.clone();
            out.push(Command::Marks { log });
        }
        None => {
            // Round and round: the walk never ends in silence.
            let around = if by > 0 { errors.first() } else { errors.last() }.copied();
            match around {
                Some(line) => {
                    screen.jump(line, rows);
                    model.toast(
                        if by > 0 { "the first error again" } else { "the last error again" },
                        None,
                    );
                }
                None => model.toast("no error was found in this log", Some(State::Success)),
            }
        }
    }
}

/// What keys do here.
pub(crate) fn act(model: &mut Model, id: ActionId, out: &mut Out) -> bool {
    let rows = rows(model);
    let half = model.size.0 / 2;
    let Some(screen) = model.log.as_mut() else { return false };
    let last = screen.last_top(rows);
    let top = if screen.follow { last } else { screen.top };
    let to = match id {
        ActionId::Up => Some(top.saturating_sub(1)),
        // At the end, going down is following.
        ActionId::Down if top + 1 > last && !screen.buffer.complete => {
            screen.follow = true;
            return true;
        }
        ActionId::Down => Some(top + 1),
        ActionId::HalfUp => Some(top.saturating_sub(rows / 2)),
        ActionId::HalfDown => Some(top + rows / 2),
        ActionId::PageUp => Some(top.saturating_sub(rows)),
        ActionId::PageDown => Some(top + rows),
        ActionId::Top => Some(1),
        _ => None,
    };
    if let Some(to) = to {
        screen.leave_follow();
        screen.spot = None;
        screen.top = to.clamp(1, last);
        return true;
    }
    match id {
        ActionId::Left => screen.left = screen.left.saturating_sub(1),
        ActionId::Right => screen.left = screen.left.saturating_add(1),
        ActionId::SideLeft => screen.left = screen.left.saturating_sub(half),
        ActionId::SideRight => screen.left = screen.left.saturating_add(half),
        ActionId::First => screen.left = 0,
        ActionId::Follow => {
            screen.spot = None;
            screen.top = last;
            screen.current = None;
            screen.follow = !screen.buffer.complete;
        }
        ActionId::NextRed => error(model, 1, false, out),
        ActionId::PreviousRed => error(model, -1, false, out),
        ActionId::NextMatch => search::walk(model, 1),
        ActionId::PreviousMatch => search::walk(model, -1),
        ActionId::Search => model.popups.push(Popup::search()),
        ActionId::Stamps => screen.stamps = screen.stamps.next(),
        ActionId::Wrap => {
            screen.wrap = !screen.wrap;
            screen.left = 0;
        }
        ActionId::Save => {
            let log = &screen.buffer.log;
            let name =
                format!("{}-{}-{}-{}.log", log.build.builder, log.build.number, log.step, log.name);
            model.popups.push(Popup::save(&name.replace(['/', ' '], "_")));
        }
        ActionId::NextLog => next_log(model, out),
        ActionId::Older => neighbour(model, -1, out),
        ActionId::Newer => neighbour(model, 1, out),
        // `l` is a move here.
        ActionId::Log => {}
        _ => return false,
    }
    true
}

/// The next log of the same step.
fn next_log(model: &mut Model, out: &mut Out) {
    let Some(log) = model.log.as_ref().map(|screen| screen.buffer.log.clone()) else { return };
    let step = model
        .replica
        .build(&log.build)
        .and_then(|build| build.steps.iter().find(|step| step.number == log.step));
    let names: Vec<String> =
        step.map_or_else(Vec::new, |step| step.logs.iter().map(|log| log.name.clone()).collect());
    match crate::screen::waterfall::next_of(&names, Some(&log.name), 1) {
        Some(name) if *name != log.name => {
            let log = LogRef { name: name.clone(), ..log };
            navigate::replace(model, Place::Log(log), out);
        }
        _ => model.toast("this step has one log", None),
    }
}

/// The log of the same step in an older or newer build of the builder.
fn neighbour(model: &mut Model, by: isize, out: &mut Out) {
    let Some(log) = model.log.as_ref().map(|screen| screen.buffer.log.clone()) else { return };
    let name = model
        .replica
        .build(&log.build)
        .and_then(|build| build.steps.iter().find(|step| step.number == log.step))
        .map(|step| step.name.clone());
    let builds = model.replica.builds.get(&log.build.builder);
    let next = builds.and_then(|builds| {
        let mut older = builds.range(..log.build.number).rev();
        let mut newer = builds.range(log.build.number + 1..);
        let mut next = || if by < 0 { older.next() } else { newer.next() };
        std::iter::from_fn(&mut next).find_map(|(_, build)| {
            let step = build
                .steps
                .iter()
                .find(|step| Some(&step.name) == name.as_ref() && !step.logs.is_empty())?;
            Some((
                LogRef { build: reference(build), step: step.number, name: log.name.clone() },
                crate::logs::spot(step),
            ))
        })
    });
    match next {
        Some((log, spot)) => {
            model.log = Some(LogScreen::new(log.clone(), spot, model.options.settings.log_times));
            navigate::replace(model, Place::Log(log), out);
        }
        None => model.toast("no such log in a further build that is known here", None),
    }
}

/// `esc` first ends the search.
pub(crate) fn clear_search(model: &mut Model) -> bool {
    model.log.as_mut().is_some_and(|screen| screen.search.take().is_some())
}

/// Size, lines and how it is shown, for the head of the screen.
pub(crate) fn aside(model: &Model, wide: bool) -> String {
    let Some(screen) = model.log.as_ref() else { return String::new() };
    let buffer = &screen.buffer;
    if !buffer.known {
        return String::new();
    }
    let mut text =
        format!("{}  {}", time::bytes(buffer.total_bytes), words::lines(buffer.total_lines));
    let new = buffer.total_lines.saturating_sub(screen.seen);
    if buffer.complete {
        // There is nothing left to follow.
    } else if screen.follow {
        text = format!("{text}  FOLLOW");
    } else {
        text =
            if new > 0 { format!("{text}  PAUSED +{new} new") } else { format!("{text}  PAUSED") };
    }
    if wide {
        let wrap = if screen.wrap { "on" } else { "off" };
        text = format!("{text}   wrap {wrap}   time {}", screen.stamps.name());
    }
    text
}

#[cfg(test)]
mod tests {
    use linn_proto::console::LogLine;

    use super::*;
    use crate::{
        message::Message,
        replica::BuildRef,
        testing::{Look, farm},
        update::update,
    };

    fn log() -> LogRef {
        LogRef { build: BuildRef::new("linux-dbg", 377), step: 3, name: "stdio".into() }
    }

    fn window(from: u64, count: u64, size: usize, total_lines: u64) -> LogLines {
        let line = |number| LogLine { number, text: vec![b'x'; size], ..LogLine::default() };
        LogLines {
            lines: (from..from + count).map(line).collect(),
            total_lines,
            complete: true,
            ..LogLines::default()
        }
    }

    fn opened(answer: LogLines) -> Model {
        let mut model = farm(80, 24, Look::Colour);
        let mut asked = Vec::new();
        navigate::log(&mut model, log(), Spot::End, &mut asked);
        settle(&mut model, &mut asked);
        let result = Ok(answer);
        update(&mut model, Message::Lines { log: log(), purpose: Purpose::Show, result });
        model
    }

    #[test]
    fn huge_lines_are_not_fetched_for_ever() {
        const TOTAL: u64 = 400;
        let answer = |from: u64, count: u64| {
            window(from, count.min(TOTAL + 1 - from), linn_proto::MAX_LINE_BYTES, TOTAL)
        };
        let mut model = opened(answer(TOTAL - 255, 256));
        for top in [1, 200, 390] {
            let mut out = Vec::new();
            act(&mut model, ActionId::Top, &mut out);
            model.log.as_mut().unwrap().top = top;
            settle(&mut model, &mut out);
            let mut asked = 0;
            while let Some(Command::ReadLog { from, lines, .. }) =
                out.iter().find(|command| matches!(command, Command::ReadLog { .. })).cloned()
            {
                asked += 1;
                assert!(asked < 10, "asked again and again at {top}");
                let from = u64::try_from(from).unwrap();
                let result = Ok(answer(from, u64::from(lines)));
                let purpose = Purpose::Show;
                out = update(&mut model, Message::Lines { log: log(), purpose, result });
            }
            let screen = model.log.as_ref().unwrap();
            let rows = rows(&model);
            assert_eq!(screen.buffer.missing(screen.top, screen.top + rows), None, "at {top}");
        }
    }

    #[test]
    fn a_refused_jump_leaves_the_log_shown() {
        let mut model = opened(window(1, 10, 5, 10));
        let refusal = Refusal::from(tonic::Status::out_of_range("no times are known"));
        let result = Err(refusal);
        update(&mut model, Message::Lines { log: log(), purpose: Purpose::Jump, result });
        assert_eq!(model.log.as_ref().unwrap().trouble, None);
        assert_eq!(model.toasts[0].text, "no times are known");
    }
}
