//! Following a file that the command writes (rule PR-5): from its start, or from the end that it has before the command
//! begins; and from its start again when it is cut or replaced.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::PathBuf;

use crate::exec::mask::Masker;

const NONBLOCK: i32 = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();

/// A file being followed into a log.
#[derive(Debug)]
pub(crate) struct Tail {
    pub(crate) log: usize,
    pub(crate) masker: Masker,
    path: PathBuf,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    inode: (u64, u64),
    read: u64,
}

impl Tail {
    pub(crate) fn new(log: usize, path: PathBuf) -> Self {
        Self { log, masker: Masker::default(), path, open: None }
    }

    /// One that passes over what the file holds now. A file that is not there yet is new as a whole.
    pub(crate) fn from_end(log: usize, path: PathBuf) -> Self {
        let there = std::fs::metadata(&path).is_ok_and(|there| there.is_file());
        let open = || -> io::Result<Open> {
            let mut file = File::options().read(true).custom_flags(NONBLOCK).open(&path)?;
            let (there, read) = (file.metadata()?, file.seek(SeekFrom::End(0))?);
            Ok(Open { file, inode: (there.dev(), there.ino()), read })
        };
        let open = if there { open().ok() } else { None };
        Self { log, masker: Masker::default(), path, open }
    }

    /// What the file has grown by, up to the size of `buffer`; 0 when there is nothing new.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(open) = &mut self.open {
            let count = open.file.read(buffer)?;
            open.read += count as u64;
            if count > 0 {
                return Ok(count);
            }
        }
        // At the end of what is open: is it still the file of that name, and no shorter than what was read?
        let Ok(there) = std::fs::metadata(&self.path) else { return Ok(0) };
        let same = self.open.as_ref().is_some_and(|open| {
            open.inode == (there.dev(), there.ino()) && there.len() >= open.read
        });
        if same || !there.is_file() {
            return Ok(0);
        }
        // Should it have become a pipe since the look above, opening must not wait for a writer.
        let opened = File::options().read(true).custom_flags(NONBLOCK).open(&self.path);
        let Ok(mut file) = opened else { return Ok(0) };
        // Of what was opened, for the name may mean another file since the look above.
        let there = file.metadata()?;
        let count = file.read(buffer)?;
        self.open = Some(Open { file, inode: (there.dev(), there.ino()), read: count as u64 });
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn all(tail: &mut Tail) -> Vec<u8> {
        let (mut got, mut buffer) = (Vec::new(), [0; 3]);
        while let count @ 1.. = tail.read(&mut buffer).unwrap() {
            got.extend_from_slice(&buffer[..count]);
        }
        got
    }

    #[test]
    fn what_was_there_before_may_be_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.log");
        let mut tail = Tail::from_end(1, path.clone());
        std::fs::write(&path, "new\n").unwrap();
        assert_eq!(all(&mut tail), b"new\n", "it was not there");
        let mut tail = Tail::from_end(1, path.clone());
        assert_eq!(all(&mut tail), b"");
        File::options().append(true).open(&path).unwrap().write_all(b"more\n").unwrap();
        assert_eq!(all(&mut tail), b"more\n");
        std::fs::write(&path, "cut\n").unwrap();
        assert_eq!(all(&mut tail), b"cut\n");
    }

    #[test]
    fn growth_truncation_and_rotation_are_followed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.log");
        let mut tail = Tail::new(1, path.clone());
        assert_eq!(all(&mut tail), b"");
        std::fs::write(&path, "one\n").unwrap();
        assert_eq!(all(&mut tail), b"one\n");
        File::options().append(true).open(&path).unwrap().write_all(b"two\n").unwrap();
        assert_eq!(all(&mut tail), b"two\n");
        std::fs::write(&path, "3\n").unwrap();
        assert_eq!(all(&mut tail), b"3\n");
        std::fs::rename(&path, dir.path().join("x.log.1")).unwrap();
        std::fs::write(&path, "fourth\n").unwrap();
        assert_eq!(all(&mut tail), b"fourth\n");
    }
}
