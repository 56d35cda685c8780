//! A worker's machine: a real session, and processes that live under supervisors whatever happens to the agent.

use std::collections::BTreeMap;

use linn_proto::worker::{Ending, Exit, FinalLog, Finished, Start, Started, WorkerInfo};
use linn_worker::CommandId;
use linn_worker::session::{Greeting, Input, Output, Session, Stop};

use crate::random::Random;

/// The most unacknowledged bytes a session has under way. Small, so that the window matters.
const WINDOW: u64 = 4096;

/// A process and its spool: what outlives the agent.
pub(crate) struct Process {
    /// What has been written so far; the spool.
    pub(crate) written: Vec<u8>,
    /// When it writes next, and when it ends.
    pub(crate) next_write: i64,
    /// When it ends by itself.
    pub(crate) ends: i64,
    /// The record of its end.
    pub(crate) finished: Option<Finished>,
    exit: i32,
}

/// One worker.
pub(crate) struct Machine {
    /// Its name.
    pub(crate) name: String,
    /// The protocol half; `None` while the agent is down.
    pub(crate) session: Option<Session>,
    /// By command.
    pub(crate) processes: BTreeMap<u64, Process>,
    /// When the agent starts or dials again.
    pub(crate) dials: Option<i64>,
    /// Every command that was ever started here, once each.
    pub(crate) started: Vec<u64>,
    /// What every ended process had written: the truth about its log.
    pub(crate) truth: BTreeMap<u64, Vec<u8>>,
}

impl Machine {
    /// A machine whose agent dials at once.
    pub(crate) fn new(name: String) -> Self {
        Self {
            name,
            session: None,
            processes: BTreeMap::new(),
            dials: Some(0),
            started: Vec::new(),
            truth: BTreeMap::new(),
        }
    }

    /// The agent starts, if it is not up: it finds what the spool holds.
    pub(crate) fn boot(&mut self) {
        if self.session.is_some() {
            return;
        }
        let greeting = Greeting {
            name: self.name.clone(),
            instance: self.name.as_bytes().to_vec(),
            info: WorkerInfo { version: "sim".into(), ..WorkerInfo::default() },
        };
        let mut session = Session::new(greeting, WINDOW);
        let mut out = Vec::new();
        for (id, process) in &self.processes {
            let command = CommandId(*id);
            session.handle(Input::Adopted(command), &mut out);
            let to = process.written.len() as u64;
            session.handle(Input::Spooled { command, log: "stdio".into(), to }, &mut out);
            if let Some(finished) = &process.finished {
                session.handle(Input::Finished(finished.clone()), &mut out);
            }
        }
        assert!(out.is_empty(), "an agent that is not connected has nothing to do: {out:?}");
        self.session = Some(session);
    }

    /// The agent crashes: its memory is gone, its processes are not.
    pub(crate) fn crash(&mut self, dials: i64) {
        self.session = None;
        self.dials = Some(dials);
    }

    /// Something for the session.
    pub(crate) fn handle(&mut self, input: Input) -> Vec<Output> {
        let mut out = Vec::new();
        if let Some(session) = &mut self.session {
            session.handle(input, &mut out);
        }
        out
    }

    /// A command begins: it will write some, and end some time.
    pub(crate) fn start(&mut self, start: &Start, now: i64, random: &mut Random) -> Vec<Output> {
        self.started.push(start.command);
        let lasts = 5 + i64::try_from(random.below(4000)).expect("small");
        let process = Process {
            written: Vec::new(),
            next_write: now + 1,
            ends: now + lasts,
            finished: None,
            exit: if random.per_mille(200) { 2 } else { 0 },
        };
        self.processes.insert(start.command, process);
        self.handle(Input::Started(Started { command: start.command, at_ms: now, pid: 1 }))
    }

    /// Somebody stops a command.
    pub(crate) fn stop(&mut self, command: u64, how: Stop, now: i64) {
        if let Some(process) = self.processes.get_mut(&command) {
            let grace = if how == Stop::Kill { 0 } else { 5 };
            process.ends = process.ends.min(now + grace);
            process.exit = -1;
        }
    }

    /// The master is done with a command.
    pub(crate) fn forget(&mut self, command: u64) {
        self.processes.remove(&command);
    }

    /// The next moment at which a process does something.
    pub(crate) fn next(&self) -> Option<i64> {
        let running = self.processes.values().filter(|process| process.finished.is_none());
        running.map(|process| process.next_write.min(process.ends)).chain(self.dials).min()
    }

    /// Processes write and end; what the session makes of it.
    pub(crate) fn live(&mut self, now: i64, random: &mut Random) -> Vec<Output> {
        let mut inputs = Vec::new();
        for (id, process) in &mut self.processes {
            if process.finished.is_some() {
                continue;
            }
            let command = CommandId(*id);
            if process.next_write <= now && now < process.ends {
                let some = 1 + random.below(900);
                process.written.extend((0..some).map(|_| random.next().to_le_bytes()[0]));
                process.next_write = now + 1 + i64::try_from(random.below(300)).expect("small");
                let to = process.written.len() as u64;
                inputs.push(Input::Spooled { command, log: "stdio".into(), to });
            }
            if process.ends <= now {
                let finished = process.end(*id, now);
                self.truth.insert(*id, process.written.clone());
                inputs.push(Input::Finished(finished));
            }
        }
        inputs.into_iter().flat_map(|input| self.handle(input)).collect()
    }
}

impl Process {
    fn end(&mut self, command: u64, now: i64) -> Finished {
        let ending = if self.exit < 0 { Ending::Interrupted } else { Ending::Exited };
        let finished = Finished {
            command,
            exit: Some(Exit { ending: ending.into(), code: self.exit.max(0), ..Exit::default() }),
            logs: vec![FinalLog {
                name: "stdio".into(),
                bytes: self.written.len() as u64,
                ..FinalLog::default()
            }],
            at_ms: now,
            ..Finished::default()
        };
        self.finished = Some(finished.clone());
        finished
    }
}
