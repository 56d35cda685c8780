//! A command on a worker: what is sent, rendered whole, and how it ended.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Artifact, DownloadCommand, FilesCommand, HereCommand, Look, Said, UploadCommand};
use crate::change::Patch;
use crate::config::Vcs;
use crate::id::{BuildRef, CommandId, LogId, SecretName};
use crate::time::{Span, Timestamp};

/// One command for one worker, rendered whole. The same spec again has the same id: a worker runs it once.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CommandSpec {
    /// Fences it.
    pub id: CommandId,
    /// For people, and for the log's place.
    pub build: BuildRef,
    /// The name of the build's folder on its worker; `None`: its builder's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// The step's name.
    pub step: String,
    /// Of the build.
    pub attempt: u32,
    /// What to do.
    pub what: CommandWhat,
    /// Bounds.
    pub timeouts: Timeouts,
    /// The largest log, in bytes.
    pub log_max_bytes: u64,
    /// Send the beginning of standard output along with the end.
    pub capture: bool,
    /// Name and id of each log known beforehand; `stdio` first.
    pub logs: Vec<(String, LogId)>,
    /// The secrets whose handles its texts hold; with none of them the texts are as they are.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub secrets: BTreeSet<SecretName>,
}

/// What a worker can do.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommandWhat {
    /// Run a program.
    Shell(ShellCommand),
    /// Bring a tree to a revision.
    Checkout(CheckoutCommand),
    /// Do one small thing to the files of the build folder.
    Files(FilesCommand),
    /// Keep files of the build folder on the master.
    Upload(UploadCommand),
    /// Bring a file from the master.
    Download(DownloadCommand),
    /// No worker's business: the master itself carries it out.
    Here(HereCommand),
}

/// Run a program.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ShellCommand {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Below the build's folder.
    pub workdir: String,
    /// In order; later ones win.
    pub env: Vec<EnvEntry>,
    /// Written to standard input, then closed.
    pub stdin: Option<String>,
    /// On a terminal.
    pub pty: bool,
    /// Standard output and standard error through a pipe each: the order between them is then approximate.
    #[serde(default)]
    pub separate: bool,
    /// Further logs: name and path.
    pub logfiles: Vec<(String, String)>,
    /// Names of those that begin at the end of what is in their file already.
    #[serde(default)]
    pub followed: Vec<String>,
    /// What is looked for in what it writes.
    #[serde(default)]
    pub look: Look,
}

/// One setting of the environment (PR-1).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct EnvEntry {
    /// The variable.
    pub name: String,
    /// `None`: removed.
    pub value: Option<String>,
    /// Put before what is there, with the path separator (`PYTHONPATH`).
    pub prepend: bool,
}

/// Bring a tree to a revision.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CheckoutCommand {
    /// By which program. A command of an earlier version says nothing, and means git.
    #[serde(default = "git")]
    pub vcs: Vcs,
    /// URL or path.
    pub repository: String,
    /// Whose revision is reported.
    pub codebase: String,
    /// Below the build's folder.
    pub workdir: String,
    /// `None`: the default one.
    pub branch: Option<String>,
    /// `None`: the tip.
    pub revision: Option<String>,
    /// `incremental`, `clobber`, `fresh`, `clean` or `copy`.
    pub method: String,
    /// Depth, if shallow.
    pub shallow: Option<u32>,
    /// With submodules.
    pub submodules: bool,
    /// Pause and number of further tries.
    pub retry: Option<(Span, u32)>,
    /// Laid over the tree afterwards.
    pub patch: Option<Patch>,
    /// In order; later ones win.
    pub env: Vec<EnvEntry>,
}

const fn git() -> Vcs {
    Vcs::Git
}

/// Bounds of a command (PR-2); `None` is never.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Timeouts {
    /// Without output.
    pub silence: Option<Span>,
    /// In all.
    pub total: Option<Span>,
    /// Between TERM and KILL.
    pub term_grace: Span,
    /// Lines of output.
    pub max_lines: Option<u32>,
    /// Sent first; empty: TERM.
    pub interrupt_signal: String,
}

/// How a command ended.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// By itself, with this code.
    Exited(i32),
    /// By a signal.
    Signalled(i32),
    /// No output for too long: `timeout_without_output` (PR-2).
    TimedOutSilent,
    /// Too long in all: `timeout`.
    TimedOut,
    /// Too many lines: `max_lines_failure`.
    MaxLines,
    /// It was asked to end.
    Interrupted,
    /// It never ran: why.
    NotStarted(String),
    /// A compound command failed: why.
    Failed(String),
    /// There was no answer from a server that was asked: why. The step is an exception.
    Unanswered(String),
    /// It was not begun, for its master would not: why. The step is an exception.
    Refused(String),
    /// It never ran, and its worker is to blame: why. The build is tried on another one (F15).
    Unfit(String),
    /// Nobody knows: its machine went away. The build is tried again (LW-1).
    Lost(String),
}

/// One log at its end.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FinalLog {
    /// Which.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// Its lines; an unended last one counts.
    pub lines: u64,
    /// Cut off by the limit.
    pub dropped: u64,
}

/// Everything told at the end of a command.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Finished {
    /// Which.
    pub command: CommandId,
    /// How.
    pub exit: Exit,
    /// All its logs, settled on the master's disk before the core hears of the end.
    pub logs: Vec<FinalLog>,
    /// Properties it found.
    pub properties: Vec<(String, Value)>,
    /// Files of an upload, durable on the master's disk before the core hears of the end.
    #[serde(default)]
    pub artifacts: Vec<Artifact>,
    /// The beginning of its standard output, when asked for.
    pub captured: Vec<u8>,
    /// What else it told.
    #[serde(default)]
    pub said: Said,
    /// When it began, by the worker's clock made good; `None`: it never did.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub at: Timestamp,
}

impl Finished {
    /// An end of which nothing more is known: no log, nothing found, and no beginning.
    #[must_use]
    pub fn bare(command: CommandId, exit: Exit, at: Timestamp) -> Self {
        Self {
            command,
            exit,
            logs: Vec::new(),
            properties: Vec::new(),
            artifacts: Vec::new(),
            captured: Vec::new(),
            said: Said::default(),
            started_at: None,
            at,
        }
    }
}
