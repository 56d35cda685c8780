//! The selected thing in one sentence.

use linn_proto::entity::Build;

use crate::{
    canvas::Canvas,
    glyph::State,
    model::{Model, Place},
    theme::Role,
    words,
};

/// Draws the sentence of the current place.
pub(crate) fn selected(model: &Model, canvas: &mut Canvas<'_>, y: u16, end: u16) {
    let selection = model.selection();
    match model.place() {
        Place::Log(_) => crate::screen::log::view::sentence(model, canvas, y, end),
        Place::Build(_) => {
            let text = crate::screen::build::sentence(model);
            canvas.put_cut(1, y, end, &text, canvas.role(Role::Text));
        }
        Place::Workers => {
            let text = crate::screen::workers::sentence(model);
            canvas.put_cut(1, y, end, &text, canvas.role(Role::Text));
        }
        Place::Queue => {
            let text = crate::screen::queue::sentence(model);
            canvas.put_cut(1, y, end, &text, canvas.role(Role::Text));
        }
        Place::Later(_) => {}
        Place::Waterfall | Place::Builders => {
            match selection.build.as_ref().and_then(|id| model.replica.build(id)) {
                Some(found) => build(model, canvas, y, end, found),
                None => {
                    if let Some(name) = selection.builder {
                        idle(model, canvas, y, end, &name);
                    }
                }
            }
        }
    }
}

/// A build: state, name, outcome, NEW, blame, last green.
pub(crate) fn build(model: &Model, canvas: &mut Canvas<'_>, y: u16, end: u16, build: &Build) {
    let state = State::of_build(build);
    let style = canvas.theme.state(state);
    let mut part = canvas.part(0, y, end, 1);
    let canvas = &mut part;
    let x = canvas.put(1, 0, canvas.glyphs.state(state), style);
    let name = format!("{} #{}", build.builder, build.number);
    let x = canvas.say(x + 1, 0, &name, Role::Strong);
    let mut x = canvas.put_cut(
        x + 2,
        0,
        end,
        &words::outcome(build, model.shown_ms()),
        canvas.role(Role::Text),
    );
    if build.new_failure {
        x = canvas.put(x + 2, 0, "NEW", style);
    }
    let mut facts = vec![words::blame(build)];
    if state.is_red() {
        facts.extend(words::last_green(build));
    } else {
        facts.push(words::source(&build.sourcestamps, Some(build)));
    }
    if let Some(builder) =
        model.replica.builders.get(&build.builder).filter(|builder| builder.pending > 0)
    {
        facts.push(format!("{} queued", builder.pending));
    }
    for fact in facts.into_iter().filter(|fact| !fact.is_empty()) {
        x = canvas.put_cut(x + 2, 0, end, &fact, canvas.role(Role::Dim));
    }
}

/// A builder without a build: why.
fn idle(model: &Model, canvas: &mut Canvas<'_>, y: u16, end: u16, name: &str) {
    let state = model.builder_state(name);
    let x = canvas.state(1, y, state);
    let x = canvas.say(x + 1, y, name, Role::Strong);
    let first = model.replica.waiting_of(name).next();
    let text = match (first, model.replica.builders.get(name)) {
        (Some(request), _) => {
            let why = request
                .waits
                .first()
                .map(|wait| words::wait(wait, model.shown_ms()))
                .unwrap_or_default();
            format!("request {} waits: {why}", request.id)
        }
        (None, Some(builder)) if builder.never_start => {
            "never built: no worker could ever run it".into()
        }
        (None, Some(builder)) if builder.state == "offline" => {
            "never built: none of its workers is there".into()
        }
        _ => "never built; f forces a build".into(),
    };
    canvas.put_cut(x + 2, y, end, &text, canvas.role(Role::Text));
}
