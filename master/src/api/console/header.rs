//! The words around a log: what is run and where before it, how it ended after it (PR-4). Made by the master from what is
//! recorded of the step; no byte of the log.

use linn_core::model::{Build, Step};
use linn_core::results::Results;
use linn_core::time::Span;

/// What is run and where, several lines.
pub(super) fn header(build: &Build, step: &Step) -> String {
    let first = if step.shown.is_empty() { &step.name } else { &step.shown };
    let mut lines = format!("{first}\n on worker {}", build.worker);
    if !step.heading.is_empty() {
        lines.push('\n');
        lines.push_str(&step.heading);
    }
    lines
}

/// How it ended; empty while it runs.
pub(super) fn footer(step: &Step) -> String {
    let Some(complete_at) = step.complete_at else { return String::new() };
    let mut lines = Vec::new();
    let dropped = step.logs.first().map_or(0, |log| log.dropped);
    if dropped > 0 {
        lines.push(format!(
            "{dropped} bytes more were printed; the log is at its limit and has none of them"
        ));
    }
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
    fn a_log_at_its_limit_says_so() {
        let mut step = Step::planned(linn_core::id::StepNumber(1), "test".to_owned());
        step.complete_at = Some(linn_core::time::Timestamp(1));
        assert_eq!(footer(&step), "");
        step.logs.push(linn_core::model::Log {
            id: linn_core::id::LogId(1),
            name: "stdio".to_owned(),
            bytes: 10,
            lines: 1,
            complete: true,
            dropped: 7,
        });
        assert!(footer(&step).starts_with("7 bytes more were printed"));
    }

    #[test]
    fn seconds_have_three_places() {
        assert_eq!(seconds(Span(61_007)), "61.007 s");
    }
}
