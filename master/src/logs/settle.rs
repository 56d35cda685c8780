//! The end of a log: everything durable and counted before the core hears that the step is over.

use std::time::Duration;

use sha2::{Digest, Sha256};

use super::entry::{Entry, Plain, Stage};
use super::line::Settled;
use super::store::{LogStore, Shared, blocking, lock};
use super::{LogError, LogKey, disk};
use crate::seldom::Seldom;

/// Between two tries while the disk is full (F14).
const RETRY: Duration = Duration::from_secs(1);
/// Every log that has ended would say so at every retry.
static NO_ROOM: Seldom = Seldom::new();

/// What becomes of bytes of an earlier process that are not what their worker says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Differing {
    Kept,
    Dropped,
}

impl LogStore {
    /// Waits until the log has `bytes` bytes, makes them durable and closes it. While the disk is full it waits for room.
    /// Settling again gives the same answer; with other `bytes` it is not intact, for a log that is over does not grow.
    /// A log without bytes has no file, and this costs nothing.
    ///
    /// Dropping the future leaves the log open; it can be settled again.
    ///
    /// # Errors
    /// [`LogError::Io`]: the log fell back to what is durable; when the bytes have come again it can be settled.
    pub async fn settle(
        &self,
        key: &LogKey,
        bytes: u64,
        sha256: Option<[u8; 32]>,
    ) -> Result<Settled, LogError> {
        self.settle_as(key, bytes, sha256, Differing::Kept).await
    }

    /// The same for a worker that has every byte still. After a power cut a file may end in other bytes than were written
    /// and not yet synced: when its digest is not the one that was said, what an earlier process left is dropped.
    ///
    /// # Errors
    /// As [`LogStore::settle`], and [`LogError::Differs`]: the log is empty, and its worker must learn of that.
    pub async fn settle_or_drop(
        &self,
        key: &LogKey,
        bytes: u64,
        sha256: Option<[u8; 32]>,
    ) -> Result<Settled, LogError> {
        self.settle_as(key, bytes, sha256, Differing::Dropped).await
    }

    async fn settle_as(
        &self,
        key: &LogKey,
        bytes: u64,
        sha256: Option<[u8; 32]>,
        differing: Differing,
    ) -> Result<Settled, LogError> {
        let entry = match self.known(key) {
            Some(entry) => entry,
            None if bytes == 0 => {
                let intact = sha256.is_none_or(|said| said == digest_of(Sha256::new()));
                return Ok(Settled { bytes: 0, lines: 0, intact });
            }
            None => self.entry(key),
        };
        let mut lengths = entry.lengths.subscribe();
        loop {
            if !entry.is_open() {
                let entry = entry.clone();
                blocking(move || entry.open()).await?;
            }
            let enough = lengths.wait_for(|now| now.complete || now.bytes >= bytes);
            drop(enough.await.map_err(|_| LogError::Closed)?);
            let _turn = self.shared().settling.acquire().await.map_err(|_| LogError::Closed)?;
            let (entry, shared) = (entry.clone(), self.shared().clone());
            match blocking(move || entry.settle(bytes, sha256, differing, &shared)).await {
                Ok(Some(settled)) => return Ok(settled),
                // It fell back in between: its bytes come again.
                Ok(None) => {}
                Err(LogError::Full { path }) => {
                    NO_ROOM.say(|unsaid| {
                        let path = path.display();
                        tracing::warn!(%path, unsaid, "waiting for room on the disk to settle a log");
                    });
                    tokio::time::sleep(RETRY).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// How much of a log is durable, for a worker that resumes: syncs what is there first. A log that is not open is not
    /// read for it, as the worker is not welcome before all its logs were looked at.
    ///
    /// # Errors
    /// When it cannot be read, written or synced.
    pub async fn durable_to(&self, key: &LogKey) -> Result<u64, LogError> {
        let (entry, shared) = (self.entry(key), self.shared().clone());
        blocking(move || {
            loop {
                if let Some(bytes) = entry.sync_unopened()? {
                    return Ok(bytes);
                }
                entry.sync(&shared)?;
                match &*lock(&entry.stage) {
                    Stage::Plain(plain) => return Ok(plain.durable),
                    Stage::Sealed(sealed) => return Ok(sealed.bytes),
                    Stage::Removed => return Ok(0),
                    // It fell back in between.
                    Stage::Unopened => {}
                }
            }
        })
        .await
    }

    /// Writes and syncs everything taken in, at the end of the master.
    ///
    /// # Errors
    /// The first that comes up; the others are tried all the same.
    pub async fn flush(&self) -> Result<(), LogError> {
        let (entries, shared) = (self.all(), self.shared().clone());
        blocking(move || {
            let results: Vec<_> = entries.iter().map(|entry| entry.sync(&shared)).collect();
            results.into_iter().collect()
        })
        .await
    }
}

impl Entry {
    /// Closes the log; `None`: it has fewer bytes than that, and more may come.
    fn settle(
        &self,
        bytes: u64,
        sha256: Option<[u8; 32]>,
        differing: Differing,
        shared: &Shared,
    ) -> Result<Option<Settled>, LogError> {
        self.open()?;
        self.sync(shared)?;
        let unread = match &*lock(&self.stage) {
            Stage::Plain(plain) if plain.digest.is_none() && sha256.is_some() => {
                plain.file.clone().map(|file| (file, plain.length))
            }
            _ => None,
        };
        let read = match unread {
            Some((file, length)) => Some(self.digest_of_file(&file, length)?),
            None => None,
        };
        let mut stage = lock(&self.stage);
        let plain = match &mut *stage {
            Stage::Plain(plain) => plain,
            Stage::Sealed(sealed) => {
                let intact = sealed.bytes == bytes;
                return Ok(Some(Settled { bytes: sealed.bytes, lines: sealed.lines, intact }));
            }
            Stage::Unopened => return Ok(None),
            Stage::Removed => return Ok(Some(Settled { bytes: 0, lines: 0, intact: bytes == 0 })),
        };
        if plain.settled.is_none() {
            if plain.length < bytes || plain.durable < plain.length {
                return Ok(None);
            }
            let intact = plain.is_intact(bytes, sha256, read);
            // A longer one has bytes that the worker has not.
            if !intact && read.is_some() && plain.length == bytes && differing == Differing::Dropped
            {
                drop(stage);
                self.start_over(shared)?;
                return Err(LogError::Differs { path: self.log_path() });
            }
            plain.settled = Some(intact);
        }
        let intact = plain.settled == Some(true) && plain.length == bytes;
        self.lengths.send_replace(plain.lengths());
        Ok(Some(Settled { bytes: plain.length, lines: plain.index.lines(), intact }))
    }

    fn digest_of_file(&self, file: &std::fs::File, length: u64) -> Result<[u8; 32], LogError> {
        let mut digest = Sha256::new();
        let mut block = vec![0; 256 * 1024];
        let mut done = 0;
        while done < length {
            let got = disk::read_at(file, done, &mut block)
                .map_err(|error| LogError::io(&self.log_path(), "read", error))?;
            if got == 0 {
                break;
            }
            digest.update(&block[..got]);
            done += got as u64;
        }
        Ok(digest_of(digest))
    }
}

impl Plain {
    fn is_intact(&self, bytes: u64, said: Option<[u8; 32]>, read: Option<[u8; 32]>) -> bool {
        let ours = self.digest.clone().map(digest_of).or(read);
        self.length == bytes && said.is_none_or(|said| ours.is_none_or(|ours| ours == said))
    }
}

fn digest_of(digest: Sha256) -> [u8; 32] {
    digest.finalize().into()
}
