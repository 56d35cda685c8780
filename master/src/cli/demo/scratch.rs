//! A folder that is removed with everything in it.

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cli::failure::Failure;

/// How often a folder is tried that somebody still writes into, and how long between.
const TRIES: u32 = 20;
const BETWEEN: Duration = Duration::from_millis(50);

/// A temporary folder, for this user alone.
#[derive(Debug)]
pub(super) struct Scratch(PathBuf);

impl Scratch {
    /// Makes one.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(super) fn create() -> Result<Self, Failure> {
        let base = std::env::temp_dir();
        let mut last = None;
        for number in 0..100 {
            let path = base.join(format!("linn-demo-{}-{number}", std::process::id()));
            match fs::DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Ok(Self(path.canonicalize().unwrap_or(path))),
                Err(error) => last = Some(error),
            }
        }
        let why = last.map(|error| error.to_string()).unwrap_or_default();
        Err(Failure::new(3, format!("cannot make a folder in {}", base.display()))
            .why(why)
            .hint("set TMPDIR to a folder that can be written"))
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A killed step's last file may come while we remove; so once more, and then let it be.
        for _ in 0..TRIES {
            match fs::remove_dir_all(&self.0) {
                Ok(()) => return,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => return,
                Err(_) => std::thread::sleep(BETWEEN),
            }
        }
        tracing::warn!(folder = %self.0.display(), "the demo's folder could not be removed");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left() {
        let scratch = Scratch::create().unwrap();
        let path = scratch.path().to_owned();
        fs::create_dir_all(path.join("a/b")).unwrap();
        fs::write(path.join("a/b/c"), "x").unwrap();
        drop(scratch);
        assert!(!path.exists());
    }
}
