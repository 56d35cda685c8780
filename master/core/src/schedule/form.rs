//! A form is filled in: every field checked, every mistake told at once, and what each value becomes (FO-1, FO-3, C20).

use std::collections::{BTreeMap, BTreeSet};

use regex::RegexBuilder;
use serde_json::Value;

use super::force;
use crate::action::Refusal;
use crate::change::{Patch, SourceStamp};
use crate::config::{
    Config, Fills, ForceParameter, ForceScheduler, ParameterKind, PatchPart, StampPart,
};
use crate::id::{BuilderName, CodebaseName, SchedulerName, WorkerName};
use crate::patch;
use crate::properties::{MAX_PROPERTY_BYTES, Origin, Properties};
use crate::refusal::suggestion;
use crate::state::State;

/// What is asked of a form, as typed.
pub(super) struct Asked<'a> {
    pub(super) config: &'a Config,
    pub(super) builders: &'a [BuilderName],
    pub(super) who: &'a str,
    pub(super) typed: &'a BTreeMap<String, String>,
    pub(super) reason: &'a str,
}

/// What a form says of one codebase. What is left out has its default.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Place {
    /// `None`: the default branch.
    pub branch: Option<String>,
    /// `None`: the tip.
    pub revision: Option<String>,
    /// `None`: the codebase's own.
    pub repository: Option<String>,
    /// `None`: the codebase's own.
    pub project: Option<String>,
}

impl Place {
    const fn part(&mut self, part: StampPart) -> &mut Option<String> {
        match part {
            StampPart::Branch => &mut self.branch,
            StampPart::Revision => &mut self.revision,
            StampPart::Repository => &mut self.repository,
            StampPart::Project => &mut self.project,
        }
    }

    /// The stamp that it stands for, not pinned.
    pub(super) fn stamp(self, codebase: CodebaseName) -> SourceStamp {
        SourceStamp {
            codebase,
            repository: self.repository.unwrap_or_default(),
            project: self.project.unwrap_or_default(),
            branch: self.branch,
            revision: self.revision,
            requested: None,
            patch: None,
            changes: Vec::new(),
        }
    }
}

/// A form, filled in.
#[derive(Debug, Default)]
pub(super) struct Filled {
    pub(super) reason: String,
    pub(super) properties: Properties,
    pub(super) places: BTreeMap<CodebaseName, Place>,
    pub(super) patches: BTreeMap<CodebaseName, Patch>,
    pub(super) worker: Option<WorkerName>,
}

/// The fields of the form that would be filled in for these builders, by the names under which they are given (C21).
/// `None`: there is no such form, or it takes anything.
#[must_use]
pub fn form_of<'a>(
    state: &State,
    config: &'a Config,
    scheduler: Option<&SchedulerName>,
    builders: &[BuilderName],
) -> Option<&'a [ForceParameter]> {
    let (_, _, form) = force::find(state, config, scheduler, builders.to_vec()).ok()?;
    form.parameters.as_deref()
}

/// What a form says of codebases, for an edge that pins revisions before the core hears of the asking (SS-3). `None`: the
/// asking has a mistake, which the core will tell.
#[must_use]
pub fn places(
    state: &State,
    config: &Config,
    scheduler: Option<&SchedulerName>,
    builders: &[BuilderName],
    who: &str,
    typed: &BTreeMap<String, String>,
    reason: &str,
) -> Option<BTreeMap<CodebaseName, Place>> {
    let (builders, _, form) = force::find(state, config, scheduler, builders.to_vec()).ok()?;
    let asked = Asked { config, builders: &builders, who, typed, reason };
    fill(form, &asked).ok().map(|filled| filled.places)
}

