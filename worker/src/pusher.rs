//! Log bytes on their way from the spool to the wire.
//!
//! Which range comes next is the session's to say; here it is read and handed over, never more than the wire takes: what
//! waits for it waits on the disk.

use std::collections::{BTreeMap, VecDeque};
use std::io;

use linn_proto::worker::LogAppend;
use tokio::sync::mpsc;

use crate::id::CommandId;
use crate::session::{Push, Session};
use crate::spool::Spool;

/// Reads ranges of logs and gives them to the wire.
#[derive(Debug, Default)]
pub(crate) struct Pusher {
    /// The logs of each command held, by position.
    logs: BTreeMap<CommandId, Vec<String>>,
    /// Read, and not yet taken by the wire: one range at the most.
    pieces: VecDeque<LogAppend>,
    wire: Option<mpsc::Sender<LogAppend>>,
}

impl Pusher {
    /// Learns the names of a command's logs; their positions name the files.
    pub(crate) fn hold(&mut self, id: CommandId, logs: Vec<String>) {
        self.logs.insert(id, logs);
    }

    /// Nothing more of a command is to be sent.
    pub(crate) fn forget(&mut self, id: CommandId) {
        self.logs.remove(&id);
        self.pieces.retain(|piece| piece.command != id.0);
    }

    /// There is a log stream now.
    pub(crate) fn open(&mut self, wire: mpsc::Sender<LogAppend>) {
        self.wire = Some(wire);
    }

    /// The log stream is gone. What was read and not taken is read again: the master says from where.
    pub(crate) fn close(&mut self) {
        self.wire = None;
        self.pieces.clear();
    }

    /// Gives the wire what it takes at this moment. One piece is kept ready beyond that, so that [`Self::wants_room`]
    /// knows there is something to wait for.
    ///
    /// # Errors
    /// When a range cannot be read from the spool: which, and why as a sentence.
    pub(crate) fn send(
        &mut self,
        session: &mut Session,
        spool: &Spool,
    ) -> Result<(), (Push, String)> {
        let Some(wire) = self.wire.clone() else { return Ok(()) };
        loop {
            if self.pieces.is_empty() {
                let Some(push) = session.next_push() else { return Ok(()) };
                self.pieces = match self.read(&push, spool) {
                    Ok(pieces) => pieces,
                    Err(why) => return Err((push, why)),
                };
            }
            let Ok(permit) = wire.try_reserve() else { return Ok(()) };
            if let Some(piece) = self.pieces.pop_front() {
                permit.send(piece);
            }
        }
    }

    fn read(&self, push: &Push, spool: &Spool) -> Result<VecDeque<LogAppend>, String> {
        let logs = self.logs.get(&push.command);
        let index = logs.and_then(|logs| logs.iter().position(|log| *log == push.log));
        let read = match index {
            Some(index) => spool.read(push.command, index, push.from, push.to),
            None => Err(io::ErrorKind::NotFound.into()),
        };
        let pieces = read.map_err(|error| {
            format!("the worker cannot read the log {} from its spool: {error}", push.log)
        })?;
        let piece = |piece: crate::spool::Piece| LogAppend {
            command: push.command.0,
            log: push.log.clone(),
            offset: piece.offset,
            stream: piece.stream.into(),
            at_ms: piece.at_ms,
            data: piece.data.into(),
        };
        Ok(pieces.into_iter().map(piece).collect())
    }

    /// Whether something waits for the wire.
    pub(crate) fn wants_room(&self) -> bool {
        !self.pieces.is_empty()
    }

    /// Waits until the wire takes more.
    pub(crate) async fn room(&self) {
        room(self.wire.as_ref()).await;
    }
}

/// Waits until a queue to the wire has room, or is closed for good (then the link's end is heard elsewhere).
pub(crate) async fn room<T>(queue: Option<&mpsc::Sender<T>>) {
    match queue {
        Some(queue) => match queue.reserve().await {
            Ok(_) => {}
            Err(_) => std::future::pending().await,
        },
        None => std::future::pending().await,
    }
}
