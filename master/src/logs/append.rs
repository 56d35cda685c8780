//! Taking bytes in: by offset, so that telling them twice is harmless; into memory, so that it is quick.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use linn_core::time::Timestamp;
use sha2::Digest;

use super::ack::AckBox;
use super::entry::{Entry, Plain, Stage};
use super::line::{Appended, Stream};
use super::store::{LogStore, Shared, blocking, lock};
use super::{LogError, LogKey, MAX_APPEND};

/// Bytes of one log kept in memory before they go to its file.
const WRITE_AT: usize = 256 * 1024;
/// The same, while all logs together have more than [`ALL_AT_MOST`] in memory.
const WRITE_EARLY: usize = 16 * 1024;
const ALL_AT_MOST: usize = 8 * 1024 * 1024;
/// Runs of bytes kept in memory before they are written, and the bytes with them.
const MANY_SPANS: usize = 4096;

impl LogStore {
    /// Takes bytes at an offset; idempotent: what is there already is skipped. `at` is when they were read.
    ///
    /// # Errors
    /// [`LogError::Full`]: send again later. [`LogError::Io`]: the log fell back to what is durable; the next append
    /// hears from where. [`LogError::Complete`], [`LogError::TooLarge`]: a mistake of the sender.
    pub async fn append(
        &self,
        key: &LogKey,
        offset: u64,
        stream: Stream,
        at: Timestamp,
        data: Bytes,
    ) -> Result<Appended, LogError> {
        self.append_for(key, offset, stream, at, data, None).await
    }

    pub(super) async fn append_for(
        &self,
        key: &LogKey,
        offset: u64,
        stream: Stream,
        at: Timestamp,
        data: Bytes,
        acks: Option<&Arc<AckBox>>,
    ) -> Result<Appended, LogError> {
        if data.len() > MAX_APPEND {
            return Err(LogError::TooLarge { bytes: data.len() });
        }
        let entry = self.entry(key);
        let shared = self.shared();
        let appended = loop {
            if !entry.is_open() {
                let entry = entry.clone();
                blocking(move || entry.open()).await?;
            }
            if entry.is_full(shared) {
                // Left over from a write that failed, or from one that is under way: nothing is taken before it is done.
                self.write_out(&entry).await?;
            }
            if let Some(appended) = entry.accept(offset, stream, at, &data, acks, shared)? {
                break appended;
            }
        };
        if entry.is_full(shared) {
            self.write_out(&entry).await?;
        }
        Ok(appended)
    }

    async fn write_out(&self, entry: &Arc<Entry>) -> Result<(), LogError> {
        let (entry, shared) = (entry.clone(), self.shared().clone());
        blocking(move || entry.flush(&shared).map(drop)).await
    }
}

impl Entry {
    /// It has so much in memory that it must be written.
    fn is_full(&self, shared: &Shared) -> bool {
        let limit = if shared.buffered.load(Ordering::Relaxed) > ALL_AT_MOST {
            WRITE_EARLY
        } else {
            WRITE_AT
        };
        match &*lock(&self.stage) {
            Stage::Plain(plain) => {
                plain.unwritten() >= limit || plain.spans.rows.tail.len() >= MANY_SPANS
            }
            _ => false,
        }
    }

    /// Takes bytes in; `None`: it must be opened again first.
    fn accept(
        self: &Arc<Self>,
        offset: u64,
        stream: Stream,
        at: Timestamp,
        data: &[u8],
        acks: Option<&Arc<AckBox>>,
        shared: &Shared,
    ) -> Result<Option<Appended>, LogError> {
        let end = offset.saturating_add(data.len() as u64);
        let complete = |bytes| LogError::Complete { name: self.key.name.clone(), bytes };
        let mut stage = lock(&self.stage);
        let plain = match &mut *stage {
            Stage::Unopened => return Ok(None),
            Stage::Removed => return Err(complete(0)),
            Stage::Sealed(sealed) => {
                let bytes = sealed.bytes;
                if end > bytes {
                    return Err(complete(bytes));
                }
                if let Some(acks) = acks {
                    acks.tell(self.key.log, bytes);
                }
                return Ok(Some(Appended { length: bytes, durable_to: bytes, expected: None }));
            }
            Stage::Plain(plain) => plain,
        };
        if plain.settled.is_some() && end > plain.length {
            return Err(complete(plain.length));
        }
        plain.active = true;
        if let Some(acks) = acks {
            // A new connection, or one that sends again what is safe: it hears at once what it may forget.
            if plain.durable > 0
                && (!std::ptr::eq(plain.acks.as_ptr(), &raw const **acks) || end <= plain.durable)
            {
                acks.tell(self.key.log, plain.durable);
            }
            plain.acks = Arc::downgrade(acks);
        }
        let Some(known) = plain.length.checked_sub(offset) else {
            let expected = Some(plain.length);
            return Ok(Some(Appended {
                length: plain.length,
                durable_to: plain.durable,
                expected,
            }));
        };
        let fresh = usize::try_from(known).ok().and_then(|known| data.get(known..));
        if let Some(fresh) = fresh.filter(|fresh| !fresh.is_empty()) {
            plain.take(stream, at, fresh);
            shared.buffered.fetch_add(fresh.len(), Ordering::Relaxed);
            self.lengths.send_replace(plain.lengths());
        }
        let appended = Appended { length: plain.length, durable_to: plain.durable, expected: None };
        let dirty = plain.durable < plain.length;
        drop(stage);
        if dirty {
            shared.rounds.queue(self);
        }
        Ok(Some(appended))
    }
}

impl Plain {
    fn take(&mut self, stream: Stream, at: Timestamp, fresh: &[u8]) {
        self.spans.note(self.length, stream, at);
        self.index.feed(fresh);
        self.marker.feed(fresh);
        if let Some(digest) = &mut self.digest {
            digest.update(fresh);
        }
        self.pending.extend_from_slice(fresh);
        self.length += fresh.len() as u64;
    }
}
