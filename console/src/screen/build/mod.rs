//! One build (C4): its steps with their times, whose changes are in it, the tail of the telling log, its properties.
//!
//! The tail goes along with the running step until the person chooses a step; of a broken build it stands at the first
//! error.

pub(crate) mod tail;
pub(crate) mod view;

use linn_proto::entity::{Build, BuildState, Step};

use crate::{
    command::Command,
    glyph::State,
    logs::{LogRef, main_log, spot, telling_step},
    model::{Model, Out, Place},
    navigate,
    refusal::Refusal,
    registry::ActionId,
    replica::{BuildRef, reference},
    screen::{list, waterfall},
    time, words,
};

pub(crate) use tail::{follow_ended, followed, lines, marks};

/// A part of the screen that can have the keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Pane {
    #[default]
    Steps,
    Blame,
    Tail,
    Properties,
}

const PANES: [Pane; 4] = [Pane::Steps, Pane::Blame, Pane::Tail, Pane::Properties];

/// The state of the screen.
#[derive(Clone, Debug)]
pub(crate) struct BuildScreen {
    pub(crate) build: BuildRef,
    pub(crate) pane: Pane,
    pub(crate) zoomed: bool,
    /// The chosen step, by number; the telling one when none is chosen.
    pub(crate) step: Option<u32>,
    /// Rows scrolled away in blame and properties.
    pub(crate) scrolled: [usize; 2],
    pub(crate) tail: Option<tail::Tail>,
    /// The build with its properties, and the number of ended steps it was asked at.
    pub(crate) whole: Option<Box<Build>>,
    asked_at: Option<usize>,
    pub(crate) trouble: Option<String>,
}

impl BuildScreen {
    pub(crate) fn new(build: BuildRef) -> Self {
        Self {
            build,
            pane: Pane::default(),
            zoomed: false,
            step: None,
            scrolled: [0, 0],
            tail: None,
            whole: None,
            asked_at: None,
            trouble: None,
        }
    }
}

/// The build as the replica has it, else as it was fetched.
pub(crate) fn found<'a>(model: &'a Model, screen: &'a BuildScreen) -> Option<&'a Build> {
    model.replica.build(&screen.build).or(screen.whole.as_deref())
}

/// The steps people see.
pub(crate) fn steps(build: &Build) -> Vec<&Step> {
    build.steps.iter().filter(|step| !step.hidden).collect()
}

/// The step the person stands on.
pub(crate) fn step<'a>(screen: &BuildScreen, build: &'a Build) -> Option<&'a Step> {
    let chosen =
        screen.step.and_then(|number| build.steps.iter().find(|step| step.number == number));
    chosen.or_else(|| telling_step(build)).or_else(|| build.steps.iter().find(|step| !step.hidden))
}

/// `FAILED in test, 6:12 (usual 6:06)`.
pub(crate) fn headline(build: &Build, now_ms: i64) -> String {
    let state = State::of_build(build);
    let broken = build.steps.iter().find(|step| waterfall::grid::is_broken(step));
    let what = match (state, broken) {
        (State::Failure, Some(step)) => format!("FAILED in {},", step.name),
        (State::Exception, Some(step)) => format!("EXCEPTION in {},", step.name),
        (State::Running | State::Lost, _) => format!("{},", words::outcome(build, now_ms)),
        (state, _) => state.upper().to_owned(),
    };
    let took = time::span(words::duration_ms(build, now_ms));
    match build.usual_ms {
        Some(usual) => format!("{what} {took} (usual {})", time::span(usual)),
        None => format!("{what} {took}"),
    }
}

/// On arrival, and when the link is back: the properties are asked for, and the tail is aimed anew.
pub(crate) fn arrive(model: &mut Model, out: &mut Out) {
    if let Some(screen) = model.build.as_mut() {
        screen.asked_at = None;
        screen.tail = None;
        screen.trouble = None;
    }
    settle(model, out);
}

/// Asks for the properties when there can be new ones, and keeps the tail on its step.
pub(crate) fn settle(model: &mut Model, out: &mut Out) {
    let Some(mut screen) = model.build.take() else { return };
    let ended = found(model, &screen).map_or(0, |build| {
        let steps = build.steps.iter().filter(|step| step.complete_at_ms.is_some()).count();
        steps + usize::from(build.state() == BuildState::Finished)
    });
    if screen.asked_at != Some(ended) && model.is_live() {
        screen.asked_at = Some(ended);
        out.push(Command::Whole { build: screen.build.clone() });
    }
    let aim = found(model, &screen).and_then(|build| {
        let step = step(&screen, build)?;
        Some((LogRef::new(build, step, main_log(step)?), spot(step)))
    });
    tail::aim(&mut screen.tail, aim, model.is_live(), out);
    model.build = Some(screen);
}

/// The build came whole.
pub(crate) fn whole(model: &mut Model, id: &BuildRef, result: Result<Box<Build>, Refusal>) {
    let Some(screen) = model.build.as_mut().filter(|screen| &screen.build == id) else { return };
    match result {
        Ok(build) => {
            screen.whole = Some(build);
            screen.trouble = None;
        }
        // A lost call is asked again when the link is back.
        Err(refusal) => screen.trouble = (!refusal.lost).then_some(refusal.sentence),
    }
}

