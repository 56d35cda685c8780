//! Runs `hg` and `svn` as git is run: never asked anything, bounded, and with addresses that make them run no other program
//! (security.md 2.7).

use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;

use super::git::{last_words, shown};
use super::program::{self, Answer, Trouble};

/// Reading what is on this machine.
pub(super) const LOCAL_PATIENCE: Duration = Duration::from_secs(60);
/// Asking another machine.
pub(super) const ASK_PATIENCE: Duration = Duration::from_secs(120);
/// The most that one answer may have.
const ANSWER_MAX_BYTES: usize = 64 << 20;

/// How ssh is called where it must not ask anybody.
pub(super) const SSH: &str =
    "ssh -oBatchMode=yes -oConnectTimeout=20 -oServerAliveInterval=60 -oClearAllForwardings=yes";

/// Why a repository could not be read, as one sentence without anything that a terminal could act on.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// The address is one that linn never gives to the program.
    #[error("`{address}` is no {program} repository that can be read: {why}")]
    Address {
        /// As configured, made safe.
        address: String,
        /// Whose.
        program: &'static str,
        /// What is wrong with it, and what to write.
        why: &'static str,
    },
    /// There is nothing at that path.
    #[error("there is no {program} repository at {path}: {why}")]
    NotThere {
        /// Where, made safe.
        path: String,
        /// Whose.
        program: &'static str,
        /// What was found instead.
        why: &'static str,
    },
    /// The program could not be started.
    #[error(
        "the program `{program}` could not be started: {source}; install it, or put it into the PATH of the master"
    )]
    NoProgram {
        /// Which.
        program: &'static str,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It ended with an error.
    #[error("{program} could not {what}: {said}")]
    Failed {
        /// Which.
        program: &'static str,
        /// What it was asked to do.
        what: String,
        /// Its last words, made safe.
        said: String,
    },
    /// It took too long.
    #[error("{program} took longer than {} s to {what} and was stopped", patience.as_secs())]
    TimedOut {
        /// Which.
        program: &'static str,
        /// What it was asked to do.
        what: String,
        /// How long it had.
        patience: Duration,
    },
    /// It said more than anybody wants to hold in memory.
    #[error("{program} answered more than {limit_bytes} bytes when asked to {what}")]
    TooMuch {
        /// Which.
        program: &'static str,
        /// What it was asked to do.
        what: String,
        /// The bound.
        limit_bytes: usize,
    },
    /// Its answer is not in the form its manual promises.
    #[error("{program} gave an answer that cannot be read when asked to {what}")]
    Unreadable {
        /// Which.
        program: &'static str,
        /// What it was asked to do.
        what: String,
    },
    /// The repository does not look as the configuration says.
    #[error("{0}")]
    Layout(String),
    /// The mirror cannot be used, or is still being filled.
    #[error("{0}")]
    Mirror(String),
}

/// One call of a program.
pub(super) struct Tool {
    command: Command,
    program: &'static str,
    what: String,
    patience: Duration,
    limit_bytes: usize,
}

impl Tool {
    /// A call. `what` completes "hg could not ...".
    pub(super) fn new(program: &'static str, what: impl Into<String>) -> Self {
        let mut command = Command::new(program);
        command
            .env("LC_ALL", "C.UTF-8")
            .env("SSH_ASKPASS", "true")
            .env("SSH_ASKPASS_REQUIRE", "never")
            .env_remove("DISPLAY")
            .env_remove("WAYLAND_DISPLAY");
        let (patience, limit_bytes) = (LOCAL_PATIENCE, ANSWER_MAX_BYTES);
        Self { command, program, what: what.into(), patience, limit_bytes }
    }

    /// A variable of its environment.
    pub(super) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Variables that it must not have.
    pub(super) fn without(mut self, names: &[&str]) -> Self {
        for name in names {
            self.command.env_remove(name);
        }
        self
    }

    /// Its arguments.
    pub(super) fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.command.args(args);
        self
    }

    /// How long it may take, instead of [`LOCAL_PATIENCE`].
    pub(super) fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// How much it may answer.
    pub(super) fn limit(mut self, limit_bytes: usize) -> Self {
        self.limit_bytes = limit_bytes;
        self
    }

    /// Runs it and gives what it wrote.
    ///
    /// # Errors
    /// When it cannot be started, fails, takes too long or says too much.
    pub(super) async fn run(self) -> Result<Vec<u8>, ToolError> {
        let (program, what, limit_bytes) = (self.program, self.what.clone(), self.limit_bytes);
        match self.hear().await? {
            Answer { cut: true, .. } => Err(ToolError::TooMuch { program, what, limit_bytes }),
            Answer { ok: true, out, .. } => Ok(out),
            Answer { err, .. } => Err(ToolError::Failed { program, what, said: said(&err) }),
        }
    }

    /// Runs it where a failure is an answer too: what it complained of.
    ///
    /// # Errors
    /// As [`Tool::run`], but for a failure of the program.
    pub(super) async fn run_if(self) -> Result<Result<Vec<u8>, String>, ToolError> {
        match self.run().await {
            Ok(out) => Ok(Ok(out)),
            Err(ToolError::Failed { said, .. }) => Ok(Err(said)),
            Err(error) => Err(error),
        }
    }

    /// Runs it and gives the beginning of what it wrote.
    ///
    /// # Errors
    /// When it cannot be started, fails or takes too long.
    pub(super) async fn run_cut(self) -> Result<Vec<u8>, ToolError> {
        let (program, what) = (self.program, self.what.clone());
        let answer = self.hear().await?;
        if answer.ok || answer.cut {
            Ok(answer.out)
        } else {
            Err(ToolError::Failed { program, what, said: said(&answer.err) })
        }
    }

    async fn hear(self) -> Result<Answer, ToolError> {
        let Self { command, program, what, patience, limit_bytes } = self;
        let heard = program::run(command, Vec::new(), patience, limit_bytes).await;
        heard.map_err(|trouble| match trouble {
            Trouble::NotStarted(source) => ToolError::NoProgram { program, source },
            Trouble::Broke(error) => {
                ToolError::Failed { program, what, said: shown(&error.to_string()) }
            }
            Trouble::TimedOut => ToolError::TimedOut { program, what, patience },
        })
    }
}

