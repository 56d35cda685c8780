//! The force form: the fields that the builder's force scheduler declares, the revision, and the command it equals.

use std::collections::BTreeMap;

use crossterm::event::KeyCode;
use linn_proto::{
    control::{CodebaseChoice, ForceRequest},
    entity::{ForceForm, ForceParameter},
};

use super::{After, error};
use crate::{
    act::Deed,
    canvas::{self, Canvas},
    keys::Stroke,
    model::{Model, Out},
    shell::quoted,
    theme::Role,
    update,
    widget::{
        input::Input,
        pane::{centred, pane},
    },
};

pub(crate) const KEYS: &[(&str, &str)] =
    &[("tab", "next"), ("space", "change"), ("ctrl-s", "start"), ("esc", "cancel")];

/// What a field sets.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Sets {
    Branch(String),
    Revision(String),
    Property(String),
    /// `NAME=VALUE` pairs with blanks between.
    AnyProperties,
    Reason,
    Priority,
}

/// How a field is filled in.
#[derive(Clone, Debug)]
enum Value {
    Text(Input),
    Switch(bool),
    /// One of several.
    Choice {
        choices: Vec<String>,
        chosen: usize,
    },
    /// Any of several; `at` is where the cursor stands.
    Many {
        choices: Vec<String>,
        chosen: Vec<bool>,
        at: usize,
    },
    /// Shown, not changed.
    Fixed(String),
}

impl Value {
    fn text(&self) -> String {
        match self {
            Self::Text(input) => input.text().trim().to_owned(),
            Self::Switch(on) => on.to_string(),
            Self::Choice { choices, chosen } => choices.get(*chosen).cloned().unwrap_or_default(),
            Self::Many { choices, chosen, .. } => {
                let on: Vec<&str> = choices
                    .iter()
                    .zip(chosen)
                    .filter(|(_, on)| **on)
                    .map(|(text, _)| text.as_str())
                    .collect();
                // C44: a comma between values.
                on.join(",")
            }
            Self::Fixed(text) => text.clone(),
        }
    }
}

/// One field.
#[derive(Clone, Debug)]
struct Field {
    label: String,
    sets: Sets,
    value: Value,
    required: bool,
    hint: String,
    /// What the scheduler takes when nothing is sent.
    before: String,
}

/// The form.
#[derive(Clone, Debug)]
pub(crate) struct Force {
    builder: String,
    scheduler: String,
    several_codebases: bool,
    fields: Vec<Field>,
    index: usize,
    /// What is wrong with what was typed.
    complaint: Option<String>,
}

impl Force {
    /// The form of a builder's first force scheduler; without one, says what to add (C21).
    pub(super) fn open(model: &mut Model, name: &str) -> Option<Self> {
        let builder = model.replica.builders.get(name)?;
        let Some(form) = builder.forms.first() else {
            let why = format!("no force scheduler has the builder {name}");
            let hint = format!(
                "add force_scheduler(\"force\", builders = [\"{name}\"]) to the configuration"
            );
            error(model, format!("cannot force {name}"), why, Some(hint));
            return None;
        };
        Some(Self::new(name, form, &builder.codebases))
    }

    fn new(builder: &str, form: &ForceForm, codebases: &[String]) -> Self {
        let several = codebases.len() > 1;
        let mut fields = Vec::new();
        let all: Vec<&str> = if several {
            codebases.iter().map(String::as_str).collect()
        } else {
            vec![codebases.first().map_or("", String::as_str)]
        };
        // Where the form asks for a codebase itself, nothing else can be said of it.
        let asks = |codebase: &str| {
            form.parameters.iter().any(|one| one.codebase.as_deref() == Some(codebase))
        };
        for codebase in all.into_iter().filter(|codebase| !asks(codebase)) {
            let label =
                |what: &str| if several { format!("{codebase} {what}") } else { what.to_owned() };
            let field = |label, sets, hint: &str| Field {
                label,
                sets,
                value: Value::Text(Input::default()),
                required: false,
                hint: hint.to_owned(),
                before: String::new(),
            };
            fields.push(field(
                label("branch"),
                Sets::Branch(codebase.to_owned()),
                "empty = the default branch",
            ));
            fields.push(field(
                label("revision"),
                Sets::Revision(codebase.to_owned()),
                "empty = its newest",
            ));
        }
        // A parameter of that name is the scheduler's own word for it.
        fields.retain(|field: &Field| !form.parameters.iter().any(|one| one.name == field.label));
        fields.extend(form.parameters.iter().map(from_parameter));
        if !fields.iter().any(|field| field.sets == Sets::Reason) {
            fields.push(Field {
                label: "reason".into(),
                sets: Sets::Reason,
                value: Value::Text(Input::default()),
                required: false,
                hint: String::new(),
                before: String::new(),
            });
        }
        if fields.iter().any(|field| field.sets == Sets::Priority) {
            return Self::with(builder, form, several, fields);
        }
        fields.push(Field {
            label: "priority".into(),
            sets: Sets::Priority,
            value: Value::Text(Input::default()),
            required: false,
            hint: "empty = as the scheduler says".into(),
            before: String::new(),
        });
        Self::with(builder, form, several, fields)
    }

