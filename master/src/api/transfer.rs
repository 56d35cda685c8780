//! Files between workers and the master: what an upload sends, and what a download asks for.
//!
//! A worker speaks of its own running commands alone: what may be stored, and what is fetched, is what the command's step
//! says, not what the worker names.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use linn_core::id::{BuildRef, BuilderName, CommandId, SessionId};
use linn_core::model::{Artifact, Exit};
use linn_core::time::{Span, Timestamp};
use linn_proto::worker as wire;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tonic::{Status, Streaming};

use super::sessions::Command;
use super::{Doors, convert, status};
use crate::artifacts::{Artifacts, blocking, digest_of};

/// The end of a stream that is written to.
pub(super) type Outbound<T> = mpsc::Sender<Result<T, Status>>;

/// What lies in a state folder beside what people put there.
const OURS: [&str; 5] = ["artifacts", "logs", "mirrors", "secrets", "workers"];

/// Takes one file of an upload in.
pub(super) async fn store(
    doors: Arc<Doors>,
    session: SessionId,
    mut inbound: Streaming<wire::FileChunk>,
    out: &Outbound<wire::FileStored>,
) -> Result<(), Status> {
    let Some(first) = inbound.message().await? else { return Ok(()) };
    let id = CommandId(first.command);
    let most = doors.sessions.command_of(session, id).and_then(|command| command.upload);
    let most = most.ok_or_else(|| status::mistake("no upload of this worker waits for a file"))?;
    if first.sha256.len() != 32 || first.size > most {
        return Err(status::mistake("the file has no digest, or is larger than its upload may be"));
    }
    let sha256: String = first.sha256.iter().map(|byte| format!("{byte:02x}")).collect();
    let trouble = |error: io::Error| trouble(&doors.artifacts, id, &error);
    let mut file = doors.artifacts.receive(&sha256, first.size).await.map_err(trouble)?;
    let left = |_| status::away("the link broke");
    let told = |stored_to, whole| Ok(wire::FileStored { stored_to, whole });
    out.send(told(file.length, file.is_whole())).await.map_err(left)?;
    if file.is_whole() {
        return Ok(());
    }
    while let Some(piece) = inbound.message().await? {
        if piece.data.len() > linn_proto::MAX_LOG_PIECE_BYTES || piece.offset != file.length {
            return Err(status::mistake("a piece of a file is too large, or not the next one"));
        }
        file.write(piece.data).await.map_err(trouble)?;
    }
    if file.length < first.size {
        return Err(status::away("the file is not whole yet"));
    }
    if file.finish().await.map_err(trouble)? {
        out.send(told(first.size, true)).await.map_err(left)
    } else {
        Err(status::away("the file is not what its digest says; send it again"))
    }
}

/// A disk without room ends the step with a sentence; anything else is tried again.
fn trouble(artifacts: &Artifacts, id: CommandId, error: &io::Error) -> Status {
    if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
        artifacts.refuse(id, "the master's disk is full".to_owned());
    }
    tracing::warn!(command = id.0, "a file cannot be kept: {error}");
    status::away(format!("the master cannot keep the file: {error}"))
}

/// Waits until every file of an upload is here, whole and durable; else how the command ends instead.
pub(super) async fn gather(
    doors: &Doors,
    id: CommandId,
    command: &Command,
    said: &[wire::StoredFile],
    stop: &CancellationToken,
) -> Result<Vec<Artifact>, Exit> {
    let Some(most) = command.upload else { return Ok(Vec::new()) };
    let files = convert::read_files(said, most).map_err(Exit::Failed)?;
    let mut news = doors.artifacts.news();
    let mut missing = files.clone();
    loop {
        if let Some(why) = doors.artifacts.refusal(id) {
            return Err(Exit::Failed(why));
        }
        missing.retain(|file| !doors.artifacts.has(&file.sha256, file.bytes));
        if missing.is_empty() {
            return Ok(files);
        }
        tokio::select! {
            changed = news.changed() => {
                if changed.is_err() {
                    return Err(Exit::Lost("the master is ending".to_owned()));
                }
            }
            () = stop.cancelled() => return Err(Exit::Interrupted),
            () = until(doors, command.since, command.total) => return Err(Exit::TimedOut),
        }
    }
}

/// Until a step's time is over, if it is limited.
async fn until(doors: &Doors, since: Timestamp, total: Option<Span>) {
    let Some(total) = total else { return std::future::pending().await };
    let left = (since + total) - doors.engine.now();
    let left = u64::try_from(left.millis()).unwrap_or(0);
    tokio::time::sleep(std::time::Duration::from_millis(left)).await;
}

