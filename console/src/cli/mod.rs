//! The scripting commands: `cli.md` and `contract.md`, to the letter. One verb a file.
//!
//! Data goes to standard output, sentences to standard error; `--json` prints one object a line; a failure is three lines
//! and an exit code ([`ExitCode`]); a closed pipe is quiet. Foreign text passes `crate::safe` before it is printed, except
//! in JSON (whose escaping protects) and in `log --raw`.
//!
//! No command catches SIGINT: the default action ends it at once. What a command asked for stays asked for; the master
//! does the work.
//!
//! The binary flattens [`Global`] and [`Scripting`] into its own parser and calls [`run`]. It merges [`WorkerVerb`] with
//! its own `linn worker run` and calls [`run_worker`]; for `completions` it passes its whole command to
//! [`completions::write`].

mod ansi;
mod artifact;
mod artifacts;
mod build;
mod builders;
mod builds;
mod buildsets;
mod cancel;
mod change;
mod changes;
pub mod completions;
mod context;
mod events;
mod explain;
mod force;
mod hangup;
mod hook;
mod io;
mod json;
mod listing;
mod locks;
mod log;
mod man;
mod outcome;
mod paint;
mod pairs;
mod pin;
mod priority;
mod rebuild;
mod reload;
mod requests;
mod retention;
mod scheduler;
mod schedulers;
mod session;
mod source;
mod sources;
mod stats;
mod stop;
mod table;
#[cfg(test)]
mod tests;
mod try_;
mod unpack;
mod wait;
mod waterfall;
mod when;
mod words;
mod worker;
mod workers;

use clap::{Args, Subcommand};

pub use self::hook::{git_change_key, hg_change_key, svn_change_key};
pub use self::worker::WorkerVerb;

use self::io::{Io, Stop};
use self::session::Door;
use crate::client::{ClientError, Place};

/// Options of every command.
#[derive(Debug, Clone, Default, Args)]
pub struct Global {
    /// The master: unix:PATH or http://127.0.0.1:PORT [default: $LINN_SERVER, the current context, .linn/ here or above]
    #[arg(long, global = true, value_name = "ADDRESS", display_order = 900)]
    pub server: Option<String>,
    /// The master of this name (see `linn context`)
    #[arg(long, global = true, value_name = "NAME", display_order = 901)]
    pub context: Option<String>,
    /// Print one JSON object a line
    #[arg(long, global = true, display_order = 902)]
    pub json: bool,
    /// Draw with ASCII characters only
    #[arg(long, global = true, display_order = 903)]
    pub ascii: bool,
}

/// How a command ended, as `cli.md` counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExitCode(pub i32);

impl ExitCode {
    /// Done; with `--wait` the result was SUCCESS or WARNINGS.
    pub const DONE: Self = Self(0);
    /// Waited for a result that was neither.
    pub const NOT_SUCCESSFUL: Self = Self(1);
}

