//! `linn demo`: the tour. A throw-away repository, a master with two local workers, and people who go on committing.
//!
//! Everything is in one temporary folder and in this process; at the end, nothing is left of either.

mod project;
mod scratch;
mod story;
mod sweep;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use linn_console::Options as ConsoleOptions;
use linn_console::client::Master as Console;
use linn_console::feed;
use rustix::process::{Signal, getpid, kill_process};
use tokio::time::sleep;

use self::project::{CONFIGURATION, Project};
use self::scratch::Scratch;
use self::story::Story;
use super::daemon::{broken, refusal, runtime};
use super::failure::{Failure, say};
use super::{check, console, dial, logging};
use crate::config::{self, Loaded, Origin};
use crate::{Ended, Master, Options, Running};

pub(super) const EXAMPLE: &str = "Examples:
  linn demo                         look around; q ends it and leaves nothing behind
  linn demo --plain --seconds 60    a minute of it as lines of text";

/// Until the first commit, so that the first builds are seen green.
const FIRST_COMMIT: Duration = Duration::from_secs(5);
/// Between two commits.
const NEXT_COMMIT: Duration = Duration::from_secs(8);

/// `linn demo`.
#[derive(Clone, Debug, clap::Args)]
pub struct DemoArgs {
    /// Lines of text instead of the console
    #[arg(long)]
    plain: bool,
    /// End after so many seconds
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: Option<u64>,
}

/// Runs the tour until it is left, a signal comes, or its time is over.
///
/// # Errors
/// When the repository or the master cannot be made.
pub(super) fn run(args: &DemoArgs, ascii: bool) -> Result<ExitCode, Failure> {
    logging::for_people();
    let plain = args.plain || !console::has_screen();
    let options = console::options(ascii)?;
    let scratch = Scratch::create()?;
    let project = Project::create(scratch.path().join("frobozz"))?;
    let loaded = configuration(&project)?;
    say(&format!("a throw-away repository: {}", project.folder().display()));
    // In the same order at the end: the master first, then its folder.
    let code = runtime()?.block_on(tour(args, plain, options, scratch.path(), &project, loaded));
    drop(scratch);
    code
}

/// Writes the configuration beside the code, where people would look for it, and reads it.
fn configuration(project: &Project) -> Result<Loaded, Failure> {
    let path = project.folder().to_str().ok_or_else(|| {
        Failure::usage("the temporary folder's path is no text")
            .hint("set TMPDIR to another folder")
    })?;
    let repository = serde_json::Value::from(path).to_string();
    project.write("master.star", &format!("REPOSITORY = {repository}\n\n{CONFIGURATION}"))?;
    project.commit(project::Author::Chen, "Build it with linn")?;
    config::load(Origin::File(&project.folder().join("master.star")), None).map_err(|problems| {
        check::tell(&problems);
        Failure::internal("the demo's own configuration has mistakes")
    })
}

async fn tour(
    args: &DemoArgs,
    plain: bool,
    options: ConsoleOptions,
    folder: &Path,
    project: &Project,
    loaded: Loaded,
) -> Result<ExitCode, Failure> {
    // Caught before anything runs, so that no signal leaves something behind.
    let signal = feed::until_signal().map_err(console::of_console)?;
    let seconds = args.seconds;
    let stop = async move {
        let time_is_over = async {
            match seconds {
                Some(seconds) => sleep(Duration::from_secs(seconds)).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = signal => {}
            () = time_is_over => {}
        }
    };
    let running = Master::start(Options {
        dir: folder.join("state"),
        config: loaded,
        config_file: Some(project.folder().join("master.star")),
        checkout: None,
        listen: None,
        listen_http: None,
    })
    .await
    .map_err(|error| refusal(&error))?;
    let people = tokio::spawn(commit_for_ever(project.clone()));
    let shown =
        if plain { lines(&running, stop).await } else { screen(&running, options, stop).await };
    people.abort();
    if !plain {
        say("cleaning up");
    }
    end(running).await;
    match shown? {
        Some(Ended::Broken(why)) => Err(broken(why)),
        Some(Ended::Asked) | None => Ok(ExitCode::SUCCESS),
    }
}

/// The tour as lines of text. Gives how the master ended, if it did.
async fn lines(
    running: &Running,
    stop: impl Future<Output = ()> + Send,
) -> Result<Option<Ended>, Failure> {
    let options = feed::FeedOptions {
        server: "this program".to_owned(),
        wait_for_master: true,
        from_start: true,
    };
    tokio::select! {
        fed = feed::run(options, dial::within(running), stop) => {
            fed.map(|_| None).map_err(console::of_console)
        }
        ended = running.wait() => Ok(Some(ended)),
    }
}

/// The tour in the console. Gives how the master ended, if it did.
async fn screen(
    running: &Running,
    options: ConsoleOptions,
    stop: impl Future<Output = ()> + Send,
) -> Result<Option<Ended>, Failure> {
    let options = ConsoleOptions {
        server: "this program".to_owned(),
        context: "demo".to_owned(),
        greeting: Some(
            "the tour: commits come by themselves, some break things; ? shows the keys".to_owned(),
        ),
        ..options
    };
    let mut console = std::pin::pin!(linn_console::run(options, dial::within(running)));
    let ended = tokio::select! {
        left = &mut console => return left.map(|_| None).map_err(console::of_console),
        () = stop => None,
        ended = running.wait() => Some(ended),
    };
    // The console has a thread of its own that owns the terminal; this is how anybody asks it to give that back.
    let _ = kill_process(getpid(), Signal::TERM);
    console.await.map_err(console::of_console)?;
    Ok(ended)
}

/// Steps outlive their master, so what runs is stopped before it ends.
async fn end(running: Running) {
    sweep::stop_everything(Console::new(running.dial())).await;
    running.stop().await;
}

/// The people of the tour. When their repository cannot be written any more, the tour goes on without new commits.
async fn commit_for_ever(project: Project) {
    let mut story = Story::default();
    sleep(FIRST_COMMIT).await;
    loop {
        let project = project.clone();
        let made = tokio::task::spawn_blocking(move || {
            let made = story.go_on(&project);
            (story, made)
        });
        match made.await {
            Ok((next, Ok(()))) => story = next,
            Ok((_, Err(failure))) => {
                tracing::error!(%failure, "the demo's people cannot commit");
                return;
            }
            Err(_) => return,
        }
        sleep(NEXT_COMMIT).await;
    }
}
