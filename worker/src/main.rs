//! The slim binary of a worker: `linn-worker run`.

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use linn_worker::cli::{self, RunArgs};

/// Runs builds for a linn master
#[derive(Debug, Parser)]
#[command(name = "linn-worker", version, about)]
struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Connect to the master and work until SIGTERM or SIGINT
    Run(RunArgs),
}

fn main() -> ExitCode {
    linn_worker::supervise_if_asked();
    let Verb::Run(args) = Args::parse().verb;
    let filter = tracing_subscriber::EnvFilter::try_from_env("LINN_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    // One thread: a worker waits, its supervisors work.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: this system gives no event loop: {error}");
            return ExitCode::from(5);
        }
    };
    match runtime.block_on(cli::run(args, None)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", error.message);
            ExitCode::from(error.code)
        }
    }
}
