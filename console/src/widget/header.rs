//! The two head lines: which master and how it is; where the person is.
//!
//! The first line is a row of segments. Those of later versions (tree, on duty) come between these without moving them.

use ratatui::style::Style;

use crate::{
    canvas::{self, Canvas},
    glyph::State,
    model::{LinkState, Model, Place},
    screen::{self, waterfall},
    theme::Role,
    time,
    widget::strip::strip,
    words,
};

/// From this width on the head speaks in words.
const WIDE: u16 = 110;

/// Draws both lines.
pub(crate) fn header(model: &Model, canvas: &mut Canvas<'_>) {
    if let LinkState::Down { since_ms, why, retry_at_ms } = &model.link
        && !model.is_offline()
    {
        broken(model, canvas, *since_ms, why, *retry_at_ms);
    } else {
        facts(model, canvas);
    }
    place(model, canvas);
}

type Segment = Vec<(String, Style)>;

fn context(model: &Model) -> &str {
    match model.replica.master.as_ref().map(|master| master.title.as_str()) {
        Some(title) if !title.is_empty() => title,
        _ if !model.options.context.is_empty() => &model.options.context,
        _ => "linn",
    }
}

fn facts(model: &Model, canvas: &mut Canvas<'_>) {
    let wide = canvas.width() >= WIDE;
    let width = canvas.width();
    let end = canvas.put_right(
        width.saturating_sub(1),
        0,
        &model.zone.second(model.now_ms()),
        canvas.role(Role::Dim),
    );
    let mut x = canvas.put_cut(1, 0, width.min(25), context(model), canvas.role(Role::Context));
    if model.options.read_only {
        x = canvas.say(x + 1, 0, "RO", Role::Strong);
    }
    for (index, segment) in segments(model, canvas, wide).into_iter().enumerate() {
        let cells: u16 = segment.iter().map(|(text, _)| canvas::width(text)).sum();
        if x + cells + 4 > end {
            break;
        }
        x = if index == 0 {
            x + if wide { 2 } else { 1 }
        } else {
            canvas.say(x + 1, 0, canvas.glyphs.vertical, Role::Frame) + 1
        };
        for (text, style) in segment {
            x = canvas.put(x, 0, &text, style);
        }
    }
    let trouble = model.replica.master.as_ref().map(|master| &master.trouble);
    if let Some(trouble) = trouble.filter(|text| !text.is_empty()) {
        // However long the sentence is: that nothing new is started must not go unseen.
        x = canvas.say(x + 1, 0, canvas.glyphs.vertical, Role::Frame) + 1;
        canvas.put_cut(
            x,
            0,
            end.saturating_sub(1),
            &format!("! {trouble}"),
            canvas.role(Role::Alarm),
        );
    }
}

fn segments(model: &Model, canvas: &Canvas<'_>, wide: bool) -> Vec<Segment> {
    let theme = canvas.theme;
    let glyph = |state| canvas.glyphs.state(state).to_owned();
    let dim = theme.role(Role::Dim);
    let live = match (model.is_live(), model.latency_ms) {
        (false, _) => "linking".to_owned(),
        (true, None) => "live".to_owned(),
        (true, Some(0)) => "live <1ms".to_owned(),
        (true, Some(ms)) => format!("live {ms}ms"),
    };
    let mut segments = vec![vec![(live, dim)]];
    if model.is_offline() {
        return segments;
    }
    let reds = model.reds();
    let new = reds.iter().filter(|build| build.new_failure).count();
    let red_style =
        if reds.is_empty() { theme.state(State::Success) } else { theme.state(State::Failure) };
    segments.push(match (reds.len(), wide) {
        (0, true) => vec![(format!("{} all green", glyph(State::Success)), red_style)],
        (0, false) => vec![(format!("{} green", glyph(State::Success)), red_style)],
        (count, true) => {
            let text = if new > 0 {
                format!("{} {count} red, {new} new", glyph(State::Failure))
            } else {
                format!("{} {count} red", glyph(State::Failure))
            };
            vec![(text, red_style)]
        }
        (count, false) => {
            let text = if new > 0 {
                format!("{}{count} {new}new", glyph(State::Failure))
            } else {
                format!("{}{count}", glyph(State::Failure))
            };
            vec![(text, red_style)]
        }
    });
    let running = model.replica.running().count();
    let waiting = model.replica.waiting_count();
    let mut queue =
        format!("{}{running} {}{}", glyph(State::Running), glyph(State::Queued), waiting);
    if wide {
        queue = format!("{}{running}  {}{}", glyph(State::Running), glyph(State::Queued), waiting);
    }
    if let Some(oldest) = model.replica.waiting().map(|request| request.submitted_at_ms).min() {
        let age = time::age(model.shown_ms() - oldest);
        queue = if wide { format!("{queue} oldest {age}") } else { format!("{queue} {age}") };
    }
    segments.push(vec![(queue, theme.role(Role::Text))]);
    let all = model.replica.workers.len();
    let online = model.replica.workers.values().filter(|worker| worker.state == "online").count();
    let style = if online < all { theme.state(State::Warnings) } else { theme.role(Role::Text) };
    segments.push(vec![
        ((if wide { "workers " } else { "w " }).to_owned(), theme.role(Role::Text)),
        (format!("{online}/{all}"), style),
    ]);
    segments
}

