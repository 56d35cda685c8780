//! One worker's control stream, from Hello to its end.
//!
//! Decides what a session says and when: nothing before Welcome; how far each log is durable, asked of the log store and
//! never remembered; the end of a command goes to the engine only when all its logs are settled on our disk (architecture.md
//! 3). The engine's orders and the worker's words meet in one task, which ends with the link and then says so, once.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use linn_core::action::HeldVerdict;
use linn_core::id::{CommandId, SessionId, WorkerName};
use linn_core::input::Input;
use linn_core::model::{Exit, FinalLog, Finished};
use linn_core::time::Timestamp;
use linn_proto::worker::{self as wire, from_worker, to_worker};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tonic::{Status, Streaming};

use super::Doors;
use super::convert;
use super::sessions::{Command, Order};
use super::transfer;
use crate::logs::{LogError, LogKey, Settled};
use crate::seldom::Seldom;

/// How often each side makes sure that the other is there.
pub(super) const PING_EVERY: Duration = Duration::from_secs(5);
/// A worker that has not answered a ping for so long is gone.
const SILENCE_LIMIT: Duration = Duration::from_secs(15);
/// A disk that failed is tried again after so long.
const DISK_RETRY: Duration = Duration::from_secs(1);
/// The most logs of one command.
const MAX_LOGS: usize = 256;

/// Every log that waits for the disk would say so every second.
static NOT_SETTLED: Seldom = Seldom::new();

/// Messages on their way to the worker.
pub(super) type Outbound = mpsc::Sender<Result<wire::ToWorker, Status>>;

/// A worker that said Hello, and the two ends of its stream.
pub(super) struct Session {
    pub(super) doors: Arc<Doors>,
    pub(super) inbound: Streaming<wire::FromWorker>,
    pub(super) outbound: Outbound,
}

/// Why a session ended, for the log.
type Ended = &'static str;

impl Session {
    /// Runs the session to its end, and tells the engine of that end.
    pub(super) async fn run(mut self, hello: wire::Hello) {
        let (session, mut orders) = self.doors.sessions.open();
        let name = hello.name.clone();
        let attached = Input::WorkerAttached {
            session,
            name: WorkerName::from(hello.name),
            instance: hex(&hello.instance),
            info: convert::read_info(hello.info.unwrap_or_default()),
            held: convert::read_held(&hello.held),
        };
        if self.doors.engine.send(attached).await.is_ok() {
            let ended = self.talk(session, &mut orders).await;
            tracing::info!(worker = %name.escape_debug(), session = session.0, "session ended: {ended}");
        }
        self.doors.sessions.close(session);
        // An engine that is ending has no use for it.
        drop(self.doors.engine.send(Input::WorkerDetached { session }).await);
    }

    async fn talk(&mut self, session: SessionId, orders: &mut mpsc::Receiver<Order>) -> Ended {
        let mut ends = JoinSet::new();
        // Commands whose end is being dealt with; each can be told that nobody waits for its files any more.
        let mut ending = HashMap::new();
        let mut welcomed = false;
        let mut ping = tokio::time::interval(PING_EVERY);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard = Instant::now();
        let mut nonce = 0;
        loop {
            tokio::select! {
                order = orders.recv() => {
                    let Some(order) = order else { return "closed by the master" };
                    let welcome = matches!(order, Order::Welcome(_));
                    match self.carry_out(session, order, &mut ending, &mut ends).await {
                        Ok(()) => {}
                        Err(ended) => return ended,
                    }
                    if welcome {
                        // It had nothing to say before, however long that took.
                        (welcomed, heard) = (true, Instant::now());
                    }
                }
                said = self.inbound.message() => {
                    let Ok(Some(said)) = said else { return "the link broke" };
                    heard = Instant::now();
                    match said.msg {
                        Some(from_worker::Msg::Finished(finished)) => {
                            let id = CommandId(finished.command);
                            if self.doors.sessions.is_strange(session, id) {
                                // Nobody waits for it, and nothing of it is missing.
                                let acked = wire::Acked { command: id.0 };
                                if let Err(ended) = self.say(to_worker::Msg::Acked(acked)).await {
                                    return ended;
                                }
                            // Said again within one session: the first telling is still being dealt with.
                            } else if let Entry::Vacant(place) = ending.entry(id) {
                                let command = self.doors.sessions.command_of(session, id);
                                let stop = place.insert(CancellationToken::new()).clone();
                                ends.spawn(settle(self.doors.clone(), finished, command, stop));
                            }
                        }
                        Some(from_worker::Msg::Leaving(_)) => return "the worker left",
                        Some(said) => self.hear(session, said).await,
                        None => {}
                    }
                }
                Some(finished) = ends.join_next() => {
                    // A settling task that panicked has been reported; its worker tells of the end again.
                    let Ok(finished) = finished else { return "a log could not be settled" };
                    // The worker asks in its next session how much of the log is here, and hears that nothing is.
                    let Some(finished) = finished else { return "a log must come again" };
                    let input = Input::CommandFinished { session, finished: Box::new(finished) };
                    if self.doors.engine.send(input).await.is_err() {
                        return "the master is ending";
                    }
                }
                _ = ping.tick() => {
                    if heard.elapsed() > SILENCE_LIMIT {
                        return "the worker fell silent";
                    }
                    if !welcomed {
                        // Nothing is said before Welcome.
                        continue;
                    }
                    nonce += 1;
                    // A full queue is no news: the worker will be found silent soon enough.
                    drop(self.outbound.try_send(Ok(message(to_worker::Msg::Ping(wire::Ping { nonce })))));
                }
                () = self.doors.ending.cancelled() => return "the master is ending",
            }
        }
    }

