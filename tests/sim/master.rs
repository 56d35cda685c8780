//! The master's side: the real core, a store that survives crashes, and log files of which only the synced part does.
//!
//! It keeps the order of the real shell: records are committed, then actions are performed; log bytes are synced, then
//! acknowledged to the connection they came on; all logs of a command are settled, then the core hears of its end. A crash
//! may fall between any two, and the store may refuse a commit: then memory is thrown away.

use std::collections::BTreeMap;
use std::sync::Arc;

use linn_core::action::Action;
use linn_core::config::Config;
use linn_core::ctx::Outbox;
use linn_core::hooks::NoHooks;
use linn_core::id::SessionId;
use linn_core::input::Input;
use linn_core::master::Master as Core;
use linn_core::record::Record;
use linn_core::testing::{Mark, Moment, Recording, What};
use linn_core::time::Timestamp;
use linn_master::store::{MemoryStore, Store};
use linn_proto::worker::{self, LogAcked, LogAppend};

use crate::convert;
use crate::invariants;
use crate::ledger::Ledger;
use crate::site::CONFIG;

/// One log on the master's disk.
#[derive(Default)]
pub(crate) struct LogFile {
    /// All that was written, synced or not.
    pub(crate) bytes: Vec<u8>,
    /// What would survive a crash.
    pub(crate) synced: usize,
    /// The connection that hears what becomes durable: the one that sent last.
    wire: u64,
}

/// A result that waits until its log is whole.
struct Unsettled {
    session: SessionId,
    finished: worker::Finished,
}

/// What became of an input.
pub(crate) enum Handled {
    /// It is durable; this is to be done.
    Done(Vec<Action>),
    /// The store refused: nothing happened, and the master starts over.
    Unwritten,
    /// There is no master to hear of it.
    Down,
}

/// The master, up or down.
pub(crate) struct Master {
    /// `None` while it is down.
    pub(crate) core: Option<Core>,
    /// The one that is followed.
    pub(crate) config: Arc<Config>,
    /// The other one.
    other: Arc<Config>,
    turned: bool,
    /// The disk.
    pub(crate) store: MemoryStore,
    /// The disk, too.
    pub(crate) logs: BTreeMap<u64, LogFile>,
    /// The next commit with records is refused.
    pub(crate) refuse: bool,
    unsettled: Vec<Unsettled>,
    /// Of this life, with the connection of each.
    pub(crate) sessions: BTreeMap<SessionId, u64>,
    last_session: u64,
    /// How often it has started.
    pub(crate) life: u32,
    /// Every record ever committed.
    pub(crate) history: Vec<Record>,
    /// What those records say, and must not say.
    pub(crate) ledger: Ledger,
    moments: Vec<Moment>,
}

impl Master {
    /// A master that is down, on an empty disk.
    pub(crate) fn new([config, other]: [Arc<Config>; 2]) -> Self {
        Self {
            core: None,
            config,
            other,
            turned: false,
            store: MemoryStore::new(),
            logs: BTreeMap::new(),
            refuse: false,
            unsettled: Vec::new(),
            sessions: BTreeMap::new(),
            last_session: 0,
            life: 0,
            history: Vec::new(),
            ledger: Ledger::default(),
            moments: Vec::new(),
        }
    }

    /// It starts, or starts again: from the disk alone. Answers what it orders.
    pub(crate) fn boot(&mut self, now: i64) -> Result<Vec<Action>, String> {
        self.unsettled.clear();
        self.sessions.clear();
        self.life += 1;
        self.note(now, What::Mark(Mark::Start));
        let tables = self.store.load().map_err(|error| error.to_string())?;
        let configs = vec![Arc::clone(&self.other), Arc::clone(&self.config)];
        let mut out = Outbox::new();
        let core = Core::restore(configs, tables, Timestamp(now), &NoHooks, &mut out);
        self.core = Some(core);
        let (records, actions) = out.take();
        let for_workers = actions.iter().find(|action| !matches!(action, Action::Resolve { .. }));
        assert!(for_workers.is_none(), "nobody is there to be ordered about: {for_workers:?}");
        self.commit(now, None, records)?;
        Ok(actions)
    }

    /// The other configuration, to be followed from now on.
    pub(crate) fn turn(&self) -> Input {
        Input::Reconfigured(Arc::clone(&self.other))
    }

