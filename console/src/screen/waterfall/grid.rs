//! Which row is which stretch of time, and which build is in which cell. No drawing here.

use linn_proto::{
    common::Results,
    entity::{Build, BuildState, Builder, Change, Step},
};

use super::{
    Density, columns,
    lane::{self, Lane},
};
use crate::{glyph::State, model::Model, screen::list};

/// Columns of the time at the left.
pub(crate) const GUTTER: u16 = 6;
/// Quiet rows that are worth folding.
const FOLDED_FROM: i64 = 4;
/// Rows of the past that are laid out at most.
const ROWS: usize = 5_000;

/// How the width is shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Widths {
    /// Of the changes.
    pub(crate) changes: u16,
    /// Of one builder, with the gap behind it.
    pub(crate) column: u16,
    /// Builders shown at once.
    pub(crate) shown: usize,
}

/// Shares the width among time, changes and builders.
pub(crate) fn widths(model: &Model) -> Widths {
    let width = model.size.0;
    let count = u16::try_from(columns(model).len()).unwrap_or(u16::MAX).max(1);
    let changes: u16 = match width {
        0..100 => 18,
        100..160 => 26,
        _ => 36,
    };
    let room = width.saturating_sub(GUTTER + changes);
    let column = match model.waterfall.density {
        Density::Compact => 2,
        Density::Wide => 22,
        Density::Auto => (room / count).clamp(11, 28),
    }
    .min(room.max(1));
    let shown = (room / column).clamp(1, count);
    // What no builder needs goes to the changes: their subjects are always too long.
    let changes = width.saturating_sub(GUTTER + shown * column).min(72);
    Widths { changes, column, shown: usize::from(shown) }
}

/// A row of the past or of what is coming, from now into the past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Row {
    /// A bucket so many after now.
    Forecast(i64),
    /// The current bucket.
    Now,
    /// A bucket of the past.
    Past(i64),
    /// Nothing visible happened for so many ms.
    Idle(i64),
}

/// A build's place in a column: buckets from its end (or now) down to its start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stretch<'a> {
    pub(crate) build: &'a Build,
    top: i64,
    bottom: i64,
    lane: Lane,
}

/// What is in a cell.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cell<'a> {
    /// The first row of a build; `more` others end in the same row.
    Head { build: &'a Build, more: usize },
    /// A row below it. `first`: the one right below the head.
    Body { build: &'a Build, first: bool },
}

impl<'a> Cell<'a> {
    pub(crate) fn build(&self) -> &'a Build {
        match self {
            Self::Head { build, .. } | Self::Body { build, .. } => build,
        }
    }
}

/// The layout of one moment.
pub(crate) struct Grid<'a> {
    pub(crate) bucket_ms: i64,
    pub(crate) current: i64,
    offset_ms: i64,
    /// The shown builders.
    pub(crate) columns: Vec<&'a Builder>,
    stretches: Vec<Vec<Stretch<'a>>>,
    changes: Vec<(i64, &'a Change)>,
    /// The rows from the current one into the past.
    pub(crate) rows: Vec<Row>,
}

impl<'a> Grid<'a> {
    pub(crate) fn new(model: &'a Model) -> Self {
        let now_ms = model.shown_ms();
        let bucket_ms = model.waterfall.bucket_ms();
        // Hours and days begin where the clock on the wall says so.
        let offset_ms = model.zone.offset_ms(now_ms);
        let index = |at_ms: i64| (at_ms + offset_ms).div_euclid(bucket_ms);
        let current = index(now_ms);
        let shown = widths(model).shown;
        let columns: Vec<&Builder> =
            columns(model).into_iter().skip(model.waterfall.first).take(shown).collect();
        let stretches: Vec<Vec<Stretch<'_>>> = columns
            .iter()
            .map(|builder| {
                let builds = || model.replica.builds_of(&builder.name);
                let lanes =
                    lane::assign(builds().map(|build| (build.started_at_ms, build.complete_at_ms)));
                let stretch = |(build, lane): (&'a Build, Lane)| {
                    let top = build.complete_at_ms.map_or(current, index).min(current);
                    Stretch { build, top, bottom: index(build.started_at_ms).min(top), lane }
                };
                let mut stretches: Vec<_> = builds().zip(lanes).map(stretch).collect();
                stretches.reverse();
                stretches
            })
            .collect();
        let mut changes: Vec<(i64, &Change)> = model
            .replica
            .changes
            .values()
            .map(|change| (index(seen_ms(change)).min(current), change))
            .collect();
        changes.sort_by_key(|(bucket, change)| std::cmp::Reverse((*bucket, change.id)));
        let mut grid =
            Self { bucket_ms, current, offset_ms, columns, stretches, changes, rows: Vec::new() };
        grid.rows = grid.lay_out(!model.waterfall.unfolded);
        grid
    }

