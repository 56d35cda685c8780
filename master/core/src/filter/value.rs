//! Conditions on attributes and properties, which are alike: by name, values or an expression, straight or turned round.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;

use super::{Matcher, Prefix, any};
use crate::change::Change;
use crate::config::Pattern;

/// Four conditions for each name.
#[derive(Debug)]
pub(super) struct Values {
    is: BTreeMap<String, Vec<Matcher>>,
    is_not: BTreeMap<String, Vec<Matcher>>,
    matches: BTreeMap<String, Prefix>,
    matches_not: BTreeMap<String, Prefix>,
}

/// A condition that does not hold, as its form (`_not`, `_re`, ...), its name, and the value.
struct Against<'a> {
    form: &'static str,
    name: &'a str,
    value: Option<Cow<'a, str>>,
}

impl Values {
    pub(super) fn new(
        is: &BTreeMap<String, Vec<Pattern>>,
        is_not: &BTreeMap<String, Vec<Pattern>>,
        matches: &BTreeMap<String, String>,
        matches_not: &BTreeMap<String, String>,
    ) -> Self {
        let values = |map: &BTreeMap<String, Vec<Pattern>>| {
            map.iter().map(|(name, values)| (name.clone(), Matcher::all(values))).collect()
        };
        let expressions = |map: &BTreeMap<String, String>| {
            map.iter().map(|(name, text)| (name.clone(), Prefix::new(text))).collect()
        };
        Self {
            is: values(is),
            is_not: values(is_not),
            matches: expressions(matches),
            matches_not: expressions(matches_not),
        }
    }

    /// What is missing satisfies only what is turned round (CF-2, CF-4).
    fn against<'a>(
        &'a self,
        value: impl Fn(&'a str) -> Option<Cow<'a, str>>,
    ) -> Option<Against<'a>> {
        let failing = |form, name: &'a String, wanted: bool, holds: &dyn Fn(&str) -> bool| {
            let value = value(name);
            let found = value.as_deref().is_some_and(holds);
            (found != wanted).then_some(Against { form, name, value })
        };
        let is = self
            .is
            .iter()
            .find_map(|(name, values)| failing("", name, true, &|value| any(values, value)));
        let is_not = || {
            self.is_not.iter().find_map(|(name, values)| {
                failing("_not", name, false, &|value| any(values, value))
            })
        };
        let matches = || {
            self.matches.iter().find_map(|(name, expression)| {
                failing("_re", name, true, &|value| expression.is_match(value))
            })
        };
        let matches_not = || {
            self.matches_not.iter().find_map(|(name, expression)| {
                failing("_not_re", name, false, &|value| expression.is_match(value))
            })
        };
        is.or_else(is_not).or_else(matches).or_else(matches_not)
    }

    /// The condition on an attribute that does not hold, if one does not: the argument of `change_filter`, and a sentence.
    pub(super) fn against_attribute(&self, change: &Change) -> Option<(String, String)> {
        let Against { form, name, value } =
            self.against(|name| attribute(change, name).map(Cow::Borrowed))?;
        Some((format!("{name}{form}"), has_attribute(name, value.as_deref())))
    }

    /// All conditions on attributes of a change that fulfils them, as arguments of `change_filter`, each with a sentence.
    pub(super) fn held_attributes(&self, change: &Change) -> Vec<(String, String)> {
        let told = |(form, name): (&str, &String)| {
            (format!("{name}{form}"), has_attribute(name, attribute(change, name)))
        };
        self.all().map(told).collect()
    }

    /// The same on properties.
    pub(super) fn held_properties(&self, change: &Change) -> Vec<(String, String)> {
        let told = |(form, name): (&str, &String)| {
            let value = change.properties.get(name).map(text);
            (format!("property{form}"), has_property(name, value.as_deref()))
        };
        self.all().map(told).collect()
    }

    /// The form and name of every condition.
    fn all(&self) -> impl Iterator<Item = (&'static str, &String)> {
        let is = self.is.keys().map(|name| ("", name));
        let is_not = self.is_not.keys().map(|name| ("_not", name));
        let matches = self.matches.keys().map(|name| ("_re", name));
        let matches_not = self.matches_not.keys().map(|name| ("_not_re", name));
        is.chain(is_not).chain(matches).chain(matches_not)
    }

    /// The same on a property.
    pub(super) fn against_property(&self, change: &Change) -> Option<(String, String)> {
        let Against { form, name, value } =
            self.against(|name| change.properties.get(name).map(text))?;
        Some((format!("property{form}"), has_property(name, value.as_deref())))
    }
}

/// What a change has of an attribute.
fn has_attribute(name: &str, value: Option<&str>) -> String {
    match value {
        None | Some("") => format!("the change has no {name}"),
        Some(value) => {
            let verb = if name == "comments" { "are" } else { "is" };
            format!("its {name} {verb} `{}`", short(value))
        }
    }
}

/// What a change has of a property.
fn has_property(name: &str, value: Option<&str>) -> String {
    match value {
        None => format!("the change has no property `{name}`"),
        Some(value) => format!("its property `{name}` is `{}`", short(value)),
    }
}

/// Of a change, by the name it has in `change_filter`.
fn attribute<'a>(change: &'a Change, name: &str) -> Option<&'a str> {
    Some(match name {
        "project" => &change.project,
        "repository" => &change.repository,
        "category" => &change.category,
        "codebase" => change.codebase.as_str(),
        "author" => &change.author,
        "committer" => &change.committer,
        "comments" => &change.comments,
        "revision" => change.revision.as_deref()?,
        _ => return None,
    })
}

/// A property as text: numbers, `true` and `false` as they are in JSON.
fn text(value: &Value) -> Cow<'_, str> {
    value.as_str().map_or_else(|| Cow::Owned(value.to_string()), Cow::Borrowed)
}

/// As much of a value as a sentence bears: of comments the first line.
fn short(value: &str) -> String {
    let line = value.lines().next().unwrap_or_default();
    let mut short: String = line.chars().take(100).collect();
    if short.len() < value.len() {
        short.push('…');
    }
    short
}
