//! A horizontal bar, to an eighth of a cell.

use ratatui::style::Style;

use crate::canvas::Canvas;

/// Draws `share` (0.0 to 1.0 and beyond, cut) of `cells`.
pub(crate) fn share(canvas: &mut Canvas<'_>, x: u16, y: u16, cells: u16, share: f64, style: Style) {
    let eighths = (share.clamp(0.0, 1.0) * f64::from(cells) * 8.0).round();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to eight times a u16 above"
    )]
    let eighths = eighths as u32;
    // Something that took time at all is seen.
    let eighths = if share > 0.0 { eighths.max(1) } else { 0 };
    let (full, rest) = (u16::try_from(eighths / 8).unwrap_or(cells), (eighths % 8) as usize);
    canvas.rule(x, y, full.min(cells), canvas.glyphs.block, style);
    if rest > 0 && full < cells {
        canvas.put(x + full, y, canvas.glyphs.eighths[rest - 1], style);
    }
}
