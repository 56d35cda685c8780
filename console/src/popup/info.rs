//! A box with something to read: an error in full sentences, or what another dialog has to say.

use crossterm::event::KeyCode;

use super::{After, Popup};
use crate::{
    canvas::Canvas,
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

    pub(super) fn key(&mut self, stroke: Stroke) -> After {
        scroll(&mut self.scrolled, self.lines.len(), stroke)
    }

    pub(super) fn draw(&self, canvas: &mut Canvas<'_>) {
        draw(canvas, &self.title, &self.lines, self.scrolled);
    }
}

/// What a key does to a box of so many lines.
pub(super) fn scroll(scrolled: &mut usize, lines: usize, stroke: Stroke) -> After {
    match stroke.code {
        KeyCode::Down | KeyCode::Char('j') => {
            *scrolled = (*scrolled + 1).min(lines.saturating_sub(1));
        }
        KeyCode::Up | KeyCode::Char('k') => *scrolled = scrolled.saturating_sub(1),
        KeyCode::Esc | KeyCode::Enter | KeyCode::Char('q' | ' ') => return After::Close,
        _ => {}
    }
    After::Stay
}

/// Draws a box as high as its lines need.
pub(super) fn draw(canvas: &mut Canvas<'_>, title: &str, lines: &[Line], scrolled: usize) {
    let width = canvas.width().saturating_sub(8).min(76);
    let cells = usize::from(width.saturating_sub(4)).max(1);
    let rows: Vec<Line> = lines
        .iter()
        .flat_map(|(role, line)| wrap(line, cells).into_iter().map(|row| (*role, row)))
        .collect();
    let height = u16::try_from(rows.len()).unwrap_or(u16::MAX).saturating_add(4);
    let mut part = centred(canvas, width, height);
    let mut inside = pane(&mut part, title, true);
    // What is read may have become shorter meanwhile.
    let scrolled = scrolled.min(rows.len().saturating_sub(1));
    for (y, (role, row)) in (1_u16..).zip(rows.iter().skip(scrolled)) {
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

/// Breaks a text into rows at blanks; a word longer than a row is broken inside.
pub(crate) fn wrap(text: &str, cells: usize) -> Vec<String> {
    let mut rows = vec![String::new()];
    for word in text.split(' ') {
        let mut word = word.to_owned();
        while let Some(row) = rows.last_mut() {
            let used = row.chars().count();
            let length = word.chars().count();
            let gap = usize::from(used > 0);
            if used + gap + length <= cells {
                if gap > 0 {
                    row.push(' ');
                }
                row.push_str(&word);
                break;
            }
            if used > 0 {
                rows.push(String::new());
                continue;
            }
            let head: String = word.chars().take(cells.max(1)).collect();
            word = word.chars().skip(cells.max(1)).collect();
            row.push_str(&head);
            rows.push(String::new());
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wraps_at_blanks() {
        assert_eq!(
            wrap("the master has no such build", 10),
            ["the master", "has no", "such build"]
        );
        assert_eq!(wrap("abcdefghijkl", 5), ["abcde", "fghij", "kl"]);
        assert_eq!(wrap("", 5), [""]);
    }
}
