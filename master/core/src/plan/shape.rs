//! When two things of two configurations are the same: by what they say.
//!
//! Every configuration has another digest, and with it other ids of functions, so plain equality would call everything with a
//! function in it another. A thing's shape is what `Debug` shows of it, each function replaced by the likeness that its
//! generation knows of it. Made so, a field that is added anywhere in a configuration is compared without being named here.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Debug, Display};

use super::{Difference, Sign};
use crate::config::Config;

/// How an id of a function begins where `Debug` shows it. Quotes inside of texts are shown escaped, so no text of the
/// configuration can look like it.
const HOOK: &str = "HookId { config: ConfigDigest(\"";

/// Both configurations.
pub(super) struct Shapes<'a> {
    pub(super) old: &'a Config,
    pub(super) new: &'a Config,
}

impl Shapes<'_> {
    /// Whether a thing of the old configuration and one of the new say the same.
    pub(super) fn same<T: Debug + PartialEq>(&self, old: &T, new: &T) -> bool {
        old == new || shape(self.old, old) == shape(self.new, new)
    }

    /// A clause for a table, or a list of things with names: `env +CC -LANG ~PATH`; the same things in another order are a
    /// difference too.
    pub(super) fn keyed<'a, T: Debug + PartialEq + 'a>(
        &self,
        details: &mut Vec<String>,
        word: &str,
        old: impl IntoIterator<Item = (String, &'a T)>,
        new: impl IntoIterator<Item = (String, &'a T)>,
    ) {
        let (old, new): (Vec<_>, Vec<_>) = (old.into_iter().collect(), new.into_iter().collect());
        let (before, after): (BTreeMap<_, _>, BTreeMap<_, _>) =
            (old.iter().cloned().collect(), new.iter().cloned().collect());
        let mut moved: Vec<String> = Vec::new();
        for name in before.keys().chain(after.keys()).collect::<BTreeSet<_>>() {
            match (before.get(name), after.get(name)) {
                (Some(old), Some(new)) if self.same(*old, *new) => {}
                (Some(_), Some(_)) => moved.push(format!("~{name}")),
                (None, _) => moved.push(format!("+{name}")),
                (_, None) => moved.push(format!("-{name}")),
            }
        }
        if !moved.is_empty() {
            details.push(format!("{word} {}", moved.join(" ")));
        } else if old.iter().map(|(name, _)| name).ne(new.iter().map(|(name, _)| name)) {
            details.push(format!("{word} in another order"));
        }
    }

    /// The same of a table.
    pub(super) fn table<'a, K: Display + 'a, T: Debug + PartialEq + 'a>(
        &self,
        details: &mut Vec<String>,
        word: &str,
        old: &'a BTreeMap<K, T>,
        new: &'a BTreeMap<K, T>,
    ) {
        let named = |(name, value): (&K, &'a T)| (name.to_string(), value);
        self.keyed(details, word, old.iter().map(named), new.iter().map(named));
    }

    /// A clause for a part that differs, without its values: `importance differs`, `branches differ`.
    pub(super) fn part<T: Debug + PartialEq>(
        &self,
        details: &mut Vec<String>,
        word: &str,
        old: &T,
        new: &T,
    ) {
        if !self.same(old, new) {
            let verb = if word.ends_with('s') { "differ" } else { "differs" };
            details.push(format!("{word} {verb}"));
        }
    }

    /// The differences between two tables: what is new, is gone, or says something else. `differ` tells how a thing that
    /// is in both differs; `lot` what happens to one that comes or goes.
    pub(super) fn tables<K: Ord + Display, T: Debug + PartialEq>(
        &self,
        kind: &'static str,
        tables: (&BTreeMap<K, T>, &BTreeMap<K, T>),
        differ: impl Fn(&T, &T, &mut Vec<String>),
        lot: impl Fn(Sign, &K, &mut Vec<String>),
        out: &mut Vec<Difference>,
    ) {
        let (old, new) = tables;
        let names: BTreeSet<&K> = old.keys().chain(new.keys()).collect();
        for name in names {
            let mut details = Vec::new();
            let sign = match (old.get(name), new.get(name)) {
                (Some(old), Some(new)) if self.same(old, new) => continue,
                (Some(old), Some(new)) => {
                    differ(old, new, &mut details);
                    if details.is_empty() {
                        details.push("its settings differ".to_owned());
                    }
                    Sign::Change
                }
                (None, _) => Sign::Add,
                (_, None) => Sign::Remove,
            };
            lot(sign, name, &mut details);
            out.push(Difference { sign, kind, name: named(&name.to_string()), details });
        }
    }
}

/// A name as people see it; the unnamed codebase has none.
fn named(name: &str) -> String {
    if name.is_empty() { "(unnamed)".to_owned() } else { name.to_owned() }
}

/// A clause for a value that differs: `max_builds 1 -> 2`.
pub(super) fn value<T: PartialEq>(
    details: &mut Vec<String>,
    word: &str,
    old: &T,
    new: &T,
    show: impl Fn(&T) -> String,
) {
    if old != new {
        details.push(format!("{word} {} -> {}", show(old), show(new)));
    }
}

/// A text in quotes, at most so long that a line stays one.
pub(super) fn quoted(text: &impl Display) -> String {
    const MOST: usize = 60;
    let text = text.to_string();
    let short: Cow<'_, str> = if text.chars().count() > MOST {
        Cow::Owned(text.chars().take(MOST).chain("...".chars()).collect())
    } else {
        Cow::Borrowed(&text)
    };
    format!("\"{}\"", short.escape_debug())
}

