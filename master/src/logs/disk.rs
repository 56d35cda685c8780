//! The few things asked of the operating system, in one place: positioned reads and writes, syncs, and a thread's
//! priority. Unix only; another system gets its own file beside this one.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Reads until the buffer is full or the file ends; gives the number of bytes.
pub(super) fn read_at(file: &File, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    let mut done = 0;
    while done < buffer.len() {
        match file.read_at(&mut buffer[done..], offset + done as u64) {
            Ok(0) => break,
            Ok(n) => done += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

/// Writes all of it at a place. Writing the same again at the same place is harmless.
pub(super) fn write_at(file: &File, offset: u64, bytes: &[u8]) -> io::Result<()> {
    file.write_all_at(bytes, offset)
}

/// Makes a file's bytes, its length and its name durable.
///
/// One `fdatasync` does all three where it matters: a file's new length makes its inode part of the transaction that is
/// forced out, and on the journalling file systems of Linux the entry of a file that was just made is in the same or an
/// earlier one. So a small log costs one flush of the disk, not one for each folder above it.
pub(super) fn sync(file: &File) -> io::Result<()> {
    file.sync_data()
}

/// Makes everything on the file system of an open file durable, in one go.
pub(super) fn sync_file_system(any: &File) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    return Ok(rustix::fs::syncfs(any)?);
    #[cfg(not(target_os = "linux"))]
    return any.sync_all();
}

/// Lets this thread step back behind all others. Best effort.
pub(super) fn step_back() {
    // Linux takes "this process" as the calling thread alone; elsewhere it would slow down the whole master.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, 15) {
        tracing::debug!(%error, "the sealing thread keeps its priority");
    }
}
