//! Files on their way between the spool and the master: resumed after a cut, checked by their digest.
//!
//! An upload is sent when its command has ended here; the master takes the end when it has every file. A download is fetched
//! before its command is begun. Both belong to the agent and to one link: a new link begins them again, from where the other
//! side is.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use linn_proto::worker::worker_client::WorkerClient;
use linn_proto::worker::{FetchRequest, FileChunk, StoredFile};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::MetadataValue;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};

use crate::id::CommandId;
use crate::link::SESSION_METADATA;
use crate::spool;

/// A call that failed is made again after so long.
const AGAIN: Duration = Duration::from_millis(500);
/// Pieces between the file and the wire.
const QUEUE: usize = 4;

/// A link on which files can go.
#[derive(Clone, Debug)]
pub(crate) struct Wire {
    pub(crate) client: WorkerClient<Channel>,
    pub(crate) session: u64,
}

impl Wire {
    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.metadata_mut().insert(SESSION_METADATA, MetadataValue::from(self.session));
        request
    }
}

/// Sends all files of an ended upload, until the master has every one. Whoever has no use for it any more drops it.
pub(crate) async fn send(wire: Wire, id: CommandId, files: Vec<StoredFile>, folder: PathBuf) {
    let copies = spool::files_folder(&folder);
    for (nth, file) in files.iter().enumerate() {
        let copy = copies.join(nth.to_string());
        while let Err(why) = send_one(&wire, id, file, &copy).await {
            tracing::warn!("command {id}: a file cannot be sent yet: {}", why.message());
            tokio::time::sleep(AGAIN).await;
        }
    }
}

async fn send_one(
    wire: &Wire,
    id: CommandId,
    file: &StoredFile,
    copy: &Path,
) -> Result<(), Status> {
    let (pieces, stream) = mpsc::channel(QUEUE);
    let chunk = |offset, data: Vec<u8>| FileChunk {
        command: id.0,
        sha256: file.sha256.clone(),
        size: file.bytes,
        offset,
        data: data.into(),
    };
    let gone = |_| Status::unavailable("the stream was closed");
    pieces.send(chunk(0, Vec::new())).await.map_err(gone)?;
    let mut client = wire.client.clone();
    let mut replies = client.store(wire.request(ReceiverStream::new(stream))).await?.into_inner();
    let ended = || Status::unavailable("the master ended the stream");
    let first = replies.message().await?.ok_or_else(ended)?;
    if first.whole {
        return Ok(());
    }
    let read = |error: io::Error| Status::internal(format!("a copy cannot be read: {error}"));
    let mut at = first.stored_to.min(file.bytes);
    let mut from = File::open(copy).map_err(read)?;
    from.seek(SeekFrom::Start(at)).map_err(read)?;
    while at < file.bytes {
        let mut data = vec![0; linn_proto::MAX_LOG_PIECE_BYTES];
        let count = from.read(&mut data).map_err(read)?;
        if count == 0 {
            return Err(read(io::ErrorKind::UnexpectedEof.into()));
        }
        data.truncate(count);
        if pieces.send(chunk(at, data)).await.is_err() {
            break;
        }
        at += count as u64;
    }
    drop(pieces);
    while let Some(reply) = replies.message().await? {
        if reply.whole {
            return Ok(());
        }
    }
    Err(ended())
}

/// Fetches the file of a download into the spool; what cannot be had is written there as a sentence.
pub(crate) async fn fetch(wire: Wire, id: CommandId, folder: PathBuf) {
    loop {
        let why = match fetch_once(&wire, id, &folder).await {
            Ok(()) => return,
            Err(status) => match status.code() {
                Code::NotFound
                | Code::InvalidArgument
                | Code::FailedPrecondition
                | Code::Unimplemented => {
                    let kept = fs::write(error_path(&folder), status.message());
                    if kept.is_ok() {
                        return;
                    }
                    "the worker cannot write to its spool".to_owned()
                }
                _ => status.message().to_owned(),
            },
        };
        tracing::warn!("command {id}: its file cannot be fetched yet: {why}");
        tokio::time::sleep(AGAIN).await;
    }
}

async fn fetch_once(wire: &Wire, id: CommandId, folder: &Path) -> Result<(), Status> {
    let failed = |error: io::Error| Status::internal(format!("the worker cannot keep it: {error}"));
    fs::create_dir_all(spool::files_folder(folder)).map_err(failed)?;
    if whole_path(folder).exists() {
        return Ok(());
    }
    let part = part_path(folder);
    let digest_file = part.with_extension("sha256");
    let known = fs::read(&digest_file).unwrap_or_default();
    let offset = fs::metadata(&part).map_or(0, |found| found.len());
    let request = FetchRequest { command: id.0, offset, sha256: known.clone() };
    let mut pieces = wire.client.clone().fetch(wire.request(request)).await?.into_inner();
    let mut told: Option<(Vec<u8>, u64)> = None;
    let mut file =
        File::options().create(true).truncate(false).write(true).open(&part).map_err(failed)?;
    while let Some(piece) = pieces.message().await? {
        if told.is_none() {
            fs::write(&digest_file, &piece.sha256).map_err(failed)?;
            file.set_len(piece.offset.min(offset)).map_err(failed)?;
            file.seek(SeekFrom::End(0)).map_err(failed)?;
            told = Some((piece.sha256.clone(), piece.size));
        }
        file.write_all(&piece.data).map_err(failed)?;
    }
    let Some((sha256, size)) = told else {
        return Err(Status::unavailable("the master sent nothing"));
    };
    let there = file.metadata().map_err(failed)?.len();
    if there < size {
        return Err(Status::unavailable("the master ended the stream"));
    }
    let whole = part.clone();
    let digest = tokio::task::spawn_blocking(move || digest_of(&whole)).await;
    let digest =
        digest.unwrap_or_else(|_| Err(io::ErrorKind::Interrupted.into())).map_err(failed)?;
    if digest != sha256 {
        let _ = fs::remove_file(&part);
        return Err(Status::unavailable("what came is not what its digest says; again"));
    }
    fs::rename(&part, whole_path(folder)).map_err(failed)
}

fn digest_of(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            return Ok(digest.finalize().to_vec());
        }
        digest.update(&buffer[..count]);
    }
}

/// The file of a download that was fetched, or why there is none.
pub(crate) fn fetched(folder: &Path) -> Result<PathBuf, String> {
    let whole = whole_path(folder);
    if whole.is_file() {
        return Ok(whole);
    }
    let why = fs::read_to_string(error_path(folder));
    Err(why.unwrap_or_else(|_| "the file was not fetched".to_owned()))
}

fn whole_path(folder: &Path) -> PathBuf {
    spool::files_folder(folder).join("whole")
}

fn part_path(folder: &Path) -> PathBuf {
    spool::files_folder(folder).join("part")
}

fn error_path(folder: &Path) -> PathBuf {
    spool::files_folder(folder).join("error")
}
