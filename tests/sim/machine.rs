//! A worker's machine: a real session, and processes that live under supervisors whatever happens to the agent.

use std::collections::BTreeMap;

use linn_proto::worker::{
    Ending, Exit, FinalLog, Finished, PropertyFound, Start, Started, WorkerInfo, start,
};
use linn_worker::CommandId;
use linn_worker::session::{Greeting, Input, Output, Session, Stop};

use crate::random::Random;

/// The most unacknowledged bytes a session has under way. Small, so that the window matters.
const WINDOW: u64 = 2048;

/// A process and its spool: what outlives the agent.
pub(crate) struct Process {
    /// What has been written so far; the spool.
    pub(crate) written: Vec<u8>,
    /// When it writes next.
    next_write: i64,
    /// When it ends by itself.
    ends: i64,
    /// How.
    exit: Exit,
    /// The revision that it finds, if it is a checkout.
    finds: Option<PropertyFound>,
    /// The record of its end.
    pub(crate) finished: Option<Finished>,
}

/// One worker.
pub(crate) struct Machine {
    /// Its name.
    pub(crate) name: String,
    /// How many machines had that name before: each has a folder of its own.
    folder: u32,
    /// The protocol half; `None` while the agent is down.
    pub(crate) session: Option<Session>,
    /// Its present connection.
    pub(crate) link: Option<u64>,
    /// By command.
    pub(crate) processes: BTreeMap<u64, Process>,
    /// When the agent starts or dials again.
    pub(crate) dials: Option<i64>,
    /// What every ended process had written: the truth about its log.
    pub(crate) truth: BTreeMap<u64, Vec<u8>>,
}

impl Machine {
    /// A machine whose agent dials at once.
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            folder: 0,
            session: None,
            link: None,
            processes: BTreeMap::new(),
            dials: Some(0),
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
            instance: format!("{} {}", self.name, self.folder).into_bytes(),
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

    /// The agent ends: its memory is gone, its processes are not.
    pub(crate) fn end(&mut self, dials: i64) {
        self.session = None;
        self.dials = Some(dials);
    }

    /// The machine starts anew: its processes are gone, its spool is not, so each has a record that says so.
    pub(crate) fn reboot(&mut self, now: i64, dials: i64) {
        self.end(dials);
        for (id, process) in self.processes.iter_mut().filter(|(_, it)| it.finished.is_none()) {
            process.exit = ended(Ending::Lost, 0);
            process.finds = None;
            process.end(*id, now);
            self.truth.insert(*id, process.written.clone());
        }
    }

    /// The machine is gone for good; another one takes its name.
    pub(crate) fn lose(&mut self, dials: i64) {
        self.end(dials);
        self.processes.clear();
        self.folder += 1;
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
        let process = Process {
            written: Vec::new(),
            next_write: now + 1,
            ends: now + 5 + random.ms(4000),
            exit: exit(random),
            finds: finds(start, random),
            finished: None,
        };
        self.processes.insert(start.command, process);
        self.handle(Input::Started(Started { command: start.command, at_ms: now, pid: 1 }))
    }

    /// Somebody stops a command.
    pub(crate) fn stop(&mut self, command: u64, how: Stop, now: i64) {
        if let Some(process) = self.processes.get_mut(&command) {
            let grace = if how == Stop::Kill { 0 } else { 5 };
            process.ends = process.ends.min(now + grace);
            process.exit = ended(Ending::Interrupted, 0);
        }
    }

    /// The next moment at which a process does something, or the agent.
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
                process.write(now, random);
                let to = process.written.len() as u64;
                inputs.push(Input::Spooled { command, log: "stdio".into(), to });
            }
            if process.ends <= now {
                inputs.extend(process.finds.clone().map(Input::Property));
                inputs.push(Input::Finished(process.end(*id, now)));
                self.truth.insert(*id, process.written.clone());
            }
        }
        inputs.into_iter().flat_map(|input| self.handle(input)).collect()
    }
}

impl Process {
    fn write(&mut self, now: i64, random: &mut Random) {
        for _ in 0..1 + random.below(110) {
            self.written.extend(random.next().to_le_bytes());
        }
        self.next_write = now + 1 + random.ms(500);
    }

    fn end(&mut self, command: u64, now: i64) -> Finished {
        let finished = Finished {
            command,
            exit: Some(self.exit.clone()),
            logs: vec![FinalLog {
                name: "stdio".into(),
                bytes: self.written.len() as u64,
                ..FinalLog::default()
            }],
            properties: self.finds.clone().into_iter().collect(),
            at_ms: now,
            ..Finished::default()
        };
        self.finished = Some(finished.clone());
        finished
    }
}

fn ended(ending: Ending, code: i32) -> Exit {
    Exit { ending: ending.into(), code, why: "by chance".into(), signal: 9 }
}

fn exit(random: &mut Random) -> Exit {
    match random.below(100) {
        0..80 => ended(Ending::Exited, 0),
        80..92 => ended(Ending::Exited, 2),
        92..94 => ended(Ending::Signalled, 0),
        94..96 => ended(Ending::TimedOut, 0),
        96..97 => ended(Ending::NotStarted, 0),
        97..98 => ended(Ending::Failed, 0),
        _ => ended(Ending::Lost, 0),
    }
}

/// A checkout obtains what was asked for, or now and then something else.
fn finds(start: &Start, random: &mut Random) -> Option<PropertyFound> {
    let Some(start::What::Checkout(checkout)) = &start.what else { return None };
    let asked = checkout.revision.clone().filter(|_| random.per_mille(900));
    let found = asked.unwrap_or_else(|| "main 1".to_owned());
    let json = serde_json::json!({ checkout.codebase.as_str(): found }).to_string();
    Some(PropertyFound { command: start.command, name: "got_revision".into(), json })
}
