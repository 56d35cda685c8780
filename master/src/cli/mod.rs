//! The command line of `linn`: its own commands here, the scripting ones from the console crate.
//!
//! What must hold: a failure is `error:`, `why:` and `try:` on standard error and an exit code of `cli.md`; nobody ever sees
//! the text of a panic; a reader of standard output that has gone away is no failure.

mod args;
mod failure;
mod logging;
mod run;

#[cfg(feature = "master")]
mod check;
#[cfg(feature = "master")]
mod configuration;
#[cfg(feature = "console")]
mod console;
#[cfg(feature = "master")]
mod daemon;
#[cfg(all(feature = "master", feature = "console"))]
mod demo;
#[cfg(all(feature = "master", feature = "console"))]
mod dial;
#[cfg(all(feature = "master", feature = "console"))]
mod init;
#[cfg(all(feature = "master", feature = "console"))]
mod plan;
#[cfg(feature = "master")]
mod replay;
#[cfg(feature = "master")]
mod signals;
#[cfg(all(feature = "master", feature = "console"))]
mod up;
#[cfg(feature = "master")]
mod worker;

pub use args::Cli;
pub use run::main;

const WORKER_EXAMPLE: &str = "Example:
  linn worker drain mac-mini-3 --reason 'moves to another rack'";
