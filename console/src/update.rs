//! `update`: one message in, commands out. Pure: the time comes as a tick, randomness came at the start.

use crossterm::event::{KeyCode, KeyEvent};
use linn_proto::entity::Notice;

use crate::{
    act::Deed,
    command::Command,
    glyph::State,
    keys::{Binding, Stroke},
    link::{LinkEvent, LinkOrder},
    message::Message,
    model::{LinkState, Model, Out, Place},
    navigate,
    options::ExitReason,
    popup::{self, Popup},
    refusal::Refusal,
    registry::{self, Action, ActionId, Needs, Right},
    screen,
};

/// Two ctrl-c within this span leave.
const TWICE_MS: i64 = 2_000;

/// Takes one message to its end.
pub(crate) fn update(model: &mut Model, message: Message) -> Out {
    let mut out = Out::new();
    // A tick alone changes the screen only when a visible clock moves; it says so itself.
    let visible = !matches!(
        message,
        Message::Tick(_) | Message::Link(LinkEvent::Beat { .. } | LinkEvent::Latency(_))
    );
    model.dirty |= visible;
    match message {
        Message::Tick(local_ms) => tick(model, local_ms, &mut out),
        Message::Key(event) => key(model, event, &mut out),
        Message::Paste(text) => popup::paste(model, &text),
        Message::Resize(columns, rows) => model.size = (columns, rows),
        Message::Focus(focused) => {
            model.focus = Some(focused);
            out.push(Command::Link(LinkOrder::Focus(focused)));
        }
        Message::Link(event) => link(model, event, &mut out),
        Message::Lines { log, purpose, result } => {
            screen::lines(model, &log, purpose, result, &mut out);
        }
        Message::Followed { log, lines } => screen::followed(model, &log, lines),
        Message::FollowEnded { log, broke } => screen::follow_ended(model, &log, broke.as_ref()),
        Message::Hit { log, run, hit } => screen::log::search::hit(model, &log, run, hit),
        Message::SearchEnded { log, run, result } => {
            screen::log::search::ended(model, &log, run, result);
        }
        Message::Marks { log, result } => screen::marks(model, &log, result, &mut out),
        Message::Whole { build, result } => screen::build::whole(model, &build, result),
        Message::Acted { request_id, result } => acted(model, &request_id, result),
        Message::Saved { log, result } => match result {
            Ok((path, bytes)) => {
                model.toast(
                    format!("saved {} to {path}", crate::time::bytes(bytes)),
                    Some(State::Success),
                );
            }
            Err(sentence) => popup::error(model, format!("{log} was not saved"), sentence, None),
        },
        Message::Undelivered(ring) => out.push(Command::RingTerminal(ring)),
        Message::Terminate => out.push(Command::Exit(ExitReason::Terminated)),
    }
    screen::settle(model, &mut out);
    out
}

fn tick(model: &mut Model, local_ms: i64, out: &mut Out) {
    let second = model.local_ms / 1000;
    model.local_ms = local_ms;
    // The greeting waits for the first tick to have a clock.
    for toast in &mut model.toasts {
        if toast.until_ms == 0 {
            toast.until_ms = local_ms + 2 * crate::model::TOAST_MS;
        }
    }
    let shown = model.toasts.len();
    model.toasts.retain(|toast| toast.until_ms > local_ms);
    model.dirty |= shown != model.toasts.len() || second != local_ms / 1000;
    if model.is_live() {
        let now_ms = model.now_ms();
        for (request_id, deed) in model.deeds.again(now_ms) {
            out.push(Command::Act { request_id, deed });
        }
    }
}

fn link(model: &mut Model, event: LinkEvent, out: &mut Out) {
    match event {
        LinkEvent::Snapshot { epoch, seq, entities } => {
            model.notices.begin(seq);
            if model.replica.epoch != epoch {
                for what in model.deeds.forget_accepted() {
                    let text = format!("{what}: accepted, but the master has another history now");
                    model.toast(text, Some(State::Warnings));
                }
            }
            model.replica.reset(epoch, seq, entities);
            linked(model, out);
        }
        LinkEvent::Resumed => linked(model, out),
        LinkEvent::Delta(delta) => {
            clock(model, delta.at_ms);
            model.replica.apply(delta.seq, delta.upserts, &delta.removals);
            for notice in delta.notices {
                notice_came(model, &notice, out);
            }
            deeds_done(model);
        }
        LinkEvent::Beat { at_ms } => clock(model, at_ms),
        LinkEvent::Latency(latency) => {
            let now = u64::try_from(latency.as_millis()).unwrap_or(u64::MAX);
            // What trembles by a third says nothing new: it would only write to the terminal.
            let steady =
                model.latency_ms.is_some_and(|before| now.abs_diff(before) <= (before / 3).max(2));
            if !steady {
                model.latency_ms = Some(now);
                model.dirty = true;
            }
        }
        LinkEvent::Down { why, retry } => {
            let now_ms = model.now_ms();
            let since_ms = match model.link {
                LinkState::Down { since_ms, .. } => since_ms,
                _ => now_ms,
            };
            let retry_at_ms = now_ms + i64::try_from(retry.as_millis()).unwrap_or(0);
            model.link = LinkState::Down { since_ms, why, retry_at_ms };
        }
    }
}

