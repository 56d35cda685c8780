//! When bytes were read and on which stream: one row for each run of bytes, `[offset, time × 2 + stream]`.
//!
//! Losing rows is cosmetic, so they are written without a sync, and dropped rather than heaped up when they cannot be.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;
use std::sync::Arc;

use linn_core::time::Timestamp;

use super::disk;
use super::line::Stream;
use super::rows::{ROW_BYTES, Row, Rows, encode};

/// Runs closer than this on one stream are one: a hostile trickle of single bytes stays small.
const GRAIN_MS: u64 = 10;
/// The most rows kept in memory while they cannot be written.
const MOST_UNWRITTEN: usize = 16 * 1024;

/// The runs of a log that grows.
#[derive(Default, Debug)]
pub(super) struct Spans {
    pub(super) rows: Rows,
    last: Option<u64>,
}

impl Spans {
    /// Reads what an earlier process wrote, up to the length that the log has; what is torn or runs backwards is dropped.
    pub(super) fn open(path: &Path, length: u64) -> io::Result<Self> {
        let file = match OpenOptions::new().read(true).write(true).open(path) {
            Ok(file) => Arc::new(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error),
        };
        let written = file.metadata()?.len() / ROW_BYTES;
        let all = Rows { file: Some(file), base: 0, stored: written, tail: Vec::new() };
        let mut before: Option<Row> = None;
        let mut good = 0;
        while good < written {
            let row = all.get(good)?;
            let ordered = before.is_none_or(|b| b[0] < row[0] && b[1] >> 1 <= row[1] >> 1);
            if row[0] >= length || !ordered || (good == 0 && row[0] != 0) {
                break;
            }
            before = Some(row);
            good += 1;
        }
        Ok(Self { last: before.map(|row| row[1]), rows: Rows { stored: good, ..all } })
    }

    /// Bytes from `offset` on were read then. Time never steps back inside a log.
    pub(super) fn note(&mut self, offset: u64, stream: Stream, at: Timestamp) {
        let at = u64::try_from(at.0).unwrap_or(0).min(u64::MAX >> 1);
        let err = u64::from(stream == Stream::Err);
        let stamp = match self.last {
            None => at << 1 | err,
            Some(last) => {
                let at = at.max(last >> 1);
                if last & 1 == err && at - (last >> 1) < GRAIN_MS {
                    return;
                }
                at << 1 | err
            }
        };
        if self.rows.tail.len() < MOST_UNWRITTEN {
            self.last = Some(stamp);
            self.rows.tail.push([offset, stamp]);
        }
    }

    /// What is still to be written, and where.
    pub(super) fn unwritten(&self) -> Option<Unwritten> {
        if self.rows.tail.is_empty() {
            return None;
        }
        Some(Unwritten {
            file: self.rows.file.clone(),
            offset: self.rows.stored * ROW_BYTES,
            bytes: encode(&self.rows.tail),
            rows: self.rows.tail.len(),
        })
    }

    /// `rows` of the unwritten ones now are in `file`.
    pub(super) fn written(&mut self, file: Arc<File>, rows: usize) {
        let rows = rows.min(self.rows.tail.len());
        self.rows.file = Some(file);
        self.rows.stored += rows as u64;
        self.rows.tail.drain(..rows);
    }
}

/// Rows on their way to the file.
pub(super) struct Unwritten {
    file: Option<Arc<File>>,
    offset: u64,
    bytes: Vec<u8>,
    /// How many.
    pub(super) rows: usize,
}

impl Unwritten {
    /// Writes them; the file is made by the first.
    pub(super) fn write(&self, path: &Path) -> io::Result<Arc<File>> {
        let file = match &self.file {
            Some(file) => file.clone(),
            None => Arc::new(
                OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path)?,
            ),
        };
        disk::write_at(&file, self.offset, &self.bytes)?;
        Ok(file)
    }
}

/// When and on which stream the byte at `offset` came; `None`: unknown.
pub(super) fn moment(rows: &Rows, offset: u64) -> io::Result<Option<(Timestamp, Stream)>> {
    Ok(rows.last_where(|row| row[0] <= offset)?.map(|[_, stamp]| {
        let stream = if stamp & 1 == 1 { Stream::Err } else { Stream::Out };
        (Timestamp(i64::try_from(stamp >> 1).unwrap_or(i64::MAX)), stream)
    }))
}

/// The first byte read at or after `at`; `None`: none was.
pub(super) fn first_since(rows: &Rows, at: Timestamp) -> io::Result<Option<u64>> {
    let at = u64::try_from(at.0).unwrap_or(0);
    let before = rows.partition(|row| row[1] >> 1 < at)?;
    if before == rows.len() { Ok(None) } else { Ok(Some(rows.get(before)?[0])) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_merge_and_survive() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.spans");
        let mut spans = Spans::default();
        spans.note(0, Stream::Out, Timestamp(1000));
        spans.note(10, Stream::Out, Timestamp(1005));
        spans.note(20, Stream::Err, Timestamp(1006));
        spans.note(30, Stream::Out, Timestamp(900));
        spans.note(40, Stream::Out, Timestamp(2000));
        assert_eq!(spans.rows.len(), 4);
        let unwritten = spans.unwritten().unwrap();
        spans.note(50, Stream::Out, Timestamp(3000));
        spans.written(unwritten.write(&path).unwrap(), unwritten.rows);
        assert_eq!(spans.rows.tail.len(), 1);
        let again = Spans::open(&path, 35).unwrap();
        assert_eq!(again.rows.stored, 3, "what is beyond the length is dropped");
        for (offset, at, stream) in [
            (0, 1000, Stream::Out),
            (19, 1000, Stream::Out),
            (29, 1006, Stream::Err),
            (34, 1006, Stream::Out),
        ] {
            assert_eq!(moment(&again.rows, offset).unwrap(), Some((Timestamp(at), stream)));
        }
        assert_eq!(first_since(&spans.rows, Timestamp(1500)).unwrap(), Some(40));
        assert_eq!(first_since(&spans.rows, Timestamp(9000)).unwrap(), None);
    }
}
