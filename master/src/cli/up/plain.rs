//! `linn up` as lines of text, everything in this process, until a signal (C25).

use std::process::ExitCode;

use linn_console::feed::{self, FeedOptions};

use super::checkout::{Checkout, State};
use crate::cli::configuration::Unusable;
use crate::cli::console::of_console;
use crate::cli::daemon::{broken, refusal, runtime};
use crate::cli::failure::{Failure, say};
use crate::cli::{dial, logging};
use crate::{Ended, Master, Options, Running};

/// Runs until SIGINT or SIGTERM, or until the reader is gone.
///
/// # Errors
/// When the master cannot start.
pub(super) fn run(checkout: &Checkout, state: &State, workers: u32) -> Result<ExitCode, Failure> {
    logging::for_operators();
    let runtime = runtime()?;
    if runtime.block_on(dial::answers(state.dir())) {
        say("a master runs here already; these are its lines, and it goes on when they end");
        return runtime.block_on(async {
            let stop = feed::until_signal().map_err(of_console)?;
            let options = FeedOptions { server: server(state), ..FeedOptions::default() };
            feed::run(options, dial::socket(state.dir()), stop).await.map_err(of_console)?;
            Ok(ExitCode::SUCCESS)
        });
    }
    let chosen = match super::configuration(checkout, state, workers) {
        Ok(chosen) => chosen,
        Err(Unusable::Told) => return Ok(ExitCode::from(2)),
        Err(Unusable::Failed(failure)) => return Err(failure),
    };
    say(&checkout.greeting(state, &chosen));
    let options = Options {
        dir: state.dir().to_owned(),
        config: chosen.loaded,
        config_file: chosen.file,
        checkout: Some((checkout.top().to_owned(), workers)),
        listen: None,
        listen_http: None,
    };
    runtime.block_on(async {
        let stop = feed::until_signal().map_err(of_console)?;
        let running = Master::start(options).await.map_err(|error| refusal(&error))?;
        running.notes().iter().for_each(|note| say(&format!("note: {note}")));
        follow(running, server(state), stop).await
    })
}

fn server(state: &State) -> String {
    format!("unix:{}", state.socket().display())
}

/// Writes the feed of a master in this process until `stop`, then ends both.
///
/// # Errors
/// When the master breaks, or standard output cannot be written.
pub(in crate::cli) async fn follow(
    running: Running,
    server: String,
    stop: impl Future<Output = ()> + Send,
) -> Result<ExitCode, Failure> {
    let options = FeedOptions { server, wait_for_master: true, from_start: true };
    let fed = {
        let dial = dial::within(&running);
        let feed = feed::run(options, dial, stop);
        tokio::select! {
            fed = feed => fed.map(|_| None).map_err(of_console),
            ended = running.wait() => Ok(Some(ended)),
        }
    };
    running.stop().await;
    match fed? {
        Some(Ended::Broken(why)) => Err(broken(why)),
        Some(Ended::Asked) | None => Ok(ExitCode::SUCCESS),
    }
}
