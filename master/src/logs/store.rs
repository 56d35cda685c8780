//! The handle: which logs are in use, and the threads that serve them.

use std::collections::HashMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use linn_core::id::{BuildId, LogId};
use tokio::sync::Semaphore;

use super::entry::{Entry, Stage};
use super::seal::Sealer;
use super::sync::Rounds;
use super::{LogError, LogKey};

/// Logs kept at hand after their use, so that a reader finds them open.
const AT_HAND: usize = 128;
/// Logs settled at the same time: the file system makes one flush of their syncs.
const SETTLING: usize = 16;

/// All logs of a master, below one folder. Clones share it; when the last one goes, its threads end. What was not yet
/// written then is lost, as in a crash: call [`LogStore::flush`] first.
///
/// The methods are for tasks of a tokio runtime with time; none blocks its thread on the disk.
#[derive(Clone)]
pub struct LogStore {
    owner: Arc<Owner>,
}

struct Owner {
    shared: Arc<Shared>,
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.shared.rounds.close();
        self.shared.sealer.close();
    }
}

/// What the threads have as well.
pub(super) struct Shared {
    pub(super) root: PathBuf,
    entries: Mutex<Entries>,
    pub(super) rounds: Rounds,
    pub(super) sealer: Sealer,
    pub(super) settling: Semaphore,
    /// Bytes of all logs in memory.
    pub(super) buffered: AtomicUsize,
}

struct Entries {
    by_id: HashMap<LogId, Arc<Entry>>,
    /// When there are so many, idle ones are dropped.
    sweep_at: usize,
}

impl LogStore {
    /// Opens the folder (made when absent) and starts the threads that sync and seal.
    ///
    /// # Errors
    /// When the folder cannot be made or a thread not be started.
    pub fn open(root: &Path) -> Result<Self, LogError> {
        let failed = |error| LogError::io(root, "made", error);
        fs::create_dir_all(root).map_err(failed)?;
        let folder = File::open(root).map_err(failed)?;
        let shared = Arc::new(Shared {
            root: root.to_owned(),
            entries: Mutex::new(Entries { by_id: HashMap::new(), sweep_at: AT_HAND }),
            rounds: Rounds::default(),
            sealer: Sealer::default(),
            settling: Semaphore::new(SETTLING),
            buffered: AtomicUsize::new(0),
        });
        let store = Self { owner: Arc::new(Owner { shared: shared.clone() }) };
        let for_sealer = shared.clone();
        thread::Builder::new()
            .name("linn-logs-sync".to_owned())
            .spawn(move || Rounds::run(&shared, &folder))
            .and_then(|_| {
                thread::Builder::new()
                    .name("linn-logs-seal".to_owned())
                    .spawn(move || Sealer::run(&for_sealer))
            })
            .map_err(failed)?;
        Ok(store)
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.owner.shared
    }

    /// A log, in use from now on.
    pub(super) fn entry(&self, key: &LogKey) -> Arc<Entry> {
        self.shared().entry(key)
    }

    /// A log, if it is in use.
    pub(super) fn known(&self, key: &LogKey) -> Option<Arc<Entry>> {
        lock(&self.shared().entries).by_id.get(&key.log).cloned()
    }

    /// All logs in use.
    pub(super) fn all(&self) -> Vec<Arc<Entry>> {
        lock(&self.shared().entries).by_id.values().cloned().collect()
    }
}

impl Shared {
    /// A log, in use from now on.
    pub(super) fn entry(&self, key: &LogKey) -> Arc<Entry> {
        let mut entries = lock(&self.entries);
        if let Some(entry) = entries.by_id.get(&key.log) {
            return entry.clone();
        }
        if entries.by_id.len() >= entries.sweep_at {
            entries.by_id.retain(|_, entry| Arc::strong_count(entry) > 1 || !entry.is_idle());
            entries.sweep_at = AT_HAND.max(2 * entries.by_id.len());
        }
        let entry = Arc::new(Entry::new(&self.root, key));
        entries.by_id.insert(key.log, entry.clone());
        entry
    }

    /// The build is over: nothing more is expected for its logs, and they need not be kept at hand.
    pub(super) fn let_go(&self, build: BuildId) {
        for entry in lock(&self.entries).by_id.values().filter(|entry| entry.build() == build) {
            if let Stage::Plain(plain) = &mut *lock(&entry.stage) {
                plain.active = false;
            }
        }
    }

    /// Takes the logs of a build out of use.
    pub(super) fn take_out(&self, build: BuildId) -> Vec<Arc<Entry>> {
        let mut entries = lock(&self.entries);
        let gone: Vec<_> =
            entries.by_id.values().filter(|entry| entry.build() == build).cloned().collect();
        for entry in &gone {
            entries.by_id.remove(&entry.key.log);
        }
        gone
    }
}

/// Locks; a thread that panicked while it held the lock is no reason to stop serving the others.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs something that waits for the disk where that disturbs nobody.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LogError> + Send + 'static,
) -> Result<T, LogError> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(LogError::Closed))
}
