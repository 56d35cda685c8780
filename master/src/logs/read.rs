//! Answers readers: windows of lines, lengths as they grow, the stored bytes, the marks.

use bytes::Bytes;
use linn_core::time::Timestamp;
use tokio::sync::{mpsc, watch};

use super::line::{Lengths, Line, Marks, Start, Window};
use super::lines::Lines;
use super::store::{LogStore, blocking};
use super::view::View;
use super::{LogError, LogKey, MAX_LINES, MAX_TEXT, MAX_WINDOW};

/// Bytes in a piece of a raw log.
const PIECE: u64 = 256 * 1024;
/// Pieces that wait for a reader.
const AHEAD: usize = 2;

impl LogStore {
    /// How long it is now. A log without bytes has no file and is 0 long, as is one that never was.
    ///
    /// # Errors
    /// When its file cannot be read.
    pub async fn lengths(&self, key: &LogKey) -> Result<Lengths, LogError> {
        Ok(*self.watch(key).await?.borrow())
    }

    /// The same, as it grows. May shrink when the disk fails.
    ///
    /// # Errors
    /// When its file cannot be read.
    pub async fn watch(&self, key: &LogKey) -> Result<watch::Receiver<Lengths>, LogError> {
        let entry = self.entry(key);
        let lengths = entry.lengths.subscribe();
        if !entry.is_open() {
            blocking(move || entry.open()).await?;
        }
        Ok(lengths)
    }

    /// At most `lines` lines from `start`; empty beyond the end (LG-5).
    ///
    /// # Errors
    /// When its files cannot be read.
    pub async fn read_lines(
        &self,
        key: &LogKey,
        start: Start,
        lines: usize,
    ) -> Result<Window, LogError> {
        let entry = self.entry(key);
        blocking(move || window(View::of(&entry)?, start, lines)).await
    }

    /// The bytes from `offset` to the present end, in pieces of at most 256 KiB. Dropping the receiver ends it.
    ///
    /// Call it inside of a tokio runtime.
    #[must_use]
    pub fn raw(&self, key: &LogKey, offset: u64) -> mpsc::Receiver<Result<Bytes, LogError>> {
        let (pieces, receiver) = mpsc::channel(AHEAD);
        let entry = self.entry(key);
        tokio::spawn(async move {
            let mut offset = offset;
            let mut view = None;
            loop {
                let entry = entry.clone();
                let read = blocking(move || {
                    let mut view = match view {
                        Some(view) => view,
                        None => View::of(&entry)?,
                    };
                    let piece = piece(&mut view, offset)?;
                    Ok((view, piece))
                });
                match read.await {
                    Ok((same, piece)) if !piece.is_empty() => {
                        offset += piece.len() as u64;
                        view = Some(same);
                        if pieces.send(Ok(piece)).await.is_err() {
                            return;
                        }
                    }
                    Ok(_) => return,
                    Err(error) => {
                        // Nobody is left to tell when this fails.
                        drop(pieces.send(Err(error)).await);
                        return;
                    }
                }
            }
        });
        receiver
    }

    /// Where its errors and warnings are.
    ///
    /// # Errors
    /// When its files cannot be read.
    pub async fn marks(&self, key: &LogKey) -> Result<Marks, LogError> {
        let entry = self.entry(key);
        blocking(move || View::of(&entry)?.marks()).await
    }
}

/// The bytes from a place to the end of the 256 KiB in which it lies, so that each frame is unpacked once.
fn piece(view: &mut View, offset: u64) -> Result<Bytes, LogError> {
    let left = view.lengths.bytes.saturating_sub(offset).min(PIECE - offset % PIECE);
    let mut bytes = vec![0; usize::try_from(left).unwrap_or_default()];
    let got = view.read_at(offset, &mut bytes)?;
    bytes.truncate(got);
    Ok(bytes.into())
}

fn window(mut view: View, start: Start, count: usize) -> Result<Window, LogError> {
    let lengths = view.lengths;
    let empty = Window { lines: Vec::new(), lengths };
    let mut lines = match start {
        Start::Line(line) => {
            let first = match u64::try_from(line) {
                Ok(line) => line.saturating_sub(1),
                Err(_) => lengths.lines.saturating_sub(line.unsigned_abs()),
            };
            let anchor = view.anchor_of_line(first)?;
            let mut lines = Lines::new(&mut view, anchor);
            if !lines.skip_to(first)? {
                return Ok(empty);
            }
            lines
        }
        Start::At(at) => match since(&mut view, at)? {
            Some(lines) => lines,
            None => return Ok(empty),
        },
    };
    let mut window = empty;
    let mut size = 0;
    while window.lines.len() < count.min(MAX_LINES) && size < MAX_WINDOW {
        let Some(raw) = lines.next(MAX_TEXT)? else { break };
        let line: Line = lines.view().dated(raw)?;
        size += line.text.len();
        window.lines.push(line);
    }
    Ok(window)
}

/// The lines from the first that began at or after a time.
fn since(view: &mut View, at: Timestamp) -> Result<Option<Lines<'_>>, LogError> {
    let Some(offset) = view.first_since(at)? else { return Ok(None) };
    let anchor = view.anchor_of_offset(offset)?;
    let mut lines = Lines::new(view, anchor);
    Ok(if lines.skip_past(offset)? { Some(lines) } else { None })
}
