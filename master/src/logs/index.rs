//! Which byte begins which line: a sparse index, built as bytes come, the same however they are cut into pieces.
//!
//! A row `[offset, line]` says that line `line` (from 0) begins at `offset`. Rows are at most 256 KiB and one line apart,
//! and normally 1024 lines; so a line is found by a search over the rows and one short scan. A log needs about 190 KiB
//! of rows for a gigabyte of usual lines, and never more than 1 MiB.

use memchr::memchr_iter;

use super::rows::Row;

const LINES_APART: u64 = 1024;
const LEAST_APART: u64 = 16 * 1024;
const MOST_APART: u64 = 256 * 1024;
/// Newlines are counted in blocks of this size, which is fast; only a block where a row is due is looked at closely.
const BLOCK: usize = 16 * 1024;

/// The index of a log that grows.
#[derive(Clone, Default, Debug)]
pub(super) struct Index {
    /// Ascending in both; the beginning of the log, `[0, 0]`, is not among them.
    pub(super) rows: Vec<Row>,
    bytes: u64,
    newlines: u64,
    /// The last byte is no newline.
    open_line: bool,
}

impl Index {
    /// Takes the next bytes.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        for block in bytes.chunks(BLOCK) {
            let count = memchr_iter(b'\n', block).count() as u64;
            // A row that is not due at the end of a block is due nowhere in it: both distances only grow.
            if count > 0 && self.due(self.bytes + block.len() as u64, self.newlines + count) {
                for (nth, at) in memchr_iter(b'\n', block).enumerate() {
                    let (offset, line) =
                        (self.bytes + at as u64 + 1, self.newlines + nth as u64 + 1);
                    if self.due(offset, line) {
                        self.rows.push([offset, line]);
                    }
                }
            }
            self.bytes += block.len() as u64;
            self.newlines += count;
        }
        if let Some(last) = bytes.last() {
            self.open_line = *last != b'\n';
        }
    }

    fn due(&self, offset: u64, line: u64) -> bool {
        let [last_offset, last_line] = self.rows.last().copied().unwrap_or_default();
        let apart = offset - last_offset;
        apart >= MOST_APART || (apart >= LEAST_APART && line - last_line >= LINES_APART)
    }

    /// Lines so far; an unended last one counts.
    pub(super) const fn lines(&self) -> u64 {
        self.newlines + self.open_line as u64
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn index(bytes: &[u8], cuts: &[usize]) -> Index {
        let mut index = Index::default();
        let mut from = 0;
        for cut in cuts {
            let to = (from + cut).min(bytes.len());
            index.feed(&bytes[from..to]);
            from = to;
        }
        index.feed(&bytes[from..]);
        index
    }

    proptest! {
        #[test]
        fn rows_are_true_close_and_independent_of_the_cuts(
            lines in proptest::collection::vec(0_usize..40, 0..60),
            times in 1_usize..400,
            long in 0_usize..400_000,
            cuts in proptest::collection::vec(0_usize..50_000, 0..20),
        ) {
            let mut bytes = Vec::new();
            for _ in 0..times {
                for line in &lines {
                    bytes.extend(std::iter::repeat_n(b'x', *line));
                    bytes.push(b'\n');
                }
            }
            bytes.extend(std::iter::repeat_n(b'y', long));
            let cut = index(&bytes, &cuts);
            let whole = index(&bytes, &[]);
            prop_assert_eq!(&cut.rows, &whole.rows);
            let newlines = bytes.iter().filter(|b| **b == b'\n').count() as u64;
            prop_assert_eq!(cut.lines(), newlines + u64::from(bytes.last().is_some_and(|b| *b != b'\n')));
            let mut counted = 0;
            let mut from = 0;
            for [offset, line] in &cut.rows {
                let to = usize::try_from(*offset).unwrap();
                counted += bytes[from..to].iter().filter(|b| **b == b'\n').count() as u64;
                prop_assert_eq!(counted, *line);
                prop_assert_eq!(bytes[to - 1], b'\n');
                from = to;
            }
        }
    }
}
