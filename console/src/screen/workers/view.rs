//! Draws the list of workers.

use linn_proto::entity::Worker;

use super::{page, rows, state, word};
use crate::{canvas::Canvas, model::Model, replica::BuildRef, theme::Role, time, words};

pub(crate) fn view(model: &Model, canvas: &mut Canvas<'_>) {
    let rows = rows(model);
    let width = canvas.width();
    let longest = rows.iter().map(|worker| crate::canvas::width(&worker.name)).max().unwrap_or(0);
    let state_at = 4 + longest.clamp(9, 24) + 2;
    let job = state_at + 13;
    let seen = width.saturating_sub(if width >= 110 { 34 } else { 8 });
    for (x, title) in [(4, "worker"), (state_at, "state"), (job, "job"), (seen, "seen")] {
        canvas.say(x, 0, title, Role::Dim);
    }
    if width >= 110 {
        canvas.say(seen + 7, 0, "version", Role::Dim);
        canvas.say(seen + 16, 0, "platform", Role::Dim);
    }
    if rows.is_empty() {
        canvas.say(4, 2, "no workers", Role::Dim);
    }
    let now_ms = model.shown_ms();
    for (y, worker) in (1_u16..).zip(rows.into_iter().skip(model.workers.first).take(page(model))) {
        let style = canvas.theme.state(state(worker));
        canvas.state(1, y, state(worker));
        canvas.put_cut(4, y, state_at.saturating_sub(1), &worker.name, canvas.role(Role::Strong));
        canvas.put_cut(state_at, y, job.saturating_sub(1), &word(worker, now_ms), style);
        canvas.put_cut(
            job,
            y,
            seen.saturating_sub(1),
            &work(model, worker),
            canvas.role(Role::Text),
        );
        // Who is there was seen just now; a number that ticks would say nothing.
        let ago = match (worker.state.as_str(), worker.last_seen_at_ms) {
            ("online" | "paused" | "draining", _) => "now".to_owned(),
            (_, Some(at)) => time::age(now_ms - at),
            (_, None) => "-".to_owned(),
        };
        canvas.say(seen, y, &ago, Role::Dim);
        if width >= 110 {
            canvas.put_cut(seen + 7, y, seen + 15, &worker.version, canvas.role(Role::Dim));
            canvas.put_cut(seen + 16, y, width, &worker.platform, canvas.role(Role::Dim));
        }
        if model.workers.selected.as_ref() == Some(&worker.name) {
            canvas.tint(0, y, width, canvas.role(Role::Selected));
        }
    }
}

/// What it builds, or why it does not.
fn work(model: &Model, worker: &Worker) -> String {
    if worker.running.is_empty() {
        return worker.paused_reason.clone();
    }
    let now_ms = model.shown_ms();
    let jobs: Vec<String> = worker
        .running
        .iter()
        .map(|name| match BuildRef::parse(name).and_then(|id| model.replica.build(&id)) {
            Some(build) => {
                format!("{} #{} {}", build.builder, build.number, words::outcome(build, now_ms))
            }
            None => name.clone(),
        })
        .collect();
    jobs.join(", ")
}