/// Fills the form. All mistakes come in one refusal, each under the name of its field (FO-1, C20).
pub(super) fn fill(form: &ForceScheduler, asked: &Asked<'_>) -> Result<Filled, Refusal> {
    let mut filled = Filled { reason: asked.reason.to_owned(), ..Filled::default() };
    let mut mistakes: Vec<String> = Vec::new();
    let declared = form.parameters.as_deref().unwrap_or_default();
    let mut diffs: Vec<Diff<'_>> = Vec::new();
    for parameter in declared.iter().filter(|it| it.kind != ParameterKind::AnyProperty) {
        let mut text = asked.typed.get(&parameter.name).map(String::as_str);
        if parameter.name == "reason" && !asked.reason.is_empty() {
            text = Some(asked.reason);
        }
        match check(parameter, text, asked) {
            Ok(value) => lay_in(parameter, value, &mut filled, &mut diffs),
            Err(mistake) => mistakes.push(format!("{}: {mistake}", parameter.name)),
        }
    }
    for diff in diffs {
        match diff.finish(asked) {
            Ok(Some((codebase, patch))) => drop(filled.patches.insert(codebase, patch)),
            Ok(None) => {}
            Err(mistake) => mistakes.push(mistake),
        }
    }
    let is_open = form.parameters.is_none()
        || declared.iter().any(|it| it.kind == ParameterKind::AnyProperty);
    let known = || {
        let closed = declared.iter().filter(|it| it.kind != ParameterKind::AnyProperty);
        closed.map(|it| it.name.as_str())
    };
    for (name, text) in asked.typed {
        if known().any(|known| known == name) {
            continue;
        }
        if !is_open {
            let hint = suggestion("parameter", name, known());
            mistakes.push(format!("{name}: there is no such parameter; {hint}"));
        } else if text.len() > MAX_PROPERTY_BYTES {
            mistakes.push(format!("{name}: is longer than {MAX_PROPERTY_BYTES} bytes"));
        } else {
            filled.properties.set(name.clone(), text.as_str(), Origin::Force);
        }
    }
    if filled.properties.get("reason").is_none() && !filled.reason.is_empty() {
        filled.properties.set("reason", filled.reason.as_str(), Origin::Force);
    }
    if mistakes.is_empty() { Ok(filled) } else { Err(Refusal::mistake(mistakes.join("; "))) }
}

/// Puts a value where it belongs.
fn lay_in<'a>(
    parameter: &'a ForceParameter,
    value: Value,
    filled: &mut Filled,
    diffs: &mut Vec<Diff<'a>>,
) {
    match &parameter.fills {
        Fills::Stamp { codebase, part } => {
            let place = filled.places.entry(codebase.clone()).or_default();
            *place.part(*part) = Some(plain(&value)).filter(|text| !text.is_empty());
        }
        Fills::Patch { codebase, part } => {
            let codebase = codebase.as_ref();
            let index = match diffs.iter().position(|diff| diff.codebase == codebase) {
                Some(index) => index,
                None => {
                    diffs.push(Diff::new(codebase));
                    diffs.len() - 1
                }
            };
            if let Some(diff) = diffs.get_mut(index) {
                diff.set(*part, &parameter.name, &value);
            }
        }
        Fills::Property => {
            if parameter.kind == ParameterKind::Worker {
                let Some(name) = value.as_str().filter(|name| !name.is_empty()) else { return };
                filled.worker = Some(WorkerName::from(name));
            }
            if parameter.name == "reason"
                && let Some(text) = value.as_str()
            {
                text.clone_into(&mut filled.reason);
            }
            filled.properties.set(parameter.name.clone(), value, Origin::Force);
        }
    }
}

/// A value as text, where a field of any kind stands for a text.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.trim().to_owned(),
        other => other.to_string(),
    }
}

/// A patch whose parts come in one by one.
struct Diff<'a> {
    codebase: Option<&'a CodebaseName>,
    /// The field of its body, where mistakes are told.
    field: &'a str,
    patch: Patch,
}

impl<'a> Diff<'a> {
    const fn new(codebase: Option<&'a CodebaseName>) -> Self {
        let patch = Patch {
            level: 1,
            diff: String::new(),
            author: String::new(),
            comment: String::new(),
            subdir: String::new(),
        };
        Self { codebase, field: "", patch }
    }

    fn set(&mut self, part: PatchPart, field: &'a str, value: &Value) {
        match part {
            PatchPart::Body => {
                self.field = field;
                value.as_str().unwrap_or_default().clone_into(&mut self.patch.diff);
            }
            // What is no level is too high a level, which the check of the patch tells.
            PatchPart::Level => {
                self.patch.level =
                    value.as_u64().and_then(|level| u32::try_from(level).ok()).unwrap_or(u32::MAX);
            }
            PatchPart::Author => self.patch.author = plain(value),
            PatchPart::Comment => self.patch.comment = plain(value),
            PatchPart::Subdir => self.patch.subdir = plain(value),
        }
    }

