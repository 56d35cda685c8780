//! The engine: one OS thread in which everything is decided, made durable, shown and carried out, in that order.
//!
//! ```text
//! loop { take up to 256 inputs → handle each → commit → publish → perform → answer }
//! ```
//!
//! Group commit happens by itself: while one commit waits for the disk, the next batch gathers (architecture.md 3). What
//! must hold: nothing is shown, ordered or answered before the commit that made it true. When a commit fails, memory is
//! ahead of the disk, so memory is thrown away: who waited is told, all sessions end, the store is opened and loaded anew,
//! and the workers come back by the ordinary way. There is no code that rolls back.

mod disk;
mod handle;
mod recovery;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use linn_core::config::Config;
use linn_core::ctx::Outbox;
use linn_core::hooks::Hooks;
use linn_core::input::Input;
use linn_core::master::Master;
use linn_core::record::Record;
use linn_core::state::Tables;
use linn_core::time::{Span, Timestamp};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::act::Act;
use crate::api::{Hub, Sessions, View};
use crate::clock::Clock;
use crate::config::STACK;
use crate::metrics::Metrics;
use crate::store::{Store, StoreError};
use disk::DiskWatch;
pub(crate) use handle::Replies;
pub use handle::{Answered, EngineHandle, Gone, Promise};
use handle::{Message, Question, Settled};

/// The most inputs handled before one commit.
const BATCH: usize = 256;
/// The longest sleep: the machine's clock may be set forward meanwhile.
const LONGEST_SLEEP: Duration = Duration::from_secs(10);
/// The engine looks at the time more often than this, as long as it can.
const LONGEST_SIGHT: Span = Span::seconds(60);
/// How often reasons to wait are worked out anew while somebody watches.
const WAITS_EVERY: Duration = Duration::from_millis(500);
/// How often old history is forgotten though there is always something else to do.
const TIDY_AT_LEAST_EVERY: Duration = Duration::from_secs(600);
/// How often old history is forgotten, a bite at a time.
const TIDY_EVERY: Duration = Duration::from_secs(60);

/// Opens the store; called again after a commit has failed.
pub(crate) type Opener = Box<dyn FnMut() -> Result<Box<dyn Store>, StoreError> + Send>;

/// What an engine is made of.
pub(crate) struct Parts {
    /// How to open the store.
    pub open: Opener,
    /// The store, open.
    pub store: Box<dyn Store>,
    /// Older generations that unfinished builds began with, then the current one.
    pub configs: Vec<Arc<Config>>,
    /// Functions of all of them.
    pub hooks: Arc<dyn Hooks + Send + Sync>,
    /// The state folder, for its disk.
    pub folder: std::path::PathBuf,
    /// The time.
    pub clock: Clock,
    /// What watchers see.
    pub hub: Arc<Hub>,
    /// Makes things for watchers of records.
    pub view: View,
    /// Who takes orders.
    pub act: Act,
    /// Counters.
    pub metrics: Arc<Metrics>,
}

/// The thread's own.
struct Engine {
    parts: Parts,
    master: Master,
    out: Outbox,
    disk: DiskWatch,
    messages: mpsc::Receiver<Message>,
    ending: Arc<AtomicBool>,
    waits_due: Option<Instant>,
    tidied: Instant,
    /// When the time was last looked at.
    looked: Timestamp,
    seq: u64,
}

/// An engine that runs.
pub(crate) struct Running {
    /// Reaches it.
    pub handle: EngineHandle,
    /// Its thread; ends after [`EngineHandle::stop`].
    pub thread: JoinHandle<()>,
    /// Cancelled when the thread has ended.
    pub ended: CancellationToken,
}

