//! `linn check`: every mistake of a master.star at once (C31).

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::configuration;
use super::failure::{Failure, print, say};
use crate::config::{self, Problem, Problems};

pub(super) const EXAMPLE: &str = "Example:
  linn check ci/master.star";

/// `linn check`.
#[derive(Clone, Debug, clap::Args)]
pub struct CheckArgs {
    /// The file [default: master.star, else .linn/master.star]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

/// Prints the problems as text on standard error, or as one JSON object a line on standard output.
///
/// # Errors
/// When there is no file to check.
pub(super) fn run(args: &CheckArgs, json: bool) -> Result<ExitCode, Failure> {
    let file = match &args.file {
        Some(file) => file.clone(),
        None => configuration::beside(Path::new(".linn")).ok_or_else(|| {
            Failure::usage("there is no master.star here to check")
                .hint("name a file: linn check path/to/master.star")
        })?,
    };
    match config::check(&file) {
        Ok(found) => {
            for note in &found.notes {
                say(&format!("note: {note}"));
            }
            if !json {
                let text = format!(
                    "{} is good: {}, {}, {}, {}",
                    file.display(),
                    count(found.builders, "builder"),
                    count(found.workers, "worker"),
                    count(found.schedulers, "scheduler"),
                    count(found.sources, "change source"),
                );
                // Who closed the pipe has seen enough; the exit code tells the rest.
                let _ = print(&text);
            }
            Ok(ExitCode::SUCCESS)
        }
        Err(problems) => {
            tell_all(&problems, json);
            Ok(ExitCode::from(2))
        }
    }
}

/// The problems on standard error, the path as given, the count last (C31, C36).
pub(super) fn tell(problems: &Problems) {
    say(&problems.to_string());
}

/// The problems, as text or as JSON.
pub(super) fn tell_all(problems: &Problems, json: bool) {
    if json {
        print_json(&problems.0);
    } else {
        tell(problems);
    }
}

fn print_json(problems: &[Problem]) {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    for problem in problems {
        let line = serde_json::to_string(problem).expect("texts and numbers");
        if writeln!(out, "{line}").is_err() {
            return;
        }
    }
    let _ = out.flush();
}

fn count(number: usize, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}
