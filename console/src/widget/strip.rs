//! The strip: one glyph for each builder, wherever you are; a bracket shows which ones the waterfall has in view.

use crate::{
    canvas::Canvas,
    glyph::State,
    model::{Model, Place},
    screen::waterfall,
    theme::Role,
};

/// Draws the strip in at most `cells`; gives how many it took.
pub(crate) fn strip(canvas: &mut Canvas<'_>, model: &Model, x: u16, y: u16, cells: u16) -> u16 {
    let builders = waterfall::ordered(model);
    if builders.is_empty() || cells < 8 {
        return 0;
    }
    let window = in_view(model);
    let first =
        builders.iter().position(|builder| Some(builder.name.as_str()) == window.first().copied());
    let bracketed = first.is_some() && window.len() < builders.len();
    let room = usize::from(cells).saturating_sub(if bracketed { 2 } else { 0 });
    // More builders than room: the part around what is in view.
    let from = match first {
        Some(first) if builders.len() > room => {
            first.saturating_sub((room.saturating_sub(window.len())) / 2)
        }
        _ => 0,
    }
    .min(builders.len().saturating_sub(room));
    let end = x.saturating_add(cells);
    let mut at = x;
    for (index, builder) in builders.iter().enumerate().skip(from).take(room) {
        let inside = first.is_some_and(|first| (first..first + window.len()).contains(&index));
        if bracketed && Some(index) == first {
            at = canvas.say(at, y, "[", Role::Dim);
        }
        let state = model.builder_state(&builder.name);
        // What runs is seen running, in the colour of what it has to make good.
        let runs = model.replica.running_of(&builder.name).is_some();
        let glyph = canvas.glyphs.state(if runs { State::Running } else { state });
        let style = canvas.theme.state(state);
        at = canvas.part(0, 0, end, y + 1).put(at, y, glyph, style);
        let last_inside = inside && first.is_some_and(|first| index + 1 == first + window.len());
        if bracketed && last_inside {
            at = canvas.say(at, y, "]", Role::Dim);
        }
    }
    at - x
}

/// The builders that the waterfall shows, when that is where we are.
fn in_view(model: &Model) -> Vec<&str> {
    if model.place() != &Place::Waterfall || !model.waterfall.filter.is_empty() {
        return Vec::new();
    }
    let shown = waterfall::grid::widths(model).shown;
    let columns = waterfall::columns(model);
    columns
        .iter()
        .skip(model.waterfall.first)
        .take(shown)
        .map(|builder| builder.name.as_str())
        .collect()
}