    /// Whether what is followed was turned away from what it was at first.
    pub(crate) fn is_turned(&self) -> bool {
        self.turned
    }

    /// It dies: everything in memory is gone, and what no sync has reached.
    pub(crate) fn crash(&mut self, now: i64) {
        self.note(now, What::Mark(Mark::Crash));
        self.core = None;
        for log in self.logs.values_mut() {
            log.bytes.truncate(log.synced);
        }
    }

    fn note(&mut self, now: i64, what: What) {
        self.moments.push(Moment { at: Timestamp(now), what });
    }

    fn commit(
        &mut self,
        now: i64,
        input: Option<&Input>,
        records: Vec<Record>,
    ) -> Result<(), String> {
        if records.is_empty() {
            return Ok(());
        }
        self.store.commit(Timestamp(now), &records).map_err(|error| error.to_string())?;
        self.ledger.follow(&self.config, input, &records)?;
        self.history.extend(records);
        invariants::after_a_commit(self)
    }

    /// Gives the core an input and commits; the actions are the caller's to perform, or to lose by a crash.
    pub(crate) fn handle(&mut self, now: i64, input: Input) -> Result<Handled, String> {
        let Some(core) = &mut self.core else { return Ok(Handled::Down) };
        let mut out = Outbox::new();
        core.handle(Timestamp(now), input.clone(), &NoHooks, &mut out);
        let (records, actions) = out.take();
        if self.refuse && !records.is_empty() {
            self.refuse = false;
            self.note(now, What::Unwritten(Box::new(input)));
            self.core = None;
            return Ok(Handled::Unwritten);
        }
        invariants::one_answer_each(&input, &actions)?;
        if matches!(input, Input::Reconfigured(_)) {
            std::mem::swap(&mut self.config, &mut self.other);
            self.turned = !self.turned;
        }
        self.commit(now, Some(&input), records)?;
        self.note(now, What::Input(Box::new(input)));
        Ok(Handled::Done(actions))
    }

    /// A new session's number.
    pub(crate) fn session(&mut self, wire: u64) -> SessionId {
        self.last_session += 1;
        let session = SessionId(self.last_session);
        self.sessions.insert(session, wire);
        session
    }

    /// How much of a command's log is durable.
    pub(crate) fn durable(&self, command: u64) -> u64 {
        self.logs.get(&command).map_or(0, |log| log.synced as u64)
    }

    /// Log bytes came: written, not yet synced. A gap is refused with the length that is here; what is safe already is
    /// acknowledged at once, for no sync will say so.
    pub(crate) fn append(&mut self, wire: u64, piece: &LogAppend) -> Option<LogAcked> {
        let log = self.logs.entry(piece.command).or_default();
        log.wire = wire;
        let from = usize::try_from(piece.offset).expect("small");
        let end = from + piece.data.len();
        let gap = from > log.bytes.len();
        if let Some(fresh) = log.bytes.len().checked_sub(from).and_then(|at| piece.data.get(at..)) {
            log.bytes.extend_from_slice(fresh);
        }
        (gap || end <= log.synced).then(|| LogAcked {
            command: piece.command,
            log: piece.log.clone(),
            durable_to: log.synced as u64,
            expected: gap.then_some(log.bytes.len() as u64),
        })
    }

    /// Whether a sync would make anything durable.
    pub(crate) fn has_unsynced(&self) -> bool {
        self.logs.values().any(|log| log.synced < log.bytes.len())
    }

    /// A round of syncs: what became durable, and who is to hear of it.
    pub(crate) fn sync(&mut self) -> Vec<(u64, LogAcked)> {
        let mut acked = Vec::new();
        for (command, log) in &mut self.logs {
            if log.synced < log.bytes.len() {
                log.synced = log.bytes.len();
                let durable_to = log.synced as u64;
                let (command, name) = (*command, "stdio".into());
                acked.push((log.wire, LogAcked { command, log: name, durable_to, expected: None }));
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
        ready.into_iter().map(|ready| convert::finished(ready.session, ready.finished)).collect()
    }

    /// A session is gone: its results will be said again.
    pub(crate) fn gone(&mut self, session: SessionId) {
        self.sessions.remove(&session);
        self.unsettled.retain(|waiting| waiting.session != session);
    }

    /// Everything that it was told, for `linn replay`.
    pub(crate) fn recording(&self) -> Recording {
        Recording { config: CONFIG.to_owned(), moments: self.moments.clone() }
    }
}
