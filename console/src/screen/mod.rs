//! The screens, and the one place that hands each what is for it.
//!
//! Every screen is a folder: `mod.rs` holds its state and what keys do to it, `view.rs` draws it. What lies outside a
//! screen (frame, popups) is not its business.

pub(crate) mod build;
pub(crate) mod builders;
pub(crate) mod filter;
pub(crate) mod later;
pub(crate) mod list;
pub(crate) mod log;
pub(crate) mod nothing;
pub(crate) mod offline;
pub(crate) mod queue;
pub(crate) mod waterfall;
pub(crate) mod workers;

use linn_proto::console::{LogLines, LogMarksReply};

use crate::{
    canvas::Canvas,
    logs::{LogRef, Purpose},
    model::{Model, Out, Place},
    refusal::Refusal,
    registry::ActionId,
};

/// Lets the current screen do an action; `false` when it means nothing there.
pub(crate) fn act(model: &mut Model, id: ActionId, out: &mut Out) -> bool {
    match model.place() {
        Place::Waterfall => waterfall::act(model, id, out),
        Place::Builders => builders::act(model, id, out),
        Place::Queue => queue::act(model, id, out),
        Place::Workers => workers::act(model, id, out),
        Place::Build(_) => build::act(model, id, out),
        Place::Log(_) => log::act(model, id, out),
        Place::Later(_) => false,
    }
}

/// After every message: selections exist, the selected thing is in view, and what is in view is asked for.
pub(crate) fn settle(model: &mut Model, out: &mut Out) {
    match model.place() {
        Place::Waterfall => waterfall::settle(model),
        Place::Builders => builders::settle(model),
        Place::Queue => queue::settle(model),
        Place::Workers => workers::settle(model),
        Place::Build(_) => build::settle(model, out),
        Place::Log(_) => log::settle(model, out),
        Place::Later(_) => {}
    }
}

/// The link stands again: what was followed or asked for is asked for again.
pub(crate) fn relinked(model: &mut Model, out: &mut Out) {
    match model.place() {
        Place::Build(_) => build::arrive(model, out),
        Place::Log(_) => log::relinked(model, out),
        _ => {}
    }
}

/// A window of lines came.
pub(crate) fn lines(
    model: &mut Model,
    log: &LogRef,
    purpose: Purpose,
    result: Result<LogLines, Refusal>,
    out: &mut Out,
) {
    match purpose {
        Purpose::Tail => build::lines(model, log, result),
        Purpose::Show | Purpose::Jump => log::lines(model, log, purpose, result, out),
    }
}

/// New lines of the followed log came.
pub(crate) fn followed(model: &mut Model, log: &LogRef, lines: LogLines) {
    match model.place() {
        Place::Build(_) => build::followed(model, log, lines),
        Place::Log(_) => log::followed(model, log, lines),
        _ => {}
    }
}

/// Following ended.
pub(crate) fn follow_ended(model: &mut Model, log: &LogRef, broke: Option<&Refusal>) {
    if matches!(model.place(), Place::Log(_)) {
        log::follow_ended(model, log, broke);
    } else {
        build::follow_ended(model, log);
    }
}

/// Where the errors are.
pub(crate) fn marks(
    model: &mut Model,
    log: &LogRef,
    result: Result<LogMarksReply, Refusal>,
    out: &mut Out,
) {
    match model.place() {
        Place::Log(_) => log::marks(model, log, result, out),
        _ => build::marks(model, log, result, out),
    }
}

/// Clears the filter of the current screen; `false` when it has none.
pub(crate) fn clear_filter(model: &mut Model) -> bool {
    match filter_mut(model) {
        Some(filter) if !filter.is_empty() => {
            filter.clear();
            true
        }
        _ => match model.place() {
            Place::Log(_) => log::clear_search(model),
            Place::Build(_) => build::unzoom(model),
            _ => false,
        },
    }
}

/// The filter of the current screen.
pub(crate) fn filter_mut(model: &mut Model) -> Option<&mut String> {
    match model.place() {
        Place::Waterfall => Some(&mut model.waterfall.filter),
        Place::Builders => Some(&mut model.builders.filter),
        Place::Queue => Some(&mut model.queue.filter),
        Place::Workers => Some(&mut model.workers.filter),
        _ => None,
    }
}

/// Draws the current screen.
pub(crate) fn view(model: &Model, canvas: &mut Canvas<'_>) {
    if model.is_offline() {
        return offline::view(model, canvas);
    }
    match model.place() {
        Place::Waterfall => waterfall::view::view(model, canvas),
        Place::Builders => builders::view::view(model, canvas),
        Place::Queue => queue::view::view(model, canvas),
        Place::Workers => workers::view::view(model, canvas),
        Place::Build(_) => build::view::view(model, canvas),
        Place::Log(_) => log::view::view(model, canvas),
        Place::Later(number) => later::view(*number, canvas),
    }
}
