//! Readers of plain arguments: texts, numbers, durations, names, patterns, properties.

use std::collections::BTreeMap;

use linn_core::config::TextPattern;
use linn_core::config::validate::check_name;
use linn_core::properties::MAX_PROPERTY_BYTES;
use linn_core::time::{Span, parse_span};
use serde_json::Value as Json;
use starlark::values::dict::DictRef;
use starlark::values::{UnpackValue, Value};

use super::Call;
use crate::config::draft::Kind;
use crate::config::lower;
use crate::config::problem::{Place, harmless, quote};
use crate::config::size::parse_size;

impl<'v> Call<'v, '_> {
    /// A text.
    pub(in crate::config) fn text(&self, parameter: &str) -> Option<String> {
        let value = self.present(parameter)?;
        let text = value.unpack_str().map(str::to_owned);
        if text.is_none() {
            self.mistyped(parameter, "a text", value, "");
        }
        text
    }

    /// A text for people: what a terminal would act on is escaped.
    pub(in crate::config) fn line(&self, parameter: &str) -> String {
        self.text(parameter).map(|text| harmless(&text, 500)).unwrap_or_default()
    }

    /// A text that must be given.
    pub(in crate::config) fn required_text(&self, parameter: &str) -> Option<String> {
        if !self.is_written(parameter) {
            self.missing(parameter);
            return None;
        }
        let text = self.text(parameter)?;
        if text.is_empty() {
            let message = format!("`{parameter}` of `{}` is empty", self.function.name);
            self.problem(parameter, message, "");
            return None;
        }
        Some(text)
    }

    /// The name of a thing that can be referred to (contract.md F32). One that is not allowed is a problem but is used.
    pub(in crate::config) fn name(&self, kind: Kind) -> Option<String> {
        let name = self.required_text("name")?;
        if let Err(why) = check_name(&name) {
            let message = format!("{} {}: {why}", kind.word(), quote(&name));
            self.problem(
                "name",
                message,
                "1-100 letters, digits, `. _ - + @ :` and blanks inside, not starting with `_`",
            );
        }
        Some(name)
    }

    /// Yes or no.
    pub(in crate::config) fn flag(&self, parameter: &str, default: bool) -> bool {
        let Some(value) = self.present(parameter) else { return default };
        value.unpack_bool().unwrap_or_else(|| {
            self.mistyped(parameter, "True or False", value, "");
            default
        })
    }

    /// A whole number within bounds.
    pub(in crate::config) fn int(&self, parameter: &str, least: i64, most: i64) -> Option<i64> {
        let value = self.present(parameter)?;
        let number =
            i64::unpack_value(value).ok().flatten().filter(|_| value.unpack_bool().is_none());
        match number {
            Some(number) if (least..=most).contains(&number) => Some(number),
            _ => {
                let wanted = if most == i64::from(i32::MAX) {
                    format!("a whole number from {least} on")
                } else {
                    format!("a whole number from {least} to {most}")
                };
                self.mistyped(parameter, &wanted, value, "");
                None
            }
        }
    }

    /// A whole number from `least` on, as many as a counter needs.
    pub(in crate::config) fn count(&self, parameter: &str, least: u32) -> Option<u32> {
        let number = self.int(parameter, i64::from(least), i64::from(i32::MAX))?;
        u32::try_from(number).ok()
    }

    /// A duration. The outer `None`: nothing was given; the inner one: `None` was.
    pub(in crate::config) fn duration(&self, parameter: &str) -> Option<Option<Span>> {
        let value = self.given(parameter)?;
        if value.is_none() {
            return Some(None);
        }
        let Some(text) = value.unpack_str() else {
            let hint = match value.unpack_i32() {
                Some(seconds) if value.unpack_bool().is_none() => format!("write \"{seconds}s\""),
                _ => "write for example \"90s\", \"20m\" or \"1h30m\"".to_owned(),
            };
            self.mistyped(parameter, "a duration in quotes", value, hint);
            return None;
        };
        match parse_span(text) {
            Ok(span) => Some(Some(span)),
            Err(_) => {
                let hint = meant_span(text).map_or_else(
                    || "write for example \"90s\", \"20m\" or \"1h30m\"".to_owned(),
                    |meant| format!("write \"{meant}\""),
                );
                self.mistyped(parameter, "a duration", value, hint);
                None
            }
        }
    }

    /// A duration that something must be over within; `None`: no limit. None at all would be over before it began.
    pub(in crate::config) fn limit(&self, parameter: &str) -> Option<Option<Span>> {
        let limit = self.duration(parameter)?;
        if limit == Some(Span::ZERO) {
            let message =
                format!("`{parameter}` of `{}` leaves no time at all", self.function.name);
            self.problem(
                parameter,
                message,
                format!("write `{parameter} = None` for no limit, or a longer time"),
            );
            return None;
        }
        Some(limit)
    }

    /// A size in bytes.
    pub(in crate::config) fn size(&self, parameter: &str) -> Option<u64> {
        let value = self.present(parameter)?;
        let read = value.unpack_str().map(parse_size);
        let Some(Ok(bytes)) = read else {
            self.mistyped(parameter, "a size in quotes", value, "write for example \"64MiB\"");
            return None;
        };
        Some(bytes)
    }

    /// Texts, or one text, each with its place.
    pub(in crate::config) fn texts(&self, parameter: &str) -> Option<Vec<(String, Place)>> {
        let items = self.each(parameter)?;
        let mut texts = Vec::with_capacity(items.len());
        for (item, place) in items {
            match item.unpack_str() {
                Some(text) => texts.push((text.to_owned(), place)),
                None => self.draft().problem(
                    &place,
                    format!(
                        "`{parameter}` of `{}` must hold texts, not {}",
                        self.function.name,
                        lower::describe(item)
                    ),
                    "",
                ),
            }
        }
        Some(texts)
    }

    /// The texts that are given, each with its place; what is none of them is said by who reads them.
    pub(in crate::config) fn texts_of(&self, parameter: &str) -> Vec<(String, Place)> {
        let items = self.each(parameter).unwrap_or_default().into_iter();
        items.filter_map(|(item, place)| Some((item.unpack_str()?.to_owned(), place))).collect()
    }

    /// Values or globs, each checked (contract.md F6).
    pub(in crate::config) fn patterns(&self, parameter: &str) -> Vec<TextPattern> {
        let mut patterns = Vec::new();
        for (text, place) in self.texts(parameter).unwrap_or_default() {
            if let Some(pattern) = self.pattern(&text, &place) {
                patterns.push(pattern);
            }
        }
        patterns
    }

    /// A value or glob, checked.
    pub(in crate::config) fn pattern(&self, text: &str, place: &Place) -> Option<TextPattern> {
        if let Err(error) = globset::Glob::new(text)
            && text.contains(['*', '?', '['])
        {
            let message = format!("{} is no glob: {}", quote(text), error.kind());
            self.draft().problem(place, message, "");
            return None;
        }
        Some(TextPattern(text.to_owned()))
    }

    /// A regular expression, checked.
    pub(in crate::config) fn regex(&self, parameter: &str) -> Option<String> {
        let text = self.text(parameter)?;
        let place = self.place(parameter);
        self.expression(&format!("`{parameter}`"), &text, &place).then_some(text)
    }

    /// Whether a text is a regular expression; a problem of `what` if it is not.
    fn expression(&self, what: &str, text: &str, place: &Place) -> bool {
        match regex::Regex::new(text) {
            Ok(_) => true,
            Err(error) => {
                let why = match &error {
                    regex::Error::CompiledTooBig(_) => "it is too large".to_owned(),
                    other => harmless(
                        other
                            .to_string()
                            .lines()
                            .last()
                            .unwrap_or("")
                            .trim_start_matches("error: "),
                        120,
                    ),
                };
                let message = format!("{what} is no regular expression: {}: {why}", quote(text));
                self.draft().problem(place, message, "");
                false
            }
        }
    }

    /// A dictionary from names of properties to values or globs, one or several of each. Numbers and truth count as they are
    /// written in JSON.
    pub(in crate::config) fn patterns_by_name(
        &self,
        parameter: &str,
    ) -> BTreeMap<String, Vec<TextPattern>> {
        let mut found = BTreeMap::new();
        for (name, value, place) in self.entries(parameter) {
            let values = match lower::json(value) {
                Ok(Json::Array(values)) => values,
                Ok(value) => vec![value],
                Err(why) => {
                    self.draft().problem(&place, format!("property {} {why}", quote(&name)), "");
                    continue;
                }
            };
            let texts = values.into_iter().filter_map(|value| match value {
                Json::String(text) => self.pattern(&text, &place),
                Json::Number(_) | Json::Bool(_) => Some(TextPattern(value.to_string())),
                _ => {
                    let message =
                        format!("property {} must be a plain value or a list", quote(&name));
                    self.draft().problem(
                        &place,
                        message,
                        "write for example `[\"gold\", \"silver*\"]`",
                    );
                    None
                }
            });
            let texts: Vec<_> = texts.collect();
            found.insert(name, texts);
        }
        found
    }

    /// A dictionary from names of properties to regular expressions, checked.
    pub(in crate::config) fn regexes_by_name(&self, parameter: &str) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        for (name, value, place) in self.entries(parameter) {
            let Some(text) = value.unpack_str() else {
                let message = format!(
                    "property {} must be an expression in quotes, not {}",
                    quote(&name),
                    lower::describe(value)
                );
                self.draft().problem(&place, message, "");
                continue;
            };
            if self.expression(&format!("property {}", quote(&name)), text, &place) {
                found.insert(name, text.to_owned());
            }
        }
        found
    }

    /// A plain value, within the bounds of a property (PP-4).
    pub(in crate::config) fn plain(&self, parameter: &str) -> Option<Json> {
        let value = self.given(parameter)?;
        match lower::json(value) {
            Ok(json) => Some(json),
            Err(why) => {
                self.problem(parameter, format!("`{parameter}` {why}"), "");
                None
            }
        }
    }

    /// A dictionary of plain values: properties.
    pub(in crate::config) fn properties(&self, parameter: &str) -> BTreeMap<String, Json> {
        let mut found = BTreeMap::new();
        for (name, value, place) in self.entries(parameter) {
            match lower::json(value) {
                Ok(json) if json.to_string().len() <= MAX_PROPERTY_BYTES => {
                    found.insert(name, json);
                }
                Ok(_) => self.draft().problem(
                    &place,
                    format!("property {} is larger than 64 KiB", quote(&name)),
                    "",
                ),
                Err(why) => {
                    self.draft().problem(&place, format!("property {} {why}", quote(&name)), "");
                }
            }
        }
        found
    }

    /// The entries of a dictionary whose keys are texts.
    pub(in crate::config) fn entries(&self, parameter: &str) -> Vec<(String, Value<'v>, Place)> {
        let Some(value) = self.present(parameter) else { return Vec::new() };
        let Some(dict) = DictRef::from_value(value) else {
            self.mistyped(parameter, "a dictionary", value, "write `{\"name\": value}`");
            return Vec::new();
        };
        let mut entries = Vec::new();
        for (index, (key, value)) in dict.iter().enumerate() {
            let place = self.element_place(parameter, index);
            match key.unpack_str() {
                Some("") => self.draft().problem(
                    &place,
                    format!("`{parameter}` of `{}` has an empty name", self.function.name),
                    "",
                ),
                Some(name) => entries.push((name.to_owned(), value, place)),
                None => self.draft().problem(
                    &place,
                    format!(
                        "`{parameter}` of `{}` has the key {}, which is no text",
                        self.function.name,
                        key.to_repr()
                    ),
                    format!("write it in quotes: \"{}\"", key.to_repr()),
                ),
            }
        }
        entries
    }

    /// The entries of a dictionary whose keys are whole numbers.
    pub(in crate::config) fn numbered(&self, parameter: &str) -> Vec<(i32, Value<'v>, Place)> {
        let Some(value) = self.present(parameter) else { return Vec::new() };
        let Some(dict) = DictRef::from_value(value) else {
            self.mistyped(parameter, "a dictionary", value, "write `{3: \"WARNINGS\"}`");
            return Vec::new();
        };
        let mut entries = Vec::new();
        for (index, (key, value)) in dict.iter().enumerate() {
            let place = self.element_place(parameter, index);
            match key.unpack_i32() {
                Some(number) => entries.push((number, value, place)),
                None => self.draft().problem(
                    &place,
                    format!("`{parameter}` has the key {}, which is no exit code", key.to_repr()),
                    "write `{3: \"WARNINGS\"}`",
                ),
            }
        }
        entries
    }
}

/// What is meant by a duration in other words: `3 minutes`, `1w`, a bare number of seconds, `-3s`.
fn meant_span(text: &str) -> Option<String> {
    let text = text.trim().trim_start_matches('-').trim_start();
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, word) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    Some(match word.trim().to_lowercase().as_str() {
        "" | "s" | "sec" | "secs" | "second" | "seconds" => format!("{number}s"),
        "ms" | "msec" | "millisecond" | "milliseconds" => format!("{number}ms"),
        "m" | "min" | "mins" | "minute" | "minutes" => format!("{number}m"),
        "h" | "hr" | "hrs" | "hour" | "hours" => format!("{number}h"),
        "d" | "day" | "days" => format!("{number}d"),
        "w" | "week" | "weeks" => format!("{}d", number.checked_mul(7)?),
        _ => return None,
    })
}
