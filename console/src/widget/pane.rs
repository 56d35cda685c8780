//! A frame with a title around a part of the screen.

use crate::{canvas::Canvas, theme::Role};

/// Draws the frame and gives what is inside: one cell of frame and one of air at the sides.
pub(crate) fn pane<'a>(canvas: &'a mut Canvas<'_>, title: &str, active: bool) -> Canvas<'a> {
    let (width, height) = (canvas.width(), canvas.height());
    let role = if active { Role::FrameActive } else { Role::Frame };
    let style = canvas.role(role);
    if width >= 2 && height >= 2 {
        let [top_left, top_right, bottom_left, bottom_right] = canvas.glyphs.corners;
        let (right, bottom) = (width - 1, height - 1);
        canvas.rule(1, 0, width - 2, canvas.glyphs.horizontal, style);
        canvas.rule(1, bottom, width - 2, canvas.glyphs.horizontal, style);
        for y in 1..bottom {
            canvas.put(0, y, canvas.glyphs.vertical, style);
            canvas.put(right, y, canvas.glyphs.vertical, style);
        }
        for (x, y, corner) in [
            (0, 0, top_left),
            (right, 0, top_right),
            (0, bottom, bottom_left),
            (right, bottom, bottom_right),
        ] {
            canvas.put(x, y, corner, style);
        }
        if !title.is_empty() {
            let end = right.saturating_sub(1);
            let title_style = canvas.role(if active { Role::Strong } else { Role::Text });
            canvas.put(1, 0, " ", style);
            let after = canvas.put_cut(2, 0, end, title, title_style);
            canvas.put(after, 0, " ", style);
        }
    }
    canvas.part(2, 1, width.saturating_sub(4), height.saturating_sub(2))
}

/// A box over the middle of the screen: cleared, framed, as large as wanted and possible.
pub(crate) fn centred<'a>(canvas: &'a mut Canvas<'_>, width: u16, height: u16) -> Canvas<'a> {
    let (width, height) = (width.min(canvas.width()), height.min(canvas.height()));
    let x = (canvas.width() - width) / 2;
    let y = (canvas.height() - height) / 2;
    let mut part = canvas.part(x, y, width, height);
    part.clear();
    part
}
