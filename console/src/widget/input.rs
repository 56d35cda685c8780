//! One line of text being typed: emacs keys, whole graphemes, bounded.

use crossterm::event::KeyCode;
use ratatui::style::Modifier;
use unicode_segmentation::UnicodeSegmentation;

use crate::{canvas::Canvas, keys::Stroke, theme::Role};

/// Bytes that can be typed or pasted.
const LONGEST: usize = 4_096;

/// The text and where the cursor stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Input {
    text: String,
    /// In bytes, on a grapheme's border.
    cursor: usize,
}

impl Input {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { cursor: text.len(), text }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Takes pasted text; lines become blanks.
    pub(crate) fn insert(&mut self, text: &str) {
        let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        if self.text.len() + clean.len() <= LONGEST {
            self.text.insert_str(self.cursor, &clean);
            self.cursor += clean.len();
        }
    }

    /// Takes a key; `false` when it is none for a text.
    pub(crate) fn key(&mut self, stroke: Stroke) -> bool {
        match (stroke.code, stroke.ctrl) {
            (KeyCode::Char(character), false) => self.insert(character.encode_utf8(&mut [0; 4])),
            (KeyCode::Backspace, _) | (KeyCode::Char('h'), true) => {
                let before = self.before();
                self.text.replace_range(before..self.cursor, "");
                self.cursor = before;
            }
            (KeyCode::Delete, _) | (KeyCode::Char('d'), true) => {
                let after = self.after();
                self.text.replace_range(self.cursor..after, "");
            }
            (KeyCode::Left, _) | (KeyCode::Char('b'), true) => self.cursor = self.before(),
            (KeyCode::Right, _) | (KeyCode::Char('f'), true) => self.cursor = self.after(),
            (KeyCode::Home, _) | (KeyCode::Char('a'), true) => self.cursor = 0,
            (KeyCode::End, _) | (KeyCode::Char('e'), true) => self.cursor = self.text.len(),
            (KeyCode::Char('k'), true) => self.text.truncate(self.cursor),
            (KeyCode::Char('u'), true) => {
                self.text.replace_range(..self.cursor, "");
                self.cursor = 0;
            }
            (KeyCode::Char('w'), true) => {
                let head = self.text[..self.cursor].trim_end();
                let start = head.rfind(' ').map_or(0, |blank| blank + 1);
                self.text.replace_range(start..self.cursor, "");
                self.cursor = start;
            }
            _ => return false,
        }
        true
    }

    fn before(&self) -> usize {
        self.text[..self.cursor].grapheme_indices(true).next_back().map_or(0, |(at, _)| at)
    }

    fn after(&self) -> usize {
        self.text[self.cursor..]
            .graphemes(true)
            .next()
            .map_or(self.cursor, |next| self.cursor + next.len())
    }

    /// Draws the text with its cursor; when it is too long, its part before the cursor.
    pub(crate) fn draw(&self, canvas: &mut Canvas<'_>, x: u16, y: u16, cells: u16, active: bool) {
        let style = canvas.role(Role::Text);
        let room = cells.saturating_sub(1);
        let mut start = 0;
        if active {
            while crate::canvas::width(&self.text[start..self.cursor]) > room {
                start += self.text[start..].graphemes(true).next().map_or(1, str::len);
            }
        }
        let end = x.saturating_add(cells);
        let head = &self.text[start..self.cursor.max(start)];
        let at = canvas.part(0, 0, end, y + 1).put(x, y, head, style);
        let next = self.text[self.cursor..].graphemes(true).next();
        let mut tail_at = at;
        if active {
            let under = next.unwrap_or(" ");
            tail_at = canvas.part(0, 0, end, y + 1).put(
                at,
                y,
                under,
                style.add_modifier(Modifier::REVERSED),
            );
        }
        let tail = if active { &self.text[self.after()..] } else { &self.text[self.cursor..] };
        canvas.put_cut(tail_at, y, end, tail, style);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(input: &mut Input, keys: &[(KeyCode, bool)]) {
        for &(code, ctrl) in keys {
            input.key(Stroke { code, ctrl });
        }
    }

    #[test]
    fn edits_like_a_shell() {
        let mut input = Input::new("force linux");
        press(&mut input, &[(KeyCode::Char('w'), true)]);
        assert_eq!(input.text(), "force ");
        input.insert("mac\n");
        assert_eq!(input.text(), "force mac ");
        press(
            &mut input,
            &[(KeyCode::Char('a'), true), (KeyCode::Delete, false), (KeyCode::Char('F'), false)],
        );
        assert_eq!(input.text(), "Force mac ");
        press(&mut input, &[(KeyCode::Char('k'), true)]);
        assert_eq!(input.text(), "F");
    }

    #[test]
    fn deletes_whole_graphemes() {
        let mut input = Input::new("ae\u{301}");
        press(&mut input, &[(KeyCode::Backspace, false)]);
        assert_eq!(input.text(), "a");
    }
}
