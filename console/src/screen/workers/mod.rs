//! Workers (C7), as a list: who works, who is away.

pub(crate) mod view;

use linn_proto::entity::Worker;

use crate::{
    glyph::State,
    model::{Model, Out, Selection},
    navigate,
    popup::Popup,
    registry::ActionId,
    replica::BuildRef,
    screen::{filter, list, waterfall},
    time,
};

/// What the rows go by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Sort {
    #[default]
    State,
    Name,
}

/// The state of the screen.
#[derive(Clone, Debug, Default)]
pub(crate) struct WorkersScreen {
    pub(crate) selected: Option<String>,
    pub(crate) first: usize,
    sort: Sort,
    reversed: bool,
    pub(crate) filter: String,
}

impl WorkersScreen {
    pub(crate) fn sort_name(&self) -> &'static str {
        match (self.sort, self.reversed) {
            (Sort::State, false) => "state",
            (Sort::State, true) => "state, best first",
            (Sort::Name, false) => "name",
            (Sort::Name, true) => "name, z first",
        }
    }
}

/// How a worker is.
pub(crate) fn state(worker: &Worker) -> State {
    match worker.state.as_str() {
        "online" if worker.running.is_empty() => State::Queued,
        "online" => State::Running,
        "paused" | "draining" => State::Paused,
        _ => State::Lost,
    }
}

/// The same in words: `busy 1/2`, `idle`, `PAUSED`, `LOST 2h10`.
pub(crate) fn word(worker: &Worker, now_ms: i64) -> String {
    let away = || {
        worker
            .last_seen_at_ms
            .map_or_else(String::new, |seen| format!(" {}", time::age(now_ms - seen)))
    };
    match worker.state.as_str() {
        "online" if worker.running.is_empty() => "idle".into(),
        "online" => match worker.max_builds {
            Some(most) => format!("busy {}/{most}", worker.running.len()),
            None => format!("busy {}", worker.running.len()),
        },
        "paused" => "PAUSED".into(),
        "draining" => format!("DRAINING {}", worker.running.len()),
        "missing" => "never came".into(),
        _ => format!("LOST{}", away()),
    }
}

/// All rows in order.
pub(crate) fn rows(model: &Model) -> Vec<&Worker> {
    let screen = &model.workers;
    let mut rows: Vec<&Worker> = model
        .replica
        .workers
        .values()
        .filter(|worker| {
            let texts = [worker.name.as_str(), worker.state.as_str(), worker.platform.as_str()];
            filter::passes(&screen.filter, &texts, state(worker))
        })
        .collect();
    if screen.sort == Sort::State {
        let order = |worker: &Worker| match state(worker) {
            State::Lost => 0,
            State::Paused => 1,
            State::Running => 2,
            _ => 3,
        };
        rows.sort_by_key(|worker| (order(worker), worker.name.as_str()));
    }
    if screen.reversed {
        rows.reverse();
    }
    rows
}

/// What the keys speak of: the worker and what it builds.
pub(crate) fn selection(model: &Model) -> Selection {
    let Some(worker) =
        model.workers.selected.as_ref().and_then(|name| model.replica.workers.get(name))
    else {
        return Selection::default();
    };
    let build = worker.running.first().and_then(|build| BuildRef::parse(build));
    Selection { worker: Some(worker.name.clone()), build, ..Selection::default() }
}

/// What keys do here.
pub(crate) fn act(model: &mut Model, id: ActionId, out: &mut Out) -> bool {
    let names: Vec<String> = rows(model).iter().map(|worker| worker.name.clone()).collect();
    let index =
        names.iter().position(|name| Some(name) == model.workers.selected.as_ref()).unwrap_or(0);
    if let Some(index) = list::moved(id, index, names.len(), page(model)) {
        model.workers.selected = names.get(index).cloned();
        return true;
    }
    match id {
        ActionId::Open => match selection(model).build {
            Some(build) => navigate::build(model, build, out),
            None => model.toast("it builds nothing now", None),
        },
        ActionId::NextRed | ActionId::PreviousRed => {
            let ill: Vec<String> = rows(model)
                .iter()
                .filter(|worker| state(worker) == State::Lost)
                .map(|worker| worker.name.clone())
                .collect();
            let by = if id == ActionId::NextRed { 1 } else { -1 };
            match waterfall::next_of(&ill, model.workers.selected.as_ref(), by) {
                Some(name) => model.workers.selected = Some(name.clone()),
                None => model.toast("no worker is lost", Some(State::Success)),
            }
        }
        ActionId::SortNext => {
            model.workers.sort =
                if model.workers.sort == Sort::State { Sort::Name } else { Sort::State };
        }
        ActionId::SortReverse => model.workers.reversed = !model.workers.reversed,
        ActionId::Filter => model.popups.push(Popup::filter(&model.workers.filter)),
        _ => return false,
    }
    true
}

/// Rows that fit under the heading.
pub(crate) fn page(model: &Model) -> usize {
    usize::from(model.body_height().saturating_sub(1))
}

/// The selection exists and is in view.
pub(crate) fn settle(model: &mut Model) {
    let names: Vec<String> = rows(model).iter().map(|worker| worker.name.clone()).collect();
    let index = names.iter().position(|name| Some(name) == model.workers.selected.as_ref());
    if index.is_none() {
        model.workers.selected = names.first().cloned();
    }
    let page = page(model);
    model.workers.first =
        list::scrolled(model.workers.first, index.unwrap_or(0), names.len(), page);
}

/// What depends on the selected worker.
pub(crate) fn sentence(model: &Model) -> String {
    let Some(worker) =
        model.workers.selected.as_ref().and_then(|name| model.replica.workers.get(name))
    else {
        return "no worker has come yet: linn worker run --name NAME".into();
    };
    let only: Vec<&str> = model
        .replica
        .builders
        .values()
        .filter(|builder| builder.workers.as_slice() == [worker.name.clone()])
        .map(|builder| builder.name.as_str())
        .collect();
    if only.is_empty() {
        format!("{}: can build {}", worker.name, worker.builders.join(", "))
    } else {
        format!("{}: the only worker for {}", worker.name, only.join(", "))
    }
}
