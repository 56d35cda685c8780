//! One command at a time in a builder's folder.
//!
//! The master sees to that, but for one case: a build that was given up while this worker was away may still be on its way
//! to its end when the next build of its builder comes (CA-4, LW-1). Two programs in one folder would spoil each other's
//! work, so the later one waits. A supervisor that dies gives its turn back, as the system releases the lock then.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::folder;
use super::watch::Watch;

/// How often a folder that another command has is tried.
const TRY_EVERY: Duration = Duration::from_millis(50);

/// A builder's folder is this command's until it is dropped.
pub(crate) struct Turn(Option<File>);

impl Drop for Turn {
    fn drop(&mut self) {
        // Closing is not enough: a program that is just being started has a copy of every descriptor until its `exec`.
        if let Some(file) = &self.0 {
            let _ = flock(file, FlockOperation::Unlock);
        }
    }
}

/// Waits for the folder of a builder; `None`: the command was stopped meanwhile.
pub(crate) fn wait(watch: &mut Watch<'_>, dir: &Path, builder: &str) -> io::Result<Option<Turn>> {
    let Some(file) = lock_file(dir, builder) else { return Ok(Some(Turn(None))) };
    let mut waited = false;
    loop {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(Some(Turn(Some(file)))),
            Err(Errno::WOULDBLOCK) => {}
            // Locks are not to be had here: the command itself is worth more.
            Err(_) => return Ok(Some(Turn(None))),
        }
        if !waited {
            watch.say("# an earlier command still ends in this folder; waiting for it");
            waited = true;
        }
        if !watch.pause(TRY_EVERY)? {
            return Ok(None);
        }
    }
}

/// `None`: it cannot be had, as on a full disk; what the command itself says about that is the better sentence.
fn lock_file(dir: &Path, builder: &str) -> Option<File> {
    folder::of_builder(dir, builder).ok()?;
    let locks = dir.join("locks");
    File::create(locks.join(builder))
        .or_else(|_| fs::create_dir_all(&locks).and_then(|()| File::create(locks.join(builder))))
        .ok()
}
