//! Steps as the recipe has them: unrendered (BL-1, PR-*, PP-5).

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

use super::{DownloadStep, FilesStep, HereStep, Locks, Observe, TriggerStep, UploadStep, Vcs};
use crate::hooks::HookId;
use crate::id::{CodebaseName, SecretName};
use crate::results::Results;
use crate::time::Span;

/// A value that may depend on the build; rendered when its step starts (PP-5).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum TemplateValue {
    /// As it stands.
    Plain(Value),
    /// A property, or the default when there is none.
    Prop {
        /// Which property.
        name: String,
        /// When it is missing.
        default: Value,
    },
    /// Text with substitutions.
    Interpolate(Template),
    /// What a function of the build returns.
    Hook(HookId),
    /// A secret, put there by the edge that carries the step out (F12).
    Secret(SecretName),
    /// Each rendered.
    List(Vec<Self>),
    /// Each rendered.
    Map(BTreeMap<String, Self>),
}

impl TemplateValue {
    /// The empty text.
    #[must_use]
    pub const fn empty() -> Self {
        Self::Plain(Value::String(String::new()))
    }

    /// Whether it is the empty text whatever the build is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Plain(Value::String(text)) if text.is_empty())
    }
}

/// Recipes are kept with their builds, and older ones have a plain text where a value stands now.
fn text_or_value<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TemplateValue, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Text(String),
        Value(TemplateValue),
    }
    Ok(match Either::deserialize(deserializer)? {
        Either::Text(text) => TemplateValue::Plain(Value::String(text)),
        Either::Value(value) => value,
    })
}

/// `interpolate("...")`, parsed at load so that its mistakes are found there (PP-5).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Template {
    /// In order.
    pub pieces: Vec<Piece>,
    /// What `kw:` selects from (F31).
    pub keywords: BTreeMap<String, TemplateValue>,
}

/// A piece of a template.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Piece {
    /// As it stands.
    Text(String),
    /// `%(selector:name:op)s`.
    Substitute {
        /// What is looked up.
        selector: Selector,
        /// What is done with it.
        substitution: Substitution,
    },
}

/// What a substitution looks up.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Selector {
    /// `prop:NAME`.
    Prop(String),
    /// `src:CODEBASE:ATTRIBUTE`; F30 for the unnamed one.
    Src {
        /// Which stamp.
        codebase: CodebaseName,
        /// `branch revision repository project codebase`, and `got_revision`: what was checked out.
        attribute: String,
    },
    /// `kw:NAME`.
    Keyword(String),
    /// `worker:NAME`: a property of the worker.
    Worker(String),
    /// `secret:NAME` (F12).
    Secret(SecretName),
}

/// The operators of PP-5. Operands may hold substitutions again.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Substitution {
    /// The value; missing or null is the empty text (PP-6).
    Value,
    /// `:-d`: `d` if missing.
    IfMissing(Vec<Piece>),
    /// `:~d`: `d` if missing or falsy.
    IfFalsy(Vec<Piece>),
    /// `:+v`: `v` if present.
    IfPresent(Vec<Piece>),
    /// `:?|yes|no` by presence, `:#?|yes|no` by truth.
    Choose {
        /// By truth rather than presence.
        by_truth: bool,
        /// If so.
        yes: Vec<Piece>,
        /// If not.
        no: Vec<Piece>,
    },
}

/// One step of a recipe.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StepSpec {
    /// As declared; made unique in its build (BL-9).
    pub name: String,
    /// Shown while it runs; empty: the name.
    #[serde(deserialize_with = "text_or_value")]
    pub description: TemplateValue,
    /// Shown when it is over and went well; empty: the description.
    #[serde(deserialize_with = "text_or_value")]
    pub description_done: TemplateValue,
    /// What it does.
    pub kind: StepKind,
    /// How its result counts.
    pub flags: Flags,
    /// Whether it runs at all (BL-5).
    pub do_step_if: Condition,
    /// Whether it is shown (BL-10).
    pub hide_step_if: Condition,
    /// Laid over the builder's (PR-1).
    pub env: Vec<EnvSetting>,
    /// Held while it runs (LK-3).
    pub locks: Locks,
    /// Bounds.
    pub limits: StepLimits,
}

impl StepSpec {
    /// One with nothing said but what it does.
    #[must_use]
    pub fn plain(name: impl Into<String>, kind: StepKind) -> Self {
        Self {
            name: name.into(),
            description: TemplateValue::empty(),
            description_done: TemplateValue::empty(),
            kind,
            flags: Flags::default(),
            do_step_if: Condition::Is(true),
            hide_step_if: Condition::Is(false),
            env: Vec::new(),
            locks: Locks::default(),
            limits: StepLimits::default(),
        }
    }
}

/// How a step's result counts for its build (BL-1).
#[expect(
    clippy::struct_excessive_bools,
    reason = "these are Buildbot's six independent flags, by name"
)]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Flags {
    /// A failure ends the build (BL-3).
    pub halt_on_failure: bool,
    /// A failure fails the build.
    pub flunk_on_failure: bool,
    /// Warnings fail the build.
    pub flunk_on_warnings: bool,
    /// A failure makes the build warn.
    pub warn_on_failure: bool,
    /// Warnings make the build warn.
    pub warn_on_warnings: bool,
    /// Runs even after an ending (BL-4).
    pub always_run: bool,
}

