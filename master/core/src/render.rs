//! Values that depend on the build become plain ones when their step starts, from nothing but the build's state (PP-5).

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::config::{Condition, Config, Piece, Selector, Substitution, Template, TemplateValue};
use crate::hooks::{Argument, HookError, HookId, Hooks};
use crate::id::SecretName;
use crate::model::{Build, secret};
use crate::results::Results;
use crate::state::{GOT_REVISION, State};
pub use crate::template::{TemplateError, parse_template};
use crate::view::{build_view, recipe_property, truthy};

/// Why a value could not be made. The step that needs it is an exception (F43).
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct RenderError {
    /// One sentence, lower case, no stop.
    pub(crate) what: String,
    /// The function that erred, if one did.
    pub(crate) hook: Option<(HookId, HookError)>,
}

impl RenderError {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), hook: None }
    }

    fn of_hook(hook: &HookId, error: HookError) -> Self {
        let what = format!("{} failed: {error}", hook.label);
        Self { what, hook: Some((hook.clone(), error)) }
    }
}

/// What values are rendered from.
pub(crate) struct Renderer<'a> {
    pub(crate) state: &'a State,
    /// The configuration that the build began with.
    pub(crate) config: &'a Config,
    pub(crate) build: &'a Build,
    pub(crate) hooks: &'a dyn Hooks,
}

/// How deep keywords may refer to templates with keywords of their own.
const MAX_DEPTH: usize = 16;

impl Renderer<'_> {
    /// Renders a value of which no secret may be a part.
    pub(crate) fn value(&self, value: &TemplateValue) -> Result<Value, RenderError> {
        self.open("this value", value)
    }

    /// The same for a text that is called `what`.
    fn open(&self, what: &str, value: &TemplateValue) -> Result<Value, RenderError> {
        let rendered = self.nested(value, 0)?;
        let mut found = None;
        let open = each_text(rendered, &mut |text| {
            found = found.take().or_else(|| secret::names(text).into_iter().next());
            if secret::is_marked(text) { secret::shown(text) } else { text.to_owned() }
        });
        match found {
            None => Ok(open),
            Some(name) => Err(misplaced(what, &name)),
        }
    }

    /// Renders a value of a command that its edge fills with secrets (`CommandSpec::with_secrets`): where one will stand
    /// there is its handle, and nothing else is one.
    pub(crate) fn handled(&self, value: &TemplateValue) -> Result<Value, RenderError> {
        self.nested(value, 0)
    }

    /// The same for what must be text.
    pub(crate) fn handled_text(
        &self,
        what: &str,
        value: &TemplateValue,
    ) -> Result<String, RenderError> {
        text_of(what, self.handled(value)?)
    }

    fn nested(&self, value: &TemplateValue, depth: usize) -> Result<Value, RenderError> {
        if depth > MAX_DEPTH {
            return Err(RenderError::new("values nest too deep"));
        }
        match value {
            TemplateValue::Plain(value) => Ok(escaped(value.clone())),
            TemplateValue::Prop { name, default } => Ok(escaped(
                recipe_property(self.config, self.build, name).unwrap_or(default).clone(),
            )),
            TemplateValue::Secret(name) => Ok(Value::String(secret::handle(name))),
            TemplateValue::Interpolate(template) => {
                self.template(template, depth).map(Value::String)
            }
            TemplateValue::Hook(hook) => self.call(hook, self.build.results).map(escaped),
            TemplateValue::List(items) => {
                let items = items.iter().map(|item| self.nested(item, depth + 1));
                items.collect::<Result<_, _>>().map(Value::Array)
            }
            TemplateValue::Map(map) => {
                let mut rendered = Map::new();
                for (name, value) in map {
                    rendered.insert(name.clone(), self.nested(value, depth + 1)?);
                }
                Ok(Value::Object(rendered))
            }
        }
    }

    /// Calls a function of the build, which sees `results`.
    pub(crate) fn call(&self, hook: &HookId, results: Results) -> Result<Value, RenderError> {
        let view = build_view(self.state, self.config, self.build, results);
        let called = self.hooks.call(hook, &[Argument::Object(view)]);
        called.map_err(|error| RenderError::of_hook(hook, error))
    }

    /// Whether a condition holds for a build with these results so far.
    pub(crate) fn holds(
        &self,
        condition: &Condition,
        results: Results,
    ) -> Result<bool, RenderError> {
        match condition {
            Condition::Is(holds) => Ok(*holds),
            Condition::Hook(hook) => self.call(hook, results).map(|value| truthy(&value)),
            Condition::Value(value) => self.open("a condition", value).map(|value| truthy(&value)),
        }
    }

    /// Renders what must be text.
    pub(crate) fn text(&self, what: &str, value: &TemplateValue) -> Result<String, RenderError> {
        text_of(what, self.open(what, value)?)
    }

    /// Where a step works, below the build's folder: as it says, or else as its builder does.
    pub(crate) fn workdir(&self, own: &TemplateValue) -> Result<String, RenderError> {
        let builder = self.config.builders.get(&self.build.builder);
        let workdir = match builder {
            Some(builder) if own.is_empty() => self.text("workdir", &builder.workdir)?,
            _ => self.text("workdir", own)?,
        };
        // So that a step can say that it works in the build's folder itself.
        Ok(if workdir == "." { String::new() } else { workdir })
    }

    /// Renders what people read, whatever it is.
    pub(crate) fn words(&self, value: &TemplateValue) -> Result<String, RenderError> {
        Ok(as_text(&self.open("a description", value)?))
    }

    fn template(&self, template: &Template, depth: usize) -> Result<String, RenderError> {
        self.pieces(&template.pieces, &template.keywords, depth)
    }

    fn pieces(
        &self,
        pieces: &[Piece],
        keywords: &BTreeMap<String, TemplateValue>,
        depth: usize,
    ) -> Result<String, RenderError> {
        let mut out = String::new();
        for piece in pieces {
            match piece {
                Piece::Text(text) => out.push_str(&secret::escaped(text)),
                Piece::Substitute { selector, substitution } => {
                    out.push_str(&self.substitute(selector, substitution, keywords, depth)?);
                }
            }
        }
        Ok(out)
    }

    fn substitute(
        &self,
        selector: &Selector,
        substitution: &Substitution,
        keywords: &BTreeMap<String, TemplateValue>,
        depth: usize,
    ) -> Result<String, RenderError> {
        let found = self.select(selector, keywords, depth)?;
        let text = || found.as_ref().map(as_text).unwrap_or_default();
        let pieces = |pieces: &[Piece]| self.pieces(pieces, keywords, depth);
        match substitution {
            Substitution::Value => Ok(text()),
            Substitution::IfMissing(default) if found.is_none() => pieces(default),
            Substitution::IfFalsy(default) if !found.as_ref().is_some_and(truthy) => {
                pieces(default)
            }
            Substitution::IfMissing(_) | Substitution::IfFalsy(_) => Ok(text()),
            Substitution::IfPresent(value) => {
                if found.is_some() {
                    pieces(value)
                } else {
                    Ok(String::new())
                }
            }
            Substitution::Choose { by_truth, yes, no } => {
                let chosen = match &found {
                    Some(value) => !by_truth || truthy(value),
                    None => false,
                };
                pieces(if chosen { yes } else { no })
            }
        }
    }

    /// Looks a selector up; `None`: there is no such thing. A present `null` is `Some(Null)` (PP-6).
    fn select(
        &self,
        selector: &Selector,
        keywords: &BTreeMap<String, TemplateValue>,
        depth: usize,
    ) -> Result<Option<Value>, RenderError> {
        let found = match selector {
            // Rendered already: it may hold handles.
            Selector::Keyword(name) => {
                let value = keywords.get(name).map(|value| self.nested(value, depth + 1));
                return value.transpose();
            }
            Selector::Secret(name) => return Ok(Some(Value::String(secret::handle(name)))),
            Selector::Prop(name) => recipe_property(self.config, self.build, name).cloned(),
            Selector::Src { codebase, attribute } if attribute == GOT_REVISION => {
                let got = self.build.got_revision.get(codebase.as_str());
                got.map(|revision| revision.as_str().into())
            }
            Selector::Src { codebase, attribute } => {
                let stamp = self.build.stamps.iter().find(|stamp| stamp.codebase == *codebase);
                stamp.map(|stamp| match attribute.as_str() {
                    "branch" => stamp.branch.clone().into(),
                    "revision" => stamp.revision.clone().into(),
                    "repository" => stamp.repository.clone().into(),
                    "project" => stamp.project.clone().into(),
                    _ => stamp.codebase.as_str().into(),
                })
            }
            Selector::Worker(name) => self.worker(name),
        };
        Ok(found.map(escaped))
    }

    /// A property that the configuration gives the worker, or what the worker says of itself.
    fn worker(&self, name: &str) -> Option<Value> {
        let declared = self.config.workers.get(&self.build.worker);
        let property = declared
            .and_then(|worker| worker.properties.get(name).or_else(|| worker.defaults.get(name)));
        if property.is_some() {
            return property.cloned();
        }
        if name == "name" {
            return Some(self.build.worker.as_str().into());
        }
        let info = &self.state.worker(&self.build.worker)?.info;
        Some(match name {
            "admin" => info.admin.as_str().into(),
            "host" => info.host.as_str().into(),
            "platform" => info.platform.as_str().into(),
            "version" => info.version.as_str().into(),
            "cpus" => info.cpus.into(),
            "memory_bytes" => info.memory_bytes.into(),
            _ => return None,
        })
    }
}