    async fn carry_out(
        &self,
        session: SessionId,
        order: Order,
        ending: &mut HashMap<CommandId, CancellationToken>,
        ends: &mut JoinSet<Option<Finished>>,
    ) -> Result<(), Ended> {
        let out = match order {
            Order::Welcome(held) => {
                let held = self.verdicts(session, held).await?;
                to_worker::Msg::Welcome(wire::Welcome {
                    session: session.0,
                    epoch: self.doors.hub.epoch().to_vec(),
                    held,
                    ping_every_ms: u32::try_from(PING_EVERY.as_millis()).unwrap_or(u32::MAX),
                    spool_limit_bytes: convert::SPOOL_LIMIT_BYTES,
                })
            }
            Order::Refuse { why, last } => {
                let retry_after_ms = if last { 0 } else { 1_000 };
                let refused = wire::Refused { why, r#final: last, retry_after_ms };
                self.say(to_worker::Msg::Refused(refused)).await?;
                return Err("refused");
            }
            Order::Send(spec) => {
                let id = spec.id;
                match self.doors.secrets.fill(*spec).await {
                    Ok(filled) => {
                        to_worker::Msg::Start(convert::start(&filled.spec, &filled.masked))
                    }
                    // Its worker never hears of it: it ends here, as it would there.
                    Err(why) => {
                        tracing::warn!(command = id.0, "a command is not sent: {why}");
                        let stop = CancellationToken::new();
                        ending.insert(id, stop.clone());
                        let command = self.doors.sessions.command_of(session, id);
                        ends.spawn(refuse(self.doors.clone(), id, why, command, stop));
                        return Ok(());
                    }
                }
            }
            // It has ended there; only its files are still on their way.
            Order::Interrupt { command, .. } if ending.contains_key(&command) => {
                if let Some(stop) = ending.get(&command) {
                    stop.cancel();
                }
                return Ok(());
            }
            Order::Interrupt { command, reason, kill: false } => {
                to_worker::Msg::Interrupt(wire::Interrupt { command: command.0, reason })
            }
            Order::Interrupt { command, reason, kill: true } => {
                to_worker::Msg::Kill(wire::Kill { command: command.0, reason })
            }
            Order::Ack(command) => {
                ending.remove(&command);
                to_worker::Msg::Acked(wire::Acked { command: command.0 })
            }
        };
        self.say(out).await
    }

    /// The answers to what the worker holds, with how far each log is durable here.
    async fn verdicts(
        &self,
        session: SessionId,
        held: Vec<(CommandId, HeldVerdict)>,
    ) -> Result<Vec<wire::HeldAnswer>, Ended> {
        let mut answers = Vec::with_capacity(held.len());
        for (id, verdict) in held {
            let command = self.doors.sessions.command_of(session, id);
            let logs = command.iter().flat_map(|command| &command.logs);
            let mut acked = Vec::new();
            if verdict == HeldVerdict::Resume {
                for key in logs {
                    let durable = self.doors.logs.durable_to(key).await;
                    // The worker comes again, and the disk may have recovered by then.
                    acked.push((key.name.clone(), durable.map_err(|_| "a log cannot be read")?));
                }
            }
            answers.push(convert::held_answer(id, verdict, acked));
        }
        Ok(answers)
    }

    async fn hear(&self, session: SessionId, said: from_worker::Msg) {
        let input = match said {
            from_worker::Msg::Started(started) => {
                let command = CommandId(started.command);
                let known = self.doors.sessions.command_of(session, command);
                let since = known.map_or(Timestamp(0), |command| command.since);
                let now = self.doors.engine.now();
                let at = Timestamp(started.at_ms.min(now.0).max(since.0));
                Input::CommandStarted { session, command, at }
            }
            from_worker::Msg::Property(found) => {
                let Some((name, value)) = convert::read_property(&found) else {
                    tracing::warn!(command = found.command, "a worker sent what is no property");
                    return;
                };
                let command = CommandId(found.command);
                Input::PropertyFound { session, command, name, value }
            }
            from_worker::Msg::Link(found) => {
                let Some(url) = convert::read_link(&found) else {
                    tracing::warn!(command = found.command, "a worker sent what is no link");
                    return;
                };
                Input::LinkFound { session, command: CommandId(found.command), url }
            }
            from_worker::Msg::Progress(told) => {
                let command = CommandId(told.command);
                Input::ProgressTold { session, command, share: told.share }
            }
            from_worker::Msg::Hello(_)
            | from_worker::Msg::Finished(_)
            | from_worker::Msg::Pong(_)
            | from_worker::Msg::Leaving(_) => return,
        };
        // An engine that is ending: the loop hears of it from elsewhere.
        drop(self.doors.engine.send(input).await);
    }

    async fn say(&self, out: to_worker::Msg) -> Result<(), Ended> {
        let sent = self.outbound.send(Ok(message(out)));
        match tokio::time::timeout(SILENCE_LIMIT, sent).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err("the link broke"),
            Err(_) => Err("the worker does not read"),
        }
    }
}

