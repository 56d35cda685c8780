//! The last two lines: the selected thing in one sentence (or a toast), and the keys valid now.

use crate::{
    canvas::Canvas,
    glyph::State,
    model::{LinkState, Model},
    popup::Popup,
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
        let mut x = 1;
        let mut style = canvas.role(Role::Strong);
        if let Some(state) = toast.state {
            style = canvas.theme.state(state);
            x = canvas.put(x, y, canvas.glyphs.state(state), style) + 1;
        }
        canvas.put_cut(x, y, end, &toast.text, style);
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
