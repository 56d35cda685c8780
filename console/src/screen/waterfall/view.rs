//! Draws the waterfall.

use linn_proto::entity::{Build, Builder, Change};
use ratatui::style::{Modifier, Style};

use super::{
    Density,
    grid::{self, Cell, GUTTER, Grid, Row, Widths},
    group,
    lane::Lane,
    selected,
};
use crate::{
    canvas::Canvas, glyph::State, model::Model, replica::BuildRef, screen, theme::Role, time, words,
};

pub(crate) fn view(model: &Model, canvas: &mut Canvas<'_>) {
    if model.replica.builders.is_empty() {
        return screen::nothing::no_builders(model, canvas);
    }
    let (forecast, heads) = grid::frame(model);
    let drawing = Drawing {
        model,
        forecast,
        heads,
        grid: Grid::new(model),
        widths: grid::widths(model),
        selected: selected(model),
        now_ms: model.shown_ms(),
    };
    drawing.draw(canvas);
}

/// Below so many cells a build is a glyph and a bar, without words.
const NARROW: u16 = 4;

/// Where a build is drawn in a row, and how.
struct Place {
    x: u16,
    y: u16,
    end: u16,
    /// No words fit.
    narrow: bool,
    /// It is the selected one.
    chosen: bool,
}

struct Drawing<'a> {
    model: &'a Model,
    /// Rows of forecast, and of heads.
    forecast: i64,
    heads: u16,
    grid: Grid<'a>,
    widths: Widths,
    selected: Option<BuildRef>,
    now_ms: i64,
}

impl<'a> Drawing<'a> {
    fn draw(&self, canvas: &mut Canvas<'_>) {
        let (forecast, heads) = (self.forecast, self.heads);
        self.heads(canvas, heads);
        let height = canvas.height().saturating_sub(heads);
        let past = self.grid.rows.iter().skip(self.model.waterfall.scroll).copied();
        let mut rows: Vec<Row> = (1..=forecast).rev().map(Row::Forecast).collect();
        rows.extend(past.take(usize::from(height).saturating_sub(rows.len())));
        if self.model.waterfall.flipped {
            rows.reverse();
            // The newest row stands at the foot, whatever the height.
            let blank = height.saturating_sub(u16::try_from(rows.len()).unwrap_or(height));
            self.rows(canvas, &rows, heads + blank);
        } else {
            self.rows(canvas, &rows, heads);
        }
    }

    fn x(&self, column: usize) -> u16 {
        let column = u16::try_from(column).unwrap_or(u16::MAX);
        (GUTTER + self.widths.changes).saturating_add(column.saturating_mul(self.widths.column))
    }

    /// Group names with their rules, and the names of the builders.
    fn heads(&self, canvas: &mut Canvas<'_>, heads: u16) {
        let compact = self.model.waterfall.density == Density::Compact;
        let names_at = heads - 1;
        let last = self.x(self.grid.columns.len());
        if heads > 1 {
            let mut column = 0;
            while let Some(builder) = self.grid.columns.get(column) {
                let same = self.grid.columns[column..]
                    .iter()
                    .take_while(|next| group(next) == group(builder))
                    .count();
                let (x, end) = (self.x(column), self.x(column + same).min(last).saturating_sub(1));
                if !group(builder).is_empty() {
                    let mut part = canvas.part(0, 0, end, 1);
                    let after = part.say(x, 0, group(builder), Role::Dim);
                    part.rule(
                        after,
                        0,
                        end.saturating_sub(after),
                        part.glyphs.horizontal,
                        part.role(Role::Frame),
                    );
                }
                column += same;
            }
        }
        canvas.say(GUTTER, names_at, "change", Role::Dim);
        for (column, builder) in self.grid.columns.iter().enumerate() {
            let chosen = self.model.waterfall.builder.as_ref() == Some(&builder.name);
            let (x, end) = (self.x(column), self.x(column + 1).saturating_sub(1));
            if compact {
                if chosen {
                    let x =
                        x.min(canvas.width().saturating_sub(crate::canvas::width(&builder.name)));
                    canvas.say(x, names_at, &builder.name, Role::Strong);
                }
            } else {
                let role = if chosen { Role::Key } else { Role::Dim };
                canvas.put_cut(x, names_at, end, &builder.name, canvas.role(role));
            }
        }
    }