/// A value inside text: text as it is, nothing for null, `True` and `False` as Starlark writes them, else JSON.
fn as_text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        other => other.to_string(),
    }
}

/// A value from anywhere, so that nothing in it is a secret's handle.
fn escaped(value: Value) -> Value {
    each_text(value, &mut |text| secret::escaped(text))
}

/// The value with `act` done to each of its texts.
fn each_text(value: Value, act: &mut dyn FnMut(&str) -> String) -> Value {
    match value {
        Value::String(text) => Value::String(act(&text)),
        Value::Array(items) => items.into_iter().map(|item| each_text(item, act)).collect(),
        Value::Object(map) => {
            let map = map.into_iter().map(|(name, item)| (act(&name), each_text(item, act)));
            Value::Object(map.collect())
        }
        other => other,
    }
}

fn text_of(what: &str, value: Value) -> Result<String, RenderError> {
    match value {
        Value::String(text) => Ok(text),
        other => Err(RenderError::new(format!("{what} must be text, not {}", sort_of(&other)))),
    }
}

/// A secret where it would be recorded, or shown.
fn misplaced(what: &str, name: &SecretName) -> RenderError {
    RenderError::new(format!(
        "{what} cannot hold the secret {name}: only a command, its environment and input, the text of a file, and \
         what a request sends can"
    ))
}

/// What a value is, for people.
pub(crate) const fn sort_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "None",
        Value::Bool(_) => "a bool",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a dict",
    }
}
