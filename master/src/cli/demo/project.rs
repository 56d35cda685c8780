//! The repository of the tour: a small project made of shell scripts, so that it builds on any machine, with a history.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::cli::failure::Failure;
use crate::clock::Clock;

/// Every file of the project at its beginning.
pub(super) static FILES: &[(&str, &str)] = &[
    ("README.md", include_str!("project/README.md")),
    ("ci/compile.sh", include_str!("project/ci/compile.sh")),
    ("ci/configure.sh", include_str!("project/ci/configure.sh")),
    ("ci/docs.sh", include_str!("project/ci/docs.sh")),
    ("ci/lint.sh", include_str!("project/ci/lint.sh")),
    ("ci/package.sh", include_str!("project/ci/package.sh")),
    ("ci/say.sh", include_str!("project/ci/say.sh")),
    ("ci/test.sh", include_str!("project/ci/test.sh")),
    ("docs/guide.md", include_str!("project/docs/guide.md")),
    ("docs/index.md", include_str!("project/docs/index.md")),
    ("slow/table-12.expected", include_str!("project/slow/table-12.expected")),
    ("slow/table-12.sh", include_str!("project/slow/table-12.sh")),
    ("slow/table-25.expected", include_str!("project/slow/table-25.expected")),
    ("slow/table-25.sh", include_str!("project/slow/table-25.sh")),
    ("slow/table-3.expected", include_str!("project/slow/table-3.expected")),
    ("slow/table-3.sh", include_str!("project/slow/table-3.sh")),
    ("slow/table-4.expected", include_str!("project/slow/table-4.expected")),
    ("slow/table-4.sh", include_str!("project/slow/table-4.sh")),
    ("slow/table-6.expected", include_str!("project/slow/table-6.expected")),
    ("slow/table-6.sh", include_str!("project/slow/table-6.sh")),
    ("slow/table-7.expected", include_str!("project/slow/table-7.expected")),
    ("slow/table-7.sh", include_str!("project/slow/table-7.sh")),
    ("slow/table-8.expected", include_str!("project/slow/table-8.expected")),
    ("slow/table-8.sh", include_str!("project/slow/table-8.sh")),
    ("slow/table-9.expected", include_str!("project/slow/table-9.expected")),
    ("slow/table-9.sh", include_str!("project/slow/table-9.sh")),
    ("src/greet.sh", include_str!("project/src/greet.sh")),
    ("src/sum.sh", include_str!("project/src/sum.sh")),
    ("src/table.sh", include_str!("project/src/table.sh")),
    ("tests/greet.expected", include_str!("project/tests/greet.expected")),
    ("tests/greet.sh", include_str!("project/tests/greet.sh")),
    ("tests/sum.expected", include_str!("project/tests/sum.expected")),
    ("tests/sum.sh", include_str!("project/tests/sum.sh")),
    ("tests/table-2.expected", include_str!("project/tests/table-2.expected")),
    ("tests/table-2.sh", include_str!("project/tests/table-2.sh")),
    ("tests/table-5.expected", include_str!("project/tests/table-5.expected")),
    ("tests/table-5.sh", include_str!("project/tests/table-5.sh")),
];

/// The configuration; the repository's path goes before it.
pub(super) const CONFIGURATION: &str = include_str!("project/master.star");

/// Who works on the project.
#[derive(Clone, Copy, Debug)]
pub(super) enum Author {
    Ana,
    Boris,
    Chen,
    Dana,
}

impl Author {
    fn name_and_mail(self) -> (&'static str, &'static str) {
        match self {
            Self::Ana => ("Ana Alvarez", "ana@frobozz.example"),
            Self::Boris => ("Boris Blok", "boris@frobozz.example"),
            Self::Chen => ("Chen Li", "chen@frobozz.example"),
            Self::Dana => ("Dana Diallo", "dana@frobozz.example"),
        }
    }
}

/// A repository with a checkout that nobody else uses.
#[derive(Clone, Debug)]
pub(super) struct Project {
    folder: PathBuf,
}

