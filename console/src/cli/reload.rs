//! `linn reload` and `linn plan`: what another configuration changes, one difference a line (C30).
//!
//! `linn plan FILE` is the binary's: it can evaluate, so it finds what the file loads, and comes here with the texts.

use clap::Args;
use linn_proto::control::{ConfigProblem, ConfigText, Difference, ReconfigureRequest};
use serde_json::json;

use super::session::Door;
use super::{Done, ExitCode};
use crate::client::Kind;
use crate::safe::text as shown;

pub(crate) const EXAMPLE: &str = "Example:
  linn plan && linn reload

The master reads its own file again. With mistakes it changes nothing, and tells them all. Running builds keep their recipe.";

/// `linn reload`.
#[derive(Debug, Args)]
pub struct Reload {}

/// Asks, and prints what comes.
pub(crate) async fn run(dry_run: bool, texts: Vec<(String, String)>, at: Door<'_>) -> Done {
    let session = at.open().await?;
    let texts = texts.into_iter().map(|(name, text)| ConfigText { name, text }).collect();
    let request = ReconfigureRequest { dry_run, texts };
    // Never asked again by itself: a reload that was done meanwhile would answer that nothing changes.
    let found = session.master.control().reconfigure(request).await?.into_inner();
    if !found.problems.is_empty() {
        for problem in &found.problems {
            if session.json {
                session.io.json(&problem_json(problem))?;
            } else {
                session.io.tell(&shown(&sentence(problem)));
            }
        }
        if !session.json {
            let many = found.problems.len();
            let errors = if many == 1 { "error" } else { "errors" };
            session.io.tell(&format!("{many} {errors}"));
        }
        return Ok(ExitCode(Kind::Usage.exit_code()));
    }
    for note in &found.notes {
        session.io.tell(&shown(&format!("note: {note}")));
    }
    for difference in &found.differences {
        if session.json {
            session.io.json(&difference_json(difference))?;
        } else {
            session.io.line(&shown(&line(difference)))?;
        }
    }
    if found.differences.is_empty() && !session.json {
        session.io.line("no changes")?;
    }
    Ok(ExitCode::DONE)
}

/// `~ worker w3: max_builds 1 -> 2`.
fn line(difference: &Difference) -> String {
    let Difference { sign, kind, name, details } = difference;
    let details =
        if details.is_empty() { String::new() } else { format!(": {}", details.join("; ")) };
    format!("{sign} {kind} {name}{details}")
}

fn difference_json(difference: &Difference) -> serde_json::Value {
    let Difference { sign, kind, name, details } = difference;
    json!({"sign": sign, "kind": kind, "name": name, "details": details})
}

/// As `linn check` says it (C31).
fn sentence(problem: &ConfigProblem) -> String {
    let ConfigProblem { file, line, column, message, hint } = problem;
    let place = if *line > 0 { format!("{file}:{line}:{column}") } else { file.clone() };
    let hint = if hint.is_empty() { String::new() } else { format!("; {hint}") };
    format!("{place}: {message}{hint}")
}

fn problem_json(problem: &ConfigProblem) -> serde_json::Value {
    let ConfigProblem { file, line, column, message, hint } = problem;
    json!({"file": file, "line": line, "column": column, "message": message, "hint": hint})
}

#[cfg(test)]
mod tests {
    use super::*;

    /// C30, C31.
    #[test]
    fn lines_are_as_the_contract_says() {
        let mut difference = Difference {
            sign: "+".to_owned(),
            kind: "builder".to_owned(),
            name: "mac-arm".to_owned(),
            details: Vec::new(),
        };
        assert_eq!(line(&difference), "+ builder mac-arm");
        difference.details = vec!["a".to_owned(), "b".to_owned()];
        assert_eq!(line(&difference), "+ builder mac-arm: a; b");
        let mut problem = ConfigProblem {
            file: "m.star".to_owned(),
            line: 3,
            column: 5,
            message: "`x` is not defined".to_owned(),
            hint: "did you mean `y`?".to_owned(),
        };
        assert_eq!(sentence(&problem), "m.star:3:5: `x` is not defined; did you mean `y`?");
        problem.line = 0;
        problem.hint.clear();
        assert_eq!(sentence(&problem), "m.star: `x` is not defined");
    }
}
