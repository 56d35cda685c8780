//! Properties with their origin, and which of two wins (PP-1).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Where a property came from; the words are contract.md C5's.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The site's configuration.
    Master,
    /// A change.
    Change,
    /// A scheduler.
    Scheduler,
    /// Somebody's force.
    Force,
    /// A trigger step.
    Trigger,
    /// A try job.
    Try,
    /// The builder.
    Builder,
    /// The worker.
    Worker,
    /// A fact of the build: number, branch, revision.
    Build,
    /// A step, while it ran.
    Step,
}

impl Origin {
    /// The word of contract.md C5.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Master => "master",
            Self::Change => "change",
            Self::Scheduler => "scheduler",
            Self::Force => "force",
            Self::Trigger => "trigger",
            Self::Try => "try",
            Self::Builder => "builder",
            Self::Worker => "worker",
            Self::Build => "build",
            Self::Step => "step",
        }
    }
}

/// A value and its origin.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Property {
    /// Any JSON value (PP-4).
    pub value: Value,
    /// Who set it last.
    pub source: Origin,
}

/// Named values, each with its origin. Later sets win; the caller keeps the order of PP-1.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Properties(BTreeMap<String, Property>);

/// The longest value of one property, in bytes of JSON (PP-4).
pub const MAX_PROPERTY_BYTES: usize = 64 * 1024;

impl Properties {
    /// None.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a value, replacing what was there.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<Value>, source: Origin) {
        self.0.insert(name.into(), Property { value: value.into(), source });
    }

    /// Lays all of `other` over these.
    pub fn lay_over(&mut self, other: &Self) {
        self.0.extend(other.0.iter().map(|(name, property)| (name.clone(), property.clone())));
    }

    /// The value, if there is one. A present `null` is a value (PP-6).
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).map(|property| &property.value)
    }

    /// The value as text, if it is one.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Value::as_str)
    }

    /// All, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Property)> {
        self.0.iter().map(|(name, property)| (name.as_str(), property))
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(String, Property)> for Properties {
    fn from_iter<T: IntoIterator<Item = (String, Property)>>(pairs: T) -> Self {
        Self(pairs.into_iter().collect())
    }
}
