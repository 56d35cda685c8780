//! Real repositories for tests: made in a temporary folder with the svn of this machine.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A repository with the standard layout and a checkout of all of it.
pub(in crate::source) struct Repo {
    folder: PathBuf,
}

impl Repo {
    /// An empty one in `folder/r`, with a checkout in `folder/all`.
    pub(in crate::source) fn create(folder: &Path) -> Self {
        let repo = Self { folder: folder.to_owned() };
        repo.run("svnadmin", &["create", "r"]);
        repo.run("svn", &["checkout", "-q", &repo.url(""), "all"]);
        repo
    }

    /// One with `trunk`, `branches` and `tags` (revision 1) below `at`.
    pub(in crate::source) fn with_layout(folder: &Path, at: &str) -> Self {
        let repo = Self::create(folder);
        let urls = ["trunk", "branches", "tags"].map(|part| repo.url(&format!("{at}{part}")));
        let mut args = vec!["mkdir", "-q", "--parents", "-m", "layout"];
        args.extend(urls.iter().map(String::as_str));
        repo.run("svn", &args);
        repo
    }

    pub(in crate::source) fn path(&self) -> PathBuf {
        self.folder.join("r")
    }

    pub(in crate::source) fn name(&self) -> String {
        self.path().to_str().unwrap().to_owned()
    }

    pub(in crate::source) fn url(&self, path: &str) -> String {
        format!("file://{}/{path}", self.path().display())
    }

    fn run(&self, program: &str, args: &[&str]) -> String {
        let output = Command::new(program)
            .args(args)
            .current_dir(&self.folder)
            .env("LC_ALL", "C.UTF-8")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program} {args:?}: {said}");
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    pub(in crate::source) fn svn(&self, args: &[&str]) -> String {
        self.run("svn", args)
    }

    /// Copies or removes in the repository itself.
    pub(in crate::source) fn copy(&self, from: &str, to: &str) {
        self.svn(&["copy", "-q", "-m", &format!("copy {to}"), &self.url(from), &self.url(to)]);
    }

    /// Writes files and commits them together, by whom and with that message; gives the revision.
    pub(in crate::source) fn commit(&self, files: &[&str], message: &str) -> String {
        self.svn(&["update", "-q", "all"]);
        for file in files {
            let path = self.folder.join("all").join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, format!("{message}\n")).unwrap();
            self.svn(&["add", "-q", "--force", "--parents", &format!("all/{file}@")]);
        }
        self.svn(&["commit", "-q", "--username", "ana", "-m", message, "all"]);
        self.youngest()
    }

    pub(in crate::source) fn youngest(&self) -> String {
        self.run("svnlook", &["youngest", "r"])
    }
}
