//! Packs the logs of builds that are over, one after another, on a thread that steps back behind all others.
//!
//! Small logs stay plain: packing them would save nothing but make them awkward to read.

use std::collections::{BTreeSet, VecDeque};
use std::fs::{self, File};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use linn_core::id::{BuildId, LogId};
use tokio::sync::oneshot;

use super::entry::{Entry, Stage};
use super::key::build_folder;
use super::line::Lengths;
use super::pack::pack;
use super::sealed::Sealed;
use super::span::Spans;
use super::store::{LogStore, Shared, lock};
use super::sweep::{self, Growing};
use super::{LogError, LogKey, disk};

/// Smaller logs stay plain.
pub(super) const SEAL_FROM: u64 = 64 * 1024;

/// What the thread has to do.
#[derive(Default)]
pub(super) struct Sealer {
    work: Mutex<Work>,
    woken: Condvar,
}

#[derive(Default)]
struct Work {
    orders: VecDeque<Order>,
    closed: bool,
}

/// Something to do.
pub(super) enum Order {
    /// Pack the logs of a build, but for those that are awaited; then tell.
    Build(BuildId, BTreeSet<LogId>, oneshot::Sender<()>),
    /// Clean up after a crash.
    Sweep(Growing),
}

impl LogStore {
    /// Packs the logs of a build that is over, in the background: only large ones, and none that is still being
    /// written. The receiver hears when that is done; it may be dropped.
    ///
    /// The rest of an `awaited` log may still be with a worker that is away. It stays open until it is settled, and is
    /// sealed when this is asked for again.
    pub fn seal(&self, build: BuildId, awaited: BTreeSet<LogId>) -> oneshot::Receiver<()> {
        let (done, receiver) = oneshot::channel();
        self.shared().sealer.order(Order::Build(build, awaited, done));
        receiver
    }
}

impl Sealer {
    pub(super) fn order(&self, order: Order) {
        lock(&self.work).orders.push_back(order);
        self.woken.notify_all();
    }

    /// Ends the thread after what it is doing.
    pub(super) fn close(&self) {
        lock(&self.work).closed = true;
        self.woken.notify_all();
    }

    pub(super) fn is_closed(&self) -> bool {
        lock(&self.work).closed
    }

