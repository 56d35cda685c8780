//! What a worker is told by its user: `worker.toml` in its folder, the command line over it.
//!
//! An unknown key is an error: a misspelt one would otherwise be a setting that silently does nothing.

use std::path::{Path, PathBuf};

use serde::Deserialize;

/// How a worker runs. Made by [`Settings::new`]; fields may be changed before it is given to [`crate::Worker::new`].
#[derive(Debug, Clone)]
pub struct Settings {
    /// The worker's name in the master's configuration.
    pub name: String,
    /// Its folder: `builds`, `mirrors`, `spool`, the lock and the instance number live there.
    pub dir: PathBuf,
    /// Who looks after this machine, for people.
    pub admin: String,
    /// The program that is started as supervisor: any one that calls [`crate::supervise_if_asked`] first thing in
    /// `main`. By default this very program, even when its file has been replaced meanwhile.
    pub supervisor: PathBuf,
    /// The most log bytes sent and not yet durable on the master. They stay on disk, so this costs no memory.
    pub log_window_bytes: u64,
}

impl Settings {
    /// Settings with the defaults for all but name and folder.
    #[must_use]
    pub fn new(name: impl Into<String>, dir: impl Into<PathBuf>) -> Self {
        Self {
            name: name.into(),
            dir: dir.into(),
            admin: String::new(),
            supervisor: PathBuf::from("/proc/self/exe"),
            log_window_bytes: 32 << 20,
        }
    }
}

/// `worker.toml`. Everything may be left out; the command line wins.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// The worker's name in the master's configuration.
    pub name: Option<String>,
    /// Where the master is: `unix:PATH` or `http://127.0.0.1:PORT`.
    pub server: Option<String>,
    /// Who looks after this machine.
    pub admin: Option<String>,
    /// See [`Settings::log_window_bytes`].
    pub log_window_bytes: Option<u64>,
}

/// What is wrong with a `worker.toml`.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It exists but cannot be read.
    #[error("cannot read {path}")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not what a `worker.toml` may be; the source names line, column and key.
    #[error("{path} is not a worker's settings")]
    Invalid {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: Box<toml::de::Error>,
    },
}

impl File {
    /// Reads `path`; a file that does not exist is an empty one.
    ///
    /// # Errors
    ///
    /// When it cannot be read, is not TOML, or has a key that means nothing.
    pub fn read(path: &Path) -> Result<Self, FileError> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(source) => return Err(FileError::Unreadable { path: path.to_owned(), source }),
        };
        toml::from_str(&text).map_err(|source| FileError::Invalid {
            path: path.to_owned(),
            source: Box::new(source),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<File, FileError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("worker.toml");
        std::fs::write(&path, text).unwrap();
        File::read(&path)
    }

    #[test]
    fn a_file_that_is_not_there_says_nothing() {
        assert_eq!(File::read(Path::new("/no/such/worker.toml")).unwrap(), File::default());
    }

    #[test]
    fn known_keys_are_taken() {
        let file =
            read("name = \"mac-1\"\nserver = \"unix:/run/linn.sock\"\nadmin = \"ana\"\n").unwrap();
        assert_eq!(file.name.as_deref(), Some("mac-1"));
        assert_eq!(file.server.as_deref(), Some("unix:/run/linn.sock"));
        assert_eq!(file.admin.as_deref(), Some("ana"));
    }

    #[test]
    fn an_unknown_key_is_an_error_that_names_it() {
        let error = read("nmae = \"x\"\n").unwrap_err();
        let FileError::Invalid { source, .. } = error else { panic!("{error}") };
        assert!(source.to_string().contains("nmae"), "{source}");
    }
}
