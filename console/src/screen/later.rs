//! Screens that later versions bring: their keys already say what will be there (contract.md N3).

use crate::{canvas::Canvas, theme::Role};

/// The title of a numbered screen.
pub(crate) fn title(number: u8) -> &'static str {
    match number {
        2 => "Grid",
        6 => "Changes",
        7 => "Inbox",
        8 => "Locks and schedulers",
        9 => "Events and audit",
        0 => "Users",
        _ => "",
    }
}

/// What it will answer, and when it comes.
fn promise(number: u8) -> &'static str {
    match number {
        2 => {
            "Which change broke what. It comes with blame ranges; until then: linn builds, linn changes."
        }
        6 => "What came in, and how far it is. It comes with the grid; until then: linn changes.",
        7 => {
            "What you must look at. It comes with failure signatures and claims; until then: e walks the reds."
        }
        8 => "Who blocks, what triggers. It comes with locks; until then: linn schedulers.",
        9 => "Who did what. It comes with people and rights; until then: linn events -f.",
        0 => {
            "Who is who, who is told. It comes with people and rights; until then: linn changes names the authors."
        }
        _ => "",
    }
}

/// Draws the one line under the title of the frame.
pub(crate) fn view(number: u8, canvas: &mut Canvas<'_>) {
    let text = promise(number);
    let width = usize::from(canvas.width().saturating_sub(4)).max(1);
    let mut y = 1;
    let mut line = String::new();
    for word in text.split(' ') {
        if !line.is_empty() && line.len() + 1 + word.len() > width {
            canvas.say(2, y, &line, Role::Text);
            line.clear();
            y += 1;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    canvas.say(2, y, &line, Role::Text);
}