impl Project {
    /// Makes the repository with its history.
    ///
    /// # Errors
    /// When the folder cannot be written or git is not there.
    pub(super) fn create(folder: PathBuf) -> Result<Self, Failure> {
        fs::create_dir_all(&folder).map_err(|error| cannot_write(&folder, &error))?;
        let project = Self { folder };
        project.git(&["init", "--quiet"])?;
        project.git(&["symbolic-ref", "HEAD", "refs/heads/main"])?;
        for (from, author, message, days_ago) in [
            ("ci/", Author::Chen, "Scripts for the builders", 9),
            ("src/greet", Author::Ana, "Say hello", 8),
            ("tests/greet", Author::Ana, "Test saying hello", 8),
            ("src/sum", Author::Boris, "Add up", 6),
            ("tests/sum", Author::Boris, "Test adding up", 6),
            ("src/table", Author::Dana, "Multiply", 4),
            ("tests/table", Author::Dana, "Test multiplying", 4),
            ("slow/", Author::Boris, "Test multiplying thoroughly", 3),
            ("docs/", Author::Dana, "A guide", 2),
            ("README", Author::Ana, "What this is", 1),
        ] {
            for (name, text) in FILES.iter().filter(|(name, _)| name.starts_with(from)) {
                project.write(name, text)?;
            }
            project.commit_at(author, message, days_ago)?;
        }
        Ok(project)
    }

    /// Its path.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes one file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn write(&self, name: &str, text: &str) -> Result<(), Failure> {
        let path = self.folder.join(name);
        let written = match path.parent() {
            Some(folder) => fs::create_dir_all(folder).and_then(|()| fs::write(&path, text)),
            None => fs::write(&path, text),
        };
        written.map_err(|error| cannot_write(&path, &error))
    }

    /// Reads one file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn read(&self, name: &str) -> Result<String, Failure> {
        let path = self.folder.join(name);
        fs::read_to_string(&path).map_err(|error| {
            Failure::internal(format!("cannot read {}", path.display())).why(error.to_string())
        })
    }

    /// Commits all that was written.
    ///
    /// # Errors
    /// When git fails.
    pub(super) fn commit(&self, author: Author, message: &str) -> Result<(), Failure> {
        self.commit_at(author, message, 0)
    }

    fn commit_at(&self, author: Author, message: &str, days_ago: i64) -> Result<(), Failure> {
        let (name, mail) = author.name_and_mail();
        let seconds = Clock::default().now().0 / 1000 - days_ago * 86_400;
        let date = format!("@{seconds} +0000");
        self.git(&["add", "--all"])?;
        self.git_as(
            &["commit", "--quiet", "--allow-empty", "-m", message],
            &[
                ("GIT_AUTHOR_NAME", name),
                ("GIT_AUTHOR_EMAIL", mail),
                ("GIT_AUTHOR_DATE", &date),
                ("GIT_COMMITTER_NAME", name),
                ("GIT_COMMITTER_EMAIL", mail),
                ("GIT_COMMITTER_DATE", &date),
            ],
        )
    }

    fn git(&self, args: &[&str]) -> Result<(), Failure> {
        self.git_as(args, &[])
    }

    /// Whatever the person's own settings say (signing, hooks, templates), this repository is plain.
    fn git_as(&self, args: &[&str], variables: &[(&str, &str)]) -> Result<(), Failure> {
        let output = Command::new("git")
            .args(["-c", "commit.gpgSign=false", "-c", "core.hooksPath=/dev/null"])
            .args(["-c", "init.templateDir=", "-c", "core.autocrlf=false", "-c", "gc.auto=0"])
            .args(args)
            .current_dir(&self.folder)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env_remove("GIT_DIR")
            .env_remove("GIT_WORK_TREE")
            .env_remove("GIT_INDEX_FILE")
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .output()
            .map_err(|error| no_git(&error))?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(Failure::internal("git could not make the demo's repository")
            .why(said.lines().last().unwrap_or_default().to_owned()))
    }
}

fn cannot_write(path: &Path, error: &io::Error) -> Failure {
    Failure::new(3, format!("cannot write {}", path.display()))
        .why(error.to_string())
        .hint("set TMPDIR to a folder with room")
}

fn no_git(error: &io::Error) -> Failure {
    Failure::usage("the program `git` could not be started")
        .why(error.to_string())
        .hint("install git; linn reads repositories with it")
}
