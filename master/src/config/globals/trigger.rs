//! `trigger`: a step that starts other schedulers (TR-*, F4).

use linn_core::config::{Flags, StepKind, TemplateValue, TriggerSources, TriggerStep};
use serde_json::Value as Json;

use super::step::{COMMON, NAME, step};
use super::{Function, Group, Outcome, Parameter, Type, param};
use crate::config::call::Call;

pub(super) static FUNCTIONS: &[Function] = &[Function {
    name: "trigger",
    group: Group::Steps,
    doc: "Asks triggerable schedulers for builds, of the same source by default. A build that waits for them leaves its worker room \
          for others, and lends them the locks it holds; when it is stopped, so are they; when it is tried again after a lost worker \
          it finds them as they are. A result that is not good counts as this step's.",
    positional: 1,
    parameters: &[NAME, TRIGGER, COMMON],
    open: false,
    example: "trigger(\"package\", schedulers = [\"packages\"], wait_for_finish = True, set_properties = {\"version\": prop(\"version\")})",
    call: trigger,
}];

static TRIGGER: &[Parameter] = &[
    param("schedulers", Type::Value, "", "Which, by name."),
    param("wait_for_finish", Type::Flag, "False", "Lasts until all that they made is over."),
    param("set_properties", Type::Dict, "{}", "Properties of their builds."),
    param("copy_properties", Type::Texts, "[]", "Properties that they have of this build."),
    param("unimportant_schedulers", Type::Value, "[]", "Those whose results do not count."),
    param("always_use_latest", Type::Flag, "False", "The newest of each codebase is built."),
    param(
        "update_source_stamp",
        Type::Flag,
        "True",
        "What this build really obtained is built, not only what it was asked for.",
    ),
    param(
        "source_stamps",
        Type::Value,
        "this build's",
        "A list of dictionaries: `codebase repository project branch revision`.",
    ),
];

fn trigger(call: &mut Call<'_, '_>) -> Outcome {
    if !call.is_written("schedulers") {
        call.missing("schedulers");
    }
    let latest = call.flag("always_use_latest", false);
    let given = call.template("source_stamps").filter(|_| call.is_written("source_stamps"));
    if latest && given.is_some() {
        call.problem(
            "source_stamps",
            "`source_stamps` has no meaning with `always_use_latest`",
            "leave one of them out",
        );
    }
    let updated = call.flag("update_source_stamp", true);
    let sources = match given {
        _ if latest => TriggerSources::Latest,
        Some(stamps) => TriggerSources::These(stamps),
        None => TriggerSources::Same { updated },
    };
    let copied = call.texts("copy_properties").unwrap_or_default();
    let made = TriggerStep {
        schedulers: names(call, "schedulers"),
        wait_for_finish: call.flag("wait_for_finish", false),
        set_properties: call.templates("set_properties"),
        copy_properties: copied.into_iter().map(|(name, _)| name).collect(),
        unimportant: names(call, "unimportant_schedulers"),
        sources,
    };
    step(call, StepKind::Trigger(made), Flags::default())
}

/// Names of schedulers, one or several; those that are plain must be declared.
fn names(call: &Call<'_, '_>, parameter: &str) -> Vec<TemplateValue> {
    let values = match call.template(parameter) {
        None => Vec::new(),
        Some(TemplateValue::List(values)) => values,
        Some(TemplateValue::Plain(Json::Array(values))) => {
            values.into_iter().map(TemplateValue::Plain).collect()
        }
        Some(one) => vec![one],
    };
    for (index, value) in values.iter().enumerate() {
        let place = call.element_place(parameter, index);
        match value {
            TemplateValue::Plain(Json::String(name)) => {
                call.draft().triggered.push((name.clone(), place));
            }
            TemplateValue::Plain(_) => {
                let message = format!("`{parameter}` must hold names of schedulers");
                call.draft().problem(&place, message, "write [\"packages\"]");
            }
            _ => {}
        }
    }
    values
}
