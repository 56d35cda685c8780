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
/// How deep lists and dictionaries may lie in each other in one property. Readers of JSON have limits of their own, and
/// what was written must be readable wherever it is put.
pub const MAX_PROPERTY_DEPTH: usize = 32;
/// The most properties of one build, or of whatever asks for one.
pub const MAX_PROPERTIES: usize = 1_000;
/// The most that all properties of one build take together, in bytes of JSON.
pub const MAX_PROPERTIES_BYTES: usize = 1024 * 1024;

/// Why a value cannot be a property, if it cannot: it follows the property's name in a sentence (PP-4).
#[must_use]
pub fn unfit(value: &Value) -> Option<String> {
    if is_deeper(value, MAX_PROPERTY_DEPTH) {
        return Some(format!("is nested deeper than {MAX_PROPERTY_DEPTH}"));
    }
    (serialized_len(value) > MAX_PROPERTY_BYTES)
        .then(|| format!("is longer than {MAX_PROPERTY_BYTES} bytes"))
}

fn is_deeper(value: &Value, than: usize) -> bool {
    let inner = |item: &Value| than == 0 || is_deeper(item, than - 1);
    match value {
        Value::Array(items) => items.iter().any(inner),
        Value::Object(items) => items.values().any(inner),
        _ => false,
    }
}

fn serialized_len(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len() + 2,
        other => other.to_string().len(),
    }
}

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

    /// Why there is no room for a value that fits by itself, if there is none.
    pub(crate) fn crowded(&self, name: &str, value: &Value) -> Option<String> {
        if self.0.len() >= MAX_PROPERTIES && !self.0.contains_key(name) {
            return Some(format!("would be one more than {MAX_PROPERTIES}"));
        }
        let others = self.iter().filter(|(known, _)| *known != name);
        let taken: usize = others.map(|(known, it)| known.len() + serialized_len(&it.value)).sum();
        (taken + name.len() + serialized_len(value) > MAX_PROPERTIES_BYTES)
            .then(|| format!("would make all of them longer than {MAX_PROPERTIES_BYTES} bytes"))
    }

    /// The property of a name, if there is one.
    #[must_use]
    pub fn property(&self, name: &str) -> Option<&Property> {
        self.0.get(name)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_bounds() {
        let nested = |deep: usize| (0..deep).fold(Value::Null, |inner, _| vec![inner].into());
        assert_eq!(unfit(&nested(MAX_PROPERTY_DEPTH)), None);
        assert_eq!(
            unfit(&nested(MAX_PROPERTY_DEPTH + 1)),
            Some("is nested deeper than 32".to_owned())
        );
        assert_eq!(unfit(&"x".repeat(MAX_PROPERTY_BYTES - 2).into()), None);
        assert!(unfit(&"x".repeat(MAX_PROPERTY_BYTES - 1).into()).is_some());
    }

    #[test]
    fn all_together_have_bounds() {
        let mut properties = Properties::new();
        for nth in 0..MAX_PROPERTIES {
            properties.set(format!("p{nth}"), nth, Origin::Step);
        }
        assert_eq!(properties.crowded("p1", &2.into()), None, "it takes the place of the old one");
        assert!(properties.crowded("q", &2.into()).is_some());
        let mut properties = Properties::new();
        for nth in 0..20 {
            let value = Value::from("x".repeat(60_000));
            let crowded = properties.crowded(&format!("p{nth}"), &value);
            assert_eq!(crowded.is_some(), nth >= 17, "{nth}");
            properties.set(format!("p{nth}"), value, Origin::Step);
        }
    }
}
