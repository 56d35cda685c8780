//! Draws the list of builders and, where there is room, a preview of the selected one.

use linn_proto::entity::BuildState;
use ratatui::style::Style;

use super::{Row, page, preview_height, rows};
use crate::{
    canvas::Canvas, glyph::State, model::Model, screen::waterfall, theme::Role, time,
    widget::pane::pane, words,
};

/// Builds shown of each builder.
const RECENT: usize = 20;

/// Where the columns begin.
struct Columns {
    state: u16,
    since: u16,
    recent: u16,
    eta: u16,
    queue: u16,
    workers: u16,
    /// Only on wide screens.
    usual: Option<u16>,
    blame: Option<u16>,
}

impl Columns {
    fn new(width: u16, longest: u16) -> Self {
        // What is left over at 80 columns goes to the name, as far as the name needs it.
        let name = longest.clamp(11, width.saturating_sub(69).clamp(11, 32));
        let state = 3 + name + 1;
        let since = state + 12;
        let recent = since + 7;
        let eta = recent + 23;
        let queue = eta + 7;
        let workers = queue + 6;
        let usual = (width >= workers + 20).then_some(workers + 9);
        let blame = usual.map(|usual| usual + 8).filter(|blame| width >= blame + 14);
        Self { state, since, recent, eta, queue, workers, usual, blame }
    }
}

pub(crate) fn view(model: &Model, canvas: &mut Canvas<'_>) {
    let (rows, folded) = rows(model);
    let longest = rows.iter().map(|row| crate::canvas::width(&row.builder.name)).max().unwrap_or(0);
    let columns = Columns::new(canvas.width(), longest);
    heading(canvas, &columns);
    let shown = page(model);
    let mut y = 1;
    for row in rows.iter().skip(model.builders.first).take(shown) {
        draw_row(model, canvas, &columns, y, row);
        y += 1;
    }
    if folded > 0 && usize::from(y) <= shown {
        canvas.say(3, y, &format!("{folded} more ok: press . to unfold"), Role::Dim);
    }
    if rows.is_empty() {
        let text = if model.builders.filter.is_empty() {
            "no builders"
        } else {
            "nothing passes the filter; esc clears it"
        };
        canvas.say(3, 1, text, Role::Dim);
    }
    let preview = preview_height(model);
    if preview > 0
        && let Some(row) =
            rows.iter().find(|row| Some(&row.builder.name) == model.builders.selected.as_ref())
    {
        let (width, height) = (canvas.width(), canvas.height());
        let mut part = canvas.part(0, height.saturating_sub(preview), width, preview);
        let title = format!("{}   {}", row.builder.name, row.builder.description);
        let mut inside = pane(&mut part, title.trim_end(), false);
        draw_preview(model, &mut inside, row);
    }
}

fn heading(canvas: &mut Canvas<'_>, columns: &Columns) {
    let mut titles = vec![
        (3, "builder"),
        (columns.state, "state"),
        (columns.since, "since"),
        (columns.recent, "last 20 builds"),
        (columns.eta, "eta"),
        (columns.queue, "queue"),
        (columns.workers, "workers"),
    ];
    titles.extend(columns.usual.map(|x| (x, "usual")));
    titles.extend(columns.blame.map(|x| (x, "blame")));
    for (x, title) in titles {
        canvas.say(x, 0, title, Role::Dim);
    }
}

/// What a state is called here.
fn word(model: &Model, row: &Row<'_>) -> String {
    let newest_red = model.replica.last_verdict(&row.builder.name);
    match row.state {
        State::Failure | State::Exception => {
            let new = newest_red.is_some_and(|build| build.new_failure);
            format!("{}{}", row.state.word(), if new { " new" } else { "" })
        }
        State::Warnings => "WARN".into(),
        State::Never => "never built".into(),
        State::Lost => "no worker".into(),
        State::Running => "running".into(),
        State::Queued => "waits".into(),
        state => state.word().into(),
    }
}

