//! A sealed log: one `.log.zst` file that `zstd -d` reads, with everything needed to read it from any line.
//!
//! ```text
//! zstd frames       256 KiB of the log each, every one by itself, with a checksum
//! skippable frame   the line index     rows of two u64
//! skippable frame   the times          rows of two u64
//! skippable frame   the marks          u64 line numbers, errors then warnings
//! skippable frame   the trailer        where those are, and how long the log is
//! skippable frame   the frame table    the seek table of zstd's own seekable format
//! ```
//!
//! Numbers are little-endian. The file is written whole, checked, and only then takes the name; it never changes.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::rows::Rows;
use super::{LogError, disk, line::Marks};

/// Bytes of the log in a frame: one is unpacked in half a millisecond, and costs a tenth more room than one stream.
pub(super) const FRAME: usize = 256 * 1024;
/// Skippable frames: index, times, marks, trailer.
pub(super) const SECTIONS: [u32; 4] = [0x184D_2A50, 0x184D_2A51, 0x184D_2A52, 0x184D_2A53];
/// The skippable frame of the seek table, its last number, and the bytes of its footer.
pub(super) const TABLE: u32 = 0x184D_2A5E;
pub(super) const TABLE_END: u32 = 0x8F92_EAB1;
pub(super) const FOOTER: usize = 9;
/// The trailer begins with this; the digit is its version.
pub(super) const MAGIC: u64 = u64::from_le_bytes(*b"linnlog1");
/// Magic, bytes, lines, index offset and rows, times offset and rows, marks offset, errors, warnings.
pub(super) const TRAILER: usize = 10 * 8;
/// Magic number and length before what a skippable frame holds.
pub(super) const HEADER: usize = 8;
/// The most frames that are believed: a log of 256 TiB.
const MAX_FRAMES: u64 = 1 << 30;

/// A sealed log, open.
#[derive(Debug)]
pub(super) struct Sealed {
    path: PathBuf,
    file: Arc<File>,
    /// Length of the log.
    pub(super) bytes: u64,
    /// Its lines.
    pub(super) lines: u64,
    /// As in [`super::index`].
    pub(super) index: Rows,
    /// As in [`super::span`].
    pub(super) spans: Rows,
    marks: (u64, u64, u64),
    /// Where each frame begins in the file; one more than there are frames.
    frames: Vec<u64>,
}

impl Sealed {
    /// The same file under the name that it is given now.
    pub(super) fn named(self, path: &Path) -> Self {
        Self { path: path.to_owned(), ..self }
    }

