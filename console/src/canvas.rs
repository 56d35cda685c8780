//! The only way a screen writes to cells: clipped to its area, and safe.
//!
//! Coordinates are relative to the area; whatever falls outside is cut. Text passes [`crate::safe`] here even when a
//! caller made it safe before, so no foreign byte can reach the terminal through a screen that forgot.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Color, Modifier, Style},
};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::{
    glyph::{Glyphs, State},
    safe,
    theme::{Role, Theme},
};

/// Characters of one grapheme that are kept: more is a flood of marks.
const GRAPHEME_CHARS: usize = 4;

/// A rectangle to draw in.
pub(crate) struct Canvas<'a> {
    buffer: &'a mut Buffer,
    area: Rect,
    pub(crate) theme: Theme,
    pub(crate) glyphs: &'static Glyphs,
}

impl<'a> Canvas<'a> {
    pub(crate) fn new(
        buffer: &'a mut Buffer,
        area: Rect,
        theme: Theme,
        glyphs: &'static Glyphs,
    ) -> Self {
        let area = area.intersection(buffer.area);
        Self { buffer, area, theme, glyphs }
    }

    pub(crate) fn width(&self) -> u16 {
        self.area.width
    }

    pub(crate) fn height(&self) -> u16 {
        self.area.height
    }

    /// A part of this one; what lies outside is cut.
    pub(crate) fn part(&mut self, x: u16, y: u16, width: u16, height: u16) -> Canvas<'_> {
        let wanted = Rect {
            x: self.area.x.saturating_add(x),
            y: self.area.y.saturating_add(y),
            width: width.min(self.area.width.saturating_sub(x)),
            height: height.min(self.area.height.saturating_sub(y)),
        };
        Canvas {
            area: wanted.intersection(self.area),
            buffer: self.buffer,
            theme: self.theme,
            glyphs: self.glyphs,
        }
    }

    pub(crate) fn role(&self, role: Role) -> Style {
        self.theme.role(role)
    }

    /// Writes text from a column on, as far as it fits; gives the column after it.
    pub(crate) fn put(&mut self, x: u16, y: u16, text: &str, style: Style) -> u16 {
        self.put_within(x, y, self.area.width, text, style)
    }

    /// Writes text in a role's style.
    pub(crate) fn say(&mut self, x: u16, y: u16, text: &str, role: Role) -> u16 {
        self.put(x, y, text, self.theme.role(role))
    }

    /// Writes text, cut before column `end` with a mark where it had to be cut; gives the column after it.
    pub(crate) fn put_cut(&mut self, x: u16, y: u16, end: u16, text: &str, style: Style) -> u16 {
        let room = end.min(self.area.width).saturating_sub(x);
        if width(text) <= room {
            return self.put_within(x, y, end, text, style);
        }
        let after = self.put_within(x, y, end.saturating_sub(1).max(x), text, style);
        self.put_within(after, y, end, self.glyphs.more, self.theme.role(Role::Dim))
    }

    /// Writes the first of some texts, fullest first, that fits before column `end`; of the last one, where none does, as
    /// much as fits. A mark for what is missing would take too much of very few cells, so these do without.
    pub(crate) fn put_fitting(
        &mut self,
        x: u16,
        y: u16,
        end: u16,
        texts: &[&str],
        style: Style,
    ) -> u16 {
        const FEW: u16 = 6;
        let room = end.min(self.area.width).saturating_sub(x);
        match texts.iter().find(|text| width(text) <= room).or(texts.last()) {
            Some(text) if room < FEW => self.put_within(x, y, end, text, style),
            Some(text) => self.put_cut(x, y, end, text, style),
            None => x,
        }
    }

    /// Writes text so that it ends before column `end`; gives the column it starts at.
    pub(crate) fn put_right(&mut self, end: u16, y: u16, text: &str, style: Style) -> u16 {
        let x = end.min(self.area.width).saturating_sub(width(text));
        self.put_within(x, y, end, text, style);
        x
    }

    /// The glyph of a state; gives the column after it.
    pub(crate) fn state(&mut self, x: u16, y: u16, state: State) -> u16 {
        self.put(x, y, self.glyphs.state(state), self.theme.state(state))
    }

    /// Repeats a one-cell symbol over a stretch of a row.
    pub(crate) fn rule(&mut self, x: u16, y: u16, length: u16, symbol: &'static str, style: Style) {
        if y < self.area.height {
            for column in x..x.saturating_add(length).min(self.area.width) {
                let cell = &mut self.buffer[(self.area.x + column, self.area.y + y)];
                cell.set_symbol(symbol).set_style(style);
            }
        }
    }

    /// Lays a style over a stretch of a row.
    pub(crate) fn tint(&mut self, x: u16, y: u16, length: u16, style: Style) {
        let row = Rect {
            x: self.area.x.saturating_add(x),
            y: self.area.y.saturating_add(y),
            width: length,
            height: 1,
        };
        self.buffer.set_style(row.intersection(self.area), style);
    }

    /// Blanks everything.
    pub(crate) fn clear(&mut self) {
        for y in 0..self.area.height {
            self.rule(0, y, self.area.width, " ", Style::reset());
        }
    }

    /// Dims everything that is there: it is old, or something lies over it.
    pub(crate) fn fade(&mut self) {
        let style = if self.theme.is_mono() {
            Style::new().add_modifier(Modifier::DIM)
        } else {
            Style { bg: None, ..self.theme.role(Role::Dim) }
                .remove_modifier(Modifier::BOLD | Modifier::REVERSED)
        };
        self.buffer.set_style(self.area, style);
    }

    fn put_within(&mut self, x: u16, y: u16, end: u16, text: &str, style: Style) -> u16 {
        let end = end.min(self.area.width);
        if y >= self.area.height || x >= end {
            return x;
        }
        let text = safe::text(text);
        // Over a rule, text without a colour has the terminal's own and not the rule's.
        let style = Style::new().fg(Color::Reset).patch(style);
        let mut column = x;
        for grapheme in text.graphemes(true) {
            let cells = u16::try_from(grapheme.width()).unwrap_or(u16::MAX);
            // Nothing of no width is left after `safe` but marks without a base: they get no cell.
            if cells == 0 {
                continue;
            }
            if cells > end - column {
                break;
            }
            let symbol = match grapheme.char_indices().nth(GRAPHEME_CHARS) {
                Some((cut, _)) => &grapheme[..cut],
                None => grapheme,
            };
            let symbol = if self.glyphs.ascii { plain_picture(symbol) } else { symbol };
            let at = (self.area.x + column, self.area.y + y);
            self.buffer[at].set_symbol(symbol).set_style(style);
            for next in 1..cells {
                self.buffer[(at.0 + next, at.1)].reset();
                self.buffer[(at.0 + next, at.1)].set_style(style);
            }
            column += cells;
        }
        column
    }
}