    /// The patch and what it is laid over; `None`: nobody gave one.
    fn finish(mut self, asked: &Asked<'_>) -> Result<Option<(CodebaseName, Patch)>, String> {
        if self.patch.diff.trim().is_empty() {
            return Ok(None);
        }
        let field = self.field;
        if self.patch.author.is_empty() {
            asked.who.clone_into(&mut self.patch.author);
        }
        patch::check(&self.patch).map_err(|why| format!("{field}: the patch {why}"))?;
        let builders = asked.builders.iter().filter_map(|name| asked.config.builders.get(name));
        let all: BTreeSet<CodebaseName> =
            builders.flat_map(|builder| asked.config.codebases_of(builder)).collect();
        let codebase = match (self.codebase, all.first()) {
            (Some(named), _) if all.contains(named) => named.clone(),
            (Some(named), _) => {
                return Err(format!("{field}: no builder checks out the codebase `{named}`"));
            }
            (None, Some(only)) if all.len() == 1 => only.clone(),
            (None, Some(_)) => {
                let names: Vec<_> = all.iter().map(|name| format!("`{name}`")).collect();
                return Err(format!(
                    "{field}: it is not said over which of {} it is laid",
                    names.join(", ")
                ));
            }
            (None, None) => return Err(format!("{field}: no builder checks anything out")),
        };
        Ok(Some((codebase, self.patch)))
    }
}

/// One field's value, from what was typed or its default.
fn check(
    parameter: &ForceParameter,
    text: Option<&str>,
    asked: &Asked<'_>,
) -> Result<Value, String> {
    match &parameter.kind {
        // FO-3: whatever is sent.
        ParameterKind::Fixed => return Ok(parameter.default.clone()),
        // FO-3: who it is, not who they say they are.
        ParameterKind::Username { need_email } => return username(*need_email, text, asked.who),
        _ => {}
    }
    let Some(text) = text else {
        if parameter.kind == ParameterKind::Bool && parameter.default.is_null() {
            return Ok(false.into());
        }
        if parameter.required && is_blank(&parameter.default) {
            return Err("is required".to_owned());
        }
        return match (&parameter.kind, &parameter.default) {
            // It must be a worker of the builders that are forced, even when nobody typed it.
            (ParameterKind::Worker, Value::String(default)) => worker(default, asked),
            (_, default) => Ok(default.clone()),
        };
    };
    if parameter.required && text.trim().is_empty() {
        return Err("is required".to_owned());
    }
    let is_body = matches!(parameter.fills, Fills::Patch { part: PatchPart::Body, .. });
    let most = if is_body { patch::MAX_PATCH_BYTES } else { MAX_PROPERTY_BYTES };
    if text.len() > most {
        return Err(format!("is longer than {most} bytes"));
    }
    let value = parse(&parameter.kind, text, asked)?;
    if parameter.required && is_blank(&value) {
        return Err("is required".to_owned());
    }
    if let Fills::Stamp { .. } = parameter.fills {
        fit_for_a_tool(&plain(&value))?;
    }
    Ok(value)
}

fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// What becomes an argument of a version-control tool must not be read as an option.
fn fit_for_a_tool(text: &str) -> Result<(), String> {
    /// Longer names are no names.
    const MOST: usize = 4 * 1024;
    if text.starts_with('-') {
        return Err("must not start with `-`".to_owned());
    }
    if text.chars().any(char::is_control) {
        return Err("holds control characters".to_owned());
    }
    if text.len() > MOST { Err(format!("is longer than {MOST} bytes")) } else { Ok(()) }
}

fn username(need_email: bool, typed: Option<&str>, who: &str) -> Result<Value, String> {
    if !need_email || has_mail(who) {
        return Ok(who.into());
    }
    match typed.map(str::trim).filter(|typed| !typed.is_empty()) {
        Some(typed) if has_mail(typed) && typed.len() <= 1_000 => Ok(typed.into()),
        Some(typed) => Err(format!("`{typed}` has no mail address; write `Name <name@host>`")),
        None => Err(format!("`{who}` has no mail address; write `Name <name@host>`")),
    }
}

