//! Where facts become durable: one trait, SQLite behind it, and a simple twin in memory for tests.

mod filter;
mod folder;
mod janitor;
mod journal;
mod memory;
mod rules;
mod sqlite;

pub use filter::{
    BuildFilter, BuildStateFilter, BuildsetFilter, ChangeFilter, DEFAULT_LIMIT, Event,
    MAX_STATISTICS, RequestFilter, Statistic, StatisticFilter,
};
pub use folder::{FREE_SPACE_FLOOR, free_space};
pub use memory::MemoryStore;
pub use sqlite::{Queries, SqliteStore};

use linn_core::id::ConfigDigest;
use linn_core::record::Record;
use linn_core::state::Tables;
use linn_core::time::Timestamp;

/// The one writer's side of a store.
pub trait Store: Send {
    /// Makes records durable in one transaction, tables and journal alike, and numbers them: the first gets `first`,
    /// each next one more. No records: nothing is written and the range is empty.
    ///
    /// # Errors
    /// When anything stops it. Then memory is ahead of the disk: the caller stops, and starts again from [`Store::load`].
    fn commit(&mut self, at: Timestamp, records: &[Record]) -> Result<SeqRange, StoreError>;

    /// Everything a state is made of.
    ///
    /// # Errors
    /// When the database cannot be read; the sentence says what to do.
    fn load(&mut self) -> Result<Tables, StoreError>;

    /// Keeps the text of a configuration and of all that it loaded, by digest (D9): before the first build with it.
    /// Keeping it again changes nothing.
    ///
    /// # Errors
    /// As [`Store::commit`].
    fn keep_config(
        &mut self,
        digest: &ConfigDigest,
        sources: &[(String, String)],
    ) -> Result<(), StoreError>;

    /// Forgets a small bite of what is older than anybody needs, between other work. Says whether there is more.
    ///
    /// # Errors
    /// As [`Store::commit`].
    fn tidy(&mut self, now: Timestamp) -> Result<bool, StoreError>;
}

/// The journal numbers of one commit: `first..=last`; empty when `last < first`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SeqRange {
    /// Of the first record.
    pub first: u64,
    /// Of the last record: the sequence number after this commit.
    pub last: u64,
}

/// What went wrong with the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another master has the folder.
    #[error("another master, pid {pid}, already runs on {folder}")]
    Taken {
        /// Its process id; 0 when it could not be read.
        pid: u32,
        /// The state folder.
        folder: String,
    },
    /// The file is from a newer linn (I12).
    #[error("{file} was written by a newer linn (schema {found}, this one knows {known})")]
    Newer {
        /// The database.
        file: String,
        /// Its schema.
        found: u32,
        /// Ours.
        known: u32,
    },
    /// The file is no database, or is damaged (F18).
    #[error("{file} is damaged: {detail}")]
    Corrupt {
        /// The database.
        file: String,
        /// What SQLite says.
        detail: String,
    },
    /// The disk is full.
    #[error("the disk under {file} is full")]
    Full {
        /// The database.
        file: String,
    },
    /// Anything else.
    #[error("{file} cannot be used: {detail}")]
    Other {
        /// The database.
        file: String,
        /// What SQLite says.
        detail: String,
    },
}

impl StoreError {
    fn other(file: &std::path::Path, error: &std::io::Error) -> Self {
        let file = file.display().to_string();
        match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
                Self::Full { file }
            }
            _ => Self::Other { file, detail: error.to_string() },
        }
    }
}
