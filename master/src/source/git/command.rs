//! Runs `git`, and nothing else, with everything that could surprise us switched off (security.md 2.7).
//!
//! What must hold for every call: no prompt, no pager, no hook, no helper a repository's own settings name; only the
//! protocols of [`super::address`]; a bound on time and on what is read; the whole process group dies with the call.
//! Arguments that come from outside never stand where an option could: callers pass revisions on standard input or
//! after `--end-of-options`, and full ref names only.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::time::Duration;

use tokio::process::Command;

use super::error::{GitError, last_words};
use crate::source::program::{self, Answer, Trouble};

/// Reading what is on this machine.
pub(super) const LOCAL_PATIENCE: Duration = Duration::from_secs(60);
/// Asking another machine for its branches.
pub(super) const ASK_PATIENCE: Duration = Duration::from_secs(60);
/// Fetching what is new from another machine.
pub(super) const FETCH_PATIENCE: Duration = Duration::from_hours(1);
/// Fetching all there is from another machine, which may be gigabytes over a thin line.
pub(super) const FIRST_FETCH_PATIENCE: Duration = Duration::from_hours(6);
/// The most that one answer may have.
pub(super) const ANSWER_MAX_BYTES: usize = 64 << 20;

/// Settings given with every call, so that neither a repository's settings nor a person's change what we read.
const SETTINGS: &[&str] = &[
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.pager=cat",
    "core.quotePath=false",
    "log.showSignature=false",
    "log.showRoot=true",
    "log.mailmap=true",
    "i18n.logOutputEncoding=UTF-8",
    "credential.interactive=false",
    "gc.pruneExpire=never",
    "gc.autoDetach=false",
    "protocol.allow=never",
    "protocol.http.allow=always",
    "protocol.https.allow=always",
    "protocol.ssh.allow=always",
    "protocol.git.allow=always",
    "submodule.recurse=false",
    "fetch.recurseSubmodules=false",
    // A server that has fallen silent is not waited for as long as one that sends: here, and for ssh below.
    "http.lowSpeedLimit=1",
    "http.lowSpeedTime=600",
];

/// Variables that point git at another repository than the one we name: set when linn is started from a hook.
const FOREIGN_VARIABLES: &[&str] = &[
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_CEILING_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_CONFIG",
    "GIT_CONFIG_COUNT",
    "GIT_CONFIG_PARAMETERS",
    "GIT_DIR",
    "GIT_EXTERNAL_DIFF",
    "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_NAMESPACE",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_QUARANTINE_PATH",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_TRACE",
    "GIT_WORK_TREE",
];

/// One call of git.
pub(super) struct Git {
    command: Command,
    what: String,
    input: Vec<u8>,
    patience: Duration,
    limit_bytes: usize,
}

impl Git {
    /// In the repository that `folder` is, or is the checkout of. `what` completes "git could not ...".
    pub(super) fn at(folder: &Path, what: impl Into<String>) -> Self {
        let mut git = Self::anywhere(what);
        git.command.arg("-C").arg(folder);
        git
    }

    /// In the repository whose git folder is `git_dir`, without a checkout: so no file of a checkout is looked at.
    pub(super) fn bare(git_dir: &Path, what: impl Into<String>) -> Self {
        let mut git = Self::anywhere(what);
        let mut option = OsString::from("--git-dir=");
        option.push(git_dir);
        git.command.arg(option).arg("--bare");
        git
    }

    /// In no repository.
    pub(super) fn anywhere(what: impl Into<String>) -> Self {
        let mut command = Command::new("git");
        for name in FOREIGN_VARIABLES {
            command.env_remove(name);
        }
        command
            .env("LC_ALL", "C")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_ASKPASS", "true")
            .env("SSH_ASKPASS", "true")
            .env("SSH_ASKPASS_REQUIRE", "never")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("GIT_NO_LAZY_FETCH", "1")
            .env("GIT_PAGER", "cat");
        if std::env::var_os("GIT_SSH_COMMAND").is_none() && std::env::var_os("GIT_SSH").is_none() {
            command.env(
                "GIT_SSH_COMMAND",
                "ssh -oBatchMode=yes -oConnectTimeout=20 -oServerAliveInterval=60",
            );
        }
        command.arg("--no-pager").arg("--literal-pathspecs");
        for setting in SETTINGS {
            command.arg("-c").arg(setting);
        }
        Self {
            command,
            what: what.into(),
            input: Vec::new(),
            patience: LOCAL_PATIENCE,
            limit_bytes: ANSWER_MAX_BYTES,
        }
    }

