//! Several commands in order as one (F17): a shell runs them, each when the one before did well, and ends as the last it ran.
//!
//! The shell is given all words as its own arguments, so none of them is read by it, whatever it holds. `env` makes sure that
//! each command is a program of its own: a `cd` or an `exit` must not reach the next one.

use std::fmt::Write as _;

use super::words;
use crate::config::TemplateValue;
use crate::render::{RenderError, Renderer};

/// The words of the whole, and how it is shown.
pub(super) fn render(
    renderer: &Renderer<'_>,
    commands: &[&TemplateValue],
) -> Result<(Vec<String>, String), RenderError> {
    let (mut script, mut given, mut shown) = (String::new(), Vec::new(), Vec::new());
    for command in commands {
        let (argv, words) = words(renderer, command)?;
        if argv[0].contains('=') {
            let what = format!(
                "`{words}` cannot stand in a sequence, for its program has a `=` in its name"
            );
            return Err(RenderError::new(what));
        }
        if !script.is_empty() {
            script.push_str(" && ");
        }
        given.push(format!("$ {words}"));
        // Writing to a text cannot fail.
        let _ = write!(script, "printf '%s\\n' \"${{{}}}\" && env --", given.len());
        for word in argv {
            given.push(word);
            let _ = write!(script, " \"${{{}}}\"", given.len());
        }
        shown.push(words);
    }
    let mut argv = vec!["/bin/sh".to_owned(), "-c".to_owned(), script, "sh".to_owned()];
    argv.append(&mut given);
    Ok((argv, shown.join(" && ")))
}
