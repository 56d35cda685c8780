//! Runs a version control program to its end: bounded in time and in what is read of it, and killed with its children when
//! the call is given up. What must not reach it is its callers' business.

use std::io;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// Of standard error only the beginning is of use.
const STDERR_MAX_BYTES: u64 = 16 << 10;

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The program could not be started.
    NotStarted(io::Error),
    /// It could not be heard to its end.
    Broke(io::Error),
    /// It took too long and was killed.
    TimedOut,
}

/// Runs it with that input and hears at most `limit_bytes`.
///
/// # Errors
/// When it cannot be started or takes too long. A failure of the program itself is an answer.
pub(super) async fn run(
    mut command: Command,
    input: Vec<u8>,
    patience: Duration,
    limit_bytes: usize,
) -> Result<Answer, Trouble> {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    let child = command.spawn().map_err(Trouble::NotStarted)?;
    let mut group = Group { child, ended: false };
    match timeout(patience, converse(&mut group, input, limit_bytes)).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(Trouble::Broke(error)),
        Err(_) => Err(Trouble::TimedOut),
    }
}

/// What came of a call.
pub(super) struct Answer {
    /// It ended well.
    pub(super) ok: bool,
    /// It said more than was read.
    pub(super) cut: bool,
    /// What it wrote, up to the limit.
    pub(super) out: Vec<u8>,
    /// The beginning of what it complained about.
    pub(super) err: Vec<u8>,
}

/// A program and its children (ssh, remote helpers): killed together when the call is given up.
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
            // It may end without reading all; its exit tells more than a broken pipe.
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

/// Keeps the beginning and reads on to the end, so that nobody stops at a full pipe.
async fn drain(from: Option<impl AsyncRead + Unpin>) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(mut from) = from {
        (&mut from).take(STDERR_MAX_BYTES).read_to_end(&mut bytes).await?;
        tokio::io::copy(&mut from, &mut tokio::io::sink()).await?;
    }
    Ok(bytes)
}
