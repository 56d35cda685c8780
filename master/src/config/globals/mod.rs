//! What a file can call: one table, from which calls are bound, mistakes explained and the manual made.

mod builder;
mod canceller;
mod clock;
mod dependent;
mod files;
mod filter;
mod gerrit;
mod here;
mod later;
mod lock;
mod logfile;
mod maildir;
mod nested;
mod observe;
mod parameter;
mod poller;
mod retention;
mod scheduler;
mod secret;
mod shell;
mod site;
mod source;
mod step;
mod transfer;
mod trigger;
mod value;
mod webhook;
mod worker;

use std::sync::LazyLock;

use starlark::environment::{Globals, GlobalsBuilder, LibraryExtension};

use super::call::Call;
use super::guard;
use super::values::{Made, Native, Product};

/// What a call gives.
pub(super) enum Outcome {
    /// `None`.
    Nothing,
    /// A name, so that it can be passed on.
    Text(String),
    /// Names.
    Texts(Vec<String>),
    /// Something to pass on.
    Product(Product),
    /// A mistake was reported; whatever is done with the result is not another one.
    Mistake,
}

/// What a parameter takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Type {
    Text,
    Texts,
    Patterns,
    Picked,
    Regex,
    Flag,
    Int,
    Priority,
    Duration,
    Size,
    Dict,
    Plain,
    Value,
    Command,
    Function,
    Condition,
    Steps,
    Parameters,
    Field,
    Filter,
    Pause,
    Locks,
    Secret,
}

impl Type {
    /// For the manual.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Texts => "text or list",
            Self::Patterns => "text or glob, or a list",
            Self::Picked => "text or glob, a list, or function",
            Self::Regex => "expression",
            Self::Flag => "True or False",
            Self::Int => "number",
            Self::Priority => "number or function",
            Self::Duration => "duration",
            Self::Size => "size",
            Self::Dict => "dictionary",
            Self::Plain => "plain value",
            Self::Value => "value",
            Self::Command => "text or list, as a value",
            Self::Function => "function",
            Self::Condition => "True, False or function",
            Self::Steps => "list of steps",
            Self::Parameters => "list of parameters",
            Self::Field => "text, parameter or None",
            Self::Filter => "change filter",
            Self::Pause => "(duration, number)",
            Self::Locks => "list of locks, or function",
            Self::Secret => "secret",
        }
    }

    /// For the hint of a parameter that was left out.
    pub(super) const fn sample(self) -> &'static str {
        match self {
            Self::Text | Self::Value => "\"...\"",
            Self::Texts | Self::Patterns | Self::Picked => "[\"...\"]",
            Self::Regex => "\"[0-9]+\"",
            Self::Flag | Self::Condition => "True",
            Self::Int | Self::Priority => "1",
            Self::Duration => "\"20m\"",
            Self::Size => "\"64MiB\"",
            Self::Dict => "{\"name\": \"value\"}",
            Self::Plain => "\"value\"",
            Self::Command => "[\"make\"]",
            Self::Function => "lambda build: ...",
            Self::Steps => "[shell(command = \"make\")]",
            Self::Field => "string_param(\"branch\")",
            Self::Parameters => "[string_param(\"reason\")]",
            Self::Filter => "change_filter(...)",
            Self::Pause => "(\"10s\", 3)",
            Self::Locks => "[db.exclusive()]",
            Self::Secret => "secret(\"...\")",
        }
    }
}

/// One argument of a function.
pub(super) struct Parameter {
    pub name: &'static str,
    pub kind: Type,
    /// As it would be written; empty: it must be given.
    pub default: &'static str,
    /// One line for the manual.
    pub doc: &'static str,
    /// Promised, but not in this version.
    pub later: bool,
}

/// A parameter.
const fn param(
    name: &'static str,
    kind: Type,
    default: &'static str,
    doc: &'static str,
) -> Parameter {
    Parameter { name, kind, default, doc, later: false }
}

/// A parameter that a later version brings.
const fn later(name: &'static str) -> Parameter {
    Parameter { name, kind: Type::Value, default: "", doc: "", later: true }
}

/// Where the manual has a function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Group {
    Site,
    Sources,
    Workers,
    Locks,
    Builders,
    Steps,
    Values,
    Schedulers,
    Parameters,
}

impl Group {
    /// Whether a function that makes steps of a build may call what is in it (F39).
    pub(super) const fn is_of_a_build(self) -> bool {
        matches!(self, Self::Steps | Self::Values)
    }

