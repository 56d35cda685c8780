//! One log that is in use: its files, what of it is still in memory, and who waits for it.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};

use linn_core::id::BuildId;
use sha2::{Digest, Sha256};
use tokio::sync::watch;

use super::ack::AckBox;
use super::index::Index;
use super::key::build_folder;
use super::line::Lengths;
use super::mark::Marker;
use super::rows::Row;
use super::sealed::Sealed;
use super::span::Spans;
use super::store::lock;
use super::{LogError, LogKey, disk};

/// Read at once when a log is taken up again.
const REREAD: usize = 1024 * 1024;

/// One log in use. Whoever holds it keeps it from being forgotten.
pub(super) struct Entry {
    pub(super) key: LogKey,
    /// Without an extension.
    stem: PathBuf,
    pub(super) lengths: watch::Sender<Lengths>,
    /// Held for moments only, never over a call to the disk.
    pub(super) stage: Mutex<Stage>,
    /// Held while a file is opened, written or replaced: one at a time.
    pub(super) disk: Mutex<()>,
    /// It waits for the next round of syncs.
    pub(super) queued: AtomicBool,
}

/// What is known of a log.
pub(super) enum Stage {
    /// Nothing yet.
    Unopened,
    /// A plain file, or none while it has no bytes.
    Plain(Box<Plain>),
    /// Over and packed.
    Sealed(Arc<Sealed>),
    /// Removed: takes and gives nothing more.
    Removed,
}

/// A log in a plain file. `written ≤ length`; what lies between is in `flushing`, then `pending`.
pub(super) struct Plain {
    /// `None`: not made yet, or opened for reading only.
    pub(super) file: Option<Arc<File>>,
    /// Bytes taken in.
    pub(super) length: u64,
    /// Bytes given to the file.
    pub(super) written: u64,
    /// Bytes that would survive a power cut.
    pub(super) durable: u64,
    /// On their way to the file; kept until they are there.
    pub(super) flushing: Arc<Vec<u8>>,
    /// To follow them.
    pub(super) pending: Vec<u8>,
    pub(super) index: Index,
    pub(super) spans: Spans,
    pub(super) marker: Marker,
    /// Of all bytes taken in; `None` when an earlier process took some.
    pub(super) digest: Option<Sha256>,
    /// Nothing more comes; whether it is what its worker said.
    pub(super) settled: Option<bool>,
    /// Bytes came since the master started: it is kept at hand until it is settled or its build is over.
    pub(super) active: bool,
    pub(super) acks: Weak<AckBox>,
}

impl Plain {
    fn new(file: Option<Arc<File>>, length: u64) -> Self {
        Self {
            file,
            length,
            written: length,
            durable: 0,
            flushing: Arc::default(),
            pending: Vec::new(),
            index: Index::default(),
            spans: Spans::default(),
            marker: Marker::default(),
            digest: (length == 0).then(Sha256::new),
            settled: None,
            active: false,
            acks: Weak::new(),
        }
    }

    /// Bytes not yet given to the file.
    pub(super) fn unwritten(&self) -> usize {
        self.flushing.len() + self.pending.len()
    }

    /// It takes in bytes, and was not let go since.
    pub(super) fn is_growing(&self) -> bool {
        self.active || self.unwritten() > 0
    }

    /// How long it is, for those who watch.
    pub(super) fn lengths(&self) -> Lengths {
        Lengths { bytes: self.length, lines: self.index.lines(), complete: self.settled.is_some() }
    }
}

impl Entry {
    pub(super) fn new(root: &Path, key: &LogKey) -> Self {
        Self {
            stem: build_folder(root, key.build).join(key.stem()),
            key: key.clone(),
            lengths: watch::Sender::default(),
            stage: Mutex::new(Stage::Unopened),
            disk: Mutex::new(()),
            queued: AtomicBool::new(false),
        }
    }

    /// One of its files, by what follows the stem.
    pub(super) fn path(&self, ending: &str) -> PathBuf {
        let mut path = self.stem.clone().into_os_string();
        path.push(ending);
        path.into()
    }

    /// The plain file.
    pub(super) fn log_path(&self) -> PathBuf {
        self.path(".log")
    }

