//! The state folder: whose it is, and how much room is left under it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use super::StoreError;

/// The file that is locked, and says by whom.
const LOCK_FILE: &str = "master.pid";

/// Below so many free bytes under the state folder nothing new is started (F14): what runs can still end, and its logs
/// be kept.
pub const FREE_SPACE_FLOOR: u64 = 256 * 1024 * 1024;

/// Free bytes for this user on the disk under a folder.
///
/// # Errors
/// When the folder cannot be looked at.
pub fn free_space(folder: &Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(folder)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// One process's hold on a state folder (contract.md C19). The system releases it when the process dies, however it dies.
#[derive(Debug)]
pub(super) struct FolderLock {
    file: File,
    /// The master before did not end in order.
    pub(super) after_crash: bool,
}

impl FolderLock {
    /// Takes the folder, which is made when absent.
    pub(super) fn take(folder: &Path) -> Result<Self, StoreError> {
        let path = folder.join(LOCK_FILE);
        let failed = |error: io::Error| StoreError::other(&path, &error);
        fs::create_dir_all(folder).map_err(failed)?;
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(failed)?;
        let locked = file.try_lock();
        let mut text = String::new();
        // Only its own process writes this file; anything but a number is as good as nothing.
        let read = Read::by_ref(&mut file).take(32).read_to_string(&mut text);
        let pid = read.ok().and_then(|_| text.trim().parse().ok());
        match locked {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let folder = folder.display().to_string();
                return Err(StoreError::Taken { pid: pid.unwrap_or(0), folder });
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let write = |file: &mut File| {
            file.set_len(0)?;
            file.seek(SeekFrom::Start(0))?;
            writeln!(file, "{}", std::process::id())
        };
        write(&mut file).map_err(failed)?;
        Ok(Self { file, after_crash: !text.is_empty() })
    }
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        // An empty file says that the end was in order; when that cannot be written the next start looks closer.
        drop(self.file.set_len(0));
        // Closing is not enough: a program that another thread is just starting has a copy of every descriptor until its
        // `exec`, and with it the lock.
        drop(self.file.unlock());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// contract.md C19, F19.
    #[test]
    fn a_folder_has_one_master() {
        let folder = tempfile::tempdir().unwrap();
        let first = FolderLock::take(folder.path()).unwrap();
        assert!(!first.after_crash);
        let refused = FolderLock::take(folder.path()).unwrap_err();
        assert!(
            matches!(&refused, StoreError::Taken { pid, .. } if *pid == std::process::id()),
            "{refused}"
        );
        drop(first);
        assert!(!FolderLock::take(folder.path()).unwrap().after_crash);
        fs::write(folder.path().join(LOCK_FILE), "4711\n").unwrap();
        assert!(FolderLock::take(folder.path()).unwrap().after_crash);
    }

    /// As between `fork` and `exec` of a program that is started elsewhere at that moment.
    #[test]
    fn a_copied_descriptor_does_not_keep_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let first = FolderLock::take(folder.path()).unwrap();
        let copy = first.file.try_clone().unwrap();
        drop(first);
        assert!(FolderLock::take(folder.path()).is_ok());
        drop(copy);
    }

    #[test]
    fn there_is_room() {
        assert!(free_space(Path::new("/")).unwrap() > 0);
    }
}
