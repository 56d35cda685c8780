//! Strokes of keys: how they are written, shown and recognised.

use std::fmt;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// One key press. Shift is part of the character, never a modifier of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Stroke {
    pub(crate) code: KeyCode,
    pub(crate) ctrl: bool,
}

/// What triggers an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Binding {
    /// One stroke.
    One(Stroke),
    /// The same stroke twice: `g g`.
    Twice(Stroke),
}

/// A character.
pub(crate) const fn key(character: char) -> Binding {
    Binding::One(Stroke { code: KeyCode::Char(character), ctrl: false })
}

/// A character with ctrl.
pub(crate) const fn ctrl(character: char) -> Binding {
    Binding::One(Stroke { code: KeyCode::Char(character), ctrl: true })
}

/// A named key.
pub(crate) const fn named(code: KeyCode) -> Binding {
    Binding::One(Stroke { code, ctrl: false })
}

/// A character twice.
pub(crate) const fn twice(character: char) -> Binding {
    Binding::Twice(Stroke { code: KeyCode::Char(character), ctrl: false })
}

/// Modifiers that no binding here has.
const FOREIGN: KeyModifiers = KeyModifiers::ALT
    .union(KeyModifiers::SUPER)
    .union(KeyModifiers::HYPER)
    .union(KeyModifiers::META);

impl Stroke {
    /// What a key press means here; `None`: nothing. Esc and a letter in quick succession arrive as Alt and the letter,
    /// which must not be taken for the letter: it may end a build.
    pub(crate) fn read(event: KeyEvent) -> Option<Self> {
        if event.modifiers.intersects(FOREIGN) {
            return None;
        }
        let code = match event.code {
            // Some terminals say shift and tab, others say back tab.
            KeyCode::Tab if event.modifiers.contains(KeyModifiers::SHIFT) => KeyCode::BackTab,
            KeyCode::Char(character) if event.modifiers.contains(KeyModifiers::CONTROL) => {
                KeyCode::Char(character.to_ascii_lowercase())
            }
            code => code,
        };
        Some(Self { code, ctrl: event.modifiers.contains(KeyModifiers::CONTROL) })
    }
}

impl fmt::Display for Stroke {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ctrl {
            formatter.write_str("ctrl-")?;
        }
        match self.code {
            KeyCode::Char(' ') => formatter.write_str("space"),
            KeyCode::Char(character) => write!(formatter, "{character}"),
            KeyCode::Enter => formatter.write_str("enter"),
            KeyCode::Esc => formatter.write_str("esc"),
            KeyCode::Tab => formatter.write_str("tab"),
            KeyCode::BackTab => formatter.write_str("shift-tab"),
            KeyCode::Up => formatter.write_str("up"),
            KeyCode::Down => formatter.write_str("down"),
            KeyCode::Left => formatter.write_str("left"),
            KeyCode::Right => formatter.write_str("right"),
            KeyCode::Home => formatter.write_str("home"),
            KeyCode::End => formatter.write_str("end"),
            KeyCode::PageUp => formatter.write_str("pgup"),
            KeyCode::PageDown => formatter.write_str("pgdn"),
            other => write!(formatter, "{other:?}"),
        }
    }
}

impl fmt::Display for Binding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(stroke) => write!(formatter, "{stroke}"),
            Self::Twice(stroke) => write!(formatter, "{stroke} {stroke}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strokes_read_as_people_write_them() {
        assert_eq!(ctrl('d').to_string(), "ctrl-d");
        assert_eq!(twice('g').to_string(), "g g");
        assert_eq!(named(KeyCode::PageUp).to_string(), "pgup");
    }

    #[test]
    fn shift_is_part_of_the_character() {
        let event = KeyEvent::new(KeyCode::Char('E'), KeyModifiers::SHIFT);
        assert_eq!(Stroke::read(event).map(Binding::One), Some(key('E')));
        let event = KeyEvent::new(KeyCode::Tab, KeyModifiers::SHIFT);
        assert_eq!(Stroke::read(event).map(Binding::One), Some(named(KeyCode::BackTab)));
    }

    #[test]
    fn alt_and_a_letter_is_not_the_letter() {
        for modifiers in [KeyModifiers::ALT, KeyModifiers::SUPER, KeyModifiers::META] {
            let event = KeyEvent::new(KeyCode::Char('x'), modifiers);
            assert_eq!(Stroke::read(event), None);
            let event = KeyEvent::new(KeyCode::Char('c'), modifiers | KeyModifiers::CONTROL);
            assert_eq!(Stroke::read(event), None);
        }
    }
}
