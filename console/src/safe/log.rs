//! A line of a build log made safe: colours stay, everything else a terminal would obey is shown or undone.
//!
//! The parser is the one terminals use, so nothing slips past it: SGR becomes styles of ours, a carriage return writes
//! over the line as a terminal would (progress bars collapse to their last state), backspace steps back, tabs become
//! blanks, and every other sequence is one dim `␛`. A parser lives for one line: an unended sequence swallows the
//! rest of its own line at most.

use ratatui::style::{Color, Modifier, Style};
use vte::{Params, Parser, Perform};

/// A line as pieces of one style each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LogText {
    pub(crate) pieces: Vec<(Style, String)>,
}

impl LogText {
    /// The characters alone, for matching.
    pub(crate) fn plain(&self) -> String {
        self.pieces.iter().map(|(_, text)| text.as_str()).collect()
    }
}

/// Makes one line safe. `raw` has no newline at its end.
pub(crate) fn line(raw: &[u8]) -> LogText {
    // Most lines are plain; the parser and its cells are for those that are not.
    if raw.iter().all(|byte| (0x20..0x7f).contains(byte)) {
        let text = String::from_utf8_lossy(raw).into_owned();
        return LogText {
            pieces: if text.is_empty() { Vec::new() } else { vec![(Style::new(), text)] },
        };
    }
    let mut screen = Row::default();
    Parser::new().advance(&mut screen, raw);
    screen.finish()
}

/// One row of a terminal.
#[derive(Default)]
struct Row {
    cells: Vec<(char, Style)>,
    column: usize,
    style: Style,
}

impl Row {
    fn put(&mut self, character: char, style: Style) {
        match self.cells.get_mut(self.column) {
            Some(cell) => *cell = (character, style),
            None => self.cells.push((character, style)),
        }
        self.column += 1;
    }

    fn mark(&mut self, symbol: char) {
        self.put(symbol, Style::new().add_modifier(Modifier::DIM));
    }

    fn finish(self) -> LogText {
        let mut pieces: Vec<(Style, String)> = Vec::new();
        for (character, style) in self.cells {
            match pieces.last_mut() {
                Some((last, text)) if *last == style => text.push(character),
                _ => pieces.push((style, character.to_string())),
            }
        }
        LogText { pieces }
    }

    fn sgr(&mut self, params: &Params) {
        let mut params = params.iter();
        while let Some(param) = params.next() {
            self.style = match param {
                [] | [0] => Style::new(),
                [1] => self.style.add_modifier(Modifier::BOLD),
                [2] => self.style.add_modifier(Modifier::DIM),
                [3] => self.style.add_modifier(Modifier::ITALIC),
                [4, ..] => self.style.add_modifier(Modifier::UNDERLINED),
                [7] => self.style.add_modifier(Modifier::REVERSED),
                [9] => self.style.add_modifier(Modifier::CROSSED_OUT),
                [22] => without(self.style, Modifier::BOLD | Modifier::DIM),
                [23] => without(self.style, Modifier::ITALIC),
                [24] => without(self.style, Modifier::UNDERLINED),
                [27] => without(self.style, Modifier::REVERSED),
                [29] => without(self.style, Modifier::CROSSED_OUT),
                [code @ 30..=37] => self.style.fg(basic(*code - 30)),
                [code @ 40..=47] => self.style.bg(basic(*code - 40)),
                [code @ 90..=97] => self.style.fg(basic(*code - 90 + 8)),
                [code @ 100..=107] => self.style.bg(basic(*code - 100 + 8)),
                [39] => Style { fg: None, ..self.style },
                [49] => Style { bg: None, ..self.style },
                [38, rest @ ..] => match colour(rest, &mut params) {
                    Some(colour) => self.style.fg(colour),
                    None => self.style,
                },
                [48, rest @ ..] => match colour(rest, &mut params) {
                    Some(colour) => self.style.bg(colour),
                    None => self.style,
                },
                // Blinking, concealing and the rest stay without effect.
                _ => self.style,
            };
        }
    }
}

fn without(style: Style, modifier: Modifier) -> Style {
    Style { add_modifier: style.add_modifier - modifier, ..style }
}

/// The colour after 38 or 48: written with colons in one parameter, or with semicolons in the following ones.
fn colour<'a>(inside: &[u16], following: &mut impl Iterator<Item = &'a [u16]>) -> Option<Color> {
    let byte = |value: u16| u8::try_from(value).ok();
    let mut next = || following.next().and_then(|param| param.first()).copied();
    match inside {
        [5, index] => Some(indexed(byte(*index)?)),
        [2, r, g, b] | [2, _, r, g, b] => Some(Color::Rgb(byte(*r)?, byte(*g)?, byte(*b)?)),
        [] => match next()? {
            5 => Some(indexed(byte(next()?)?)),
            2 => Some(Color::Rgb(byte(next()?)?, byte(next()?)?, byte(next()?)?)),
            _ => None,
        },
        _ => None,
    }
}

