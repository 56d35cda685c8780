//! Draws a build: panes side by side where there is room, stacked where there is not.

use linn_proto::entity::{Build, Change, Step, StepState};
use ratatui::style::{Modifier, Style};

use super::{BuildScreen, Pane, found, step, steps};
use crate::{
    canvas::Canvas,
    glyph::State,
    model::Model,
    popup::info,
    screen::list,
    theme::Role,
    time,
    widget::{bar, pane::pane},
    words,
};

pub(crate) fn view(model: &Model, canvas: &mut Canvas<'_>) {
    let Some(screen) = model.build.as_ref() else { return };
    let Some(build) = found(model, screen) else {
        let text = screen.trouble.clone().unwrap_or_else(|| format!("fetching {}", screen.build));
        canvas.say(2, 1, &text, Role::Dim);
        return;
    };
    let (width, height) = (canvas.width(), canvas.height());
    let drawing = Drawing { model, screen, build };
    if screen.zoomed {
        drawing.pane(canvas, screen.pane, 0, 0, width, height);
        return;
    }
    let rows = u16::try_from(steps(build).len()).unwrap_or(u16::MAX);
    if width >= 110 && height >= 26 {
        // Steps and failure, blame and log, properties and request: as in the mock-up.
        let left = width * 9 / 20;
        let top = rows.saturating_add(3).clamp(8, height / 3);
        let bottom = (height / 4).clamp(6, 9);
        let middle = height - top - bottom;
        drawing.pane(canvas, Pane::Steps, 0, 0, left, top);
        drawing.telling(canvas, left, 0, width - left, top);
        drawing.pane(canvas, Pane::Blame, 0, top, left, middle);
        drawing.pane(canvas, Pane::Tail, left, top, width - left, middle);
        drawing.pane(canvas, Pane::Properties, 0, top + middle, width * 11 / 20, bottom);
        drawing.request(canvas, width * 11 / 20, top + middle, width - width * 11 / 20, bottom);
    } else {
        let left = (width * 2 / 5).max(30);
        let tail = (height * 2 / 5).clamp(4, 12);
        let top = height - tail;
        drawing.pane(canvas, Pane::Steps, 0, 0, left, top);
        let right = if screen.pane == Pane::Properties { Pane::Properties } else { Pane::Blame };
        drawing.pane(canvas, right, left, 0, width - left, top);
        drawing.pane(canvas, Pane::Tail, 0, top, width, tail);
    }
}

/// Rows of the scrolling pane.
pub(super) fn scrolling(model: &Model, screen: &BuildScreen) -> usize {
    let Some(build) = found(model, screen) else { return 0 };
    match screen.pane {
        Pane::Properties => screen.whole.as_ref().map_or(0, |whole| whole.properties.len()),
        _ => Drawing { model, screen, build }.blame_lines().len(),
    }
}

struct Drawing<'a> {
    model: &'a Model,
    screen: &'a BuildScreen,
    build: &'a Build,
}

