//! What must outlive the process: a folder per command, `DIR/spool/<command>/`.
//!
//! ```text
//! start     the Start message; written by the agent before anybody may run it
//! sock      the supervisor listens here for an agent
//! pid       a symbolic link to PID.START.BOOT of the supervisor: making it claims the command, once
//! 0.log     bytes of log 0 (stdio), as they came; 1.log ... the followed files in the order of their names, the
//!           warnings last
//! 0.spans   where in 0.log the stream or the time changes
//! report    lines that the command appends to `$LINN_REPORT`, if it does; read by the supervisor as they come
//! exit      the Finished message; written beside and renamed
//! ```
//!
//! **What is synced, and why so little.** A dead agent or supervisor loses nothing that it has written: the page cache
//! is the kernel's. Only a power cut of the worker's own machine takes unsynced bytes, and that ends every running
//! command anyway (the boot id has changed: LOST). So a command that ran for less than [`SYNC_AFTER`] is never synced,
//! and costs no disk latency; the result of a longer one is synced, logs first, because work worth that long should
//! survive a power cut that comes before the master has acknowledged it. A result found after a reboot is believed
//! only when its logs are there in full length and with the right digest.
//!
//! **Order of removal.** `start` goes first: a folder without it is rubbish, so a half-removed command is never taken
//! for one that is still to be run.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use linn_proto::worker::{FinalLog, Finished, Start, Stream, start};
use prost::Message;
use sha2::{Digest, Sha256};

use crate::exec::identity::Identity;
use crate::id::CommandId;

/// A command that ran for so long has its logs and result synced to disk.
pub(crate) const SYNC_AFTER: Duration = Duration::from_secs(10);

/// The log that every command has: standard output and error.
pub const STDIO: &str = "stdio";

/// The most pieces that one range is cut into; beyond, the rest has the time of the last.
const MAX_SPANS: usize = 256;

/// One record of a spans file: u64 offset, i64 milliseconds, u64 stream, little-endian.
pub(crate) const SPAN_BYTES: usize = 24;

/// All commands of one worker.
#[derive(Debug, Clone)]
pub(crate) struct Spool {
    root: PathBuf,
}

/// What an earlier agent left for a command.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) start: Start,
    pub(crate) state: FoundState,
}

#[derive(Debug)]
pub(crate) enum FoundState {
    /// It ended and this is the result.
    Finished(Box<Finished>),
    /// Its supervisor lives.
    Running,
    /// Nobody has claimed it: the earlier agent died before it was handed over.
    Unclaimed,
    /// Its supervisor is gone and left no result. `this_boot`: leftovers may still run.
    Lost { this_boot: bool },
}

/// Bytes of a log that came from one stream at one time.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) offset: u64,
    pub(crate) stream: Stream,
    pub(crate) at_ms: i64,
    pub(crate) data: Vec<u8>,
}

impl Spool {
    pub(crate) fn open(dir: &Path) -> io::Result<Self> {
        let root = dir.join("spool");
        // Starts hold secrets that steps are given: nobody else may look.
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&root)?;
        Ok(Self { root })
    }

    pub(crate) fn folder(&self, command: CommandId) -> PathBuf {
        self.root.join(command.to_string())
    }

    /// Makes the command's folder with its start message. Fails when there is one already.
    pub(crate) fn create(&self, start: &Start) -> io::Result<()> {
        let folder = self.folder(CommandId(start.command));
        fs::DirBuilder::new().mode(0o700).create(&folder)?;
        let written = private_file(&folder.join("start"))
            .and_then(|mut file| file.write_all(&start.encode_length_delimited_to_vec()));
        if written.is_err() {
            let _ = fs::remove_dir_all(&folder);
        }
        written
    }

    /// Drops a command for good. What of it cannot be removed now goes at the next start of an agent.
    pub(crate) fn remove(&self, command: CommandId) {
        let folder = self.folder(command);
        let _ = fs::remove_file(folder.join("start"));
        let _ = fs::remove_dir_all(folder);
    }

    /// Everything that earlier agents left, in the order of the ids; rubbish is removed.
    pub(crate) fn found(&self, boot: &str) -> io::Result<Vec<Found>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.root)? {
            let entry = entry?;
            let Some(id) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            match read_start(&entry.path()) {
                Ok(start) if start.command == id => {
                    let state = state(&entry.path(), &start, boot);
                    found.push(Found { start, state });
                }
                _ => self.remove(CommandId(id)),
            }
        }
        found.sort_by_key(|found| found.start.command);
        Ok(found)
    }

    /// The result, if there is one that can be read.
    pub(crate) fn finished(&self, command: CommandId) -> Option<Finished> {
        read_exit(&self.folder(command))
    }

    /// Writes a result on behalf of a supervisor that could not.
    pub(crate) fn write_exit(&self, finished: &Finished) -> io::Result<()> {
        write_exit(&self.folder(CommandId(finished.command)), finished, false)
    }

    /// The bytes `from..to` of log number `index`, cut where stream or time changes.
    pub(crate) fn read(
        &self,
        command: CommandId,
        index: usize,
        from: u64,
        to: u64,
    ) -> io::Result<Vec<Piece>> {
        let folder = self.folder(command);
        let length = usize::try_from(to - from).map_err(|_| io::ErrorKind::InvalidInput)?;
        let mut data = vec![0; length];
        File::open(log_path(&folder, index))?.read_exact_at(&mut data, from)?;
        let spans = spans_between(&folder, index, from, to);
        // Mostly there is a single span: the bytes are then handed on without another copy.
        let mut pieces = Vec::with_capacity(spans.len());
        for (n, span) in spans.iter().enumerate().skip(1).rev() {
            let at = usize::try_from(span.offset - from).unwrap_or(length);
            pieces.push(piece(&spans[n], span.offset, data.split_off(at)));
        }
        pieces.push(piece(&spans[0], from, data));
        pieces.reverse();
        Ok(pieces)
    }

    /// The logs of a command as they lie on disk, for one whose supervisor cannot say any more.
    pub(crate) fn final_logs(&self, start: &Start) -> Vec<FinalLog> {
        let folder = self.folder(CommandId(start.command));
        let logs = log_names(start).into_iter().enumerate();
        logs.map(|(index, name)| {
            let (bytes, sha256) = digest(&log_path(&folder, index));
            FinalLog { name, bytes, dropped: 0, sha256 }
        })
        .collect()
    }
}

