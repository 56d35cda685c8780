//! Asks `hg` and `svnlook` about the repository that their hook runs in.

use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;

use crate::client::ClientError;

/// What the program prints; it runs in that folder and is asked nothing.
pub(super) async fn ask(
    program: &str,
    folder: &Path,
    args: &[&str],
) -> Result<Vec<u8>, ClientError> {
    let output = Command::new(program)
        .args(args)
        .current_dir(folder)
        .env("LC_ALL", "C.UTF-8")
        .env("HGPLAIN", "+strictflags")
        .env("HGENCODING", "utf-8")
        .env("HGENCODINGMODE", "replace")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await;
    let failed = |why: String| ClientError::internal(format!("cannot ask {program}")).why(why);
    let output = output.map_err(|error| failed(format!("`{program}` does not start: {error}")))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let last = text.trim().lines().last().unwrap_or("it failed without a word").to_owned();
    Err(ClientError::refused(format!("{program} knows nothing of what the hook was told"))
        .why(last))
}
