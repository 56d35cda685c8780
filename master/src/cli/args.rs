//! The whole grammar of the command line, as clap reads it.

use clap::{Parser, Subcommand};
#[cfg(feature = "console")]
use linn_console::cli::Scripting;

#[cfg(feature = "console")]
pub(super) use linn_console::cli::Global;

const EXAMPLES: &str = "Examples:
  linn up                       build this checkout, and watch
  linn demo                     a tour on a throw-away repository
  linn                          the console of a running master
  linn force linux --wait       build once, and wait for the result
  linn log linux/test -f        follow the log of the newest build's step

`linn COMMAND --help` explains each command with an example.";

/// A continuous-integration system for people who live in a terminal.
#[derive(Debug, Parser)]
#[command(name = "linn", version, after_help = EXAMPLES, max_term_width = 100)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// Without one: the console.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Options of every command, in a build without the console.
#[cfg(not(feature = "console"))]
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Global {
    /// Print one JSON object a line
    #[arg(long, global = true)]
    pub json: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Build this checkout: a master, local workers and the console in one
    #[cfg(all(feature = "master", feature = "console"))]
    #[command(after_help = super::up::EXAMPLE)]
    Up(super::up::UpArgs),
    /// Take the tour: a throw-away repository with commits that break and mend things
    #[cfg(all(feature = "master", feature = "console"))]
    #[command(after_help = super::demo::EXAMPLE)]
    Demo(super::demo::DemoArgs),
    /// Run the master, the daemon that decides and remembers
    #[cfg(feature = "master")]
    #[command(after_help = super::daemon::EXAMPLE)]
    Master(super::daemon::MasterArgs),
    /// Run a worker, or act on one
    #[command(subcommand, after_help = super::WORKER_EXAMPLE)]
    Worker(WorkerCommand),
    /// Check a master.star: every mistake at once
    #[cfg(feature = "master")]
    #[command(after_help = super::check::EXAMPLE)]
    Check(super::check::CheckArgs),
    /// Write a commented master.star for this checkout
    #[cfg(all(feature = "master", feature = "console"))]
    #[command(after_help = super::init::EXAMPLE)]
    Init,
    /// Show what a reload of the configuration would change
    #[cfg(all(feature = "master", feature = "console"))]
    #[command(after_help = super::plan::EXAMPLE)]
    Plan(super::plan::PlanArgs),
    /// Step through a recorded input log of the core
    #[cfg(feature = "master")]
    #[command(after_help = super::replay::EXAMPLE)]
    Replay(super::replay::ReplayArgs),
    /// The scripting commands.
    #[cfg(feature = "console")]
    #[command(flatten)]
    Scripting(Scripting),
}

/// `linn worker`.
#[derive(Debug, Subcommand)]
pub enum WorkerCommand {
    /// Run a worker on this machine
    #[cfg(feature = "master")]
    #[command(after_help = super::worker::EXAMPLE)]
    Run(linn_worker::cli::RunArgs),
    /// What can be done with a worker from afar.
    #[cfg(feature = "console")]
    #[command(flatten)]
    Verb(linn_console::cli::WorkerVerb),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_grammar_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_an_example() {
        fn look(command: &clap::Command, path: &str) {
            let path = format!("{path} {}", command.get_name());
            command.get_subcommands().for_each(|sub| look(sub, &path));
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("xample"), "{path} has no example");
        }
        look(&Cli::command(), "");
    }
}
