//! Asking git: one way to run it, whatever the user's configuration says.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::client::{ClientError, Place};

/// A repository on this machine.
#[derive(Debug, Clone)]
pub(super) struct Repository {
    folder: PathBuf,
}

impl Repository {
    /// The one a hook runs in, or the one around the working folder.
    pub(super) async fn find(place: &Place) -> Result<Self, ClientError> {
        let mut git = command();
        git.current_dir(&place.folder).args(["rev-parse", "--absolute-git-dir"]);
        match place.var("GIT_DIR") {
            Some(dir) => git.env("GIT_DIR", dir),
            None => git.env_remove("GIT_DIR"),
        };
        let bytes = output(git, Vec::new()).await.map_err(|error| {
            let why = error.sentences().1.unwrap_or_default().to_owned();
            ClientError::usage(format!("{} is in no git repository", place.folder.display()))
                .why(why)
                .hint("`linn hook git` runs as the repository's hooks/post-receive")
        })?;
        let text = String::from_utf8_lossy(&bytes);
        Ok(Self { folder: PathBuf::from(text.trim_end_matches(['\n', '\r'])) })
    }

    /// The git folder, absolute.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// What git prints for `args`, given `input`.
    pub(super) async fn ask(&self, args: &[&str], input: String) -> Result<Vec<u8>, ClientError> {
        let mut git = command();
        git.current_dir(&self.folder).env("GIT_DIR", &self.folder).args(args);
        output(git, input.into_bytes()).await
    }
}

/// git without surprises: no prompts, no pager, English, no quoting, none of the user's aliases for formats.
fn command() -> Command {
    let mut git = Command::new("git");
    git.args(["--no-pager", "--no-replace-objects", "--literal-pathspecs"])
        .args(["-c", "core.quotePath=false", "-c", "log.showSignature=false"])
        .args(["-c", "color.ui=false", "-c", "i18n.logOutputEncoding=UTF-8"])
        .env("LC_ALL", "C")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env_remove("GIT_WORK_TREE")
        .env_remove("GIT_INDEX_FILE")
        .kill_on_drop(true);
    git
}

async fn output(mut git: Command, input: Vec<u8>) -> Result<Vec<u8>, ClientError> {
    let failed = |why: String| ClientError::internal("cannot ask git").why(why);
    let mut child = git
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| failed(format!("`git` does not start: {error}")))?;
    let stdin = child.stdin.take();
    // Written while the output is read: either pipe may be full.
    let write = async move {
        if let Some(mut stdin) = stdin {
            // A git that fails early reads no further; its own message says why.
            let _ = stdin.write_all(&input).await;
        }
    };
    let (output, ()) = tokio::join!(child.wait_with_output(), write);
    let output = output.map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        let last = text.trim().lines().last().unwrap_or("it failed without a word").to_owned();
        // What git was asked about came on standard input: an id that this repository has not, as a rule.
        return Err(ClientError::refused("git knows nothing of what the hook was told").why(last));
    }
    Ok(output.stdout)
}
