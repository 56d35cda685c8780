//! Which workers are connected, and which commands they may speak of.
//!
//! The engine orders, a session's own task carries out: an order is put into the session's bounded queue and never waited
//! for. A session whose queue is full is cut; its worker dials again and hears everything anew, so nothing is lost.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use linn_core::action::HeldVerdict;
use linn_core::id::{BuildRef, CommandId, SessionId};
use linn_core::model::CommandSpec;
use linn_core::time::{Span, Timestamp};
use tokio::sync::mpsc;

use crate::logs::LogKey;

/// How many orders may wait in a session's queue.
const WAITING_ORDERS: usize = 1024;

/// What a session is to do.
#[derive(Debug)]
pub(crate) enum Order {
    /// Take the worker in.
    Welcome(Vec<(CommandId, HeldVerdict)>),
    /// Turn the worker away and end.
    Refuse {
        /// One sentence for its user.
        why: String,
        /// It should not try again.
        last: bool,
    },
    /// Send a command.
    Send(Box<CommandSpec>),
    /// Ask a command to end.
    Interrupt {
        /// Which.
        command: CommandId,
        /// For the log.
        reason: String,
        /// No grace.
        kill: bool,
    },
    /// The worker may forget a command.
    Ack(CommandId),
}

/// What the doors must know of a command while a worker holds it.
#[derive(Debug, Default)]
pub(crate) struct Command {
    /// Its logs, each by the name the worker uses.
    pub logs: Vec<LogKey>,
    /// When it was ordered: it cannot have begun before.
    pub since: Timestamp,
    /// How long it may take in all.
    pub total: Option<Span>,
    /// An upload: how many bytes its files may have together.
    pub upload: Option<u64>,
    /// A download: of which build, and what it brings.
    pub download: Option<(BuildRef, String)>,
}

impl Command {
    /// The log of that name.
    pub(crate) fn log(&self, name: &str) -> Option<&LogKey> {
        self.logs.iter().find(|key| key.name == name)
    }
}

#[derive(Default)]
struct Inner {
    sessions: HashMap<SessionId, mpsc::Sender<Order>>,
    commands: HashMap<CommandId, (SessionId, Arc<Command>)>,
}

/// All sessions of one master.
#[derive(Default)]
pub(crate) struct Sessions {
    inner: Mutex<Inner>,
    last: AtomicU64,
}

impl Sessions {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Whole entries go in and out, so a panic elsewhere leaves nothing half done.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new session, and the queue of its orders, which ends when the session is closed.
    pub(crate) fn open(&self) -> (SessionId, mpsc::Receiver<Order>) {
        let session = SessionId(self.last.fetch_add(1, Ordering::Relaxed) + 1);
        let (sender, orders) = mpsc::channel(WAITING_ORDERS);
        self.lock().sessions.insert(session, sender);
        (session, orders)
    }

    /// Ends a session: its queue ends, its commands are unknown until its worker is back.
    pub(crate) fn close(&self, session: SessionId) {
        let mut inner = self.lock();
        inner.sessions.remove(&session);
        inner.commands.retain(|_, (of, _)| *of != session);
    }

    /// Ends all sessions: the state that knew them is gone.
    pub(crate) fn close_all(&self) {
        *self.lock() = Inner::default();
    }

    /// Gives an order. A session that is gone misses nothing: its worker will ask.
    pub(crate) fn order(&self, session: SessionId, order: Order) {
        let full = {
            let inner = self.lock();
            let Some(orders) = inner.sessions.get(&session) else { return };
            matches!(orders.try_send(order), Err(mpsc::error::TrySendError::Full(_)))
        };
        if full {
            tracing::warn!(session = session.0, "a worker does not keep up with its orders; cut");
            self.close(session);
        }
    }

    /// From now on the session's worker may speak of the command.
    pub(crate) fn know(&self, session: SessionId, id: CommandId, command: Command) {
        self.lock().commands.insert(id, (session, Arc::new(command)));
    }

    /// The command is over and durable.
    pub(crate) fn forget(&self, id: CommandId) {
        self.lock().commands.remove(&id);
    }

    /// A command of that session.
    pub(crate) fn command_of(&self, session: SessionId, id: CommandId) -> Option<Arc<Command>> {
        let inner = self.lock();
        inner.commands.get(&id).filter(|(of, _)| *of == session).map(|(_, command)| command.clone())
    }

    /// Whether a session that stands has no such command. Of one that was ended nothing is known any more.
    pub(crate) fn is_strange(&self, session: SessionId, id: CommandId) -> bool {
        let inner = self.lock();
        inner.sessions.contains_key(&session)
            && inner.commands.get(&id).is_none_or(|(of, _)| *of != session)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command() -> Command {
        Command::default()
    }

    #[tokio::test]
    async fn closing_ends_the_queue_and_forgets_the_commands() {
        let sessions = Sessions::default();
        let (session, mut orders) = sessions.open();
        sessions.know(session, CommandId(1), command());
        sessions.order(session, Order::Ack(CommandId(1)));
        assert!(matches!(orders.recv().await, Some(Order::Ack(CommandId(1)))));
        assert!(sessions.command_of(session, CommandId(1)).is_some());
        let (other, _queue) = sessions.open();
        assert!(sessions.command_of(other, CommandId(1)).is_none(), "it is another's");
        assert!(
            sessions.is_strange(other, CommandId(1)) && !sessions.is_strange(session, CommandId(1))
        );
        sessions.close(session);
        assert!(orders.recv().await.is_none());
        assert!(sessions.command_of(session, CommandId(1)).is_none());
        assert!(!sessions.is_strange(session, CommandId(1)), "nothing is known any more");
    }

    #[tokio::test]
    async fn a_worker_that_does_not_keep_up_is_cut() {
        let sessions = Sessions::default();
        let (session, mut orders) = sessions.open();
        for id in 0..=WAITING_ORDERS as u64 {
            sessions.order(session, Order::Ack(CommandId(id)));
        }
        let mut had = 0;
        while orders.recv().await.is_some() {
            had += 1;
        }
        assert_eq!(had, WAITING_ORDERS);
    }
}
