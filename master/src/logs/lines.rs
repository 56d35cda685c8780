//! Walks through a log: line by line for windows, many whole lines at once for searches. Memory is bounded whatever the
//! lines are like.

use memchr::{memchr, memchr_iter, memrchr};

use super::LogError;
use super::rows::Row;
use super::view::View;

/// Read at once when single lines are wanted.
const READ: usize = 64 * 1024;
/// Read at once when many are; of a longer line the first so many bytes are looked at.
pub(super) const BLOCK: usize = 1024 * 1024;

/// A line as it lies in the log.
pub(super) struct Raw {
    /// From 0.
    pub(super) number: u64,
    /// Of its first byte.
    pub(super) offset: u64,
    /// Without the newline, and no more than was asked for.
    pub(super) text: Vec<u8>,
    /// Without the newline.
    pub(super) length: u64,
}

/// Line after line from the beginning of one.
pub(super) struct Lines<'v> {
    view: &'v mut View,
    buffer: Vec<u8>,
    /// Where in the buffer the rest begins, and where that lies in the log.
    at: usize,
    offset: u64,
    number: u64,
}

impl<'v> Lines<'v> {
    /// From a line's beginning on, `[offset, line]`.
    pub(super) fn new(view: &'v mut View, [offset, number]: Row) -> Self {
        Self { view, buffer: Vec::new(), at: 0, offset, number }
    }

    /// The view that is read.
    pub(super) fn view(&self) -> &View {
        self.view
    }

    fn fill(&mut self) -> Result<bool, LogError> {
        if self.at == self.buffer.len() {
            self.buffer.resize(READ, 0);
            let got = self.view.read_at(self.offset, &mut self.buffer)?;
            self.buffer.truncate(got);
            self.at = 0;
        }
        Ok(self.at < self.buffer.len())
    }

    fn advance(&mut self, bytes: usize) {
        self.at += bytes;
        self.offset += bytes as u64;
    }

    /// Goes on to a line; false: there is none.
    pub(super) fn skip_to(&mut self, line: u64) -> Result<bool, LogError> {
        while self.number < line {
            if !self.fill()? {
                return Ok(false);
            }
            let rest = &self.buffer[self.at..];
            let missing = usize::try_from(line - self.number).unwrap_or(usize::MAX);
            let (mut passed, mut bytes) = (0, rest.len());
            for newline in memchr_iter(b'\n', rest).take(missing) {
                passed += 1;
                if passed == missing {
                    bytes = newline + 1;
                }
            }
            self.number += passed as u64;
            self.advance(bytes);
        }
        self.fill()
    }

    /// Goes on to the first line that begins at or after a place; false: there is none.
    pub(super) fn skip_past(&mut self, offset: u64) -> Result<bool, LogError> {
        while self.offset < offset {
            if self.next(0)?.is_none() {
                return Ok(false);
            }
        }
        self.fill()
    }

    /// The next line, with at most `keep` bytes of its text.
    pub(super) fn next(&mut self, keep: usize) -> Result<Option<Raw>, LogError> {
        if !self.fill()? {
            return Ok(None);
        }
        let mut line =
            Raw { number: self.number, offset: self.offset, text: Vec::new(), length: 0 };
        loop {
            let rest = &self.buffer[self.at..];
            let newline = memchr(b'\n', rest);
            let part = &rest[..newline.unwrap_or(rest.len())];
            let room = keep - line.text.len();
            line.text.extend_from_slice(&part[..part.len().min(room)]);
            line.length += part.len() as u64;
            let bytes = part.len() + usize::from(newline.is_some());
            self.advance(bytes);
            if newline.is_some() || !self.fill()? {
                self.number += 1;
                return Ok(Some(line));
            }
        }
    }
}

/// Many lines after another, up to a place.
pub(super) struct Blocks {
    buffer: Vec<u8>,
    /// `[offset, line]` of the next block.
    pub(super) next: Row,
    to: u64,
}

/// Whole lines, or the first [`BLOCK`] bytes of a very long one.
pub(super) struct Block<'a> {
    pub(super) bytes: &'a [u8],
    /// Of its first byte.
    pub(super) offset: u64,
    /// Of its first line, from 0.
    pub(super) line: u64,
}

impl Blocks {
    /// From a line's beginning to the beginning of another one, or to the end.
    pub(super) const fn new(from: Row, to: u64) -> Self {
        Self { buffer: Vec::new(), next: from, to }
    }

    /// The next ones.
    pub(super) fn next(&mut self, view: &mut View) -> Result<Option<Block<'_>>, LogError> {
        let [offset, line] = self.next;
        let left = usize::try_from(self.to.saturating_sub(offset)).unwrap_or(usize::MAX);
        self.buffer.resize(BLOCK.min(left), 0);
        let got = view.read_at(offset, &mut self.buffer)?;
        self.buffer.truncate(got);
        if got == 0 {
            return Ok(None);
        }
        let ends_here = offset + got as u64 >= self.to || got < BLOCK;
        let whole = match memrchr(b'\n', &self.buffer) {
            _ if ends_here => got,
            Some(newline) => newline + 1,
            None => {
                let mut rest = Lines::new(view, [offset, line]);
                rest.next(0)?;
                self.next = [rest.offset, line + 1];
                return Ok(Some(Block { bytes: &self.buffer, offset, line }));
            }
        };
        self.buffer.truncate(whole);
        let newlines = memchr_iter(b'\n', &self.buffer).count() as u64;
        self.next = [offset + whole as u64, line + newlines];
        Ok(Some(Block { bytes: &self.buffer, offset, line }))
    }
}
