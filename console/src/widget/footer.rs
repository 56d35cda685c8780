//! The last two lines: the selected thing in one sentence (or a toast), and the keys valid now.

use crate::{
    canvas::Canvas,
    glyph::State,
    model::{LinkState, Model, Toast},
    popup::{Popup, info},
    registry::{self, ActionId},
    theme::Role,
    update::{self, Hindrance},
    widget::sentence,
};

/// Draws both lines at the foot of the screen.
pub(crate) fn footer(model: &Model, canvas: &mut Canvas<'_>) {
    let height = canvas.height();
    let (said, keys) = (height.saturating_sub(2), height.saturating_sub(1));
    match model.popups.last() {
        Some(Popup::Prompt(prompt)) => prompt.draw(canvas, said),
        _ => sentence_line(model, canvas, said),
    }
    match model.popups.last() {
        Some(popup) => plain_keys(canvas, keys, popup.keys()),
        None => valid_keys(model, canvas, keys),
    }
}

fn sentence_line(model: &Model, canvas: &mut Canvas<'_>, y: u16) {
    let mut end = canvas.width().saturating_sub(1);
    if let Some(pending) = model.deeds.pending.last() {
        let text = format!("{} {}", canvas.glyphs.state(State::Queued), pending.words());
        end = canvas.put_right(end, y, &text, canvas.role(Role::Key)).saturating_sub(2);
    }
    if let Some(toast) = model.toasts.front() {
        draw_toast(toast, canvas, y, end);
        return;
    }
    if let LinkState::Down { since_ms, .. } = &model.link
        && !model.is_offline()
    {
        let text = format!(
            "frozen at {}. Actions wait until the link is back; reading works.",
            model.zone.second(*since_ms)
        );
        canvas.put_cut(1, y, end, &text, canvas.role(Role::Text));
        return;
    }
    if !model.is_offline() {
        sentence::selected(model, canvas, y, end);
    }
}

/// A toast that needs more than its row takes some of those above it.
fn draw_toast(toast: &Toast, canvas: &mut Canvas<'_>, y: u16, end: u16) {
    const MOST: u16 = 3;
    let mut x = 1;
    let mut style = canvas.role(Role::Strong);
    if let Some(state) = toast.state {
        style = canvas.theme.state(state);
        x += 2;
    }
    let rows = info::wrap(&toast.text, usize::from(end.saturating_sub(x)));
    let above = u16::try_from(rows.len()).unwrap_or(MOST).clamp(1, MOST) - 1;
    let top = y.saturating_sub(above);
    canvas.part(0, top, canvas.width(), y - top).clear();
    if let Some(state) = toast.state {
        canvas.put(1, top, canvas.glyphs.state(state), style);
    }
    let last = usize::from(above);
    for (row, at) in rows.iter().zip(top..y) {
        canvas.put_cut(x, at, end, row, style);
    }
    // What is more than fits is cut in the last row, with the mark for it.
    let rest = rows.get(last..).unwrap_or_default().join(" ");
    canvas.put_cut(x, y, end, &rest, style);
}

/// The registry's keys of this place: those that can be pressed now bright, those without a right dim.
fn valid_keys(model: &Model, canvas: &mut Canvas<'_>, y: u16) {
    let scope = model.scope();
    if let Some(first) = model.chord {
        let text = format!("{first} …");
        canvas.say(1, y, &text, Role::Key);
        return;
    }
    let width = canvas.width().saturating_sub(1);
    let help = registry::valid(scope).find(|action| action.id == ActionId::Help);
    let help_cells = if help.is_some() { 8 } else { 0 };
    let mut x = 1;
    for action in
        registry::valid(scope).filter(|action| action.footer && action.id != ActionId::Help)
    {
        let possible = update::possible(model, action);
        if matches!(possible, Err(Hindrance::Missing(_))) {
            continue;
        }
        let key = registry::shown_key(action);
        let cells = crate::canvas::width(&key) + 1 + crate::canvas::width(action.name);
        if x + cells + help_cells > width {
            continue;
        }
        let (key_role, name_role) =
            if possible.is_err() { (Role::Dim, Role::Dim) } else { (Role::Key, Role::Text) };
        x = canvas.say(x, y, &key, key_role);
        x = canvas.say(x + 1, y, &ascii_name(action.name, canvas.glyphs.ascii), name_role) + 2;
    }
    if let Some(help) = help {
        x = canvas.say(x, y, "?", Role::Key);
        canvas.say(x + 1, y, help.name, Role::Text);
    }
}

/// The ellipsis of names that open a dialog has an ASCII shape.
pub(crate) fn ascii_name(name: &str, ascii: bool) -> String {
    if ascii { name.replace('…', "...") } else { name.to_owned() }
}

/// Keys of a popup: pairs of key and word, two blanks between; where they do not fit, one blank.
fn plain_keys(canvas: &mut Canvas<'_>, y: u16, keys: &[(&str, &str)]) {
    let cells = |(key, name): &(&str, &str)| key.chars().count() + name.chars().count() + 1;
    let wanted = 1 + keys.iter().map(cells).sum::<usize>() + 2 * keys.len().saturating_sub(1);
    let gap = if wanted > usize::from(canvas.width()) { 1 } else { 2 };
    let mut x = 1;
    for (key, name) in keys {
        x = canvas.say(x, y, key, Role::Key);
        x = canvas.say(x + 1, y, name, Role::Text) + gap;
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Look, farm, frame, text};

    #[test]
    fn a_long_toast_is_shown_whole() {
        let mut model = farm(80, 24, Look::Colour);
        let said = "no master.star here, so linn found out by itself how this is built: `make`; to change that: \
                    linn init, which writes a master.star to begin with";
        model.toast(said, None);
        let shown = text(&frame(&model));
        let words: Vec<&str> = shown.split_whitespace().collect();
        let said: Vec<&str> = said.split_whitespace().collect();
        assert!(words.windows(said.len()).any(|window| window == said), "{shown}");
        model.toast("word ".repeat(200), None);
        let shown = text(&frame(&model));
        let rows: Vec<&str> = shown.lines().collect();
        assert!(
            rows[18].contains('│') || !rows[18].contains("word word"),
            "three rows at most: {shown}"
        );
        assert!(
            rows[22].ends_with('…') || rows[22].contains("word…") || rows[22].contains("wor…"),
            "{shown}"
        );
    }
}
