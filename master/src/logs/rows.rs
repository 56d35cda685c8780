//! Sorted pairs of numbers, the older ones in a file, the newest in memory: how the line index and the times are kept.

use std::fs::File;
use std::io;
use std::sync::Arc;

use super::disk;

/// A pair; ascending by the first number, and by the second where a table says so.
pub(super) type Row = [u64; 2];

/// Bytes of a row in a file: two little-endian numbers.
pub(super) const ROW_BYTES: u64 = 16;

/// A table of rows. Clones share the file and copy the rest.
#[derive(Clone, Default, Debug)]
pub(super) struct Rows {
    /// Holds the first `stored` rows from `base` on.
    pub(super) file: Option<Arc<File>>,
    pub(super) base: u64,
    pub(super) stored: u64,
    /// Those that follow.
    pub(super) tail: Vec<Row>,
}

impl Rows {
    /// How many.
    pub(super) fn len(&self) -> u64 {
        self.stored + self.tail.len() as u64
    }

    /// One of them. A row beyond the end of a file that was cut reads as zeros.
    pub(super) fn get(&self, index: u64) -> io::Result<Row> {
        let Some(file) = self.file.as_deref().filter(|_| index < self.stored) else {
            let place = index.saturating_sub(self.stored);
            return Ok(usize::try_from(place)
                .ok()
                .and_then(|place| self.tail.get(place))
                .copied()
                .unwrap_or_default());
        };
        let mut bytes = [0; ROW_BYTES as usize];
        disk::read_at(file, self.base + index * ROW_BYTES, &mut bytes)?;
        Ok(decode(&bytes))
    }

    /// The number of rows from the beginning for which `holds`; it must hold for no row after the first for which it
    /// does not.
    pub(super) fn partition(&self, holds: impl Fn(Row) -> bool) -> io::Result<u64> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            if holds(self.get(middle)?) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    /// The last row for which `holds`.
    pub(super) fn last_where(&self, holds: impl Fn(Row) -> bool) -> io::Result<Option<Row>> {
        match self.partition(holds)? {
            0 => Ok(None),
            n => self.get(n - 1).map(Some),
        }
    }
}

/// Rows as they lie in a file.
pub(super) fn encode(rows: &[Row]) -> Vec<u8> {
    rows.iter().flatten().flat_map(|number| number.to_le_bytes()).collect()
}

/// A row as it lies in a file.
fn decode(bytes: &[u8; ROW_BYTES as usize]) -> Row {
    let number = |from: usize| {
        let mut eight = [0; 8];
        eight.copy_from_slice(&bytes[from..from + 8]);
        u64::from_le_bytes(eight)
    };
    [number(0), number(8)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_and_memory_are_one_table() {
        let all: Vec<Row> = (0..100).map(|n| [n * 10, n]).collect();
        for stored in [0, 1, 50, 100] {
            let file = tempfile::tempfile().unwrap();
            disk::write_at(&file, 3, &encode(&all[..stored])).unwrap();
            let rows = Rows {
                file: Some(Arc::new(file)),
                base: 3,
                stored: stored as u64,
                tail: all[stored..].to_vec(),
            };
            assert_eq!(rows.len(), 100);
            for x in [0, 5, 10, 499, 500, 990, 5000] {
                let expected = all.iter().rev().find(|row| row[0] <= x).copied();
                assert_eq!(rows.last_where(|row| row[0] <= x).unwrap(), expected);
            }
        }
        assert_eq!(Rows::default().last_where(|_| true).unwrap(), None);
    }
}
