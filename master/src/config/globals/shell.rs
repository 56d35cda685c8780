//! The steps that run a program on the worker: `shell`, `configure`, `compile`, `test`, `lint`.

use std::collections::BTreeMap;

use linn_core::config::{Flags, LogFile, ShellStep, StepKind, TemplateValue};
use linn_core::results::Results;
use serde_json::{Value as Json, json};
use starlark::values::Value;

use super::step::{COMMON, NAME, step, workdir};
use super::{Function, Group, Outcome, Parameter, Type, later, param};
use crate::config::call::Call;
use crate::config::problem::quote;

pub(super) static FUNCTIONS: &[Function] = &[
    Function {
        name: "shell",
        group: Group::Steps,
        doc: "Runs a program. A list is run as it is, a text goes to the shell. The exit code 0 is success, any other a failure.",
        positional: 1,
        parameters: &[NAME, COMMAND, SHELL, COMMON],
        open: false,
        example: "shell(\"package\", command = \"make dist\", do_step_if = lambda build: build.properties[\"branch\"] == \"main\")",
        call: |call| run(call, None, Flags::default()),
    },
    Function {
        name: "configure",
        group: Group::Steps,
        doc: "As `shell`; its command is `./configure` and its failure ends the build.",
        positional: 1,
        parameters: &[NAME, DEFAULTED, SHELL, COMMON],
        open: false,
        example: "configure(command = [\"./configure\", \"--prefix=/usr\"])",
        call: |call| run(call, Some(json!(["./configure"])), halting()),
    },
    Function {
        name: "compile",
        group: Group::Steps,
        doc: "As `shell`; its command is `make all` and its failure ends the build.",
        positional: 1,
        parameters: &[NAME, DEFAULTED, SHELL, COMMON],
        open: false,
        example: "compile(command = [\"make\", interpolate(\"-j%(prop:jobs:-2)s\")], warning_pattern = \"warning: \")",
        call: |call| run(call, Some(json!(["make", "all"])), halting()),
    },
    Function {
        name: "test",
        group: Group::Steps,
        doc: "As `shell`; its command is `make test`.",
        positional: 1,
        parameters: &[NAME, DEFAULTED, SHELL, COMMON],
        open: false,
        example: "test(command = [\"make\", \"check\"], logfiles = {\"details\": \"build/test.log\"})",
        call: |call| run(call, Some(json!(["make", "test"])), Flags::default()),
    },
    Function {
        name: "lint",
        group: Group::Steps,
        doc: "As `shell`.",
        positional: 1,
        parameters: &[NAME, COMMAND, SHELL, COMMON],
        open: false,
        example: "lint(command = [\"cargo\", \"clippy\"], flunk_on_failure = False, warn_on_failure = True)",
        call: |call| run(call, None, Flags::default()),
    },
];

static COMMAND: &[Parameter] = &[param("command", Type::Command, "", "What to run.")];

static DEFAULTED: &[Parameter] = &[param("command", Type::Command, "see above", "What to run.")];

static SHELL: &[Parameter] = &[
    param("workdir", Type::Value, "\"\"", "Below the build's folder."),
    param("stdin", Type::Value, "None", "Written to its standard input."),
    param(
        "decode_rc",
        Type::Dict,
        "{}",
        "Exit codes that mean something else: `{3: \"WARNINGS\"}`.",
    ),
    param("use_pty", Type::Flag, "False", "Runs on a terminal of its own."),
    param("logfiles", Type::Dict, "{}", "Further logs: name to path below `workdir`."),
    param(
        "warning_pattern",
        Type::Regex,
        "None",
        "Lines that match are counted; then the step has WARNINGS.",
    ),
    later("suppressions"),
    later("max_warnings"),
    later("report"),
    later("report_format"),
];

/// Its failure ends the build.
fn halting() -> Flags {
    Flags { halt_on_failure: true, ..Flags::default() }
}

fn run(call: &mut Call<'_, '_>, usual: Option<Json>, flags: Flags) -> Outcome {
    let shell = ShellStep {
        command: command(call, usual),
        workdir: workdir(call),
        stdin: call.text_template("stdin"),
        decode_rc: decode_rc(call),
        use_pty: call.flag("use_pty", false),
        logfiles: logfiles(call),
        warning_pattern: call.regex("warning_pattern"),
    };
    step(call, StepKind::Shell(shell), flags)
}

