//! The files that builds keep: named by what is in them, so that the same file is kept once (architecture.md 7).
//!
//! ```text
//! artifacts/part/<sha256>          as far as it came; goes on from there after any cut
//! artifacts/<2 digits>/<sha256>    whole, durable, and what its digest says
//! ```
//!
//! Names of builds never become names of files here: which build calls a file what is in the database.

mod counted;

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use linn_core::id::CommandId;
use sha2::{Digest, Sha256};
use tokio::sync::watch;

use counted::{COUNTED_FOR, Counted};

/// What has not grown for so long is not sent any more.
const PART_KEPT: Duration = Duration::from_secs(7 * 24 * 3600);

/// All artifacts of a master. Clones share them.
#[derive(Clone)]
pub(crate) struct Artifacts(Arc<Inner>);

struct Inner {
    root: PathBuf,
    /// One writer for each digest at a time.
    writers: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
    counted: Mutex<Counted>,
    /// Uploads that cannot be kept, each with a sentence.
    refused: Mutex<HashMap<CommandId, String>>,
    /// Counts what became whole or was refused.
    news: watch::Sender<u64>,
}

/// A file on its way in.
pub(crate) struct Receiving {
    artifacts: Artifacts,
    sha256: String,
    size: u64,
    file: Option<File>,
    /// How much of it is there.
    pub(crate) length: u64,
    _turn: tokio::sync::OwnedMutexGuard<()>,
}

impl Artifacts {
    /// Opens the folder, made when absent, and forgets what was never finished.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(crate) fn open(root: &Path) -> io::Result<Self> {
        fs::create_dir_all(root.join("part"))?;
        for entry in fs::read_dir(root.join("part"))?.flatten() {
            let age = entry.metadata().and_then(|found| found.modified()).map(|at| at.elapsed());
            if matches!(age, Ok(Ok(age)) if age > PART_KEPT) {
                // It costs room alone, and is tried again at the next start.
                let _ = fs::remove_file(entry.path());
            }
        }
        Ok(Self(Arc::new(Inner {
            root: root.to_owned(),
            writers: Mutex::default(),
            counted: Mutex::default(),
            refused: Mutex::default(),
            news: watch::Sender::new(0),
        })))
    }

    /// Where a whole file lies; the digest is 64 hex digits.
    pub(crate) fn path(&self, sha256: &str) -> PathBuf {
        self.0.root.join(sha256.get(..2).unwrap_or("part")).join(sha256)
    }

    /// Whether a file is there, whole and durable. Who asks counts on the answer: what is there, or comes now, stays.
    pub(crate) fn has(&self, sha256: &str, bytes: u64) -> bool {
        let mut counted = self.counted();
        counted.count(sha256, Instant::now());
        // Still under the lock, so that it is not removed meanwhile.
        fs::metadata(self.path(sha256)).is_ok_and(|found| found.is_file() && found.len() == bytes)
    }

    fn counted(&self) -> std::sync::MutexGuard<'_, Counted> {
        self.0.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A build's row names it from now on: that is what keeps it.
    pub(crate) fn recorded(&self, sha256: &str) {
        self.counted().forget(sha256);
    }

    /// Removes a file that no build names any more, unless somebody has come to count on it: a build that sends the same
    /// bytes now is told that they are here already. Answers whether it is gone.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub(crate) fn remove(&self, sha256: &str) -> io::Result<bool> {
        let counted = self.counted();
        if counted.has(sha256, Instant::now()) {
            return Ok(false);
        }
        // Under the lock, so that nobody is promised it meanwhile.
        match fs::remove_file(self.path(sha256)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(true),
        }
    }

    /// The digests of the whole files that are old enough to have been named by a build, if one ever will.
    pub(crate) fn old(&self) -> Vec<String> {
        let folders = fs::read_dir(&self.0.root).into_iter().flatten().flatten();
        let folders = folders.filter(|folder| folder.file_name().len() == 2);
        let files = folders.flat_map(|it| fs::read_dir(it.path()).into_iter().flatten().flatten());
        let old = files.filter(|file| {
            let age = file.metadata().and_then(|found| found.modified()).map(|at| at.elapsed());
            matches!(age, Ok(Ok(age)) if age > COUNTED_FOR)
        });
        old.filter_map(|file| file.file_name().into_string().ok())
            .filter(|name| name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .collect()
    }

    /// Told of each file that becomes whole, and of each refusal.
    pub(crate) fn news(&self) -> watch::Receiver<u64> {
        self.0.news.subscribe()
    }

    /// An upload cannot be kept: its step ends with this sentence.
    pub(crate) fn refuse(&self, command: CommandId, why: String) {
        self.refused().insert(command, why);
        self.0.news.send_modify(|count| *count += 1);
    }

    /// Takes a refusal out.
    pub(crate) fn refusal(&self, command: CommandId) -> Option<String> {
        self.refused().remove(&command)
    }

    fn refused(&self) -> std::sync::MutexGuard<'_, HashMap<CommandId, String>> {
        self.0.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins or goes on to take a file in, once nobody else does.
    ///
    /// # Errors
    /// When the disk fails.
    pub(crate) async fn receive(&self, sha256: &str, size: u64) -> io::Result<Receiving> {
        let turn = {
            let mut writers = self.0.writers.lock().unwrap_or_else(PoisonError::into_inner);
            writers.retain(|_, writer| Arc::strong_count(writer) > 1);
            writers.entry(sha256.to_owned()).or_default().clone()
        };
        let turn = turn.lock_owned().await;
        let artifacts = self.clone();
        let sha256 = sha256.to_owned();
        blocking(move || {
            let (file, length) = if artifacts.has(&sha256, size) {
                (None, size)
            } else {
                let part = artifacts.part(&sha256);
                let mut file = File::options()
                    .create(true)
                    .truncate(false)
                    .read(true)
                    .write(true)
                    .open(part)?;
                // What is longer than it should be is not what it should be.
                if file.metadata()?.len() > size {
                    file.set_len(0)?;
                }
                let length = file.seek(SeekFrom::End(0))?;
                (Some(file), length)
            };
            Ok(Receiving { artifacts, sha256, size, file, length, _turn: turn })
        })
        .await
    }

    fn part(&self, sha256: &str) -> PathBuf {
        self.0.root.join("part").join(sha256)
    }
}

