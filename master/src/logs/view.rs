//! A log as it was at one moment, to be read from anywhere in it: plain or sealed, on the disk or still in memory.

use std::fs::File;
use std::sync::Arc;

use linn_core::time::Timestamp;

use super::entry::{Entry, Stage};
use super::line::{Lengths, Line, Marks, Stream};
use super::rows::{Row, Rows};
use super::sealed::{FRAME, Sealed};
use super::store::lock;
use super::{LogError, MAX_TEXT, disk, lines::Lines, span};

/// A log at one moment. Blocking.
pub(super) struct View {
    entry: Arc<Entry>,
    /// Its lengths at that moment.
    pub(super) lengths: Lengths,
    spans: Rows,
    body: Body,
}

enum Body {
    Plain {
        file: Option<Arc<File>>,
        written: u64,
        flushing: Arc<Vec<u8>>,
        pending: Vec<u8>,
    },
    Sealed {
        sealed: Arc<Sealed>,
        /// The frame unpacked last, and its number.
        frame: Vec<u8>,
        nth: Option<u64>,
    },
}

impl View {
    /// Looks at a log.
    pub(super) fn of(entry: &Arc<Entry>) -> Result<Self, LogError> {
        entry.open()?;
        let stage = lock(&entry.stage);
        let (lengths, spans, body) = match &*stage {
            Stage::Plain(plain) => (
                plain.lengths(),
                plain.spans.rows.clone(),
                Body::Plain {
                    file: plain.file.clone(),
                    written: plain.written,
                    flushing: plain.flushing.clone(),
                    pending: plain.pending.clone(),
                },
            ),
            Stage::Sealed(sealed) => (
                Lengths { bytes: sealed.bytes, lines: sealed.lines, complete: true },
                sealed.spans.clone(),
                Body::Sealed { sealed: sealed.clone(), frame: Vec::new(), nth: None },
            ),
            Stage::Unopened | Stage::Removed => (
                Lengths::default(),
                Rows::default(),
                Body::Plain {
                    file: None,
                    written: 0,
                    flushing: Arc::default(),
                    pending: Vec::new(),
                },
            ),
        };
        drop(stage);
        Ok(Self { entry: entry.clone(), lengths, spans, body })
    }

    fn failed(&self, error: std::io::Error) -> LogError {
        LogError::io(&self.entry.log_path(), "read", error)
    }

    /// Reads from a place; gives how much, which is less than asked for only at the end.
    pub(super) fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, LogError> {
        let mut done = 0;
        while done < buffer.len() {
            match self.read_some(offset + done as u64, &mut buffer[done..])? {
                0 => break,
                got => done += got,
            }
        }
        Ok(done)
    }

    /// Reads from the one part that holds `offset`.
    fn read_some(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, LogError> {
        let left = self.lengths.bytes.saturating_sub(offset);
        let want = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let buffer = &mut buffer[..want];
        if buffer.is_empty() {
            return Ok(0);
        }
        match &mut self.body {
            Body::Plain { file, written, flushing, pending } => {
                if let Some(file) = file.as_deref().filter(|_| offset < *written) {
                    let want = usize::try_from(*written - offset).unwrap_or(want).min(want);
                    return disk::read_at(file, offset, &mut buffer[..want])
                        .map_err(|error| self.failed(error));
                }
                let in_memory = usize::try_from(offset - *written).unwrap_or(usize::MAX);
                let from =
                    flushing.get(in_memory..).filter(|rest| !rest.is_empty()).or_else(|| {
                        in_memory.checked_sub(flushing.len()).and_then(|at| pending.get(at..))
                    });
                Ok(copy(from.unwrap_or_default(), buffer))
            }
            Body::Sealed { sealed, frame, nth } => {
                let wanted = offset / FRAME as u64;
                if *nth != Some(wanted) {
                    *nth = None;
                    sealed.unpack(offset, frame)?;
                    *nth = Some(wanted);
                }
                let at = usize::try_from(offset % FRAME as u64).unwrap_or_default();
                Ok(copy(frame.get(at..).unwrap_or_default(), buffer))
            }
        }
    }

    /// A place at or before the beginning of a line (from 0): `[offset, line]`.
    pub(super) fn anchor_of_line(&self, line: u64) -> Result<Row, LogError> {
        self.entry.anchor(|row| row[1] <= line)
    }

    /// The last indexed beginning of a line at or before a byte.
    pub(super) fn anchor_of_offset(&self, offset: u64) -> Result<Row, LogError> {
        self.entry.anchor(|row| row[0] <= offset)
    }

    /// When a byte was read, and on which stream.
    pub(super) fn moment(&self, offset: u64) -> Result<Option<(Timestamp, Stream)>, LogError> {
        span::moment(&self.spans, offset).map_err(|error| self.failed(error))
    }

    /// The first byte read at or after a time.
    pub(super) fn first_since(&self, at: Timestamp) -> Result<Option<u64>, LogError> {
        span::first_since(&self.spans, at).map_err(|error| self.failed(error))
    }

    /// The line (number from 0) that begins at a place.
    pub(super) fn line_at(&mut self, number: u64, offset: u64) -> Result<Option<Line>, LogError> {
        let Some(raw) = Lines::new(self, [offset, number]).next(MAX_TEXT)? else { return Ok(None) };
        self.dated(raw).map(Some)
    }

    /// Adds time and stream to a line that was read.
    pub(super) fn dated(&self, raw: super::lines::Raw) -> Result<Line, LogError> {
        let moment = self.moment(raw.offset)?;
        Ok(Line {
            number: raw.number + 1,
            at: moment.map(|(at, _)| at),
            err: moment.is_some_and(|(_, stream)| stream == Stream::Err),
            cut: raw.length > raw.text.len() as u64,
            text: raw.text,
        })
    }

    /// Its errors and warnings.
    pub(super) fn marks(&self) -> Result<Marks, LogError> {
        if let Body::Sealed { sealed, .. } = &self.body {
            return sealed.marks();
        }
        Ok(match &*lock(&self.entry.stage) {
            Stage::Plain(plain) => plain.marker.marks(),
            Stage::Sealed(sealed) => return sealed.marks(),
            Stage::Unopened | Stage::Removed => Marks::default(),
        })
    }
}

fn copy(from: &[u8], to: &mut [u8]) -> usize {
    let count = from.len().min(to.len());
    to[..count].copy_from_slice(&from[..count]);
    count
}
