//! Real repositories for tests: made in a temporary folder with the hg of this machine.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A repository with a checkout.
pub(in crate::source) struct Repo {
    folder: PathBuf,
}

impl Repo {
    pub(in crate::source) fn init(folder: impl Into<PathBuf>) -> Self {
        let folder = folder.into();
        std::fs::create_dir_all(&folder).unwrap();
        let repo = Self { folder };
        repo.hg(&["init"]);
        repo
    }

    pub(in crate::source) fn path(&self) -> &Path {
        &self.folder
    }

    pub(in crate::source) fn name(&self) -> String {
        self.folder.to_str().unwrap().to_owned()
    }

    /// Runs hg and gives its answer without the final line feed.
    pub(in crate::source) fn hg(&self, args: &[&str]) -> String {
        let output = Command::new("hg")
            .args(args)
            .current_dir(&self.folder)
            .env("HGRCPATH", "/dev/null")
            .env("HGPLAIN", "1")
            .env("HGENCODING", "utf-8")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "hg {args:?}: {said}");
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    /// Writes a file and commits it; gives the changeset.
    pub(in crate::source) fn commit(&self, file: &str, message: &str) -> String {
        let path = self.folder.join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, message).unwrap();
        self.hg(&["add", "-q", "--", file]);
        self.hg(&["commit", "-u", "Ana <ana@example.org>", "-m", message]);
        self.tip(".")
    }

    pub(in crate::source) fn tip(&self, name: &str) -> String {
        self.hg(&["log", "-r", name, "-T", "{node}"])
    }
}
