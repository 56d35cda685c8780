//! Going from screen to screen. The trail is what `esc` and `q` walk back.

use crate::{
    command::Command,
    glyph::State,
    logs::{LogRef, Spot, telling_log},
    model::{Model, Out, Place},
    replica::BuildRef,
    screen::{self, build::BuildScreen, log::LogScreen},
};

/// How deep a trail gets; beyond it the oldest place is forgotten.
const DEEPEST: usize = 32;

/// To a place, from which `esc` comes back here.
pub(crate) fn go(model: &mut Model, place: Place, out: &mut Out) {
    if model.place() == &place {
        return;
    }
    model.trail.push(place);
    if model.trail.len() > DEEPEST {
        model.trail.remove(1);
    }
    arrive(model, out);
}

/// To a place instead of this one.
pub(crate) fn replace(model: &mut Model, place: Place, out: &mut Out) {
    model.trail.pop();
    model.trail.push(place);
    arrive(model, out);
}

/// To one of the numbered screens.
pub(crate) fn screen(model: &mut Model, number: u8, out: &mut Out) {
    let place = match number {
        1 => Place::Waterfall,
        3 => Place::Builders,
        4 => Place::Queue,
        5 => Place::Workers,
        other => Place::Later(other),
    };
    model.trail = vec![place];
    arrive(model, out);
}

/// Back to where the person came from; `false` at the root.
pub(crate) fn back(model: &mut Model, out: &mut Out) -> bool {
    if model.trail.len() < 2 {
        return false;
    }
    model.trail.pop();
    arrive(model, out);
    true
}

/// To a build.
pub(crate) fn build(model: &mut Model, build: BuildRef, out: &mut Out) {
    go(model, Place::Build(build), out);
}

/// To the log that tells most about a build: of a red one, at its first error.
pub(crate) fn telling(model: &mut Model, build: &BuildRef, out: &mut Out) {
    match model.replica.build(build).map(|found| (telling_log(found), found.worker.clone())) {
        Some((Some((log, spot)), _)) => self::log(model, log, spot, out),
        Some((None, _)) => model.toast(format!("{build} has written no log yet"), None),
        None => model.toast(
            format!("{build} is no longer known here; `linn log {build}/STEP` has it"),
            None,
        ),
    }
}

/// To a log.
pub(crate) fn log(model: &mut Model, log: LogRef, spot: Spot, out: &mut Out) {
    model.log = Some(LogScreen::new(log.clone(), spot, model.options.settings.log_times));
    go(model, Place::Log(log), out);
}

/// To what the newest notice tells of.
pub(crate) fn newest_notice(model: &mut Model, out: &mut Out) {
    let target = model.notices.newest.as_ref().and_then(|notice| BuildRef::parse(&notice.build));
    // Without a notice in this session the newest red build is what somebody wants to see.
    let target =
        target.or_else(|| model.reds().first().map(|build| crate::replica::reference(build)));
    match target {
        Some(build) => {
            model.toasts.retain(|toast| toast.state.is_none_or(|state| state != State::Failure));
            let has_log = model.replica.build(&build).and_then(telling_log).is_some();
            if has_log {
                telling(model, &build, out);
            } else {
                self::build(model, build, out);
            }
        }
        None => model.toast("nothing is red, and no notice came", Some(State::Success)),
    }
}

/// Makes the screen of the place, and stops what only the last one needed.
fn arrive(model: &mut Model, out: &mut Out) {
    // First of all: the new screen may follow nothing, or something of its own.
    out.push(Command::Unfollow);
    match model.place().clone() {
        Place::Build(build) => {
            if model.build.as_ref().is_none_or(|screen| screen.build != build) {
                model.build = Some(BuildScreen::new(build));
            }
            screen::build::arrive(model, out);
        }
        Place::Log(log) => {
            if model.log.as_ref().is_none_or(|screen| screen.buffer.log != log) {
                model.log = Some(LogScreen::new(log, Spot::End, model.options.settings.log_times));
            }
            screen::log::arrive(model, out);
        }
        _ => {
            model.log = None;
            model.build = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Look, farm};

    #[test]
    fn leaving_a_log_ends_its_stream() {
        let mut model = farm(80, 24, Look::Mono);
        telling(&mut model, &BuildRef::new("linux-rel", 914), &mut Vec::new());
        if let Some(build) =
            model.replica.builds.get_mut("linux-dbg").and_then(|builds| builds.get_mut(&377))
        {
            build.steps.clear();
        }
        let mut out = Vec::new();
        newest_notice(&mut model, &mut out);
        assert_eq!(model.place(), &Place::Build(BuildRef::new("linux-dbg", 377)));
        assert_eq!(out.first(), Some(&Command::Unfollow));
    }
}
