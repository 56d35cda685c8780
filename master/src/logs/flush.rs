//! From memory to the file, and from the file to the platter.
//!
//! What could not be written stays in memory and is tried again. What could not be synced is given up: after a failed
//! sync the system may have dropped the very pages, so the log falls back to what is durable and its worker, who still
//! has the rest, is asked for it again (F16). Not only its next append would tell it: it may have sent everything.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::entry::{Entry, Plain, Stage};
use super::sealed::Sealed;
use super::store::{Shared, lock};
use super::{LogError, disk};

/// A log that writes so much at once is busy.
const BUSY: usize = 64 * 1024;

/// A file that was written up to `to`, ready to be synced.
pub(super) struct Written {
    file: Arc<File>,
    to: u64,
}

impl Entry {
    /// Writes what is in memory; gives what there is to sync, if anything.
    pub(super) fn flush(&self, shared: &Shared) -> Result<Option<Written>, LogError> {
        let _one = lock(&self.disk);
        loop {
            let (bytes, offset, file) = {
                let mut stage = lock(&self.stage);
                let Stage::Plain(plain) = &mut *stage else { return Ok(None) };
                if plain.flushing.is_empty() {
                    if plain.pending.is_empty() {
                        return Ok(plain.to_sync());
                    }
                    plain.flushing = Arc::new(std::mem::take(&mut plain.pending));
                }
                (plain.flushing.clone(), plain.written, plain.file.clone())
            };
            let path = self.log_path();
            let failed = |error| LogError::io(&path, "written", error);
            let file = match file {
                Some(file) => file,
                None => Arc::new(create(&path)?),
            };
            disk::write_at(&file, offset, &bytes).map_err(failed)?;
            {
                let mut stage = lock(&self.stage);
                let Stage::Plain(plain) = &mut *stage else { return Ok(None) };
                plain.file = Some(file);
                plain.written += bytes.len() as u64;
                plain.recycle();
            }
            shared.buffered.fetch_sub(bytes.len(), Ordering::Relaxed);
            self.flush_spans();
        }
    }

    /// Times are written beside the bytes, and only lost when they cannot be.
    fn flush_spans(&self) {
        let unwritten = match &*lock(&self.stage) {
            Stage::Plain(plain) => plain.spans.unwritten(),
            _ => None,
        };
        let Some(unwritten) = unwritten else { return };
        match unwritten.write(&self.path(".spans")) {
            Ok(file) => {
                if let Stage::Plain(plain) = &mut *lock(&self.stage) {
                    plain.spans.written(file, unwritten.rows);
                }
            }
            Err(error) => tracing::debug!(log = %self.key.log, %error, "times were not written"),
        }
    }

    /// Writes and syncs; when this returns, everything taken in before the call is durable.
    pub(super) fn sync(&self, shared: &Shared) -> Result<(), LogError> {
        match self.flush(shared)? {
            Some(written) => self.sync_written(&written, shared),
            None => Ok(()),
        }
    }

    /// Syncs what an earlier process wrote, and gives how much that is; `None`: the log is open already.
    pub(super) fn sync_unopened(&self) -> Result<Option<u64>, LogError> {
        let _one = lock(&self.disk);
        if self.is_open() {
            return Ok(None);
        }
        let path = self.log_path();
        if let Some(sealed) = Sealed::open(&self.path(".log.zst"))?
            && sealed.covers(&path)?
        {
            return Ok(Some(sealed.bytes));
        }
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Some(0)),
            Err(error) => return Err(LogError::io(&path, "read", error)),
        };
        let length = file.metadata().map_err(|error| LogError::io(&path, "read", error))?.len();
        if length > 0 {
            disk::sync(&file).map_err(|error| LogError::io(&path, "synced", error))?;
        }
        Ok(Some(length))
    }

    /// Syncs what was written.
    pub(super) fn sync_written(&self, written: &Written, shared: &Shared) -> Result<(), LogError> {
        match disk::sync(&written.file) {
            Ok(()) => {
                self.is_durable(written);
                Ok(())
            }
            Err(error) => {
                self.fall_back(written, shared);
                Err(LogError::io(&self.log_path(), "synced", error))
            }
        }
    }

    /// A sync that covered `written` has succeeded.
    pub(super) fn is_durable(&self, written: &Written) {
        let (acks, durable) = {
            let mut stage = lock(&self.stage);
            let Stage::Plain(plain) = &mut *stage else { return };
            if plain.durable >= written.to || !written.is_of(plain) {
                return;
            }
            plain.durable = written.to;
            (plain.acks.upgrade(), plain.durable)
        };
        if let Some(acks) = acks {
            acks.tell(self.key.log, durable);
        }
    }

    /// Forgets everything that is not durable. The next to use the log finds it as long as that, and its worker hears that
    /// there is something to send. A log that takes in nothing has perhaps no worker any more: its file stays as it is.
    fn fall_back(&self, written: &Written, shared: &Shared) {
        let _one = lock(&self.disk);
        let mut stage = lock(&self.stage);
        let Stage::Plain(plain) = &mut *stage else { return };
        if !written.is_of(plain) {
            return;
        }
        let (durable, active, acks) = (plain.durable, plain.active, plain.acks.upgrade());
        shared.buffered.fetch_sub(plain.unwritten(), Ordering::Relaxed);
        *stage = Stage::Unopened;
        drop(stage);
        if active && let Err(error) = written.file.set_len(durable) {
            tracing::error!(log = %self.key.log, %error, "a log that could not be synced cannot be cut");
        }
        // Not before: what came then would be forgotten as well.
        if let Some(acks) = acks {
            acks.ask_again(self.key.log, durable);
        }
    }
}

