//! Aligned tables for people.
//!
//! Every cell passes [`crate::safe::text`] on its way in. Columns are as wide as their widest cell in terminal cells, not in
//! characters or bytes; on a terminal the last column is cut at the right edge instead of wrapping.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::io::{Io, Stop};
use super::paint::Tone;
use crate::safe::text as shown;

/// A piece of text in a table.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    text: String,
    tone: Tone,
}

impl Cell {
    /// Foreign or own text; made safe here.
    pub(crate) fn new(text: &str, tone: Tone) -> Self {
        Self { text: shown(text).into_owned(), tone }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::new(text, Tone::Plain)
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::new(&text, Tone::Plain)
    }
}

/// Rows below a heading.
#[derive(Debug)]
pub(crate) struct Table {
    heads: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// An empty table. A heading that begins with `>` aligns its column to the right.
    pub(crate) fn new(heads: &[&'static str]) -> Self {
        Self { heads: heads.to_vec(), rows: Vec::new() }
    }

    /// Adds a row of as many cells as there are headings.
    pub(crate) fn row<const N: usize>(&mut self, cells: [Cell; N]) {
        debug_assert_eq!(N, self.heads.len(), "a cell for each heading");
        self.rows.push(cells.into());
    }

    /// Prints it, or says on standard error that there are no `things`.
    pub(crate) fn print(&self, io: &mut Io, things: &str) -> Result<(), Stop> {
        if self.rows.is_empty() {
            io.tell(&format!("no {things}"));
            return Ok(());
        }
        for line in self.lines(io.rich, io.width) {
            io.line(&line)?;
        }
        Ok(())
    }

    /// The lines, the heading first.
    pub(crate) fn lines(&self, rich: bool, width: Option<usize>) -> Vec<String> {
        let heads =
            self.heads.iter().map(|head| Cell::new(head.trim_start_matches('>'), Tone::Dim));
        let heads: Vec<Cell> = heads.collect();
        let mut widths = vec![0; self.heads.len()];
        for row in std::iter::once(&heads).chain(&self.rows) {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.text.width());
            }
        }
        std::iter::once(&heads)
            .chain(&self.rows)
            .map(|row| self.laid_out(row, &widths, rich, width))
            .collect()
    }

    fn laid_out(&self, row: &[Cell], widths: &[usize], rich: bool, room: Option<usize>) -> String {
        let mut line = String::new();
        let mut used = 0;
        let last = row.len().saturating_sub(1);
        for (at, cell) in row.iter().enumerate() {
            if at > 0 {
                line.push_str("  ");
                used += 2;
            }
            let right = self.heads[at].starts_with('>');
            let text = match room {
                Some(room) if at == last => cut(&cell.text, room.saturating_sub(used)),
                _ => cell.text.clone(),
            };
            let pad = widths[at].saturating_sub(text.width());
            if right {
                line.extend(std::iter::repeat_n(' ', pad));
            }
            if rich {
                line.push_str(&cell.tone.paint(&text));
            } else {
                line.push_str(&text);
            }
            if !right && at < last {
                line.extend(std::iter::repeat_n(' ', pad));
            }
            used += widths[at];
        }
        line.truncate(line.trim_end().len());
        line
    }
}

/// The text in at most `room` cells; `…` says that some is missing.
pub(crate) fn cut(text: &str, room: usize) -> String {
    if text.width() <= room {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 1;
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used > room {
            break;
        }
        out.push(c);
    }
    if room > 0 {
        out.push('…');
    }
    out
}

/// The text in exactly `room` cells.
pub(crate) fn fit(text: &str, room: usize) -> String {
    let mut out = cut(text, room);
    let pad = room.saturating_sub(out.width());
    out.extend(std::iter::repeat_n(' ', pad));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_by_cells() {
        let mut table = Table::new(&["NAME", ">N", "TEXT"]);
        table.row(["日本".into(), "7".into(), "a long text".into()]);
        table.row(["x\u{1b}[2J".into(), "123".into(), "".into()]);
        assert_eq!(
            table.lines(false, None),
            ["NAME     N  TEXT", "日本     7  a long text", "x␛[2J  123"]
        );
        assert_eq!(table.lines(false, Some(18))[1], "日本     7  a lon…");
    }

    #[test]
    fn cutting() {
        for (text, room, short) in
            [("abc", 3, "abc"), ("abcd", 3, "ab…"), ("日本語", 4, "日…"), ("a", 0, ""), ("", 0, "")]
        {
            assert_eq!(cut(text, room), short);
        }
        assert_eq!(fit("日本語", 4), "日… ");
    }
}
