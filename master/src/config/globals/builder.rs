//! `builder`, `builders`: what is built, and choosing among it.

use linn_core::config::{Builder, BuilderPolicy, Collapse, Condition, TextPattern};
use linn_core::id::{BuilderName, WorkerName};

use super::lock;
use super::site::mentioned;
use super::step::workdir;
use super::{Function, Group, Outcome, Parameter, Type, param};
use crate::config::call::Call;
use crate::config::draft::{Kind, PolicyGiven};
use crate::config::problem::quote;

pub(super) static FUNCTIONS: &[Function] = &[
    Function {
        name: "builder",
        group: Group::Builders,
        doc: "A named recipe and who may run it.",
        positional: 1,
        parameters: &[BUILDER, POLICY],
        open: false,
        example: "builder(\"zork\", workers = [\"linux-1\"], factory = [git(), test(command = [\"make\", \"check\"])], tags = [\"linux\"])",
        call: builder,
    },
    Function {
        name: "builders",
        group: Group::Builders,
        doc: "The names of the builders declared so far, in the order of the names; all that is given must match.",
        positional: 0,
        parameters: &[SELECTORS],
        open: false,
        example: "force_scheduler(\"force-linux\", builders = builders(tags = [\"linux\"], names = \"linux*\"))",
        call: builders,
    },
];

static BUILDER: &[Parameter] = &[
    param("name", Type::Text, "", "Its name."),
    param("workers", Type::Texts, "", "Who may run it, in order of preference."),
    param(
        "factory",
        Type::Steps,
        "",
        "What to do, in order: steps, and functions of the build that return some when their turn comes.",
    ),
    param("description", Type::Text, "\"\"", "One line for people."),
    param("tags", Type::Texts, "[]", "For selecting and grouping."),
    param("project", Type::Text, "\"\"", "What it belongs to."),
    param(
        "workdir",
        Type::Value,
        "\"\"",
        "Where its steps work, below the build's folder; one with a `workdir` of its own works there instead, with `\".\"` in the folder itself.",
    ),
    param(
        "builddir",
        Type::Text,
        "the name",
        "The name of its folder on a worker. Builders with the same one share what lies there, and a worker never builds two of them at once.",
    ),
    param("env", Type::Dict, "{}", "Environment of every step, laid over the worker's."),
    param("properties", Type::Dict, "{}", "Properties of its builds."),
    param("defaults", Type::Dict, "{}", "Properties of its builds where nobody else sets them."),
    param(
        "locks",
        Type::Locks,
        "[]",
        "What each build holds from its start to its end; or a function of the request.",
    ),
];

/// What `master` and `builder` share (contract.md F1).
pub(super) static POLICY: &[Parameter] = &[
    param(
        "lost_after",
        Type::Duration,
        "\"15m\"",
        "How long a build waits for its lost worker; `None`: for ever.",
    ),
    param("max_retries", Type::Int, "3", "How often a request is tried again after a lost worker."),
    param("max_time", Type::Duration, "None", "The longest a build may take."),
    param(
        "collapse_requests",
        Type::Condition,
        "True",
        "Whether waiting requests that ask for the same become one build: the rule of the manual, never, or a function of the builder, the older and the newer request.",
    ),
    param(
        "next_build",
        Type::Function,
        "by priority, then age",
        "Called with the builder and its waiting requests; returns the one to build next, or None.",
    ),
    param(
        "next_worker",
        Type::Function,
        "fewest builds, then longest idle",
        "Called with the builder, the free workers and the request; returns one of them, or None.",
    ),
    param(
        "can_start_build",
        Type::Function,
        "always",
        "Called with the builder, a free worker and the request; false keeps that worker from it.",
    ),
];

static SELECTORS: &[Parameter] = &[
    param("names", Type::Patterns, "any", "Their names."),
    param("tags", Type::Patterns, "any", "One of their tags."),
    param("project", Type::Patterns, "any", "Their project."),
    param("workers", Type::Patterns, "any", "One of their workers."),
];

/// The policy arguments of a call.
pub(super) fn policy(call: &Call<'_, '_>) -> PolicyGiven {
    PolicyGiven {
        lost_after: call.duration("lost_after"),
        max_retries: call.count("max_retries", 0),
        max_time: call.limit("max_time"),
        collapse: call.is_written("collapse_requests").then(|| {
            match call.condition("collapse_requests", true, "builder, older, newer") {
                Condition::Is(false) => Collapse::Never,
                Condition::Hook(hook) => Collapse::Hook(hook),
                Condition::Is(true) | Condition::Value(_) => Collapse::Compatible,
            }
        }),
        next_build: call.hook("next_build", "builder, requests"),
        next_worker: call.hook("next_worker", "builder, workers, request"),
        can_start_build: call.hook("can_start_build", "builder, worker, request"),
    }
}

