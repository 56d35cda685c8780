//! The palette: every action of the place by its words, builders to open, and a place in a log to go to.

use crossterm::event::KeyCode;

use super::After;
use crate::{
    canvas::Canvas,
    keys::Stroke,
    model::{Model, Out, Place},
    navigate,
    registry::{self, Action, ActionId},
    replica::BuildRef,
    screen::log::go,
    shell::quoted,
    theme::Role,
    update,
    widget::{
        input::Input,
        pane::{centred, pane},
    },
};

pub(crate) const KEYS: &[(&str, &str)] = &[
    ("up down", "move"),
    ("tab", "complete"),
    ("enter", "run"),
    ("esc", "cancel"),
    (":1234", "line"),
    ("#12", "build"),
];
/// Lines shown.
const SHOWN: usize = 12;

/// The palette.
#[derive(Clone, Debug, Default)]
pub(crate) struct Palette {
    input: Input,
    index: usize,
}

/// Something to run.
#[derive(Clone, Debug)]
enum Choice {
    Act(&'static Action),
    Build(BuildRef),
    Builder(String),
    Go(go::Target, String),
}

impl Palette {
    pub(super) fn key(&mut self, model: &mut Model, stroke: Stroke, out: &mut Out) -> After {
        let choices = self.choices(model);
        match (stroke.code, stroke.ctrl) {
            (KeyCode::Esc, _) => return After::Close,
            (KeyCode::Enter, _) => {
                if let Some(choice) = choices.get(self.index) {
                    run(model, choice, out);
                } else if !self.input.text().is_empty() {
                    model.toast(format!("no command is called {}", self.input.text()), None);
                }
                return After::Close;
            }
            (KeyCode::Down, _) | (KeyCode::Char('n'), true) => {
                self.index = (self.index + 1).min(choices.len().saturating_sub(1));
            }
            (KeyCode::Up, _) | (KeyCode::Char('p'), true) => {
                self.index = self.index.saturating_sub(1);
            }
            (KeyCode::Tab, _) => {
                if let Some(choice) = choices.get(self.index) {
                    self.input = Input::new(title(choice));
                }
            }
            _ => {
                if self.input.key(stroke) {
                    self.index = 0;
                }
            }
        }
        After::Stay
    }

    pub(super) fn paste(&mut self, text: &str) {
        self.input.insert(text);
        self.index = 0;
    }

