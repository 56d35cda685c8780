//! Lines of a stream that never ends, each bounded. Dropping a wait for the next line loses nothing.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// The longest line, in bytes: an event with a large commit message.
pub(super) const MAX_LINE_BYTES: usize = 4 << 20;
/// What is read at one time.
const PIECE_BYTES: usize = 16 * 1024;

/// A line, or what was left of one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Line {
    /// Without its end.
    Whole(Vec<u8>),
    /// It was longer than [`MAX_LINE_BYTES`] and is gone.
    TooLong,
}

/// Lines of a stream.
pub(super) struct Lines<R> {
    stream: R,
    held: Vec<u8>,
    /// So many of the held bytes have no line feed.
    looked: usize,
    /// The beginning of the present line has been thrown away.
    skipping: bool,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub(super) fn of(stream: R) -> Self {
        Self { stream, held: Vec::new(), looked: 0, skipping: false }
    }

    /// The next line; `None`: the stream has ended, and what was begun last is no line.
    ///
    /// # Errors
    /// When the stream cannot be read.
    pub(super) async fn next(&mut self) -> io::Result<Option<Line>> {
        loop {
            if let Some(at) = memchr::memchr(b'\n', &self.held[self.looked..]) {
                let rest = self.held.split_off(self.looked + at + 1);
                let mut line = std::mem::replace(&mut self.held, rest);
                line.pop();
                self.looked = 0;
                let skipped = std::mem::take(&mut self.skipping);
                return Ok(Some(if skipped { Line::TooLong } else { Line::Whole(line) }));
            }
            self.looked = self.held.len();
            if self.held.len() > MAX_LINE_BYTES {
                self.skipping = true;
            }
            if self.skipping {
                self.held.clear();
                self.looked = 0;
            }
            let mut piece = [0; PIECE_BYTES];
            let read = self.stream.read(&mut piece).await?;
            if read == 0 {
                return Ok(None);
            }
            self.held.extend_from_slice(&piece[..read]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_of_any_length() {
        let mut bytes = b"one\n\n".to_vec();
        bytes.extend(std::iter::repeat_n(b'x', MAX_LINE_BYTES + 2 * PIECE_BYTES));
        bytes.extend(b"\ntwo\nbegun");
        let mut lines = Lines::of(bytes.as_slice());
        let mut found = Vec::new();
        while let Some(line) = lines.next().await.unwrap() {
            found.push(line);
        }
        let whole = |text: &str| Line::Whole(text.as_bytes().to_vec());
        assert_eq!(found, [whole("one"), whole(""), Line::TooLong, whole("two")]);
    }
}