fn draw_row(model: &Model, canvas: &mut Canvas<'_>, columns: &Columns, y: u16, row: &Row<'_>) {
    let builder = row.builder;
    let chosen = model.builders.selected.as_ref() == Some(&builder.name);
    let style = canvas.theme.state(row.state);
    let now_ms = model.shown_ms();
    canvas.state(1, y, row.state);
    let name = canvas.role(if chosen { Role::Strong } else { Role::Text });
    canvas.put_cut(3, y, columns.state.saturating_sub(1), &builder.name, name);
    canvas.put_cut(columns.state, y, columns.since.saturating_sub(1), &word(model, row), style);
    let since = row.since_ms.map_or_else(String::new, |since| time::age(now_ms - since));
    canvas.say(columns.since, y, &since, Role::Text);
    recent(model, canvas, columns.recent, y, &builder.name);
    let eta = builder.eta_ms.map_or_else(|| "-".into(), |eta| model.zone.minute(eta));
    canvas.say(columns.eta, y, &eta, if builder.eta_ms.is_some() { Role::Text } else { Role::Dim });
    let queue = if builder.pending > 0 { Role::Text } else { Role::Dim };
    canvas.say(columns.queue, y, &builder.pending.to_string(), queue);
    let online = builder
        .workers
        .iter()
        .filter(|name| {
            model.replica.workers.get(*name).is_some_and(|worker| worker.state == "online")
        })
        .count();
    let text = format!("{online}/{}", builder.workers.len());
    let short = online == 0;
    canvas.say(
        columns.workers,
        y,
        &if short { format!("{text} !") } else { text },
        if short { Role::Alarm } else { Role::Text },
    );
    if let Some(x) = columns.usual {
        let usual = builder.usual_ms.map_or_else(|| "-".into(), time::span);
        canvas.say(x, y, &usual, Role::Dim);
    }
    if let (Some(x), Some(build)) = (columns.blame, model.replica.last_verdict(&builder.name))
        && State::of_build(build).is_red()
    {
        let text = words::blame(build);
        canvas.put_cut(
            x,
            y,
            canvas.width(),
            text.strip_prefix("blame ").unwrap_or(&text),
            Style::new(),
        );
    }
    if chosen {
        canvas.tint(0, y, canvas.width(), canvas.role(Role::Selected));
    }
}

/// The last builds, newest first.
fn recent(model: &Model, canvas: &mut Canvas<'_>, x: u16, y: u16, builder: &str) {
    let mut x = x;
    for build in model.replica.builds_of(builder).rev().take(RECENT) {
        x = canvas.state(x, y, State::of_build(build));
    }
}

fn draw_preview(model: &Model, canvas: &mut Canvas<'_>, row: &Row<'_>) {
    let builder = row.builder;
    let now_ms = model.shown_ms();
    let end = canvas.width();
    let shown = usize::from(canvas.height()).saturating_sub(2);
    for (y, build) in (0_u16..).zip(model.replica.builds_of(&builder.name).rev().take(shown)) {
        let state = State::of_build(build);
        let x = canvas.state(0, y, state);
        let x = canvas.say(x + 1, y, &format!("#{:<5}", build.number), Role::Strong);
        let x = canvas.say(
            x + 1,
            y,
            &format!("{:>7}", time::span(words::duration_ms(build, now_ms))),
            Role::Text,
        );
        let ago = match build.state() {
            BuildState::Finished => {
                format!("{} ago", time::age(now_ms - build.complete_at_ms.unwrap_or(now_ms)))
            }
            _ => "now".to_owned(),
        };
        let x = canvas.say(x + 2, y, &format!("{ago:<9}"), Role::Dim);
        let x =
            canvas.put_cut(x + 1, y, end, &words::outcome(build, now_ms), canvas.role(Role::Text));
        canvas.put_cut(
            x + 2,
            y,
            end,
            &words::source(&build.sourcestamps, Some(build)),
            canvas.role(Role::Dim),
        );
    }
    let foot = canvas.height().saturating_sub(1);
    let workers: Vec<String> = builder
        .workers
        .iter()
        .map(|name| match model.replica.workers.get(name) {
            Some(worker) if worker.state == "online" => name.clone(),
            Some(worker) => format!("{name} ({})", worker.state),
            None => format!("{name} (unknown)"),
        })
        .collect();
    let group = waterfall::group(builder);
    let group = if group.is_empty() { String::new() } else { format!("   in {group}") };
    let text = format!(
        "workers {}{group}",
        if workers.is_empty() { "none".into() } else { workers.join(", ") }
    );
    canvas.put_cut(0, foot, end, &text, canvas.role(Role::Dim));
}
