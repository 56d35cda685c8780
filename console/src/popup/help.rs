//! The keys of a place, straight from the registry. Typing searches, tab shows every place.

use crossterm::event::KeyCode;

use super::After;
use crate::{
    canvas::Canvas,
    keys::Stroke,
    registry::{ACTIONS, Action, Group, PLACES, Scopes, shown_key, valid},
    theme::Role,
    widget::{
        footer::ascii_name,
        input::Input,
        pane::{centred, pane},
    },
};

pub(crate) const KEYS: &[(&str, &str)] =
    &[("type", "to search"), ("tab", "all screens"), ("up down", "scroll"), ("esc", "close")];

/// The help.
#[derive(Clone, Debug)]
pub(crate) struct Help {
    scope: Scopes,
    all: bool,
    input: Input,
    scrolled: usize,
}

impl Help {
    pub(crate) fn new(scope: Scopes) -> Self {
        Self { scope, all: false, input: Input::default(), scrolled: 0 }
    }

    pub(super) fn key(&mut self, stroke: Stroke) -> After {
        match stroke.code {
            KeyCode::Esc => return After::Close,
            // Who opened it by mistake closes it with the same key.
            KeyCode::Char('?' | 'q') if self.input.text().is_empty() => return After::Close,
            KeyCode::Tab => {
                self.all = !self.all;
                self.scrolled = 0;
            }
            KeyCode::Down | KeyCode::PageDown => {
                self.scrolled += if stroke.code == KeyCode::Down { 1 } else { 10 }
            }
            KeyCode::Up => self.scrolled = self.scrolled.saturating_sub(1),
            KeyCode::PageUp => self.scrolled = self.scrolled.saturating_sub(10),
            _ => {
                if self.input.key(stroke) {
                    self.scrolled = 0;
                }
            }
        }
        After::Stay
    }

    pub(super) fn paste(&mut self, text: &str) {
        self.input.insert(text);
        self.scrolled = 0;
    }

    /// The lines: group, keys, name.
    pub(crate) fn lines(&self) -> Vec<(&'static str, String, &'static Action)> {
        let wanted = self.input.text().to_lowercase();
        let mut lines = Vec::new();
        for group in Group::ALL {
            let mut name = group.name();
            for action in ACTIONS.iter().filter(|action| action.group == group) {
                let here = self.all || action.scopes.meet(self.scope);
                let keys: Vec<String> = action.keys.iter().map(ToString::to_string).collect();
                let keys = keys.join("  ");
                let found = wanted.is_empty()
                    || action.title.contains(&wanted)
                    || action.name.contains(&wanted)
                    || keys.to_lowercase() == wanted;
                if here && found {
                    lines.push((name, keys, action));
                    name = "";
                }
            }
        }
        lines
    }

    pub(super) fn draw(&self, canvas: &mut Canvas<'_>) {
        if self.all || !self.input.text().is_empty() {
            self.draw_list(canvas);
        } else {
            self.draw_overview(canvas);
        }
    }

    /// All keys of the place on one page: the first key of each with its word, group by group.
    fn draw_overview(&self, canvas: &mut Canvas<'_>) {
        let width = canvas.width().saturating_sub(4).min(100);
        let cells = width.saturating_sub(14);
        let mut rows: Vec<(&str, Vec<(String, String)>)> = Vec::new();
        for group in Group::ALL {
            let mut name = group.name();
            let mut row = Vec::new();
            let mut used = 0;
            for action in valid(self.scope).filter(|action| action.group == group) {
                let (key, word) = (shown_key(action), ascii_name(action.name, canvas));
                let length = crate::canvas::width(&key) + crate::canvas::width(&word) + 4;
                if used + length > cells && !row.is_empty() {
                    rows.push((std::mem::take(&mut name), std::mem::take(&mut row)));
                    used = 0;
                }
                used += length;
                row.push((key, word));
            }
            if !row.is_empty() {
                rows.push((name, row));
            }
        }
        let height = u16::try_from(rows.len()).unwrap_or(u16::MAX).saturating_add(4);
        let mut part = centred(canvas, width, height);
        let mut inside = pane(&mut part, &format!("keys: {}", self.place()), true);
        for (y, (group, row)) in (1_u16..).zip(rows.iter().skip(self.scrolled)) {
            inside.say(0, y, group, Role::Dim);
            let mut x = 9;
            for (key, word) in row {
                x = inside.say(x, y, key, Role::Key) + 1;
                x = inside.say(x, y, word, Role::Text) + 3;
            }
        }
    }

    fn place(&self) -> &'static str {
        PLACES.iter().find(|(scope, _)| *scope == self.scope).map_or("", |(_, name)| name)
    }

    fn draw_list(&self, canvas: &mut Canvas<'_>) {
        let lines = self.lines();
        // Two columns where they fit.
        let columns: u16 = if canvas.width() >= 110 { 2 } else { 1 };
        let rows = u16::try_from(lines.len()).unwrap_or(u16::MAX).div_ceil(columns);
        let width = if columns == 2 { 112 } else { 76 };
        let height = rows.saturating_add(4).min(canvas.height());
        let title = if self.all {
            "keys: all screens".to_owned()
        } else {
            format!("keys: {}", self.place())
        };
        let mut part = centred(canvas, width, height);
        let mut inside = pane(&mut part, &title, true);
        let page = inside.height().saturating_sub(2);
        if !self.input.text().is_empty() {
            let text = format!("/{}", self.input.text());
            inside.say(0, 0, &text, Role::Key);
        }
        let shown = usize::from(page) * usize::from(columns);
        let first = self.scrolled.min(lines.len().saturating_sub(shown));
        let column_width = inside.width() / columns;
        for (index, (group, keys, action)) in lines.iter().skip(first).take(shown).enumerate() {
            let index = u16::try_from(index).unwrap_or(u16::MAX);
            let (column, y) = (index / page.max(1), index % page.max(1) + 1);
            let x = column * column_width;
            let end = x + column_width;
            inside.say(x, y, group, Role::Dim);
            inside.put_cut(x + 9, y, x + 25, keys, inside.role(Role::Key));
            let text = if action.name.ends_with('…') {
                format!("{}…", action.title)
            } else {
                action.title.to_owned()
            };
            let text = ascii_name(&text, &inside);
            inside.put_cut(x + 26, y, end, &text, inside.role(Role::Text));
        }
        if lines.is_empty() {
            inside.say(0, 1, "no such key here; tab looks on all screens", Role::Dim);
        } else if lines.len() > shown {
            let text = format!("{} of {}", (first + shown).min(lines.len()), lines.len());
            let (end, y) = (inside.width(), inside.height().saturating_sub(1));
            inside.put_right(end, y, &text, inside.role(Role::Dim));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry;

    #[test]
    fn help_has_every_action_of_every_place() {
        for (place, name) in PLACES {
            let help = Help::new(place);
            let lines = help.lines();
            for action in valid(place) {
                assert!(
                    lines.iter().any(|(_, _, line)| std::ptr::eq(*line, action)),
                    "{} of {name}",
                    action.title
                );
            }
            assert_eq!(lines.len(), registry::valid(place).count(), "{name}");
        }
    }
}
