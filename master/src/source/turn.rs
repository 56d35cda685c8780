//! Whose turn it is with a mirror, and what its folder is called: one at a time, in this process and in others.

use std::fmt::Write as _;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;
use std::time::Duration;

use sha2::{Digest, Sha256};

/// How often a mirror that somebody else fetches into is tried.
const TRY_LOCK_EVERY: Duration = Duration::from_millis(50);

/// Waits until nobody else has the mirror; it is had until the file is dropped. Not in a thread: who waits here may stop at
/// any time, and a thread would go on waiting; there are few of them, and logs, results and history need them while a fetch
/// takes minutes.
///
/// # Errors
/// When the folder for mirrors cannot be used.
pub(super) async fn take(mirror: &Path) -> io::Result<File> {
    let path = mirror.to_owned();
    let file =
        tokio::task::spawn_blocking(move || lock_file(&path)).await.map_err(io::Error::other)??;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => tokio::time::sleep(TRY_LOCK_EVERY).await,
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

/// Stays when nobody has it any more, for a lock on a file that comes and goes is none.
fn lock_file(mirror: &Path) -> io::Result<File> {
    if let Some(folder) = mirror.parent() {
        fs::create_dir_all(folder)?;
    }
    File::options().create(true).truncate(false).write(true).open(mirror.with_extension("lock"))
}

/// The name of a URL's mirror: something to read, and what tells it from all others.
pub(super) fn folder_of(url: &str) -> String {
    let readable: String = url
        .rsplit(['/', ':'])
        .find(|part| !part.is_empty())
        .unwrap_or_default()
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
        .take(40)
        .collect();
    format!("{readable}-{}", &digest(url)[..16])
}

/// In hexadecimal digits.
pub(super) fn digest(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
