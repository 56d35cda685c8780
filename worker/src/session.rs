//! The protocol half of a worker, without IO: what it holds, what is acknowledged, what to say and do next.
//!
//! No clock, no socket, no file: inputs go in, outputs come out, so a simulator can drive both ends of a lossy wire in
//! one thread. It decides
//!
//! - that a command id is started at most once, whatever the wire repeats;
//! - from which offset each log is sent, and that at most a window of bytes is under way unacknowledged;
//! - that a result is said again in every session until the master has made it durable, and only then forgotten.
//!
//! Bytes never pass through here: they lie in the spool, and [`Session::next_push`] says which range to read and send.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use linn_proto::worker::{
    Ending, Exit, Finished, Held, HeldAnswer, HeldState, Hello, Leaving, LinkFound, LogAcked, Pong,
    Progress, PropertyFound, Start, Started, Welcome, WorkerInfo, from_worker, held_answer,
    to_worker,
};

use crate::id::CommandId;

/// How many forgotten ids are remembered, to recognise a `Start` that comes twice. The lowest go first: ids grow.
const REMEMBERED_IDS: usize = 4096;

/// Who speaks: the constant part of every `Hello`.
#[derive(Debug, Clone, PartialEq)]
pub struct Greeting {
    /// The worker's name in the master's configuration.
    pub name: String,
    /// 16 random bytes made once for the worker's folder.
    pub instance: Vec<u8>,
    /// What this machine is.
    pub info: WorkerInfo,
}

/// Something that happened to the worker.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// A connection stands and nothing has been said on it yet.
    LinkUp,
    /// The connection is gone, for whatever reason.
    LinkDown,
    /// The master said something on the session stream.
    FromMaster(to_worker::Msg),
    /// The master said something about log bytes.
    LogAcked(LogAcked),
    /// A command that an earlier agent started is found in the spool. Before the first `LinkUp` only.
    Adopted(CommandId),
    /// The command's process runs.
    Started(Started),
    /// A log of the command lies on disk up to `to` bytes.
    Spooled {
        /// Whose log.
        command: CommandId,
        /// The log's name.
        log: String,
        /// Bytes on disk.
        to: u64,
    },
    /// The command found a property.
    Property(PropertyFound),
    /// The command told a link.
    Link(LinkFound),
    /// The command told how far it is.
    Progress(Progress),
    /// The command ended; its result is on disk.
    Finished(Finished),
    /// A range that was to be sent cannot be read from the spool, nor can what follows it: why, as a sentence.
    Unreadable {
        /// Which range.
        push: Push,
        /// Why.
        why: String,
    },
    /// The agent is about to end on purpose.
    Leaving(String),
}

/// How hard to stop a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stop {
    /// The step's signal, then KILL after the grace.
    Interrupt,
    /// KILL at once.
    Kill,
}

/// Something the worker must do, in this order.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "moved once and never kept in bulk")]
pub enum Output {
    /// Say this on the session stream.
    Send(from_worker::Msg),
    /// Run this command: its id was never seen before.
    Start(Box<Start>),
    /// Stop this command's processes.
    Stop {
        /// Which.
        command: CommandId,
        /// How hard.
        how: Stop,
        /// Why, for people.
        reason: String,
    },
    /// The master has `bytes` of the command's logs, all of them together: its spool may grow again.
    Acked {
        /// Which.
        command: CommandId,
        /// Durable bytes over all its logs.
        bytes: u64,
    },
    /// From now on a command may hold so many unacknowledged bytes; then its pipe blocks.
    SpoolLimit(u64),
    /// The command is done with: kill what still runs, drop its spool.
    Forget(CommandId),
    /// The session is established.
    Welcomed {
        /// The session's number, to be named on the log stream.
        session: u64,
    },
    /// The master wants no session now: drop the link and dial again, not before `after`.
    Retry {
        /// One sentence for the user.
        why: String,
        /// The least wait.
        after: Duration,
    },
    /// The master wants no session ever: end.
    End {
        /// One sentence for the user.
        why: String,
    },
    /// The master will start nothing more here for now (contract C27); the process stays.
    Draining,
    /// Something is odd but harmless; for the agent's own log.
    Note(String),
}

