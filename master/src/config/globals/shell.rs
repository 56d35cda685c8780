//! The steps that run a program on the worker: `shell`, `configure`, `compile`, `test`, `lint`.

use std::collections::BTreeMap;

use linn_core::config::{Flags, Observe, ShellStep, StepKind, TemplateValue};
use linn_core::model::{Suppression, TestReport};
use linn_core::results::Results;
use serde_json::{Value as Json, json};
use starlark::values::Value;

use super::files::is_below;
use super::logfile::logfiles;
use super::step::{COMMON, NAME, step, workdir};
use super::{Function, Group, Outcome, Parameter, Type, param};
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
        name: "shell_sequence",
        group: Group::Steps,
        doc: "Runs several programs in order as one step, in one log, each when the one before did well. Each is a list or a text, \
              as for `shell`; a line before its output says which it is. The step ends as the last one that ran. None of them \
              can change folder or environment of the next.",
        positional: 1,
        parameters: &[NAME, COMMANDS, SHELL, COMMON],
        open: false,
        example: "shell_sequence(\"install\", commands = [[\"make\", \"install\"], \"ls -l /tmp/zork | wc -l\"])",
        call: sequence,
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
        doc: "As `shell`; its command is `make all`, its failure ends the build, and lines with `warning:` or `warning ` are counted unless `warning_pattern` says otherwise.",
        positional: 1,
        parameters: &[NAME, DEFAULTED, SHELL, COMMON],
        open: false,
        example: "compile(command = [\"make\", interpolate(\"-j%(prop:jobs:-2)s\")], warning_pattern = \"^(.*?):([0-9]+):.* warning: (.*)\", suppressions = [(\"vendor/\", None, None, None)])",
        call: |call| run(call, Some(json!(["make", "all"])), halting()),
    },
    Function {
        name: "test",
        group: Group::Steps,
        doc: "As `shell`; its command is `make test`.",
        positional: 1,
        parameters: &[NAME, DEFAULTED, SHELL, COMMON],
        open: false,
        example: "test(command = [\"make\", \"check\"], report = \"build/reports/*.xml\", logfiles = {\"details\": \"build/test.log\"})",
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

pub(super) static COMMAND: &[Parameter] = &[param("command", Type::Command, "", "What to run.")];

static DEFAULTED: &[Parameter] = &[param("command", Type::Command, "see above", "What to run.")];

pub(super) static SHELL: &[Parameter] = &[
    param("workdir", Type::Value, "\"\"", "Below the build's folder."),
    param("stdin", Type::Value, "None", "Written to its standard input."),
    param(
        "decode_rc",
        Type::Dict,
        "{}",
        "Exit codes that mean something else: `{3: \"WARNINGS\"}`.",
    ),
    param("use_pty", Type::Flag, "False", "Runs on a terminal of its own."),
    param(
        "logfiles",
        Type::Dict,
        "{}",
        "Further logs: name to path below `workdir`. `{\"filename\": PATH, \"follow\": True}` instead of a path leaves out what the file holds when the step begins.",
    ),
    param(
        "warning_pattern",
        Type::Regex,
        "None",
        "Lines that match are counted; then the step has WARNINGS.",
    ),
    param(
        "suppressions",
        Type::Plain,
        "[]",
        "Warnings that do not count: `(file, text, first, last)` each, two expressions and two line numbers; `None` fits any.",
    ),
    param("max_warnings", Type::Int, "None", "More warnings than that are a failure."),
    param(
        "report",
        Type::Value,
        "None",
        "A file of test results below `workdir`; `*` stands for any text in a name. Without it standard output is read.",
    ),
    param(
        "report_format",
        Type::Text,
        "`\"junit\"` with `report`, else none",
        "How test results are written: `\"junit\"`, `\"tap\"`, `\"libtest\"` (what `cargo test` prints, or its JSON) or `\"subunit\"`.",
    ),
];

static COMMANDS: &[Parameter] = &[param(
    "commands",
    Type::Value,
    "",
    "A list of what to run; each a list of words, or a text for the shell.",
)];

fn sequence(call: &mut Call<'_, '_>) -> Outcome {
    let hint = "write `commands = [[\"make\", \"all\"], \"make install\"]`";
    let commands = match call.template("commands") {
        Some(TemplateValue::Plain(Json::Array(items))) => {
            items.into_iter().map(TemplateValue::Plain).collect()
        }
        Some(TemplateValue::List(items)) => items,
        Some(_) => {
            call.problem("commands", "`commands` must be a list of commands", hint);
            Vec::new()
        }
        None => {
            call.missing("commands");
            return Outcome::Mistake;
        }
    };
    for (nth, command) in commands.iter().enumerate() {
        let wrong = match command {
            TemplateValue::Plain(Json::String(text)) => text.trim().is_empty(),
            TemplateValue::Plain(Json::Array(words)) => words.is_empty(),
            TemplateValue::Plain(_) | TemplateValue::Map(_) => true,
            _ => false,
        };
        if wrong {
            let place = call.element_place("commands", nth);
            let what = "a command of the sequence must be a list of words, or a text for the shell";
            call.draft().problem(&place, what, hint);
        }
    }
    let mut commands = commands.into_iter();
    let Some(first) = commands.next() else {
        call.problem("commands", "the sequence is empty", hint);
        return Outcome::Mistake;
    };
    let kind = shell_step(call, first, commands.collect(), Observe::default());
    step(call, StepKind::Shell(kind), Flags::default())
}

/// What compilers call a warning, as Buildbot looks for it.
const COMPILERS_WARN: &str = "(?i)warning[: ]";

/// What counts as a warning where nothing is said; `warning_pattern = None` says that nothing does.
fn usual_pattern(call: &Call<'_, '_>) -> Option<String> {
    let silent = call.function.name == "compile" && !call.is_given("warning_pattern");
    silent.then(|| COMPILERS_WARN.to_owned())
}

/// Its failure ends the build.
fn halting() -> Flags {
    Flags { halt_on_failure: true, ..Flags::default() }
}

fn run(call: &mut Call<'_, '_>, usual: Option<Json>, flags: Flags) -> Outcome {
    run_observed(call, usual, flags, Observe::default())
}

/// A step that runs a program and looks at what it writes.
pub(super) fn run_observed(
    call: &mut Call<'_, '_>,
    usual: Option<Json>,
    flags: Flags,
    observe: Observe,
) -> Outcome {
    let command = command(call, usual);
    let shell = shell_step(call, command, Vec::new(), observe);
    step(call, StepKind::Shell(shell), flags)
}

fn shell_step(
    call: &Call<'_, '_>,
    command: TemplateValue,
    then: Vec<TemplateValue>,
    observe: Observe,
) -> ShellStep {
    let (tests, report) = tests(call);
    let observe = Observe {
        suppressions: suppressions(call),
        max_warnings: call.count("max_warnings", 0),
        tests,
        report,
        ..observe
    };
    ShellStep {
        command,
        then,
        workdir: workdir(call),
        stdin: call.text_template("stdin"),
        decode_rc: decode_rc(call),
        use_pty: call.flag("use_pty", false),
        logfiles: logfiles(call),
        lazy_logfiles: call.flag("lazy_logfiles", false),
        warning_pattern: call.regex("warning_pattern").or_else(|| usual_pattern(call)),
        observe: Box::new(observe),
    }
}

/// F19: `[(file_re, text_re, first, last)]`.
fn suppressions(call: &Call<'_, '_>) -> Vec<Suppression> {
    for parameter in ["suppressions", "max_warnings"] {
        let counts = call.is_written("warning_pattern") || usual_pattern(call).is_some();
        if call.is_written(parameter) && !counts {
            let message = format!("`{parameter}` has no meaning without `warning_pattern`");
            call.problem(parameter, message, "say which lines are warnings");
        }
    }
    let Some(given) = call.plain("suppressions").filter(|given| !given.is_null()) else {
        return Vec::new();
    };
    let hint = "write `suppressions = [(\"vendor/\", None, None, None)]`";
    let Some(rows) = given.as_array() else {
        call.problem("suppressions", "`suppressions` must be a list", hint);
        return Vec::new();
    };
    let mut read = Vec::new();
    for (nth, row) in rows.iter().enumerate() {
        match suppression(row) {
            Ok(one) => read.push(one),
            Err(why) => {
                let place = call.element_place("suppressions", nth);
                call.draft().problem(&place, why, hint);
            }
        }
    }
    read
}

fn suppression(row: &Json) -> Result<Suppression, String> {
    let Some([file, text, first, last]) = row.as_array().map(Vec::as_slice) else {
        return Err("a suppression must have four parts".to_owned());
    };
    let expression = |what: &str, value: &Json| match value {
        Json::Null => Ok(None),
        Json::String(text) => match regex::Regex::new(text) {
            Ok(_) => Ok(Some(text.clone())),
            Err(_) => Err(format!(
                "the {what} of a suppression is no regular expression: {}",
                quote(text)
            )),
        },
        _ => Err(format!("the {what} of a suppression must be an expression or None")),
    };
    let line = |value: &Json| match value {
        Json::Null => Ok(None),
        _ => value.as_u64().map(Some).ok_or("a line of a suppression must be a number or None"),
    };
    let (first, last) = (line(first)?, line(last)?);
    if first.zip(last).is_some_and(|(first, last)| first > last) {
        return Err("the lines of a suppression end before they begin".to_owned());
    }
    Ok(Suppression {
        file: expression("file", file)?,
        text: expression("text", text)?,
        first,
        last,
    })
}

/// The formats of test results (F20).
const FORMATS: [&str; 4] = ["junit", "tap", "libtest", "subunit"];

/// Which test results are read; and their file, where it depends on the build.
fn tests(call: &Call<'_, '_>) -> (Option<TestReport>, Option<TemplateValue>) {
    let (path, rendered) = match call.text_template("report") {
        Some(TemplateValue::Plain(Json::String(path))) => (Some(path), None),
        rendered => (None, rendered),
    };
    let format = call.text("report_format");
    if let Some(path) = &path
        && !is_below(path)
    {
        let message = format!("report {} is no file below the work folder", quote(path));
        call.problem("report", message, "write a relative path without `..`");
        return (None, None);
    }
    let format = match format {
        Some(format) if FORMATS.contains(&format.as_str()) => format,
        Some(format) => {
            let message = format!("{} is no format of test results", quote(&format));
            call.problem("report_format", message, format!("one of {}", FORMATS.join(", ")));
            return (None, None);
        }
        None if path.is_some() || rendered.is_some() => FORMATS[0].to_owned(),
        None => return (None, None),
    };
    (Some(TestReport { format, path }), rendered)
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
        | TemplateValue::Secret(_)
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
