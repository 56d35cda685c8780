//! `linn up`: from a checkout to a console in one command (C25).
//!
//! With a terminal the master is a process of its own from the very beginning, and the console talks to it like any other:
//! so leaving, closing the terminal or killing the console never touches a build. Without one everything is in this process,
//! which ends with a signal.

mod background;
mod checkout;
mod plain;

use std::path::PathBuf;
use std::process::ExitCode;

use linn_console::{ExitReason, Options};

use self::background::{Background, Started};
pub(super) use self::checkout::Checkout;
use self::checkout::State;
use super::configuration::{self, Chosen, Unusable};
use super::daemon::DEFAULT_WORKERS;
use super::failure::{Failure, say};
use super::{console, dial};
use crate::config::Facts;

pub(super) const EXAMPLE: &str = "Example:
  linn up                       in a git checkout: build it now and at every commit
  linn up --plain | tee ci.txt  the same as lines of text";

/// `linn up`.
#[derive(Clone, Debug, clap::Args)]
pub struct UpArgs {
    /// The folder that holds everything [default: .linn in the checkout]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Local workers of the built-in configuration
    #[arg(long, value_name = "N", default_value_t = DEFAULT_WORKERS, value_parser = clap::value_parser!(u32).range(1..=64))]
    workers: u32,
    /// Lines of text instead of the console
    #[arg(long)]
    plain: bool,
}

impl Default for UpArgs {
    fn default() -> Self {
        Self { dir: None, workers: DEFAULT_WORKERS, plain: false }
    }
}

/// Starts a master for this checkout, or joins the one that is there, and shows what it does.
///
/// # Errors
/// When this is no checkout, or the master cannot start.
pub(super) fn run(args: &UpArgs, ascii: bool) -> Result<ExitCode, Failure> {
    let checkout = Checkout::here()?;
    let state = State::prepare(&checkout, args.dir.as_deref())?;
    if args.plain || !console::has_screen() {
        return plain::run(&checkout, &state, args.workers);
    }
    let options = console::options(ascii)?;
    super::run::small_runtime()?.block_on(interactive(&checkout, &state, args.workers, options))
}

async fn interactive(
    checkout: &Checkout,
    state: &State,
    workers: u32,
    options: Options,
) -> Result<ExitCode, Failure> {
    let (master, greeting) = match Background::join(state).await {
        Some(master) => {
            let mut greeting = "a master was running here already".to_owned();
            // Where linn could not tell how this is built, what to write is told each time.
            if let Ok(chosen) = configuration(checkout, state, workers)
                && chosen.loaded.config.builders.is_empty()
            {
                greeting = format!("{greeting}\n{}", checkout.greeting(state, &chosen));
            }
            (master, greeting)
        }
        None => {
            // Mistakes are told here and now, and so is what linn found out; the master will find the same.
            let chosen = match configuration(checkout, state, workers) {
                Ok(chosen) => chosen,
                Err(Unusable::Told) => return Ok(ExitCode::from(2)),
                Err(Unusable::Failed(failure)) => return Err(failure),
            };
            let greeting = checkout.greeting(state, &chosen);
            say(&greeting);
            match Background::start(checkout, state, workers).await? {
                Started::Answers(master) => (*master, greeting),
                Started::Ended(code) => return Ok(code),
            }
        }
    };
    let options = Options {
        server: format!("unix:{}", state.socket().display()),
        context: checkout.title(),
        owns_master: true,
        greeting: Some(greeting),
        ..options
    };
    let reason =
        linn_console::run(options, dial::socket(state.dir())).await.map_err(console::of_console)?;
    if reason == ExitReason::QuitStop {
        master.stop().await?;
        say(
            "the master has ended; builds that were running go on, and the next `linn up` takes them up",
        );
    } else {
        let process = master.pid().map(|pid| format!(" (process {pid})")).unwrap_or_default();
        say(&format!("the master goes on{process}; `linn up` here opens the console again"));
    }
    Ok(ExitCode::SUCCESS)
}

/// The configuration of the checkout, evaluated.
fn configuration(checkout: &Checkout, state: &State, workers: u32) -> Result<Chosen, Unusable> {
    let facts = Facts::read(checkout.top(), workers);
    match checkout.configuration(state) {
        Some(file) => configuration::choose(Some(&file), state.dir(), &facts),
        None => configuration::built_in(&facts),
    }
}
