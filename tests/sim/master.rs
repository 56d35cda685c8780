//! The master's side: the real core, a store that survives crashes, and log files of which only the synced part does.
//!
//! It keeps the order of the real shell: records are committed, then actions are performed; log bytes are synced, then
//! acknowledged; all logs of a command are settled, then the core hears of its end. A crash may fall between any two.

use std::collections::BTreeMap;
use std::sync::Arc;

use linn_core::action::{Action, Answer, HeldVerdict};
use linn_core::config::Config;
use linn_core::ctx::Outbox;
use linn_core::hooks::NoHooks;
use linn_core::id::{CommandId, SessionId, Token};
use linn_core::input::Input;
use linn_core::master::Master as Core;
use linn_core::model::{Exit, FinalLog, Finished};
use linn_core::record::Record;
use linn_core::time::Timestamp;
use linn_master::store::{MemoryStore, Store};
use linn_proto::worker::{
    self, Acked, Ending, Forget, HeldAnswer, Interrupt, Kill, KillIt, LogAcked, LogAppend, Refused,
    Resume, Start, Welcome, held_answer, to_worker,
};

use crate::wire::Down;

/// One log on the master's disk.
#[derive(Default)]
pub(crate) struct LogFile {
    /// All that was written, synced or not.
    pub(crate) bytes: Vec<u8>,
    /// What would survive a crash.
    pub(crate) synced: usize,
}

/// A result that waits until its log is whole.
struct Unsettled {
    session: SessionId,
    finished: worker::Finished,
}

/// The master, up or down.
pub(crate) struct Master {
    /// `None` while it is down.
    pub(crate) core: Option<Core>,
    config: Arc<Config>,
    /// The disk.
    pub(crate) store: MemoryStore,
    /// The disk, too.
    pub(crate) logs: BTreeMap<u64, LogFile>,
    unsettled: Vec<Unsettled>,
    /// Session → worker, of this life.
    pub(crate) sessions: BTreeMap<SessionId, String>,
    last_session: u64,
    /// Answers to askings, as they came out.
    pub(crate) answers: Vec<(Token, Answer)>,
    /// Every record ever committed.
    pub(crate) history: Vec<Record>,
    /// The inputs of this life, as text, for a failing seed's log.
    pub(crate) inputs: Vec<String>,
}

impl Master {
    /// A master that is down, on an empty disk.
    pub(crate) fn new(config: Arc<Config>) -> Self {
        Self {
            core: None,
            config,
            store: MemoryStore::new(),
            logs: BTreeMap::new(),
            unsettled: Vec::new(),
            sessions: BTreeMap::new(),
            last_session: 0,
            answers: Vec::new(),
            history: Vec::new(),
            inputs: Vec::new(),
        }
    }

    /// It starts, or starts again: from the disk alone.
    pub(crate) fn boot(&mut self, now: i64) -> Result<(), String> {
        for log in self.logs.values_mut() {
            log.bytes.truncate(log.synced);
        }
        self.unsettled.clear();
        self.sessions.clear();
        let tables = self.store.load().map_err(|error| error.to_string())?;
        let mut out = Outbox::new();
        let core = Core::restore(
            vec![Arc::clone(&self.config)],
            tables,
            Timestamp(now),
            &NoHooks,
            &mut out,
        );
        self.core = Some(core);
        let (records, actions) = out.take();
        self.commit(now, records)?;
        debug_assert!(actions.iter().all(|action| !matches!(action, Action::SendCommand { .. })));
        Ok(())
    }

    /// It dies: everything in memory is gone.
    pub(crate) fn crash(&mut self) {
        self.core = None;
    }

    fn commit(&mut self, now: i64, records: Vec<Record>) -> Result<(), String> {
        self.store.commit(Timestamp(now), &records).map_err(|error| error.to_string())?;
        self.history.extend(records);
        Ok(())
    }

    /// Gives the core an input and commits; the actions are the caller's to perform, or to lose by a crash.
    pub(crate) fn handle(&mut self, now: i64, input: Input) -> Result<Vec<Action>, String> {
        let Some(core) = &mut self.core else { return Ok(Vec::new()) };
        self.inputs.push(format!("{now} {input:?}"));
        let mut out = Outbox::new();
        core.handle(Timestamp(now), input, &NoHooks, &mut out);
        let (records, actions) = out.take();
        self.commit(now, records)?;
        Ok(actions)
    }

    /// A new session's number.
    pub(crate) fn session(&mut self, worker: &str) -> SessionId {
        self.last_session += 1;
        let session = SessionId(self.last_session);
        self.sessions.insert(session, worker.to_owned());
        session
    }

