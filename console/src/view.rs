//! `view`: the whole screen from the model, at any size.

use ratatui::{buffer::Buffer, layout::Rect};

use crate::{
    canvas::Canvas,
    model::{LinkState, Model, SMALLEST},
    popup, screen,
    theme::Role,
    widget::{footer::footer, header::header},
};

/// Draws one frame.
pub(crate) fn view(model: &Model, buffer: &mut Buffer, area: Rect) {
    let mut canvas = Canvas::new(buffer, area, model.theme, model.glyphs);
    if model.is_too_small() {
        return too_small(model, &mut canvas);
    }
    let (width, height) = (canvas.width(), canvas.height());
    {
        let mut body = canvas.part(0, 2, width, height.saturating_sub(4));
        screen::view(model, &mut body);
        if matches!(model.link, LinkState::Down { .. }) && !model.is_offline() {
            // Old data stays readable, but nobody takes it for new.
            body.fade();
        }
    }
    header(model, &mut canvas);
    if !model.popups.is_empty() {
        let mut body = canvas.part(0, 2, width, height.saturating_sub(4));
        popup::view(model, &mut body);
    }
    footer(model, &mut canvas);
}

fn too_small(model: &Model, canvas: &mut Canvas<'_>) {
    let (columns, rows) = SMALLEST;
    let lines = [
        "linn needs a larger terminal".to_owned(),
        format!("at least {columns}x{rows}, this is {}x{}", model.size.0, model.size.1),
        match model.reds().len() {
            0 => "it goes on watching: all green".to_owned(),
            count => format!("it goes on watching: {count} red"),
        },
    ];
    for (y, line) in (0_u16..).zip(lines) {
        let role = if y == 0 { Role::Strong } else { Role::Text };
        canvas.say(0, y, &line, role);
    }
}
