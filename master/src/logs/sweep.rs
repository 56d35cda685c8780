//! What is left behind by a crash, and what is not wanted any more.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::atomic::Ordering;

use linn_core::id::{BuildId, LogId};

use super::key::build_folder;
use super::line::Lengths;
use super::seal::{Order, seal_build};
use super::sealed::Sealed;
use super::store::{LogStore, Shared, blocking, lock};
use super::{LogError, entry::Stage};

/// Folders of a thousand builds each that are looked through at a start: a crash leaves traces in the newest only.
const NEWEST: usize = 2;

/// What may still grow when a master starts, and so is not sealed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Growing {
    /// The newest build that was known then: what is newer has begun since, for this is done while builds run.
    pub newest: BuildId,
    /// Builds that are not over.
    pub unfinished: BTreeSet<BuildId>,
    /// As in [`LogStore::seal`].
    pub awaited: BTreeSet<LogId>,
}

impl LogStore {
    /// Cleans up in the background after a crash: removes files that were being made, and seals what was not sealed any
    /// more, among the newest one to two thousand builds.
    pub fn recover(&self, growing: Growing) {
        self.shared().sealer.order(Order::Sweep(growing));
    }

    /// The newest build that has a folder here, whoever made it. Reads two folders.
    #[must_use]
    pub fn newest_build(&self) -> Option<BuildId> {
        let root = &self.shared().root;
        let newest = |thousand: u64| numbered(&root.join(thousand.to_string())).pop();
        numbered(root).into_iter().rev().find_map(newest).map(BuildId)
    }

    /// Which builds have a folder here, a thousand at most at a time. Reads the disk as it is asked on.
    pub(crate) fn folders(&self) -> impl Iterator<Item = Vec<BuildId>> + use<> {
        let root = self.shared().root.clone();
        let thousands = numbered(&root);
        thousands.into_iter().map(move |thousand| {
            numbered(&root.join(thousand.to_string())).into_iter().map(BuildId).collect()
        })
    }

    /// Removes all logs of a build, also open ones: they read as empty from then on.
    ///
    /// # Errors
    /// When a file cannot be removed.
    pub async fn remove(&self, build: BuildId) -> Result<(), LogError> {
        let shared = self.shared().clone();
        blocking(move || {
            for entry in shared.take_out(build) {
                let _one = lock(&entry.disk);
                let old = std::mem::replace(&mut *lock(&entry.stage), Stage::Removed);
                if let Stage::Plain(plain) = old {
                    shared.buffered.fetch_sub(plain.unwritten(), Ordering::Relaxed);
                }
                // Whoever waits for more bytes waits no longer.
                entry.lengths.send_replace(Lengths { complete: true, ..Lengths::default() });
            }
            let folder = build_folder(&shared.root, build);
            match fs::remove_dir_all(&folder) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    Err(LogError::io(&folder, "removed", error))
                }
                _ => Ok(()),
            }
        })
        .await
    }
}

/// The sealing thread's part of [`LogStore::recover`].
pub(super) fn sweep(shared: &Shared, growing: &Growing) {
    for thousand in numbered(&shared.root).into_iter().rev().take(NEWEST) {
        let folder = shared.root.join(thousand.to_string());
        for build in numbered(&folder).into_iter().rev() {
            if shared.sealer.is_closed() {
                return;
            }
            let id = BuildId(build);
            if id > growing.newest {
                continue;
            }
            remove_leftovers(&folder.join(build.to_string()));
            if !growing.unfinished.contains(&id) {
                seal_build(shared, id, &growing.awaited);
            }
        }
    }
}

/// The folders named by a number, ascending.
fn numbered(folder: &Path) -> Vec<u64> {
    let Ok(found) = fs::read_dir(folder) else { return Vec::new() };
    let mut numbers: Vec<u64> =
        found.flatten().filter_map(|file| file.file_name().to_str()?.parse().ok()).collect();
    numbers.sort_unstable();
    numbers
}

/// Half-made packed logs, and plain logs beside the packed ones that took their place: not those that are longer.
fn remove_leftovers(folder: &Path) {
    let Ok(files) = fs::read_dir(folder) else { return };
    for path in files.flatten().map(|file| file.path()) {
        let name = path.to_string_lossy();
        let superseded =
            (name.ends_with(".log") || name.ends_with(".spans")) && is_superseded(&path);
        if (name.ends_with(".zst.new") || superseded)
            && let Err(error) = fs::remove_file(&path)
        {
            tracing::warn!(path = %path.display(), %error, "a leftover cannot be removed");
        }
    }
}

fn is_superseded(path: &Path) -> bool {
    // One that cannot be read takes nobody's place.
    let sealed = Sealed::open(&path.with_extension("log.zst")).ok().flatten();
    sealed.is_some_and(|sealed| sealed.covers(&path.with_extension("log")).unwrap_or(false))
}