fn indexed(index: u8) -> Color {
    if index < 16 { basic(u16::from(index)) } else { Color::Indexed(index) }
}

fn basic(code: u16) -> Color {
    const COLOURS: [Color; 16] = [
        // Black on a dark terminal hides text: it is shown as dark grey.
        Color::DarkGray,
        Color::Red,
        Color::Green,
        Color::Yellow,
        Color::Blue,
        Color::Magenta,
        Color::Cyan,
        Color::Gray,
        Color::DarkGray,
        Color::LightRed,
        Color::LightGreen,
        Color::LightYellow,
        Color::LightBlue,
        Color::LightMagenta,
        Color::LightCyan,
        Color::White,
    ];
    COLOURS[usize::from(code % 16)]
}

impl Perform for Row {
    fn print(&mut self, character: char) {
        if super::is_hostile(character) {
            let mut shown = String::new();
            super::push(&mut shown, character);
            for symbol in shown.chars() {
                self.mark(symbol);
            }
        } else {
            self.put(character, self.style);
        }
    }

    fn execute(&mut self, byte: u8) {
        match byte {
            b'\r' => self.column = 0,
            0x08 => self.column = self.column.saturating_sub(1),
            b'\t' => {
                for _ in 0..8 - self.column % 8 {
                    self.put(' ', self.style);
                }
            }
            0x80.. => {
                for symbol in format!("<U+{byte:04X}>").chars() {
                    self.mark(symbol);
                }
            }
            byte => self.mark(super::picture(byte)),
        }
    }

    fn csi_dispatch(&mut self, params: &Params, intermediates: &[u8], _ignore: bool, action: char) {
        match (action, intermediates) {
            ('m', []) => self.sgr(params),
            // Erase in line: progress bars use it together with the carriage return.
            ('K', []) => match params.iter().next() {
                None | Some([0]) => self.cells.truncate(self.column),
                Some([2]) => self.cells.iter_mut().for_each(|cell| *cell = (' ', Style::new())),
                _ => {}
            },
            _ => self.mark('␛'),
        }
    }

    fn esc_dispatch(&mut self, intermediates: &[u8], _ignore: bool, byte: u8) {
        // The string terminator ends a sequence already marked; a charset choice is what `tput sgr0` says.
        if !(byte == b'\\' && intermediates.is_empty() || intermediates == b"(") {
            self.mark('␛');
        }
    }

    fn osc_dispatch(&mut self, _params: &[&[u8]], _bell_terminated: bool) {
        self.mark('␛');
    }

    fn hook(&mut self, _params: &Params, _intermediates: &[u8], _ignore: bool, _action: char) {
        self.mark('␛');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(raw: &[u8]) -> String {
        line(raw).plain()
    }

    #[test]
    fn colours_stay() {
        let text = line(b"\x1b[1;31merror\x1b[0m: \x1b[38;5;208mx\x1b[38;2;1;2;3my");
        let styles: Vec<Style> = text.pieces.iter().map(|(style, _)| *style).collect();
        assert_eq!(text.plain(), "error: xy");
        assert_eq!(styles[0], Style::new().fg(Color::Red).add_modifier(Modifier::BOLD));
        assert_eq!(styles[1], Style::new());
        assert_eq!(styles[2], Style::new().fg(Color::Indexed(208)));
        assert_eq!(styles[3], Style::new().fg(Color::Rgb(1, 2, 3)));
    }

    #[test]
    fn progress_collapses_to_its_last_state() {
        assert_eq!(plain(b" 10%\r 50%\r100%"), "100%");
        assert_eq!(plain(b"long text\r\x1b[Kdone"), "done");
        assert_eq!(plain(b"ab\x08c"), "ac");
    }

    #[test]
    fn tabs_are_expanded() {
        assert_eq!(plain(b"a\tb"), "a       b");
    }

    #[test]
    fn everything_else_is_shown_or_dropped() {
        assert_eq!(plain(b"a\x1b]52;c;eA==\x07b"), "a␛b");
        assert_eq!(plain(b"a\x1b[2Jb"), "a␛b");
        assert_eq!(plain(b"a\x1bP$q\"p\x1b\\b"), "a␛b");
        assert_eq!(plain(b"\xff\x9b2J"), "\u{fffd}<U+009B>2J");
        assert_eq!(plain("x\u{9b}2J\u{202e}".as_bytes()), "x<U+009B>2J<U+202E>");
        assert_eq!(plain(b"a\0\x07"), "a␀␇");
    }

    #[test]
    fn an_unended_sequence_swallows_its_own_line_at_most() {
        assert_eq!(plain(b"before \x1b]0;title"), "before ");
        assert_eq!(plain(b"next"), "next");
    }
}
