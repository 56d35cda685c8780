//! The waterfall (C1): builders side by side, time running down into the past, steps readable inside the bars.
//!
//! The person stands on a builder's column and one of its builds; no build chosen means its newest, whatever comes.

pub(crate) mod grid;
mod lane;
pub(crate) mod view;

use std::collections::BTreeMap;

use linn_proto::entity::{BuildState, Builder};

use crate::{
    model::{Model, Out, Selection},
    navigate,
    popup::Popup,
    registry::ActionId,
    replica::{BuildRef, reference},
    screen::{filter, list},
    words,
};

/// Time in one row, in ms. The least is for builds of seconds, whose steps are to be read, too.
pub(crate) const BUCKETS: [i64; 11] = [
    1_000, 5_000, 15_000, 30_000, 60_000, 120_000, 300_000, 900_000, 3_600_000, 14_400_000,
    86_400_000,
];
/// Rows that a middling build should take when nobody has chosen a zoom.
const ROWS_A_BUILD: i64 = 5;

/// How wide the columns are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Density {
    /// As wide as the terminal has room for, within reason.
    #[default]
    Auto,
    Wide,
    /// Two cells: glyph and bar.
    Compact,
}

/// The state of the screen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Waterfall {
    /// The selected column.
    pub(crate) builder: Option<String>,
    /// The selected build of it; the newest when not chosen.
    pub(crate) number: Option<u32>,
    /// Index into [`BUCKETS`], once chosen.
    zoom: Option<usize>,
    /// The same, found out from how long builds take.
    auto: usize,
    /// The state of the replica it was found out from.
    fitted: Option<(u64, Vec<u8>)>,
    pub(crate) flipped: bool,
    pub(crate) density: Density,
    /// Idle rows are shown one by one.
    pub(crate) unfolded: bool,
    /// First shown column.
    pub(crate) first: usize,
    /// Rows of the past hidden above the first shown one.
    pub(crate) scroll: usize,
    pub(crate) filter: String,
}

impl Waterfall {
    pub(crate) fn new(flipped: bool) -> Self {
        Self { flipped, auto: 2, ..Self::default() }
    }

    pub(crate) fn bucket_ms(&self) -> i64 {
        BUCKETS[self.zoom.unwrap_or(self.auto).min(BUCKETS.len() - 1)]
    }
}

/// The group of a builder: its first tag, else its project.
pub(crate) fn group(builder: &Builder) -> &str {
    builder.tags.first().map_or(builder.project.as_str(), String::as_str)
}

/// All builders in the order of columns and strip: by group, then name; those without a group last.
pub(crate) fn ordered(model: &Model) -> Vec<&Builder> {
    let mut builders: Vec<&Builder> = model.replica.builders.values().collect();
    builders
        .sort_by_key(|builder| (group(builder).is_empty(), group(builder), builder.name.as_str()));
    builders
}

/// The builders that pass the filter.
pub(crate) fn columns(model: &Model) -> Vec<&Builder> {
    let mut builders = ordered(model);
    if model.waterfall.filter.is_empty() {
        return builders;
    }
    builders.retain(|builder| {
        let texts = [builder.name.as_str(), group(builder), builder.project.as_str()];
        filter::passes(&model.waterfall.filter, &texts, model.builder_state(&builder.name))
    });
    builders
}

/// The build that the person stands on: the chosen one, else the newest of the column.
pub(crate) fn selected(model: &Model) -> Option<BuildRef> {
    let builder = model.waterfall.builder.as_ref()?;
    let builds = model.replica.builds.get(builder)?;
    let number = match model.waterfall.number {
        Some(number) if builds.contains_key(&number) => number,
        _ => *builds.last_key_value()?.0,
    };
    Some(BuildRef::new(builder.clone(), number))
}

/// What the keys speak of.
pub(crate) fn selection(model: &Model) -> Selection {
    Selection {
        builder: model.waterfall.builder.clone(),
        build: selected(model),
        ..Selection::default()
    }
}

