//! What can go wrong with a log, in words for people.

use std::io;
use std::path::PathBuf;

/// Why a log could not be written, settled or read.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// No room. Nothing that was acknowledged is lost; what was refused can be sent again when there is room (F14).
    #[error("the disk under {} is full", path.display())]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// The disk failed. Bytes that were not yet durable are forgotten here: their worker sends them again (F16).
    #[error("{} cannot be {what}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// `written`, `read`, `synced` ...
        what: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// The file is not what was written: a sealed log with a broken table or frame.
    #[error("{} is damaged: {what}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
    /// What an earlier process left is not what the worker sent. It was dropped, and can come again from the beginning.
    #[error("{} is not what its worker sent before", path.display())]
    Differs {
        /// The file.
        path: PathBuf,
    },
    /// More bytes for a log that is over.
    #[error("the log {name} is complete with {bytes} bytes and takes no more")]
    Complete {
        /// Its name.
        name: String,
        /// Its final length.
        bytes: u64,
    },
    /// One append was larger than [`super::MAX_APPEND`].
    #[error("{bytes} bytes in one append are too many; at most {} are taken", super::MAX_APPEND)]
    TooLarge {
        /// How many came.
        bytes: usize,
    },
    /// What is looked for is no regular expression, or too large a one.
    #[error("`{pattern}` is no usable regular expression: {why}")]
    Pattern {
        /// As typed.
        pattern: String,
        /// What the parser says, on one line.
        why: String,
    },
    /// The store was closed while this was asked.
    #[error("the log store is closed")]
    Closed,
}

impl LogError {
    /// Sorts a system error: a full disk (or quota) is told from the rest.
    pub(super) fn io(path: &std::path::Path, what: &'static str, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::Full { path: path.to_owned() }
            }
            _ => Self::Io { path: path.to_owned(), what, source },
        }
    }
}