/// The link is lost: since when, and what is done about it (C15).
fn broken(model: &Model, canvas: &mut Canvas<'_>, since_ms: i64, why: &str, retry_at_ms: i64) {
    let now_ms = model.now_ms();
    let width = canvas.width();
    let x = canvas.put_cut(1, 0, width.min(25), context(model), canvas.role(Role::Context));
    let alarm = canvas.role(Role::Alarm);
    let x = canvas.put(
        x + 2,
        0,
        &format!(
            "NO LINK since {} ({})",
            model.zone.second(since_ms),
            time::age(now_ms - since_ms)
        ),
        alarm,
    );
    let left = retry_at_ms - now_ms;
    let retry =
        if left <= 0 { "trying".to_owned() } else { format!("retry {}", time::age(left + 999)) };
    let x = canvas.put(x, 0, &format!(", old data, {retry}, ctrl-r now"), alarm);
    if width >= WIDE {
        canvas.put_cut(x + 2, 0, width.saturating_sub(1), why, canvas.role(Role::Dim));
    }
}

/// Where the person is, what of it is shown, and how.
fn place(model: &Model, canvas: &mut Canvas<'_>) {
    if model.is_offline() {
        return;
    }
    let wide = canvas.width() >= WIDE;
    let width = canvas.width();
    let aside = aside(model, canvas, wide);
    let end = canvas.put_right(width.saturating_sub(1), 1, &aside, canvas.role(Role::Dim));
    let mut x = 1;
    for (index, (text, style)) in crumbs(model, canvas, wide).into_iter().enumerate() {
        if index > 0 && !text.starts_with(' ') {
            x = canvas.say(x + 1, 1, canvas.glyphs.crumb, Role::Dim) + 1;
        }
        x = canvas.put_cut(x, 1, end.saturating_sub(1).max(x), &text, style);
    }
    let is_list = !matches!(model.place(), Place::Build(_) | Place::Log(_) | Place::Later(_));
    if is_list {
        // The strip keeps its place while crumbs and aside change.
        let from = if wide { x.max(30) + 1 } else { x + 1 };
        strip(canvas, model, from, 1, end.saturating_sub(from + 1));
    }
}