    /// One setting more. Before the arguments.
    pub(super) fn setting(mut self, setting: impl AsRef<OsStr>) -> Self {
        self.command.arg("-c").arg(setting);
        self
    }

    /// The sub-command and what follows.
    pub(super) fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.command.args(args);
        self
    }

    /// What git reads on standard input.
    pub(super) fn input(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = input.into();
        self
    }

    /// How long it may take, instead of [`LOCAL_PATIENCE`].
    pub(super) fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// How much it may answer, instead of [`ANSWER_MAX_BYTES`].
    pub(super) fn limit(mut self, limit_bytes: usize) -> Self {
        self.limit_bytes = limit_bytes;
        self
    }

    /// Runs it and gives what it wrote.
    ///
    /// # Errors
    /// When it cannot be started, fails, takes too long or says too much.
    pub(super) async fn run(self) -> Result<Vec<u8>, GitError> {
        let what = self.what.clone();
        match self.ask().await? {
            Answer { ok: true, out, .. } => Ok(out),
            Answer { err, .. } => Err(GitError::Failed { what, said: last_words(&err) }),
        }
    }

    /// Runs it where a failure is an answer too: `None` when git says no.
    ///
    /// # Errors
    /// As [`Git::run`], but for a failure of git.
    pub(super) async fn run_if(self) -> Result<Option<Vec<u8>>, GitError> {
        let answer = self.ask().await?;
        Ok(answer.ok.then_some(answer.out))
    }

    /// Runs it and gives the beginning of what it wrote; what is beyond the limit is not read.
    ///
    /// # Errors
    /// When it cannot be started, fails or takes too long.
    pub(super) async fn run_cut(self) -> Result<Vec<u8>, GitError> {
        let what = self.what.clone();
        let answer = self.hear().await?;
        if answer.ok || answer.cut {
            Ok(answer.out)
        } else {
            Err(GitError::Failed { what, said: last_words(&answer.err) })
        }
    }

    async fn ask(self) -> Result<Answer, GitError> {
        let (what, limit_bytes) = (self.what.clone(), self.limit_bytes);
        let answer = self.hear().await?;
        if answer.cut { Err(GitError::TooMuch { what, limit_bytes }) } else { Ok(answer) }
    }

    async fn hear(self) -> Result<Answer, GitError> {
        let heard = program::run(self.command, self.input, self.patience, self.limit_bytes).await;
        heard.map_err(|trouble| match trouble {
            Trouble::NotStarted(source) => GitError::NoGit { source },
            Trouble::Broke(error) => GitError::Failed { what: self.what, said: error.to_string() },
            Trouble::TimedOut => GitError::TimedOut { what: self.what, patience: self.patience },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_refusal_of_git_is_a_sentence() {
        let folder = tempfile::tempdir().unwrap();
        let error = Git::at(folder.path(), "look").args(["rev-parse", "HEAD"]).run().await;
        let said = error.unwrap_err().to_string();
        assert!(said.starts_with("git could not look: not a git repository"), "{said}");
        let none = Git::at(folder.path(), "look").args(["rev-parse", "HEAD"]).run_if().await;
        assert_eq!(none.unwrap(), None);
    }

    #[tokio::test]
    async fn too_long_an_answer_and_too_long_a_time_end_the_call() {
        let error = Git::anywhere("help").args(["help", "-a"]).limit(10).run().await.unwrap_err();
        assert!(matches!(error, GitError::TooMuch { limit_bytes: 10, .. }), "{error}");
        let cut = Git::anywhere("help").args(["help", "-a"]).limit(10).run_cut().await.unwrap();
        assert_eq!(cut.len(), 10);
        let folder = tempfile::tempdir().unwrap();
        let hanging = Git::at(folder.path(), "wait")
            .setting("alias.hang=!sleep 600")
            .args(["hang"])
            .patience(Duration::from_millis(50))
            .run()
            .await
            .unwrap_err();
        assert!(matches!(hanging, GitError::TimedOut { .. }), "{hanging}");
    }
}
