//! The worker's door: a control stream and a stream of log bytes.
//!
//! Bytes never pass through the engine: an append goes to the log store, and its ack comes back when it is durable
//! (architecture.md 5). A full disk holds the stream back, so the worker's spool fills instead of our memory.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use linn_core::id::{CommandId, LogId, SessionId};
use linn_core::time::Timestamp;
use linn_proto::worker::worker_server::Worker;
use linn_proto::worker::{self as wire, from_worker, to_worker};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::{Request, Response, Status, Streaming};

use super::Doors;
use super::session::{Session, message};
use super::{status, transfer};
use crate::logs::{self, Ack, LogError, LogKey, Pusher};
use crate::seldom::Seldom;

/// A worker that dials and says nothing is cut after so long.
const HELLO_LIMIT: Duration = Duration::from_secs(10);
/// Messages that may wait on their way to a worker.
const WAITING_MESSAGES: usize = 64;
/// A full disk is tried again after so long.
const DISK_RETRY: Duration = Duration::from_millis(500);
/// Every log that is written would say so at every retry.
static NOT_WRITTEN: Seldom = Seldom::new();
/// The longest name of a worker, in bytes (F32).
const MAX_NAME_BYTES: usize = 100;

/// Names the session on the log stream.
const SESSION_KEY: &str = "linn-session";
/// How many logs of one connection are remembered before those that are over are looked for.
const NAMES_AT_HAND: usize = 1024;

/// Serves workers.
pub(super) struct WorkerDoor(pub(super) Arc<Doors>);

