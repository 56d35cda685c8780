//! The manual of the configuration language, made from the table of its functions.

use std::fmt::{Arguments, Write as _};

use super::globals::{Function, Group, functions};

/// What stands before the functions.
const PREFACE: &str = include_str!("manual.md");

/// The whole manual, as Markdown; `assets/manual/config.md` is this text, which a test holds.
#[must_use]
pub fn manual() -> String {
    let mut text = PREFACE.to_owned();
    for (group, title) in Group::ALL {
        put(&mut text, format_args!("\n## {title}\n"));
        for function in functions().filter(|function| function.group == group) {
            if !function.is_later() {
                text.push_str(&section(function));
            }
        }
    }
    let later: Vec<String> = functions()
        .filter(|function| function.is_later())
        .map(|function| format!("`{}`", function.name))
        .collect();
    text.push_str(
        "\n## Not there yet\n\nThese names are promised and reported as such when they are used: ",
    );
    text.push_str(&later.join(", "));
    let mut arguments: Vec<String> = functions()
        .flat_map(|function| {
            let later = function.parameters().filter(|parameter| parameter.later);
            later.map(|parameter| format!("`{}` of `{}`", parameter.name, function.name))
        })
        .collect();
    arguments.dedup();
    if !arguments.is_empty() {
        put(&mut text, format_args!("; and these arguments: {}", arguments.join(", ")));
    }
    text.push_str(". A file that is to be checked has to leave them out for now.\n");
    text
}

fn section(function: &Function) -> String {
    let mut text = format!("\n### `{}`\n\n{}\n", function.name, function.doc);
    let (shared, own): (Vec<_>, Vec<_>) = function
        .parameters()
        .filter(|parameter| !parameter.later)
        .partition(|parameter| is_shared(function, parameter.name));
    if !own.is_empty() {
        text.push_str("\n| argument | takes | default | |\n|---|---|---|---|\n");
        for (index, parameter) in own.iter().enumerate() {
            let default = match parameter.default {
                "" => "must be given".to_owned(),
                code if code.contains(' ') && !code.starts_with('`') => code.to_owned(),
                code => format!("`{code}`"),
            };
            let first = if index < function.positional { " (first)" } else { "" };
            let (name, takes, doc) = (parameter.name, parameter.kind.word(), parameter.doc);
            put(&mut text, format_args!("| `{name}`{first} | {takes} | {default} | {doc} |\n"));
        }
    }
    if !shared.is_empty() {
        let names: Vec<String> =
            shared.iter().map(|parameter| format!("`{}`", parameter.name)).collect();
        put(&mut text, format_args!("\nAlso what every step takes: {}.\n", names.join(", ")));
    }
    put(&mut text, format_args!("\n```python\n{}\n```\n", function.example));
    text
}

/// What every step takes is described once, with `shell`.
fn is_shared(function: &Function, parameter: &str) -> bool {
    let common = functions().find(|function| function.name == "shell");
    function.group == Group::Steps
        && function.name != "shell"
        && common.is_some_and(|common| {
            let mut last = common.parameters.iter().rev();
            last.next().is_some_and(|group| group.iter().any(|known| known.name == parameter))
        })
}

fn put(text: &mut String, more: Arguments<'_>) {
    text.write_fmt(more).expect("writing to a String cannot fail");
}
