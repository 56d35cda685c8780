//! Writes the sealed form of a log (its layout is described in [`super::sealed`]) and checks it byte for byte.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use sha2::{Digest, Sha256};
use zstd::bulk::Compressor;
use zstd::zstd_safe::CParameter;

use super::index::Index;
use super::line::Marks;
use super::mark::Marker;
use super::rows::{Rows, encode};
use super::sealed::{FRAME, HEADER, MAGIC, SECTIONS, Sealed, TABLE, TABLE_END};
use super::{LogError, disk};

/// As fast as level 1 on build logs, and a tenth smaller.
const LEVEL: i32 = 3;

/// Packs the `length` bytes of a plain log into a `temporary` file and gives the sealed log, checked against the plain one
/// and durable but for its name. Nothing is left behind when it fails.
pub(super) fn pack(
    plain: &Path,
    length: u64,
    spans: &Rows,
    temporary: &Path,
) -> Result<Sealed, LogError> {
    let result =
        write(plain, length, spans, temporary).and_then(|digest| check(temporary, length, digest));
    if result.is_err() {
        // What remains is swept away at the next start.
        drop(fs::remove_file(temporary));
    }
    result
}

/// Writes the sealed form; gives the digest of what was packed.
fn write(plain: &Path, length: u64, spans: &Rows, out: &Path) -> Result<[u8; 32], LogError> {
    let reading = |error| LogError::io(plain, "read", error);
    let writing = |error| LogError::io(out, "written", error);
    let source = File::open(plain).map_err(reading)?;
    let mut out = Counted { inner: BufWriter::new(File::create(out).map_err(writing)?), count: 0 };
    let mut compressor = Compressor::new(LEVEL).map_err(writing)?;
    compressor.set_parameter(CParameter::ChecksumFlag(true)).map_err(writing)?;

    let (mut index, mut marker, mut digest) = (Index::default(), Marker::default(), Sha256::new());
    let mut table = Vec::new();
    let mut frame = vec![0; FRAME];
    let mut packed = Vec::with_capacity(zstd::zstd_safe::compress_bound(FRAME));
    let mut done = 0;
    while done < length {
        let want = usize::try_from(length - done).unwrap_or(FRAME).min(FRAME);
        let got = disk::read_at(&source, done, &mut frame[..want]).map_err(reading)?;
        if got != want {
            return Err(LogError::Damaged { path: plain.to_owned(), what: "it is cut short" });
        }
        let bytes = &frame[..got];
        index.feed(bytes);
        marker.feed(bytes);
        digest.update(bytes);
        packed.clear();
        let size = compressor.compress_to_buffer(bytes, &mut packed).map_err(writing)?;
        out.write_all(&packed[..size]).map_err(writing)?;
        table.push((size, got));
        done += got as u64;
    }
    let sections = Sections { length, index: &index, spans, marks: &marker.marks(), table: &table };
    sections.write(&mut out).map_err(writing)?;
    let file = out.inner.into_inner().map_err(|error| writing(error.into_error()))?;
    file.sync_all().map_err(writing)?;
    Ok(digest.finalize().into())
}

/// What follows the frames.
struct Sections<'a> {
    length: u64,
    index: &'a Index,
    spans: &'a Rows,
    marks: &'a Marks,
    table: &'a [(usize, usize)],
}

impl Sections<'_> {
    fn write(&self, out: &mut Counted) -> io::Result<()> {
        let index_at = out.section(SECTIONS[0], &encode(&self.index.rows))?;
        let spans_at = out.begin(SECTIONS[1], self.spans.len() * 16)?;
        for nth in 0..self.spans.len() {
            out.write_all(&encode(&[self.spans.get(nth)?]))?;
        }
        let marks = self.marks.errors.iter().chain(&self.marks.warnings);
        let marks: Vec<u8> = marks.flat_map(|line| line.to_le_bytes()).collect();
        let marks_at = out.section(SECTIONS[2], &marks)?;
        let trailer = [
            MAGIC,
            self.length,
            self.index.lines(),
            index_at,
            self.index.rows.len() as u64,
            spans_at,
            self.spans.len(),
            marks_at,
            self.marks.errors.len() as u64,
            self.marks.warnings.len() as u64,
        ];
        let trailer: Vec<u8> = trailer.iter().flat_map(|number| number.to_le_bytes()).collect();
        out.section(SECTIONS[3], &trailer)?;
        out.table(self.table)
    }
}

/// Counts what is written.
struct Counted {
    inner: BufWriter<File>,
    count: u64,
}

impl Counted {
    /// Begins a skippable frame of `size` bytes; gives where its content lies.
    fn begin(&mut self, magic: u32, size: u64) -> io::Result<u64> {
        let size = u32::try_from(size).map_err(|_| io::ErrorKind::FileTooLarge)?;
        self.write_all(&magic.to_le_bytes())?;
        self.write_all(&size.to_le_bytes())?;
        Ok(self.count)
    }

    fn section(&mut self, magic: u32, content: &[u8]) -> io::Result<u64> {
        let at = self.begin(magic, content.len() as u64)?;
        self.write_all(content)?;
        Ok(at)
    }

    /// The seek table of zstd's seekable format: packed and unpacked size of each frame, without checksums.
    fn table(&mut self, frames: &[(usize, usize)]) -> io::Result<()> {
        let mut content = Vec::with_capacity(frames.len() * HEADER + super::sealed::FOOTER);
        let number = |size: usize| u32::try_from(size).map_err(|_| io::ErrorKind::FileTooLarge);
        for (packed, unpacked) in frames {
            content.extend_from_slice(&number(*packed)?.to_le_bytes());
            content.extend_from_slice(&number(*unpacked)?.to_le_bytes());
        }
        content.extend_from_slice(&number(frames.len())?.to_le_bytes());
        content.push(0);
        content.extend_from_slice(&TABLE_END.to_le_bytes());
        self.section(TABLE, &content)?;
        self.inner.flush()
    }
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.count += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Unpacks what was written and compares it with what was packed.
fn check(path: &Path, length: u64, expected: [u8; 32]) -> Result<Sealed, LogError> {
    let damaged = || LogError::Damaged { path: path.to_owned(), what: "it differs from its log" };
    let sealed = Sealed::open(path)?.ok_or_else(damaged)?;
    let (mut digest, mut frame, mut done) = (Sha256::new(), Vec::new(), 0);
    while done < length {
        sealed.unpack(done, &mut frame)?;
        digest.update(&frame);
        done += frame.len() as u64;
    }
    if <[u8; 32]>::from(digest.finalize()) == expected { Ok(sealed) } else { Err(damaged()) }
}
