//! The queue (C8): what waits and why, then what runs, then what is being stopped.

pub(crate) mod view;

use linn_proto::entity::{Build, BuildRequest, BuildState};

use crate::{
    glyph::State,
    model::{Model, Out, Selection},
    navigate,
    popup::{self, Popup},
    registry::ActionId,
    replica::{BuildRef, reference},
    screen::{filter, list, waterfall},
    words,
};

/// Names a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RowId {
    Request(u64),
    Build(BuildRef),
}

/// The state of the screen.
#[derive(Clone, Debug, Default)]
pub(crate) struct QueueScreen {
    pub(crate) selected: Option<RowId>,
    pub(crate) first: usize,
    pub(crate) filter: String,
}

/// A row, under the rule of its group.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Row<'a> {
    Rule(&'static str),
    Waiting(&'a BuildRequest),
    Running(&'a Build),
}

impl Row<'_> {
    pub(crate) fn id(&self) -> Option<RowId> {
        match self {
            Self::Rule(_) => None,
            Self::Waiting(request) => Some(RowId::Request(request.id)),
            Self::Running(build) => Some(RowId::Build(reference(build))),
        }
    }
}

/// All rows in order.
pub(crate) fn rows(model: &Model) -> Vec<Row<'_>> {
    let filter = &model.queue.filter;
    let waiting: Vec<Row<'_>> = model
        .replica
        .waiting()
        .filter(|request| {
            filter::passes(filter, &[&request.builder, &request.reason], State::Queued)
        })
        .map(Row::Waiting)
        .collect();
    let mut builds: Vec<&Build> = model
        .replica
        .running()
        .filter(|build| filter::passes(filter, &[&build.builder, &build.worker], State::Running))
        .collect();
    builds.sort_by_key(|build| (build.started_at_ms, build.id));
    let (stopping, running): (Vec<&Build>, Vec<&Build>) =
        builds.into_iter().partition(|build| build.state() == BuildState::Stopping);
    let mut rows = Vec::new();
    for (name, group) in [
        ("waiting", waiting),
        ("running", running.into_iter().map(Row::Running).collect()),
        ("stopping", stopping.into_iter().map(Row::Running).collect()),
    ] {
        if !group.is_empty() {
            rows.push(Row::Rule(name));
            rows.extend(group);
        }
    }
    rows
}

fn ids(model: &Model) -> Vec<RowId> {
    rows(model).iter().filter_map(Row::id).collect()
}

/// What the keys speak of.
pub(crate) fn selection(model: &Model) -> Selection {
    match &model.queue.selected {
        Some(RowId::Request(id)) => {
            let builder = model.replica.requests.get(id).map(|request| request.builder.clone());
            Selection { request: Some(*id), builder, ..Selection::default() }
        }
        Some(RowId::Build(build)) => Selection::of(build.clone()),
        None => Selection::default(),
    }
}

/// What keys do here.
pub(crate) fn act(model: &mut Model, id: ActionId, out: &mut Out) -> bool {
    let ids = ids(model);
    let index = ids.iter().position(|row| Some(row) == model.queue.selected.as_ref()).unwrap_or(0);
    if let Some(index) =
        list::moved(id, index, ids.len(), usize::from(model.body_height()).saturating_sub(2))
    {
        model.queue.selected = ids.get(index).cloned();
        return true;
    }
    match id {
        ActionId::Open => match model.queue.selected.clone() {
            Some(RowId::Request(_)) => popup::open_why(model),
            Some(RowId::Build(build)) => navigate::build(model, build, out),
            None => {}
        },
        ActionId::NextRed | ActionId::PreviousRed => {
            // What can never start is what is red here.
            let stuck: Vec<RowId> = rows(model)
                .iter()
                .filter(|row| {
                    matches!(row, Row::Waiting(request)
                        if words::wait_state(&request.waits) == State::Lost)
                })
                .filter_map(Row::id)
                .collect();
            let by = if id == ActionId::NextRed { 1 } else { -1 };
            match waterfall::next_of(&stuck, model.queue.selected.as_ref(), by) {
                Some(row) => model.queue.selected = Some(row.clone()),
                None => model.toast("every request here can start one day", Some(State::Success)),
            }
        }
        ActionId::Filter => model.popups.push(Popup::filter(&model.queue.filter)),
        _ => return false,
    }
    true
}

/// The selection exists and is in view.
pub(crate) fn settle(model: &mut Model) {
    let ids = ids(model);
    if !ids.iter().any(|row| Some(row) == model.queue.selected.as_ref()) {
        model.queue.selected = ids.first().cloned();
    }
    let rows = rows(model);
    let index = rows
        .iter()
        .position(|row| row.id().is_some() && row.id() == model.queue.selected)
        .unwrap_or(0);
    let page = usize::from(model.body_height()).saturating_sub(1);
    // The rule over the first row comes into view with it.
    let index = if index == 1 { 0 } else { index };
    let count = rows.len();
    model.queue.first = list::scrolled(model.queue.first, index, count, page);
}

/// How many requests can never start, and which.
pub(crate) fn sentence(model: &Model) -> String {
    let stuck: Vec<String> = model
        .replica
        .waiting()
        .filter(|request| words::wait_state(&request.waits) == State::Lost)
        .map(|request| request.builder.clone())
        .collect();
    if let Some(RowId::Request(id)) = &model.queue.selected
        && let Some(request) = model.replica.requests.get(id)
    {
        let waits: Vec<String> =
            request.waits.iter().map(|wait| words::wait(wait, model.shown_ms())).collect();
        let waits = if waits.is_empty() { "about to start".to_owned() } else { waits.join("; ") };
        return format!("request {id} {}: {waits}", request.builder);
    }
    match stuck.len() {
        0 => String::new(),
        1 => format!("1 request cannot start: {}", stuck[0]),
        count => format!("{count} requests cannot start: {}", stuck.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Look, farm, press};

    #[test]
    fn the_next_red_is_one_that_is_shown() {
        let mut model = farm(80, 24, Look::Mono);
        press(&mut model, "4 e");
        assert_eq!(model.queue.selected, Some(RowId::Request(88_190)));
        press(&mut model, "/ m a c enter e");
        assert_ne!(model.queue.selected, Some(RowId::Request(88_190)), "the filter hides it");
    }
}
