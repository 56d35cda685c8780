//! Runs `git`, and nothing else, with everything that could surprise us switched off (security.md 2.7).
//!
//! What must hold for every call: no prompt, no pager, no hook, no helper a repository's own settings name; only the
//! protocols of [`super::address`]; a bound on time and on what is read; the whole process group dies with the call.
//! Arguments that come from outside never stand where an option could: callers pass revisions on standard input or
//! after `--end-of-options`, and full ref names only.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::error::{GitError, last_words};

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
/// Of standard error only the beginning is of use.
const STDERR_MAX_BYTES: u64 = 16 << 10;

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

    async fn hear(mut self) -> Result<Answer, GitError> {
        self.command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        let child = self.command.spawn().map_err(|source| GitError::NoGit { source })?;
        let mut group = Group { child, ended: false };
        match timeout(self.patience, converse(&mut group, self.input, self.limit_bytes)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(GitError::Failed { what: self.what, said: error.to_string() }),
            Err(_) => Err(GitError::TimedOut { what: self.what, patience: self.patience }),
        }
    }
}

/// What came of a call.
struct Answer {
    ok: bool,
    /// It said more than was read.
    cut: bool,
    out: Vec<u8>,
    err: Vec<u8>,
}

/// A git and its children (ssh, remote helpers): killed together when the call is given up.
struct Group {
    child: Child,
    ended: bool,
}

impl Drop for Group {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let pid = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(pid) = pid {
            // It may have ended by itself this very moment; then there is nobody left to kill.
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }
}

/// Writes, reads and waits at once, so that no full pipe stops anything. Who says too much is not waited for.
async fn converse(
    group: &mut Group,
    input: Vec<u8>,
    limit_bytes: usize,
) -> std::io::Result<Answer> {
    let stdin = group.child.stdin.take();
    let stdout = group.child.stdout.take();
    let stderr = group.child.stderr.take();
    let write = async move {
        if let Some(mut stdin) = stdin {
            // Git may end without reading all; its exit tells more than a broken pipe.
            let _ = stdin.write_all(&input).await;
        }
    };
    let limit = u64::try_from(limit_bytes).unwrap_or(u64::MAX);
    let read_all = async {
        let ((), out, err) =
            tokio::join!(write, read(stdout, limit.saturating_add(1)), drain(stderr));
        Ok::<_, std::io::Error>((out?, err?))
    };
    let (mut out, err) = read_all.await?;
    if out.len() > limit_bytes {
        out.truncate(limit_bytes);
        return Ok(Answer { ok: false, cut: true, out, err });
    }
    let status = group.child.wait().await?;
    group.ended = true;
    Ok(Answer { ok: status.success(), cut: false, out, err })
}

async fn read(from: Option<impl AsyncRead + Unpin>, limit: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(from) = from {
        from.take(limit).read_to_end(&mut bytes).await?;
    }
    Ok(bytes)
}

/// Keeps the beginning and reads on to the end, so that git never stops at a full pipe.
async fn drain(from: Option<impl AsyncRead + Unpin>) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(mut from) = from {
        (&mut from).take(STDERR_MAX_BYTES).read_to_end(&mut bytes).await?;
        tokio::io::copy(&mut from, &mut tokio::io::sink()).await?;
    }
    Ok(bytes)
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