/// `name@host`, alone or in `<...>` after a name.
fn has_mail(text: &str) -> bool {
    let mail = match text.split_once('<') {
        Some((_, rest)) => rest.strip_suffix('>').unwrap_or(""),
        None => text,
    };
    let is_fit = |part: &str| {
        let odd = |c: char| c.is_whitespace() || c.is_control() || "<>@,;\"".contains(c);
        !part.is_empty() && !part.contains(odd)
    };
    mail.split_once('@').is_some_and(|(name, host)| is_fit(name) && is_fit(host))
}

/// A worker that every builder has.
fn worker(text: &str, asked: &Asked<'_>) -> Result<Value, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok("".into());
    }
    let builders: Vec<_> =
        asked.builders.iter().filter_map(|name| asked.config.builders.get(name)).collect();
    let shared: Vec<&str> = builders
        .first()
        .map(|first| first.workers.iter())
        .into_iter()
        .flatten()
        .filter(|worker| builders.iter().all(|builder| builder.workers.contains(worker)))
        .map(WorkerName::as_str)
        .collect();
    if shared.contains(&text) {
        return Ok(text.into());
    }
    if shared.is_empty() {
        return Err("the builders have no worker in common".to_owned());
    }
    Err(format!("`{text}` is none of the workers {}", shared.join(", ")))
}

fn parse(kind: &ParameterKind, text: &str, asked: &Asked<'_>) -> Result<Value, String> {
    match kind {
        ParameterKind::Text { regex, max_size, multiline } => {
            if text.len() as u64 > *max_size {
                return Err(format!("is longer than {max_size} bytes"));
            }
            if !multiline && text.contains(['\n', '\r']) {
                return Err("must be one line".to_owned());
            }
            if let Some(regex) = regex
                && !matches_whole(regex, text)
            {
                return Err(format!("`{text}` does not match {regex}"));
            }
            Ok(text.into())
        }
        ParameterKind::Int => match text.trim().parse::<i64>() {
            Ok(number) => Ok(number.into()),
            Err(_) => Err(format!("`{text}` is no whole number")),
        },
        ParameterKind::Bool => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => Ok(true.into()),
            "false" | "no" | "off" | "0" | "" => Ok(false.into()),
            _ => Err(format!("`{text}` is neither true nor false")),
        },
        ParameterKind::Choice { choices, multiple: true } => {
            let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
            words.map(|word| choice(choices, word)).collect::<Result<_, _>>().map(Value::Array)
        }
        ParameterKind::Choice { choices, multiple: false } => choice(choices, text),
        ParameterKind::Worker => worker(text, asked),
        ParameterKind::Username { .. } | ParameterKind::Fixed | ParameterKind::AnyProperty => {
            Ok(text.into())
        }
    }
}

fn choice(choices: &[String], word: &str) -> Result<Value, String> {
    if choices.iter().any(|choice| choice == word) {
        return Ok(word.into());
    }
    Err(format!("`{word}` is none of {}", choices.join(", ")))
}

/// An expression that does not compile matches nothing; the configuration's check refuses it first.
fn matches_whole(regex: &str, text: &str) -> bool {
    let whole = RegexBuilder::new(&format!(r"\A(?:{regex})\z")).build();
    whole.is_ok_and(|whole| whole.is_match(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mail_addresses() {
        for good in ["ana@example.org", "Ana Test <ana@example.org>", "<a@b>"] {
            assert!(has_mail(good), "{good}");
        }
        for bad in ["ana", "Ana <ana>", "a@b@c", "@host", "ana@", "Ana <a@b", "a b@c", "<a@b>x"] {
            assert!(!has_mail(bad), "{bad}");
        }
    }

    #[test]
    fn what_a_tool_is_given_is_no_option() {
        assert!(fit_for_a_tool("--upload-pack=x").is_err());
        assert!(fit_for_a_tool("main\n").is_err());
        assert!(fit_for_a_tool("release/1.0").is_ok());
    }
}
