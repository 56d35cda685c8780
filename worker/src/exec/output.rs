//! What a command writes, on its way to the spool: masked, cut at the limit, hashed, timed.
//!
//! Bytes are kept exactly as they came (NUL, invalid UTF-8, lines of any length); only masked texts are replaced.
//! Files are made with the first byte: a command that prints nothing costs none.

use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;

use linn_proto::worker::{FinalLog, Stream};
use sha2::{Digest, Sha256};

use crate::clock::now_ms;
use crate::exec::mask::{Masker, Words};
use crate::observe::Observer;
use crate::spool;

/// The most that is kept for `capture`.
const CAPTURE_BYTES: usize = 64 << 10;

/// Within so long the bytes of one stream share one time.
const SPAN_MS: i64 = 10;

/// All logs of a command.
#[derive(Debug)]
pub(crate) struct Logs {
    folder: PathBuf,
    logs: Vec<Log>,
    pub(crate) words: Words,
    max_bytes: u64,
    total: u64,
    captured: Option<Captured>,
    scratch: Vec<u8>,
    /// Looks at what comes, masked as it is kept.
    pub(crate) observer: Observer,
    /// The log to which counted warnings are copied.
    warnings: Option<usize>,
}

/// The beginning of what a program wrote, by stream.
#[derive(Debug, Default)]
pub(crate) struct Captured {
    pub(crate) out: Vec<u8>,
    pub(crate) err: Vec<u8>,
}

#[derive(Debug)]
struct Log {
    name: String,
    files: Option<Files>,
    length: u64,
    dropped: u64,
    hash: Sha256,
    span: Option<(Stream, i64)>,
}

#[derive(Debug)]
struct Files {
    bytes: File,
    spans: File,
}

impl Logs {
    /// `max_bytes` of one log are kept, 0 means all; `capture`: keep the first output in memory too.
    pub(crate) fn new(
        folder: PathBuf,
        names: Vec<String>,
        words: Words,
        max_bytes: u64,
        capture: bool,
    ) -> Self {
        let log = |name| Log {
            name,
            files: None,
            length: 0,
            dropped: 0,
            hash: Sha256::new(),
            span: None,
        };
        Self {
            folder,
            logs: names.into_iter().map(log).collect(),
            words,
            max_bytes: if max_bytes == 0 { u64::MAX } else { max_bytes },
            total: 0,
            captured: capture.then(Captured::default),
            scratch: Vec::new(),
            observer: Observer::default(),
            warnings: None,
        }
    }

    /// Looks for things in what comes from now on; warnings are copied to the log of this name.
    pub(crate) fn observe(&mut self, observer: Observer, warning_log: &str) {
        self.observer = observer;
        self.warnings = self.logs.iter().position(|log| log.name == warning_log);
    }

    /// The log of warnings, if there is one.
    pub(crate) fn warnings(&self) -> Option<usize> {
        self.warnings
    }

    /// Nothing more comes of a command that began at `started_ms`; 0: it never did.
    pub(crate) fn end_observing(&mut self, started_ms: i64) -> io::Result<()> {
        let copy = self.observer.end(started_ms);
        self.copy_warnings(copy)
    }

    fn copy_warnings(&mut self, copy: Option<Vec<u8>>) -> io::Result<()> {
        match (copy, self.warnings) {
            (Some(copy), Some(log)) => self.keep(log, Stream::Out, &copy),
            _ => Ok(()),
        }
    }