/// What hg and svn say of a failure: the line that begins with `abort:` or `svn: E`, else the last one.
fn said(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let mut lines = text.lines().map(str::trim);
    let blamed = lines.find_map(|line| {
        line.strip_prefix("abort: ")
            .or_else(|| line.strip_prefix("svn: ").filter(|l| l.starts_with('E')))
    });
    blamed.map_or_else(|| last_words(stderr), shown)
}

/// Where a repository is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Address {
    /// A folder of this machine.
    Folder(PathBuf),
    /// Another machine's.
    Url(String),
}

/// Checks an address of one of these schemes.
///
/// # Errors
/// [`ToolError::Address`].
pub(super) fn address(
    program: &'static str,
    schemes: &[&str],
    text: &str,
) -> Result<Address, ToolError> {
    let refuse = |why| Err(ToolError::Address { address: shown(text), program, why });
    if text.is_empty() {
        return refuse("it is empty");
    }
    if text.starts_with('-') {
        return refuse("it begins with `-`; write ./-name for a folder of that name");
    }
    if text.chars().any(char::is_control) {
        return refuse("it has control characters");
    }
    let Some((scheme, rest)) = text.split_once("://") else {
        if text.split_once(':').is_some_and(|(before, _)| !before.contains('/')) {
            return refuse("write a URL, or an absolute path");
        }
        return Ok(Address::Folder(absolute(Path::new(text))));
    };
    if !schemes.contains(&scheme) {
        return refuse(if scheme.contains('+') {
            "such an address can make it run a program"
        } else {
            "linn does not read addresses of that kind"
        });
    }
    if text.contains(['#', '?']) {
        return refuse("it has `#` or `?`, which would mean something else than a place");
    }
    if scheme == "file" {
        return match rest.starts_with('/') {
            true => Ok(Address::Url(text.to_owned())),
            false => refuse("write file:/// and an absolute path"),
        };
    }
    let authority = rest.split('/').next().unwrap_or_default();
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    if host.is_empty() || host.starts_with(['-', ':']) || user.starts_with('-') {
        return refuse("it names no host");
    }
    let plain =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
    let of_ssh = scheme.ends_with("ssh");
    if !host.chars().all(plain) || (of_ssh && !user.chars().all(plain)) {
        return refuse("its host or user has characters that no name has");
    }
    if of_ssh && rest.split_once('/').is_some_and(|(_, path)| path.starts_with('-')) {
        return refuse("its path begins with `-`");
    }
    Ok(Address::Url(text.to_owned()))
}

/// What is wrong with an address of one of these schemes; nothing: it can be looked at.
pub(super) fn problem(schemes: &[&str], text: &str) -> Option<&'static str> {
    match address("", schemes, text) {
        Err(ToolError::Address { why, .. }) => Some(why),
        _ => None,
    }
}

/// From the working folder, without `.`; `..` stays, for links may stand before it.
fn absolute(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    path.components().filter(|part| *part != Component::CurDir).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_would_run_something_are_refused() {
        let schemes = ["https", "ssh", "svn+ssh", "file"];
        for good in [
            "https://h.example/x",
            "ssh://ana@h.example:22/x",
            "file:///srv/x",
            "svn+ssh://[::1]/x",
        ] {
            assert_eq!(address("svn", &schemes, good).unwrap(), Address::Url(good.to_owned()));
        }
        for folder in ["/srv/x y", "/srv/a:b", "./-x"] {
            assert!(matches!(address("hg", &schemes, folder).unwrap(), Address::Folder(_)));
        }
        for bad in [
            "",
            "-x",
            "ext::sh -c id",
            "bundle:/x",
            "svn+evil://h/x",
            "ftp://h/x",
            "ssh://-oProxyCommand=id/x",
            "ssh://ana@-oProxyCommand=id/x",
            "ssh://-oX=y@h/x",
            "svn+ssh://%2doProxyCommand=id/x",
            "ssh://h;id/x",
            "ssh://h/-x",
            "https:///x",
            "https://h/x#default",
            "https://h/x?y",
            "https://h/x\ny",
            "file://h/x",
        ] {
            let error = address("hg", &schemes, bad).unwrap_err();
            assert!(matches!(error, ToolError::Address { .. }), "{bad:?}");
            assert!(!error.to_string().chars().any(char::is_control), "{bad:?}");
        }
    }

    #[test]
    fn the_line_that_explains_is_found() {
        assert_eq!(said(b"x\nabort: no repo!\n(hint)\n"), "no repo!");
        assert_eq!(said(b"svn: warning: W1: x\nsvn: E2: no\n"), "E2: no");
        assert_eq!(said(b""), "it did not say why");
    }
}
