//! Dialogs before something ends or changes: what it does, how, why, and a button. The focus begins on Cancel.
//!
//! What must hold: no key that opens a dialog also presses its button. A key that is held down, or typed once too often,
//! must not do what nobody has read.

use crossterm::event::KeyCode;
use linn_proto::{
    control::{CancelRequest, RebuildRequest, StopRequest, WorkerControlRequest, WorkerVerb},
    entity::BuildState,
};

use super::{After, Popup};
use crate::{
    act::Deed,
    canvas::Canvas,
    command::Command,
    glyph::State,
    keys::Stroke,
    model::{Model, Out},
    options::ExitReason,
    replica::BuildRef,
    theme::Role,
    time, update,
    widget::{
        input::Input,
        pane::{centred, pane},
    },
    words,
};

/// N2: said when the person said nothing.
const DEFAULT_STOP_REASON: &str = "stopped from the console";
const DEFAULT_CANCEL_REASON: &str = "cancelled from the console";
const DEFAULT_WORKER_REASON: &str = "from the console";

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Aim {
    Stop(BuildRef),
    Rebuild(BuildRef),
    Cancel(u64),
    Worker(String),
    Quit,
}

/// What has the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Focus {
    How,
    Reason,
    Cancel,
    Go,
}

/// The dialog.
#[derive(Clone, Debug)]
pub(crate) struct Confirm {
    aim: Aim,
    title: String,
    /// What is known of it.
    facts: Vec<String>,
    /// Ways to do it; none: there is one way.
    how: Vec<&'static str>,
    chosen: usize,
    reason: Option<Input>,
    /// What will be so afterwards.
    effect: String,
    /// What stands on it; one for each way, or one for all.
    buttons: Vec<String>,
    /// The key that presses the button while no text is typed.
    press: char,
    keys: &'static [(&'static str, &'static str)],
    focus: Focus,
}

/// Before a build is stopped (C14).
pub(crate) fn stop(model: &Model, id: &BuildRef) -> Popup {
    let mut facts = Vec::new();
    if let Some(build) = model.replica.build(id) {
        let now_ms = model.shown_ms();
        let took = time::span(words::duration_ms(build, now_ms));
        let of = build
            .usual_ms
            .map_or_else(String::new, |usual| format!(" of about {}", time::span(usual)));
        facts.push(format!("running {took}{of} on {}", build.worker));
        facts.push(words::outcome(build, now_ms));
        if build.state() == BuildState::Stopping {
            facts.push(format!("it is being stopped already: {}", build.stop_reason));
        }
    }
    Popup::Confirm(Confirm {
        title: format!("stop {id} ?"),
        aim: Aim::Stop(id.clone()),
        facts,
        how: vec!["ask, then kill after its grace", "kill now"],
        chosen: 0,
        reason: Some(Input::default()),
        effect: "result will be CANCELLED, not red; blame is not changed".into(),
        buttons: vec![format!("Stop #{}", id.number)],
        press: 's',
        keys: &[
            ("up down space", "how"),
            ("tab", "move"),
            ("enter", "press"),
            ("s", "stop"),
            ("esc", "cancel"),
        ],
        focus: Focus::Cancel,
    })
}

/// Before a build is made again.
pub(crate) fn rebuild(model: &Model, id: &BuildRef) -> Popup {
    let mut facts = Vec::new();
    if let Some(build) = model.replica.build(id) {
        let state = State::of_build(build);
        facts.push(format!(
            "{} {}, {}",
            id,
            state.upper(),
            words::outcome(build, model.shown_ms())
        ));
        facts.push(words::source(&build.sourcestamps, Some(build)));
    }
    Popup::Confirm(Confirm {
        title: format!("rebuild {id} ?"),
        aim: Aim::Rebuild(id.clone()),
        facts,
        how: vec!["the same revision", "the tip of the same branch"],
        chosen: 0,
        reason: None,
        effect: "a new request with the same properties".into(),
        buttons: vec![format!("Rebuild #{}", id.number)],
        press: 'y',
        keys: &[
            ("up down space", "how"),
            ("tab", "move"),
            ("enter", "press"),
            ("y", "rebuild"),
            ("esc", "cancel"),
        ],
        focus: Focus::Cancel,
    })
}

