//! `linn plan`: what a reload would change (C30).
//!
//! Without a file the master reads its own. With one, this program finds and reads what the file loads, here, by the rights of
//! who asks, and the master is sent the texts: a path would mean another file there, or one that the asker may not read.

use std::path::PathBuf;
use std::process::ExitCode;

use linn_console::cli::Global;

use super::check;
use super::failure::Failure;
use super::{logging, run};
use crate::config::{self, Facts, Origin};

pub(super) const EXAMPLE: &str = "Example:
  linn plan ci/master.star

One line a difference: `+` comes, `~` changes, `-` goes. Nothing is changed; `linn reload` does it.";

/// `linn plan`.
#[derive(Clone, Debug, clap::Args)]
pub struct PlanArgs {
    /// The file to look at [default: the one that the master follows]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

/// Asks the master. Mistakes of a file are told as `linn check` tells them.
///
/// # Errors
/// When the system refuses what a program needs.
pub(super) fn perform(args: &PlanArgs, global: &Global) -> Result<ExitCode, Failure> {
    logging::for_people();
    let texts = match &args.file {
        None => Vec::new(),
        Some(file) => {
            // What the master knows of its checkout is not known here; it says so again with its own.
            let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
            let facts = Facts::read(folder.unwrap_or_else(|| ".".as_ref()), 0);
            match config::load(Origin::File(file), Some(&facts)) {
                Ok(loaded) => loaded.texts(),
                Err(problems) => {
                    check::tell_all(&problems, global.json);
                    return Ok(ExitCode::from(2));
                }
            }
        }
    };
    let code = run::small_runtime()?.block_on(linn_console::cli::run_plan(texts, global));
    Ok(run::exit_code(code))
}