    fn choices(&self, model: &Model) -> Vec<Choice> {
        let typed = self.input.text().trim();
        // A second colon is what people type who know the log's `:1234` from elsewhere.
        let place = typed.strip_prefix(':').unwrap_or(typed);
        let mut choices = Vec::new();
        if matches!(model.place(), Place::Log(_))
            && let Some(target) = go::read(place, model.now_ms(), &model.zone)
        {
            let what = match target {
                go::Target::Line(line) => format!("go to line {line}"),
                go::Target::Share(share) => format!("go to {share}%"),
                go::Target::Time(at_ms) => format!("go to {}", model.zone.second(at_ms)),
            };
            choices.push(Choice::Go(target, what));
        }
        choices.extend(self.build(model, typed).map(Choice::Build));
        let mut found: Vec<(u32, &'static Action)> = registry::valid(model.scope())
            .filter(|action| action.id != ActionId::Palette)
            .filter_map(|action| Some((score(typed, action.title, action.name)?, action)))
            .collect();
        found.sort_by_key(|(score, _)| *score);
        choices.extend(found.into_iter().map(|(_, action)| Choice::Act(action)));
        if !typed.is_empty() && !model.is_offline() {
            let names = model.replica.builders.keys();
            let named = names.filter(|name| score(typed, &format!("open {name}"), name).is_some());
            choices.extend(named.take(SHOWN).cloned().map(Choice::Builder));
        }
        choices
    }

    /// `#12`: of the selected builder; `linux#12`: of that one.
    fn build(&self, model: &Model, typed: &str) -> Option<BuildRef> {
        let id = match typed.strip_prefix('#') {
            Some(number) => BuildRef::new(model.selection().builder?, number.parse().ok()?),
            None => BuildRef::parse(typed)?,
        };
        model.replica.builders.contains_key(&id.builder).then_some(id)
    }

    pub(super) fn draw(&self, model: &Model, canvas: &mut Canvas<'_>) {
        let choices = self.choices(model);
        let height = u16::try_from(SHOWN + 7).unwrap_or(20).min(canvas.height());
        let mut part = centred(canvas, 76, height);
        let mut inside = pane(&mut part, "command", true);
        let width = inside.width();
        let x = inside.say(0, 0, ": ", Role::Key);
        self.input.draw(&mut inside, x, 0, width.saturating_sub(x), true);
        let rows = usize::from(inside.height().saturating_sub(4)).max(1);
        let first = (self.index + 1).saturating_sub(rows);
        for (y, (index, choice)) in (2_u16..).zip(choices.iter().enumerate().skip(first).take(rows))
        {
            let (key, why) = match choice {
                Choice::Act(action) => (
                    registry::shown_key(action),
                    update::possible(model, action).err().map(update::Hindrance::sentence),
                ),
                _ => (String::new(), None),
            };
            let role = if why.is_some() { Role::Dim } else { Role::Text };
            inside.put_cut(2, y, 40, &title(choice), inside.role(role));
            inside.say(42, y, &key, Role::Key);
            inside.put_cut(51, y, width, &why.unwrap_or_default(), inside.role(Role::Dim));
            if index == self.index {
                inside.tint(0, y, width, inside.role(Role::Selected));
            }
        }
        if choices.is_empty() {
            inside.say(2, 2, "no such command here", Role::Dim);
        }
        if let Some(Choice::Act(action)) = choices.get(self.index)
            && let Some(verb) = verb(model, action)
        {
            let y = inside.height().saturating_sub(1);
            let text = format!("same as: {}", filled(model, verb));
            inside.put_cut(0, y, width, &text, inside.role(Role::Dim));
        }
    }
}

fn title(choice: &Choice) -> String {
    match choice {
        Choice::Act(action) => action.title.to_owned(),
        Choice::Build(build) => format!("open {build}"),
        Choice::Builder(name) => format!("open {name}"),
        Choice::Go(_, what) => what.clone(),
    }
}

fn run(model: &mut Model, choice: &Choice, out: &mut Out) {
    match choice {
        Choice::Act(action) => update::run(model, action, out),
        Choice::Build(build) => navigate::build(model, build.clone(), out),
        Choice::Builder(name) => {
            let newest = model.replica.builds_of(name).next_back().map(crate::replica::reference);
            match newest {
                Some(build) => navigate::build(model, build, out),
                None => model.toast(format!("{name} was never built"), None),
            }
        }
        Choice::Go(target, _) => go::go(model, *target, out),
    }
}

/// The command line that does the same: where one key does several things, the one it would do here.
fn verb(model: &Model, action: &Action) -> Option<&'static str> {
    let selection = model.selection();
    match action.id {
        ActionId::Stop if selection.request.is_some() => Some("linn cancel REQUEST --reason TEXT"),
        // The dialog begins with what is the other of what is.
        ActionId::Pause => {
            let worker = selection.worker.and_then(|name| model.replica.workers.get(&name));
            match worker.map(|worker| worker.state.as_str()) {
                Some("paused" | "draining") => Some("linn worker resume WORKER"),
                _ => action.verb,
            }
        }
        _ => action.verb,
    }
}

/// The verb of the command line with the selected things in it.
pub(crate) fn filled(model: &Model, verb: &str) -> String {
    let selection = model.selection();
    let log = match model.place() {
        Place::Log(log) => Some(log.to_string()),
        _ => model
            .selected_build()
            .and_then(crate::logs::telling_log)
            .map(|(log, _)| log.to_string()),
    };
    let request = selection.request.map(|request| request.to_string()).or_else(|| {
        super::waiting_of(model, &selection).first().map(|request| request.id.to_string())
    });
    let build = selection.build.map(|build| build.to_string());
    // Each word once: a builder may be called BUILD.
    let words: Vec<String> = verb
        .split(' ')
        .map(|word| {
            let value = match word {
                "LOG" => log.as_deref(),
                "BUILDER" => selection.builder.as_deref(),
                "BUILD" => build.as_deref(),
                "REQUEST" => request.as_deref(),
                "WORKER" => selection.worker.as_deref(),
                _ => None,
            };
            value.map_or_else(|| word.to_owned(), quoted)
        })
        .collect();
    words.join(" ")
}

/// How well the typed letters match, lower is better: all in order, words' beginnings first.
fn score(typed: &str, title: &str, name: &str) -> Option<u32> {
    if typed.is_empty() {
        return Some(0);
    }
    let typed = typed.to_lowercase();
    let (title, name) = (title.to_lowercase(), name.to_lowercase());
    if name.starts_with(&typed) {
        return Some(0);
    }
    if title.contains(&typed) {
        return Some(1);
    }
    let mut letters = title.chars();
    typed
        .chars()
        .filter(|letter| *letter != ' ')
        .all(|letter| letters.any(|other| other == letter))
        .then_some(2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        screen::queue::RowId,
        testing::{Look, farm, press},
    };

    #[test]
    fn the_command_is_for_what_is_selected() {
        let mut model = farm(80, 24, Look::Mono);
        let same_as = |model: &Model, id| {
            let action = registry::valid(model.scope()).find(|action| action.id == id).unwrap();
            filled(model, verb(model, action).unwrap())
        };
        press(&mut model, "4");
        assert_eq!(same_as(&model, ActionId::Stop), "linn cancel 88190 --reason TEXT");
        model.queue.selected = Some(RowId::Build(BuildRef::new("linux-rel", 914)));
        assert_eq!(same_as(&model, ActionId::Stop), "linn stop 'linux-rel#914' --reason TEXT");
        press(&mut model, "5");
        for (worker, command) in [
            ("w-mac-01", "linn worker pause w-mac-01"),
            ("w-doc-01", "linn worker resume w-doc-01"),
        ] {
            model.workers.selected = Some(worker.into());
            assert_eq!(same_as(&model, ActionId::Pause), command);
        }
    }

    #[test]
    fn what_is_selected_stays_one_word_of_the_command() {
        let mut model = farm(80, 24, Look::Mono);
        model.waterfall.builder = Some("BUILD; rm -rf".into());
        assert_eq!(filled(&model, "linn force BUILDER"), "linn force 'BUILD; rm -rf'");
    }

    #[test]
    fn words_and_letters_match() {
        assert_eq!(score("re", "build it again", "rebuild…"), Some(0));
        assert_eq!(score("again", "build it again", "rebuild…"), Some(1));
        assert_eq!(score("bag", "build it again", "rebuild…"), Some(2));
        assert_eq!(score("xyz", "build it again", "rebuild…"), None);
    }
}
