//! What all steps share, and the steps that are no programs: `git`, `hg`, `svn`, `set_property`, `set_properties`.

use std::collections::BTreeMap;

use linn_core::config::{
    CheckoutMethod, Condition, Flags, SourceStep, StepKind, StepLimits, StepSpec, TemplateValue,
    Vcs,
};
use linn_core::id::CodebaseName;
use linn_core::time::Span;
use serde_json::Value as Json;

use super::files::is_below;
use super::lock;
use super::site::{is_repository, mentioned};
use super::{Function, Group, Outcome, Parameter, Type, param};
use crate::config::call::{Call, OF_A_BUILD};
use crate::config::draft::Kind;
use crate::config::problem::quote;
use crate::config::values::Product;

pub(super) static FUNCTIONS: &[Function] = &[
    Function {
        name: "git",
        group: Group::Steps,
        doc: "Brings a tree to the build's revision. Ends the build when it fails.",
        positional: 1,
        parameters: &[NAME, SOURCE, DEPTH, COMMON],
        open: false,
        example: "git(mode = \"full\", method = \"clean\", submodules = True, retry = (\"10s\", 3))",
        call: |call| source(call, Vcs::Git),
    },
    Function {
        name: "hg",
        group: Group::Steps,
        doc: "Brings a tree to the build's revision with Mercurial; a branch is a named one, `default` when the build has none. Ends the build when it fails.",
        positional: 1,
        parameters: &[NAME, SOURCE, COMMON],
        open: false,
        example: "hg(repository = \"https://hg.example/zork\", mode = \"full\", retry = (\"10s\", 3))",
        call: |call| source(call, Vcs::Hg),
    },
    Function {
        name: "svn",
        group: Group::Steps,
        doc: "Brings a tree to the build's revision with Subversion. A branch is a path below the repository, as `branches/1.0`; a build without one gets `trunk`. Ends the build when it fails.",
        positional: 1,
        parameters: &[NAME, SOURCE, COMMON],
        open: false,
        example: "svn(repository = \"https://svn.example/zork\", workdir = \"src\")",
        call: |call| source(call, Vcs::Svn),
    },
    Function {
        name: "set_property",
        group: Group::Steps,
        doc: "Sets a property of the build. Happens on the master.",
        positional: 1,
        parameters: &[NAME, SET_PROPERTY, COMMON],
        open: false,
        example: "set_property(property = \"channel\", value = lambda build: \"nightly\" if build.number % 2 else \"beta\")",
        call: set_property,
    },
    Function {
        name: "set_properties",
        group: Group::Steps,
        doc: "Sets several properties of the build at once. Happens on the master.",
        positional: 1,
        parameters: &[NAME, SET_PROPERTIES, COMMON],
        open: false,
        example: "set_properties(properties = {\"channel\": \"beta\", \"title\": interpolate(\"build of %(prop:branch)s\")})",
        call: set_properties,
    },
];

/// The first argument of every step (contract.md F16).
pub(super) static NAME: &[Parameter] = &[param(
    "name",
    Type::Text,
    "the function's name",
    "Shown for the step; a doubled one gets `_1`.",
)];

/// What every step takes.
pub(super) static COMMON: &[Parameter] = &[
    param("description", Type::Value, "the name", "Shown while it runs."),
    param(
        "description_done",
        Type::Value,
        "the description",
        "Shown when it is over and went well.",
    ),
    param("halt_on_failure", Type::Flag, "False", "A failure ends the build."),
    param("flunk_on_failure", Type::Flag, "True", "A failure fails the build."),
    param("flunk_on_warnings", Type::Flag, "False", "Warnings fail the build."),
    param("warn_on_failure", Type::Flag, "False", "A failure makes the build warn."),
    param("warn_on_warnings", Type::Flag, "False", "Warnings make the build warn."),
    param("always_run", Type::Flag, "False", "Runs even after the build was ended."),
    param("do_step_if", Type::Value, "True", "Whether it runs at all."),
    param(
        "hide_step_if",
        Type::Value,
        "False",
        "Whether it is left out of lists; sees `build.results`.",
    ),
    param(
        "env",
        Type::Dict,
        "{}",
        "Environment, laid over the builder's; `None` removes a variable.",
    ),
    param("timeout", Type::Duration, "\"20m\"", "So long without output ends it; `None`: never."),
    param("max_time", Type::Duration, "None", "So long in all ends it."),
    param("max_lines", Type::Int, "None", "So many lines end it."),
    param("interrupt_signal", Type::Text, "\"TERM\"", "Sent first to end it."),
    param("sigterm_time", Type::Duration, "\"5s\"", "From then until it is killed."),
    param("log_max_size", Type::Size, "\"8GiB\"", "The largest log that is kept."),
    param("locks", Type::Locks, "[]", "What it holds while it runs; or a function of the build."),
    param(
        "lazy_logfiles",
        Type::Flag,
        "False",
        "Those of `logfiles` that held nothing are left out when the step is over.",
    ),
];

