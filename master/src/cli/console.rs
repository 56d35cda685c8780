//! `linn` without a command: the console of the master that is meant (C34, N4).

use std::io::{IsTerminal, stdin, stdout};
use std::process::ExitCode;
use std::sync::Arc;

use futures_util::FutureExt;
#[cfg(feature = "master")]
use linn_console::ExitReason;
use linn_console::cli::Global;
use linn_console::client::{ClientError, ServerAddr, connect, resolve_server};
use linn_console::feed::{self, FeedOptions};
use linn_console::{ConsoleError, Dial, Options, Settings};

use super::failure::{Failure, causes};
use super::run::small_runtime;

/// Opens the console, or writes a feed of lines where there is no terminal for one.
///
/// # Errors
/// When there is no master and nobody wants one.
pub(super) fn run(global: &Global, ascii: bool) -> Result<ExitCode, Failure> {
    let server = resolve_server(global.server.as_deref(), global.context.as_deref())
        .map_err(|error| of_client(&error))?;
    if !has_screen() {
        return small_runtime()?.block_on(feed(&server));
    }
    let options = Options {
        server: server.to_string(),
        context: global.context.clone().unwrap_or_default(),
        offer_up: cfg!(feature = "master"),
        ..options(ascii)?
    };
    match small_runtime()?
        .block_on(linn_console::run(options, dial(&server)))
        .map_err(of_console)?
    {
        #[cfg(feature = "master")]
        ExitReason::StartUp => super::up::run(&super::up::UpArgs::default(), ascii),
        _ => Ok(ExitCode::SUCCESS),
    }
}

async fn feed(server: &ServerAddr) -> Result<ExitCode, Failure> {
    // The three sentences of a first dial are better than the feed's one.
    connect(server).await.map_err(|error| of_client(&error))?;
    let options = FeedOptions { server: server.to_string(), ..FeedOptions::default() };
    let stop = feed::until_signal().map_err(of_console)?;
    feed::run(options, dial(server), stop).await.map_err(of_console)?;
    Ok(ExitCode::SUCCESS)
}

/// Whether a console can be drawn here: a terminal both ways, that knows more than lines.
pub(super) fn has_screen() -> bool {
    let dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
    stdin().is_terminal() && stdout().is_terminal() && !dumb
}

/// The options that come from the person's settings and the command line.
///
/// # Errors
/// When the settings have a mistake.
pub(super) fn options(ascii: bool) -> Result<Options, Failure> {
    let settings = match Settings::path() {
        Some(path) => Settings::load(&path).map_err(|error| {
            Failure::usage(error.to_string())
                .why(std::error::Error::source(&error).map(causes).unwrap_or_default())
        })?,
        None => Settings::default(),
    };
    Ok(Options {
        ascii: ascii || settings.ascii,
        no_notify: settings.no_notify,
        settings,
        ..Options::default()
    })
}

fn dial(server: &ServerAddr) -> Dial {
    let server = server.clone();
    Arc::new(move || {
        let server = server.clone();
        async move { connect(&server).await.map_err(|error| error.to_string()) }.boxed()
    })
}

/// A failure of the client's, in our form.
pub(super) fn of_client(error: &ClientError) -> Failure {
    let (what, why, hint) = error.sentences();
    Failure::new(u8::try_from(error.kind().exit_code()).unwrap_or(5), what)
        .why(why.unwrap_or_default())
        .hint(hint.unwrap_or_default())
}

/// A failure of the console's, in our form.
pub(super) fn of_console(error: ConsoleError) -> Failure {
    match error {
        ConsoleError::Unreachable { server, why } => {
            Failure::unreachable(format!("no master answers at {server}"))
                .why(why)
                .hint("start one with `linn up`")
        }
        other => {
            let why = std::error::Error::source(&other).map(causes).unwrap_or_default();
            Failure::internal(other.to_string()).why(why)
        }
    }
}
