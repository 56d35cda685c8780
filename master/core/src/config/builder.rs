//! A builder: a named recipe and who may run it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Config, EnvSetting, Locks, StepSpec, TemplateValue};
use crate::hooks::HookId;
use crate::id::{BuilderName, WorkerName};
use crate::time::Span;

/// A named recipe.
#[derive(Clone, PartialEq, Debug)]
pub struct Builder {
    /// Its name.
    pub name: BuilderName,
    /// One line for people.
    pub description: String,
    /// For selecting and grouping.
    pub tags: Vec<String>,
    /// May be empty.
    pub project: String,
    /// Who may run it, in the order declared.
    pub workers: Vec<WorkerName>,
    /// What to do, in order.
    pub factory: Vec<StepSpec>,
    /// Where its steps work that say nothing of it, below the build's folder.
    pub workdir: TemplateValue,
    /// The name of its folder on a worker, which other builders may share; `None`: its own name.
    pub folder: Option<String>,
    /// Laid over the worker's environment, under each step's (PR-1).
    pub env: Vec<EnvSetting>,
    /// Set for every build (PP-1).
    pub properties: BTreeMap<String, Value>,
    /// Set where nobody else set them.
    pub defaults: BTreeMap<String, Value>,
    /// Held from the start of a build to its end (LK-3).
    pub locks: Locks,
    /// How its requests and builds are treated.
    pub policy: BuilderPolicy,
}

impl Builder {
    /// The name of its folder on a worker.
    #[must_use]
    pub fn folder(&self) -> &str {
        self.folder.as_deref().unwrap_or(self.name.as_str())
    }
}

impl Config {
    /// Whether builds of a builder of that name work in the folder of this one's: a worker never runs two of them at once.
    #[must_use]
    pub fn share_a_folder(&self, name: &BuilderName, builder: &Builder) -> bool {
        let other = self.builders.get(name);
        *name == builder.name || other.is_some_and(|other| other.folder() == builder.folder())
    }
}

/// How a builder's requests and builds are treated (F1).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BuilderPolicy {
    /// How long a build whose worker is lost goes on waiting for it; `None`: for ever (F3).
    pub lost_after: Option<Span>,
    /// How often a request is tried again after a lost worker (F2).
    pub max_retries: u32,
    /// The longest a build may take; then it is stopped as a failure. `None`: no limit.
    pub max_time: Option<Span>,
    /// Which waiting requests become one build (MG-7).
    pub collapse: Collapse,
    /// Which request is built next, out of those that wait (RQ-2); `None`: the first by priority and age.
    pub next_build: Option<HookId>,
    /// Who builds it, out of the workers that are free (RQ-2); `None`: fewest running, then longest idle.
    pub next_worker: Option<HookId>,
    /// Whether a worker may take a request (RQ-4).
    pub can_start_build: Option<HookId>,
}

/// Which waiting requests become one build (MG-7).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Collapse {
    /// Those that ask for the same by the usual rule (MG-2, MG-5).
    Compatible,
    /// None: each has a build of its own.
    Never,
    /// Those of which a function of the builder, the older and the newer one says so; what cannot be one tree is never asked.
    Hook(HookId),
}

impl Default for BuilderPolicy {
    fn default() -> Self {
        Self {
            lost_after: Some(super::DEFAULT_LOST_AFTER),
            max_retries: super::DEFAULT_MAX_RETRIES,
            max_time: None,
            collapse: Collapse::Compatible,
            next_build: None,
            next_worker: None,
            can_start_build: None,
        }
    }
}
