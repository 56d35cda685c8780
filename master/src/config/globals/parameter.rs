//! `string_param` and its kin: what people fill in when they force a build (FO-1, contract.md F40).

use linn_core::config::{Fills, ForceParameter, ParameterKind};
use serde_json::{Value as Json, json};

use super::{Function, Group, Outcome, Parameter, Type, param};
use crate::config::call::Call;
use crate::config::problem::quote;
use crate::config::values::Product;

pub(super) const fn field(
    name: &'static str,
    doc: &'static str,
    parameters: &'static [&'static [Parameter]],
    example: &'static str,
    call: fn(&mut Call<'_, '_>) -> Outcome,
) -> Function {
    Function {
        name,
        group: Group::Parameters,
        doc,
        positional: 1,
        parameters,
        open: false,
        example,
        call,
    }
}

pub(super) static FUNCTIONS: &[Function] = &[
    field(
        "string_param",
        "One line of text.",
        &[FIELD, TEXT],
        "string_param(\"version\", regex = \"[0-9.]+\", required = True)",
        |call| text(call, false),
    ),
    field(
        "text_param",
        "Several lines of text.",
        &[FIELD, TEXT],
        "text_param(\"notes\")",
        |call| text(call, true),
    ),
    field("int_param", "A whole number.", &[FIELD, INT], "int_param(\"jobs\", default = 4)", int),
    field(
        "bool_param",
        "Yes or no.",
        &[FIELD, BOOL],
        "bool_param(\"clean\", default = False)",
        |call| {
            let default = Json::Bool(call.flag("default", false));
            made(call, "", ParameterKind::Bool, default)
        },
    ),
    field(
        "choice_param",
        "One of several, or several of them.",
        &[FIELD, CHOICE],
        "choice_param(\"targets\", choices = [\"lib\", \"bin\", \"doc\"], default = [\"lib\"], multiple = True)",
        choice,
    ),
    field(
        "username_param",
        "Who forces. It is always who linn knows them to be; with `need_email` somebody who is known without a mail address gives one.",
        &[USER],
        "username_param(need_email = True)",
        |call| {
            let kind = ParameterKind::Username { need_email: call.flag("need_email", false) };
            made(call, "username", kind, json!(""))
        },
    ),
    field(
        "worker_param",
        "The worker on which the builds run: one that all the builders have; empty is any.",
        &[WORKER],
        "worker_param(default = \"linux-1\")",
        |call| {
            let default = Json::String(call.text("default").unwrap_or_default());
            made(call, "workername", ParameterKind::Worker, default)
        },
    ),
    field(
        "fixed_param",
        "A property that people see but cannot change.",
        &[FIELD, FIXED],
        "fixed_param(\"channel\", default = \"nightly\")",
        fixed,
    ),
    field(
        "any_property_param",
        "Lets people give any further property.",
        &[ANY],
        "any_property_param()",
        |call| made(call, "property", ParameterKind::AnyProperty, Json::Null),
    ),
];

static FIELD: &[Parameter] = &[
    param("name", Type::Text, "", "The property it fills; `reason` fills the reason."),
    param("label", Type::Text, "the name", "Shown beside it."),
    param("required", Type::Flag, "False", "An empty value is refused."),
];

static TEXT: &[Parameter] = &[
    param("default", Type::Text, "\"\"", "When nothing is given."),
    param("regex", Type::Regex, "None", "The whole value must match."),
    param("max_size", Type::Size, "\"64KiB\"", "The longest value."),
];

static INT: &[Parameter] = &[param("default", Type::Int, "0", "When nothing is given.")];

static BOOL: &[Parameter] = &[param("default", Type::Flag, "False", "When nothing is given.")];

static CHOICE: &[Parameter] = &[
    param("choices", Type::Texts, "", "What may be chosen."),
    param(
        "default",
        Type::Texts,
        "the first choice; none when `multiple`",
        "When nothing is given.",
    ),
    param("multiple", Type::Flag, "False", "Several may be chosen."),
];

static FIXED: &[Parameter] = &[param("default", Type::Plain, "", "Its value.")];

static USER: &[Parameter] = &[
    param("name", Type::Text, "\"username\"", "The property it fills."),
    param("label", Type::Text, "the name", "Shown beside it."),
    param("required", Type::Flag, "False", "An empty value is refused."),
    param("need_email", Type::Flag, "False", "It must be one with a mail address."),
];