pub(super) fn command(call: &Call<'_, '_>, usual: Option<Json>) -> TemplateValue {
    let fallback = || TemplateValue::Plain(Json::Array(Vec::new()));
    if !call.is_written("command") {
        return match usual {
            Some(command) => TemplateValue::Plain(command),
            None => {
                call.missing("command");
                fallback()
            }
        };
    }
    let Some(command) = call.template("command") else { return fallback() };
    let mut wrong = |index: Option<usize>, what: &str, hint: String| {
        let place = match index {
            Some(index) => call.element_place("command", index),
            None => call.place("command"),
        };
        call.draft().problem(&place, what, hint);
    };
    match &command {
        TemplateValue::Plain(Json::String(text)) if text.trim().is_empty() => {
            wrong(None, "the command is empty", String::new());
        }
        TemplateValue::Plain(Json::Array(words)) => {
            check_words(words.iter().map(Some), &mut wrong);
        }
        TemplateValue::List(words) => {
            let plain = words.iter().map(|word| match word {
                TemplateValue::Plain(word) => Some(word),
                _ => None,
            });
            check_words(plain, &mut wrong);
        }
        TemplateValue::Plain(Json::String(_))
        | TemplateValue::Prop { .. }
        | TemplateValue::Interpolate(_)
        | TemplateValue::Hook(_) => {}
        TemplateValue::Plain(_) | TemplateValue::Map(_) => {
            let hint = "write `command = [\"make\", \"all\"]` or `command = \"make all\"`";
            wrong(
                None,
                "the command must be a list of words, or a text for the shell",
                hint.to_owned(),
            );
        }
    }
    command
}

/// Each word that is known already must be text; lists inside are laid flat when the command is run.
fn check_words<'a>(
    words: impl ExactSizeIterator<Item = Option<&'a Json>>,
    wrong: &mut dyn FnMut(Option<usize>, &str, String),
) {
    if words.len() == 0 {
        wrong(None, "the command is empty", "write `command = [\"make\", \"all\"]`".to_owned());
    }
    for (index, word) in words.enumerate() {
        match word {
            Some(Json::Number(number)) => {
                let what = format!("a word of the command is the number {number}, not a text");
                wrong(Some(index), &what, format!("write \"{number}\""));
            }
            Some(Json::Null | Json::Bool(_) | Json::Object(_)) => {
                wrong(Some(index), "a word of the command is no text", String::new());
            }
            _ => {}
        }
    }
}

pub(super) fn decode_rc(call: &Call<'_, '_>) -> BTreeMap<i32, Results> {
    let mut codes = BTreeMap::new();
    let entries: Vec<(i32, Value<'_>, _)> = call.numbered("decode_rc");
    for (code, value, place) in entries {
        match value.unpack_str().and_then(Results::from_word) {
            Some(results) => _ = codes.insert(code, results),
            None => {
                let words: Vec<&str> = Results::ALL.iter().map(|results| results.word()).collect();
                let message = format!("exit code {code} cannot mean {}", value.to_repr());
                call.draft().problem(&place, message, format!("one of {}", words.join(", ")));
            }
        }
    }
    codes
}

/// The log of what a command prints itself (LG-9).
const OWN_OUTPUT: &str = "stdio";

fn logfiles(call: &Call<'_, '_>) -> Vec<LogFile> {
    let mut logs = Vec::new();
    let entries: Vec<(String, Value<'_>, _)> = call.entries("logfiles");
    for (name, value, place) in entries {
        if name == OWN_OUTPUT {
            let message = format!("the log {} is what the command prints", quote(&name));
            call.draft().problem(&place, message, "give it another name");
            continue;
        }
        match value.unpack_str() {
            Some(path)
                if !path.is_empty()
                    && !path.starts_with('/')
                    && path.split('/').all(|part| part != "..") =>
            {
                logs.push(LogFile { name, path: path.to_owned() });
            }
            _ => {
                let message = format!(
                    "log {} must be the path of a file below the work folder",
                    quote(&name)
                );
                call.draft().problem(&place, message, "write a relative path without `..`");
            }
        }
    }
    logs
}
