//! Bytes that come in pieces → whole lines, each bounded in length.

/// The longest line that is looked at whole; of a longer one the beginning.
pub(super) const MAX_LINE_BYTES: usize = 64 << 10;

/// The beginning of a line whose end has not come.
#[derive(Debug, Default)]
pub(super) struct Lines {
    held: Vec<u8>,
}

impl Lines {
    /// Gives every line that ends in `bytes`, without its end and a carriage return before it.
    pub(super) fn feed(&mut self, bytes: &[u8], mut each: impl FnMut(&[u8])) {
        let mut rest = bytes;
        while let Some(at) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, after) = (&rest[..at], &rest[at + 1..]);
            if self.held.is_empty() && line.len() <= MAX_LINE_BYTES {
                each(bare(line));
            } else {
                self.hold(line);
                each(bare(&self.held));
                self.held.clear();
            }
            rest = after;
        }
        self.hold(rest);
    }

    /// Gives the last line if it was never ended.
    pub(super) fn end(&mut self, mut each: impl FnMut(&[u8])) {
        if !self.held.is_empty() {
            each(bare(&self.held));
            self.held.clear();
        }
    }

    fn hold(&mut self, bytes: &[u8]) {
        let room = MAX_LINE_BYTES - self.held.len();
        self.held.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }
}

fn bare(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(pieces: &[&[u8]]) -> Vec<Vec<u8>> {
        let (mut all, mut lines) = (Vec::new(), Lines::default());
        for piece in pieces {
            lines.feed(piece, |line| all.push(line.to_vec()));
        }
        lines.end(|line| all.push(line.to_vec()));
        all
    }

    #[test]
    fn a_long_line_is_cut_and_the_next_is_whole() {
        let long = vec![b'x'; MAX_LINE_BYTES + 10];
        let got = lines(&[&long, b"more\nnext\n"]);
        assert_eq!(got[0].len(), MAX_LINE_BYTES);
        assert_eq!(got[1], b"next");
    }

    proptest! {
        #[test]
        fn cutting_does_not_matter(text in "[ab\r\n]{0,60}", at in 0_usize..60) {
            let bytes = text.as_bytes();
            let at = at.min(bytes.len());
            prop_assert_eq!(lines(&[&bytes[..at], &bytes[at..]]), lines(&[bytes]));
        }
    }
}
