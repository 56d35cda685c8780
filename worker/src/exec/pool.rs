//! The supervisors of one agent: idle ones kept for the next command, busy ones by command.
//!
//! A command on an idle supervisor costs one fork and exec, that of the program itself; a new supervisor costs one
//! more. So a supervisor whose command is over is kept for a while, and no longer than [`KEEP_IDLE`]: an idle worker
//! holds no idle processes.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream as StdStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::net::UnixStream;
use tokio::sync::mpsc;

use crate::exec::frame::{Run, Steer};
use crate::exec::leash::{Leash, LeashId, Told};
use crate::exec::line;
use crate::exec::supervise::SUPERVISE;
use crate::id::CommandId;

/// What a command may have spooled and unacknowledged until a master has said how much, in bytes: adopting a command while
/// the master is away must not take its limit away.
const FIRST_LIMIT: u64 = 4 << 30;

/// How long a supervisor waits for its next command.
const KEEP_IDLE: Duration = Duration::from_secs(60);

/// The most that wait.
const MOST_IDLE: usize = 64;

/// All supervisors of an agent.
#[derive(Debug)]
pub(crate) struct Pool {
    dir: PathBuf,
    mark: String,
    program: PathBuf,
    words: File,
    told: mpsc::Sender<Told>,
    last: u64,
    limit: u64,
    idle: Vec<(Leash, Instant)>,
    busy: BTreeMap<CommandId, Busy>,
}

#[derive(Debug)]
struct Busy {
    leash: Leash,
    /// It is our child and will take another command.
    ours: bool,
}

impl Pool {
    /// `program` is started as supervisor; `mark` goes into the environment of steps.
    pub(crate) fn new(
        dir: &Path,
        mark: String,
        program: &Path,
        told: mpsc::Sender<Told>,
    ) -> io::Result<Self> {
        let words = File::options().create(true).append(true).open(dir.join("supervisor.err"))?;
        Ok(Self {
            dir: dir.to_owned(),
            mark,
            program: program.to_owned(),
            words,
            told,
            last: 0,
            limit: FIRST_LIMIT,
            idle: Vec::new(),
            busy: BTreeMap::new(),
        })
    }

    /// Gives a command that is in the spool to a supervisor.
    pub(crate) fn run(&mut self, command: CommandId) -> io::Result<()> {
        let run = || Run {
            dir: self.dir.as_os_str().as_bytes().to_vec(),
            command: command.0,
            mark: self.mark.clone(),
        };
        let steer = Steer { limit: self.limit, ..Steer::default() };
        while let Some((leash, _)) = self.idle.pop() {
            if leash.run(run(), steer.clone()) {
                self.busy.insert(command, Busy { leash, ours: true });
                return Ok(());
            }
        }
        let given = run();
        let leash = self.start()?;
        if !leash.run(given, steer) {
            return Err(io::Error::other("the supervisor ended at once"));
        }
        self.busy.insert(command, Busy { leash, ours: true });
        Ok(())
    }

    /// Calls the supervisor that an earlier agent started for a command.
    pub(crate) fn adopt(&mut self, command: CommandId, folder: &Path) -> io::Result<()> {
        let stream = line::call(folder)?;
        stream.set_nonblocking(true)?;
        let stream = UnixStream::from_std(stream)?;
        let steer = Steer { limit: self.limit, ..Steer::default() };
        let leash = Leash::new(self.next_id(), stream, None, steer, self.told.clone());
        self.busy.insert(command, Busy { leash, ours: false });
        Ok(())
    }

    /// Changes what the supervisor of a command should know.
    pub(crate) fn steer(&self, command: CommandId, change: impl FnOnce(&mut Steer)) {
        if let Some(busy) = self.busy.get(&command) {
            busy.leash.steer(change);
        }
    }

    /// From now on a command may have so many bytes unacknowledged.
    pub(crate) fn set_limit(&mut self, limit: u64) {
        self.limit = limit;
        for busy in self.busy.values() {
            busy.leash.steer(|steer| steer.limit = limit);
        }
    }

    /// The command is over: its supervisor may take another.
    pub(crate) fn release(&mut self, command: CommandId) {
        if let Some(busy) = self.busy.remove(&command).filter(|busy| busy.ours)
            && self.idle.len() < MOST_IDLE
        {
            self.idle.push((busy.leash, Instant::now()));
        }
    }

    /// A supervisor is gone; the command that it had, if any.
    pub(crate) fn gone(&mut self, leash: LeashId) -> Option<CommandId> {
        self.idle.retain(|(idle, _)| idle.id != leash);
        let command =
            self.busy.iter().find(|(_, busy)| busy.leash.id == leash).map(|(id, _)| *id)?;
        self.busy.remove(&command);
        Some(command)
    }

    /// Whether the report of a supervisor is about the command it has: a late word of an earlier one is not.
    pub(crate) fn has(&self, leash: LeashId, command: CommandId) -> bool {
        self.busy.get(&command).is_some_and(|busy| busy.leash.id == leash)
    }

    /// Lets go of those that have waited long enough.
    pub(crate) fn trim(&mut self) {
        self.idle.retain(|(_, since)| since.elapsed() < KEEP_IDLE);
    }

    fn start(&mut self) -> io::Result<Leash> {
        let (ours, theirs) = StdStream::pair()?;
        ours.set_nonblocking(true)?;
        let child = tokio::process::Command::new(&self.program)
            .arg0("linn-supervisor")
            .arg(SUPERVISE)
            .current_dir(&self.dir)
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::null())
            .stderr(self.words.try_clone()?)
            .spawn()?;
        let stream = UnixStream::from_std(ours)?;
        let id = self.next_id();
        Ok(Leash::new(id, stream, Some(child), Steer::default(), self.told.clone()))
    }

    fn next_id(&mut self) -> LeashId {
        self.last += 1;
        LeashId(self.last)
    }
}