/// Starts the thread, which loads the state and makes what follows from that durable before this returns.
///
/// Its stack is as deep as that of evaluation: functions of the configuration are called in it, and a value nested in a
/// loop is as deep as the loop is long. Loading is done there too, for it may call them.
///
/// # Errors
/// When the store cannot be loaded or written.
pub(crate) fn start(parts: Parts, tables: Tables, seq: u64) -> Result<Running, StoreError> {
    let ending = Arc::new(AtomicBool::new(false));
    let (handle, messages) =
        EngineHandle::new(parts.clock.clone(), parts.act.replies.clone(), ending.clone());
    let runtime = Handle::current();
    let ended = CancellationToken::new();
    let last = LastWords {
        replies: parts.act.replies.clone(),
        sessions: parts.act.sessions.clone(),
        ended: ended.clone(),
    };
    let (begun, begins) = std::sync::mpsc::channel();
    let work = move || {
        let _last = last;
        let engine = Engine::begin(parts, tables, seq, messages, ending);
        let (engine, said) = match engine {
            Ok(engine) => (Some(engine), Ok(())),
            Err(error) => (None, Err(error)),
        };
        // Who starts it waits for this.
        drop(begun.send(said));
        if let Some(engine) = engine {
            engine.run(&runtime);
        }
    };
    let broken = |detail| StoreError::Other { file: "the engine's thread".to_owned(), detail };
    let thread = std::thread::Builder::new()
        .name("engine".to_owned())
        .stack_size(STACK)
        .spawn(work)
        .map_err(|error| broken(error.to_string()))?;
    begins.recv().map_err(|_| broken("it broke down at its start".to_owned()))??;
    Ok(Running { handle, thread, ended })
}

/// Said when the thread ends, however it ends: nobody is left waiting.
struct LastWords {
    replies: Arc<Replies>,
    sessions: Arc<Sessions>,
    ended: CancellationToken,
}

impl Drop for LastWords {
    fn drop(&mut self) {
        self.replies.end();
        self.sessions.close_all();
        self.ended.cancel();
    }
}

/// The core, made anew from what the store has loaded, and what it wants to do first.
fn restore(parts: &mut Parts, tables: Tables) -> (Master, Outbox) {
    let mut out = Outbox::new();
    let now = parts.clock.now();
    let master = Master::restore(parts.configs.clone(), tables, now, &*parts.hooks, &mut out);
    (master, out)
}

/// What was taken from the channel at one time.
#[derive(Default)]
struct Batch {
    settled: Vec<Settled>,
    questions: Vec<Question>,
    inputs: usize,
    stop: bool,
}

impl Engine {
    fn begin(
        mut parts: Parts,
        tables: Tables,
        seq: u64,
        messages: mpsc::Receiver<Message>,
        ending: Arc<AtomicBool>,
    ) -> Result<Self, StoreError> {
        let disk = DiskWatch::new(&parts.folder);
        let (master, out) = restore(&mut parts, tables);
        let tidied = Instant::now();
        let waits_due = None;
        let looked = parts.clock.now();
        let mut engine =
            Self { parts, master, out, disk, messages, ending, waits_due, tidied, looked, seq };
        engine.look_at_disk();
        engine.commit_first()?;
        Ok(engine)
    }

    fn run(mut self, runtime: &Handle) {
        let mut taken = Vec::with_capacity(BATCH);
        loop {
            let sleep = self.sleep();
            let arrived = runtime.block_on(async {
                tokio::time::timeout(sleep, self.messages.recv_many(&mut taken, BATCH)).await
            });
            // Every handle is gone: nobody could ever ask for anything again.
            let mut stop = matches!(arrived, Ok(0));
            let batch = self.handle(taken.drain(..));
            stop |= batch.stop;
            if let Err(error) = self.finish(batch) {
                stop |= !self.start_over(&error);
            }
            if stop {
                break;
            }
        }
        let done = self.parts.metrics.read();
        tracing::info!(inputs = done.inputs, records = done.records, "the engine has ended");
    }

    /// How long to wait for inputs.
    fn sleep(&self) -> Duration {
        let now = self.parts.clock.now();
        let timer = self.master.next_timeout().map(|due| {
            u64::try_from((due - now).millis()).map_or(Duration::ZERO, Duration::from_millis)
        });
        let waits = self.waits_due.map(|due| due.saturating_duration_since(Instant::now()));
        [timer, waits, Some(self.disk.due_in())]
            .into_iter()
            .flatten()
            .fold(LONGEST_SLEEP, Duration::min)
    }