    fn with(builder: &str, form: &ForceForm, several_codebases: bool, fields: Vec<Field>) -> Self {
        Self {
            builder: builder.to_owned(),
            scheduler: form.scheduler.clone(),
            several_codebases,
            fields,
            index: 0,
            complaint: None,
        }
    }

    pub(super) fn paste(&mut self, text: &str) {
        let field = self.fields.get_mut(self.index).map(|field| &mut field.value);
        if let Some(Value::Text(input)) = field {
            input.insert(text);
            self.complaint = None;
        }
    }

    fn turn(&mut self, by: usize) {
        self.index = (self.index + by) % self.fields.len().max(1);
    }

    pub(super) fn key(&mut self, model: &mut Model, stroke: Stroke, out: &mut Out) -> After {
        let back = self.fields.len().saturating_sub(1);
        match (stroke.code, stroke.ctrl) {
            (KeyCode::Esc, _) => return After::Close,
            (KeyCode::Char('s'), true) => return self.send(model, out),
            (KeyCode::Tab | KeyCode::Down, _) => self.turn(1),
            (KeyCode::BackTab | KeyCode::Up, _) => self.turn(back),
            // Enter never sends: who goes through the fields with it would force what they have not read.
            (KeyCode::Enter, _) => self.turn(1),
            _ => {
                self.complaint = None;
                if let Some(field) = self.fields.get_mut(self.index) {
                    change(&mut field.value, stroke);
                }
            }
        }
        After::Stay
    }

    fn send(&mut self, model: &mut Model, out: &mut Out) -> After {
        self.complaint = self.check();
        if self.complaint.is_some() {
            return After::Stay;
        }
        if !model.is_live() {
            self.complaint = Some("the link is broken: actions wait until it is back".into());
            return After::Stay;
        }
        update::begin(model, Deed::Force(self.request()), out);
        After::Close
    }

    /// What only this side can know; the master checks the rest.
    fn check(&self) -> Option<String> {
        for field in &self.fields {
            let text = field.value.text();
            if field.required && text.is_empty() {
                return Some(format!("{} must be filled in", field.label));
            }
            match field.sets {
                Sets::Priority if !text.is_empty() && text.parse::<i32>().is_err() => {
                    return Some(format!("priority must be a whole number, not {text}"));
                }
                Sets::AnyProperties if text.split_whitespace().any(|pair| !pair.contains('=')) => {
                    return Some(format!("{}: write NAME=VALUE, with blanks between", field.label));
                }
                _ => {}
            }
        }
        None
    }