/// Where the paths of a step begin.
pub(super) static WORKDIR: &[Parameter] = &[param(
    "workdir",
    Type::Value,
    "\"\"",
    "Below the build's folder: where the step's paths begin.",
)];

static SOURCE: &[Parameter] = &[
    param("codebase", Type::Text, "the only one", "Whose revision."),
    param("repository", Type::Value, "the build's", "Instead of the build's own."),
    param(
        "mode",
        Type::Text,
        "\"incremental\"",
        "`\"incremental\"` keeps what is not tracked, `\"full\"` does as `method` says.",
    ),
    param(
        "method",
        Type::Text,
        "\"fresh\"",
        "In mode `\"full\"`: `\"clobber\"` makes it anew, `\"fresh\"` removes all that is not tracked, ignored files too, `\"clean\"` leaves the ignored ones, `\"copy\"` copies a kept tree.",
    ),
    param(
        "always_use_latest",
        Type::Flag,
        "False",
        "The tip of the default branch, whatever the build's revision.",
    ),
    param("retry", Type::Pause, "None", "`(pause, times)`: try again when it fails."),
    param("workdir", Type::Value, "\"\"", "Below the build's folder."),
];

static DEPTH: &[Parameter] = &[
    param("shallow", Type::Int, "False", "So many commits of history; `True`: one."),
    param("submodules", Type::Flag, "False", "With submodules."),
];

static SET_PROPERTY: &[Parameter] =
    &[param("property", Type::Text, "", "Which one."), param("value", Type::Value, "", "To what.")];

static SET_PROPERTIES: &[Parameter] = &[param("properties", Type::Dict, "", "Names and values.")];

/// Puts together what all steps share.
pub(super) fn step(call: &Call<'_, '_>, kind: StepKind, usual: Flags) -> Outcome {
    let name = match call.text("name") {
        Some(name) if name.is_empty() || name.chars().any(char::is_control) => {
            call.problem(
                "name",
                format!("{} cannot be the name of a step", quote(&name)),
                "at least one character, no control characters",
            );
            None
        }
        Some(name) if name.chars().count() > 100 => {
            call.problem("name", "the name of a step is longer than 100 characters", "");
            None
        }
        name => name,
    };
    let flags = Flags {
        halt_on_failure: call.flag("halt_on_failure", usual.halt_on_failure),
        flunk_on_failure: call.flag("flunk_on_failure", usual.flunk_on_failure),
        flunk_on_warnings: call.flag("flunk_on_warnings", usual.flunk_on_warnings),
        warn_on_failure: call.flag("warn_on_failure", usual.warn_on_failure),
        warn_on_warnings: call.flag("warn_on_warnings", usual.warn_on_warnings),
        always_run: call.flag("always_run", usual.always_run),
    };
    let own = StepLimits::default();
    let limits = StepLimits {
        silence: call.limit("timeout").unwrap_or(own.silence),
        total: call.limit("max_time").unwrap_or(own.total),
        max_lines: call.count("max_lines", 1),
        term_grace: call.duration("sigterm_time").flatten().unwrap_or(own.term_grace),
        interrupt_signal: signal(call),
        log_max_bytes: call.size("log_max_size").unwrap_or(own.log_max_bytes),
    };
    let do_step_if = call.step_condition("do_step_if", true, OF_A_BUILD);
    let hide_step_if = call.step_condition("hide_step_if", false, OF_A_BUILD);
    if hide_step_if == Condition::Is(true) && do_step_if == Condition::Is(false) {
        let here = call.here();
        call.draft().note(&here, "the step neither runs nor is shown");
    }
    let spec = StepSpec {
        name: name.unwrap_or_else(|| call.function.name.to_owned()),
        description: call.words("description"),
        description_done: call.words("description_done"),
        kind,
        flags,
        do_step_if,
        hide_step_if,
        env: call.env("env"),
        locks: lock::taken(call, OF_A_BUILD),
        limits,
    };
    if let Some((parameter, secret)) = spec.misplaced_secret() {
        let written = if call.is_written(parameter) { parameter } else { "value" };
        call.problem(
            written,
            format!("the secret {} cannot stand here, for this is recorded and shown", quote(secret.as_str())),
            "a secret goes into the command, `env`, `stdin`, the text of `download_text`, and what `http_request` sends; \
             best into `env`",
        );
    }
    Outcome::Product(Product::Step(Box::new(spec), call.here()))
}

/// Signals that end a program when nothing else is arranged.
const SIGNALS: [&str; 8] = ["TERM", "INT", "HUP", "QUIT", "USR1", "USR2", "ABRT", "KILL"];

