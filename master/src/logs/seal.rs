//! Packs the logs of builds that are over, one after another, on a thread that steps back behind all others.
//!
//! Small logs stay plain: packing them would save nothing but make them awkward to read.

use std::collections::{BTreeSet, VecDeque};
use std::fs;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use linn_core::id::{BuildId, LogId};
use tokio::sync::oneshot;

use super::entry::{Entry, Stage};
use super::key::build_folder;
use super::line::Lengths;
use super::pack::pack;
use super::span::Spans;
use super::store::{LogStore, Shared, lock};
use super::sweep::{self, Growing};
use super::{LogError, disk};

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
        let Some(log) = log_of(&path).filter(|_| large) else { continue };
        let entry = shared.by_id(log);
        if awaited.contains(&log) && !entry.as_deref().is_some_and(Entry::is_settled) {
            continue;
        }
        if let Err(error) = seal_log(&path, entry.as_deref()) {
            tracing::warn!(build = %build, log = %log, %error, "a log stays unpacked");
        }
    }
}

/// The log whose plain file this is.
pub(super) fn log_of(path: &Path) -> Option<LogId> {
    if path.extension()? != "log" {
        return None;
    }
    path.file_name()?.to_str()?.split_once('-')?.0.parse().ok().map(LogId)
}

/// Packs one plain log and puts the packed one in its place.
fn seal_log(plain: &Path, entry: Option<&Entry>) -> Result<(), LogError> {
    let (target, temporary) = (plain.with_extension("log.zst"), plain.with_extension("zst.new"));
    let length = match entry.map(|entry| lock(&entry.stage)).as_deref() {
        // Bytes come, and more of them may.
        Some(Stage::Plain(open)) if open.settled.is_none() && open.is_growing() => return Ok(()),
        Some(Stage::Plain(open)) => open.written,
        Some(Stage::Sealed(_) | Stage::Removed) => return Ok(()),
        Some(Stage::Unopened) | None => {
            fs::metadata(plain).map_err(|error| LogError::io(plain, "read", error))?.len()
        }
    };
    let times = plain.with_extension("spans");
    let spans = Spans::open(&times, length).map_err(|error| LogError::io(&times, "read", error))?;
    let sealed = pack(plain, length, &spans.rows, &temporary, &target)?;
    if let Some(entry) = entry {
        let _one = lock(&entry.disk);
        let mut stage = lock(&entry.stage);
        let same = match &*stage {
            Stage::Plain(open) => open.length == length,
            Stage::Unopened => true,
            Stage::Sealed(_) | Stage::Removed => false,
        };
        if !same {
            // Bytes came although the build is over: they are kept, and so is the plain file.
            drop(stage);
            return fs::remove_file(&target)
                .map_err(|error| LogError::io(&target, "removed", error));
        }
        let lengths = Lengths { bytes: sealed.bytes, lines: sealed.lines, complete: true };
        *stage = Stage::Sealed(Arc::new(sealed));
        entry.lengths.send_replace(lengths);
    }
    for path in [plain, &times] {
        if let Err(error) = fs::remove_file(path)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            return Err(LogError::io(path, "removed", error));
        }
    }
    Ok(())
}