    fn rows(&self, canvas: &mut Canvas<'_>, rows: &[Row], from: u16) {
        // Times stand at every third row, and after every fold.
        let mut since_time = 2;
        let mut folded = false;
        for (index, row) in rows.iter().enumerate() {
            let y = from + u16::try_from(index).unwrap_or(u16::MAX);
            if y >= canvas.height() {
                break;
            }
            match *row {
                Row::Forecast(ahead) => self.forecast(canvas, y, ahead),
                Row::Now => {
                    self.now(canvas, y);
                    since_time = 0;
                }
                Row::Past(bucket) => {
                    since_time += 1;
                    if since_time >= 3 {
                        since_time = 0;
                        canvas.say(0, y, &self.time(bucket, folded), Role::Dim);
                        folded = false;
                    }
                    self.past(canvas, y, *row);
                }
                Row::Idle(ms) => {
                    let fold = canvas.glyphs.fold;
                    let text = format!("{fold} {} idle {fold}", time::stretch(ms));
                    canvas.say(GUTTER, y, &text, Role::Frame);
                    since_time = 2;
                    folded = true;
                }
            }
        }
    }

    /// The time of a row: after a fold it is `whole`.
    fn time(&self, bucket: i64, whole: bool) -> String {
        let at_ms = self.grid.start_ms(bucket);
        let zone = &self.model.zone;
        match self.grid.bucket_ms {
            86_400_000.. => zone.day(at_ms),
            row_ms => zone.row(at_ms, row_ms, whole),
        }
    }

    /// When what runs should end.
    fn forecast(&self, canvas: &mut Canvas<'_>, y: u16, ahead: i64) {
        for (column, builder) in self.grid.columns.iter().enumerate() {
            let (x, end) = (self.x(column), self.x(column + 1).saturating_sub(1));
            if self.model.waterfall.density == Density::Compact {
                if let Some(cell) = self.grid.cell(Row::Now, column, None) {
                    self.expect(canvas, (x, y, end), ahead, cell.build(), 0);
                }
                continue;
            }
            let mut pending = builder.pending;
            for (lane, cell) in self.grid.cells(Row::Now, column, None) {
                let (x, end) = share(x, end, lane);
                self.expect(canvas, (x, y, end), ahead, cell.build(), pending);
                pending = 0;
            }
        }
    }

    /// A row above a build that runs: its expected end, and how many wait for that.
    fn expect(
        &self,
        canvas: &mut Canvas<'_>,
        (x, y, end): (u16, u16, u16),
        ahead: i64,
        build: &Build,
        pending: u32,
    ) {
        if !grid::runs(build) {
            return;
        }
        let ends_at =
            build.eta_ms.map(|eta_ms| (self.grid.forecast_row(eta_ms, self.forecast), eta_ms));
        let style = canvas.role(Role::Forecast);
        let bar = canvas.glyphs.forecast;
        let narrow = end.saturating_sub(x) < NARROW;
        match ends_at {
            Some((at, _)) if at < ahead => {}
            Some(_) if narrow => _ = canvas.put(x, y, bar, style),
            Some((at, eta_ms)) if at == ahead => {
                let full = format!("{bar}{}", self.eta(eta_ms));
                canvas.put_fitting(x, y, end, &[&full, bar], style);
            }
            Some(_) | None if ahead == 1 && pending > 0 => {
                canvas.put_fitting(x, y, end, &[&format!("{bar}queued {pending}"), bar], style);
            }
            Some(_) => _ = canvas.put(x, y, bar, style),
            None => {}
        }
    }

    fn eta(&self, eta_ms: i64) -> String {
        match eta_ms - self.now_ms {
            left if left >= 120_000 => format!("eta {}", self.model.zone.minute(eta_ms)),
            left if left >= 0 => format!("eta {}", time::age(left)),
            over => format!("over {}", time::age(-over)),
        }
    }

    /// The row of now: a rule with what runs, waits, or cannot run.
    fn now(&self, canvas: &mut Canvas<'_>, y: u16) {
        let x = canvas.say(0, y, &self.model.zone.minute(self.now_ms), Role::Strong);
        let width = canvas.width().min(self.x(self.grid.columns.len()));
        canvas.rule(
            x,
            y,
            width.saturating_sub(x),
            canvas.glyphs.horizontal,
            canvas.role(Role::Frame),
        );
        for (column, builder) in self.grid.columns.iter().enumerate() {
            if !self.cells(canvas, y, column, Row::Now) {
                self.quiet(canvas, y, column, builder);
            }
        }
        self.changes(canvas, y, Row::Now, x + 1);
    }

