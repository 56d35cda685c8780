//! The small process that a command belongs to (decision D14).
//!
//! The same binary, started with a hidden argument: no runtime, no threads. It leads a session of its own, is the
//! subreaper of all that the command starts, owns pipes, wait status and spool files. An agent or a master that is
//! killed therefore ends nothing: the supervisor goes on, and the next agent calls it at its folder's socket.
//!
//! One supervisor runs many commands, one after the other: a fork and exec saved for each. It is handed a command on
//! standard input, a socket to its parent; when that is closed it finishes what it runs and ends.

use std::ffi::OsStr;
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use linn_proto::worker::{Exit, Finished, Observe, Said, Start, start};

use crate::clock::now_ms;
use crate::command::{download, files, place, shell, source, upload};
use crate::exec::frame::Run;
use crate::exec::identity::Identity;
use crate::exec::limits::{Limits, not_started};
use crate::exec::line::{self, Line};
use crate::exec::mask::Words;
use crate::exec::output::Logs;
use crate::exec::turn;
use crate::exec::watch::Watch;
use crate::id::CommandId;
use crate::observe::Observer;
use crate::spool;

/// The hidden first argument of a supervisor.
pub(crate) const SUPERVISE: &str = "__supervise";

/// The mark in the environment of a step: the id of its command.
pub(crate) const COMMAND_VAR: &str = "LINN_COMMAND";

/// The mark in the environment of a step: whose worker started it. Not a secret and good for nothing else.
pub(crate) const MARK_VAR: &str = "LINN_MARK";

/// The longest `why`: it goes into a table of the master.
const WHY_BYTES: usize = 4096;

/// A command and where it may work.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) start: Start,
    /// The worker's folder.
    pub(crate) dir: PathBuf,
    pub(crate) mark: String,
}

/// The whole life of a supervisor; the exit code.
pub(crate) fn main() -> i32 {
    match serve() {
        Ok(()) => 0,
        Err(error) => {
            say(&error.to_string());
            1
        }
    }
}

/// A sentence for whoever looks into the worker's folder. Not `eprintln`, which panics when the disk is full: that would
/// cost a command its result.
fn say(what: &str) {
    let _ = writeln!(io::stderr(), "linn supervisor {}: {what}", std::process::id());
}

fn serve() -> io::Result<()> {
    // It fails only for a process that leads a group already (started by hand), and then nothing is lost.
    let _ = rustix::process::setsid();
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    let me = Identity::own()?;
    let mut line = Line::new(line::from_stdin()?)?;
    while let Some(run) = line.next_job()? {
        let dir = PathBuf::from(OsStr::from_bytes(&run.dir));
        let folder = dir.join("spool").join(CommandId(run.command).to_string());
        // First the socket, then the claim: whoever reads the claim can call.
        if !line.begin(run.command, &folder)? || !spool::claim(&folder, &me)? {
            line.taken(run.command);
            continue;
        }
        perform(run, dir, &folder, &mut line)?;
    }
    Ok(())
}

fn perform(run: Run, dir: PathBuf, folder: &Path, line: &mut Line) -> io::Result<()> {
    let start = spool::read_start(folder)?;
    // What only the program needs is in this process now, and no longer on the disk than it takes to begin.
    spool::forget_secrets(folder, &start)?;
    let job = Job { start, dir, mark: run.mark };
    let words = words(&job.start);
    let limits = Limits::read(job.start.timeouts.as_ref());
    let max_bytes = job.start.log_limits.map_or(0, |limits| limits.max_bytes);
    let names = spool::log_names(&job.start);
    let mut logs = Logs::new(folder.to_owned(), names, words, max_bytes, job.start.capture);
    let finished = match limits {
        Err(why) => {
            let finished = finished(job.start.command, not_started(why), &mut logs);
            keep(folder, &finished, None);
            finished
        }
        Ok(limits) => {
            logs.observe(observer(&job, folder), warning_log(&job.start));
            let mut watch = Watch::new(line, job.start.command, limits, logs);
            let exit = in_turn(&mut watch, &job)?;
            let exit = watch.end_observing().unwrap_or(exit);
            let mut finished = finished(job.start.command, exit, &mut watch.logs);
            finished.properties = watch.properties().to_vec();
            if let Some(said) = &mut finished.said {
                said.links = watch.links().to_vec();
            }
            finished.files = std::mem::take(&mut watch.files);
            finished.started_ms = watch.started_ms();
            let long = watch.elapsed() >= spool::SYNC_AFTER;
            keep(folder, &finished, long.then_some(&watch.logs));
            finished
        }
    };
    line.finish(finished);
    Ok(())
}