/// What is there, or a word for its absence.
pub(super) fn or<T: Display>(value: Option<&T>, absent: &str) -> String {
    value.map_or_else(|| absent.to_owned(), ToString::to_string)
}

/// A clause for a list of names: `workers +w3 -w1`; the same names in another order are a difference too.
pub(super) fn names<T: Ord + Display>(details: &mut Vec<String>, word: &str, old: &[T], new: &[T]) {
    if old == new {
        return;
    }
    let (before, after): (BTreeSet<&T>, BTreeSet<&T>) =
        (old.iter().collect(), new.iter().collect());
    let added = after.difference(&before).map(|name| format!("+{name}"));
    let gone = before.difference(&after).map(|name| format!("-{name}"));
    let moved: Vec<_> = added.chain(gone).collect();
    if moved.is_empty() {
        details.push(format!("{word} in another order"));
    } else {
        details.push(format!("{word} {}", moved.join(" ")));
    }
}

/// What a thing says, its functions by their likeness.
fn shape(config: &Config, thing: &impl Debug) -> String {
    let shown = format!("{thing:?}");
    if !shown.contains(HOOK) {
        return shown;
    }
    let mut shape = String::with_capacity(shown.len());
    let mut rest = shown.as_str();
    while let Some(at) = rest.find(HOOK) {
        let (before, hook) = rest.split_at(at);
        shape.push_str(before);
        let (function, after) = likeness(config, hook);
        shape.push_str("function ");
        shape.push_str(&function);
        rest = after;
    }
    shape.push_str(rest);
    shape
}

/// What the function whose id stands at the beginning is like, and what comes after the id.
fn likeness<'a>(config: &Config, shown: &'a str) -> (String, &'a str) {
    let index = between(shown, "index: ", ",");
    let label = shown.find("label: \"").map(|at| &shown[at + 8..]).unwrap_or_default();
    let (label, after) = label.split_at(end_of_text(label));
    let after = after.strip_prefix("\" }").unwrap_or(after);
    let known = index
        .and_then(|index| index.parse().ok())
        .and_then(|index: usize| config.functions.get(index).cloned());
    // Without a likeness only its name is known: `is_code at master.star:12`.
    let name = || label.rsplit_once(" at ").map_or(label, |(name, _)| name).to_owned();
    (known.unwrap_or_else(name), after)
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let text = &text[text.find(before)? + before.len()..];
    Some(&text[..text.find(after)?])
}

/// Where a text in quotes ends: at the first quote that is not escaped.
fn end_of_text(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at,
            _ => {}
        }
    }
    text.len()
}