impl Receiving {
    /// Whether nothing is missing and nothing is to be done.
    pub(crate) const fn is_whole(&self) -> bool {
        self.file.is_none()
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// When the disk fails, or more comes than was said.
    pub(crate) async fn write(&mut self, data: Bytes) -> io::Result<()> {
        let Some(mut file) = self.file.take() else { return Ok(()) };
        if self.length + data.len() as u64 > self.size {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "more bytes came than were said",
            ));
        }
        self.length += data.len() as u64;
        self.file = Some(
            blocking(move || {
                file.write_all(&data)?;
                Ok(file)
            })
            .await?,
        );
        Ok(())
    }

    /// Makes a file durable under its digest; false: it is not what its digest says, and was dropped.
    ///
    /// # Errors
    /// When the disk fails.
    pub(crate) async fn finish(mut self) -> io::Result<bool> {
        let Some(mut file) = self.file.take() else { return Ok(true) };
        let (artifacts, sha256) = (self.artifacts.clone(), self.sha256.clone());
        let kept = blocking(move || {
            file.sync_all()?;
            file.seek(SeekFrom::Start(0))?;
            let part = artifacts.part(&sha256);
            if digest_of(&mut file)? != sha256 {
                fs::remove_file(part)?;
                return Ok(false);
            }
            let path = artifacts.path(&sha256);
            let folder = path.parent().unwrap_or(&artifacts.0.root);
            fs::create_dir_all(folder)?;
            fs::rename(part, &path)?;
            File::open(folder)?.sync_all()?;
            File::open(&artifacts.0.root)?.sync_all()?;
            Ok(true)
        })
        .await?;
        if kept {
            self.artifacts.0.news.send_modify(|count| *count += 1);
        }
        Ok(kept)
    }
}

/// The digest of all that follows in a file, in hex.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn digest_of(file: &mut File) -> io::Result<String> {
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            return Ok(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect());
        }
        digest.update(&buffer[..count]);
    }
}

/// Runs something that waits for the disk where that disturbs nobody.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|_| Err(io::Error::other("the writer broke off")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELLO: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

    #[tokio::test]
    async fn a_file_is_resumed_checked_and_kept_once() {
        let dir = tempfile::tempdir().unwrap();
        let artifacts = Artifacts::open(dir.path()).unwrap();
        let mut first = artifacts.receive(HELLO, 5).await.unwrap();
        first.write(Bytes::from_static(b"he")).await.unwrap();
        drop(first);
        // Another process.
        let artifacts = Artifacts::open(dir.path()).unwrap();
        let mut second = artifacts.receive(HELLO, 5).await.unwrap();
        assert_eq!((second.length, second.is_whole()), (2, false));
        assert!(!artifacts.has(HELLO, 5));
        second.write(Bytes::from_static(b"llo")).await.unwrap();
        assert!(second.write(Bytes::from_static(b"!")).await.is_err(), "more than was said");
        drop(second);
        let third = artifacts.receive(HELLO, 5).await.unwrap();
        assert_eq!(third.length, 5);
        assert!(third.finish().await.unwrap());
        assert!(artifacts.has(HELLO, 5) && !artifacts.has(HELLO, 6));
        assert_eq!(fs::read(artifacts.path(HELLO)).unwrap(), b"hello");
        assert!(artifacts.receive(HELLO, 5).await.unwrap().is_whole());
    }

    #[tokio::test]
    async fn what_is_not_what_it_should_be_is_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let artifacts = Artifacts::open(dir.path()).unwrap();
        let mut receiving = artifacts.receive(HELLO, 5).await.unwrap();
        receiving.write(Bytes::from_static(b"jello")).await.unwrap();
        assert!(!receiving.finish().await.unwrap());
        assert_eq!(artifacts.receive(HELLO, 5).await.unwrap().length, 0);
    }
}