/// Before a request is cancelled.
pub(crate) fn cancel(model: &Model, id: u64) -> Popup {
    let mut facts = Vec::new();
    if let Some(request) = model.replica.requests.get(&id) {
        facts.push(format!("{}   {}", request.builder, words::source(&request.sourcestamps, None)));
        facts.push(request.reason.clone());
        if !request.owners.is_empty() {
            facts.push(format!("of {}", words::people(&request.owners, 4)));
        }
    }
    Popup::Confirm(Confirm {
        title: format!("cancel request {id} ?"),
        aim: Aim::Cancel(id),
        facts,
        how: Vec::new(),
        chosen: 0,
        reason: Some(Input::default()),
        effect: "it leaves the queue; builds that run are not touched".into(),
        buttons: vec![format!("Cancel request {id}")],
        press: 'y',
        keys: &[
            ("tab", "move"),
            ("enter", "press"),
            ("y", "cancel the request"),
            ("esc", "leave it"),
        ],
        focus: Focus::Cancel,
    })
}

/// Before a worker is taken out or brought in.
pub(crate) fn worker(model: &Model, name: &str) -> Popup {
    let mut facts = Vec::new();
    let mut out = false;
    if let Some(worker) = model.replica.workers.get(name) {
        out = matches!(worker.state.as_str(), "paused" | "draining");
        facts.push(format!(
            "{}, runs {}",
            worker.state,
            words::count(worker.running.len(), "build")
        ));
        let only: Vec<&str> = model
            .replica
            .builders
            .values()
            .filter(|builder| builder.workers.as_slice() == [name.to_owned()])
            .map(|builder| builder.name.as_str())
            .collect();
        if !only.is_empty() {
            facts.push(format!("the only worker for {}", only.join(", ")));
        }
    }
    Popup::Confirm(Confirm {
        title: format!("take {name} out, or bring it in ?"),
        aim: Aim::Worker(name.to_owned()),
        facts,
        how: vec![
            "pause: what runs goes on, nothing new starts",
            "drain: finish, then paused",
            "bring in again",
        ],
        chosen: if out { 2 } else { 0 },
        reason: Some(Input::default()),
        effect: "it stays so across restarts of worker and master".into(),
        buttons: ["Pause", "Drain", "Bring in"].map(|way| format!("{way} {name}")).into(),
        press: 'y',
        keys: &[
            ("p d b", "how"),
            ("tab", "move"),
            ("enter", "press"),
            ("y", "do it"),
            ("esc", "cancel"),
        ],
        focus: Focus::Cancel,
    })
}

/// Before the console leaves a master that lives in this program.
pub(crate) fn quit(model: &Model) -> Popup {
    let running = model.replica.running().count();
    Popup::Confirm(Confirm {
        title: "leave linn ?".into(),
        aim: Aim::Quit,
        facts: vec![
            "the master is a process of its own".into(),
            match running {
                0 => "no build is running".into(),
                running => format!("{} running", words::count(running, "build")),
            },
        ],
        how: vec![
            "stop it; running builds resume at the next start",
            "let it go on in the background",
        ],
        chosen: 0,
        reason: None,
        effect: "nothing is lost either way".into(),
        buttons: vec!["Leave".into()],
        press: 'y',
        keys: &[
            ("up down space", "how"),
            ("tab", "move"),
            ("enter", "press"),
            ("y", "leave"),
            ("esc", "stay"),
        ],
        focus: Focus::Cancel,
    })
}

