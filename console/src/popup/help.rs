//! The keys of a place, straight from the registry. Typing searches, tab shows every place.

use crossterm::event::KeyCode;

use super::After;
use crate::{
    canvas::Canvas,
    keys::Stroke,
    model::Model,
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

    pub(super) fn key(&mut self, model: &Model, stroke: Stroke) -> After {
        let most = self.most(model);
        match stroke.code {
            KeyCode::Esc => return After::Close,
            // Who opened it by mistake closes it with the same key.
            KeyCode::Char('?' | 'q') if self.input.text().is_empty() => return After::Close,
            KeyCode::Tab => {
                self.all = !self.all;
                self.scrolled = 0;
            }
            KeyCode::Down => self.scrolled = (self.scrolled + 1).min(most),
            KeyCode::PageDown => self.scrolled = (self.scrolled + 10).min(most),
            // The screen may have grown since.
            KeyCode::Up => self.scrolled = self.scrolled.min(most).saturating_sub(1),
            KeyCode::PageUp => self.scrolled = self.scrolled.min(most).saturating_sub(10),
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

    fn lists(&self) -> bool {
        self.all || !self.input.text().is_empty()
    }

    /// How far down there is something to see.
    fn most(&self, model: &Model) -> usize {
        let (columns, screen) = (model.size.0, model.body_height());
        let (lines, shown) = if self.lists() {
            let lines = self.lines().len();
            (lines, List::new(lines, columns, screen).shown())
        } else {
            let rows = overview(self.scope, columns, model.glyphs.ascii).len();
            (rows, usize::from(height(rows, screen).saturating_sub(3)))
        };
        lines.saturating_sub(shown)
    }

    pub(super) fn draw(&self, model: &Model, canvas: &mut Canvas<'_>) {
        let first = self.scrolled.min(self.most(model));
        if self.lists() {
            self.draw_list(canvas, first);
        } else {
            self.draw_overview(canvas, first);
        }
    }

    /// All keys of the place on one page: the first key of each with its word, group by group.
    fn draw_overview(&self, canvas: &mut Canvas<'_>, first: usize) {
        let width = overview_width(canvas.width());
        let rows = overview(self.scope, canvas.width(), canvas.glyphs.ascii);
        let height = height(rows.len(), canvas.height());
        let mut part = centred(canvas, width, height);
        let mut inside = pane(&mut part, &format!("keys: {}", self.place()), true);
        for (y, (group, row)) in (1_u16..).zip(rows.iter().skip(first)) {
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

    fn draw_list(&self, canvas: &mut Canvas<'_>, first: usize) {
        let lines = self.lines();
        let list = List::new(lines.len(), canvas.width(), canvas.height());
        let (columns, page, shown) = (list.columns, list.page, list.shown());
        let width = if columns == 2 { 112 } else { 76 };
        let title = if self.all {
            "keys: all screens".to_owned()
        } else {
            format!("keys: {}", self.place())
        };
        let mut part = centred(canvas, width, list.height);
        let mut inside = pane(&mut part, &title, true);
        if !self.input.text().is_empty() {
            let text = format!("/{}", self.input.text());
            inside.say(0, 0, &text, Role::Key);
        }
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
            let text = ascii_name(&text, inside.glyphs.ascii);
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

/// The box of so many rows, as far as the screen has room.
fn height(rows: usize, screen: u16) -> u16 {
    u16::try_from(rows).unwrap_or(u16::MAX).saturating_add(4).min(screen)
}

/// How the list of keys is laid out.
struct List {
    /// Two where they fit.
    columns: u16,
    height: u16,
    /// Lines of one column.
    page: u16,
}

impl List {
    fn new(lines: usize, width: u16, screen: u16) -> Self {
        let columns = if width >= 110 { 2 } else { 1 };
        let height = height(lines.div_ceil(usize::from(columns)), screen);
        Self { columns, height, page: height.saturating_sub(4) }
    }

    fn shown(&self) -> usize {
        usize::from(self.page) * usize::from(self.columns)
    }
}

fn overview_width(columns: u16) -> u16 {
    columns.saturating_sub(4).min(100)
}

/// The rows of the overview: a group's name, where it begins, and pairs of key and word.
fn overview(
    scope: Scopes,
    columns: u16,
    ascii: bool,
) -> Vec<(&'static str, Vec<(String, String)>)> {
    let cells = overview_width(columns).saturating_sub(14);
    let mut rows = Vec::new();
    for group in Group::ALL {
        let mut name = group.name();
        let mut row = Vec::new();
        let mut used = 0;
        for action in valid(scope).filter(|action| action.group == group) {
            let (key, word) = (shown_key(action), ascii_name(action.name, ascii));
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
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        registry,
        testing::{Look, farm, frame, press, text},
    };

    #[test]
    fn scrolling_ends_where_the_last_line_is_seen() {
        let mut model = farm(80, 15, Look::Mono);
        for open in ["?", "tab"] {
            press(&mut model, open);
            let top = text(&frame(&model));
            for _ in 0..100 {
                press(&mut model, "down");
            }
            let foot = text(&frame(&model));
            assert_ne!(top, foot, "{open}");
            press(&mut model, "up");
            assert_ne!(text(&frame(&model)), foot, "{open}: the first key up moves");
        }
    }

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
