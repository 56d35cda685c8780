//! Rounds of syncs: one thread walks all logs that took in bytes, writes and syncs them, tells their workers, and begins
//! again, some five times a second at most. A thousand busy logs cost a few large syncs, not thousands of small ones.

use std::fs::File;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::LogError;
use super::entry::Entry;
use super::store::{Shared, lock};
use crate::seldom::Seldom;

/// A round waits so long for company. Most small logs are settled before that, by a sync of their own.
const GATHER: Duration = Duration::from_millis(50);
/// After a round.
const PAUSE: Duration = Duration::from_millis(150);
/// After a round in which something could not be written.
const PAUSE_IN_TROUBLE: Duration = Duration::from_secs(1);
/// More dirty logs than this are synced with everything else on the file system, in one call.
const MANY: usize = 32;
/// Of these there may be many in every round.
static NOT_SYNCED: Seldom = Seldom::new();

/// The logs that wait for the next round.
#[derive(Default)]
pub(super) struct Rounds {
    waiting: Mutex<Waiting>,
    /// Something waits, or it is closed.
    woken: Condvar,
    /// It is closed. Apart, so that a pause between rounds is not broken by every log that comes.
    ended: Condvar,
}

#[derive(Default)]
struct Waiting {
    entries: Vec<Arc<Entry>>,
    closed: bool,
}

impl Rounds {
    /// A log took in bytes. Asked for often: a log waits only once.
    pub(super) fn queue(&self, entry: &Arc<Entry>) {
        if !entry.queued.swap(true, Ordering::AcqRel) {
            lock(&self.waiting).entries.push(entry.clone());
            self.woken.notify_one();
        }
    }

    /// Ends the thread; what waits is left to the next start.
    pub(super) fn close(&self) {
        lock(&self.waiting).closed = true;
        self.woken.notify_all();
        self.ended.notify_all();
    }

    /// Everything that waits, after it has gathered for a while; `None` when closed.
    fn next(&self) -> Option<Vec<Arc<Entry>>> {
        let mut waiting = lock(&self.waiting);
        while waiting.entries.is_empty() && !waiting.closed {
            waiting = self.woken.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        drop(waiting);
        if self.pause(GATHER) {
            Some(std::mem::take(&mut lock(&self.waiting).entries))
        } else {
            None
        }
    }

    /// Waits; false when closed.
    fn pause(&self, time: Duration) -> bool {
        let waiting = lock(&self.waiting);
        let (waiting, _) = self
            .ended
            .wait_timeout_while(waiting, time, |waiting| !waiting.closed)
            .unwrap_or_else(PoisonError::into_inner);
        !waiting.closed
    }

    /// The thread. `folder` is any open file of the file system on which the logs lie.
    pub(super) fn run(shared: &Shared, folder: &File) {
        let rounds = &shared.rounds;
        while let Some(batch) = rounds.next() {
            let mut pause = PAUSE;
            let failed = round(shared, folder, &batch);
            // Held over the pause, they would not be forgotten.
            drop(batch);
            for (entry, error) in failed {
                NOT_SYNCED.say(|unsaid| {
                    let (log, build) = (entry.key.log, entry.build());
                    tracing::warn!(%log, %build, %error, unsaid, "a log cannot be synced yet");
                });
                // Bytes that could not be written are still in memory: tried again. Others come again from the worker.
                rounds.queue(&entry);
                pause = PAUSE_IN_TROUBLE;
            }
            if !rounds.pause(pause) {
                return;
            }
        }
    }
}

/// Writes and syncs each; gives those for which it failed.
fn round(shared: &Shared, folder: &File, batch: &[Arc<Entry>]) -> Vec<(Arc<Entry>, LogError)> {
    let mut failed = Vec::new();
    let mut written = Vec::with_capacity(batch.len());
    for entry in batch {
        entry.queued.store(false, Ordering::Release);
        match entry.flush(shared) {
            Ok(Some(to_sync)) => written.push((entry, to_sync)),
            Ok(None) => {}
            Err(error) => failed.push((entry.clone(), error)),
        }
    }
    if written.len() > MANY && super::disk::sync_file_system(folder).is_ok() {
        for (entry, to_sync) in &written {
            entry.is_durable(to_sync);
        }
        return failed;
    }
    for (entry, to_sync) in &written {
        if let Err(error) = entry.sync_written(to_sync, shared) {
            failed.push(((*entry).clone(), error));
        }
    }
    failed
}