    /// A column in which nothing runs: why.
    fn quiet(&self, canvas: &mut Canvas<'_>, y: u16, column: usize, builder: &Builder) {
        let state = match self.model.builder_state(&builder.name) {
            // What ended is seen below; what waits or cannot start is said here.
            state @ (State::Lost | State::Paused | State::Never) => state,
            _ if builder.pending > 0 => State::Queued,
            _ => return,
        };
        let first = self.model.replica.waiting_of(&builder.name).next();
        let (state, text) = match (state, first) {
            (State::Paused, _) => (state, "paused".to_owned()),
            (State::Lost, _) => (state, "no worker".to_owned()),
            (_, Some(request)) => {
                let state = words::wait_state(&request.waits);
                let text = match (state, request.waits.first()) {
                    (State::Locked, Some(wait)) => {
                        format!("lock {}", wait.detail.split(',').next().unwrap_or_default())
                    }
                    (State::Lost, _) => "no worker".to_owned(),
                    _ => format!("queued {}", builder.pending.max(1)),
                };
                (state, text)
            }
            (State::Queued, None) => (state, format!("queued {}", builder.pending)),
            _ => (State::Never, "never".to_owned()),
        };
        let (x, end) = (self.x(column), self.x(column + 1).saturating_sub(1));
        let style = canvas.theme.state(state);
        let after = canvas.put(x, y, canvas.glyphs.state(state), style);
        if self.model.waterfall.density != Density::Compact {
            canvas.put_cut(after, y, end, &text, style);
        }
    }

    fn past(&self, canvas: &mut Canvas<'_>, y: u16, row: Row) {
        self.changes(canvas, y, row, GUTTER);
        for column in 0..self.grid.columns.len() {
            self.cells(canvas, y, column, row);
        }
    }

    /// The selected build's number, in its column.
    fn number(&self, column: usize) -> Option<u32> {
        let selected = self.selected.as_ref()?;
        (self.grid.columns[column].name == selected.builder).then_some(selected.number)
    }

    /// Draws what a column has in a row; false when that is nothing.
    fn cells(&self, canvas: &mut Canvas<'_>, y: u16, column: usize, row: Row) -> bool {
        let selected = self.number(column);
        let (x, end) = (self.x(column), self.x(column + 1).saturating_sub(1));
        let chosen = |cell: &Cell<'_>| Some(cell.build().number) == selected;
        if self.model.waterfall.density == Density::Compact {
            let Some(cell) = self.grid.cell(row, column, selected) else { return false };
            self.cell(canvas, &Place { x, y, end, narrow: true, chosen: chosen(&cell) }, row, cell);
            return true;
        }
        let cells = self.grid.cells(row, column, selected);
        let drawn = !cells.is_empty();
        for (lane, cell) in cells {
            let (x, end) = share(x, end, lane);
            let narrow = end.saturating_sub(x) < NARROW;
            self.cell(canvas, &Place { x, y, end, narrow, chosen: chosen(&cell) }, row, cell);
        }
        drawn
    }

    fn cell(&self, canvas: &mut Canvas<'_>, place: &Place, row: Row, cell: Cell<'a>) {
        let Place { x, y, end, narrow, chosen } = *place;
        let build = cell.build();
        let state = State::of_build(build);
        let style = canvas.theme.state(state);
        match cell {
            Cell::Head { more, .. } => {
                let style = if chosen { style.patch(canvas.role(Role::Selected)) } else { style };
                let glyph = canvas.glyphs.state(state);
                let after = if narrow {
                    canvas.put(x, y, glyph, style)
                } else {
                    let took = time::span(words::duration_ms(build, self.now_ms));
                    let more = if more > 0 { format!("+{more}") } else { String::new() };
                    let number = format!("{glyph}{:03}", build.number);
                    let texts = [&format!("{number} {took}{more}"), &format!("{number}{more}")];
                    canvas.put_fitting(x, y, end, &[texts[0], texts[1], &number], style)
                };
                if !narrow && end.saturating_sub(after) > 8 {
                    self.beside(canvas, after + 1, y, end, build, state);
                }
                if chosen && !narrow {
                    canvas.tint(x, y, end.saturating_sub(x), canvas.role(Role::Selected));
                }
            }
            Cell::Body { first, .. } => {
                let bar = if grid::runs(build) { State::Running } else { state };
                let after = canvas.put(x, y, canvas.glyphs.bar(bar), style);
                if !narrow {
                    self.label(canvas, &Place { x: after, ..*place }, build, row, first);
                }
            }
        }
    }

