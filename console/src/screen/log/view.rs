//! Draws a log: numbers, times, text with its colours, matches, and the map of the whole below.

use ratatui::style::Modifier;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use super::{LogScreen, search};
use crate::{canvas::Canvas, glyph::State, logs::Line, model::Model, theme::Role, time};

/// One drawn piece of a line.
type Piece = (ratatui::style::Style, String);

pub(crate) fn view(model: &Model, canvas: &mut Canvas<'_>) {
    let Some(screen) = model.log.as_ref() else { return };
    status(screen, canvas);
    let (width, height) = (canvas.width(), canvas.height());
    let mut text = canvas.part(0, 1, width, height.saturating_sub(1));
    if let Some(trouble) = &screen.trouble {
        text.say(2, 1, trouble, Role::Alarm);
        return;
    }
    if !screen.buffer.known {
        text.say(2, 1, "fetching", Role::Dim);
        return;
    }
    if screen.buffer.total_lines == 0 {
        let said =
            if screen.buffer.complete { "the step printed nothing" } else { "nothing printed yet" };
        text.say(2, 1, said, Role::Dim);
        return;
    }
    Lines::new(model, screen, &text).draw(&mut text);
}

/// Errors and warnings, or how the search goes.
fn status(screen: &LogScreen, canvas: &mut Canvas<'_>) {
    let end = canvas.width().saturating_sub(1);
    if let Some(search) = &screen.search {
        let text = search::status(search, screen.current);
        canvas.put_cut(1, 0, end, &text, canvas.role(Role::Text));
        return;
    }
    let Some(marks) = &screen.marks else { return };
    let style = if marks.errors.is_empty() {
        canvas.role(Role::Dim)
    } else {
        canvas.theme.state(State::Failure)
    };
    let place =
        screen.current.and_then(|line| marks.errors.iter().position(|error| *error == line));
    let mut text = match (place, marks.errors.len()) {
        (_, 0) => "no errors".to_owned(),
        (Some(place), count) => format!("error {} of {count}", place + 1),
        (None, count) => {
            let lines: Vec<String> =
                marks.errors.iter().take(3).map(|line| time::grouped(*line)).collect();
            let more = if count > 3 { ", …" } else { "" };
            format!("errors {count}: line {}{more}", lines.join(", "))
        }
    };
    if canvas.glyphs.ascii {
        text = text.replace('…', "...");
    }
    let mut x = canvas.put_cut(1, 0, end, &text, style);
    if !marks.warnings.is_empty() {
        let text = format!("warnings {}", marks.warnings.len());
        x = canvas.put_cut(x + 4, 0, end, &text, canvas.theme.state(State::Warnings));
    }
    let footer = screen.buffer.footer.lines().next().unwrap_or_default();
    if !footer.is_empty() {
        canvas.put_cut(x + 4, 0, end, footer, canvas.role(Role::Dim));
    }
}

/// The text with what stands beside it.
struct Lines<'a> {
    model: &'a Model,
    screen: &'a LogScreen,
    /// Cells of the numbers, then of the times.
    numbers: u16,
    start_ms: Option<i64>,
    text_at: u16,
    cells: u16,
}

impl<'a> Lines<'a> {
    fn new(model: &'a Model, screen: &'a LogScreen, canvas: &Canvas<'_>) -> Self {
        let digits = u16::try_from(screen.buffer.total_lines.max(1).ilog10() + 1).unwrap_or(20);
        let numbers = digits.max(3) + 1;
        let stamps = screen.stamps.width();
        let text_at = numbers + if stamps > 0 { stamps + 1 } else { 0 } + 3;
        let build = model.replica.build(&screen.buffer.log.build);
        let step = build.and_then(|build| {
            build.steps.iter().find(|step| step.number == screen.buffer.log.step)
        });
        Self {
            model,
            screen,
            numbers,
            start_ms: step.and_then(|step| step.started_at_ms),
            text_at,
            cells: canvas.width().saturating_sub(text_at).max(1),
        }
    }

