//! Why a command of several parts did not succeed, and the exit that says so.

use std::io;

use linn_proto::worker::{Ending, Exit};

use crate::exec::limits::not_started;
use crate::exec::watch::Watch;

/// Why.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It was stopped.
    Stopped,
    /// It never began: a sentence.
    Refused(String),
    /// A sentence, and the exit code of the program that said no; -1: none did.
    Failed {
        /// The sentence.
        why: String,
        /// The code.
        code: i32,
    },
    /// The worker's own trouble.
    Io(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Failure {
    pub(crate) fn failed(why: impl Into<String>) -> Self {
        Self::Failed { why: why.into(), code: -1 }
    }
}

/// The exit of a command of several parts; `doing` is what it does, for a sentence about the worker's own trouble.
pub(crate) fn exit(watch: &Watch<'_>, outcome: Result<(), Failure>, doing: &str) -> Exit {
    let failed = |why, code| Exit { ending: Ending::Failed.into(), code, signal: 0, why };
    let exit = match outcome {
        Ok(()) => Exit { ending: Ending::Exited.into(), ..Exit::default() },
        Err(Failure::Refused(why)) => not_started(why),
        Err(Failure::Failed { why, code }) => failed(why, code),
        Err(Failure::Stopped) => not_started("stopped".to_owned()),
        Err(Failure::Io(error)) => {
            failed(format!("the worker could not go on with {doing}: {error}"), -1)
        }
    };
    let mut exit = watch.stopped_exit().unwrap_or(exit);
    exit.why = watch.logs.words().mask(&exit.why);
    exit
}