    fn request(&self) -> ForceRequest {
        let mut request = ForceRequest {
            builders: vec![self.builder.clone()],
            scheduler: self.scheduler.clone(),
            ..ForceRequest::default()
        };
        let mut choices: Vec<CodebaseChoice> = Vec::new();
        let mut properties = BTreeMap::new();
        for field in &self.fields {
            let text = field.value.text();
            let filled = (!text.is_empty()).then(|| text.clone());
            match &field.sets {
                Sets::Branch(codebase) => choices.push(CodebaseChoice {
                    codebase: codebase.clone(),
                    branch: filled,
                    ..CodebaseChoice::default()
                }),
                Sets::Revision(codebase) => {
                    if let Some(choice) =
                        choices.iter_mut().find(|choice| &choice.codebase == codebase)
                    {
                        choice.revision = filled;
                    }
                }
                // What was left as it stood is the scheduler's own default: it is not sent.
                Sets::Property(name) if text != field.before => {
                    drop(properties.insert(name.clone(), text));
                }
                Sets::Property(_) => {}
                Sets::AnyProperties => {
                    let pairs = text.split_whitespace().filter_map(|pair| pair.split_once('='));
                    properties
                        .extend(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())));
                }
                Sets::Reason => request.reason = text,
                Sets::Priority => request.priority = text.parse().ok(),
            }
        }
        choices.retain(|choice| choice.branch.is_some() || choice.revision.is_some());
        if self.several_codebases {
            request.codebases = choices;
        } else if let Some(choice) = choices.pop() {
            (request.branch, request.revision) = (choice.branch, choice.revision);
        }
        request.properties = properties;
        request
    }

    /// The same as a command line.
    fn same_as(&self) -> String {
        let request = self.request();
        let mut words = vec!["linn force".to_owned(), quoted(&self.builder)];
        let mut option = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                words.push(format!("{name} {}", quoted(&value)));
            }
        };
        option("--branch", request.branch.clone());
        option("--revision", request.revision.clone());
        for choice in &request.codebases {
            let branch = choice.branch.clone().unwrap_or_default();
            let revision = choice
                .revision
                .as_ref()
                .map_or_else(String::new, |revision| format!("@{revision}"));
            option("--codebase", Some(format!("{}:{branch}{revision}", choice.codebase)));
        }
        for (name, value) in &request.properties {
            option("--property", Some(format!("{name}={value}")));
        }
        option("--reason", Some(request.reason.clone()).filter(|reason| !reason.is_empty()));
        option("--priority", request.priority.map(|priority| priority.to_string()));
        words.join(" ")
    }

    pub(super) fn draw(&self, canvas: &mut Canvas<'_>) {
        let rows = u16::try_from(self.fields.len()).unwrap_or(u16::MAX);
        let mut part = centred(canvas, 76, rows.saturating_add(7));
        let title = format!("force {}   (scheduler {})", self.builder, self.scheduler);
        let mut inside = pane(&mut part, &title, true);
        let (end, height) = (inside.width(), inside.height());
        let longest =
            self.fields.iter().map(|field| canvas::width(&field.label)).max().unwrap_or(0);
        let value_at = longest.clamp(8, 20) + 3;
        let page = usize::from(height.saturating_sub(4)).max(1);
        let first = (self.index + 1).saturating_sub(page);
        for (y, (index, field)) in
            (0_u16..).zip(self.fields.iter().enumerate().skip(first).take(page))
        {
            let active = index == self.index;
            let role = if active { Role::Key } else { Role::Text };
            inside.put_cut(0, y, value_at.saturating_sub(2), &field.label, inside.role(role));
            if field.required {
                inside.say(value_at - 2, y, "*", Role::Key);
            }
            let after = draw_value(&mut inside, value_at, y, &field.value, active);
            inside.put_cut(after + 2, y, end, &field.hint, inside.role(Role::Dim));
        }
        let foot = height.saturating_sub(3);
        inside.rule(0, foot, end, inside.glyphs.horizontal, inside.role(Role::Frame));
        match &self.complaint {
            Some(complaint) => {
                _ = inside.put_cut(0, foot + 1, end, complaint, inside.role(Role::Alarm));
            }
            None => {
                let x = inside.say(0, foot + 1, "same as  ", Role::Dim);
                inside.put_cut(x, foot + 1, end, &self.same_as(), inside.role(Role::Text));
            }
        }
        inside.say(0, foot + 2, "ctrl-s starts it", Role::Dim);
    }
}