    /// Bytes on disk, over all logs.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    pub(crate) fn name(&self, log: usize) -> &str {
        &self.logs[log].name
    }

    pub(crate) fn length(&self, log: usize) -> u64 {
        self.logs[log].length
    }

    pub(crate) fn words(&self) -> &Words {
        &self.words
    }

    /// Takes what one source of a log gave.
    pub(crate) fn feed(
        &mut self,
        log: usize,
        stream: Stream,
        masker: &mut Masker,
        bytes: &[u8],
    ) -> io::Result<()> {
        if self.words.is_empty() {
            return self.append(log, stream, bytes);
        }
        let mut masked = std::mem::take(&mut self.scratch);
        masker.feed(&self.words, bytes, &mut masked);
        self.append_scratch(log, stream, masked)
    }

    /// A source of a log has ended.
    pub(crate) fn end(
        &mut self,
        log: usize,
        stream: Stream,
        masker: &mut Masker,
    ) -> io::Result<()> {
        let mut masked = std::mem::take(&mut self.scratch);
        masker.end(&self.words, &mut masked);
        self.append_scratch(log, stream, masked)
    }

    fn append_scratch(
        &mut self,
        log: usize,
        stream: Stream,
        mut masked: Vec<u8>,
    ) -> io::Result<()> {
        let appended = self.append(log, stream, &masked);
        masked.clear();
        self.scratch = masked;
        appended
    }

    /// Appends to a log, and looks at what is appended.
    fn append(&mut self, index: usize, stream: Stream, bytes: &[u8]) -> io::Result<()> {
        self.keep(index, stream, bytes)?;
        let copy = self.observer.feed(index, stream, bytes);
        self.copy_warnings(copy)
    }

    /// Appends to a log and to what is captured.
    fn keep(&mut self, index: usize, stream: Stream, bytes: &[u8]) -> io::Result<()> {
        let log = &mut self.logs[index];
        let room = self.max_bytes - log.length;
        let kept = &bytes[..bytes.len().min(usize::try_from(room).unwrap_or(usize::MAX))];
        if !kept.is_empty() {
            log.append(&self.folder, index, stream, kept)?;
            self.total += kept.len() as u64;
        }
        log.dropped += (bytes.len() - kept.len()) as u64;
        if let Some(captured) = self.captured.as_mut().filter(|_| index == 0) {
            let captured =
                if stream == Stream::Err { &mut captured.err } else { &mut captured.out };
            let room = CAPTURE_BYTES - captured.len();
            captured.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
        Ok(())
    }

    /// Makes the logs survive a power cut.
    pub(crate) fn sync(&self) -> io::Result<()> {
        let mut files = self.logs.iter().filter_map(|log| log.files.as_ref());
        files.try_for_each(|files| files.bytes.sync_data().and_then(|()| files.spans.sync_data()))
    }

    /// Lengths and digests, and what was captured.
    pub(crate) fn finish(&mut self) -> (Vec<FinalLog>, Captured) {
        let logs = self.logs.iter().map(|log| FinalLog {
            name: log.name.clone(),
            bytes: log.length,
            dropped: log.dropped,
            sha256: log.hash.clone().finalize().to_vec(),
        });
        (logs.collect(), self.captured.take().unwrap_or_default())
    }
}

impl Log {
    fn append(
        &mut self,
        folder: &std::path::Path,
        index: usize,
        stream: Stream,
        bytes: &[u8],
    ) -> io::Result<()> {
        if self.files.is_none() {
            self.files = Some(Files {
                bytes: spool::private_file(&spool::log_path(folder, index))?,
                spans: spool::private_file(&spool::spans_path(folder, index))?,
            });
        }
        let Some(files) = self.files.as_mut() else { return Ok(()) };
        let at_ms = now_ms();
        let same_span = self
            .span
            .is_some_and(|(of, since)| of == stream && (since..since + SPAN_MS).contains(&at_ms));
        if !same_span {
            files.spans.write_all(&spool::encode_span(self.length, at_ms, stream))?;
            self.span = Some((stream, at_ms));
        }
        // Counted piece by piece: when the disk fills in the middle, what was written is still in the digest.
        let mut rest = bytes;
        while !rest.is_empty() {
            let count = match files.bytes.write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            self.hash.update(&rest[..count]);
            self.length += count as u64;
            rest = &rest[count..];
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logs(dir: &std::path::Path, max_bytes: u64, words: &[&str]) -> Logs {
        let words = Words::new(words.iter().map(|word| word.as_bytes()));
        Logs::new(dir.to_owned(), vec!["stdio".into()], words, max_bytes, true)
    }

    #[test]
    fn the_first_bytes_are_kept_and_the_rest_is_counted() {
        let dir = tempfile::tempdir().unwrap();
        let mut logs = logs(dir.path(), 10, &[]);
        let mut masker = Masker::default();
        for chunk in [b"123456".as_slice(), b"789\0abc", b"more"] {
            logs.feed(0, Stream::Out, &mut masker, chunk).unwrap();
        }
        let (done, captured) = logs.finish();
        assert_eq!((done[0].bytes, done[0].dropped), (10, 7));
        assert_eq!(std::fs::read(spool::log_path(dir.path(), 0)).unwrap(), b"123456789\0");
        assert_eq!(done[0].sha256, Sha256::digest(b"123456789\0").to_vec());
        assert_eq!(captured.out, b"123456789\0abcmore");
    }

    #[test]
    fn a_command_that_prints_nothing_makes_no_file() {
        let dir = tempfile::tempdir().unwrap();
        let (done, _) = logs(dir.path(), 0, &[]).finish();
        assert_eq!((done[0].bytes, done[0].sha256.clone()), (0, Sha256::digest(b"").to_vec()));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_secret_reaches_neither_disk_nor_capture() {
        let dir = tempfile::tempdir().unwrap();
        let mut logs = logs(dir.path(), 0, &["hunter2"]);
        let mut masker = Masker::default();
        for chunk in [b"pw=hunt".as_slice(), b"er2 ok hunt"] {
            logs.feed(0, Stream::Out, &mut masker, chunk).unwrap();
        }
        logs.end(0, Stream::Out, &mut masker).unwrap();
        let (_, captured) = logs.finish();
        assert_eq!(captured.out, b"pw=*** ok hunt");
        assert_eq!(std::fs::read(spool::log_path(dir.path(), 0)).unwrap(), b"pw=*** ok hunt");
    }
}