/// The names of a command's logs; their positions name the files.
pub(crate) fn log_names(start: &Start) -> Vec<String> {
    let mut names = vec![STDIO.to_owned()];
    if let Some(start::What::Shell(shell)) = &start.what {
        names.extend(shell.logfiles.keys().cloned());
        // Its own, unless a followed file has taken its name.
        let warnings = shell.observe.as_ref().map_or("", |observe| &observe.warning_log);
        if !warnings.is_empty() && !names.iter().any(|name| name == warnings) {
            names.push(warnings.to_owned());
        }
    }
    names
}

/// The file to which the command reports (F21).
pub(crate) fn report_path(folder: &Path) -> PathBuf {
    folder.join("report")
}

/// Where the files of a command's transfer lie: copies of what is uploaded, by position, or what is being fetched.
pub(crate) fn files_folder(folder: &Path) -> PathBuf {
    folder.join("files")
}

pub(crate) fn log_path(folder: &Path, index: usize) -> PathBuf {
    folder.join(format!("{index}.log"))
}

pub(crate) fn spans_path(folder: &Path, index: usize) -> PathBuf {
    folder.join(format!("{index}.spans"))
}

/// Makes a file that only this user may read.
pub(crate) fn private_file(path: &Path) -> io::Result<File> {
    File::options().create(true).truncate(true).write(true).mode(0o600).open(path)
}

