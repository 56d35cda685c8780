//! The words around a log: what is run and where before it, how it ended after it (PR-4). Made by the master from what is
//! recorded of the step; no byte of the log.

use linn_core::model::{Build, CommandSpec, CommandWhat, EnvEntry, Step, Timeouts};
use linn_core::results::Results;
use linn_core::time::Span;

/// The longest value of a variable that is shown, in characters.
const MAX_VALUE: usize = 200;
/// The most variables that are shown.
const MAX_ENV: usize = 100;

/// What is run and where, several lines.
pub(super) fn header(build: &Build, step: &Step) -> String {
    let mut lines =
        vec![if step.shown.is_empty() { step.name.clone() } else { step.shown.clone() }];
    match &step.spec {
        Some(spec) => details(spec, build, &mut lines),
        None => lines.push(format!(" on worker {}", build.worker)),
    }
    lines.join("\n")
}

fn details(spec: &CommandSpec, build: &Build, lines: &mut Vec<String>) {
    let (workdir, env) = match &spec.what {
        CommandWhat::Shell(shell) => (&shell.workdir, &shell.env),
        CommandWhat::Checkout(checkout) => {
            let branch = checkout.branch.as_deref().unwrap_or("the default branch");
            let revision = checkout.revision.as_deref().unwrap_or("its tip");
            lines.push(format!(" {} of {branch} from {}", revision, checkout.repository));
            (&checkout.workdir, &checkout.env)
        }
    };
    lines.push(format!(" in {workdir} on worker {}", build.worker));
    if let CommandWhat::Shell(shell) = &spec.what
        && shell.stdin.is_some()
    {
        lines.push(" with text on its standard input".to_owned());
    }
    lines.extend(env.iter().take(MAX_ENV).map(variable));
    if env.len() > MAX_ENV {
        lines.push(format!(" and {} variables more", env.len() - MAX_ENV));
    }
    if let Some(limits) = limits(&spec.timeouts) {
        lines.push(limits);
    }
}

fn variable(entry: &EnvEntry) -> String {
    let Some(value) = &entry.value else { return format!(" without {}", entry.name) };
    let mut shown: String = value.chars().take(MAX_VALUE).collect();
    if shown.len() < value.len() {
        shown.push('…');
    }
    let before = if entry.prepend { " before what is there" } else { "" };
    format!(" {}={shown}{before}", entry.name)
}

fn limits(timeouts: &Timeouts) -> Option<String> {
    let mut parts = Vec::new();
    if let Some(silence) = timeouts.silence {
        parts.push(format!("{silence} without output"));
    }
    if let Some(total) = timeouts.total {
        parts.push(format!("{total} in all"));
    }
    if let Some(lines) = timeouts.max_lines {
        parts.push(format!("{lines} lines"));
    }
    (!parts.is_empty()).then(|| format!(" at most {}", parts.join(", ")))
}

/// How it ended; empty while it runs.
pub(super) fn footer(step: &Step) -> String {
    let Some(complete_at) = step.complete_at else { return String::new() };
    let mut lines = Vec::new();
    if let Some(code) = exit_code(step) {
        lines.push(format!("program finished with exit code {code}"));
    }
    if !step.text.is_empty() {
        lines.push(step.text.clone());
    }
    if let Some(started_at) = step.started_at {
        lines.push(format!("elapsed {}", seconds(complete_at - started_at)));
    }
    lines.join("\n")
}

/// The exit code of a step's program, from the words at its end; `None`: it had none, or it is not told.
fn exit_code(step: &Step) -> Option<i32> {
    let told = step.text.rsplit_once("(exit ").and_then(|(_, rest)| rest.strip_suffix(')'));
    match told {
        Some(code) => code.parse().ok(),
        // A success is 0, but for codes that the recipe decodes to one.
        None if step.command.is_some() && step.results == Some(Results::Success) => Some(0),
        None => None,
    }
}

fn seconds(span: Span) -> String {
    let ms = span.millis().max(0);
    format!("{}.{:03} s", ms / 1000, ms % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_variables_and_limits() {
        let entry = |value: Option<&str>, prepend| EnvEntry {
            name: "PATH".to_owned(),
            value: value.map(ToOwned::to_owned),
            prepend,
        };
        assert_eq!(variable(&entry(Some("/x"), false)), " PATH=/x");
        assert_eq!(variable(&entry(Some("/x"), true)), " PATH=/x before what is there");
        assert_eq!(variable(&entry(None, false)), " without PATH");
        assert!(variable(&entry(Some(&"x".repeat(999)), false)).ends_with('…'));
        let timeouts = Timeouts {
            silence: Some(Span::minutes(20)),
            total: None,
            term_grace: Span::seconds(5),
            max_lines: Some(10),
            interrupt_signal: String::new(),
        };
        assert_eq!(limits(&timeouts).as_deref(), Some(" at most 20m without output, 10 lines"));
        assert_eq!(seconds(Span(61_007)), "61.007 s");
    }
}