/// Changes a value by a key.
fn change(value: &mut Value, stroke: Stroke) {
    match value {
        Value::Text(input) => _ = input.key(stroke),
        Value::Switch(on)
            if matches!(stroke.code, KeyCode::Char(' ') | KeyCode::Left | KeyCode::Right) =>
        {
            *on = !*on;
        }
        Value::Choice { choices, chosen } if !choices.is_empty() => match stroke.code {
            KeyCode::Right | KeyCode::Char(' ') => *chosen = (*chosen + 1) % choices.len(),
            KeyCode::Left => *chosen = (*chosen + choices.len() - 1) % choices.len(),
            _ => {}
        },
        Value::Many { choices, chosen, at } if !choices.is_empty() => match stroke.code {
            KeyCode::Right => *at = (*at + 1) % choices.len(),
            KeyCode::Left => *at = (*at + choices.len() - 1) % choices.len(),
            KeyCode::Char(' ') => chosen[*at] = !chosen[*at],
            _ => {}
        },
        _ => {}
    }
}

fn draw_value(canvas: &mut Canvas<'_>, x: u16, y: u16, value: &Value, active: bool) -> u16 {
    const CELLS: u16 = 28;
    let role = if active { Role::Strong } else { Role::Text };
    match value {
        Value::Text(input) => {
            canvas.say(x, y, "[", Role::Dim);
            input.draw(canvas, x + 1, y, CELLS, active);
            canvas.say(x + 1 + CELLS, y, "]", Role::Dim)
        }
        Value::Switch(on) => canvas.say(x, y, if *on { "[x]" } else { "[ ]" }, role),
        Value::Choice { choices, chosen } => {
            let text = choices.get(*chosen).map_or("", String::as_str);
            let arrows = if canvas.glyphs.ascii { "<>" } else { "◂▸" };
            let x = canvas.say(x, y, &format!("[{text}]"), role);
            canvas.say(x + 1, y, arrows, Role::Dim)
        }
        Value::Many { choices, chosen, at } => {
            let mut x = x;
            for (index, (choice, on)) in choices.iter().zip(chosen).enumerate() {
                let here = active && index == *at;
                let text = format!("[{}] {choice}", if *on { "x" } else { " " });
                x = canvas.say(x, y, &text, if here { Role::Match } else { Role::Text }) + 2;
            }
            x
        }
        Value::Fixed(text) => canvas.say(x, y, text, Role::Dim),
    }
}

fn from_parameter(parameter: &ForceParameter) -> Field {
    let default = default_text(&parameter.default_json);
    let mut known = true;
    let value = match parameter.kind.as_str() {
        "bool" => Value::Switch(default == "true"),
        "fixed" => Value::Fixed(default),
        "choice" if parameter.multiple => {
            let on: Vec<&str> = default.split(',').collect();
            let chosen =
                parameter.choices.iter().map(|choice| on.contains(&choice.as_str())).collect();
            Value::Many { choices: parameter.choices.clone(), chosen, at: 0 }
        }
        "choice" => {
            let chosen = parameter.choices.iter().position(|choice| *choice == default);
            known = chosen.is_some();
            Value::Choice { choices: parameter.choices.clone(), chosen: chosen.unwrap_or(0) }
        }
        _ => Value::Text(Input::new(default)),
    };
    let sets = match (parameter.kind.as_str(), parameter.name.as_str()) {
        ("any_property", _) => Sets::AnyProperties,
        (_, "reason") => Sets::Reason,
        (_, "priority") => Sets::Priority,
        (_, name) => Sets::Property(name.to_owned()),
    };
    let hint = match parameter.kind.as_str() {
        "int" => "a whole number".to_owned(),
        "username" => "Name <mail>".to_owned(),
        "any_property" => "NAME=VALUE".to_owned(),
        "worker" if !parameter.required => {
            format!("empty = any of {}", parameter.choices.join(", "))
        }
        "worker" => format!("one of {}", parameter.choices.join(", ")),
        _ if !parameter.regex.is_empty() => format!("must match {}", parameter.regex),
        _ => String::new(),
    };
    let label =
        if parameter.label.is_empty() { parameter.name.clone() } else { parameter.label.clone() };
    // Of several one is always shown; where that is not the scheduler's default, what is shown must be sent.
    let before = if known { value.text() } else { String::new() };
    Field { label, sets, value, required: parameter.required, hint, before }
}

