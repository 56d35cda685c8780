//! Why is it not running? Every reason of every request that waits there, as it is now: the dialog reads the model each
//! time it is drawn, so what changes while somebody looks is seen.

use super::{
    After, Popup,
    info::{self, Line},
    waiting_of,
};
use crate::{
    canvas::Canvas,
    keys::Stroke,
    model::{Model, Selection},
    theme::Role,
    time, words,
};

/// Requests explained at once.
const MOST: usize = 8;

/// The dialog: of what, and how far down.
#[derive(Clone, Debug)]
pub(crate) struct Why {
    of: Selection,
    scrolled: usize,
}

impl Why {
    pub(super) fn key(&mut self, model: &Model, stroke: Stroke) -> After {
        let lines = self.lines(model);
        info::scroll(&mut self.scrolled, &lines, model, stroke)
    }

    pub(super) fn draw(&self, model: &Model, canvas: &mut Canvas<'_>) {
        info::draw(canvas, "why is it not running?", &self.lines(model), self.scrolled);
    }

    fn lines(&self, model: &Model) -> Vec<Line> {
        let requests = waiting_of(model, &self.of);
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
                let wait = words::wait(wait, now_ms);
                lines.push((Role::Text, format!("{} {wait}", model.glyphs.dot)));
            }
        }
        if requests.len() > MOST {
            lines.push((Role::Dim, format!("and {} more", requests.len() - MOST)));
        }
        if lines.is_empty() {
            lines.push((Role::Text, self.over(model)));
        }
        lines
    }

    /// What became of it: nothing waits any more.
    fn over(&self, model: &Model) -> String {
        let request = self.of.request.and_then(|id| model.replica.requests.get(&id));
        match request.and_then(|request| request.builds.last()) {
            Some(build) => format!("it waits no longer: {build} was started for it"),
            None => "nothing waits here any more".to_owned(),
        }
    }
}

/// Opens the explanation for what is selected.
pub(crate) fn open_why(model: &mut Model) {
    let of = model.selection();
    if waiting_of(model, &of).is_empty() {
        model.toast("nothing waits here", None);
    } else {
        model.popups.push(Popup::Why(Why { of, scrolled: 0 }));
    }
}