fn signal(call: &Call<'_, '_>) -> String {
    let Some(text) = call.text("interrupt_signal") else { return String::new() };
    let name = text.strip_prefix("SIG").unwrap_or(&text);
    if SIGNALS.contains(&name) {
        return name.to_owned();
    }
    let message = format!("{} is no signal that ends a program", quote(&text));
    call.problem("interrupt_signal", message, format!("one of {}", SIGNALS.join(", ")));
    String::new()
}

fn source(call: &mut Call<'_, '_>, vcs: Vcs) -> Outcome {
    let by = match call.text("name") {
        Some(name) => format!("the step {}", quote(&name)),
        None if vcs == Vcs::Git => "a git step".to_owned(),
        None => format!("an {} step", vcs.word()),
    };
    let codebase = mentioned(call, "codebase", Kind::Codebase, &by).unwrap_or_default();
    let repository = call.text_template("repository");
    if let Some(TemplateValue::Plain(Json::String(text))) = &repository {
        is_repository(call, "repository", Some(vcs), text);
    }
    let is_git = vcs == Vcs::Git;
    let kind = SourceStep {
        vcs,
        codebase: CodebaseName::from(codebase),
        repository,
        workdir: workdir(call),
        method: method(call),
        shallow: is_git.then(|| shallow(call)).flatten(),
        submodules: is_git && call.flag("submodules", false),
        always_use_latest: call.flag("always_use_latest", false),
        retry: retry(call),
    };
    step(call, StepKind::Source(kind), Flags { halt_on_failure: true, ..Flags::default() })
}

fn method(call: &Call<'_, '_>) -> CheckoutMethod {
    let mode = call.text("mode").unwrap_or_else(|| "incremental".to_owned());
    let method = call.text("method");
    match (mode.as_str(), method.as_deref()) {
        ("incremental", None) => CheckoutMethod::Incremental,
        ("incremental", Some(_)) => {
            call.problem(
                "method",
                "`method` has a meaning in mode \"full\" alone",
                "write `mode = \"full\"`",
            );
            CheckoutMethod::Incremental
        }
        ("full", None | Some("fresh")) => CheckoutMethod::Fresh,
        ("full", Some("clobber")) => CheckoutMethod::Clobber,
        ("full", Some("clean")) => CheckoutMethod::Clean,
        ("full", Some("copy")) => CheckoutMethod::Copy,
        ("full", Some(other)) => {
            let message = format!("{} is no method", quote(other));
            call.problem("method", message, "one of clobber, fresh, clean, copy");
            CheckoutMethod::Fresh
        }
        (other, _) => {
            let message = format!("{} is no mode", quote(other));
            call.problem("mode", message, "\"incremental\" or \"full\"");
            CheckoutMethod::Incremental
        }
    }
}

fn shallow(call: &Call<'_, '_>) -> Option<u32> {
    match call.plain("shallow") {
        Some(Json::Bool(yes)) => yes.then_some(1),
        Some(_) => call.count("shallow", 1),
        None => None,
    }
}

fn retry(call: &Call<'_, '_>) -> Option<(Span, u32)> {
    let given = call.plain("retry").filter(|value| !value.is_null())?;
    let read = match given.as_array().map(Vec::as_slice) {
        Some([Json::String(pause), times]) => linn_core::time::parse_span(pause)
            .ok()
            .zip(times.as_u64().and_then(|times| u32::try_from(times).ok())),
        _ => None,
    };
    if read.is_none() {
        call.problem(
            "retry",
            "`retry` must be a pause and a number of times",
            "write `retry = (\"10s\", 3)`",
        );
    }
    read
}

/// Where a step works, below the build's folder.
pub(super) fn workdir(call: &Call<'_, '_>) -> TemplateValue {
    let workdir = call.text_template("workdir");
    if let Some(TemplateValue::Plain(Json::String(text))) = &workdir
        && !text.is_empty()
        && !is_below(text)
    {
        let message = format!("workdir {} is not below the build's folder", quote(text));
        call.problem("workdir", message, "write a relative path without `..`");
    }
    workdir.unwrap_or_else(TemplateValue::empty)
}

fn set_property(call: &mut Call<'_, '_>) -> Outcome {
    let mut properties = BTreeMap::new();
    let property = call.required_text("property");
    match call.template("value") {
        Some(value) => _ = property.map(|name| properties.insert(name, value)),
        None if !call.is_written("value") => call.missing("value"),
        None => {}
    }
    step(call, StepKind::SetProperties(properties), Flags::default())
}

fn set_properties(call: &mut Call<'_, '_>) -> Outcome {
    if !call.is_written("properties") {
        call.missing("properties");
    }
    let properties = call.templates("properties");
    step(call, StepKind::SetProperties(properties), Flags::default())
}
