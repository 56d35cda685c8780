//! Files that builds keep on the master, and those that come from there (architecture.md 7).

use serde::{Deserialize, Serialize};

/// The longest name, in bytes.
const MAX_NAME_BYTES: usize = 512;
/// The most files of one upload.
pub const MAX_FILES: usize = 5_000;

/// A file of an upload. Its bytes are named by their digest.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Artifact {
    /// Its name in its build, with slashes (C45).
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// Its digest, in hex.
    pub sha256: String,
}

impl Artifact {
    /// Whether a name can be one: a plain relative path without anything that climbs, hides or speaks to a terminal.
    #[must_use]
    pub fn is_name(name: &str) -> bool {
        !name.is_empty()
            && name.len() <= MAX_NAME_BYTES
            && !name.chars().any(|c| c.is_control() || c == '\\')
            && name.split('/').all(|part| !matches!(part, "" | "." | ".."))
    }
}

/// Keep files of the build folder on the master.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct UploadCommand {
    /// A file or a glob of files, or a folder.
    pub source: String,
    /// Its name, or where below.
    pub dest: String,
    /// The source is a folder.
    pub directory: bool,
    /// Of all files together.
    pub max_bytes: u64,
}

/// Bring a file from the master.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DownloadCommand {
    /// An uploaded name, `BUILDER#NUMBER/NAME`, or a file beside `master.star`.
    pub source: String,
    /// Below the build's folder.
    pub dest: String,
    /// Its permissions; `None`: as files are made there.
    #[serde(default)]
    pub mode: Option<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_names_are_none() {
        for good in ["a", "dist/zork-1.0.tar.zst", "a b", "ünïcode", ".hidden", "a..b"] {
            assert!(Artifact::is_name(good), "{good}");
        }
        let long = "x".repeat(MAX_NAME_BYTES + 1);
        for bad in [
            "",
            "/etc/passwd",
            "../x",
            "a/../b",
            "a//b",
            "a/",
            "./a",
            "a\nb",
            "a\u{1b}[0m",
            "a\\b",
            &long,
        ] {
            assert!(!Artifact::is_name(bad), "{bad:?}");
        }
    }
}
