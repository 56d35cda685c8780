//! Moves committed pages from the write-ahead log into the database on a thread of its own, so that no commit has to.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use rusqlite::{Connection, Result};

/// Rows written between two checkpoints: some four megabytes of log.
const EVERY: u64 = 2_000;

/// The writer's side.
#[derive(Debug)]
pub(super) struct Checkpoints {
    orders: SyncSender<()>,
    rows: u64,
}

impl Checkpoints {
    /// Starts the thread; it ends when this is dropped.
    pub(super) fn start(file: &Path) -> std::io::Result<Self> {
        let (orders, received) = sync_channel(1);
        let file = file.to_owned();
        thread::Builder::new()
            .name("linn-checkpoint".to_owned())
            .spawn(move || run(&file, &received))?;
        Ok(Self { orders, rows: 0 })
    }

    /// Rows were committed.
    pub(super) fn wrote(&mut self, rows: u64) {
        self.rows += rows;
        // One order at a time is enough: a checkpoint takes everything that is there.
        if self.rows >= EVERY && self.orders.try_send(()).is_ok() {
            self.rows = 0;
        }
    }
}

fn run(file: &PathBuf, orders: &Receiver<()>) {
    let mut connection = None;
    while orders.recv().is_ok() {
        if let Err(error) = checkpoint(file, &mut connection) {
            // Nothing is lost: the log only stays longer until the writer does it itself.
            tracing::debug!(%error, "no checkpoint was made");
            connection = None;
        }
    }
}

fn checkpoint(file: &PathBuf, connection: &mut Option<Connection>) -> Result<()> {
    let connection = match connection {
        Some(connection) => connection,
        none => none.insert(Connection::open(file)?),
    };
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", (), |_| Ok(()))
}