    fn draw(&self, canvas: &mut Canvas<'_>) {
        let total = self.screen.buffer.total_lines;
        let mut y = 0;
        let mut number = self.top(canvas.height());
        while y < canvas.height() && number <= total {
            let rows = match self.screen.buffer.lines.get(&number) {
                Some(line) => self.line(canvas, y, number, line),
                None => {
                    // Asked for: its place is kept, so nothing jumps when it comes.
                    self.number(canvas, y, number, Role::Frame);
                    1
                }
            };
            y += rows;
            number += 1;
        }
    }

    /// The first line shown. Following wrapped lines, it is where the last lines just fit.
    fn top(&self, height: u16) -> u64 {
        if !(self.screen.follow && self.screen.wrap) {
            return self.screen.top;
        }
        let mut left = usize::from(height);
        let mut top = self.screen.buffer.total_lines.max(1);
        while top > 1 {
            let rows =
                self.screen.buffer.lines.get(&top).map_or(1, |line| self.wrapped(line).len());
            if rows >= left {
                break;
            }
            left -= rows;
            top -= 1;
        }
        top
    }

    fn number(&self, canvas: &mut Canvas<'_>, y: u16, number: u64, role: Role) {
        canvas.put_right(self.numbers, y, &number.to_string(), canvas.role(role));
    }

    /// Draws one line; gives the rows it took.
    fn line(&self, canvas: &mut Canvas<'_>, y: u16, number: u64, line: &Line) -> u16 {
        let current = self.screen.current == Some(number);
        let (sign, sign_style) = self.sign(canvas, number);
        self.number(canvas, y, number, if current { Role::Strong } else { Role::Dim });
        let bar = self.text_at.saturating_sub(2);
        if self.screen.stamps.width() > 0 {
            let before = self.screen.buffer.lines.get(&(number - 1)).map_or(0, |line| line.at_ms);
            let zone = &self.model.zone;
            let now_ms = self.model.shown_ms();
            let text = self.screen.stamps.text(line.at_ms, before, self.start_ms, now_ms, zone);
            canvas.put_right(bar.saturating_sub(1), y, &text, canvas.role(Role::Dim));
        }
        canvas.say(bar, y, canvas.glyphs.vertical, Role::Frame);
        canvas.put(bar + 1, y, sign, sign_style);
        let rows = if self.screen.wrap { self.wrapped(line) } else { vec![self.scrolled(line)] };
        let mut taken = 0;
        for (row, pieces) in (0_u16..).zip(&rows) {
            if y + row >= canvas.height() {
                break;
            }
            if row > 0 {
                canvas.say(bar.saturating_sub(1), y + row, canvas.glyphs.wrapped, Role::Frame);
            }
            let mut x = self.text_at;
            for (style, text) in pieces {
                let style = canvas.theme.log(*style);
                x = canvas.put(x, y + row, text, style);
            }
            if line.cut && usize::from(row) + 1 == rows.len() {
                canvas.say(x, y + row, canvas.glyphs.more, Role::Key);
            }
            if current {
                canvas.tint(self.text_at, y + row, self.cells, canvas.role(Role::Selected));
            }
            taken = row + 1;
        }
        taken.max(1)
    }

    /// The mark before a line: a match, an error, a warning.
    fn sign(&self, canvas: &Canvas<'_>, number: u64) -> (&'static str, ratatui::style::Style) {
        let marks = self.screen.marks.as_ref();
        if self.screen.search.as_ref().is_some_and(|search| search.hits.contains(&number)) {
            ("*", canvas.role(Role::Key))
        } else if marks.is_some_and(|marks| marks.errors.binary_search(&number).is_ok()) {
            ("E", canvas.theme.state(State::Failure))
        } else if marks.is_some_and(|marks| marks.warnings.binary_search(&number).is_ok()) {
            ("!", canvas.theme.state(State::Warnings))
        } else {
            (" ", canvas.role(Role::Text))
        }
    }