/// ASCII mode has no pictures of control characters.
fn plain_picture(symbol: &str) -> &str {
    match symbol.chars().next() {
        Some('\u{2400}'..='\u{2421}') => "^",
        _ => symbol,
    }
}

/// How many cells a text takes once it is safe.
pub(crate) fn width(text: &str) -> u16 {
    u16::try_from(safe::text(text).width()).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{glyph, settings::Settings, theme::Surroundings};

    fn drawn(columns: u16, draw: impl FnOnce(&mut Canvas<'_>)) -> String {
        let mut buffer = Buffer::empty(Rect::new(0, 0, columns, 1));
        let theme = Theme::new(&Settings::default(), &Surroundings::default());
        let area = buffer.area;
        draw(&mut Canvas::new(&mut buffer, area, theme, &glyph::UNICODE));
        (0..columns).map(|x| buffer[(x, 0)].symbol().to_owned()).collect()
    }

    #[test]
    fn cuts_with_a_mark() {
        assert_eq!(
            drawn(6, |canvas| _ = canvas.put_cut(0, 0, 6, "abcdefgh", Style::new())),
            "abcde…"
        );
        assert_eq!(
            drawn(6, |canvas| _ = canvas.put_cut(0, 0, 6, "abcdef", Style::new())),
            "abcdef"
        );
    }

    #[test]
    fn writes_nothing_hostile_and_nothing_outside() {
        let text = drawn(12, |canvas| _ = canvas.put(0, 0, "a\x1b[2J\u{202e}b", Style::new()));
        assert_eq!(text, "a␛[2J<U+202E");
        assert_eq!(drawn(3, |canvas| _ = canvas.put(1, 5, "xx", Style::new())), "   ");
    }

    #[test]
    fn a_flood_of_marks_stays_in_its_cell() {
        let zalgo = format!("a{}b", "\u{301}".repeat(5000));
        let text = drawn(4, |canvas| _ = canvas.put(0, 0, &zalgo, Style::new()));
        assert_eq!(text.chars().count(), GRAPHEME_CHARS + 3);
    }

    #[test]
    fn a_wide_character_is_not_halved() {
        assert_eq!(drawn(3, |canvas| _ = canvas.put(0, 0, "漢字", Style::new())), "漢  ");
    }
}