impl Drawing<'_> {
    fn pane(&self, canvas: &mut Canvas<'_>, which: Pane, x: u16, y: u16, width: u16, height: u16) {
        let mut part = canvas.part(x, y, width, height);
        let active = self.screen.pane == which;
        let title = match which {
            Pane::Steps => "steps".to_owned(),
            Pane::Blame => self.blame_title(),
            Pane::Tail => self.tail_title(),
            Pane::Properties => self.properties_title(),
        };
        let mut inside = pane(&mut part, &title, active);
        match which {
            Pane::Steps => self.steps(&mut inside),
            Pane::Blame => self.blame(&mut inside),
            Pane::Tail => self.tail(&mut inside),
            Pane::Properties => self.properties(&mut inside),
        }
    }

    fn steps(&self, canvas: &mut Canvas<'_>) {
        let all = steps(self.build);
        let now_ms = self.model.shown_ms();
        let chosen = step(self.screen, self.build).map(|step| step.number);
        let index = all.iter().position(|step| Some(step.number) == chosen).unwrap_or(0);
        let page = usize::from(canvas.height());
        let first = list::scrolled(0, index, all.len(), page);
        let wide = canvas.width() >= 46;
        let name_end = if wide { 18 } else { 13.min(canvas.width() / 2) };
        let time_end = name_end + 7;
        let usual_end = if wide { time_end + 7 } else { time_end };
        let longest = all
            .iter()
            .filter_map(|step| words::step_duration_ms(step, now_ms).max(step.usual_ms))
            .max();
        for (y, step) in (0_u16..).zip(all.iter().skip(first).take(page)) {
            let state = State::of_step(step);
            let selected = Some(step.number) == chosen;
            canvas.state(0, y, state);
            let role = if selected { Role::Strong } else { Role::Text };
            canvas.put_cut(2, y, name_end, &step.name, canvas.role(role));
            let took = words::step_duration_ms(step, now_ms).filter(|_| state != State::Skipped);
            let text = took.map_or_else(|| "-".into(), time::step_span);
            canvas.put_right(time_end, y, &text, canvas.role(Role::Text));
            if wide {
                let usual = step.usual_ms.map_or_else(|| "-".into(), time::step_span);
                canvas.put_right(usual_end, y, &usual, canvas.role(Role::Dim));
            }
            let x = usual_end + 2;
            let cells = canvas.width().saturating_sub(x + 1);
            match (took, step.state()) {
                (Some(took), _) => {
                    self.step_bar(canvas, x, y, cells, step, took, longest.unwrap_or(1));
                }
                (None, StepState::Finished) => {
                    _ = canvas.put_cut(x, y, x + cells, &step.text, canvas.role(Role::Dim));
                }
                (None, _) if cells >= 7 => _ = canvas.say(x, y, "to come", Role::Dim),
                (None, _) => {}
            }
            if selected {
                canvas.tint(0, y, canvas.width(), canvas.role(Role::Selected));
            }
        }
    }

    /// The share of the longest step; over one and a half times the usual time a mark stands behind it.
    #[expect(clippy::too_many_arguments, reason = "a bar has a place, a length and a measure")]
    fn step_bar(
        &self,
        canvas: &mut Canvas<'_>,
        x: u16,
        y: u16,
        cells: u16,
        step: &Step,
        took: i64,
        longest: i64,
    ) {
        let style = canvas.theme.state(State::of_step(step)).remove_modifier(Modifier::BOLD);
        #[expect(clippy::cast_precision_loss, reason = "spans of days are far below 2^52 ms")]
        let share = took as f64 / longest.max(1) as f64;
        bar::share(canvas, x, y, cells, share, style);
        if step.usual_ms.is_some_and(|usual| usual >= 10_000 && took > usual + usual / 2) {
            canvas.put(x + cells, y, "!", canvas.theme.state(State::Warnings));
        }
    }

    fn blame_title(&self) -> String {
        match &self.build.since_good {
            Some(since) => {
                let changes = words::count(since.changes.len(), "change");
                match words::last_green(self.build) {
                    Some(green) if !since.build.is_empty() => {
                        format!("blame: {changes} since {green}")
                    }
                    // None of this builder's builds was ever good.
                    _ => format!("blame: {changes}, never green before"),
                }
            }
            None => format!("blame: {} new here", words::count(self.build.changes.len(), "change")),
        }
    }

    /// The changes new in this build first, then the others since it was good.
    fn blame_lines(&self) -> Vec<(Option<&Change>, String)> {
        let replica = &self.model.replica;
        let mut lines: Vec<(Option<&Change>, String)> = Vec::new();
        let new = words::changes(replica, &self.build.changes);
        let older: Vec<u64> = self.build.since_good.as_ref().map_or_else(Vec::new, |since| {
            since.changes.iter().filter(|id| !self.build.changes.contains(id)).copied().collect()
        });
        if !older.is_empty() && !new.is_empty() {
            lines.push((None, "new in this build".into()));
        }
        for change in new {
            lines.push((Some(change), files(change)));
        }
        if !older.is_empty() {
            lines.push((None, "before, since it was green".into()));
        }
        for change in words::changes(replica, &older) {
            lines.push((Some(change), files(change)));
        }
        let known = lines.iter().filter(|(change, _)| change.is_some()).count();
        if known == 0 && !self.build.blamelist.is_empty() {
            lines.push((None, words::people(&self.build.blamelist, 10)));
        }
        lines
    }

    fn blame(&self, canvas: &mut Canvas<'_>) {
        let lines = self.blame_lines();
        if lines.is_empty() {
            let why = if self.build.number == 1 {
                "no changes are known: it is the first build"
            } else {
                "no new changes: the same tree was built before"
            };
            canvas.say(0, 0, why, Role::Dim);
        }
        let end = canvas.width();
        let mut y = 0;
        for (change, note) in lines.iter().skip(self.screen.scrolled[0]) {
            if y >= canvas.height() {
                break;
            }
            let Some(change) = change else {
                canvas.put_cut(0, y, end, note, canvas.role(Role::Dim));
                y += 1;
                continue;
            };
            let revision = words::revision(change.revision.as_deref().unwrap_or_default());
            let x = canvas.put_cut(0, y, 7, revision, canvas.role(Role::Key));
            let x = canvas.put_cut(
                x + 1,
                y,
                x + 11,
                words::person(&change.author),
                canvas.role(Role::Strong),
            );
            canvas.put_cut(x + 1, y, end, words::subject(change), canvas.role(Role::Text));
            y += 1;
            // Files only where all changes have room for them.
            if usize::from(canvas.height()) >= lines.len() * 2 && !note.is_empty() {
                canvas.put_cut(3, y, end, note, canvas.role(Role::Dim));
                y += 1;
            }
        }
    }

    fn tail_title(&self) -> String {
        let Some(tail) = &self.screen.tail else { return "log".into() };
        let name = self.build.steps.iter().find(|step| step.number == tail.buffer.log.step);
        let name = name.map_or("?", |step| step.name.as_str());
        let crumb = self.model.glyphs.crumb;
        let mut title = format!("{name} {crumb} {}", tail.buffer.log.name);
        if tail.buffer.known {
            title = format!("{title}, {}", words::lines(tail.buffer.total_lines));
        }
        if tail.errors > 0 {
            title = format!("{title}, {}", words::count(tail.errors, "error"));
        }
        title
    }

    fn tail(&self, canvas: &mut Canvas<'_>) {
        let Some(tail) = &self.screen.tail else {
            let ended = step(self.screen, self.build).filter(|step| step.complete_at_ms.is_some());
            let text = match ended {
                None => "no log yet".to_owned(),
                Some(step) if step.text.is_empty() => "no log".to_owned(),
                Some(step) => format!("no log: {}", step.text),
            };
            let rows = info::wrap(&text, usize::from(canvas.width()));
            for (row, y) in rows.iter().zip(0..canvas.height()) {
                canvas.say(0, y, row, Role::Dim);
            }
            return;
        };
        if let Some(trouble) = &tail.trouble {
            canvas.say(0, 0, trouble, Role::Alarm);
            return;
        }
        let rows = u64::from(canvas.height());
        let buffer = &tail.buffer;
        let first =
            tail.anchor.unwrap_or_else(|| (buffer.total_lines + 1).saturating_sub(rows)).max(1);
        let times = canvas.width() >= 60;
        for (y, number) in (0_u16..canvas.height()).zip(first..) {
            let Some(line) = buffer.lines.get(&number) else { continue };
            let mut x = 0;
            if times && line.at_ms > 0 {
                x = canvas.say(0, y, &self.model.zone.second(line.at_ms), Role::Dim) + 1;
            }
            for (style, text) in line.text().pieces {
                let style = canvas.theme.log(style);
                x = canvas.put(x, y, &text, style);
            }
        }
        if buffer.known && buffer.total_lines == 0 {
            let text =
                if buffer.complete { "the step printed nothing" } else { "nothing printed yet" };
            canvas.say(0, 0, text, Role::Dim);
        }
    }

    fn properties_title(&self) -> String {
        match &self.screen.whole {
            Some(whole) => {
                words::count(whole.properties.len(), "property").replace("propertys", "properties")
            }
            None => "properties".into(),
        }
    }

    fn properties(&self, canvas: &mut Canvas<'_>) {
        let Some(whole) = &self.screen.whole else {
            let text = self.screen.trouble.as_deref().unwrap_or("on the way");
            canvas.say(0, 0, text, Role::Dim);
            return;
        };
        let longest =
            whole.properties.iter().map(|property| crate::canvas::width(&property.name)).max();
        let value_at = longest.unwrap_or(0).clamp(8, canvas.width() / 3) + 2;
        let source_at = canvas.width().saturating_sub(10);
        let rows =
            (0_u16..canvas.height()).zip(whole.properties.iter().skip(self.screen.scrolled[1]));
        for (y, property) in rows {
            canvas.put_cut(
                0,
                y,
                value_at.saturating_sub(1),
                &property.name,
                canvas.role(Role::Strong),
            );
            let value = property.json.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
            let value = value.unwrap_or(&property.json);
            canvas.put_cut(
                value_at,
                y,
                source_at.saturating_sub(1),
                value,
                canvas.role(Role::Text),
            );
            canvas.put_cut(source_at, y, canvas.width(), &property.source, canvas.role(Role::Dim));
        }
    }

    /// What the telling step says of itself.
    fn telling(&self, canvas: &mut Canvas<'_>, x: u16, y: u16, width: u16, height: u16) {
        let mut part = canvas.part(x, y, width, height);
        let Some(step) = step(self.screen, self.build) else {
            pane(&mut part, "step", false);
            return;
        };
        let state = State::of_step(step);
        let title =
            format!("{} {}", step.name, if state.is_red() { "failed" } else { state.word() });
        let mut inside = pane(&mut part, &title, false);
        let end = inside.width();
        let mut y = 0;
        let mut say = |canvas: &mut Canvas<'_>, label: &str, text: &str, style: Style| {
            if !text.is_empty() {
                let x = if label.is_empty() { 0 } else { canvas.say(0, y, label, Role::Dim) + 1 };
                canvas.put_cut(x, y, end, text, style);
                y += 1;
            }
        };
        let text = inside.role(Role::Text);
        let state_style = inside.theme.state(state);
        say(&mut inside, "", &step.text, state_style);
        say(&mut inside, "runs", &step.command, text);
        if let Some(share) = step.progress {
            say(&mut inside, "done", &format!("{:.0} %", share * 100.0), text);
        }
        let mut statistics: Vec<String> =
            step.statistics.iter().map(|(name, value)| format!("{name} {value}")).collect();
        statistics.sort();
        say(&mut inside, "", &statistics.join("   "), text);
        for log in &step.logs {
            let cut = if log.truncated { ", cut at its limit" } else { "" };
            let size = format!("{}, {}{cut}", time::bytes(log.bytes), words::lines(log.lines));
            say(&mut inside, &log.name, &size, text);
        }
        for url in &step.urls {
            say(&mut inside, &url.name, &url.url, text);
        }
        if let Some(usual) = step.usual_ms {
            let took = words::step_duration_ms(step, self.model.shown_ms())
                .map_or_else(|| "-".into(), time::step_span);
            say(&mut inside, "took", &format!("{took}, usually {}", time::step_span(usual)), text);
        }
    }

    /// Where the build comes from.
    fn request(&self, canvas: &mut Canvas<'_>, x: u16, y: u16, width: u16, height: u16) {
        let mut part = canvas.part(x, y, width, height);
        let replica = &self.model.replica;
        let request = self.build.request_ids.first().and_then(|id| replica.requests.get(id));
        let title = match self.build.request_ids.first() {
            Some(id) => format!("request {id}, buildset {}", self.build.buildset),
            None => format!("buildset {}", self.build.buildset),
        };
        let mut inside = pane(&mut part, &title, false);
        let mut facts: Vec<(&str, String)> = Vec::new();
        if let Some(request) = request {
            let waited = time::span(self.build.started_at_ms - request.submitted_at_ms);
            let at = self.model.zone.second(request.submitted_at_ms);
            facts.push(("submitted", format!("{at}   waited {waited}")));
        }
        facts.push(("reason", self.build.reason.clone()));
        facts.push(("source", words::source(&self.build.sourcestamps, Some(self.build))));
        facts.push(("scheduler", self.build.scheduler.clone()));
        if let Some(set) = replica.buildsets.get(&self.build.buildset) {
            facts.push(("rebuild of", set.rebuild_of.clone()));
        }
        facts.retain(|(_, text)| !text.is_empty());
        let end = inside.width();
        for (y, (label, text)) in (0_u16..).zip(facts) {
            inside.say(0, y, label, Role::Dim);
            inside.put_cut(11, y, end, &text, inside.role(Role::Text));
        }
    }
}

/// `3 files: ci/sdk.toml, ci/image.toml, +1`.
fn files(change: &Change) -> String {
    match change.files.as_slice() {
        [] => String::new(),
        files => {
            let shown = files.iter().take(3).map(String::as_str).collect::<Vec<_>>().join(", ");
            let more = files.len().saturating_sub(3);
            let more = if more > 0 { format!(", +{more}") } else { String::new() };
            format!("{}: {shown}{more}", words::count(files.len(), "file"))
        }
    }
}
