//! A real git repository to build.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A git checkout in a folder of the test's.
pub struct Repository(PathBuf);

impl Repository {
    /// Makes one at this path, on the branch `main`, with no commit yet.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        fs::create_dir_all(path).expect("a folder");
        let made = Self(path.to_path_buf());
        made.git(&["init", "--quiet", "--initial-branch=main"]);
        made.git(&["config", "user.name", "Ana Test"]);
        made.git(&["config", "user.email", "ana@example.org"]);
        made.git(&["config", "commit.gpgsign", "false"]);
        made
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file and commits it; answers the revision.
    pub fn commit(&self, file: &str, text: &str, message: &str) -> String {
        let path = self.0.join(file);
        fs::create_dir_all(path.parent().expect("a file has a folder")).expect("a folder");
        fs::write(path, text).expect("written");
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "-m", message]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// Runs git here; answers what it printed, trimmed.
    ///
    /// # Panics
    /// When git fails.
    pub fn git(&self, arguments: &[&str]) -> String {
        let ran = Command::new("git")
            .args(arguments)
            .current_dir(&self.0)
            // Not the settings of whoever runs the tests: hooks and templates of theirs would run here.
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .output()
            .expect("git runs");
        assert!(
            ran.status.success(),
            "git {arguments:?}: {}",
            String::from_utf8_lossy(&ran.stderr)
        );
        String::from_utf8_lossy(&ran.stdout).trim().to_owned()
    }
}