/// A range of a log to read from the spool and send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Push {
    /// Whose log.
    pub command: CommandId,
    /// The log's name.
    pub log: String,
    /// First byte.
    pub from: u64,
    /// One past the last byte.
    pub to: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Down,
    Greeting,
    Up,
}

#[derive(Debug, Default)]
struct Log {
    spooled: u64,
    sent: u64,
    acked: u64,
    /// Where its readable part ends, once some of it was found unreadable, and why.
    broken: Option<(u64, String)>,
}

#[derive(Debug, Default)]
struct Command {
    started: Option<Started>,
    finished: Option<Finished>,
    logs: BTreeMap<String, Log>,
    /// The master has said from where to send, in this session.
    resumed: bool,
    /// The master knows it not, or not any more: its id may come to mean another command, which must not be taken for a
    /// repetition of this one.
    fenced: bool,
}

/// The state of a worker's side of the protocol.
#[derive(Debug)]
pub struct Session {
    greeting: Greeting,
    window: u64,
    phase: Phase,
    epoch: Vec<u8>,
    commands: BTreeMap<CommandId, Command>,
    forgotten: BTreeSet<CommandId>,
    /// Bytes sent in this session and not yet durable on the master.
    in_flight: u64,
    /// The log served last, so that each gets its turn.
    cursor: (CommandId, String),
}

impl Session {
    /// `window`: the most log bytes under way unacknowledged. They are counted, not kept, so it costs no memory here.
    #[must_use]
    pub fn new(greeting: Greeting, window: u64) -> Self {
        Self {
            greeting,
            window,
            phase: Phase::Down,
            epoch: Vec::new(),
            commands: BTreeMap::new(),
            forgotten: BTreeSet::new(),
            in_flight: 0,
            cursor: (CommandId(0), String::new()),
        }
    }

    /// Handles one input to the end. Outputs are appended to `out`.
    pub fn handle(&mut self, input: Input, out: &mut Vec<Output>) {
        match input {
            Input::LinkUp => self.greet(out),
            Input::LinkDown => self.link_down(),
            Input::FromMaster(msg) => self.heard(msg, out),
            Input::LogAcked(acked) => self.log_acked(&acked, out),
            Input::Adopted(command) => {
                self.commands.entry(command).or_default();
            }
            Input::Started(started) => {
                if let Some(command) = self.commands.get_mut(&CommandId(started.command)) {
                    command.started = Some(started);
                    if self.phase == Phase::Up && command.resumed {
                        out.push(Output::Send(from_worker::Msg::Started(started)));
                    }
                }
            }
            Input::Spooled { command, log, to } => self.spooled(command, log, to),
            // None of these is repeated in a later session: `Finished` carries them all again, but for the progress of what is
            // over, and a new one comes soon.
            Input::Property(found) => {
                self.pass_on(found.command, from_worker::Msg::Property(found), out);
            }
            Input::Link(found) => self.pass_on(found.command, from_worker::Msg::Link(found), out),
            Input::Progress(told) => {
                self.pass_on(told.command, from_worker::Msg::Progress(told), out);
            }
            Input::Finished(finished) => self.finished(finished, out),
            Input::Unreadable { push, why } => self.unreadable(&push, why, out),
            Input::Leaving(why) => {
                if self.phase == Phase::Up {
                    out.push(Output::Send(from_worker::Msg::Leaving(Leaving { why })));
                }
            }
        }
    }

    /// Sends what a running command tells, if this session knows it.
    fn pass_on(&self, command: u64, msg: from_worker::Msg, out: &mut Vec<Output>) {
        let known = self.commands.get(&CommandId(command));
        if self.phase == Phase::Up && known.is_some_and(|command| command.resumed) {
            out.push(Output::Send(msg));
        }
    }