    /// Whether it has all that a plain log beside it has. A longer one went on after it was packed, and counts instead.
    pub(super) fn covers(&self, plain: &Path) -> Result<bool, LogError> {
        match fs::metadata(plain) {
            Ok(meta) => Ok(meta.len() <= self.bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
            Err(error) => Err(LogError::io(plain, "read", error)),
        }
    }

    /// Opens a sealed log; `None`: there is none.
    pub(super) fn open(path: &Path) -> Result<Option<Self>, LogError> {
        let file = match File::open(path) {
            Ok(file) => Arc::new(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(LogError::io(path, "read", error)),
        };
        let damaged = |what| LogError::Damaged { path: path.to_owned(), what };
        let failed = |error| LogError::io(path, "read", error);
        let length = file.metadata().map_err(failed)?.len();
        let read = |from: Option<u64>, count: usize| -> Result<Vec<u8>, LogError> {
            // A damaged footer may claim gigabytes: they are believed only where the file has them.
            let from = from.ok_or_else(|| damaged("it is cut short"))?;
            let mut bytes = vec![0; count];
            let got = disk::read_at(&file, from, &mut bytes).map_err(failed)?;
            if got == count { Ok(bytes) } else { Err(damaged("it is cut short")) }
        };

        let footer = read(length.checked_sub(FOOTER as u64), FOOTER)?;
        let count = u64::from(u32_at(&footer, 0));
        if u32_at(&footer, 5) != TABLE_END || footer[4] != 0 || count > MAX_FRAMES {
            return Err(damaged("it has no frame table"));
        }
        let table_bytes = count * 8;
        let table_at = length.checked_sub(FOOTER as u64 + table_bytes);
        let table = read(table_at, usize::try_from(table_bytes).unwrap_or(usize::MAX))?;
        let trailer_at = table_at.and_then(|at| at.checked_sub((HEADER + TRAILER) as u64));
        let trailer = read(trailer_at, TRAILER)?;
        let number = |nth: usize| u64_at(&trailer, nth * 8);
        if number(0) != MAGIC {
            return Err(damaged("it has no trailer that this linn knows"));
        }

        let mut frames = vec![0_u64];
        let mut bytes = 0_u64;
        for entry in table.chunks_exact(8) {
            let end = frames.last().copied().unwrap_or_default() + u64::from(u32_at(entry, 0));
            frames.push(end);
            bytes += u64::from(u32_at(entry, 4));
        }
        let whole = count == number(1).div_ceil(FRAME as u64) && bytes == number(1);
        if !whole || frames.last().is_some_and(|end| *end > length) {
            return Err(damaged("its frame table does not fit"));
        }
        let rows = |offset: u64, stored: u64| -> Result<Rows, LogError> {
            let fits = stored.checked_mul(16).and_then(|size| size.checked_add(offset));
            if fits.is_none_or(|end| end > length) {
                return Err(damaged("its trailer does not fit"));
            }
            Ok(Rows { file: Some(file.clone()), base: offset, stored, tail: Vec::new() })
        };
        let marks = (number(7), number(8), number(9));
        if marks.1.max(marks.2) > 2 * super::MAX_MARKS as u64 {
            return Err(damaged("its trailer does not fit"));
        }
        Ok(Some(Self {
            path: path.to_owned(),
            bytes,
            lines: number(2),
            index: rows(number(3), number(4))?,
            spans: rows(number(5), number(6))?,
            marks,
            frames,
            file,
        }))
    }

    /// Unpacks the frame that holds a byte of the log into `frame`.
    pub(super) fn unpack(&self, offset: u64, frame: &mut Vec<u8>) -> Result<(), LogError> {
        let damaged = |what| LogError::Damaged { path: self.path.clone(), what };
        let nth = usize::try_from(offset / FRAME as u64).unwrap_or(usize::MAX);
        let (Some(from), Some(to)) = (self.frames.get(nth), self.frames.get(nth + 1)) else {
            return Err(damaged("a frame is missing"));
        };
        let mut packed = vec![0; usize::try_from(to - from).unwrap_or_default()];
        let got = disk::read_at(&self.file, *from, &mut packed)
            .map_err(|error| LogError::io(&self.path, "read", error))?;
        let expected = (self.bytes - nth as u64 * FRAME as u64).min(FRAME as u64);
        frame.resize(usize::try_from(expected).unwrap_or(FRAME), 0);
        let unpacked = zstd::bulk::decompress_to_buffer(&packed[..got], frame.as_mut_slice())
            .map_err(|_| damaged("a frame cannot be unpacked"))?;
        if unpacked as u64 == expected { Ok(()) } else { Err(damaged("a frame is short")) }
    }

    /// The marks found when it was sealed.
    pub(super) fn marks(&self) -> Result<Marks, LogError> {
        let (offset, errors, warnings) = self.marks;
        let mut bytes = vec![0; usize::try_from((errors + warnings) * 8).unwrap_or_default()];
        let got = disk::read_at(&self.file, offset, &mut bytes)
            .map_err(|error| LogError::io(&self.path, "read", error))?;
        let mut numbers = bytes[..got].chunks_exact(8).map(|eight| u64_at(eight, 0));
        let errors: Vec<u64> =
            numbers.by_ref().take(usize::try_from(errors).unwrap_or_default()).collect();
        Ok(Marks { errors, warnings: numbers.collect(), marked_to: self.lines })
    }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut four = [0; 4];
    four.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(four)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut eight = [0; 8];
    eight.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(eight)
}