fn crumbs(model: &Model, canvas: &Canvas<'_>, wide: bool) -> Vec<(String, Style)> {
    let (strong, text) = (canvas.role(Role::Strong), canvas.role(Role::Text));
    let waiting = || model.replica.waiting_count();
    match model.place() {
        Place::Waterfall => {
            vec![("1 Waterfall".into(), strong), (filtered(&model.waterfall.filter), text)]
        }
        Place::Builders => vec![
            ("3 Builders".into(), strong),
            (
                format!("{} ({})", filtered(&model.builders.filter), model.replica.builders.len()),
                text,
            ),
        ],
        Place::Queue => {
            let running = model.replica.running().count();
            let mut facts = format!("{} waiting, {running} running", waiting());
            if !model.queue.filter.is_empty() {
                facts = format!("{} {facts}", model.queue.filter);
            }
            vec![("4 Queue".into(), strong), (facts, text)]
        }
        Place::Workers => {
            let online =
                model.replica.workers.values().filter(|worker| worker.state == "online").count();
            vec![
                ("5 Workers".into(), strong),
                (format!("{}, {online} up", model.replica.workers.len()), text),
            ]
        }
        Place::Later(number) => {
            vec![(format!("{number} {}", screen::later::title(*number)), strong)]
        }
        Place::Build(build) => {
            let mut crumbs =
                vec![(build.builder.clone(), strong), (format!("#{}", build.number), strong)];
            if wide && let Some(number) = model.trail.first().and_then(crate::update::number) {
                crumbs.insert(0, (format!("{number} {}", root_name(number)), text));
            }
            if let Some(found) = model.replica.build(build) {
                let state = State::of_build(found);
                let facts = screen::build::headline(found, model.shown_ms());
                crumbs.push((
                    format!("  {} {facts}", canvas.glyphs.state(state)),
                    canvas.theme.state(state),
                ));
            }
            crumbs
        }
        Place::Log(log) => {
            let found = model.replica.build(&log.build);
            let step =
                found.and_then(|build| build.steps.iter().find(|step| step.number == log.step));
            let name = step.map_or_else(|| log.step.to_string(), |step| step.name.clone());
            let mut crumbs = if wide {
                vec![
                    (log.build.builder.clone(), strong),
                    (format!("#{}", log.build.number), strong),
                    (name, strong),
                ]
            } else {
                vec![(name, strong), (log.build.to_string(), strong)]
            };
            crumbs.push((log.name.clone(), strong));
            if let Some(step) = step {
                let state = State::of_step(step);
                let took = words::step_duration_ms(step, model.shown_ms())
                    .map(time::step_span)
                    .unwrap_or_default();
                crumbs.push((
                    format!("  {} {took}", canvas.glyphs.state(state)),
                    canvas.theme.state(state),
                ));
            }
            crumbs
        }
    }
}

fn root_name(number: u8) -> &'static str {
    match number {
        1 => "Waterfall",
        3 => "Builders",
        4 => "Queue",
        5 => "Workers",
        _ => "",
    }
}

fn filtered(filter: &str) -> String {
    if filter.is_empty() { "all".into() } else { format!("/{filter}") }
}

fn aside(model: &Model, canvas: &Canvas<'_>, wide: bool) -> String {
    let glyphs = canvas.glyphs;
    match model.place() {
        Place::Waterfall => {
            let shown = waterfall::grid::widths(model).shown.min(waterfall::columns(model).len());
            let all = model.replica.builders.len();
            let unit = time::unit(model.waterfall.bucket_ms());
            let now = if model.waterfall.flipped { glyphs.now_down } else { glyphs.now_up };
            if wide {
                let now = if model.waterfall.flipped { "now at the bottom" } else { "now on top" };
                format!("{shown} of {all} builders   {unit}/row  {now}")
            } else {
                format!("{shown}/{all}  {unit}/row  {now}")
            }
        }
        Place::Builders => format!("sort: {}", model.builders.sort_name()),
        Place::Queue => {
            let oldest = model.replica.waiting().map(|request| request.submitted_at_ms).min();
            oldest.map_or_else(String::new, |oldest| {
                format!("oldest {}", time::span(model.shown_ms() - oldest))
            })
        }
        Place::Workers => format!("sort: {}", model.workers.sort_name()),
        Place::Later(_) => String::new(),
        Place::Build(build) => model.replica.build(build).map_or_else(String::new, |found| {
            let mut text = format!("{}  attempt {}", found.worker, found.attempt.max(1));
            if !wide {
                text = format!("{}  try {}", found.worker, found.attempt.max(1));
            }
            if found.new_failure { format!("{text}  NEW") } else { text }
        }),
        Place::Log(_) => screen::log::aside(model, wide),
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Look, farm, frame, text};

    #[test]
    fn trouble_is_seen_however_narrow() {
        for width in [80, 120] {
            let mut model = farm(width, 24, Look::Colour);
            let master = model.replica.master.as_mut().unwrap();
            master.trouble =
                "the disk under /srv/some/long/path is nearly full (3 MiB free)".into();
            let shown = text(&frame(&model));
            let first = shown.lines().next().unwrap_or_default();
            assert!(first.contains("! the disk under"), "{first}");
        }
    }
}