    /// In the order of the manual.
    pub(super) const ALL: [(Self, &'static str); 9] = [
        (Self::Site, "The site"),
        (Self::Sources, "Where changes come from"),
        (Self::Workers, "Where builds run"),
        (Self::Locks, "What only so many may hold"),
        (Self::Builders, "What is built"),
        (Self::Steps, "Steps"),
        (Self::Values, "Values that depend on the build"),
        (Self::Schedulers, "When to build"),
        (Self::Parameters, "What people fill in"),
    ];
}

/// A function that a file can call.
pub(super) struct Function {
    pub name: &'static str,
    pub group: Group,
    /// What it does, for the manual.
    pub doc: &'static str,
    /// So many of the first parameters may be given without their names.
    pub positional: usize,
    /// In order, in groups that functions share.
    pub parameters: &'static [&'static [Parameter]],
    /// Takes any further named argument.
    pub open: bool,
    /// One call, for the manual; tested.
    pub example: &'static str,
    pub call: fn(&mut Call<'_, '_>) -> Outcome,
}

impl Function {
    /// All of them, in order.
    pub(super) fn parameters(&self) -> impl Iterator<Item = &'static Parameter> + use<> {
        self.parameters.iter().flat_map(|group| group.iter())
    }

    /// What it takes, for the hint of an argument that it does not: the common ones of steps in one word, the forms of one
    /// condition in another.
    pub(super) fn takes(&self) -> String {
        let is_common =
            |group: &[Parameter]| group.iter().any(|parameter| parameter.name == "hide_step_if");
        let own =
            self.parameters.iter().filter(|group| !is_common(group)).flat_map(|group| group.iter());
        let all: Vec<&str> =
            own.filter(|parameter| !parameter.later).map(|parameter| parameter.name).collect();
        let has = |name: &str, form: &str| all.contains(&format!("{name}{form}").as_str());
        let is_form = |name: &str| {
            ["_not_re", "_not", "_re"]
                .iter()
                .find_map(|form| name.strip_suffix(form))
                .is_some_and(|base| has(base, "_not_re"))
        };
        let plain: Vec<&str> = all.iter().copied().filter(|name| !is_form(name)).collect();
        let mut text = format!("it takes: {}", plain.join(", "));
        if plain.len() < all.len() {
            text.push_str("; all but `fn` also with `_not`, `_re` and `_not_re` at the end");
        }
        if self.parameters.iter().any(|group| is_common(group)) {
            text.push_str(", and what every step takes, such as `env`, `timeout` and `do_step_if`");
        }
        text
    }

    /// Promised, but not in this version.
    pub(super) fn is_later(&self) -> bool {
        self.example.is_empty()
    }
}

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// Every function, in the order of the manual; the promised ones last.
pub(super) fn functions() -> impl Iterator<Item = &'static Function> {
    [
        site::FUNCTIONS,
        secret::FUNCTIONS,
        source::FUNCTIONS,
        poller::FUNCTIONS,
        webhook::FUNCTIONS,
        maildir::FUNCTIONS,
        gerrit::FUNCTIONS,
        filter::FUNCTIONS,
        worker::FUNCTIONS,
        lock::FUNCTIONS,
        builder::FUNCTIONS,
        step::FUNCTIONS,
        shell::FUNCTIONS,
        trigger::FUNCTIONS,
        observe::FUNCTIONS,
        files::FUNCTIONS,
        transfer::FUNCTIONS,
        here::FUNCTIONS,
        value::FUNCTIONS,
        scheduler::FUNCTIONS,
        canceller::FUNCTIONS,
        dependent::FUNCTIONS,
        clock::FUNCTIONS,
        retention::FUNCTIONS,
        parameter::FUNCTIONS,
        nested::FUNCTIONS,
        later::FUNCTIONS,
    ]
    .into_iter()
    .flatten()
}

/// What there is of Starlark's own beside its standard.
const EXTENSIONS: [LibraryExtension; 5] = [
    LibraryExtension::StructType,
    LibraryExtension::Map,
    LibraryExtension::Filter,
    LibraryExtension::Print,
    LibraryExtension::Json,
];

/// Starlark's own functions as they are, for those of ours that stand before them.
static STANDARD: LazyLock<Globals> = LazyLock::new(|| Globals::extended_by(&EXTENSIONS));

/// The names that every file starts with.
pub(super) static GLOBALS: LazyLock<Globals> = LazyLock::new(|| {
    let mut globals = GlobalsBuilder::extended_by(&EXTENSIONS);
    guard::install(&mut globals, &STANDARD);
    for function in functions() {
        globals.set(function.name, Native { function });
    }
    globals.set("DEFAULT_BRANCH", Made(Product::DefaultBranch));
    globals.build()
});
