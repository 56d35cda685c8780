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
    let mut promised =
        "These names are promised and reported as such when they are used: ".to_owned();
    promised.push_str(&later.join(", "));
    let mut arguments: Vec<String> = functions()
        .flat_map(|function| {
            let later = function.parameters().filter(|parameter| parameter.later);
            later.map(|parameter| format!("`{}` of `{}`", parameter.name, function.name))
        })
        .collect();
    arguments.dedup();
    if !arguments.is_empty() {
        put(&mut promised, format_args!("; and these arguments: {}", arguments.join(", ")));
    }
    promised.push_str(". A file that is to be checked has to leave them out for now.");
    put(&mut text, format_args!("\n## Not there yet\n\n{}\n", wrapped(&promised)));
    text
}

fn section(function: &Function) -> String {
    let mut text = format!("\n### `{}`\n\n{}\n", function.name, wrapped(function.doc));
    let (shared, own): (Vec<_>, Vec<_>) = function
        .parameters()
        .filter(|parameter| !parameter.later)
        .partition(|parameter| is_shared(function, parameter.name));
    if !own.is_empty() {
        text.push_str("\n| argument | takes | default | |\n|---|---|---|---|\n");
        for (index, parameter) in own.iter().enumerate() {
            let default = match parameter.default {
                "" => "must be given".to_owned(),
                code if code.contains([' ', '`']) => code.to_owned(),
                code => format!("`{code}`"),
            };
            let first = if index < function.positional { " (first)" } else { "" };
            let (name, takes, doc) = (parameter.name, parameter.kind.word(), parameter.doc);
            put(&mut text, format_args!("| `{name}`{first} | {takes} | {default} | {doc} |\n"));
        }
    }
    // All of them are the last of what `shell` takes.
    if let Some(first) = shared.first() {
        let name = first.name;
        put(
            &mut text,
            format_args!("\nAlso what every step takes: see `shell`, from `{name}` on.\n"),
        );
    }
    put(&mut text, format_args!("\n```python\n{}\n```\n", function.example));
    text
}

/// The widest line of prose, in characters: `linn man` prints the manual as it stands.
const WIDTH: usize = 140;

/// Prose in lines. What stands between backticks stays on one of them.
fn wrapped(prose: &str) -> String {
    let (mut text, mut width, mut atom) = (String::with_capacity(prose.len()), 0, String::new());
    for word in prose.split(' ') {
        if !atom.is_empty() {
            atom.push(' ');
        }
        atom.push_str(word);
        if atom.matches('`').count() % 2 == 1 {
            continue;
        }
        let length = atom.chars().count();
        if width > 0 {
            let fits = width + 1 + length <= WIDTH;
            text.push(if fits { ' ' } else { '\n' });
            width = if fits { width + 1 } else { 0 };
        }
        text.push_str(&atom);
        width += length;
        atom.clear();
    }
    // A backtick that nothing closes.
    if !atom.is_empty() {
        text.push(' ');
        text.push_str(&atom);
    }
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
