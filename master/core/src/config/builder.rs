//! A builder: a named recipe and who may run it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{EnvSetting, StepSpec};
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
    /// Laid over the worker's environment, under each step's (PR-1).
    pub env: Vec<EnvSetting>,
    /// Set for every build (PP-1).
    pub properties: BTreeMap<String, Value>,
    /// Set where nobody else set them.
    pub defaults: BTreeMap<String, Value>,
    /// How its requests and builds are treated.
    pub policy: BuilderPolicy,
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
}

impl Default for BuilderPolicy {
    fn default() -> Self {
        Self {
            lost_after: Some(super::DEFAULT_LOST_AFTER),
            max_retries: super::DEFAULT_MAX_RETRIES,
            max_time: None,
        }
    }
}
