//! The log store as a whole: bytes told in any pieces, crashes in between, readers against plain ways to read.

mod exact;
mod reading;
mod speed;
mod trouble;

use std::path::Path;

use bytes::Bytes;
use linn_core::id::{BuildId, LogId};
use linn_core::time::Timestamp;
use sha2::{Digest, Sha256};

use super::{LogKey, LogStore, Settled, Stream};

/// A log of some build.
fn key(log: u64) -> LogKey {
    LogKey::new(BuildId(1_000 + log), LogId(log), "stdio")
}

fn digest(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// Appends in pieces of a size, a millisecond apart from each other.
async fn append_all(store: &LogStore, key: &LogKey, bytes: &[u8], piece: usize) {
    let mut offset = 0;
    for piece in bytes.chunks(piece) {
        let at = Timestamp(1_000 + i64::try_from(offset).unwrap());
        let data = Bytes::copy_from_slice(piece);
        let appended = store.append(key, offset, Stream::Out, at, data).await.unwrap();
        assert_eq!(appended.expected, None);
        offset += piece.len() as u64;
    }
}

async fn settle_all(store: &LogStore, key: &LogKey, bytes: &[u8]) -> Settled {
    store.settle(key, bytes.len() as u64, Some(digest(bytes))).await.unwrap()
}

/// Everything that is stored, by way of `raw`.
async fn stored(store: &LogStore, key: &LogKey) -> Vec<u8> {
    let mut pieces = store.raw(key, 0);
    let mut all = Vec::new();
    while let Some(piece) = pieces.recv().await {
        all.extend_from_slice(&piece.unwrap());
    }
    all
}

/// The one file of a log below a folder with this ending, if it is there.
fn file_of(root: &Path, key: &LogKey, ending: &str) -> Option<std::path::PathBuf> {
    let folder = super::key::build_folder(root, key.build);
    let files = std::fs::read_dir(folder).ok()?;
    files.flatten().map(|file| file.path()).find(|path| path.to_string_lossy().ends_with(ending))
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}
