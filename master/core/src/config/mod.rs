//! The configuration as plain, validated data: what `master.star` says, once evaluated (architecture.md 8).
//!
//! Functions are named by [`HookId`](crate::hooks::HookId), never held. A config is immutable; another text is another
//! config with another digest. Running builds keep the one they started with (D9).

mod builder;
mod canceller;
mod clock;
mod codebase;
mod files;
mod here;
mod lock;
mod observe;
mod retention;
mod scheduler;
mod secret;
mod source;
mod step;
mod transfer;
mod trigger;
pub mod validate;
mod vcs;
mod worker;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

pub use builder::{Builder, BuilderPolicy, Collapse};
pub use canceller::{Canceller, CancellerKind};
pub use clock::{Clock, Pace};
pub use codebase::{Codebase, Revlink};
pub use files::{FilesStep, FilesWork};
pub use here::HereStep;
pub use lock::{Lock, LockAccess, LockMode, LockScope, Locks};
pub use observe::{FromCommand, Observe};
pub use retention::{HistoryKind, Limit, Limits, Retention};
pub use scheduler::{
    BranchPattern, BranchTimer, ChangeFilter, Dependent, Fills, ForceParameter, ForceScheduler,
    Importance, ParameterKind, PatchPart, Pattern, Scheduler, SchedulerKind, StampPart,
};
pub use source::{
    Dialect, GerritStream, GitHistory, GitOnly, GitPoller, HgPoller, LooksAt, MailDialect, Maildir,
    SVN_LATEST, SVN_TRUNK, Source, SourceKind, SvnLayout, SvnPoller, TextPattern, Webhook,
};
pub use step::{
    CheckoutMethod, Condition, EnvSetting, Flags, LogFile, Piece, Selector, ShellStep, SourceStep,
    StepKind, StepLimits, StepSpec, Substitution, Template, TemplateValue,
};
pub use transfer::{DownloadStep, UploadStep};
pub use trigger::{TriggerSources, TriggerStep};
pub use vcs::Vcs;
pub use worker::Worker;

use crate::id::{
    BuilderName, CodebaseName, ConfigDigest, LockName, SchedulerName, SecretName, SourceName,
    WorkerName,
};
use crate::time::Span;

/// Everything a master is told to do.
#[derive(Clone, PartialEq, Debug)]
pub struct Config {
    /// Of the text and all it loads.
    pub digest: ConfigDigest,
    /// The site's name, for people.
    pub title: String,
    /// Where people find it; may be empty.
    pub url: String,
    /// Site-wide properties, lowest in rank (PP-1).
    pub properties: BTreeMap<String, Value>,
    /// By name.
    pub projects: BTreeMap<String, Project>,
    /// By name. The unnamed codebase need not be declared.
    pub codebases: BTreeMap<CodebaseName, Codebase>,
    /// By name.
    pub sources: BTreeMap<SourceName, Source>,
    /// By name.
    pub locks: BTreeMap<LockName, Lock>,
    /// By name.
    pub workers: BTreeMap<WorkerName, Worker>,
    /// By name.
    pub builders: BTreeMap<BuilderName, Builder>,
    /// What is not worth finishing any more.
    pub cancellers: Vec<Canceller>,
    /// How long history is kept; of two that speak of the same the later holds.
    pub retention: Vec<Retention>,
    /// In the order declared, which decides between force schedulers (C21).
    pub schedulers: Vec<Scheduler>,
    /// The secrets that the text names. Their values are no part of it (F12).
    pub secrets: BTreeSet<SecretName>,
    /// What each function is like, by the index of its id: functions of two generations that are alike do the same. Only the
    /// plan asks; where nothing is known of one, its name counts.
    pub functions: Vec<String>,
}

/// A project, for people.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Project {
    /// One line.
    pub description: String,
    /// A link; may be empty.
    pub url: String,
}

impl Config {
    /// A configuration of nothing: no builder, no worker.
    #[must_use]
    pub fn empty(digest: ConfigDigest) -> Self {
        Self {
            digest,
            title: String::new(),
            url: String::new(),
            properties: BTreeMap::new(),
            projects: BTreeMap::new(),
            codebases: BTreeMap::new(),
            sources: BTreeMap::new(),
            locks: BTreeMap::new(),
            workers: BTreeMap::new(),
            builders: BTreeMap::new(),
            cancellers: Vec::new(),
            retention: Vec::new(),
            schedulers: Vec::new(),
            secrets: BTreeSet::new(),
            functions: Vec::new(),
        }
    }

    /// The scheduler of that name.
    #[must_use]
    pub fn scheduler(&self, name: &SchedulerName) -> Option<&Scheduler> {
        self.schedulers.iter().find(|scheduler| scheduler.name == *name)
    }

    /// Which program keeps a codebase: what the source steps that check it out say, else git.
    #[must_use]
    pub fn vcs_of(&self, codebase: &CodebaseName) -> Vcs {
        let steps = self.builders.values().flat_map(|builder| &builder.factory);
        let mut said = steps.filter_map(|step| match &step.kind {
            StepKind::Source(source) if source.codebase == *codebase => Some(source.vcs),
            _ => None,
        });
        said.next().unwrap_or_default()
    }

    /// The repositories that are named: where sources look, then where codebases live. One may come more than once.
    pub fn repositories(&self) -> impl Iterator<Item = &str> {
        let polled = self.sources.values().filter_map(|source| source.kind.looks_at());
        let polled = polled.map(|at| at.repository);
        let declared = self.codebases.values().map(|codebase| codebase.repository.as_str());
        polled.chain(declared).filter(|named| !named.is_empty())
    }

    /// The codebases a builder may be asked for: those its source steps name, else all declared ones, else the unnamed one. Which
    /// ones the steps of a function will name (F39) nobody knows before, so that may be all.
    #[must_use]
    pub fn codebases_of(&self, builder: &Builder) -> Vec<CodebaseName> {
        let mut named: BTreeSet<_> = builder
            .factory
            .iter()
            .filter_map(|step| match &step.kind {
                StepKind::Source(git) => Some(git.codebase.clone()),
                _ => None,
            })
            .collect();
        if builder.factory.iter().any(|step| matches!(step.kind, StepKind::Dynamic(_))) {
            named.extend(self.codebases.keys().cloned());
        }
        if !named.is_empty() {
            return named.into_iter().collect();
        }
        if self.codebases.is_empty() {
            return vec![CodebaseName::new("")];
        }
        self.codebases.keys().cloned().collect()
    }
}

/// F3: how long a lost worker's build is waited for.
pub const DEFAULT_LOST_AFTER: Span = Span::minutes(15);
/// F1: how often a request is tried again after a lost worker.
pub const DEFAULT_MAX_RETRIES: u32 = 3;
/// PR-2: no output for so long ends a step.
pub const DEFAULT_SILENCE: Span = Span::minutes(20);
/// LG-8: the largest log, in bytes.
pub const DEFAULT_LOG_MAX_BYTES: u64 = 8 * 1024 * 1024 * 1024;