static WORKER: &[Parameter] = &[
    param("name", Type::Text, "\"workername\"", "The property it fills."),
    param("label", Type::Text, "the name", "Shown beside it."),
    param("required", Type::Flag, "False", "One must be chosen."),
    param("default", Type::Text, "any", "When nothing is given."),
];

static ANY: &[Parameter] = &[
    param("name", Type::Text, "\"property\"", "What it is called."),
    param("label", Type::Text, "the name", "Shown beside it."),
    param("required", Type::Flag, "False", "Has no effect."),
];

/// The longest text that a field takes unless it says otherwise.
const MAX_TEXT: u64 = linn_core::properties::MAX_PROPERTY_BYTES as u64;

fn made(call: &Call<'_, '_>, usual: &str, kind: ParameterKind, default: Json) -> Outcome {
    let given = if usual.is_empty() || call.is_written("name") {
        call.required_text("name")
    } else {
        Some(usual.to_owned())
    };
    let Some(name) = given else { return Outcome::Mistake };
    check_name(call, &name);
    Outcome::Product(Product::Fields(vec![ForceParameter {
        name,
        label: call.line("label"),
        default,
        required: call.flag("required", false),
        kind,
        fills: Fills::Property,
    }]))
}

/// Whether properties may be called so.
pub(super) fn check_name(call: &Call<'_, '_>, name: &str) {
    if name.len() > 100 || name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '=')
    {
        let message = format!("{} cannot be the name of a property", quote(name));
        call.problem("name", message, "at most 100 characters, no blanks, no `=`");
    }
}

/// The fields of a form or a group, each name once.
pub(super) fn fields(call: &Call<'_, '_>, parameter: &str) -> Option<Vec<ForceParameter>> {
    let pick = |product: &Product| match product {
        Product::Fields(fields) => Some(fields.clone()),
        _ => None,
    };
    let given = call.products(parameter, "parameters", pick)?;
    let mut kept: Vec<ForceParameter> = Vec::new();
    for (fields, place) in given {
        for field in fields {
            let is_same = |other: &&ForceParameter| {
                other.name == field.name
                    || (field.fills != Fills::Property && other.fills == field.fills)
            };
            if let Some(other) = kept.iter().find(is_same) {
                let message = if other.name == field.name {
                    format!("parameter {} is there twice", quote(&field.name))
                } else {
                    format!("{} and {} ask for the same", quote(&other.name), quote(&field.name))
                };
                let hint = if other.name == field.name {
                    "give one of them another name"
                } else {
                    "leave one of them out"
                };
                call.draft().problem(&place, message, hint);
            } else {
                kept.push(field);
            }
        }
    }
    Some(kept)
}

fn text(call: &mut Call<'_, '_>, multiline: bool) -> Outcome {
    let kind = ParameterKind::Text {
        regex: call.regex("regex"),
        max_size: call.size("max_size").unwrap_or(MAX_TEXT).min(MAX_TEXT),
        multiline,
    };
    let default = Json::String(call.text("default").unwrap_or_default());
    made(call, "", kind, default)
}

fn int(call: &mut Call<'_, '_>) -> Outcome {
    let default = call.int("default", i64::MIN, i64::MAX).unwrap_or(0);
    made(call, "", ParameterKind::Int, Json::from(default))
}

fn choice(call: &mut Call<'_, '_>) -> Outcome {
    let texts = |parameter| -> Option<Vec<String>> {
        Some(call.texts(parameter)?.into_iter().map(|(text, _)| text).collect())
    };
    let choices = texts("choices").unwrap_or_default();
    let multiple = call.flag("multiple", false);
    if !call.is_written("choices") {
        call.missing("choices");
    } else if call.is_bare("choices") {
        call.problem("choices", "there is nothing to choose from", "name at least one choice");
    }
    let chosen = texts("default");
    for text in chosen.iter().flatten().filter(|text| !choices.contains(text)) {
        let message = format!("the default {} is not among the choices", quote(text));
        call.problem("default", message, format!("one of {}", choices.join(", ")));
    }
    let default = if multiple {
        Json::from(chosen.unwrap_or_default())
    } else {
        let first = chosen.and_then(|chosen| chosen.into_iter().next());
        Json::from(first.or_else(|| choices.first().cloned()).unwrap_or_default())
    };
    made(call, "", ParameterKind::Choice { choices, multiple }, default)
}

fn fixed(call: &mut Call<'_, '_>) -> Outcome {
    if !call.is_written("default") {
        call.missing("default");
    }
    let default = call.plain("default").unwrap_or(Json::Null);
    made(call, "", ParameterKind::Fixed, default)
}