/// The link stands: ask again what may have been lost, and follow on where a log broke off.
fn linked(model: &mut Model, out: &mut Out) {
    model.link = LinkState::Live;
    for (request_id, deed) in model.deeds.again(i64::MAX) {
        out.push(Command::Act { request_id, deed });
    }
    deeds_done(model);
    screen::relinked(model, out);
}

/// The master's clock. What arrives is always late by the way here, so the largest lead seen is the best.
fn clock(model: &mut Model, at_ms: i64) {
    if at_ms > 0 && model.local_ms > 0 {
        let ahead = at_ms - model.local_ms;
        let best = model.ahead_ms.map_or(ahead, |before| before.max(ahead));
        // A clock that was set back would leave the old lead standing for ever: an hour off starts over.
        model.ahead_ms = Some(if best - ahead > 3_600_000 { ahead } else { best });
    }
}

fn notice_came(model: &mut Model, notice: &Notice, out: &mut Out) {
    let now_ms = model.now_ms();
    let Some(ring) = model.notices.take(notice, now_ms, model.focus) else { return };
    let state = match notice.kind.as_str() {
        "problem" => Some(State::Failure),
        "recovery" => Some(State::Success),
        "worker" => Some(State::Lost),
        _ => Some(State::Warnings),
    };
    let opens = if state == Some(State::Failure) && !notice.build.is_empty() {
        "   ! opens it"
    } else {
        ""
    };
    model.tell(format!("{}{opens}", notice.text), state);
    if let Some(ring) = ring
        && !model.options.no_notify
        && !model.options.settings.no_notify
    {
        out.push(Command::Ring(ring));
    }
}

fn deeds_done(model: &mut Model) {
    for sentence in model.deeds.done(model.replica.seq) {
        model.tell(sentence, Some(State::Success));
    }
}

fn acted(
    model: &mut Model,
    request_id: &str,
    result: Result<linn_proto::control::Accepted, Refusal>,
) {
    match result {
        Ok(accepted) => {
            model.deeds.accepted(request_id, &accepted);
            deeds_done(model);
        }
        Err(refusal) if refusal.lost => {
            let now_ms = model.now_ms();
            if let Some(deed) = model.deeds.lost(request_id, now_ms) {
                let why = "every answer was lost: nobody knows whether it was done";
                let hint = "look whether it was; the master may be in trouble";
                let what = format!("gave up asking: {}", deed.what());
                popup::error(model, what, why.into(), Some(hint.into()));
            }
        }
        Err(refusal) => {
            if let Some(deed) = model.deeds.refused(request_id) {
                popup::refused(model, format!("cannot {}", deed.what()), refusal);
            }
        }
    }
}

/// Sends an action off.
pub(crate) fn begin(model: &mut Model, deed: Deed, out: &mut Out) {
    let (request_id, deed) = model.deeds.begin(deed);
    out.push(Command::Act { request_id, deed });
}

fn key(model: &mut Model, event: KeyEvent, out: &mut Out) {
    let Some(stroke) = Stroke::read(event) else { return };
    if stroke == (Stroke { code: KeyCode::Char('c'), ctrl: true }) {
        interrupt(model, out);
        return;
    }
    model.interrupted_ms = None;
    // What a key was answered with is of no use once the next one is typed.
    model.toasts.retain(|toast| toast.lasting);
    if model.is_too_small() && !blind(stroke) {
        return;
    }
    if !model.popups.is_empty() {
        popup::key(model, stroke, out);
        return;
    }
    let scope = model.scope();
    let binding = match model.chord.take() {
        Some(first) if first == stroke => Binding::Twice(stroke),
        _ => Binding::One(stroke),
    };
    if registry::begins(scope, binding) {
        model.chord = Some(stroke);
        return;
    }
    if let Some(action) = registry::find(scope, binding) {
        run(model, action, out);
    }
}

/// Whether a key may act where nothing is seen of what it does.
fn blind(stroke: Stroke) -> bool {
    stroke.ctrl && matches!(stroke.code, KeyCode::Char('l' | 'z'))
}

/// ctrl-c leaves a prompt; twice in a row it leaves the console.
fn interrupt(model: &mut Model, out: &mut Out) {
    let now = model.local_ms;
    if model.interrupted_ms.is_some_and(|at| now - at <= TWICE_MS) {
        let reason =
            if model.options.owns_master { ExitReason::QuitStop } else { ExitReason::Quit };
        out.push(Command::Exit(reason));
        return;
    }
    model.interrupted_ms = Some(now);
    if model.popups.is_empty() {
        let hint = if model.options.owns_master {
            "ctrl-c again leaves linn and stops its master; q asks"
        } else {
            "ctrl-c again leaves linn, and so does q"
        };
        model.toast(hint, None);
    } else {
        // Not just taken away: a filter that was half typed is put back as it was.
        popup::key(model, Stroke { code: KeyCode::Esc, ctrl: false }, out);
    }
}