/// The scripting commands.
#[derive(Debug, Subcommand)]
pub enum Scripting {
    /// Submit changes by hand
    #[command(subcommand, after_help = change::EXAMPLE)]
    Change(change::ChangeVerb),
    /// Submit changes from a repository's hook
    #[command(subcommand, after_help = hook::EXAMPLE)]
    Hook(hook::HookVerb),
    /// Request builds by hand
    #[command(after_help = force::EXAMPLE)]
    Force(force::Force),
    /// Build what is not published yet
    #[command(after_help = try_::EXAMPLE)]
    Try(try_::Try),
    /// Build the same revision again
    #[command(after_help = rebuild::EXAMPLE)]
    Rebuild(rebuild::Rebuild),
    /// Stop a running build
    #[command(after_help = stop::EXAMPLE)]
    Stop(stop::StopBuild),
    /// Keep a build, whatever the rules of retention say
    #[command(after_help = pin::EXAMPLE)]
    Pin(pin::PinBuild),
    /// Let a pinned build go by the rules again
    #[command(after_help = pin::UNPIN_EXAMPLE)]
    Unpin(pin::UnpinBuild),
    /// Show what of history goes by the rules, and let it go
    #[command(after_help = retention::EXAMPLE)]
    Retention(retention::Retention),
    /// Cancel a request that waits
    #[command(after_help = cancel::EXAMPLE)]
    Cancel(cancel::Cancel),
    /// Change the priority of a request
    #[command(after_help = priority::EXAMPLE)]
    Priority(priority::Priority),
    /// List builders
    #[command(after_help = builders::EXAMPLE)]
    Builders(builders::Builders),
    /// List builds, newest first
    #[command(after_help = builds::EXAMPLE)]
    Builds(builds::Builds),
    /// List buildsets, newest first
    #[command(after_help = buildsets::EXAMPLE)]
    Buildsets(buildsets::Buildsets),
    /// List requests that are not complete, in the order of the queue
    #[command(after_help = requests::EXAMPLE)]
    Requests(requests::Requests),
    /// List changes, newest first
    #[command(after_help = changes::EXAMPLE)]
    Changes(changes::Changes),
    /// List workers
    #[command(after_help = workers::EXAMPLE)]
    Workers(workers::Workers),
    /// List schedulers
    #[command(after_help = schedulers::EXAMPLE)]
    Schedulers(schedulers::Schedulers),
    /// List locks: who holds them and who waits
    #[command(after_help = locks::EXAMPLE)]
    Locks(locks::Locks),
    /// Enable or disable a scheduler
    #[command(subcommand, after_help = scheduler::EXAMPLE)]
    Scheduler(scheduler::SchedulerVerb),
    /// List the files that a build kept
    #[command(after_help = artifacts::EXAMPLE)]
    Artifacts(artifacts::Artifacts),
    /// Write one of them
    #[command(after_help = artifact::EXAMPLE)]
    Artifact(artifact::Artifact),
    /// Which schedulers take a change; why a request waits
    #[command(subcommand, after_help = explain::EXAMPLE)]
    Explain(explain::Explain),
    /// List change sources
    #[command(after_help = sources::EXAMPLE)]
    Sources(sources::Sources),
    /// Act on a change source
    #[command(subcommand, after_help = source::EXAMPLE)]
    Source(source::SourceVerb),
    /// Show one build with its steps, blamelist and properties
    #[command(after_help = build::EXAMPLE)]
    Build(build::ShowBuild),
    /// Show what the builds of a builder counted, over time
    #[command(after_help = stats::EXAMPLE)]
    Stats(stats::Stats),
    /// Print one frame of the waterfall
    #[command(after_help = waterfall::EXAMPLE)]
    Waterfall(waterfall::Waterfall),
    /// Print a log, or follow it
    #[command(after_help = log::EXAMPLE)]
    Log(log::ShowLog),
    /// Print what happened, or follow it
    #[command(after_help = events::EXAMPLE)]
    Events(events::Events),
    /// Wait until a build, request or buildset is finished
    #[command(after_help = wait::EXAMPLE)]
    Wait(wait::Wait),
    /// Name masters, and choose one
    #[command(subcommand, after_help = context::EXAMPLE)]
    Context(context::ContextVerb),
    /// Read the master's configuration again, and follow it
    #[command(after_help = reload::EXAMPLE)]
    Reload(reload::Reload),
    /// Print completions for a shell
    #[command(after_help = completions::EXAMPLE)]
    Completions(completions::Completions),
    /// Show the manual
    #[command(after_help = man::EXAMPLE)]
    Man(man::Man),
}

/// Runs a command to its end. Failures were told on standard error when it returns.
pub async fn run(command: Scripting, global: &Global) -> ExitCode {
    let mut io = Io::standard();
    io.rich &= !global.ascii;
    let done = match Place::here() {
        Ok(place) => perform(command, global, &place, &mut io).await,
        Err(error) => Err(error.into()),
    };
    finish(done, &mut io)
}

/// Runs `linn worker pause|resume|drain`.
pub async fn run_worker(verb: WorkerVerb, global: &Global) -> ExitCode {
    let mut io = Io::standard();
    let done = match Place::here() {
        Ok(place) => worker::run(verb, Door { global, place: &place, io: &mut io }).await,
        Err(error) => Err(error.into()),
    };
    finish(done, &mut io)
}

