//! `linn worker run`: the worker of the slim binary, in this one.

use std::process::ExitCode;

use linn_worker::cli::RunArgs;

use super::args::Global;
use super::failure::{Failure, say};
use super::logging;

pub(super) const EXAMPLE: &str = "Example:
  linn worker run --name mac-mini-3 --dir ~/.linn-worker";

/// Runs until a signal; what it runs then goes on and is taken up by the next one.
///
/// # Errors
/// When the runtime cannot be made.
#[cfg_attr(
    not(feature = "console"),
    expect(unused_variables, reason = "contexts are the console's")
)]
pub(super) fn run(args: RunArgs, global: &Global) -> Result<ExitCode, Failure> {
    logging::for_operators();
    // As every other command finds its master; the arguments and the worker's own settings come first.
    #[cfg(feature = "console")]
    let server = linn_console::client::resolve_server(None, global.context.as_deref())
        .ok()
        .map(|server| server.to_string());
    #[cfg(not(feature = "console"))]
    let server = None;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| {
            Failure::internal("the system refuses what a worker needs to run")
                .why(error.to_string())
        })?;
    match runtime.block_on(linn_worker::cli::run(args, server)) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) => {
            say(&error.message);
            Ok(ExitCode::from(error.code))
        }
    }
}