impl Entry {
    /// Forgets everything, what is durable too: its worker is to send it again from the beginning.
    pub(super) fn start_over(&self, shared: &Shared) -> Result<(), LogError> {
        let _one = lock(&self.disk);
        let file = match &*lock(&self.stage) {
            Stage::Plain(plain) => plain.file.clone(),
            _ => None,
        };
        if let Some(file) = file {
            file.set_len(0).map_err(|error| LogError::io(&self.log_path(), "cut", error))?;
        }
        let mut stage = lock(&self.stage);
        if let Stage::Plain(plain) = &mut *stage {
            shared.buffered.fetch_sub(plain.unwritten(), Ordering::Relaxed);
            *stage = Stage::Unopened;
        }
        Ok(())
    }
}

impl Written {
    /// Whether it was written since the log was opened last. If not, the log fell back in between, and what it holds now may
    /// be other bytes at the same place.
    fn is_of(&self, plain: &Plain) -> bool {
        plain.file.as_ref().is_some_and(|file| Arc::ptr_eq(file, &self.file))
    }
}

impl Plain {
    fn to_sync(&self) -> Option<Written> {
        let file = self.file.clone().filter(|_| self.durable < self.written)?;
        Some(Written { file, to: self.written })
    }

    /// The buffer of a busy log is used again, unless a reader still has it; that of a quiet one is given back.
    fn recycle(&mut self) {
        let mut buffer = std::mem::take(&mut self.flushing);
        if self.pending.is_empty()
            && buffer.len() >= BUSY
            && let Some(buffer) = Arc::get_mut(&mut buffer)
        {
            buffer.clear();
            self.pending = std::mem::take(buffer);
        }
    }
}

/// Makes the file of a log, and the folders above it.
fn create(path: &Path) -> Result<File, LogError> {
    let open = || OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
    let made = match open() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| open())
        }
        other => other,
    };
    made.map_err(|error| LogError::io(path, "made", error))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use linn_core::id::{BuildId, LogId};
    use linn_core::time::Timestamp;

    use super::super::{LogKey, LogStore, Stream};
    use super::*;

    /// A log that is over and is read, or packed, has no worker to send it again.
    #[tokio::test]
    async fn what_no_worker_has_is_never_cut() {
        let folder = tempfile::tempdir().unwrap();
        let key = LogKey::new(BuildId(1), LogId(1), "stdio");
        let data = Bytes::from_static(b"one\ntwo\n");
        let store = LogStore::open(folder.path()).unwrap();
        store.append(&key, 0, Stream::Out, Timestamp(1), data.clone()).await.unwrap();
        store.flush().await.unwrap();

        let store = LogStore::open(folder.path()).unwrap();
        assert_eq!(store.lengths(&key).await.unwrap().bytes, 8);
        let entry = store.entry(&key);
        let unsynced = entry.flush(store.shared()).unwrap().unwrap();
        entry.fall_back(&unsynced, store.shared());
        assert_eq!(fs::read(entry.log_path()).unwrap(), data);
    }
}