    /// The next range of a log to send, if there is one and the window has room. The range counts as sent; when the
    /// send fails the link is down, and the next session starts from what the master has.
    pub fn next_push(&mut self) -> Option<Push> {
        let room = self.window.saturating_sub(self.in_flight);
        if self.phase != Phase::Up || room == 0 {
            return None;
        }
        let (command, name) = self.next_log()?;
        let log = self.commands.get_mut(&command)?.logs.get_mut(&name)?;
        let piece = (log.spooled - log.sent).min(linn_proto::MAX_LOG_PIECE_BYTES as u64).min(room);
        let from = log.sent;
        log.sent += piece;
        self.in_flight += piece;
        self.cursor = (command, name.clone());
        Some(Push { command, log: name, from, to: from + piece })
    }

    /// Whether a session is established.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.phase == Phase::Up
    }

    /// The commands held, finished ones included, in order.
    pub fn held(&self) -> impl Iterator<Item = CommandId> + '_ {
        self.commands.keys().copied()
    }

    /// Log bytes under way unacknowledged in this session; never above the window.
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        self.in_flight
    }

    /// The first log with something to send after the one served last, in a ring.
    fn next_log(&self) -> Option<(CommandId, String)> {
        let waiting = self.commands.iter().filter(|(_, command)| command.resumed).flat_map(
            |(id, command)| {
                let logs = command.logs.iter().filter(|(_, log)| log.sent < log.spooled);
                logs.map(move |(name, _)| (*id, name))
            },
        );
        let mut first = None;
        for (id, name) in waiting {
            if (id, name.as_str()) > (self.cursor.0, self.cursor.1.as_str()) {
                return Some((id, name.clone()));
            }
            first = first.or(Some((id, name)));
        }
        first.map(|(id, name)| (id, name.clone()))
    }

    fn greet(&mut self, out: &mut Vec<Output>) {
        self.link_down();
        self.phase = Phase::Greeting;
        let held = self.commands.iter().map(|(id, command)| Held {
            command: id.0,
            state: if command.finished.is_some() {
                HeldState::Finished.into()
            } else {
                HeldState::Running.into()
            },
            spooled_to: command
                .logs
                .iter()
                .map(|(name, log)| (name.clone(), log.spooled))
                .collect(),
        });
        out.push(Output::Send(from_worker::Msg::Hello(Hello {
            name: self.greeting.name.clone(),
            instance: self.greeting.instance.clone(),
            protocol: linn_proto::PROTOCOL,
            info: Some(self.greeting.info.clone()),
            held: held.collect(),
        })));
    }

    fn link_down(&mut self) {
        self.phase = Phase::Down;
        self.in_flight = 0;
        for command in self.commands.values_mut() {
            command.resumed = false;
            for log in command.logs.values_mut() {
                log.sent = log.acked;
            }
        }
    }

    fn heard(&mut self, msg: to_worker::Msg, out: &mut Vec<Output>) {
        match (msg, self.phase) {
            (_, Phase::Down) => {}
            (to_worker::Msg::Welcome(welcome), Phase::Greeting) => self.welcome(welcome, out),
            (to_worker::Msg::Refused(refused), Phase::Greeting) => {
                self.link_down();
                out.push(if refused.r#final {
                    Output::End { why: refused.why }
                } else {
                    let after = Duration::from_millis(u64::from(refused.retry_after_ms));
                    Output::Retry { why: refused.why, after }
                });
            }
            (_, Phase::Greeting) => {
                out.push(Output::Note("the master spoke before its welcome; ignored".to_owned()));
            }
            (to_worker::Msg::Welcome(_) | to_worker::Msg::Refused(_), Phase::Up) => {
                out.push(Output::Note("a second welcome in one session; ignored".to_owned()));
            }
            (to_worker::Msg::Start(start), Phase::Up) => self.start(start, out),
            (to_worker::Msg::Interrupt(stop), Phase::Up) => {
                self.stop(CommandId(stop.command), Stop::Interrupt, stop.reason, out);
            }
            (to_worker::Msg::Kill(stop), Phase::Up) => {
                self.stop(CommandId(stop.command), Stop::Kill, stop.reason, out);
            }
            (to_worker::Msg::Acked(acked), Phase::Up) => {
                let id = CommandId(acked.command);
                // An ack of something that still runs would be a lie of the wire; forgetting it would lose a result.
                if self.commands.get(&id).is_some_and(|command| command.finished.is_some()) {
                    self.forget(id, out);
                }
            }
            (to_worker::Msg::Drain(_), Phase::Up) => out.push(Output::Draining),
            (to_worker::Msg::Ping(ping), Phase::Up) => {
                out.push(Output::Send(from_worker::Msg::Pong(Pong { nonce: ping.nonce })));
            }
        }
    }

    fn welcome(&mut self, welcome: Welcome, out: &mut Vec<Output>) {
        self.phase = Phase::Up;
        if self.epoch != welcome.epoch {
            // Ids are unique within an epoch only: what was forgotten belongs to another database.
            self.forgotten.clear();
            // What this agent took up knows no epoch yet: the first welcome gives it one.
            let other = !self.epoch.is_empty();
            self.commands.values_mut().for_each(|command| command.fenced |= other);
            self.epoch = welcome.epoch;
        }
        out.push(Output::Welcomed { session: welcome.session });
        out.push(Output::SpoolLimit(welcome.spool_limit_bytes));
        for answer in welcome.held {
            self.held_answer(answer, out);
        }
        for (id, command) in &self.commands {
            if !command.resumed {
                out.push(Output::Note(format!("the master did not say what to do with {id}")));
            }
        }
    }

    fn held_answer(&mut self, held: HeldAnswer, out: &mut Vec<Output>) {
        let id = CommandId(held.command);
        let Some(command) = self.commands.get_mut(&id) else { return };
        match held.answer {
            Some(held_answer::Answer::Resume(resume)) => {
                command.resumed = true;
                for (name, log) in &mut command.logs {
                    log.acked = resume.acked_to.get(name).copied().unwrap_or(0).min(log.spooled);
                    log.sent = log.acked;
                }
                let bytes = command.logs.values().map(|log| log.acked).sum();
                out.push(Output::Acked { command: id, bytes });
                Self::repeat(command, out);
            }
            Some(held_answer::Answer::Kill(_)) => {
                // Its bytes still land in the old log; the master skips what it has and says so in its acks.
                (command.resumed, command.fenced) = (true, true);
                for log in command.logs.values_mut() {
                    (log.acked, log.sent) = (0, 0);
                }
                if command.finished.is_none() {
                    let reason = "the master no longer wants it".to_owned();
                    out.push(Output::Stop { command: id, how: Stop::Kill, reason });
                }
                Self::repeat(command, out);
            }
            Some(held_answer::Answer::Forget(_)) => {
                command.fenced = true;
                self.forget(id, out);
            }
            None => {}
        }
    }

    /// Says again what this session's master may not have heard.
    fn repeat(command: &Command, out: &mut Vec<Output>) {
        if let Some(finished) = &command.finished {
            out.push(Output::Send(from_worker::Msg::Finished(finished.clone())));
        } else if let Some(started) = command.started {
            out.push(Output::Send(from_worker::Msg::Started(started)));
        }
    }

    fn start(&mut self, start: Start, out: &mut Vec<Output>) {
        let id = CommandId(start.command);
        if self.commands.contains_key(&id) || self.forgotten.contains(&id) {
            out.push(Output::Note(format!("command {id} came a second time; started once only")));
            return;
        }
        self.commands.insert(id, Command { resumed: true, ..Command::default() });
        out.push(Output::Start(Box::new(start)));
    }

    fn stop(&mut self, id: CommandId, how: Stop, reason: String, out: &mut Vec<Output>) {
        if self.commands.get(&id).is_some_and(|command| command.finished.is_none()) {
            out.push(Output::Stop { command: id, how, reason });
        }
    }

    fn forget(&mut self, id: CommandId, out: &mut Vec<Output>) {
        let Some(command) = self.commands.remove(&id) else { return };
        let under_way: u64 = command.logs.values().map(|log| log.sent - log.acked).sum();
        self.in_flight -= under_way;
        if !command.fenced {
            self.forgotten.insert(id);
        }
        if self.forgotten.len() > REMEMBERED_IDS {
            self.forgotten.pop_first();
        }
        out.push(Output::Forget(id));
    }

    fn spooled(&mut self, id: CommandId, name: String, to: u64) {
        if let Some(command) = self.commands.get_mut(&id) {
            let log = command.logs.entry(name).or_default();
            let to = log.broken.as_ref().map_or(to, |(end, _)| to.min(*end));
            log.spooled = log.spooled.max(to);
        }
    }

    /// A log with a hole is the trouble of its command, not of the session: the command ends as lost, with what of the log
    /// can be read, and everything else goes on (L1).
    fn unreadable(&mut self, push: &Push, why: String, out: &mut Vec<Output>) {
        let Some(command) = self.commands.get_mut(&push.command) else { return };
        let Some(log) = command.logs.get_mut(&push.log) else { return };
        self.in_flight = self.in_flight.saturating_sub(log.sent.saturating_sub(push.from));
        (log.sent, log.spooled) = (push.from, push.from);
        log.broken = Some((push.from, why.clone()));
        match &mut command.finished {
            None => {
                out.push(Output::Stop { command: push.command, how: Stop::Kill, reason: why });
            }
            Some(finished) => {
                // It was told with a length that will never be reached; a new session hears the right one.
                mend(finished, &command.logs);
                out.push(Output::Retry { why, after: Duration::ZERO });
            }
        }
    }

    fn finished(&mut self, mut finished: Finished, out: &mut Vec<Output>) {
        let id = CommandId(finished.command);
        for log in &finished.logs {
            self.spooled(id, log.name.clone(), log.bytes);
        }
        let Some(command) = self.commands.get_mut(&id) else { return };
        mend(&mut finished, &command.logs);
        command.finished = Some(finished.clone());
        if self.phase == Phase::Up && command.resumed {
            out.push(Output::Send(from_worker::Msg::Finished(finished)));
        }
    }

    fn log_acked(&mut self, said: &LogAcked, out: &mut Vec<Output>) {
        let id = CommandId(said.command);
        if self.phase != Phase::Up {
            return;
        }
        let Some(command) = self.commands.get_mut(&id).filter(|command| command.resumed) else {
            return;
        };
        let Some(log) = command.logs.get_mut(&said.log) else { return };
        // A worker trusts no number from outside: nothing beyond what lies on its disk can be durable elsewhere.
        let before = log.sent - log.acked;
        log.acked = log.acked.max(said.durable_to.min(log.spooled));
        log.sent = log.sent.max(log.acked);
        if let Some(expected) = said.expected {
            // The master has less than was thought: the spool still holds all of it.
            log.sent = expected.min(log.spooled);
            log.acked = log.acked.min(log.sent);
        }
        self.in_flight = self.in_flight - before + (log.sent - log.acked);
        let bytes = command.logs.values().map(|log| log.acked).sum();
        out.push(Output::Acked { command: id, bytes });
    }
}

/// Makes a result say what of its logs there is, when some of them cannot be read.
fn mend(finished: &mut Finished, logs: &BTreeMap<String, Log>) {
    for last in &mut finished.logs {
        let Some((end, why)) = logs.get(&last.name).and_then(|log| log.broken.as_ref()) else {
            continue;
        };
        last.bytes = last.bytes.min(*end);
        last.sha256.clear();
        let exit = Exit { ending: Ending::Lost.into(), code: -1, signal: 0, why: why.clone() };
        finished.exit = Some(exit);
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