impl Default for Flags {
    fn default() -> Self {
        Self {
            halt_on_failure: false,
            flunk_on_failure: true,
            flunk_on_warnings: false,
            warn_on_failure: false,
            warn_on_warnings: false,
            always_run: false,
        }
    }
}

/// A condition.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Condition {
    /// Fixed.
    Is(bool),
    /// A function of the build; one that errs makes the step an exception (BL-5, F43).
    Hook(HookId),
    /// Whether a value of the build is true, as Python sees it.
    Value(Box<TemplateValue>),
}

/// One setting of the environment (PR-1).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct EnvSetting {
    /// The variable.
    pub name: String,
    /// `None` removes it; a list is joined by the path separator.
    pub value: Option<TemplateValue>,
}

/// A further log of a shell step (PR-5).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LogFile {
    /// The log's name.
    pub name: String,
    /// Below the work folder.
    #[serde(deserialize_with = "text_or_value")]
    pub path: TemplateValue,
    /// What is in the file when the step begins is left out.
    #[serde(default)]
    pub follow: bool,
}

/// Bounds of a step (PR-2, LG-8).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StepLimits {
    /// No output for so long ends it; `None`: never.
    pub silence: Option<Span>,
    /// So long in all ends it; `None`: never.
    pub total: Option<Span>,
    /// So many lines end it; `None`: never.
    pub max_lines: Option<u32>,
    /// Between TERM and KILL.
    pub term_grace: Span,
    /// Sent first instead of TERM; empty: TERM.
    pub interrupt_signal: String,
    /// The largest log kept, in bytes.
    pub log_max_bytes: u64,
}

impl Default for StepLimits {
    fn default() -> Self {
        Self {
            silence: Some(super::DEFAULT_SILENCE),
            total: None,
            max_lines: None,
            term_grace: Span::seconds(5),
            interrupt_signal: String::new(),
            log_max_bytes: super::DEFAULT_LOG_MAX_BYTES,
        }
    }
}

/// What a step does.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum StepKind {
    /// Runs a program.
    Shell(ShellStep),
    /// Brings a tree to the stamp's revision.
    Source(SourceStep),
    /// Does one small thing to the files of the build folder.
    Files(FilesStep),
    /// Keeps files on the master.
    Upload(UploadStep),
    /// Brings a file from the master.
    Download(DownloadStep),
    /// Happens on the master's own machine.
    Here(HereStep),
    /// Fails when a value is not true, as Python sees it; happens on the master alone.
    Assert(TemplateValue),
    /// Sets properties; happens on the master alone.
    SetProperties(BTreeMap<String, TemplateValue>),
    /// Stands for the steps that a function of the build returns when its turn comes (F39).
    Dynamic(HookId),
    /// Starts other schedulers; happens on the master alone.
    Trigger(TriggerStep),
}

/// Runs a program on the worker.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ShellStep {
    /// A list is run as it is; a text goes to the shell (PR-3).
    pub command: TemplateValue,
    /// Run after it, in order, each when the one before did well (F17).
    pub then: Vec<TemplateValue>,
    /// Below the build's folder.
    pub workdir: TemplateValue,
    /// Written to its standard input; `None`: closed (PR-3).
    pub stdin: Option<TemplateValue>,
    /// Exit codes that mean something else (F18).
    pub decode_rc: BTreeMap<i32, Results>,
    /// On a terminal of its own.
    pub use_pty: bool,
    /// Further logs.
    pub logfiles: Vec<LogFile>,
    /// Those that held nothing at the end are dropped.
    pub lazy_logfiles: bool,
    /// Lines that match count as warnings (F19); `None`: none does.
    pub warning_pattern: Option<String>,
    /// What else is made of its output.
    pub observe: Box<Observe>,
}

/// Checks out a codebase.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SourceStep {
    /// By which program.
    pub vcs: Vcs,
    /// Whose stamp.
    pub codebase: CodebaseName,
    /// Overrides the stamp's repository.
    pub repository: Option<TemplateValue>,
    /// Below the build's folder.
    pub workdir: TemplateValue,
    /// How much is kept of what is there.
    pub method: CheckoutMethod,
    /// `Some(depth)`: shallow.
    pub shallow: Option<u32>,
    /// With submodules.
    pub submodules: bool,
    /// The tip of the default branch whatever the stamp says (SS-5).
    pub always_use_latest: bool,
    /// Pause and number of further tries.
    pub retry: Option<(Span, u32)>,
}

/// How much a checkout keeps of what is there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum CheckoutMethod {
    /// Everything that is not tracked.
    Incremental,
    /// Nothing: removed and made anew.
    Clobber,
    /// Nothing that is not tracked, ignored or not.
    Fresh,
    /// What the ignore files name, and nothing else that is not tracked.
    Clean,
    /// A clean copy of a kept source tree.
    Copy,
}