/// Runs `linn plan`: what following the master's own file would change, or these texts instead, the main file first.
pub async fn run_plan(texts: Vec<(String, String)>, global: &Global) -> ExitCode {
    let mut io = Io::standard();
    let done = match Place::here() {
        Ok(place) => reload::run(true, texts, Door { global, place: &place, io: &mut io }).await,
        Err(error) => Err(error.into()),
    };
    finish(done, &mut io)
}

/// Tells a failure in the three lines of `cli.md` on standard error.
pub fn report(error: &ClientError) -> ExitCode {
    Io::standard().error(error);
    ExitCode(error.kind().exit_code())
}

type Done = Result<ExitCode, Stop>;

async fn perform(command: Scripting, global: &Global, place: &Place, io: &mut Io) -> Done {
    // The first four need no master, or find it in their own way. A mistake in a reference is told before anybody is
    // dialled: each command parses first and opens its session then.
    let mut at = Door { global, place, io };
    match command {
        Scripting::Context(verb) => context::run(verb, &mut at),
        Scripting::Completions(shell) => completions::run(&shell, &mut at),
        Scripting::Man(page) => man::run(&page, &mut at),
        Scripting::Hook(verb) => hook::run(verb, at).await,
        Scripting::Change(verb) => change::run(verb, at).await,
        Scripting::Force(force) => force::run(force, at).await,
        Scripting::Try(asked) => try_::run(asked, at).await,
        Scripting::Reload(_) => reload::run(false, Vec::new(), at).await,
        Scripting::Rebuild(rebuild) => rebuild::run(rebuild, at).await,
        Scripting::Stop(stop) => stop::run(stop, at).await,
        Scripting::Pin(asked) => pin::pin(asked, at).await,
        Scripting::Unpin(asked) => pin::unpin(asked, at).await,
        Scripting::Retention(asked) => retention::run(&asked, at).await,
        Scripting::Cancel(cancel) => cancel::run(cancel, at).await,
        Scripting::Priority(priority) => priority::run(&priority, at).await,
        Scripting::Builders(list) => builders::run(&list, at).await,
        Scripting::Builds(list) => builds::run(list, at).await,
        Scripting::Buildsets(list) => buildsets::run(list, at).await,
        Scripting::Requests(list) => requests::run(list, at).await,
        Scripting::Changes(list) => changes::run(list, at).await,
        Scripting::Workers(list) => workers::run(&list, at).await,
        Scripting::Schedulers(list) => schedulers::run(&list, at).await,
        Scripting::Locks(list) => locks::run(&list, at).await,
        Scripting::Scheduler(verb) => scheduler::run(verb, at).await,
        Scripting::Artifacts(list) => artifacts::run(&list, at).await,
        Scripting::Artifact(one) => artifact::run(&one, at).await,
        Scripting::Explain(asked) => explain::run(asked, at).await,
        Scripting::Sources(list) => sources::run(&list, at).await,
        Scripting::Source(verb) => source::run(verb, at).await,
        Scripting::Build(build) => build::run(&build, at).await,
        Scripting::Stats(stats) => stats::run(&stats, at).await,
        Scripting::Waterfall(waterfall) => waterfall::run(&waterfall, at).await,
        Scripting::Log(log) => log::run(log, at).await,
        Scripting::Events(events) => events::run(events, at).await,
        Scripting::Wait(wait) => wait::run(&wait, at).await,
    }
}

fn finish(done: Done, io: &mut Io) -> ExitCode {
    let done = done.and_then(|code| io.flush().map(|()| code));
    match done {
        Ok(code) => code,
        Err(Stop::PipeClosed) => ExitCode::DONE,
        Err(Stop::Error(error)) => {
            // What was printed before belongs before the failure; whether it arrives no longer matters.
            let _ = io.flush();
            io.error(&error);
            ExitCode(error.kind().exit_code())
        }
    }
}
