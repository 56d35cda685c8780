//! A question in the sentence line: a filter, a search, a file name.

use crossterm::event::KeyCode;

use super::After;
use crate::{
    canvas::Canvas,
    command::Command,
    keys::Stroke,
    model::{Model, Out},
    screen,
    theme::Role,
    widget::input::Input,
};

pub(crate) const KEYS: &[(&str, &str)] =
    &[("enter", "do it"), ("ctrl-u", "clear"), ("esc", "cancel")];

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Filter,
    Search,
    Save,
}

/// The question.
#[derive(Clone, Debug)]
pub(crate) struct Prompt {
    kind: Kind,
    input: Input,
    /// What the filter was before.
    before: String,
}

impl Prompt {
    pub(crate) fn filter(filter: &str) -> Self {
        Self { kind: Kind::Filter, input: Input::new(filter), before: filter.to_owned() }
    }

    pub(crate) fn search() -> Self {
        Self { kind: Kind::Search, input: Input::default(), before: String::new() }
    }

    pub(crate) fn save(path: &str) -> Self {
        Self { kind: Kind::Save, input: Input::new(path), before: String::new() }
    }

    pub(super) fn key(&mut self, model: &mut Model, stroke: Stroke, out: &mut Out) -> After {
        match stroke.code {
            KeyCode::Esc => {
                if self.kind == Kind::Filter
                    && let Some(filter) = screen::filter_mut(model)
                {
                    self.before.clone_into(filter);
                }
                return After::Close;
            }
            KeyCode::Enter => {
                self.done(model, out);
                return After::Close;
            }
            _ => {}
        }
        self.input.key(stroke);
        self.typed(model);
        After::Stay
    }

    pub(super) fn paste(&mut self, model: &mut Model, text: &str) {
        self.input.insert(text);
        self.typed(model);
    }

    /// The list answers while one types.
    fn typed(&self, model: &mut Model) {
        if self.kind == Kind::Filter
            && let Some(filter) = screen::filter_mut(model)
        {
            self.input.text().clone_into(filter);
        }
    }

    fn done(&self, model: &mut Model, out: &mut Out) {
        let text = self.input.text();
        match self.kind {
            Kind::Filter => {
                if let Some(filter) = screen::filter_mut(model) {
                    text.clone_into(filter);
                }
            }
            Kind::Search => screen::log::search::begin(model, text, out),
            Kind::Save => {
                if let Some(log) = model
                    .log
                    .as_ref()
                    .map(|screen| screen.buffer.log.clone())
                    .filter(|_| !text.is_empty())
                {
                    out.push(Command::Save { log, path: text.to_owned() });
                }
            }
        }
    }

    /// Draws the question in its line.
    pub(crate) fn draw(&self, canvas: &mut Canvas<'_>, y: u16) {
        let label = match self.kind {
            Kind::Filter => "filter /",
            Kind::Search => "search /",
            Kind::Save => "save as ",
        };
        let x = canvas.say(1, y, label, Role::Key);
        let cells = canvas.width().saturating_sub(x + 1);
        self.input.draw(canvas, x, y, cells, true);
    }
}