    /// Decides. Nothing is true yet.
    fn handle(&mut self, taken: impl Iterator<Item = Message>) -> Batch {
        let mut batch = Batch::default();
        let now = self.parts.clock.now();
        let unseen = now - std::mem::replace(&mut self.looked, now);
        if unseen > LONGEST_SIGHT {
            tracing::warn!(
                seconds = unseen.millis() / 1000,
                "time went by unseen: a machine that slept, or a clock set forward"
            );
            self.decide(Input::TimeSkipped(unseen));
        }
        if self.master.next_timeout().is_some_and(|due| due <= now) {
            self.decide(Input::Timeout);
        }
        self.look_at_disk();
        for message in taken {
            match message {
                Message::Input(input, settled) => {
                    batch.inputs += 1;
                    batch.settled.extend(settled);
                    self.decide(*input);
                }
                Message::Follow(config, texts, settled) => {
                    match self.parts.store.keep_config(&config.digest, &texts) {
                        Ok(()) => {
                            batch.inputs += 1;
                            batch.settled.push(settled);
                            self.decide(Input::Reconfigured(config));
                        }
                        Err(error) => drop(settled.send(Err(Gone::NotWritten(error.to_string())))),
                    }
                }
                Message::Ask(question) => batch.questions.push(question),
                Message::Stop => batch.stop = true,
            }
        }
        batch
    }

    fn decide(&mut self, input: Input) {
        let now = self.parts.clock.now();
        if matches!(input, Input::ProgressTold { .. }) {
            // It makes no record, so nothing else brings it to anybody's eyes.
            self.waits_due.get_or_insert_with(|| Instant::now() + WAITS_EVERY);
        }
        self.master.handle(now, input, &*self.parts.hooks, &mut self.out);
    }

    fn look_at_disk(&mut self) {
        if let Some(trouble) = self.disk.look() {
            self.parts.view.set_trouble(trouble.clone());
            self.decide(Input::DiskState(trouble));
        }
    }

    /// Makes it true, then shows it, carries it out and answers.
    fn finish(&mut self, batch: Batch) -> Result<(), StoreError> {
        let (records, actions) = self.out.take();
        let now = self.parts.clock.now();
        if !records.is_empty()
            && let Err(error) = self.commit(now, &records)
        {
            self.not_written(&error, &actions, batch);
            return Err(error);
        }
        self.parts.metrics.handled(batch.inputs);
        for record in &records {
            self.parts.act.follow(record, &self.master);
        }
        for action in actions {
            self.parts.act.perform(action, self.seq, now, &self.master);
        }
        for settled in batch.settled {
            // Who no longer waits need not know.
            drop(settled.send(Ok(())));
        }
        self.refresh_waits(now);
        for question in batch.questions {
            question(Ok((&self.master, &*self.parts.hooks)));
        }
        self.tidy(now, batch.inputs == 0);
        Ok(())
    }

    fn commit(&mut self, now: Timestamp, records: &[Record]) -> Result<(), StoreError> {
        let began = Instant::now();
        let range = self.parts.store.commit(now, records)?;
        self.parts.metrics.committed(records.len(), began.elapsed());
        self.seq = range.last;
        if records.iter().any(|record| matches!(record, Record::ConfigApplied { .. })) {
            // Should a later commit fail, the state is made anew under what is in force now.
            self.parts.configs = self.master.generations();
        }
        let news = self.parts.view.news(&self.master, &self.parts.hub, records, range, now);
        // Also without news: who follows the journal waits for the number.
        self.parts.hub.publish(self.seq, now, news);
        self.waits_due.get_or_insert_with(|| Instant::now() + WAITS_EVERY);
        Ok(())
    }

    /// Works out anew why requests wait and how far steps are, at most twice a second, and only for somebody's eyes.
    fn refresh_waits(&mut self, now: Timestamp) {
        if self.waits_due.is_none_or(|due| due > Instant::now()) {
            return;
        }
        self.waits_due = None;
        if self.parts.hub.is_watched() {
            let waits = self.parts.view.waits(&self.master, &self.parts.hub);
            let progress = self.parts.view.progress(&self.master, &self.parts.hub);
            for news in [waits, progress] {
                if !news.is_empty() {
                    self.parts.hub.publish(self.seq, now, news);
                }
            }
        }
    }

    /// Forgets a bite of old history while nothing else is to be done, or when that has not been so for long. It failing costs
    /// room, not truth.
    fn tidy(&mut self, now: Timestamp, idle: bool) {
        let due = if idle { TIDY_EVERY } else { TIDY_AT_LEAST_EVERY };
        if self.tidied.elapsed() < due {
            return;
        }
        match self.parts.store.tidy(now) {
            Ok(true) => {}
            Ok(false) => self.tidied = Instant::now(),
            Err(error) => {
                tracing::warn!("old history cannot be forgotten: {error}");
                self.tidied = Instant::now();
            }
        }
    }
}
