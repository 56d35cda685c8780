//! Readers of arguments that may depend on the build: values, functions, conditions, and what earlier calls gave.

use std::collections::BTreeMap;

use linn_core::config::{Condition, EnvSetting, StepKind, StepSpec, TemplateValue};
use linn_core::hooks::HookId;
use starlark::values::Value;

use super::{Call, slot};
use crate::config::hooks::Generation;
use crate::config::lower;
use crate::config::problem::{Place, quote};
use crate::config::values::{Made, Product};

/// What a function of the build is given.
pub(in crate::config) const OF_A_BUILD: &str = "build";

impl<'v> Call<'v, '_> {
    /// Named arguments beyond the table, as values that may depend on the build.
    pub(in crate::config) fn keywords(&self) -> BTreeMap<String, TemplateValue> {
        let mut keywords = BTreeMap::new();
        for (name, value) in &self.rest {
            if let Some(template) = self.lowered(*value, name, &self.place(name)) {
                keywords.insert(name.clone(), template);
            }
        }
        keywords
    }

    /// A value that may depend on the build, of any type.
    pub(in crate::config) fn template(&self, parameter: &str) -> Option<TemplateValue> {
        let value = self.given(parameter)?;
        self.lowered(value, parameter, &self.place(parameter))
    }

    /// A dictionary of values that may depend on the build.
    pub(in crate::config) fn templates(&self, parameter: &str) -> BTreeMap<String, TemplateValue> {
        let entries = self.entries(parameter).into_iter();
        let lowered = |(name, value, place): (String, Value<'v>, Place)| {
            Some((name.clone(), self.lowered(value, &name, &place)?))
        };
        entries.filter_map(lowered).collect()
    }

    /// A value that may depend on the build and must be text in the end.
    pub(in crate::config) fn text_template(&self, parameter: &str) -> Option<TemplateValue> {
        let value = self.present(parameter)?;
        let template = self.lowered(value, parameter, &self.place(parameter))?;
        if let TemplateValue::Plain(json) = &template
            && !json.is_string()
        {
            self.mistyped(parameter, "a text, or a value that depends on the build", value, "");
            return None;
        }
        (!matches!(template, TemplateValue::List(_) | TemplateValue::Map(_))).then_some(template)
    }

    /// Makes a value of the build out of a Starlark value.
    pub(in crate::config) fn lowered(
        &self,
        value: Value<'v>,
        what: &str,
        place: &Place,
    ) -> Option<TemplateValue> {
        let mut keep = |function| TemplateValue::Hook(self.keep(function, place, OF_A_BUILD));
        match lower::template(value, &mut keep) {
            Ok(template) => Some(template),
            Err(why) => {
                self.draft().problem(place, format!("`{what}` {why}"), "");
                None
            }
        }
    }

    /// A function; `subject` is what it is given, for the hint.
    pub(in crate::config) fn hook(&self, parameter: &str, subject: &str) -> Option<HookId> {
        let value = self.present(parameter)?;
        if !lower::is_function(value) {
            let hint = format!("write `def f({subject}): ...` or `lambda {subject}: ...`");
            self.mistyped(parameter, "a function", value, hint);
            return None;
        }
        Some(self.keep(value, &self.place(parameter), subject))
    }

    /// A function, where something else may stand as well; `subject` is what it is given.
    pub(in crate::config) fn hook_or_none(&self, parameter: &str, subject: &str) -> Option<HookId> {
        let value = self.present(parameter)?;
        lower::is_function(value).then(|| self.keep(value, &self.place(parameter), subject))
    }

    /// Yes, no, or a function; `subject` is what it is given.
    pub(in crate::config) fn condition(
        &self,
        parameter: &str,
        default: bool,
        subject: &str,
    ) -> Condition {
        match self.present(parameter) {
            Some(value) if lower::is_function(value) => {
                Condition::Hook(self.keep(value, &self.place(parameter), subject))
            }
            Some(value) if value.unpack_bool().is_none() => {
                self.mistyped(
                    parameter,
                    "True, False or a function",
                    value,
                    format!("write `lambda {subject}: ...`"),
                );
                Condition::Is(default)
            }
            _ => Condition::Is(self.flag(parameter, default)),
        }
    }

    /// The same for a step, where any value of the build may stand.
    pub(in crate::config) fn step_condition(
        &self,
        parameter: &str,
        default: bool,
        subject: &str,
    ) -> Condition {
        let made = self.present(parameter).filter(|value| Made::from_value(*value).is_some());
        let value = made.and_then(|value| self.lowered(value, parameter, &self.place(parameter)));
        match value {
            Some(value) => Condition::Value(Box::new(value)),
            None if made.is_some() => Condition::Is(default),
            None => self.condition(parameter, default, subject),
        }
    }

    /// Words for people, on one line, that may depend on the build; empty when left out.
    pub(in crate::config) fn words(&self, parameter: &str) -> TemplateValue {
        match self.text_template(parameter) {
            Some(TemplateValue::Plain(_)) => TemplateValue::Plain(self.line(parameter).into()),
            Some(value) => value,
            None => TemplateValue::empty(),
        }
    }

    /// Settings of the environment (PR-1).
    pub(in crate::config) fn env(&self, parameter: &str) -> Vec<EnvSetting> {
        let mut settings = Vec::new();
        for (name, value, place) in self.entries(parameter) {
            if name.contains(['=', '\0']) {
                self.draft().problem(
                    &place,
                    format!("{} cannot be the name of a variable", quote(&name)),
                    "",
                );
                continue;
            }
            if value.is_none() {
                settings.push(EnvSetting { name, value: None });
                continue;
            }
            let Some(template) = self.lowered(value, &name, &place) else { continue };
            if let TemplateValue::Plain(json) = &template
                && !(json.is_string() || json.is_array())
            {
                let message = format!(
                    "variable {} must be a text, a list, or None to remove it, not {}",
                    quote(&name),
                    lower::describe(value)
                );
                self.draft().problem(&place, message, format!("write \"{json}\""));
                continue;
            }
            settings.push(EnvSetting { name, value: Some(template) });
        }
        settings
    }

    /// What earlier calls gave, in a list or alone. What is not wanted is a problem.
    pub(in crate::config) fn products<T>(
        &self,
        parameter: &str,
        wanted: &str,
        pick: impl Fn(&Product) -> Option<T>,
    ) -> Option<Vec<(T, Place)>> {
        let mut found = Vec::new();
        for (item, place) in self.each(parameter)? {
            let picked = Made::from_value(item).and_then(|made| pick(&made.0));
            match picked {
                Some(product) => found.push((product, place)),
                None => self.draft().problem(
                    &place,
                    format!(
                        "`{parameter}` of `{}` must hold {wanted}, not {}",
                        self.function.name,
                        lower::describe(item)
                    ),
                    "",
                ),
            }
        }
        Some(found)
    }

    /// Steps, each with the place where it was made, and functions of the build that return some when their turn comes (F39).
    pub(in crate::config) fn steps(&self, parameter: &str) -> Vec<(StepSpec, Place)> {
        let mut steps = Vec::new();
        for (item, place) in self.each(parameter).unwrap_or_default() {
            let made = Made::from_value(item).map(|made| &made.0);
            match made {
                Some(Product::Step(step, made)) => {
                    steps.push((step.as_ref().clone(), made.clone()));
                }
                None if lower::is_function(item) => {
                    let hook = self.keep(item, &place, OF_A_BUILD);
                    let name = hook.label.split(' ').next().unwrap_or_default().to_owned();
                    steps.push((StepSpec::plain(name, StepKind::Dynamic(hook)), place));
                }
                _ => self.draft().problem(
                    &place,
                    format!(
                        "`{parameter}` of `{}` must hold steps, not {}",
                        self.function.name,
                        lower::describe(item)
                    ),
                    "",
                ),
            }
        }
        steps
    }

    /// The elements that `DEFAULT_BRANCH` may be among.
    pub(in crate::config) fn branches(&self, parameter: &str) -> Vec<(Option<String>, Place)> {
        let mut branches = Vec::new();
        for (item, place) in self.each(parameter).unwrap_or_default() {
            let is_default =
                Made::from_value(item).is_some_and(|made| matches!(made.0, Product::DefaultBranch));
            match item.unpack_str() {
                _ if is_default => branches.push((None, place)),
                Some(text) => branches.push((Some(text.to_owned()), place)),
                None => self.draft().problem(
                    &place,
                    format!(
                        "`{parameter}` of `{}` must hold texts, not {}",
                        self.function.name,
                        lower::describe(item)
                    ),
                    if item.is_none() { "the default branch is DEFAULT_BRANCH" } else { "" },
                ),
            }
        }
        branches
    }

    /// Keeps a function, which can be called as long as its generation is held; `subject` is what it is given then.
    fn keep(&self, function: Value<'v>, place: &Place, subject: &str) -> HookId {
        self.count_arguments(function, place, subject);
        if let Some(generation) = &self.desk.1 {
            return self.keep_known(generation, function, place);
        }
        let mut draft = self.draft();
        let index = u32::try_from(draft.hooks.len()).unwrap_or(u32::MAX);
        let signature = function.to_str();
        let qualified = qualified(&signature);
        let name = qualified.rsplit('.').next().unwrap_or_default();
        let defined = draft.calls.definition(qualified).unwrap_or(place);
        let hook = HookId {
            config: draft.config.digest.clone(),
            index,
            label: format!("{name} at {defined}"),
        };
        self.module.set(&slot(index), function);
        draft.hooks.push(hook.clone());
        hook
    }

    /// A function that cannot be called with what it is given would fail each time, long after the file was found good.
    fn count_arguments(&self, function: Value<'v>, place: &Place, subject: &str) {
        let given = subject.split(", ").count();
        if function.parameters_spec().is_none_or(|spec| spec.can_fill_with_args(given, &[])) {
            return;
        }
        let signature = function.to_str();
        let name = qualified(&signature).rsplit('.').next().unwrap_or_default();
        let message = format!(
            "the function {} cannot be called with {}",
            quote(name),
            match given {
                1 => "one argument".to_owned(),
                many => format!("{many} arguments"),
            }
        );
        let hint = format!("it is given `{subject}`; write `lambda {subject}: ...`");
        self.draft().problem(place, message, hint);
    }

    /// While a build runs nothing new is kept: a function must be one that the configuration keeps already.
    fn keep_known(&self, generation: &Generation, function: Value<'v>, place: &Place) -> HookId {
        if let Some(hook) = generation.hook_of(function) {
            return hook.clone();
        }
        let mut draft = self.draft();
        draft.problem(
            place,
            format!("{} was made while the build runs, and cannot be kept", lower::describe(function)),
            "give a plain value, prop(...) or interpolate(...): the function that makes steps knows the build",
        );
        HookId { config: draft.config.digest.clone(), index: u32::MAX, label: String::new() }
    }
}

/// Starlark writes a function as `FILE.NAME(PARAMETERS)`: what stands before these.
fn qualified(signature: &str) -> &str {
    signature.split('(').next().unwrap_or_default()
}