    /// In wide columns the head says what the build came to.
    fn beside(
        &self,
        canvas: &mut Canvas<'_>,
        x: u16,
        y: u16,
        end: u16,
        build: &Build,
        state: State,
    ) {
        let text = match state {
            State::Running | State::Lost => words::outcome(build, self.now_ms),
            state if state.is_red() => build
                .steps
                .iter()
                .find(|step| grid::is_broken(step))
                .map_or_else(|| build.text.clone(), |step| step.name.clone()),
            _ => return,
        };
        canvas.put_cut(x, y, end, &text, Style { bg: None, ..canvas.theme.state(state) });
    }

    fn label(
        &self,
        canvas: &mut Canvas<'_>,
        place: &Place,
        build: &'a Build,
        row: Row,
        first: bool,
    ) {
        let Place { x, y, end, chosen, .. } = *place;
        let Some(mut step) = self.grid.step(build, row) else { return };
        let state = State::of_build(build);
        if first && state.is_red() {
            // The row under the head names what broke, even when a later step ran last.
            step = build.steps.iter().find(|step| grid::is_broken(step)).unwrap_or(step);
        }
        let mut text = step.name.clone();
        let broken = grid::is_broken(step);
        if broken && first {
            text = format!("{text} {}", canvas.glyphs.state(state));
        }
        if grid::runs(build)
            && row_is_newest(row, self.grid.current)
            && let Some(share) =
                step.started_at_ms.and_then(|at| words::percent(at, step.usual_ms, self.now_ms))
        {
            text = format!("{text}  {share}%");
        }
        let mut style = match state {
            _ if broken => canvas.theme.state(state),
            State::Running | State::Lost => canvas.role(Role::Text),
            _ => canvas.role(Role::Dim),
        };
        if chosen && !broken {
            style = canvas.role(Role::Text).add_modifier(Modifier::BOLD);
        }
        canvas.put_fitting(x, y, end, &[&text, &step.name], style);
    }

    fn changes(&self, canvas: &mut Canvas<'_>, y: u16, row: Row, x: u16) {
        let mut changes = self.grid.changes(row);
        let Some(change) = changes.next() else { return };
        let others = changes.count();
        let end = (GUTTER + self.widths.changes).saturating_sub(1);
        let covered = self.covers(change);
        let style = canvas.role(if covered { Role::Strong } else { Role::Text });
        let revision = words::revision(change.revision.as_deref().unwrap_or_default());
        let more = if others > 0 { format!(" +{others}") } else { String::new() };
        let text_end = end.saturating_sub(crate::canvas::width(&more));
        let x = canvas.put_cut(
            x,
            y,
            text_end.min(x + 7),
            revision,
            canvas.role(if covered { Role::Key } else { Role::Dim }),
        );
        let author = format!("{:<4}", words::person(&change.author));
        let x = canvas.put_cut(x + 1, y, text_end.min(x + 10), &author, style);
        canvas.put_cut(x + 1, y, text_end, words::subject(change), style);
        canvas.put_right(end, y, &more, canvas.role(Role::Dim));
    }

    /// Whether the selected build covers a change.
    fn covers(&self, change: &Change) -> bool {
        let build = self.selected.as_ref().and_then(|id| self.model.replica.build(id));
        build.is_some_and(|build| build.changes.contains(&change.id))
    }
}

/// The part of a column that belongs to a lane, with a gap before the next one.
fn share(x: u16, end: u16, lane: Lane) -> (u16, u16) {
    let width = usize::from(end.saturating_sub(x));
    let at = |index: usize| x + u16::try_from(width * index / lane.of.max(1)).unwrap_or(u16::MAX);
    let gap = u16::from(lane.index + 1 < lane.of);
    (at(lane.index), at(lane.index + 1).saturating_sub(gap))
}

/// The first row below now.
fn row_is_newest(row: Row, current: i64) -> bool {
    row == Row::Past(current - 1)
}