    fn lay_out(&self, fold: bool) -> Vec<Row> {
        let mut spans: Vec<(i64, i64)> = self
            .stretches
            .iter()
            .flatten()
            .map(|stretch| (stretch.top, stretch.bottom))
            .chain(self.changes.iter().map(|(bucket, _)| (*bucket, *bucket)))
            .collect();
        spans.sort_by_key(|(top, _)| std::cmp::Reverse(*top));
        let mut rows = vec![Row::Now];
        let mut next = self.current - 1;
        for (top, bottom) in spans {
            if rows.len() >= ROWS {
                break;
            }
            let top = top.min(next);
            let quiet = next - top;
            if fold && quiet >= FOLDED_FROM {
                rows.push(Row::Idle(quiet * self.bucket_ms));
                next = top;
            }
            while next >= bottom && rows.len() < ROWS {
                rows.push(Row::Past(next));
                next -= 1;
            }
        }
        rows
    }

    /// The bucket of a row; `None` where a row is none.
    fn bucket(&self, row: Row) -> Option<i64> {
        match row {
            Row::Now => Some(self.current),
            Row::Past(bucket) => Some(bucket),
            Row::Forecast(_) | Row::Idle(_) => None,
        }
    }

    /// The start of a bucket.
    pub(crate) fn start_ms(&self, bucket: i64) -> i64 {
        bucket * self.bucket_ms - self.offset_ms
    }

    /// The one build that a cell shows where there is room for one only.
    pub(crate) fn cell(&self, row: Row, column: usize, selected: Option<u32>) -> Option<Cell<'a>> {
        Some(winner(&self.stretches.get(column)?.iter(), self.bucket(row)?, selected)?.1)
    }

    /// What is in a cell, lane by lane from the left: builds that overlap stand side by side. Where several builds would
    /// be in one lane, the selected one wins, then what runs, then what is red: no red may hide behind a green one.
    pub(crate) fn cells(
        &self,
        row: Row,
        column: usize,
        selected: Option<u32>,
    ) -> Vec<(Lane, Cell<'a>)> {
        let Some(bucket) = self.bucket(row) else { return Vec::new() };
        let all = || self.stretches[column].iter();
        let Some((first, _)) = winner(&all(), bucket, selected) else { return Vec::new() };
        let cluster = first.lane.cluster;
        let of_cluster = |index: usize| {
            let lane = all().filter(move |stretch| {
                stretch.lane.cluster == cluster && stretch.lane.index == index
            });
            winner(&lane, bucket, selected)
        };
        let mut cells: Vec<_> = (0..first.lane.of).filter_map(of_cluster).collect();
        // Builds of the rows before and after that end in this one too have no place of their own.
        let heads = all().filter(|stretch| stretch.top == bucket).count();
        let shown = cells.iter().filter(|(_, cell)| matches!(cell, Cell::Head { .. })).count();
        let hidden = heads - shown;
        for (stretch, cell) in &mut cells {
            if let Cell::Head { more, .. } = cell {
                *more = if stretch.build.number == first.build.number { hidden } else { 0 };
            }
        }
        cells.into_iter().map(|(stretch, cell)| (stretch.lane, cell)).collect()
    }

    /// The changes that came in a row, newest first.
    pub(crate) fn changes(&self, row: Row) -> impl Iterator<Item = &'a Change> {
        let bucket = self.bucket(row);
        self.changes.iter().filter(move |(at, _)| Some(*at) == bucket).map(|(_, change)| *change)
    }

    /// The step that ran longest in a row of a build.
    pub(crate) fn step(&self, build: &'a Build, row: Row) -> Option<&'a Step> {
        let start = self.start_ms(self.bucket(row)?);
        let end = start + self.bucket_ms;
        let overlap = |step: &Step| {
            let begun = step.started_at_ms?;
            let ended = step.complete_at_ms.unwrap_or(i64::MAX);
            (begun < end && ended >= start).then(|| ended.min(end) - begun.max(start))
        };
        let steps = build.steps.iter().filter(|step| !step.hidden);
        steps
            .filter_map(|step| Some((overlap(step)?, step)))
            .max_by_key(|(span, _)| *span)
            .map(|(_, step)| step)
    }

    /// The row a build begins at, counted from now.
    pub(crate) fn row_of(&self, builder: &str, number: u32) -> Option<usize> {
        let column = self.columns.iter().position(|column| column.name == builder)?;
        let stretch =
            self.stretches[column].iter().find(|stretch| stretch.build.number == number)?;
        self.rows.iter().position(|row| self.bucket(*row) == Some(stretch.top))
    }

    /// How many rows above now a point in time is, at least 1 and at most `rows`.
    pub(crate) fn forecast_row(&self, at_ms: i64, rows: i64) -> i64 {
        ((at_ms + self.offset_ms).div_euclid(self.bucket_ms) - self.current).clamp(1, rows.max(1))
    }
}