/// Sends the file that a download means.
pub(super) async fn fetch(
    doors: Arc<Doors>,
    session: SessionId,
    asked: wire::FetchRequest,
    out: &Outbound<wire::FileChunk>,
) -> Result<(), Status> {
    let command = doors.sessions.command_of(session, CommandId(asked.command));
    let (build, source) = command
        .and_then(|command| command.download.clone())
        .ok_or_else(|| status::mistake("no download of this worker waits for a file"))?;
    let path = find(&doors, &build, &source).await?;
    let unread = |error: io::Error| {
        tracing::warn!("{} cannot be read: {error}", path.display());
        status::unknown(format!("`{}` cannot be read on the master", source.escape_debug()), "")
    };
    let of = path.clone();
    let (mut file, sha256, size) = blocking(move || {
        let mut file = File::open(of)?;
        let sha256 = digest_of(&mut file)?;
        let size = file.stream_position()?;
        Ok((file, sha256, size))
    })
    .await
    .map_err(unread)?;
    let digest: Vec<u8> = (0..sha256.len())
        .step_by(2)
        .filter_map(|at| u8::from_str_radix(sha256.get(at..at + 2)?, 16).ok())
        .collect();
    let mut offset = if asked.sha256 == digest { asked.offset.min(size) } else { 0 };
    file.seek(SeekFrom::Start(offset)).map_err(unread)?;
    let mut first = true;
    while first || offset < size {
        first = false;
        let (back, data) = blocking(move || {
            let mut data = Vec::with_capacity(linn_proto::MAX_LOG_PIECE_BYTES);
            let left = size.saturating_sub(offset).min(linn_proto::MAX_LOG_PIECE_BYTES as u64);
            io::Read::by_ref(&mut file).take(left).read_to_end(&mut data)?;
            Ok((file, data))
        })
        .await
        .map_err(unread)?;
        file = back;
        if data.is_empty() && offset < size {
            return Err(status::away("the file changed while it was sent"));
        }
        let (command, sha256) = (asked.command, digest.clone());
        let count = data.len() as u64;
        let chunk = wire::FileChunk { command, sha256, size, offset, data: data.into() };
        out.send(Ok(chunk)).await.map_err(|_| status::away("the link broke"))?;
        offset += count;
    }
    Ok(())
}

/// What a source means: a file of this build, of another one, or one beside the configuration.
async fn find(doors: &Doors, build: &BuildRef, source: &str) -> Result<PathBuf, Status> {
    let other = source.split_once('/').and_then(|(build, name)| {
        let (builder, number) = build.split_once('#')?;
        let number = number.parse().ok()?;
        Some((BuildRef { builder: BuilderName::from(builder), number }, name.to_owned()))
    });
    let is_other = other.is_some();
    let (of, name) = other.unwrap_or_else(|| (build.clone(), source.to_owned()));
    let shown = of.to_string();
    let found = doors
        .query(move |queries| {
            let Some(build) = queries.build(&of)? else { return Ok(None) };
            queries.artifact(build.id, &name)
        })
        .await?;
    if let Some(found) = found {
        return Ok(doors.artifacts.path(&found.sha256));
    }
    let source = source.escape_debug();
    if is_other {
        let hint = format!("`linn artifacts {shown}` lists what it kept");
        return Err(status::unknown(format!("there is no `{source}`"), &hint));
    }
    let beside = doors.beside.as_deref();
    beside.and_then(|folder| beside_of(folder, &doors.dir, &source.to_string())).ok_or_else(|| {
        status::unknown(
            format!("this build kept no `{source}`, and no such file lies beside master.star"),
            "",
        )
    })
}

/// A file beside the configuration: below its folder, over no link that leaves it, and none of the master's own.
fn beside_of(folder: &Path, state: &Path, source: &str) -> Option<PathBuf> {
    if !Artifact::is_name(source) {
        return None;
    }
    let folder = folder.canonicalize().ok()?;
    let path = folder.join(source).canonicalize().ok()?;
    let ours =
        path.strip_prefix(state).ok().and_then(|below| below.iter().next()).is_some_and(|first| {
            let first = first.to_string_lossy();
            OURS.contains(&first.as_ref()) || first.starts_with("linn.")
        });
    (path.starts_with(&folder) && !ours && path.is_file()).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_the_masters_own_lies_beside_the_configuration() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().canonicalize().unwrap();
        std::fs::create_dir_all(state.join("secrets")).unwrap();
        std::fs::create_dir_all(state.join("tools")).unwrap();
        for name in ["linn.db", "secrets/key", "tools/sign.sh", "plain.txt"] {
            std::fs::write(state.join(name), "x").unwrap();
        }
        std::os::unix::fs::symlink("/etc/passwd", state.join("out")).unwrap();
        std::os::unix::fs::symlink("secrets/key", state.join("near")).unwrap();
        let of = |source: &str| beside_of(&state, &state, source);
        assert!(of("tools/sign.sh").is_some() && of("plain.txt").is_some());
        for bad in ["linn.db", "secrets/key", "out", "near", "../x", "/etc/passwd", "tools", "none"]
        {
            assert!(of(bad).is_none(), "{bad}");
        }
    }
}