/// Does what an action says, or says why it cannot.
pub(crate) fn run(model: &mut Model, action: &'static Action, out: &mut Out) {
    if let Err(why) = possible(model, action) {
        model.toast(why.sentence(), None);
        return;
    }
    match action.id {
        ActionId::Screen(number) => navigate::screen(model, number, out),
        ActionId::Help => model.popups.push(Popup::help(model.scope())),
        ActionId::Palette => model.popups.push(Popup::palette()),
        ActionId::Relink => {
            model.toast("linking anew", None);
            out.push(Command::Link(LinkOrder::RetryNow));
        }
        ActionId::Redraw => out.push(Command::Repaint),
        ActionId::Suspend => out.push(Command::Suspend),
        ActionId::StartUp => out.push(Command::Exit(ExitReason::StartUp)),
        ActionId::NewestNotice => navigate::newest_notice(model, out),
        ActionId::Back => {
            if !screen::clear_filter(model) {
                navigate::back(model, out);
            }
        }
        ActionId::Quit => {
            if !navigate::back(model, out) {
                quit(model, out);
            }
        }
        ActionId::Force | ActionId::Rebuild | ActionId::Stop | ActionId::Pause => {
            popup::open_for(model, action.id);
        }
        ActionId::Why => popup::open_why(model),
        ActionId::Log => {
            if let Some(build) = model.selection().build
                && !screen::act(model, ActionId::Log, out)
            {
                navigate::telling(model, &build, out);
            }
        }
        id => {
            screen::act(model, id, out);
        }
    }
}

fn quit(model: &mut Model, out: &mut Out) {
    if model.options.owns_master && !model.is_offline() {
        model.popups.push(popup::confirm::quit(model));
    } else if model.options.owns_master {
        out.push(Command::Exit(ExitReason::QuitStop));
    } else {
        out.push(Command::Exit(ExitReason::Quit));
    }
}

/// Why an action cannot be done now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Hindrance {
    /// There is nothing to do it to: its key is not shown.
    Missing(String),
    /// It is not allowed, or the link is broken: its key is shown dim.
    Forbidden(String),
}

impl Hindrance {
    pub(crate) fn sentence(self) -> String {
        match self {
            Self::Missing(sentence) | Self::Forbidden(sentence) => sentence,
        }
    }
}

/// Whether an action could be done now.
pub(crate) fn possible(model: &Model, action: &Action) -> Result<(), Hindrance> {
    use linn_proto::entity::BuildState;
    if action.id == ActionId::StartUp {
        // Only when a first attempt has shown that nobody is there.
        let offered = model.options.offer_up && matches!(model.link, LinkState::Down { .. });
        return if offered {
            Ok(())
        } else {
            Err(Hindrance::Missing("no master is started from here".into()))
        };
    }
    if matches!(action.id, ActionId::NextMatch | ActionId::PreviousMatch)
        && model.log.as_ref().is_none_or(|screen| screen.search.is_none())
    {
        return Err(Hindrance::Missing("nothing was searched yet: / searches".into()));
    }
    let selection = model.selection();
    let build = model.selected_build();
    let missing = match action.needs {
        Needs::Nothing => None,
        Needs::Build => selection.build.is_none().then_some("no build is selected"),
        Needs::FinishedBuild => match build {
            None => Some("no build is selected"),
            // C24: the master takes a rebuild of a running build, too; here the key is for what has ended.
            Some(build) if build.state() != BuildState::Finished => {
                Some("it still runs: x ends it")
            }
            Some(_) => None,
        },
        Needs::Unfinished => {
            let runs = build.is_some_and(|build| build.state() != BuildState::Finished);
            (!runs && selection.request.is_none())
                .then_some("nothing that runs or waits is selected")
        }
        Needs::Builder => selection.builder.is_none().then_some("no builder is selected"),
        Needs::Waiting => {
            (popup::waiting_of(model, &selection).is_empty()).then_some("nothing waits here")
        }
        Needs::Worker => selection.worker.is_none().then_some("no worker is selected"),
    };
    if let Some(missing) = missing {
        return Err(Hindrance::Missing(missing.into()));
    }
    if action.right != Right::Viewer {
        if model.options.read_only {
            let name = action.name.trim_end_matches('…');
            return Err(Hindrance::Forbidden(format!(
                "this context is read-only: {name} is not possible"
            )));
        }
        if !model.is_live() {
            let sentence = "the link is broken: actions wait until it is back";
            return Err(Hindrance::Forbidden(sentence.into()));
        }
    }
    Ok(())
}

/// The number of the screen a place belongs to.
pub(crate) fn number(place: &Place) -> Option<u8> {
    match place {
        Place::Waterfall => Some(1),
        Place::Builders => Some(3),
        Place::Queue => Some(4),
        Place::Workers => Some(5),
        Place::Later(number) => Some(*number),
        Place::Build(_) | Place::Log(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Look, farm, press};

    #[test]
    fn ctrl_c_leaves_a_prompt_as_esc_does() {
        let mut model = farm(80, 24, Look::Mono);
        press(&mut model, "3 / w i n ctrl-c");
        assert_eq!(model.builders.filter, "");
        assert!(model.popups.is_empty());
    }
}