/// A default as a person would type it.
fn default_text(json: &str) -> String {
    match serde_json::from_str(json) {
        Ok(serde_json::Value::String(text)) => text,
        Ok(serde_json::Value::Null) | Err(_) => String::new(),
        Ok(serde_json::Value::Array(values)) => {
            let texts: Vec<String> = values
                .iter()
                .map(|value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned))
                .collect();
            texts.join(",")
        }
        Ok(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form() -> Force {
        let parameter = |name: &str, kind: &str, default: &str, choices: &[&str]| ForceParameter {
            name: name.into(),
            kind: kind.into(),
            default_json: default.into(),
            choices: choices.iter().map(ToString::to_string).collect(),
            required: name == "sdk",
            ..ForceParameter::default()
        };
        let parameters = vec![
            parameter("sdk", "choice", "\"14.2\"", &["14.1", "14.2", "14.3-beta"]),
            parameter("clean", "bool", "true", &[]),
            parameter("jobs", "int", "4", &[]),
            parameter("reason", "string", "\"\"", &[]),
        ];
        Force::new("pkg", &ForceForm { scheduler: "release".into(), parameters }, &["main".into()])
    }

    fn press(form: &mut Force, code: KeyCode) {
        change(&mut form.fields[form.index].value, Stroke { code, ctrl: false });
    }

    #[test]
    fn only_what_was_changed_is_sent() {
        let mut form = form();
        press(&mut form, KeyCode::Char('d'));
        form.index = 2;
        press(&mut form, KeyCode::Right);
        form.index = 3;
        press(&mut form, KeyCode::Char(' '));
        let request = form.request();
        assert_eq!(request.branch.as_deref(), Some("d"));
        assert_eq!(request.properties.len(), 2);
        assert_eq!(request.properties["sdk"], "14.3-beta");
        assert_eq!(
            form.same_as(),
            "linn force pkg --branch d --property clean=false --property sdk=14.3-beta"
        );
    }

    /// FO-1: what the form asks of a codebase is asked once, and sent by its flat name.
    #[test]
    fn a_codebase_of_the_form_has_its_own_fields() {
        let field = |name: &str, kind: &str, codebase: Option<&str>| ForceParameter {
            name: name.into(),
            kind: kind.into(),
            default_json: "\"\"".into(),
            choices: vec!["w1".into(), "w2".into()],
            codebase: codebase.map(Into::into),
            ..ForceParameter::default()
        };
        let parameters = vec![
            field("app_branch", "string", Some("app")),
            field("app_patch_body", "text", None),
            field("workername", "worker", None),
        ];
        let form = ForceForm { scheduler: "release".into(), parameters };
        let mut form = Force::new("pkg", &form, &["app".into(), "lib".into()]);
        let labels: Vec<&str> = form.fields.iter().map(|field| field.label.as_str()).collect();
        assert_eq!(
            labels,
            [
                "lib branch",
                "lib revision",
                "app_branch",
                "app_patch_body",
                "workername",
                "reason",
                "priority"
            ]
        );
        assert_eq!(form.fields[4].hint, "empty = any of w1, w2");
        form.index = 2;
        press(&mut form, KeyCode::Char('n'));
        assert_eq!(form.same_as(), "linn force pkg --property app_branch=n");
    }

    #[test]
    fn a_choice_without_a_default_is_sent_as_it_is_shown() {
        for default_json in ["", "\"gone\""] {
            let parameter = ForceParameter {
                name: "sdk".into(),
                kind: "choice".into(),
                default_json: default_json.into(),
                choices: vec!["14.1".into(), "14.2".into()],
                ..ForceParameter::default()
            };
            let form = ForceForm { scheduler: "release".into(), parameters: vec![parameter] };
            let form = Force::new("pkg", &form, &["main".into()]);
            assert_eq!(form.request().properties["sdk"], "14.1");
        }
    }

    #[test]
    fn a_reason_parameter_is_the_reason() {
        let mut form = form();
        form.index = form.fields.iter().position(|field| field.sets == Sets::Reason).unwrap();
        press(&mut form, KeyCode::Char('x'));
        assert_eq!(form.request().reason, "x");
        assert_eq!(form.fields.iter().filter(|field| field.sets == Sets::Reason).count(), 1);
    }

    #[test]
    fn mistakes_are_told_before_sending() {
        let mut form = form();
        form.index = form.fields.len() - 1;
        press(&mut form, KeyCode::Char('x'));
        assert_eq!(form.check().unwrap(), "priority must be a whole number, not x");
    }
}