    /// What an action is on the wire; `None`: it is no message.
    pub(crate) fn message(&mut self, action: Action) -> Option<(SessionId, Down)> {
        let (session, message) = match action {
            Action::Welcome { session, held } => {
                let held = held
                    .into_iter()
                    .map(|(command, verdict)| self.verdict(command, verdict))
                    .collect();
                let welcome =
                    Welcome { session: session.0, epoch: vec![1], held, ..Welcome::default() };
                (session, to_worker::Msg::Welcome(welcome))
            }
            Action::RefuseWorker { session, why, last } => (
                session,
                to_worker::Msg::Refused(Refused { why, r#final: last, retry_after_ms: 50 }),
            ),
            Action::SendCommand { session, spec } => {
                let start = Start { command: spec.id.0, step: spec.step, ..Start::default() };
                (session, to_worker::Msg::Start(start))
            }
            Action::InterruptCommand { session, command, reason, kill: false } => {
                (session, to_worker::Msg::Interrupt(Interrupt { command: command.0, reason }))
            }
            Action::InterruptCommand { session, command, reason, kill: true } => {
                (session, to_worker::Msg::Kill(Kill { command: command.0, reason }))
            }
            Action::AckCommand { session, command } => {
                (session, to_worker::Msg::Acked(Acked { command: command.0 }))
            }
            Action::Reply { token, answer } => {
                self.answers.push((token, answer));
                return None;
            }
            Action::CloseSession { .. } | Action::Poll { .. } => return None,
        };
        Some((session, Down::Say(message)))
    }

    fn verdict(&self, command: CommandId, verdict: HeldVerdict) -> HeldAnswer {
        let answer = match verdict {
            HeldVerdict::Resume => {
                let synced = self.logs.get(&command.0).map_or(0, |log| log.synced as u64);
                held_answer::Answer::Resume(Resume {
                    acked_to: [("stdio".to_owned(), synced)].into(),
                })
            }
            HeldVerdict::Forget => held_answer::Answer::Forget(Forget {}),
            HeldVerdict::Kill => held_answer::Answer::Kill(KillIt {}),
        };
        HeldAnswer { command: command.0, answer: Some(answer) }
    }

    /// Log bytes came: written, not yet synced. A gap is refused with the length that is here.
    pub(crate) fn append(&mut self, piece: &LogAppend) -> Option<LogAcked> {
        let log = self.logs.entry(piece.command).or_default();
        let from = usize::try_from(piece.offset).expect("small");
        if from > log.bytes.len() {
            return Some(LogAcked {
                command: piece.command,
                log: piece.log.clone(),
                durable_to: log.synced as u64,
                expected: Some(log.bytes.len() as u64),
            });
        }
        let known = log.bytes.len() - from;
        if known < piece.data.len() {
            log.bytes.extend_from_slice(&piece.data[known..]);
        }
        None
    }

    /// A round of syncs: what became durable.
    pub(crate) fn sync(&mut self) -> Vec<LogAcked> {
        let mut acked = Vec::new();
        for (command, log) in &mut self.logs {
            if log.synced < log.bytes.len() {
                log.synced = log.bytes.len();
                acked.push(LogAcked {
                    command: *command,
                    log: "stdio".into(),
                    durable_to: log.synced as u64,
                    expected: None,
                });
            }
        }
        acked
    }

    /// A result came: it waits for its log.
    pub(crate) fn finished(&mut self, session: SessionId, finished: worker::Finished) {
        self.unsettled.push(Unsettled { session, finished });
    }

    /// The results whose logs are whole by now.
    pub(crate) fn settled(&mut self) -> Vec<Input> {
        let logs = &self.logs;
        let whole = |waiting: &Unsettled| {
            let synced = logs.get(&waiting.finished.command).map_or(0, |log| log.synced as u64);
            waiting.finished.logs.iter().all(|log| synced >= log.bytes)
        };
        let (ready, waiting) = std::mem::take(&mut self.unsettled).into_iter().partition(whole);
        self.unsettled = waiting;
        let ready: Vec<Unsettled> = ready;
        ready.into_iter().map(|ready| input(ready.session, ready.finished)).collect()
    }

    /// A session is gone: its results will be said again.
    pub(crate) fn gone(&mut self, session: SessionId) {
        self.sessions.remove(&session);
        self.unsettled.retain(|waiting| waiting.session != session);
    }
}

fn input(session: SessionId, finished: worker::Finished) -> Input {
    let exit = finished.exit.unwrap_or_default();
    let exit = match exit.ending() {
        Ending::Interrupted => Exit::Interrupted,
        _ => Exit::Exited(exit.code),
    };
    let logs = finished.logs.into_iter().map(|log| FinalLog {
        name: log.name,
        bytes: log.bytes,
        lines: 0,
        dropped: 0,
        warnings: 0,
    });
    Input::CommandFinished {
        session,
        finished: Box::new(Finished {
            command: CommandId(finished.command),
            exit,
            logs: logs.collect(),
            properties: Vec::new(),
            captured: Vec::new(),
            started_at: None,
            at: Timestamp(finished.at_ms),
        }),
    }
}