/// A stream of answers.
type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl Worker for WorkerDoor {
    type SessionStream = Answers<wire::ToWorker>;
    type PushLogsStream = Answers<wire::LogAcked>;
    type StoreStream = Answers<wire::FileStored>;
    type FetchStream = Answers<wire::FileChunk>;

    async fn session(
        &self,
        request: Request<Streaming<wire::FromWorker>>,
    ) -> Result<Response<Self::SessionStream>, Status> {
        let mut inbound = request.into_inner();
        let doors = self.0.clone();
        let (outbound, answers) = mpsc::channel(WAITING_MESSAGES);
        // The answer's head goes out at once: a client may wait for it before it says Hello.
        tokio::spawn(async move {
            let first = tokio::time::timeout(HELLO_LIMIT, inbound.message()).await;
            let hello = match first {
                Ok(Ok(Some(wire::FromWorker { msg: Some(from_worker::Msg::Hello(hello)) }))) => {
                    hello
                }
                Ok(Ok(Some(_))) => {
                    let status = status::mistake("a session begins with Hello");
                    drop(outbound.send(Err(status)).await);
                    return;
                }
                _ => return,
            };
            match objection(&hello) {
                Some(why) => {
                    let refused = wire::Refused { why, r#final: true, retry_after_ms: 0 };
                    drop(outbound.send(Ok(message(to_worker::Msg::Refused(refused)))).await);
                }
                None => Session { doors, inbound, outbound }.run(hello).await,
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(answers))))
    }

    async fn push_logs(
        &self,
        request: Request<Streaming<wire::LogAppend>>,
    ) -> Result<Response<Self::PushLogsStream>, Status> {
        // Bytes are taken for the commands of that session alone: nobody writes into another worker's logs.
        let session = session_named(&request)?;
        let inbound = request.into_inner();
        let (outbound, answers) = mpsc::channel(WAITING_MESSAGES);
        let (pusher, mut acks) = self.0.logs.pusher();
        let pushing = Arc::new(Pushing {
            doors: self.0.clone(),
            session,
            pusher,
            outbound: outbound.clone(),
            logs: Mutex::default(),
        });
        let names = Arc::downgrade(&pushing);
        tokio::spawn(async move {
            if let Err(status) = pushing.take_in(inbound).await {
                drop(pushing.outbound.send(Err(status)).await);
            }
        });
        tokio::spawn(async move {
            while let Some(news) = acks.next().await {
                for Ack { log, durable_to, expected } in news {
                    let Some(pushing) = names.upgrade() else { return };
                    let Some((command, log)) = pushing.name_of(log) else { continue };
                    drop(pushing);
                    let acked = wire::LogAcked { command, log, durable_to, expected };
                    if outbound.send(Ok(acked)).await.is_err() {
                        return;
                    }
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(answers))))
    }

    async fn store(
        &self,
        request: Request<Streaming<wire::FileChunk>>,
    ) -> Result<Response<Self::StoreStream>, Status> {
        let session = session_named(&request)?;
        let (doors, inbound) = (self.0.clone(), request.into_inner());
        let (out, answers) = mpsc::channel(WAITING_MESSAGES);
        tokio::spawn(async move {
            let ending = doors.ending.clone();
            let ended = tokio::select! {
                ended = transfer::store(doors, session, inbound, &out) => ended,
                () = ending.cancelled() => Err(status::away("the master is ending")),
            };
            if let Err(status) = ended {
                drop(out.send(Err(status)).await);
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(answers))))
    }

    async fn fetch(
        &self,
        request: Request<wire::FetchRequest>,
    ) -> Result<Response<Self::FetchStream>, Status> {
        let session = session_named(&request)?;
        let (doors, asked) = (self.0.clone(), request.into_inner());
        // A few pieces are on their way at the most.
        let (out, answers) = mpsc::channel(4);
        tokio::spawn(async move {
            let ending = doors.ending.clone();
            let ended = tokio::select! {
                ended = transfer::fetch(doors, session, asked, &out) => ended,
                () = ending.cancelled() => Err(status::away("the master is ending")),
            };
            if let Err(status) = ended {
                drop(out.send(Err(status)).await);
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(answers))))
    }
}

/// The session that a call beside it belongs to.
fn session_named<T>(request: &Request<T>) -> Result<SessionId, Status> {
    request
        .metadata()
        .get(SESSION_KEY)
        .and_then(session_of)
        .ok_or_else(|| status::mistake(format!("`{SESSION_KEY}` must be the number of a session")))
}

/// Why a worker cannot be talked to at all; `None`: it can.
fn objection(hello: &wire::Hello) -> Option<String> {
    let ours = linn_proto::PROTOCOL;
    if hello.protocol != ours {
        let theirs = hello.protocol;
        let older = if theirs < ours { "worker" } else { "master" };
        return Some(format!(
            "this worker speaks protocol {theirs} and the master {ours}: upgrade the {older}'s linn"
        ));
    }
    let named = !hello.name.is_empty() && hello.name.len() <= MAX_NAME_BYTES;
    if !named || hello.name.chars().any(char::is_control) {
        return Some("a worker needs a name of at most 100 characters".to_owned());
    }
    if hello.instance.is_empty() || hello.instance.len() > 64 {
        return Some("a worker needs an instance number; its folder makes one".to_owned());
    }
    None
}

fn session_of(said: &MetadataValue<Ascii>) -> Option<SessionId> {
    said.to_str().ok()?.parse().ok().map(SessionId)
}

/// One connection's appends.
struct Pushing {
    doors: Arc<Doors>,
    session: SessionId,
    pusher: Pusher,
    outbound: mpsc::Sender<Result<wire::LogAcked, Status>>,
    /// How the worker calls each log that came over this connection.
    logs: Mutex<HashMap<LogId, (u64, String)>>,
}

impl Pushing {
    fn name_of(&self, log: LogId) -> Option<(u64, String)> {
        self.logs.lock().unwrap_or_else(PoisonError::into_inner).get(&log).cloned()
    }

    /// Notes how the worker calls a log. Of a connection that stands for weeks, those of commands that are over go.
    fn name(&self, log: LogId, piece: &wire::LogAppend) {
        let mut logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        if logs.contains_key(&log) {
            return;
        }
        if logs.len() >= NAMES_AT_HAND && logs.len().is_power_of_two() {
            logs.retain(|_, (command, _)| {
                self.doors.sessions.command_of(self.session, CommandId(*command)).is_some()
            });
        }
        logs.insert(log, (piece.command, piece.log.clone()));
    }

    async fn take_in(&self, mut inbound: Streaming<wire::LogAppend>) -> Result<(), Status> {
        loop {
            let piece = tokio::select! {
                piece = inbound.message() => piece,
                () = self.doors.ending.cancelled() => {
                    return Err(status::away("the master is ending"));
                }
            };
            let Some(piece) = piece? else { return Ok(()) };
            if piece.data.len() > linn_proto::MAX_LOG_PIECE_BYTES {
                return Err(status::mistake("a piece of a log is larger than allowed"));
            }
            // A command that is over or another's gets no ack: its worker hears what to do in its session.
            let id = CommandId(piece.command);
            let Some(command) = self.doors.sessions.command_of(self.session, id) else { continue };
            let Some(key) = command.log(&piece.log) else {
                return Err(status::mistake("bytes came for a log that its command does not have"));
            };
            self.append(key, piece).await?;
        }
    }

    async fn append(&self, key: &LogKey, piece: wire::LogAppend) -> Result<(), Status> {
        self.name(key.log, &piece);
        let stream = match piece.stream() {
            wire::Stream::Err => logs::Stream::Err,
            wire::Stream::Out | wire::Stream::Unspecified => logs::Stream::Out,
        };
        let at = Timestamp(piece.at_ms.min(self.doors.engine.now().0));
        let data: Bytes = piece.data;
        let end = piece.offset.saturating_add(data.len() as u64);
        let (durable_to, expected) = loop {
            let appended = self.pusher.append(key, piece.offset, stream, at, data.clone()).await;
            match appended {
                Ok(appended) if appended.expected.is_some() => {
                    break (appended.durable_to, appended.expected);
                }
                // Sent again after a cut: all of it is durable already, and no sync will say so.
                Ok(appended) if appended.durable_to >= end => break (appended.durable_to, None),
                Ok(_) => return Ok(()),
                Err(LogError::Complete { bytes, .. }) => break (bytes, None),
                Err(error @ LogError::TooLarge { .. }) => {
                    return Err(status::mistake(error.to_string()));
                }
                Err(LogError::Closed) => return Err(status::away("the master is ending")),
                Err(error) => {
                    NOT_WRITTEN.say(|unsaid| {
                        let log = key.log.0;
                        tracing::warn!(log, unsaid, "a log cannot be written yet: {error}");
                    });
                    tokio::time::sleep(DISK_RETRY).await;
                }
            }
        };
        let acked = wire::LogAcked { command: piece.command, log: piece.log, durable_to, expected };
        self.outbound.send(Ok(acked)).await.map_err(|_| status::away("the link broke"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_of_another_protocol_are_told_who_is_old() {
        let hello = |protocol: u32, name: &str| wire::Hello {
            name: name.to_owned(),
            instance: vec![1; 16],
            protocol,
            ..wire::Hello::default()
        };
        assert_eq!(objection(&hello(linn_proto::PROTOCOL, "w1")), None);
        let newer = objection(&hello(linn_proto::PROTOCOL + 1, "w1")).expect("refused");
        assert!(newer.contains("upgrade the master"), "{newer}");
        assert!(objection(&hello(linn_proto::PROTOCOL, "")).is_some());
        assert!(objection(&hello(linn_proto::PROTOCOL, "a\nb")).is_some());
    }
}