    fn next(&self) -> Option<Order> {
        let mut work = lock(&self.work);
        loop {
            if work.closed {
                return None;
            }
            if let Some(order) = work.orders.pop_front() {
                return Some(order);
            }
            work = self.woken.wait(work).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The thread.
    pub(super) fn run(shared: &Shared) {
        disk::step_back();
        while let Some(order) = shared.sealer.next() {
            match order {
                Order::Build(build, awaited, done) => {
                    shared.let_go(build);
                    seal_build(shared, build, &awaited);
                    // Nobody need wait for it.
                    let _ = done.send(());
                }
                Order::Sweep(growing) => sweep::sweep(shared, &growing),
            }
        }
    }
}

/// Packs what is large in a build's folder. What cannot be packed stays as it is, and readable.
pub(super) fn seal_build(shared: &Shared, build: BuildId, awaited: &BTreeSet<LogId>) {
    let folder = build_folder(&shared.root, build);
    // A build without output has no folder.
    let Ok(files) = fs::read_dir(&folder) else { return };
    for file in files.flatten() {
        let path = file.path();
        let large = file.metadata().is_ok_and(|meta| meta.is_file() && meta.len() >= SEAL_FROM);
        let Some(key) = key_of(build, &path).filter(|_| large) else { continue };
        // In use from now on, so that nobody opens it unseen while it is packed.
        let entry = shared.entry(&key);
        if entry.log_path() != path || (awaited.contains(&key.log) && !entry.is_settled()) {
            continue;
        }
        if let Err(error) = seal_log(&entry, shared) {
            tracing::warn!(build = %build, log = %key.log, %error, "a log stays unpacked");
        }
    }
}

/// The log whose plain file this is. A slug is its own slug, so it serves as the name.
fn key_of(build: BuildId, path: &Path) -> Option<LogKey> {
    let (log, slug) = path.file_name()?.to_str()?.strip_suffix(".log")?.split_once('-')?;
    Some(LogKey::new(build, LogId(log.parse().ok()?), slug))
}

/// Packs one plain log and puts the packed one in its place.
fn seal_log(entry: &Entry, shared: &Shared) -> Result<(), LogError> {
    entry.open()?;
    let length = match &*lock(&entry.stage) {
        // Bytes come, and more of them may.
        Stage::Plain(plain) if plain.settled.is_none() && plain.is_growing() => return Ok(()),
        Stage::Plain(plain) => plain.length,
        Stage::Unopened | Stage::Sealed(_) | Stage::Removed => return Ok(()),
    };
    // Durable in one file or the other at every moment.
    entry.sync(shared)?;
    let (plain, times) = (entry.log_path(), entry.path(".spans"));
    let spans = Spans::open(&times, length).map_err(|error| LogError::io(&times, "read", error))?;
    let sealed = pack(&plain, length, &spans.rows, &entry.path(".zst.new"))?;
    if !put_in_place(entry, sealed)? {
        return Ok(());
    }
    for path in [plain, times] {
        if let Err(error) = fs::remove_file(&path)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            return Err(LogError::io(&path, "removed", error));
        }
    }
    Ok(())
}

/// Gives a packed log its name, unless bytes came while it was packed (false): they are kept, and so is the plain file.
/// The log takes in nothing more before the name is there, so that a crash cannot leave a shorter packed log beside it.
fn put_in_place(entry: &Entry, sealed: Sealed) -> Result<bool, LogError> {
    let (temporary, target) = (entry.path(".zst.new"), entry.path(".log.zst"));
    let sealed = Arc::new(sealed.named(&target));
    let lengths = Lengths { bytes: sealed.bytes, lines: sealed.lines, complete: true };
    let _one = lock(&entry.disk);
    if !close_as(entry, sealed) {
        fs::remove_file(&temporary).map_err(|error| LogError::io(&temporary, "removed", error))?;
        return Ok(false);
    }
    if let Err(error) = fs::rename(&temporary, &target) {
        *lock(&entry.stage) = Stage::Unopened;
        // What remains is swept away at the next start.
        drop(fs::remove_file(&temporary));
        return Err(LogError::io(&target, "named", error));
    }
    entry.lengths.send_replace(lengths);
    if let Some(folder) = target.parent() {
        let named = File::open(folder).and_then(|folder| folder.sync_all());
        named.map_err(|error| LogError::io(folder, "synced", error))?;
    }
    Ok(true)
}

/// From now on the log is what was packed; false: it is another by now.
fn close_as(entry: &Entry, sealed: Arc<Sealed>) -> bool {
    let mut stage = lock(&entry.stage);
    let same = matches!(&*stage, Stage::Plain(plain) if plain.length == sealed.bytes);
    if same {
        *stage = Stage::Sealed(sealed);
    }
    same
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use linn_core::time::Timestamp;

    use super::super::Stream;
    use super::*;

    /// A log that is long enough to be packed, on disk, and how long it is.
    async fn long_log(folder: &std::path::Path) -> (LogStore, LogKey, u64) {
        let store = LogStore::open(folder).unwrap();
        let key = LogKey::new(BuildId(1), LogId(1), "stdio");
        let data = Bytes::from(b"0123456789\n".repeat(10_000));
        let length = data.len() as u64;
        store.append(&key, 0, Stream::Out, Timestamp(1), data).await.unwrap();
        store.flush().await.unwrap();
        (store, key, length)
    }

    /// The build is over, the log is being packed, and bytes come all the same.
    #[tokio::test]
    async fn what_came_while_it_was_packed_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let (store, key, length) = long_log(folder.path()).await;
        let entry = store.entry(&key);
        let (plain, temporary) = (entry.log_path(), entry.path(".zst.new"));
        let none = Spans::default();
        let early = pack(&plain, length, &none.rows, &temporary).unwrap();
        let more = Bytes::from_static(b"more\n");
        store.append(&key, length, Stream::Out, Timestamp(2), more).await.unwrap();
        assert!(!put_in_place(&entry, early).unwrap());
        assert!(plain.exists() && !temporary.exists() && !entry.path(".log.zst").exists());
        store.flush().await.unwrap();
        let whole = pack(&plain, length + 5, &none.rows, &temporary).unwrap();
        assert!(put_in_place(&entry, whole).unwrap());
        assert!(entry.path(".log.zst").exists() && !temporary.exists());
        assert_eq!(store.lengths(&key).await.unwrap().bytes, length + 5);
    }

    /// Nothing is lost when the packed log cannot take its name.
    #[tokio::test]
    async fn a_log_that_stays_plain_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let (store, key, length) = long_log(folder.path()).await;
        let entry = store.entry(&key);
        let sealed =
            pack(&entry.log_path(), length, &Spans::default().rows, &entry.path(".zst.new"));
        fs::create_dir(entry.path(".log.zst")).unwrap();
        assert!(put_in_place(&entry, sealed.unwrap()).is_err());
        fs::remove_dir(entry.path(".log.zst")).unwrap();
        let more = Bytes::from_static(b"more\n");
        store.append(&key, length, Stream::Out, Timestamp(2), more).await.unwrap();
        assert_eq!(store.lengths(&key).await.unwrap().bytes, length + 5);
    }
}
