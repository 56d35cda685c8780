//! Builders (C3): the state of everything, worst first.

pub(crate) mod view;

use linn_proto::entity::{BuildState, Builder, Worker};

use crate::{
    glyph::State,
    model::{Model, Out, Selection},
    navigate,
    popup::Popup,
    registry::ActionId,
    replica::reference,
    screen::{filter, list, waterfall},
};

/// What the rows go by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Sort {
    #[default]
    State,
    Name,
    Queue,
}

/// The state of the screen.
#[derive(Clone, Debug, Default)]
pub(crate) struct BuildersScreen {
    pub(crate) selected: Option<String>,
    pub(crate) first: usize,
    sort: Sort,
    reversed: bool,
    pub(crate) unfolded: bool,
    pub(crate) filter: String,
}

impl BuildersScreen {
    pub(crate) fn sort_name(&self) -> &'static str {
        match (self.sort, self.reversed) {
            (Sort::State, false) => "state, then since",
            (Sort::State, true) => "state, best first",
            (Sort::Name, false) => "name",
            (Sort::Name, true) => "name, z first",
            (Sort::Queue, false) => "queue, longest first",
            (Sort::Queue, true) => "queue, shortest first",
        }
    }
}

/// A builder as a row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row<'a> {
    pub(crate) builder: &'a Builder,
    pub(crate) state: State,
    /// Since when it is in this state.
    pub(crate) since_ms: Option<i64>,
}

/// All rows in order, and how many good ones are folded away behind them.
pub(crate) fn rows(model: &Model) -> (Vec<Row<'_>>, usize) {
    let screen = &model.builders;
    let mut rows: Vec<Row<'_>> = model
        .replica
        .builders
        .values()
        .map(|builder| {
            let state = model.builder_state(&builder.name);
            Row { builder, state, since_ms: since(model, builder, state) }
        })
        .filter(|row| {
            let texts = [
                row.builder.name.as_str(),
                row.builder.project.as_str(),
                row.builder.description.as_str(),
            ];
            filter::passes(&screen.filter, &texts, row.state)
        })
        .collect();
    match screen.sort {
        Sort::State => {
            rows.sort_by_key(|row| (row.state, std::cmp::Reverse(row.since_ms), &row.builder.name));
        }
        Sort::Name => rows.sort_by_key(|row| &row.builder.name),
        Sort::Queue => {
            rows.sort_by_key(|row| (std::cmp::Reverse(row.builder.pending), &row.builder.name));
        }
    }
    if screen.reversed {
        rows.reverse();
    }
    let page = page(model);
    let folds = screen.sort == Sort::State
        && !screen.reversed
        && !screen.unfolded
        && screen.filter.is_empty();
    let mut folded = 0;
    if folds && rows.len() > page {
        // Only good ones fold, and only those that do not fit.
        let keep = page.saturating_sub(1);
        let good = rows.iter().rev().take_while(|row| row.state == State::Success).count();
        folded = good.min(rows.len().saturating_sub(keep));
        rows.truncate(rows.len() - folded);
    }
    (rows, folded)
}

/// When the state began: a verdict with the first build of its streak, a run with its start.
fn since(model: &Model, builder: &Builder, state: State) -> Option<i64> {
    let builds = || model.replica.builds_of(&builder.name).rev();
    match state {
        State::Running => model.replica.running_of(&builder.name).map(|build| build.started_at_ms),
        State::Queued | State::Locked => {
            model.replica.waiting_of(&builder.name).next().map(|one| one.submitted_at_ms)
        }
        State::Lost => {
            let seen = |name| {
                model.replica.workers.get(name).and_then(|worker: &Worker| worker.last_seen_at_ms)
            };
            builder.workers.iter().filter_map(seen).max()
        }
        state => builds()
            .filter(|build| build.state() == BuildState::Finished)
            .skip_while(|build| State::of_build(build) != state)
            .take_while(|build| State::of_build(build) == state)
            .last()
            .and_then(|build| build.complete_at_ms),
    }
}

/// Rows of the list that fit, under the heading and over the preview.
pub(crate) fn page(model: &Model) -> usize {
    usize::from(model.body_height().saturating_sub(1 + preview_height(model)))
}

/// Rows of the preview: none on small screens.
pub(crate) fn preview_height(model: &Model) -> u16 {
    if model.body_height() >= 26 { 10 } else { 0 }
}

/// What the keys speak of: the builder, and the build of it that says most.
pub(crate) fn selection(model: &Model) -> Selection {
    let Some(name) = model.builders.selected.clone() else { return Selection::default() };
    let verdict = model.replica.last_verdict(&name).filter(|build| State::of_build(build).is_red());
    let build = verdict.or_else(|| model.replica.builds_of(&name).next_back());
    Selection { build: build.map(reference), builder: Some(name), ..Selection::default() }
}

/// What keys do here.
pub(crate) fn act(model: &mut Model, id: ActionId, out: &mut Out) -> bool {
    let names: Vec<String> = rows(model).0.iter().map(|row| row.builder.name.clone()).collect();
    let index =
        names.iter().position(|name| Some(name) == model.builders.selected.as_ref()).unwrap_or(0);
    if let Some(index) = list::moved(id, index, names.len(), page(model)) {
        model.builders.selected = names.get(index).cloned();
        return true;
    }
    match id {
        ActionId::Open => match selection(model).build {
            Some(build) => navigate::build(model, build, out),
            None => model.toast("it was never built; f forces a build", None),
        },
        ActionId::Blame | ActionId::Properties => {
            if let Some(build) = selection(model).build {
                navigate::build(model, build, out);
                crate::screen::build::act(model, id, out);
            }
        }
        ActionId::NextRed | ActionId::PreviousRed => {
            let reds: Vec<String> = rows(model)
                .0
                .iter()
                .filter(|row| row.state.is_red())
                .map(|row| row.builder.name.clone())
                .collect();
            let by = if id == ActionId::NextRed { 1 } else { -1 };
            match waterfall::next_of(&reds, model.builders.selected.as_ref(), by) {
                Some(name) => model.builders.selected = Some(name.clone()),
                None => model.toast("nothing is red", Some(State::Success)),
            }
        }
        ActionId::SortNext => {
            model.builders.sort = match model.builders.sort {
                Sort::State => Sort::Name,
                Sort::Name => Sort::Queue,
                Sort::Queue => Sort::State,
            };
        }
        ActionId::SortReverse => model.builders.reversed = !model.builders.reversed,
        ActionId::Fold => model.builders.unfolded = !model.builders.unfolded,
        ActionId::Filter => model.popups.push(Popup::filter(&model.builders.filter)),
        _ => return false,
    }
    true
}

/// The selection exists and is in view.
pub(crate) fn settle(model: &mut Model) {
    let names: Vec<String> = rows(model).0.iter().map(|row| row.builder.name.clone()).collect();
    let index = names.iter().position(|name| Some(name) == model.builders.selected.as_ref());
    if index.is_none() {
        model.builders.selected = names.first().cloned();
    }
    let page = page(model);
    model.builders.first =
        list::scrolled(model.builders.first, index.unwrap_or(0), names.len(), page);
}
