//! What tests of this crate stand on: a farm at a fixed time, a master in this process, and a driver without a terminal.

pub(crate) mod fake;
pub(crate) mod world;

mod actions;
mod flow;
mod hostile;
mod load;
mod manual;
mod sizes;
mod snapshots;
mod watching;

use std::{sync::Arc, time::Duration};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use linn_proto::entity::Entity;
use ratatui::{buffer::Buffer, layout::Rect};
use tokio::sync::mpsc;

use crate::{
    command::Command,
    link::{self, Dial, Link, LinkEvent},
    message::Message,
    model::Model,
    options::Options,
    perform::Performer,
    theme::Surroundings,
    update::update,
    view::view,
    zone::Zone,
};

/// How a test's terminal looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    Colour,
    Mono,
    Ascii,
}

/// A model that has seen nothing yet.
pub(crate) fn fresh(columns: u16, rows: u16, look: Look) -> Model {
    let options = Options {
        server: "unix:/srv/.linn/linn.sock".into(),
        ascii: look == Look::Ascii,
        ..Options::default()
    };
    let around = Surroundings {
        no_color: look != Look::Colour,
        term: "xterm-256color".into(),
        ..Surroundings::default()
    };
    let mut model = Model::new(options, &around, Zone::utc(), "seed".into());
    update(&mut model, Message::Tick(world::NOW));
    update(&mut model, Message::Resize(columns, rows));
    model
}

/// A model with these entities and a live link.
pub(crate) fn with(columns: u16, rows: u16, look: Look, entities: Vec<Entity>) -> Model {
    let mut model = fresh(columns, rows, look);
    update(&mut model, Message::Link(LinkEvent::Snapshot { epoch: vec![7], seq: 9, entities }));
    update(&mut model, Message::Link(LinkEvent::Beat { at_ms: world::NOW }));
    update(&mut model, Message::Link(LinkEvent::Latency(Duration::from_millis(38))));
    model
}

/// The farm of the mock-ups.
pub(crate) fn farm(columns: u16, rows: u16, look: Look) -> Model {
    with(columns, rows, look, world::farm())
}

/// Reads `e`, `enter`, `esc`, `tab`, `ctrl-s`, `down` as a key.
pub(crate) fn stroke(name: &str) -> KeyEvent {
    let (name, modifiers) = match name.strip_prefix("ctrl-") {
        Some(rest) => (rest, KeyModifiers::CONTROL),
        None => (name, KeyModifiers::NONE),
    };
    let code = match name {
        "enter" => KeyCode::Enter,
        "esc" => KeyCode::Esc,
        "tab" => KeyCode::Tab,
        "up" => KeyCode::Up,
        "down" => KeyCode::Down,
        "left" => KeyCode::Left,
        "right" => KeyCode::Right,
        "space" => KeyCode::Char(' '),
        other => KeyCode::Char(other.chars().next().expect("a key has a name")),
    };
    KeyEvent::new(code, modifiers)
}

/// Presses keys, blanks between them; gives the commands.
pub(crate) fn press(model: &mut Model, keys: &str) -> Vec<Command> {
    keys.split_whitespace().flat_map(|name| update(model, Message::Key(stroke(name)))).collect()
}

/// One frame.
pub(crate) fn frame(model: &Model) -> Buffer {
    let area = Rect::new(0, 0, model.size.0, model.size.1);
    let mut buffer = Buffer::empty(area);
    view(model, &mut buffer, area);
    buffer
}

/// A frame as text, without blanks at the ends of lines.
pub(crate) fn text(buffer: &Buffer) -> String {
    let mut lines = Vec::new();
    for y in 0..buffer.area.height {
        let mut line = String::new();
        let mut x = 0;
        while x < buffer.area.width {
            let symbol = buffer[(x, y)].symbol();
            line.push_str(symbol);
            x += crate::canvas::width(symbol).max(1);
        }
        lines.push(line.trim_end().to_owned());
    }
    lines.join("\n")
}

/// The console without a terminal, on a master in this process.
pub(crate) struct Driver {
    pub(crate) model: Model,
    link: Link,
    answers: mpsc::Receiver<Message>,
    performer: Performer,
    /// Commands that only the real loop performs.
    pub(crate) left: Vec<Command>,
}

impl Driver {
    pub(crate) fn start(master: &fake::Fake, columns: u16, rows: u16) -> Self {
        let master = master.clone();
        let dial: Dial = Arc::new(move || Box::pin(master.clone().dial()));
        let link = link::start(dial);
        let (sender, answers) = mpsc::channel(64);
        let performer =
            Performer::new(link.channel.clone(), sender, tokio::runtime::Handle::current());
        Self {
            model: fresh(columns, rows, Look::Colour),
            link,
            answers,
            performer,
            left: Vec::new(),
        }
    }

    pub(crate) fn take(&mut self, message: Message) {
        for command in update(&mut self.model, message) {
            self.left.extend(self.performer.perform(command));
        }
    }

    pub(crate) fn press(&mut self, keys: &str) {
        for name in keys.split_whitespace() {
            self.take(Message::Key(stroke(name)));
        }
    }

    pub(crate) fn text(&self) -> String {
        text(&frame(&self.model))
    }

    /// Takes what comes until something is so.
    pub(crate) async fn until(&mut self, what: &str, is: impl Fn(&Model) -> bool) {
        let mut clock = world::NOW;
        let waiting = async {
            while !is(&self.model) {
                let message = tokio::select! {
                    Some(event) = self.link.events.recv() => Message::Link(event),
                    Some(answer) = self.answers.recv() => answer,
                    // The clock runs fast: what waits for a time need not be waited for.
                    () = tokio::time::sleep(Duration::from_millis(20)) => {
                        clock += 500;
                        Message::Tick(clock)
                    }
                };
                for command in update(&mut self.model, message) {
                    self.left.extend(self.performer.perform(command));
                }
            }
        };
        let came = tokio::time::timeout(Duration::from_secs(20), waiting).await.is_ok();
        assert!(came, "never: {what}\n{}", self.text());
    }

    pub(crate) async fn until_shown(&mut self, part: &str) {
        self.until(part, |model| text(&frame(model)).contains(part)).await;
    }
}
