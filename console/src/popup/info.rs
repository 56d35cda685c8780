//! A box with something to read: an error in full sentences, or what another dialog has to say.

use crossterm::event::KeyCode;
use unicode_segmentation::UnicodeSegmentation;

use super::{After, Popup};
use crate::{
    canvas::{self, Canvas},
    keys::Stroke,
    model::Model,
    refusal::Refusal,
    theme::Role,
    widget::pane::{centred, pane},
};

pub(crate) const KEYS: &[(&str, &str)] = &[("j k", "scroll"), ("esc", "close")];

/// A line and its look.
pub(super) type Line = (Role, String);

/// The box.
#[derive(Clone, Debug)]
pub(crate) struct Info {
    title: String,
    lines: Vec<Line>,
    scrolled: usize,
}

impl Info {
    pub(crate) fn new(title: impl Into<String>, lines: Vec<Line>) -> Self {
        Self { title: title.into(), lines, scrolled: 0 }
    }

    pub(super) fn key(&mut self, model: &Model, stroke: Stroke) -> After {
        scroll(&mut self.scrolled, &self.lines, model, stroke)
    }

    pub(super) fn draw(&self, canvas: &mut Canvas<'_>) {
        draw(canvas, &self.title, &self.lines, self.scrolled);
    }
}

/// What a key does to a box of these lines.
pub(super) fn scroll(scrolled: &mut usize, lines: &[Line], model: &Model, stroke: Stroke) -> After {
    let most = Layout::new(lines, model.size.0, model.body_height()).most();
    match stroke.code {
        KeyCode::Down | KeyCode::Char('j') => *scrolled = (*scrolled + 1).min(most),
        // What is read, or the screen, may have become smaller meanwhile.
        KeyCode::Up | KeyCode::Char('k') => *scrolled = (*scrolled).min(most).saturating_sub(1),
        KeyCode::Esc | KeyCode::Enter | KeyCode::Char('q' | ' ') => return After::Close,
        _ => {}
    }
    After::Stay
}

/// A box as high as its lines need and its screen allows. Keys and picture ask the same one, so that scrolling ends where
/// the last row is seen.
struct Layout {
    width: u16,
    height: u16,
    rows: Vec<Line>,
}

impl Layout {
    fn new(lines: &[Line], columns: u16, screen: u16) -> Self {
        let width = columns.saturating_sub(8).min(76);
        let cells = usize::from(width.saturating_sub(4)).max(1);
        let rows: Vec<Line> = lines
            .iter()
            .flat_map(|(role, line)| wrap(line, cells).into_iter().map(|row| (*role, row)))
            .collect();
        let height = u16::try_from(rows.len()).unwrap_or(u16::MAX).saturating_add(4).min(screen);
        Self { width, height, rows }
    }

    /// Rows that can be scrolled away: the frame and the line above the text take three of the box.
    fn most(&self) -> usize {
        self.rows.len().saturating_sub(usize::from(self.height.saturating_sub(3)))
    }
}

/// Draws the box.
pub(super) fn draw(canvas: &mut Canvas<'_>, title: &str, lines: &[Line], scrolled: usize) {
    let layout = Layout::new(lines, canvas.width(), canvas.height());
    let mut part = centred(canvas, layout.width, layout.height);
    let mut inside = pane(&mut part, title, true);
    let scrolled = scrolled.min(layout.most());
    for (y, (role, row)) in (1_u16..).zip(layout.rows.iter().skip(scrolled)) {
        inside.say(0, y, row, *role);
    }
}

/// Shows that something was not done, and why, in full sentences.
pub(crate) fn error(model: &mut Model, what: String, why: String, hint: Option<String>) {
    show(model, what, vec![(Role::Text, why)], hint);
}

/// Shows what the master refused.
pub(crate) fn refused(model: &mut Model, what: String, refusal: Refusal) {
    let sentences = std::iter::once(refusal.sentence).chain(refusal.why);
    show(model, what, sentences.map(|sentence| (Role::Text, sentence)).collect(), refusal.hint);
}

fn show(model: &mut Model, what: String, mut lines: Vec<Line>, hint: Option<String>) {
    if let Some(hint) = hint {
        lines.push((Role::Text, String::new()));
        lines.push((Role::Dim, format!("try: {hint}")));
    }
    model.popups.push(Popup::Info(Info::new(what, lines)));
}

/// Breaks a text into rows at its ends of lines and at blanks; a word longer than a row is broken inside.
pub(crate) fn wrap(text: &str, cells: usize) -> Vec<String> {
    text.split('\n').flat_map(|line| wrap_line(line.trim_end_matches('\r'), cells)).collect()
}

fn wrap_line(line: &str, cells: usize) -> Vec<String> {
    let width = |text: &str| usize::from(canvas::width(text));
    let mut rows = vec![String::new()];
    let mut used = 0;
    for word in line.split(' ') {
        let gap = usize::from(used > 0);
        let length = width(word);
        if used > 0 && used + gap + length > cells {
            rows.push(String::new());
            used = 0;
        } else if let Some(row) = rows.last_mut().filter(|_| gap > 0) {
            row.push(' ');
            used += 1;
        }
        if used + length <= cells {
            if let Some(row) = rows.last_mut() {
                row.push_str(word);
                used += length;
            }
            continue;
        }
        for grapheme in word.graphemes(true) {
            let length = width(grapheme);
            if used > 0 && used + length > cells {
                rows.push(String::new());
                used = 0;
            }
            if let Some(row) = rows.last_mut() {
                row.push_str(grapheme);
                used += length;
            }
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Look, farm, frame, press, text};

    #[test]
    fn wraps_at_blanks() {
        assert_eq!(
            wrap("the master has no such build", 10),
            ["the master", "has no", "such build"]
        );
        assert_eq!(wrap("abcdefghijkl", 5), ["abcde", "fghij", "kl"]);
        assert_eq!(wrap("", 5), [""]);
    }

    #[test]
    fn wraps_by_cells_and_at_ends_of_lines() {
        assert_eq!(wrap("one\r\n\ntwo", 10), ["one", "", "two"]);
        assert_eq!(wrap("漢字漢字 x", 5), ["漢字", "漢字", "x"]);
        assert_eq!(wrap("ab 漢字漢字", 5), ["ab", "漢字", "漢字"]);
    }

    #[test]
    fn the_last_row_of_a_long_text_can_be_read() {
        let mut model = farm(80, 24, Look::Mono);
        let why = format!("{} end", "many words ".repeat(300));
        error(&mut model, "cannot".into(), why, None);
        for _ in 0..200 {
            press(&mut model, "j");
        }
        let shown = text(&frame(&model));
        assert!(shown.contains(" end") && shown.contains("many words"), "{shown}");
        press(&mut model, "k");
        assert!(!text(&frame(&model)).contains(" end"), "the first key up moves");
    }
}
