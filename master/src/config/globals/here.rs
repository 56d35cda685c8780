//! The steps that happen on the master: `master_shell`, `http_request`, `assert_that` (contract.md F17, F40).

use std::collections::BTreeMap;

use linn_core::config::{Flags, HereStep, StepKind, TemplateValue};
use serde_json::Value as Json;
use starlark::values::Value;

use super::files::required;
use super::shell::{command, decode_rc};
use super::step::{COMMON, NAME, step, workdir};
use super::{Function, Group, Outcome, Parameter, Type, param};
use crate::config::call::Call;
use crate::config::problem::quote;

pub(super) static FUNCTIONS: &[Function] = &[
    Function {
        name: "master_shell",
        group: Group::Steps,
        doc: "Runs a program on the master's machine, as the master's user, in the folder of `master.star` and with the step's `env` over the master's own environment (without `LINN_SECRET_*`). It ends with the master: a build whose `master_shell` ran then is tried again. Nothing that a worker sent should become part of its command.",
        positional: 1,
        parameters: &[NAME, SHELL, COMMON],
        open: false,
        example: "master_shell(\"publish\", command = [\"./publish.sh\", interpolate(\"%(prop:revision)s\")], max_time = \"5m\")",
        call: master_shell,
    },
    Function {
        name: "http_request",
        group: Group::Steps,
        doc: "Asks an http or https server from the master. An answer of 2xx or 3xx is success (redirections are not followed), one of 4xx or 5xx a failure, none within `timeout` and `max_time` an exception. At most 1 MiB of the answer is kept in the log. It ends with the master: a build whose request was under way then is tried again.",
        positional: 1,
        parameters: &[NAME, HTTP, COMMON],
        open: false,
        example: "http_request(\"tell the site\", method = \"POST\", url = \"https://zork.example/built\", headers = {\"Content-Type\": \"text/plain\"}, data = interpolate(\"%(prop:revision)s\"))",
        call: http_request,
    },
    Function {
        name: "assert_that",
        group: Group::Steps,
        doc: "Fails when a value is not true, as Python sees it: `None`, `False`, 0 and empty things are not. Happens on the master.",
        positional: 1,
        parameters: &[NAME, CHECK, COMMON],
        open: false,
        example: "assert_that(\"on a release branch\", check = lambda build: build.properties[\"branch\"].startswith(\"release/\"))",
        call: assert_that,
    },
];

static SHELL: &[Parameter] = &[
    param("command", Type::Command, "", "What to run: a list as it is, a text by the shell."),
    param("workdir", Type::Value, "\"\"", "Below the folder of `master.star`."),
    param("stdin", Type::Value, "None", "Written to its standard input."),
    param(
        "decode_rc",
        Type::Dict,
        "{}",
        "Exit codes that mean something else: `{3: \"WARNINGS\"}`.",
    ),
];

static HTTP: &[Parameter] = &[
    param("url", Type::Value, "", "Where: it begins with `http://` or `https://`."),
    param("method", Type::Text, "\"GET\"", "One of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS."),
    param("params", Type::Dict, "{}", "Put behind the address, escaped: names and values."),
    param("headers", Type::Dict, "{}", "Sent along: names and values."),
    param("auth", Type::Value, "None", "`(name, password)`, for a server that asks for them."),
    param("data", Type::Value, "None", "The body, with POST, PUT and PATCH."),
];

static CHECK: &[Parameter] =
    &[param("check", Type::Value, "", "A value, `prop(...)`, or a function of the build.")];

fn assert_that(call: &mut Call<'_, '_>) -> Outcome {
    if !call.is_written("check") {
        call.missing("check");
    }
    let check = call.template("check").unwrap_or(TemplateValue::Plain(Json::Bool(true)));
    step(call, StepKind::Assert(check), Flags::default())
}

fn master_shell(call: &mut Call<'_, '_>) -> Outcome {
    let kind = HereStep::Shell {
        command: command(call, None),
        workdir: workdir(call),
        stdin: call.text_template("stdin"),
        decode_rc: decode_rc(call),
    };
    step(call, StepKind::Here(kind), Flags::default())
}

/// Methods of HTTP that ask for something.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

fn http_request(call: &mut Call<'_, '_>) -> Outcome {
    let method = call.text("method").unwrap_or_else(|| "GET".to_owned());
    if !METHODS.contains(&method.as_str()) {
        let message = format!("{} is no method of HTTP that can be used", quote(&method));
        call.problem("method", message, format!("one of {}", METHODS.join(", ")));
    }
    let url = required(call, "url");
    if let TemplateValue::Plain(Json::String(text)) = &url
        && call.is_written("url")
        && !["http://", "https://"].iter().any(|scheme| text.starts_with(scheme))
    {
        let message = format!("url {} does not begin with http:// or https://", quote(text));
        call.problem("url", message, "");
    }
    if call.is_written("data") && !["POST", "PUT", "PATCH"].contains(&method.as_str()) {
        call.problem(
            "data",
            format!("{} sends no body", quote(&method)),
            "write `method = \"POST\"`, or PUT or PATCH",
        );
    }
    let kind = HereStep::Http {
        method,
        url,
        params: call.templates("params"),
        headers: headers(call),
        auth: auth(call),
        data: call.text_template("data"),
    };
    step(call, StepKind::Here(kind), Flags::default())
}

fn auth(call: &Call<'_, '_>) -> Option<Box<(TemplateValue, TemplateValue)>> {
    let pair = match call.template("auth")? {
        TemplateValue::Plain(Json::Null) => return None,
        TemplateValue::Plain(Json::Array(items)) => {
            items.into_iter().map(TemplateValue::Plain).collect()
        }
        TemplateValue::List(items) => items,
        _ => Vec::new(),
    };
    let is_text = |value: &TemplateValue| match value {
        TemplateValue::Plain(value) => value.is_string(),
        TemplateValue::List(_) | TemplateValue::Map(_) => false,
        _ => true,
    };
    match <[TemplateValue; 2]>::try_from(pair) {
        Ok([name, password]) if is_text(&name) && is_text(&password) => {
            Some(Box::new((name, password)))
        }
        _ => {
            let hint = "write `auth = (\"linn\", secret(\"forge\"))`";
            call.problem("auth", "`auth` must be a name and a password", hint);
            None
        }
    }
}

fn headers(call: &Call<'_, '_>) -> BTreeMap<String, TemplateValue> {
    let mut headers = BTreeMap::new();
    let entries: Vec<(String, Value<'_>, _)> = call.entries("headers");
    for (name, value, place) in entries {
        if !name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) {
            let message = format!("{} cannot be the name of a header", quote(&name));
            call.draft().problem(&place, message, "letters, digits and `-`");
            continue;
        }
        if let Some(value) = call.lowered(value, &name, &place) {
            headers.insert(name, value);
        }
    }
    headers
}
