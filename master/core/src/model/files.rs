//! One small thing to be done to the files of a build folder, rendered whole (F17).

use serde::{Deserialize, Serialize};

/// What is done; every path is below the build's folder, and the worker refuses any other.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FilesCommand {
    /// Make a folder, with those above it.
    MakeFolder(String),
    /// Remove a folder with all that is in it.
    RemoveFolder(String),
    /// A copy of a folder takes the place of another.
    CopyFolder {
        /// From where.
        source: String,
        /// To where.
        dest: String,
    },
    /// Fail when there is no such file.
    Exists(String),
    /// A file, or a link; none being there will do.
    RemoveFile(String),
    /// Write a file as a whole.
    Write {
        /// Which.
        dest: String,
        /// What is in it.
        text: String,
        /// Its permissions; `None`: as files are made there.
        #[serde(default)]
        mode: Option<u32>,
    },
}

impl FilesCommand {
    /// In words, for people: `mkdir build/out`.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Self::MakeFolder(dir) => format!("mkdir {dir}"),
            Self::RemoveFolder(dir) => format!("rmdir {dir}"),
            Self::CopyFolder { source, dest } => format!("copy {source} to {dest}"),
            Self::RemoveFile(file) => format!("rm {file}"),
            Self::Exists(file) => format!("look for {file}"),
            // How long it will be is nobody's business, and not known here.
            Self::Write { dest, text, .. } if !super::secret::names(text).is_empty() => {
                format!("write a text with a secret to {dest}")
            }
            Self::Write { dest, text, .. } => format!("write {} bytes to {dest}", text.len()),
        }
    }
}