/// What keys do here.
pub(crate) fn act(model: &mut Model, id: ActionId, out: &mut Out) -> bool {
    let Some(mut screen) = model.build.take() else { return false };
    let known = acted(model, &mut screen, id, out);
    // Going elsewhere may have made another screen already.
    if model.build.is_none()
        && matches!(model.place(), Place::Build(build) if build == &screen.build)
    {
        model.build = Some(screen);
    } else if model.build.is_none()
        && model.trail.iter().any(|place| place == &Place::Build(screen.build.clone()))
    {
        // Kept for the way back.
        model.build = Some(screen);
    }
    known
}

fn acted(model: &mut Model, screen: &mut BuildScreen, id: ActionId, out: &mut Out) -> bool {
    match id {
        ActionId::NextPane | ActionId::PreviousPane => {
            let index = PANES.iter().position(|pane| *pane == screen.pane).unwrap_or(0);
            let by = if id == ActionId::NextPane { 1 } else { PANES.len() - 1 };
            screen.pane = PANES[(index + by) % PANES.len()];
        }
        ActionId::ZoomPane => screen.zoomed = !screen.zoomed,
        ActionId::Blame => screen.pane = Pane::Blame,
        ActionId::Properties => {
            screen.pane = Pane::Properties;
            // On a small screen the properties have no pane of their own.
            screen.zoomed = true;
        }
        ActionId::Open | ActionId::Log => {
            let target = found(model, screen).and_then(|build| {
                let step = step(screen, build)?;
                Some((LogRef::new(build, step, main_log(step)?), spot(step)))
            });
            match target {
                Some((log, spot)) => navigate::log(model, log, spot, out),
                None => model.toast("this step has written no log yet", None),
            }
        }
        ActionId::NextRed | ActionId::PreviousRed => {
            let by = if id == ActionId::NextRed { 1 } else { -1 };
            let broken: Vec<u32> = found(model, screen).map_or_else(Vec::new, |build| {
                steps(build)
                    .iter()
                    .filter(|step| waterfall::grid::is_broken(step))
                    .map(|step| step.number)
                    .collect()
            });
            match waterfall::next_of(&broken, screen.step.as_ref(), by) {
                Some(number) => screen.step = Some(*number),
                None => model.toast("no step of this build is red", Some(State::Success)),
            }
        }
        ActionId::Older | ActionId::Newer => {
            let builds = model.replica.builds.get(&screen.build.builder);
            let next = builds.and_then(|builds| match id {
                ActionId::Older => builds.range(..screen.build.number).next_back(),
                _ => builds.range(screen.build.number + 1..).next(),
            });
            match next.map(|(_, build)| reference(build)) {
                Some(build) => navigate::replace(model, Place::Build(build), out),
                None => model.toast("no further build is known here; linn builds has all", None),
            }
        }
        id => return moved(model, screen, id),
    }
    true
}

fn moved(model: &Model, screen: &mut BuildScreen, id: ActionId) -> bool {
    let page = usize::from(model.body_height() / 2);
    match screen.pane {
        Pane::Steps | Pane::Tail => {
            let Some(build) = found(model, screen) else { return true };
            let numbers: Vec<u32> = steps(build).iter().map(|step| step.number).collect();
            let current = step(screen, build).map(|step| step.number);
            let index = numbers.iter().position(|number| Some(*number) == current).unwrap_or(0);
            let Some(index) = list::moved(id, index, numbers.len(), page) else { return false };
            screen.step = numbers.get(index).copied();
        }
        Pane::Blame | Pane::Properties => {
            let slot = usize::from(screen.pane == Pane::Properties);
            let count = view::scrolling(model, screen);
            let Some(index) = list::moved(id, screen.scrolled[slot], count, page) else {
                return false;
            };
            screen.scrolled[slot] = index;
        }
    }
    true
}

/// `esc` first shows all panes again.
pub(crate) fn unzoom(model: &mut Model) -> bool {
    match model.build.as_mut() {
        Some(screen) if screen.zoomed => {
            screen.zoomed = false;
            true
        }
        _ => false,
    }
}

/// What waited, why it was made, what it is.
pub(crate) fn sentence(model: &Model) -> String {
    let Some(screen) = model.build.as_ref() else { return String::new() };
    let Some(build) = found(model, screen) else {
        let trouble = screen.trouble.clone();
        return trouble.unwrap_or_else(|| format!("fetching {}", screen.build));
    };
    let mut facts = Vec::new();
    if let Some(request) = build.request_ids.first().and_then(|id| model.replica.requests.get(id)) {
        facts.push(format!("waited {}", time::span(build.started_at_ms - request.submitted_at_ms)));
    }
    if !build.reason.is_empty() {
        facts.push(format!("reason {}", build.reason));
    }
    if !build.stop_reason.is_empty() {
        facts.push(format!("stopped: {}", build.stop_reason));
    }
    facts.push(words::source(&build.sourcestamps, Some(build)));
    let set: Vec<&linn_proto::entity::BuildRequest> = model
        .replica
        .requests
        .values()
        .filter(|request| request.buildset == build.buildset)
        .collect();
    if set.len() > 1 {
        let red = set
            .iter()
            .filter(|one| State::of_results(one.results()).is_some_and(State::is_red))
            .count();
        let done = set.iter().filter(|one| one.complete_at_ms.is_some()).count();
        facts.push(format!("siblings {} ok, {red} red, {} to come", done - red, set.len() - done));
    }
    facts.retain(|fact| !fact.is_empty());
    facts.join("   ")
}