/// Takes the command for the supervisor `me`; false when somebody has taken it before. A symbolic link is made whole
/// or not at all, by one system call, and needs no file to be written.
pub(crate) fn claim(folder: &Path, me: &Identity) -> io::Result<bool> {
    match std::os::unix::fs::symlink(me.to_string(), folder.join("pid")) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

/// Who has claimed the command, if anybody.
pub(crate) fn claimant(folder: &Path) -> Option<Identity> {
    fs::read_link(folder.join("pid")).ok()?.to_str()?.parse().ok()
}

pub(crate) fn read_start(folder: &Path) -> io::Result<Start> {
    let bytes = fs::read(folder.join("start"))?;
    // With its length in front, one that was cut short cannot pass for a shorter one.
    Start::decode_length_delimited(bytes.as_slice()).map_err(io::Error::other)
}

/// A command runs once: who has read its start message to run it leaves no secret of it on the disk. What is masked was
/// given as a secret; the rest of such a command (its words, its environment, its input) may hold one. Logs and their names
/// are found as before.
pub(crate) fn forget_secrets(folder: &Path, start: &Start) -> io::Result<()> {
    use linn_proto::worker::files::What::Write;
    let mut kept = start.clone();
    match &mut kept.what {
        Some(start::What::Shell(shell)) if !shell.masked.is_empty() => {
            (shell.argv, shell.env, shell.masked) = (Vec::new(), Vec::new(), Vec::new());
            shell.stdin = Vec::new();
        }
        Some(start::What::Checkout(checkout)) if !checkout.masked.is_empty() => {
            (checkout.env, checkout.masked) = (Vec::new(), Vec::new());
        }
        // What it writes may be a secret, and nobody reads it here again.
        Some(start::What::Files(files)) if matches!(files.what, Some(Write(_))) => {
            files.what = None;
        }
        _ => return Ok(()),
    }
    let beside = folder.join("start.new");
    private_file(&beside)?.write_all(&kept.encode_length_delimited_to_vec())?;
    fs::rename(&beside, folder.join("start"))
}

fn read_exit(folder: &Path) -> Option<Finished> {
    Finished::decode(fs::read(folder.join("exit")).ok()?.as_slice()).ok()
}

/// Writes the result, whole or not at all; `sync` makes it survive a power cut as well.
pub(crate) fn write_exit(folder: &Path, finished: &Finished, sync: bool) -> io::Result<()> {
    let beside = folder.join("exit.new");
    let mut file = private_file(&beside)?;
    file.write_all(&finished.encode_to_vec())?;
    if sync {
        file.sync_all()?;
        // A result without its start message would be taken for rubbish, and so would a folder that is not there.
        File::open(folder.join("start"))?.sync_all()?;
        if let Some(spool) = folder.parent() {
            File::open(spool)?.sync_all()?;
        }
    }
    fs::rename(&beside, folder.join("exit"))?;
    if sync {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

fn state(folder: &Path, start: &Start, boot: &str) -> FoundState {
    let supervisor = claimant(folder);
    let this_boot = supervisor.as_ref().is_none_or(|supervisor| supervisor.boot == boot);
    if let Some(finished) = read_exit(folder)
        && (this_boot || is_whole(folder, start, &finished))
    {
        return FoundState::Finished(Box::new(finished));
    }
    match supervisor {
        None => FoundState::Unclaimed,
        Some(supervisor) if supervisor.is_alive(boot) => FoundState::Running,
        // It may have written its result and ended since the look above.
        Some(_) => match read_exit(folder).filter(|_| this_boot) {
            Some(finished) => FoundState::Finished(Box::new(finished)),
            None => FoundState::Lost { this_boot },
        },
    }
}

/// Whether the logs lie there as the result says, so that it may be believed after a power cut.
fn is_whole(folder: &Path, start: &Start, finished: &Finished) -> bool {
    let names = log_names(start);
    finished.logs.iter().all(|log| {
        names.iter().position(|name| *name == log.name).is_some_and(|index| {
            digest(&log_path(folder, index)) == (log.bytes, log.sha256.clone())
        })
    })
}

/// Length and SHA-256 of a file; those of nothing when it is not there.
fn digest(path: &Path) -> (u64, Vec<u8>) {
    let mut hash = Sha256::new();
    let mut length = 0;
    if let Ok(mut file) = File::open(path) {
        let mut buffer = vec![0; 256 << 10];
        while let Ok(count @ 1..) = file.read(&mut buffer) {
            hash.update(&buffer[..count]);
            length += count as u64;
        }
    }
    (length, hash.finalize().to_vec())
}

#[derive(Debug, Clone, Copy)]
struct Span {
    offset: u64,
    at_ms: i64,
    stream: Stream,
}

fn piece(span: &Span, offset: u64, data: Vec<u8>) -> Piece {
    Piece { offset, stream: span.stream, at_ms: span.at_ms, data }
}

pub(crate) fn encode_span(offset: u64, at_ms: i64, stream: Stream) -> [u8; SPAN_BYTES] {
    let mut record = [0; SPAN_BYTES];
    record[..8].copy_from_slice(&offset.to_le_bytes());
    record[8..16].copy_from_slice(&at_ms.to_le_bytes());
    record[16..].copy_from_slice(&(stream as u64).to_le_bytes());
    record
}

fn decode_span(record: &[u8; SPAN_BYTES]) -> Span {
    let word = |at: usize| {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&record[at..at + 8]);
        u64::from_le_bytes(bytes)
    };
    let stream = if word(16) == Stream::Err as u64 { Stream::Err } else { Stream::Out };
    Span { offset: word(0), at_ms: word(8).cast_signed(), stream }
}

/// The span that `from` lies in and those that begin after it and before `to`, ascending; at least one, and at most
/// [`MAX_SPANS`]. Their loss is cosmetic, so what cannot be read, or makes no sense, counts as one span of the time 0.
fn spans_between(folder: &Path, index: usize, from: u64, to: u64) -> Vec<Span> {
    let unknown = Span { offset: 0, at_ms: 0, stream: Stream::Out };
    read_spans(folder, index, from, to).unwrap_or_else(|_| vec![unknown])
}

fn read_spans(folder: &Path, index: usize, from: u64, to: u64) -> io::Result<Vec<Span>> {
    let file = File::open(spans_path(folder, index))?;
    let count = file.metadata()?.len() / SPAN_BYTES as u64;
    let read = |n: u64| {
        let mut record = [0; SPAN_BYTES];
        file.read_exact_at(&mut record, n * SPAN_BYTES as u64).map(|()| decode_span(&record))
    };
    // The number of spans that begin at or before `from`.
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low + (high - low) / 2;
        if read(middle)?.offset <= from { low = middle + 1 } else { high = middle }
    }
    let mut spans = vec![read(low.checked_sub(1).ok_or(io::ErrorKind::NotFound)?)?];
    let mut last = from;
    for n in low..count {
        let span = read(n)?;
        // A full disk or a power cut leaves torn and zeroed records: from there on the times are not known.
        if span.offset >= to || span.offset <= last || spans.len() == MAX_SPANS {
            break;
        }
        last = span.offset;
        spans.push(span);
    }
    Ok(spans)
}

#[cfg(test)]
#[path = "spool_tests.rs"]
mod tests;