impl Confirm {
    pub(super) fn keys(&self) -> &'static [(&'static str, &'static str)] {
        self.keys
    }

    pub(super) fn paste(&mut self, text: &str) {
        if let Some(reason) = self.reason.as_mut().filter(|_| self.focus == Focus::Reason) {
            reason.insert(text);
        }
    }

    fn stops(&self) -> Vec<Focus> {
        let mut stops = Vec::new();
        if !self.how.is_empty() {
            stops.push(Focus::How);
        }
        if self.reason.is_some() {
            stops.push(Focus::Reason);
        }
        stops.extend([Focus::Cancel, Focus::Go]);
        stops
    }

    fn turn(&mut self, by: usize) {
        let stops = self.stops();
        let index = stops.iter().position(|stop| *stop == self.focus).unwrap_or(0);
        self.focus = stops[(index + by) % stops.len()];
    }

    pub(super) fn key(&mut self, model: &mut Model, stroke: Stroke, out: &mut Out) -> After {
        let back = self.stops().len() - 1;
        match (stroke.code, self.focus) {
            (KeyCode::Esc, _) => return After::Close,
            (KeyCode::Tab, _) => self.turn(1),
            (KeyCode::BackTab, _) => self.turn(back),
            (KeyCode::Enter, Focus::Cancel) => return After::Close,
            (KeyCode::Enter, Focus::Go) => return self.go(model, out),
            (KeyCode::Enter, _) => self.turn(1),
            (_, Focus::Reason) => {
                if let Some(reason) = self.reason.as_mut() {
                    reason.key(stroke);
                }
            }
            (KeyCode::Char(character), _) if character == self.press && !stroke.ctrl => {
                return self.go(model, out);
            }
            (KeyCode::Char(way @ ('p' | 'd' | 'b')), _) if matches!(self.aim, Aim::Worker(_)) => {
                self.chosen = ['p', 'd', 'b'].iter().position(|known| *known == way).unwrap_or(0);
            }
            (KeyCode::Char(' ') | KeyCode::Down | KeyCode::Char('j'), _)
                if !self.how.is_empty() =>
            {
                self.chosen = (self.chosen + 1) % self.how.len();
            }
            (KeyCode::Up | KeyCode::Char('k'), _) if !self.how.is_empty() => {
                self.chosen = (self.chosen + self.how.len() - 1) % self.how.len();
            }
            (KeyCode::Left | KeyCode::Char('h'), _) => self.turn(back),
            (KeyCode::Right | KeyCode::Char('l'), _) => self.turn(1),
            _ => {}
        }
        After::Stay
    }

    fn go(&self, model: &mut Model, out: &mut Out) -> After {
        if self.aim != Aim::Quit && !model.is_live() {
            model.toast("the link is broken: actions wait until it is back", None);
            return After::Stay;
        }
        let reason = |default: &str| match self.reason.as_ref().map(|reason| reason.text().trim()) {
            Some(reason) if !reason.is_empty() => reason.to_owned(),
            _ => default.to_owned(),
        };
        let request_id = String::new();
        let deed = match &self.aim {
            Aim::Stop(build) => Deed::Stop(StopRequest {
                request_id,
                build: build.to_string(),
                reason: reason(DEFAULT_STOP_REASON),
                kill: self.chosen == 1,
            }),
            Aim::Rebuild(build) => Deed::Rebuild(RebuildRequest {
                request_id,
                build: build.to_string(),
                latest: self.chosen == 1,
                reason: String::new(),
            }),
            Aim::Cancel(request) => Deed::Cancel(CancelRequest {
                request_id,
                request: *request,
                reason: reason(DEFAULT_CANCEL_REASON),
            }),
            Aim::Worker(worker) => {
                let verb = match self.chosen {
                    0 => WorkerVerb::Pause,
                    1 => WorkerVerb::Drain,
                    _ => WorkerVerb::Resume,
                };
                Deed::Worker(WorkerControlRequest {
                    request_id,
                    worker: worker.clone(),
                    verb: verb.into(),
                    reason: reason(DEFAULT_WORKER_REASON),
                })
            }
            Aim::Quit => {
                let reason = if self.chosen == 0 {
                    ExitReason::QuitStop
                } else {
                    ExitReason::QuitLeaveRunning
                };
                out.push(Command::Exit(reason));
                return After::Close;
            }
        };
        update::begin(model, deed, out);
        After::Close
    }

    fn button(&self) -> &str {
        self.buttons.get(self.chosen).or(self.buttons.first()).map_or("", String::as_str)
    }

    pub(super) fn draw(&self, canvas: &mut Canvas<'_>) {
        let rows = self.facts.len() + self.how.len() + usize::from(self.reason.is_some());
        let height = u16::try_from(rows).unwrap_or(u16::MAX).saturating_add(9);
        let mut part = centred(canvas, 68, height);
        let mut inside = pane(&mut part, &self.title, true);
        let end = inside.width();
        // In a low window blank lines go first, then what will be so, then facts: never a way to do it, nor the buttons.
        let buttons_at = inside.height().saturating_sub(1);
        let asked = u16::try_from(rows - self.facts.len()).unwrap_or(u16::MAX);
        let facts = u16::try_from(self.facts.len()).unwrap_or(u16::MAX);
        let airy = facts + asked + 6 <= inside.height();
        let gap = u16::from(airy);
        let kept = usize::from(buttons_at.saturating_sub(asked));
        let mut y = gap;
        for fact in self.facts.iter().take(kept) {
            inside.put_cut(0, y, end, fact, inside.role(Role::Text));
            y += 1;
        }
        y += gap;
        for (index, way) in self.how.iter().enumerate() {
            let chosen = index == self.chosen;
            if index == 0 {
                inside.say(0, y, "how", Role::Dim);
            }
            let dot = match (chosen, inside.glyphs.ascii) {
                (true, false) => "(•)",
                (true, true) => "(*)",
                (false, _) => "( )",
            };
            let role = if chosen && self.focus == Focus::How { Role::Key } else { Role::Text };
            let x = inside.say(8, y, dot, role) + 1;
            inside.put_cut(x, y, end, way, inside.role(role));
            y += 1;
        }
        if let Some(reason) = &self.reason {
            self.draw_reason(&mut inside, y, reason);
            y += 1;
        }
        if airy {
            inside.put_cut(0, y + 1, end, &self.effect, inside.role(Role::Dim));
        }
        let y = if airy { y + 3 } else { buttons_at };
        let mut x = 8;
        for (focus, text) in [(Focus::Cancel, "Cancel"), (Focus::Go, self.button())] {
            let text = if focus == Focus::Cancel && self.aim == Aim::Quit { "Stay" } else { text };
            let style = inside.role(if self.focus == focus { Role::Match } else { Role::Text });
            x = inside.put_cut(x, y, end, &format!("[ {text} ]"), style) + 6;
        }
    }

    fn draw_reason(&self, inside: &mut Canvas<'_>, y: u16, reason: &Input) {
        let end = inside.width();
        inside.say(0, y, "reason", Role::Dim);
        inside.say(8, y, "[", Role::Dim);
        let cells = end.saturating_sub(10);
        if reason.text().is_empty() && self.focus != Focus::Reason {
            let default = match self.aim {
                Aim::Stop(_) => DEFAULT_STOP_REASON,
                Aim::Cancel(_) => DEFAULT_CANCEL_REASON,
                _ => DEFAULT_WORKER_REASON,
            };
            inside.put_cut(9, y, 9 + cells, default, inside.role(Role::Frame));
        } else {
            reason.draw(inside, 9, y, cells, self.focus == Focus::Reason);
        }
        inside.say(end.saturating_sub(1), y, "]", Role::Dim);
    }
}