    /// The pieces of a line with the matches of the search turned round.
    fn pieces(&self, line: &Line) -> Vec<Piece> {
        let pieces = line.text().pieces;
        let Some(regex) = self.screen.search.as_ref().and_then(|search| search.regex.as_ref())
        else {
            return pieces;
        };
        let plain: String = pieces.iter().map(|(_, text)| text.as_str()).collect();
        // Characters and matches are both in order: one walk along both, however many there are.
        let mut matches = regex
            .find_iter(&plain)
            .filter(|found| !found.is_empty())
            .map(|found| found.range())
            .peekable();
        if matches.peek().is_none() {
            return pieces;
        }
        let mut shown: Vec<Piece> = Vec::new();
        let mut at = 0;
        for (style, text) in pieces {
            for character in text.chars() {
                while matches.next_if(|found| found.end <= at).is_some() {}
                let inside = matches.peek().is_some_and(|found| found.contains(&at));
                let style = if inside { style.add_modifier(Modifier::REVERSED) } else { style };
                match shown.last_mut() {
                    Some((last, text)) if *last == style => text.push(character),
                    _ => shown.push((style, character.to_string())),
                }
                at += character.len_utf8();
            }
        }
        shown
    }

    /// The part of a line right of the horizontal scroll.
    fn scrolled(&self, line: &Line) -> Vec<Piece> {
        let mut skip = usize::from(self.screen.left);
        let mut shown = Vec::new();
        if skip > 0 {
            // Nobody takes the rest of a word for the word, or of a number for the number.
            let mark = if self.model.glyphs.ascii { "<" } else { "‹" };
            shown.push((self.model.theme.role(Role::Frame), mark.to_owned()));
            skip += 1;
        }
        for (style, text) in self.pieces(line) {
            let mut rest = text.as_str();
            while skip > 0 {
                let Some(next) = rest.graphemes(true).next() else { break };
                skip = skip.saturating_sub(next.width().max(1));
                rest = &rest[next.len()..];
            }
            if !rest.is_empty() {
                shown.push((style, rest.to_owned()));
            }
        }
        shown
    }

    /// The rows of a wrapped line.
    fn wrapped(&self, line: &Line) -> Vec<Vec<Piece>> {
        let cells = usize::from(self.cells);
        let mut rows: Vec<Vec<Piece>> = vec![Vec::new()];
        let mut used = 0;
        for (style, text) in self.pieces(line) {
            for grapheme in text.graphemes(true) {
                let width = grapheme.width();
                if used + width > cells {
                    rows.push(Vec::new());
                    used = 0;
                }
                used += width;
                if let Some(row) = rows.last_mut() {
                    match row.last_mut() {
                        Some((last, text)) if *last == style => text.push_str(grapheme),
                        _ => row.push((style, grapheme.to_owned())),
                    }
                }
            }
        }
        rows
    }
}

/// The map of the whole log in the sentence line: one cell for an equal share of lines.
pub(crate) fn sentence(model: &Model, canvas: &mut Canvas<'_>, y: u16, end: u16) {
    let Some(screen) = model.log.as_ref().filter(|screen| screen.buffer.total_lines > 0) else {
        return;
    };
    let total = screen.buffer.total_lines;
    let rows = super::rows(model);
    let top = if screen.follow { (total + 1).saturating_sub(rows).max(1) } else { screen.top };
    let share = format!("{:>4}%", ((top + rows - 1).min(total)).saturating_mul(100) / total.max(1));
    let cells = end.saturating_sub(8);
    if cells == 0 {
        return;
    }
    let cell_of = |line: u64| {
        u16::try_from(line.saturating_sub(1).saturating_mul(u64::from(cells)) / total).unwrap_or(0)
    };
    canvas.rule(1, y, cells, canvas.glyphs.shade, canvas.role(Role::Frame));
    if let Some(marks) = &screen.marks {
        for (lines, sign, state) in
            [(&marks.warnings, "!", State::Warnings), (&marks.errors, "E", State::Failure)]
        {
            for line in lines {
                canvas.put(1 + cell_of(*line), y, sign, canvas.theme.state(state));
            }
        }
    }
    if let Some(search) = &screen.search {
        let mut cells: Vec<u16> = search.hits.iter().map(|line| cell_of(*line)).collect();
        cells.dedup();
        for cell in cells {
            canvas.put(1 + cell, y, "*", canvas.role(Role::Key));
        }
    }
    let (from, to) = (cell_of(top), cell_of((top + rows - 1).min(total)));
    let here = canvas.role(Role::Match);
    canvas.tint(1 + from, y, to - from + 1, here);
    canvas.put_right(end, y, &share, canvas.role(Role::Dim));
}
