//! Runs a version control's own program, without prompts and in English.

use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;

use crate::client::ClientError;

/// What a program prints, if it ends well.
///
/// # Errors
/// It does not start, or fails; its last word says why.
pub(super) async fn ask(
    folder: &Path,
    program: &str,
    args: &[&str],
) -> Result<Vec<u8>, ClientError> {
    ask_with(folder, program, args, &[]).await
}

/// The same, with variables of its environment.
pub(super) async fn ask_with(
    folder: &Path,
    program: &str,
    args: &[&str],
    vars: &[(&str, &Path)],
) -> Result<Vec<u8>, ClientError> {
    let output = Command::new(program)
        .args(args)
        .current_dir(folder)
        .env("LC_ALL", "C.UTF-8")
        .env("HGPLAIN", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_OPTIONAL_LOCKS", "0")
        .envs(vars.iter().copied())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|error| {
            ClientError::usage(format!("`{program}` does not start")).why(error.to_string())
        })?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.trim().lines().last().unwrap_or("it failed without a word").to_owned();
    let verb = args.iter().find(|word| !word.starts_with('-')).copied().unwrap_or_default();
    Err(ClientError::refused(format!("`{program} {verb}` failed in {}", folder.display()))
        .why(last))
}

/// The same as one line of text.
pub(super) async fn line(
    folder: &Path,
    program: &str,
    args: &[&str],
) -> Result<String, ClientError> {
    let bytes = ask(folder, program, args).await?;
    Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
}

/// The same; `None` when it fails or says nothing.
pub(super) async fn maybe(folder: &Path, program: &str, args: &[&str]) -> Option<String> {
    line(folder, program, args).await.ok().filter(|line| !line.is_empty())
}

/// Names with a zero byte after each.
pub(super) fn names(bytes: &[u8]) -> Vec<String> {
    let all = bytes.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    all.map(|name| String::from_utf8_lossy(name).into_owned()).collect()
}