/// The longest name of a folder, in bytes: what is below it must fit into a path as well.
const MAX_FOLDER_BYTES: usize = 100;

fn folder(call: &Call<'_, '_>) -> Option<String> {
    let name = call.text("builddir")?;
    let odd = |c: char| c == '/' || c.is_control();
    if name.is_empty()
        || name.len() > MAX_FOLDER_BYTES
        || name.starts_with(['.', '-'])
        || name.contains(odd)
    {
        let message = format!("{} cannot be the name of a folder", quote(&name));
        let hint = "one name without `/`, at most 100 bytes, that begins with neither `.` nor `-`";
        call.problem("builddir", message, hint);
        return None;
    }
    Some(name)
}

/// The longest tag, in bytes.
const MAX_TAG_BYTES: usize = 100;

/// RC-7: what nobody could type or see is no tag.
fn tags(call: &Call<'_, '_>) -> Vec<String> {
    let mut tags: Vec<String> = Vec::new();
    for (tag, place) in call.texts("tags").unwrap_or_default() {
        let why = if tag.is_empty() {
            "is empty"
        } else if tag.len() > MAX_TAG_BYTES {
            "is too long"
        } else if tag.trim() != tag || tag.chars().any(char::is_control) {
            "has blanks around it, or control characters"
        } else if tags.contains(&tag) {
            "is there twice"
        } else {
            tags.push(tag);
            continue;
        };
        let message = format!("tag {} {why}", quote(&tag));
        let hint = "each tag once, in at most 100 bytes, without blanks around it";
        call.draft().problem(&place, message, hint);
    }
    tags
}

fn builder(call: &mut Call<'_, '_>) -> Outcome {
    let Some(name) = call.name(Kind::Builder) else { return Outcome::Mistake };
    let by = format!("builder {}", quote(&name));
    let mut workers: Vec<WorkerName> = Vec::new();
    for (worker, place) in call.texts("workers").unwrap_or_default() {
        call.draft().mention(Kind::Worker, &worker, &place, &by);
        let worker = WorkerName::from(worker);
        if !workers.contains(&worker) {
            workers.push(worker);
        }
    }
    if !call.is_written("workers") {
        call.missing("workers");
    } else if call.is_bare("workers") {
        call.problem("workers", format!("{by} has no worker"), "name at least one worker");
    }
    let (factory, places): (Vec<_>, Vec<_>) = call.steps("factory").into_iter().unzip();
    if !call.is_written("factory") {
        call.missing("factory");
    } else if call.is_bare("factory") {
        let place = call.place("factory");
        call.draft().note(&place, format!("{by} has no step, so its builds do nothing"));
    }
    let project = mentioned(call, "project", Kind::Project, &by).unwrap_or_default();
    let made = Builder {
        name: BuilderName::from(name.as_str()),
        description: call.line("description"),
        tags: tags(call),
        project,
        workers,
        factory,
        workdir: workdir(call),
        folder: folder(call),
        env: call.env("env"),
        properties: call.properties("properties"),
        defaults: call.properties("defaults"),
        locks: lock::taken(call, "request"),
        policy: BuilderPolicy::default(),
    };
    let policy = policy(call);
    let here = call.here();
    let mut draft = call.draft();
    if draft.declare(Kind::Builder, &name, &here) {
        draft.policies.insert(name.clone(), policy);
        draft.factories.insert(name.clone(), places);
        draft.config.builders.insert(made.name.clone(), made);
    }
    Outcome::Text(name)
}

fn builders(call: &mut Call<'_, '_>) -> Outcome {
    let chosen = ["names", "tags", "project", "workers"]
        .map(|parameter| call.is_written(parameter).then(|| call.patterns(parameter)));
    let [names, tags, projects, workers] = chosen;
    let draft = call.draft();
    let found = draft.config.builders.values().filter(|builder| {
        any(names.as_deref(), [builder.name.as_str()])
            && any(tags.as_deref(), builder.tags.iter().map(String::as_str))
            && any(projects.as_deref(), [builder.project.as_str()])
            && any(workers.as_deref(), builder.workers.iter().map(WorkerName::as_str))
    });
    Outcome::Texts(found.map(|builder| builder.name.as_str().to_owned()).collect())
}

/// Whether some text matches some pattern; without patterns everything does.
fn any<'a>(patterns: Option<&[TextPattern]>, texts: impl IntoIterator<Item = &'a str>) -> bool {
    let Some(patterns) = patterns else { return true };
    texts.into_iter().any(|text| patterns.iter().any(|pattern| matches(pattern, text)))
}

fn matches(pattern: &TextPattern, text: &str) -> bool {
    if pattern.0.contains(['*', '?', '[']) {
        return globset::Glob::new(&pattern.0)
            .is_ok_and(|glob| glob.compile_matcher().is_match(text));
    }
    pattern.0 == text
}
