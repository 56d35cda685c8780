//! Real repositories for tests: made in a temporary folder with the git of this machine.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A repository with a checkout.
pub(in crate::source) struct Repo {
    folder: PathBuf,
}

impl Repo {
    /// An empty one at that path, on branch `main`.
    pub(in crate::source) fn init(folder: impl Into<PathBuf>) -> Self {
        let folder = folder.into();
        std::fs::create_dir_all(&folder).unwrap();
        let repo = Self { folder };
        repo.git(&["init", "-q", "-b", "main"]);
        repo.git(&["config", "user.name", "Ana"]);
        repo.git(&["config", "user.email", "ana@example.org"]);
        repo.git(&["config", "commit.gpgsign", "false"]);
        repo
    }

    pub(in crate::source) fn path(&self) -> &Path {
        &self.folder
    }

    pub(in crate::source) fn name(&self) -> String {
        self.folder.to_str().unwrap().to_owned()
    }

    /// Runs git and gives its answer without the final line feed.
    pub(in crate::source) fn git(&self, args: &[&str]) -> String {
        self.git_with(args, b"")
    }

    pub(in crate::source) fn git_with(&self, args: &[&str], input: &[u8]) -> String {
        use std::io::Write;
        let mut child = Command::new("git")
            .args(args)
            .current_dir(&self.folder)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "git {args:?}: {said}");
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    /// Writes a file and commits it; gives the commit.
    pub(in crate::source) fn commit(&self, file: &str, message: &str) -> String {
        let path = self.folder.join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, message).unwrap();
        self.git(&["add", "--", file]);
        self.git_with(&["commit", "-q", "--allow-empty-message", "-F", "-"], message.as_bytes());
        self.tip("HEAD")
    }

    pub(in crate::source) fn tip(&self, name: &str) -> String {
        self.git(&["rev-parse", name])
    }

    /// Many commits on a branch, quickly.
    pub(in crate::source) fn import(&self, branch: &str, from: &str, count: usize) {
        use std::fmt::Write;
        let mut stream = String::new();
        for number in 1..=count {
            let message = format!("commit {number}");
            let _ = write!(
                stream,
                "commit refs/heads/{branch}\ncommitter Ana <ana@example.org> {} +0000\ndata {}\n{message}\n",
                1_600_000_000 + number,
                message.len()
            );
            if number == 1 {
                let _ = writeln!(stream, "from {from}");
            }
            let _ = write!(stream, "M 644 inline n\ndata {}\n{number}\n", number.to_string().len());
        }
        self.git_with(&["fast-import", "--quiet", "--force"], stream.as_bytes());
    }
}