/// What keys do here.
pub(crate) fn act(model: &mut Model, id: ActionId, out: &mut Out) -> bool {
    match id {
        ActionId::Up
        | ActionId::Down
        | ActionId::HalfUp
        | ActionId::HalfDown
        | ActionId::PageUp
        | ActionId::PageDown
        | ActionId::Top
        | ActionId::Bottom => along(model, id),
        ActionId::Left => across(model, -1),
        ActionId::Right => across(model, 1),
        ActionId::SideLeft | ActionId::SideRight => {
            let page = isize::try_from(grid::widths(model).shown).unwrap_or(1).max(1);
            across(model, if id == ActionId::SideLeft { -page } else { page });
        }
        ActionId::First => across(model, isize::MIN),
        ActionId::Last => across(model, isize::MAX),
        ActionId::Open => {
            if let Some(build) = selected(model) {
                navigate::build(model, build, out);
            }
        }
        ActionId::Blame | ActionId::Properties => {
            if let Some(build) = selected(model) {
                navigate::build(model, build, out);
                crate::screen::build::act(model, id, out);
            }
        }
        ActionId::NextRed => red(model, 1),
        ActionId::PreviousRed => red(model, -1),
        ActionId::ZoomIn | ActionId::ZoomOut => {
            let waterfall = &mut model.waterfall;
            let index = waterfall.zoom.unwrap_or(waterfall.auto);
            let index = if id == ActionId::ZoomIn { index.saturating_sub(1) } else { index + 1 };
            waterfall.zoom = Some(index.min(BUCKETS.len() - 1));
        }
        ActionId::Flip => model.waterfall.flipped = !model.waterfall.flipped,
        ActionId::Fold => model.waterfall.unfolded = !model.waterfall.unfolded,
        ActionId::Density => {
            model.waterfall.density = match model.waterfall.density {
                Density::Auto => Density::Wide,
                Density::Wide => Density::Compact,
                Density::Compact => Density::Auto,
            };
        }
        ActionId::Filter => model.popups.push(Popup::filter(&model.waterfall.filter)),
        _ => return false,
    }
    true
}

/// Along time, in the selected column: rows go by builds, because builds are what there is to look at.
fn along(model: &mut Model, id: ActionId) {
    let Some(selected) = selected(model) else { return };
    let Some(builds) = model.replica.builds.get(&selected.builder) else { return };
    let numbers: Vec<u32> = builds.keys().rev().copied().collect();
    let index = numbers.iter().position(|number| *number == selected.number).unwrap_or(0);
    // With now at the bottom, up is into the past.
    let id = match (model.waterfall.flipped, id) {
        (true, ActionId::Up) => ActionId::Down,
        (true, ActionId::Down) => ActionId::Up,
        (true, ActionId::HalfUp) => ActionId::HalfDown,
        (true, ActionId::HalfDown) => ActionId::HalfUp,
        (true, ActionId::PageUp) => ActionId::PageDown,
        (true, ActionId::PageDown) => ActionId::PageUp,
        (true, ActionId::Top) => ActionId::Bottom,
        (true, ActionId::Bottom) => ActionId::Top,
        (_, id) => id,
    };
    let page = usize::from(model.body_height() / 4).max(2);
    if let Some(index) = list::moved(id, index, numbers.len(), page) {
        // At the newest the choice is let go, so that the next build is followed.
        model.waterfall.number = (index > 0).then(|| numbers[index]);
    }
}

/// To another column; the build there that ran at the same time, or the newest when no build was chosen.
fn across(model: &mut Model, by: isize) {
    let names: Vec<String> = columns(model).iter().map(|builder| builder.name.clone()).collect();
    let at = |name: &Option<String>| names.iter().position(|other| Some(other) == name.as_ref());
    let index = at(&model.waterfall.builder).unwrap_or(0);
    let target = index.saturating_add_signed(by).min(names.len().saturating_sub(1));
    let Some(name) = names.get(target) else { return };
    let when = model
        .waterfall
        .number
        .and_then(|_| model.replica.build(&selected(model)?))
        .map(|build| build.complete_at_ms.unwrap_or(build.started_at_ms));
    let near = |when: i64| {
        let builds = model.replica.builds.get(name)?;
        let nearest = builds
            .values()
            .min_by_key(|build| build.complete_at_ms.unwrap_or(i64::MAX).abs_diff(when))?;
        (builds.last_key_value()?.0 != &nearest.number).then_some(nearest.number)
    };
    model.waterfall.number = when.and_then(near);
    model.waterfall.builder = Some(name.clone());
}

