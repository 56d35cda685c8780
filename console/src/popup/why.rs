//! Why is it not running? Every reason of every request that waits there.

use super::{Popup, info::Info, waiting_of};
use crate::{model::Model, theme::Role, time, words};

/// Requests explained at once.
const MOST: usize = 8;

/// Opens the explanation for what is selected.
pub(crate) fn open_why(model: &mut Model) {
    let selection = model.selection();
    let requests = waiting_of(model, &selection);
    let now_ms = model.shown_ms();
    let mut lines = Vec::new();
    for request in requests.iter().take(MOST) {
        if !lines.is_empty() {
            lines.push((Role::Text, String::new()));
        }
        let waits = time::span(now_ms - request.submitted_at_ms);
        let title = format!(
            "request {}   {}   waits {waits}   priority {}",
            request.id, request.builder, request.priority
        );
        lines.push((Role::Strong, title));
        lines.push((
            Role::Dim,
            format!("{}   {}", request.reason, words::source(&request.sourcestamps, None)),
        ));
        if request.waits.is_empty() {
            lines.push((Role::Text, "nothing holds it back: it is about to start".into()));
        }
        for wait in &request.waits {
            lines.push((Role::Text, format!("{} {}", model.glyphs.dot, words::wait(wait, now_ms))));
        }
    }
    if requests.len() > MOST {
        lines.push((Role::Dim, format!("and {} more", requests.len() - MOST)));
    }
    if lines.is_empty() {
        model.toast("nothing waits here", None);
    } else {
        model.popups.push(Popup::Info(Info::new("why is it not running?", lines)));
    }
}
