//! The worker of linn: runs what a master orders and loses nothing of it.
//!
//! A [`Worker`] connects to its master over any transport, takes commands, and hands each to a supervisor process that
//! outlives it (decision D14). Output and results lie in a spool on disk until the master has made them durable.
//!
//! ```text
//! master ══ link ══ session (sans-IO) ══ agent ── spool (files)
//!                                          └─ pool ── leash ══ line ── watch ── program
//!                                                     (socket)   └─ in the supervisor process
//! ```
//!
//! A program that embeds a worker must call [`supervise_if_asked`] first thing in `main`.

mod agent;
mod backoff;
pub mod cli;
mod clock;
mod command;
mod exec;
mod id;
mod info;
mod link;
mod observe;
mod patience;
mod pusher;
pub mod session;
mod settings;
mod spool;
mod stale;
mod transfer;
mod worker;

pub use backoff::Backoff;
pub use exec::mask;
pub use id::CommandId;
pub use link::{BadServer, SESSION_METADATA, endpoint};
pub use settings::{File as SettingsFile, FileError, Settings};
pub use spool::STDIO;
pub use stale::remove_git_leftovers;
pub use worker::{Worker, WorkerError};

/// Kills every process of this user whose environment holds all of `marks` (each `NAME=value`), and returns how many could
/// not be killed. It waits for them: not for a task of a runtime.
#[must_use]
pub fn kill_marked(marks: &[String]) -> usize {
    /// A program that starts others faster than it is killed is swept so often.
    const SWEEPS: u32 = 500;
    exec::proc::kill_marked(marks, SWEEPS)
}

/// Becomes a supervisor, or the shim that takes a terminal, when this process was started as one; returns otherwise.
///
/// To be called before anything else in `main`: a supervisor must have one thread, no runtime and no open files, and
/// its start is on the way of every command.
pub fn supervise_if_asked() {
    let mut args = std::env::args_os().skip(1);
    match args.next() {
        Some(asked) if asked == exec::supervise::SUPERVISE => {
            std::process::exit(exec::supervise::main())
        }
        Some(asked) if asked == exec::pty::CTTY => exec::pty::become_program(args),
        _ => {}
    }
}