/// To the next red build: builders whose last verdict is red, new ones first.
fn red(model: &mut Model, by: isize) {
    let shown: Vec<&str> = columns(model).iter().map(|builder| builder.name.as_str()).collect();
    let reds: Vec<BuildRef> = model
        .reds()
        .into_iter()
        .filter(|build| shown.contains(&build.builder.as_str()))
        .map(reference)
        .collect();
    let Some(target) = next_of(&reds, selected(model).as_ref(), by).cloned() else {
        model.toast("nothing is red", Some(crate::glyph::State::Success));
        return;
    };
    let newest =
        model.replica.builds.get(&target.builder).and_then(|builds| builds.last_key_value());
    model.waterfall.number =
        newest.is_none_or(|(number, _)| *number != target.number).then_some(target.number);
    model.waterfall.builder = Some(target.builder);
}

/// The one after (or before) the current one, round and round; the first when the current one is not among them.
pub(crate) fn next_of<'a, T: PartialEq>(
    all: &'a [T],
    current: Option<&T>,
    by: isize,
) -> Option<&'a T> {
    let count = isize::try_from(all.len()).ok().filter(|count| *count > 0)?;
    let index = match current.and_then(|current| all.iter().position(|one| one == current)) {
        Some(index) => (isize::try_from(index).ok()? + by).rem_euclid(count),
        None if by < 0 => count - 1,
        None => 0,
    };
    all.get(usize::try_from(index).ok()?)
}

/// The selection exists and is in view; the zoom fits what builds take.
pub(crate) fn settle(model: &mut Model) {
    let names: Vec<String> = columns(model).iter().map(|builder| builder.name.clone()).collect();
    let index = names.iter().position(|name| Some(name) == model.waterfall.builder.as_ref());
    if index.is_none() {
        model.waterfall.builder = names.first().cloned();
        model.waterfall.number = None;
    }
    if model.waterfall.number.is_some()
        && selected(model).is_none_or(|build| Some(build.number) != model.waterfall.number)
    {
        model.waterfall.number = None;
    }
    // All builds are looked at for it: only when there are other ones than before, and nobody has chosen.
    let known = (model.replica.seq, model.replica.epoch.clone());
    if model.waterfall.zoom.is_none() && model.waterfall.fitted.as_ref() != Some(&known) {
        model.waterfall.auto = fitting(model);
        // An empty farm says nothing about how long builds take.
        model.waterfall.fitted = (!model.replica.builds.is_empty()).then_some(known);
    }
    let shown = grid::widths(model).shown;
    model.waterfall.first =
        list::scrolled(model.waterfall.first, index.unwrap_or(0), names.len(), shown);
    model.waterfall.scroll = grid::scroll(model);
}

/// The zoom at which a middling build takes some rows. It moves only by two steps or more, so it does not tremble.
fn fitting(model: &Model) -> usize {
    let mut spans: BTreeMap<i64, usize> = BTreeMap::new();
    for build in model.replica.all_builds().filter(|build| build.state() == BuildState::Finished) {
        *spans.entry(words::duration_ms(build, 0)).or_default() += 1;
    }
    let count: usize = spans.values().sum();
    let mut seen = 0;
    let median = spans.into_iter().find_map(|(span, times)| {
        seen += times;
        (seen * 2 >= count).then_some(span)
    });
    let Some(median) = median else { return model.waterfall.auto };
    let ideal = BUCKETS
        .iter()
        .position(|bucket| bucket * ROWS_A_BUILD >= median)
        .unwrap_or(BUCKETS.len() - 1);
    if model.waterfall.fitted.is_none() || ideal.abs_diff(model.waterfall.auto) >= 2 {
        ideal
    } else {
        model.waterfall.auto
    }
}
