//! Draws the queue.

use linn_proto::entity::{Build, BuildRequest, BuildState};

use super::{Row, rows};
use crate::{canvas::Canvas, glyph::State, model::Model, theme::Role, time, widget::bar, words};

/// Where the columns begin.
struct Columns {
    builder: u16,
    priority: u16,
    waits: u16,
    reason: u16,
    /// Only on wide screens.
    who: Option<u16>,
}

impl Columns {
    fn new(width: u16, longest: u16) -> Self {
        let builder = 12;
        let priority = builder + longest.clamp(10, if width >= 110 { 28 } else { 16 }) + 1;
        let waits = priority + 6;
        let reason = waits + 8;
        let who = (width >= 110).then(|| width.saturating_sub(24));
        Self { builder, priority, waits, reason, who }
    }
}

pub(crate) fn view(model: &Model, canvas: &mut Canvas<'_>) {
    let rows = rows(model);
    let longest = rows.iter().map(|row| match row {
        Row::Rule(_) => 0,
        Row::Waiting(request) => crate::canvas::width(&request.builder),
        Row::Running(build) => crate::canvas::width(&build.builder),
    });
    let columns = Columns::new(canvas.width(), longest.max().unwrap_or(0));
    let mut titles = vec![
        (4, "request"),
        (columns.builder, "builder"),
        (columns.priority, "prio"),
        (columns.waits, "waits"),
        (columns.reason, "reason"),
    ];
    titles.extend(columns.who.map(|x| (x, "who")));
    for (x, title) in titles {
        canvas.say(x, 0, title, Role::Dim);
    }
    if rows.is_empty() {
        let text = if model.queue.filter.is_empty() {
            "nothing waits and nothing runs"
        } else {
            "nothing passes the filter; esc clears it"
        };
        canvas.say(4, 2, text, Role::Dim);
    }
    let page = usize::from(canvas.height()).saturating_sub(1);
    for (y, row) in (1_u16..).zip(rows.iter().skip(model.queue.first).take(page)) {
        match row {
            Row::Rule(name) => rule(canvas, y, name),
            Row::Waiting(request) => waiting(model, canvas, &columns, y, request),
            Row::Running(build) => running(model, canvas, &columns, y, build),
        }
        if row.id().is_some() && row.id() == model.queue.selected {
            canvas.tint(0, y, canvas.width(), canvas.role(Role::Selected));
        }
    }
}

fn rule(canvas: &mut Canvas<'_>, y: u16, name: &str) {
    let style = canvas.role(Role::Frame);
    canvas.rule(0, y, canvas.width(), canvas.glyphs.dashes, style);
    canvas.put(2, y, &format!(" {name} "), canvas.role(Role::Dim));
}

fn waiting(
    model: &Model,
    canvas: &mut Canvas<'_>,
    columns: &Columns,
    y: u16,
    request: &BuildRequest,
) {
    let now_ms = model.shown_ms();
    let end = columns.who.map_or(canvas.width(), |who| who.saturating_sub(1));
    canvas.state(1, y, words::wait_state(&request.waits));
    canvas.say(4, y, &request.id.to_string(), Role::Text);
    canvas.put_cut(
        columns.builder,
        y,
        columns.priority.saturating_sub(1),
        &request.builder,
        canvas.role(Role::Strong),
    );
    canvas.say(columns.priority, y, &request.priority.to_string(), Role::Dim);
    let waits = now_ms - request.submitted_at_ms;
    let waits = if waits >= 3_600_000 { time::age(waits) } else { time::span(waits) };
    canvas.say(columns.waits, y, &waits, Role::Text);
    let reason = request
        .waits
        .first()
        .map_or_else(|| "about to start".into(), |wait| words::wait(wait, now_ms));
    canvas.put_cut(columns.reason, y, end, &reason, canvas.role(Role::Text));
    if let Some(x) = columns.who {
        let who = if request.owners.is_empty() {
            request.reason.clone()
        } else {
            words::people(&request.owners, 3)
        };
        canvas.put_cut(x, y, canvas.width(), &who, canvas.role(Role::Dim));
    }
}

fn running(model: &Model, canvas: &mut Canvas<'_>, columns: &Columns, y: u16, build: &Build) {
    let now_ms = model.shown_ms();
    let end = columns.who.map_or(canvas.width(), |who| who.saturating_sub(1));
    let stopping = build.state() == BuildState::Stopping;
    let state = if stopping { State::Cancelled } else { State::of_build(build) };
    canvas.state(1, y, state);
    let id =
        build.request_ids.first().map_or_else(|| format!("#{}", build.number), ToString::to_string);
    canvas.say(4, y, &id, Role::Text);
    canvas.put_cut(
        columns.builder,
        y,
        columns.priority.saturating_sub(1),
        &build.builder,
        canvas.role(Role::Strong),
    );
    let request = build.request_ids.first().and_then(|id| model.replica.requests.get(id));
    if let Some(request) = request {
        canvas.say(columns.priority, y, &request.priority.to_string(), Role::Dim);
        let waited = time::span(build.started_at_ms - request.submitted_at_ms);
        canvas.say(columns.waits, y, &waited, Role::Dim);
    }
    let mut x = columns.reason;
    if stopping {
        canvas.put_cut(
            x,
            y,
            end,
            &format!("being stopped: {}", build.stop_reason),
            canvas.role(Role::Text),
        );
    } else {
        if let Some(share) = words::percent(build.started_at_ms, build.usual_ms, now_ms) {
            canvas.rule(x, y, 10, canvas.glyphs.empty, canvas.role(Role::Frame));
            #[expect(clippy::cast_precision_loss, reason = "a share below a hundred")]
            bar::share(canvas, x, y, 10, share as f64 / 100.0, canvas.theme.state(State::Running));
            canvas.say(x + 11, y, &format!("{share:>3}%"), Role::Text);
        } else {
            let took = time::span(words::duration_ms(build, now_ms));
            canvas.say(x, y, &format!("{took:>9} so far"), Role::Dim);
        }
        x += 17;
        let text = format!("{}  {}", words::outcome(build, now_ms), build.worker);
        canvas.put_cut(x.min(end), y, end, &text, canvas.role(Role::Text));
    }
    if let (Some(x), Some(request)) = (columns.who, request) {
        let who = if request.owners.is_empty() {
            request.reason.clone()
        } else {
            words::people(&request.owners, 3)
        };
        canvas.put_cut(x, y, canvas.width(), &who, canvas.role(Role::Dim));
    }
}
