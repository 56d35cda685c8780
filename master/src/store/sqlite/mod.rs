//! The store in one SQLite file: WAL with `synchronous=FULL`, one writer, a few readers beside it.

mod checkpoint;
mod delete;
mod fault;
mod history;
mod load;
mod migrate;
mod open;
mod query;
mod row;
mod standing;
mod statistics;
#[cfg(test)]
mod tests;
mod work;
mod write;

use std::path::{Path, PathBuf};

use linn_core::id::{ConfigDigest, Seq};
use linn_core::record::Record;
use linn_core::state::{TAIL_ANSWERS, Tables};
use linn_core::time::Timestamp;
use rusqlite::{Connection, Result, params};

pub use query::Queries;

use self::checkpoint::Checkpoints;
use self::fault::fault;
use self::row::{count, int};
use self::work::Work;
use super::folder::FolderLock;
use super::{SeqRange, Store, StoreError, janitor, journal};

/// The store in one SQLite file, `DIR/linn.db`. One process has the folder: a lock on `DIR/master.pid` says so (C19).
#[derive(Debug)]
pub struct SqliteStore {
    // Dropped in this order: the lock goes last.
    db: Connection,
    checkpoints: Checkpoints,
    queries: Queries,
    file: PathBuf,
    epoch: [u8; 16],
    /// Of the newest record.
    seq: u64,
    work: Work,
    _lock: FolderLock,
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        // At an orderly end everything lies in the one file that people copy. When that fails, the log beside it has the
        // rest, as after a crash.
        let emptied = self.db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(()));
        if let Err(error) = emptied {
            tracing::debug!("the write-ahead log stays: {error}");
        }
    }
}

impl SqliteStore {
    /// Opens or makes the database of a state folder, and the folder itself.
    ///
    /// # Errors
    /// Every kind of [`StoreError`]; the sentence says what to do.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let lock = FolderLock::take(folder)?;
        let file = folder.join(open::FILE);
        let db = open::open(&file, lock.after_crash)?;
        let failed = |error: rusqlite::Error| fault(&file, &error);
        let epoch = db
            .query_row("SELECT value FROM meta WHERE name = 'epoch'", (), |row| row.get(0))
            .map_err(failed)?;
        let seq = query::newest_seq(&db).map_err(failed)?;
        let latest = load::latest(&db).map_err(failed)?;
        let checkpoints =
            Checkpoints::start(&file).map_err(|error| StoreError::other(&file, &error))?;
        let queries = Queries::new(file.clone());
        let work = Work::new(latest);
        Ok(Self { db, checkpoints, queries, file, epoch, seq, work, _lock: lock })
    }

    /// 16 random bytes made with the database: a cursor or a command id of another epoch means nothing here.
    #[must_use]
    pub const fn epoch(&self) -> [u8; 16] {
        self.epoch
    }

    /// Reading, beside the one writer.
    #[must_use]
    pub fn queries(&self) -> Queries {
        self.queries.clone()
    }

    /// The number of the newest record; 0: none yet.
    #[must_use]
    pub const fn seq(&self) -> Seq {
        Seq(self.seq)
    }

    /// Writes in one transaction; the outcome of a failed one is as if it had not been tried.
    fn transact<T>(
        &mut self,
        write: impl FnOnce(&Connection, &mut Work) -> Result<T>,
    ) -> Result<T, StoreError> {
        let done = in_transaction(&self.db, |db| write(db, &mut self.work));
        done.map_err(|error| fault(&self.file, &error))
    }
}

fn in_transaction<T>(db: &Connection, write: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
    db.prepare_cached("BEGIN IMMEDIATE")?.execute(())?;
    let done = write(db).and_then(|done| {
        db.prepare_cached("COMMIT")?.execute(())?;
        Ok(done)
    });
    if done.is_err() && !db.is_autocommit() {
        // Only to leave the connection in order: what went wrong is told already.
        drop(db.execute_batch("ROLLBACK"));
    }
    done
}

impl Store for SqliteStore {
    fn commit(&mut self, at: Timestamp, records: &[Record]) -> Result<SeqRange, StoreError> {
        let first = self.seq + 1;
        let last = self.seq + records.len() as u64;
        let range = SeqRange { first, last };
        if records.is_empty() {
            return Ok(range);
        }
        let done = self.transact(|db, work| {
            for (seq, record) in (first..).zip(records) {
                let event = params![
                    int(seq),
                    at.0,
                    record.kind(),
                    record.subject(),
                    journal::body(record)
                ];
                db.prepare_cached("INSERT INTO journal (seq, at, kind, subject, body) VALUES (?1, ?2, ?3, ?4, ?5)")?
                    .execute(event)?;
                work.apply(db, seq, record)?;
            }
            work.write(db)
        });
        match done {
            Ok(()) => {
                self.seq = last;
                self.work.committed();
                self.checkpoints.wrote(2 * records.len() as u64);
                Ok(range)
            }
            Err(error) => {
                // The rows in memory are ahead of the disk. Whoever goes on must load again.
                self.work = Work::default();
                Err(error)
            }
        }
    }

    fn load(&mut self) -> Result<Tables, StoreError> {
        let read = load::latest(&self.db).and_then(|latest| Ok((latest, load::load(&self.db)?)));
        let (latest, tables) = read.map_err(|error| fault(&self.file, &error))?;
        self.work = Work::new(latest);
        Ok(tables)
    }

    fn keep_config(
        &mut self,
        digest: &ConfigDigest,
        sources: &[(String, String)],
    ) -> Result<(), StoreError> {
        self.transact(|db, _| {
            let mut keep = db.prepare_cached(
                "INSERT OR IGNORE INTO config_source (digest, n, name, text) VALUES (?1, ?2, ?3, ?4)",
            )?;
            for (n, (name, text)) in sources.iter().enumerate() {
                keep.execute(params![digest.as_str(), count(n), name, text])?;
            }
            Ok(())
        })
    }

    fn tidy(&mut self, now: Timestamp) -> Result<bool, StoreError> {
        let newest = self.seq;
        self.transact(|db, _| {
            let oldest = query::oldest_seq(db)?;
            let (sure, aged, before) = janitor::edges(oldest, newest, now);
            let events = db
                .prepare_cached("DELETE FROM journal WHERE seq <= ?1 AND (seq <= ?2 OR at < ?3)")?
                .execute(params![int(aged), int(sure), before.0])?;
            let answers = db
                .prepare_cached(
                    "DELETE FROM answer WHERE n IN (SELECT n FROM answer WHERE n < \
                     (SELECT n FROM answer ORDER BY n DESC LIMIT 1 OFFSET ?1) LIMIT ?2)",
                )?
                .execute(params![count(TAIL_ANSWERS), int(janitor::BITE)])?;
            Ok((events + answers) as u64 >= janitor::BITE)
        })
    }
}