/// Of these, the build that a cell shows: heads before bodies. How many heads stand behind it is not looked at.
fn winner<'s, 'a: 's>(
    stretches: &(impl Iterator<Item = &'s Stretch<'a>> + Clone),
    bucket: i64,
    selected: Option<u32>,
) -> Option<(&'s Stretch<'a>, Cell<'a>)> {
    let heads = || stretches.clone().filter(|stretch| stretch.top == bucket);
    let chosen = |stretch: &&Stretch<'_>| Some(stretch.build.number) == selected;
    let weight = |stretch: &&Stretch<'_>| match State::of_build(stretch.build) {
        State::Running | State::Lost => 0,
        state if state.is_red() => 1,
        _ => 2,
    };
    if let Some(head) = heads().find(chosen).or_else(|| heads().min_by_key(weight)) {
        return Some((head, Cell::Head { build: head.build, more: 0 }));
    }
    let bodies =
        || stretches.clone().filter(|stretch| stretch.bottom <= bucket && bucket < stretch.top);
    let body = bodies().find(chosen).or_else(|| bodies().next())?;
    Some((body, Cell::Body { build: body.build, first: bucket == body.top - 1 }))
}

/// When linn saw a change: what orders it among builds.
pub(crate) fn seen_ms(change: &Change) -> i64 {
    if change.received_at_ms > 0 { change.received_at_ms } else { change.when_ms }
}

/// Whether a step broke its build.
pub(crate) fn is_broken(step: &Step) -> bool {
    matches!(step.results(), Results::Failure | Results::Exception)
}

/// Whether a build still goes on.
pub(crate) fn runs(build: &Build) -> bool {
    build.state() != BuildState::Finished
}

/// Rows of forecast over now, and head lines over those, for a body of this height.
pub(crate) fn frame(model: &Model) -> (i64, u16) {
    let grouped = model.replica.builders.values().any(|builder| !super::group(builder).is_empty());
    let heads = if grouped { 2 } else { 1 };
    let most = match model.body_height() {
        0..=12 => 0,
        13..=23 => 1,
        _ => 4,
    };
    // As many as the latest forecast needs; one even when nothing runs, so that a start moves nothing.
    let now_ms = model.shown_ms();
    let ahead = columns(model)
        .iter()
        .filter_map(|builder| model.replica.running_of(&builder.name)?.eta_ms)
        .map(|eta_ms| (eta_ms - now_ms).div_euclid(model.waterfall.bucket_ms()) + 1)
        .max();
    (ahead.unwrap_or(0).clamp(1, 4).min(most), heads)
}

/// The scroll at which the selected build is in view.
pub(crate) fn scroll(model: &Model) -> usize {
    let (forecast, heads) = frame(model);
    let page = usize::from(model.body_height().saturating_sub(heads))
        .saturating_sub(usize::try_from(forecast).unwrap_or(0));
    let Some(selected) = super::selected(model).filter(|_| model.waterfall.number.is_some()) else {
        return 0;
    };
    let grid = Grid::new(model);
    match grid.row_of(&selected.builder, selected.number) {
        // Its first body row belongs to it: that is where the failing step stands.
        Some(row) => list::scrolled(
            model.waterfall.scroll,
            row + usize::from(row > 0),
            grid.rows.len() + 1,
            page,
        ),
        None => model.waterfall.scroll,
    }
}