/// Runs the command when its builder's folder is free.
fn in_turn(watch: &mut Watch<'_>, job: &Job) -> io::Result<Exit> {
    let Some(_turn) = turn::wait(watch, &job.dir, &job.start.builder)? else {
        return Ok(watch.stopped_exit().unwrap_or_else(|| not_started("stopped".to_owned())));
    };
    match &job.start.what {
        Some(start::What::Shell(shell)) => shell::run(watch, job, shell),
        Some(start::What::Checkout(checkout)) => source::run(watch, job, checkout),
        Some(start::What::Files(files)) => files::run(watch, job, files),
        Some(start::What::Upload(what)) => upload::run(watch, job, what),
        Some(start::What::Download(what)) => download::run(watch, job, what),
        None => Ok(not_started("this worker does not know the kind of command: upgrade it".into())),
    }
}

/// Writes the result down; `sync` are the logs of a command that ran for long. When the disk takes nothing (it is
/// full) an agent that listens hears the result all the same.
fn keep(folder: &Path, finished: &Finished, sync: Option<&Logs>) {
    let kept = sync
        .map_or(Ok(()), Logs::sync)
        .and_then(|()| spool::write_exit(folder, finished, sync.is_some()));
    if let Err(error) = kept {
        say(&format!("cannot keep the result of {}: {error}", finished.command));
    }
}

fn finished(command: u64, mut exit: Exit, logs: &mut Logs) -> Finished {
    let mut end = exit.why.len().min(WHY_BYTES);
    while !exit.why.is_char_boundary(end) {
        end -= 1;
    }
    exit.why.truncate(end);
    let (finals, captured) = logs.finish();
    Finished {
        command,
        exit: Some(exit),
        logs: finals,
        captured: captured.out,
        said: Some(Said {
            captured_err: captured.err,
            ..without(&logs.words, logs.observer.finish())
        }),
        properties: Vec::new(),
        files: Vec::new(),
        at_ms: now_ms(),
        started_ms: 0,
    }
}

/// What was read from files of the command's own, which nothing has masked yet.
fn without(words: &Words, mut said: Said) -> Said {
    if words.is_empty() {
        return said;
    }
    if let Some(tests) = &mut said.tests {
        tests.trouble = words.mask(&tests.trouble);
        for test in &mut tests.failures {
            test.name = words.mask(&test.name);
        }
    }
    said.first_mistake = words.mask(&said.first_mistake);
    said
}

/// What is looked for in what the command writes.
fn observer(job: &Job, folder: &Path) -> Observer {
    Observer::new(observe_of(&job.start), spool::report_path(folder))
}

fn observe_of(start: &Start) -> Option<&Observe> {
    match &start.what {
        Some(start::What::Shell(shell)) => shell.observe.as_ref(),
        _ => None,
    }
}

fn warning_log(start: &Start) -> &str {
    observe_of(start).map_or("", |observe| &observe.warning_log)
}

/// The texts that must not leave the worker.
fn words(start: &Start) -> Words {
    match &start.what {
        Some(start::What::Shell(shell)) => Words::hiding(shell.masked.iter().map(String::as_str)),
        Some(start::What::Checkout(checkout)) => {
            let given = checkout.masked.iter().map(String::as_str);
            Words::hiding(place::secrets(&checkout.repository).chain(given))
        }
        Some(start::What::Files(_) | start::What::Upload(_) | start::What::Download(_)) | None => {
            Words::none()
        }
    }
}
