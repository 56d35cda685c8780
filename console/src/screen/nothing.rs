//! A farm without a builder: what the newcomer sees when linn could not tell how a checkout is built. What to write stands
//! here whole, for as long as there is nothing else to show.

use crate::{canvas::Canvas, model::Model, popup, theme::Role};

/// Says that there are no builders, and what the greeting advised.
pub(crate) fn no_builders(model: &Model, canvas: &mut Canvas<'_>) {
    let text = "no builders yet: the configuration has none, or it is still being read";
    canvas.say(2, 1, text, Role::Dim);
    let advice = model.options.greeting.iter().flat_map(|text| text.lines());
    let cells = usize::from(canvas.width().saturating_sub(4));
    // A single line stands in the sentence line below already.
    let lines: Vec<String> = advice.flat_map(|line| popup::wrap(line, cells)).collect();
    if lines.len() > 1 {
        for (y, line) in (3_u16..).zip(lines) {
            canvas.say(2, y, &line, Role::Text);
        }
    }
}
