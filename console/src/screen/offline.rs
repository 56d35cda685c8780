//! The first screen when no master answers: says so, goes on trying, and offers to start one (architecture.md 13).

use crate::{
    canvas::Canvas,
    model::{LinkState, Model},
    theme::Role,
    time,
};

/// Draws it.
pub(crate) fn view(model: &Model, canvas: &mut Canvas<'_>) {
    let x = 4.min(canvas.width() / 10);
    let end = canvas.width().saturating_sub(1);
    let middle = canvas.height() / 3;
    let server = &model.options.server;
    match &model.link {
        LinkState::Dialling => {
            canvas.put_cut(
                x,
                middle,
                end,
                &format!("looking for a master at {server}"),
                canvas.role(Role::Text),
            );
        }
        LinkState::Live => {
            canvas.put_cut(
                x,
                middle,
                end,
                "the master answers; its state is on the way",
                canvas.role(Role::Text),
            );
        }
        LinkState::Down { why, retry_at_ms, .. } => {
            canvas.put_cut(
                x,
                middle,
                end,
                &format!("no master answers at {server}"),
                canvas.role(Role::Strong),
            );
            canvas.put_cut(x, middle + 1, end, why, canvas.role(Role::Dim));
            let left = retry_at_ms - model.now_ms();
            let retry = if left <= 0 {
                "trying again".into()
            } else {
                format!("trying again in {}", time::age(left + 999))
            };
            canvas.put_cut(x, middle + 2, end, &retry, canvas.role(Role::Dim));
            if model.options.offer_up {
                let at = canvas.say(x, middle + 4, "enter", Role::Key);
                let text = "starts one here: master, two workers, console (linn up)";
                canvas.put_cut(at + 1, middle + 4, end, text, canvas.role(Role::Text));
                let at = canvas.say(x, middle + 5, "    q", Role::Key);
                canvas.say(at + 1, middle + 5, "leaves", Role::Text);
            }
        }
    }
}