/// A message to the worker.
pub(super) fn message(msg: to_worker::Msg) -> wire::ToWorker {
    wire::ToWorker { msg: Some(msg) }
}

/// Waits until every log of a command is whole and durable; then its end may be told. `None`: one of them was found to be
/// spoilt, and must come again first.
async fn settle(
    doors: Arc<Doors>,
    mut said: wire::Finished,
    command: Option<Arc<Command>>,
    stop: CancellationToken,
) -> Option<Finished> {
    let files = std::mem::take(&mut said.files);
    let succeeded = said
        .exit
        .as_ref()
        .is_some_and(|exit| exit.ending() == wire::Ending::Exited && exit.code == 0);
    let finals = std::mem::take(&mut said.logs);
    // Of a lost command the worker has what is left of its spool, which is no better than what is here.
    let lost = said.exit.as_ref().is_some_and(|exit| exit.ending() == wire::Ending::Lost);
    let mut logs = Vec::new();
    let mut whole = true;
    let keys = command.iter().flat_map(|command| &command.logs).take(MAX_LOGS);
    for key in keys {
        let last = finals.iter().find(|last| last.name == key.name);
        match settle_log(&doors, key, last, lost).await {
            Some(settled) => logs.push(final_log(key, settled, last)),
            None => whole = false,
        }
    }
    if !whole {
        return None;
    }
    // Without a command nobody waits for its end, and the core will say so.
    let since = command.as_ref().map_or(Timestamp(0), |command| command.since);
    let id = CommandId(said.command);
    let kept = match &command {
        Some(command) if succeeded && !files.is_empty() => {
            transfer::gather(&doors, id, command, &files, &stop).await
        }
        _ => Ok(Vec::new()),
    };
    let mut finished = convert::read_finished(said, logs, since, doors.engine.now());
    match kept {
        Ok(kept) => finished.artifacts = kept,
        Err(exit) => finished.exit = exit,
    }
    Some(finished)
}

/// The end of a command that was not sent: its logs are empty.
async fn refuse(
    doors: Arc<Doors>,
    id: CommandId,
    why: String,
    command: Option<Arc<Command>>,
    stop: CancellationToken,
) -> Option<Finished> {
    let said = wire::Finished { command: id.0, ..wire::Finished::default() };
    let finished = settle(doors, said, command, stop).await?;
    Some(Finished { exit: Exit::Refused(why), started_at: None, ..finished })
}

/// Waits until a log is whole and durable, however long the disk gives trouble; `None`: it was spoilt and is dropped.
async fn settle_log(
    doors: &Doors,
    key: &LogKey,
    last: Option<&wire::FinalLog>,
    lost: bool,
) -> Option<Settled> {
    let sha256 = last.and_then(|last| <[u8; 32]>::try_from(last.sha256.as_slice()).ok());
    loop {
        let length = match last {
            Some(last) => Ok(last.bytes),
            // The worker knows nothing of it, so what is here is all there will be.
            None => doors.logs.lengths(key).await.map(|lengths| lengths.bytes),
        };
        let settled = match length {
            Ok(bytes) if lost => doors.logs.settle(key, bytes, sha256).await,
            Ok(bytes) => doors.logs.settle_or_drop(key, bytes, sha256).await,
            Err(error) => Err(error),
        };
        match settled {
            Ok(settled) => return Some(settled),
            Err(error @ LogError::Differs { .. }) => {
                tracing::warn!(log = key.log.0, "a log comes again from its beginning: {error}");
                return None;
            }
            Err(error) => {
                NOT_SETTLED.say(|unsaid| {
                    tracing::error!(
                        log = key.log.0,
                        unsaid,
                        "a log cannot be settled yet: {error}"
                    );
                });
                tokio::time::sleep(DISK_RETRY).await;
            }
        }
    }
}

/// What the core hears of a settled log.
fn final_log(key: &LogKey, settled: Settled, last: Option<&wire::FinalLog>) -> FinalLog {
    if !settled.intact {
        tracing::error!(log = key.log.0, "a log is not what its worker read from the program");
    }
    FinalLog {
        name: key.name.clone(),
        bytes: settled.bytes,
        lines: settled.lines,
        dropped: last.map_or(0, |last| last.dropped),
    }
}

/// Bytes as hex digits.
fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().take(64).fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        // Writing to a text cannot fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}