    /// Whose log it is.
    pub(super) const fn build(&self) -> BuildId {
        self.key.build
    }

    /// Whether [`Self::open`] has nothing to do.
    pub(super) fn is_open(&self) -> bool {
        !matches!(*lock(&self.stage), Stage::Unopened)
    }

    /// Nothing more comes, as far as this process knows.
    pub(super) fn is_settled(&self) -> bool {
        match &*lock(&self.stage) {
            Stage::Plain(plain) => plain.settled.is_some(),
            Stage::Sealed(_) | Stage::Removed => true,
            Stage::Unopened => false,
        }
    }

    /// Finds out what is on the disk. A plain file is read once, so that index and marks are true whatever happened to
    /// the process that wrote it: half a second for a gigabyte.
    pub(super) fn open(&self) -> Result<(), LogError> {
        let _one = lock(&self.disk);
        if self.is_open() {
            return Ok(());
        }
        let stage = match Sealed::open(&self.path(".log.zst"))? {
            Some(sealed) if sealed.covers(&self.log_path())? => Stage::Sealed(Arc::new(sealed)),
            _ => Stage::Plain(Box::new(self.open_plain()?)),
        };
        let lengths = match &stage {
            Stage::Sealed(sealed) => {
                Lengths { bytes: sealed.bytes, lines: sealed.lines, complete: true }
            }
            Stage::Plain(plain) => plain.lengths(),
            Stage::Unopened | Stage::Removed => Lengths::default(),
        };
        *lock(&self.stage) = stage;
        self.lengths.send_if_modified(|known| {
            let differs = *known != lengths;
            *known = lengths;
            differs
        });
        Ok(())
    }

    fn open_plain(&self) -> Result<Plain, LogError> {
        let path = self.log_path();
        let failed = |error| LogError::io(&path, "read", error);
        let writable = OpenOptions::new().read(true).write(true).open(&path);
        let opened = writable.or_else(|error| match error.kind() {
            // What cannot be appended to can still be read.
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                File::open(&path)
            }
            _ => Err(error),
        });
        let file = match opened {
            Ok(file) => Arc::new(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Plain::new(None, 0));
            }
            Err(error) => return Err(failed(error)),
        };
        let length = file.metadata().map_err(failed)?.len();
        let mut plain = Plain::new((length > 0).then(|| file.clone()), length);
        let mut block = vec![0; usize::try_from(length).unwrap_or(REREAD).min(REREAD)];
        let mut done = 0;
        while done < length {
            let got = disk::read_at(&file, done, &mut block).map_err(failed)?;
            if got == 0 {
                break;
            }
            plain.index.feed(&block[..got]);
            plain.marker.feed(&block[..got]);
            done += got as u64;
        }
        plain.spans = Spans::open(&self.path(".spans"), length).map_err(failed)?;
        Ok(plain)
    }

    /// A place at or before the beginning of a line (from 0), as `[offset, line]`.
    pub(super) fn anchor(&self, holds: impl Fn(Row) -> bool) -> Result<Row, LogError> {
        let sealed = match &*lock(&self.stage) {
            Stage::Plain(plain) => {
                let rows = &plain.index.rows;
                let before = rows.partition_point(|row| holds(*row));
                return Ok(before.checked_sub(1).map_or([0, 0], |nth| rows[nth]));
            }
            Stage::Sealed(sealed) => sealed.clone(),
            Stage::Unopened | Stage::Removed => return Ok([0, 0]),
        };
        let row = sealed.index.last_where(holds);
        Ok(row
            .map_err(|error| LogError::io(&self.path(".log.zst"), "read", error))?
            .unwrap_or_default())
    }

    /// Nobody would miss it if it were dropped from memory.
    pub(super) fn is_idle(&self) -> bool {
        if self.queued.load(Ordering::Relaxed) || self.lengths.receiver_count() > 0 {
            return false;
        }
        match &*lock(&self.stage) {
            Stage::Plain(plain) => {
                plain.unwritten() == 0 && (!plain.active || plain.settled.is_some())
            }
            Stage::Unopened | Stage::Sealed(_) | Stage::Removed => true,
        }
    }
}
