//! Looking for lines, forward and backward, a few megabytes at a time, so that hits come as they are found and nobody
//! waits for a reader who has stopped reading.

use std::ops::ControlFlow;

use memchr::{memchr, memchr_iter, memrchr};
use tokio::sync::mpsc;

use super::line::Found;
use super::lines::{BLOCK, Block, Blocks};
use super::rows::Row;
use super::store::{LogStore, blocking};
use super::view::View;
use super::{LogError, LogKey, Pattern};

/// The limit when none is given.
const DEFAULT_LIMIT: u32 = 10_000;
/// Looked at before the reader hears of it.
const STEP: u64 = 4 * 1024 * 1024;
/// Hits in a step, so that their texts stay small together.
const STEP_HITS: usize = 64;

impl LogStore {
    /// Lines that match, from `from_line` (0: the first, or the last when backward) to the end, or backward to the
    /// beginning, at most `limit` (0: 10 000). The last message has `done`. Dropping the receiver ends it.
    ///
    /// Call it inside of a tokio runtime.
    #[must_use]
    pub fn search(
        &self,
        key: &LogKey,
        pattern: Pattern,
        from_line: u64,
        backward: bool,
        limit: u32,
    ) -> mpsc::Receiver<Result<Found, LogError>> {
        let (hits, receiver) = mpsc::channel(STEP_HITS);
        let entry = self.entry(key);
        let left = if limit == 0 { DEFAULT_LIMIT } else { limit };
        tokio::spawn(async move {
            let begun = blocking(move || {
                Search::begin(View::of(&entry)?, pattern, from_line, backward, left)
            });
            let mut search = match begun.await {
                Ok(search) => search,
                Err(error) => return drop(hits.send(Err(error)).await),
            };
            loop {
                let step = blocking(move || {
                    let found = search.step()?;
                    Ok((search, found))
                });
                let found = match step.await {
                    Ok((same, found)) => {
                        search = same;
                        found
                    }
                    Err(error) => return drop(hits.send(Err(error)).await),
                };
                for found in found {
                    let done = found.done;
                    if hits.send(Ok(found)).await.is_err() || done {
                        return;
                    }
                }
            }
        });
        receiver
    }

    /// How many lines match: what a search is compared with.
    #[cfg(test)]
    pub(super) async fn count_matches(
        &self,
        key: &LogKey,
        pattern: &Pattern,
    ) -> Result<u64, LogError> {
        let (entry, pattern) = (self.entry(key), pattern.clone());
        blocking(move || {
            let mut view = View::of(&entry)?;
            let mut blocks = Blocks::new([0, 0], view.lengths.bytes);
            let mut count = 0;
            while let Some(block) = blocks.next(&mut view)? {
                // It never breaks off.
                let _ = hits_in(&block, &pattern, |_| {
                    count += 1;
                    ControlFlow::Continue(())
                });
            }
            Ok(count)
        })
        .await
    }
}

/// A search under way.
struct Search {
    view: View,
    pattern: Pattern,
    /// Forward: the line to go on with. Backward: the line before which to go on.
    place: Row,
    backward: bool,
    left: u32,
}

impl Search {
    fn begin(
        mut view: View,
        pattern: Pattern,
        from_line: u64,
        backward: bool,
        left: u32,
    ) -> Result<Self, LogError> {
        let lengths = view.lengths;
        // Backward, the line named is looked at as well: the search begins before the one that follows it.
        let line = match (from_line, backward) {
            (0, true) => lengths.lines,
            (line, true) => line,
            (line, false) => line.saturating_sub(1),
        };
        let place = if line >= lengths.lines {
            [lengths.bytes, lengths.lines]
        } else {
            let anchor = view.anchor_of_line(line)?;
            let mut lines = super::lines::Lines::new(&mut view, anchor);
            let there = lines.skip_to(line)?;
            let next = if there { lines.next(0)? } else { None };
            next.map_or([lengths.bytes, lengths.lines], |raw| [raw.offset, line])
        };
        Ok(Self { view, pattern, place, backward, left })
    }

    fn step(&mut self) -> Result<Vec<Found>, LogError> {
        let hits = if self.backward { self.back()? } else { self.ahead()? };
        let mut found = Vec::with_capacity(hits.len() + 1);
        for [offset, number] in hits.into_iter().take(self.left as usize) {
            let line = self.view.line_at(number, offset)?;
            self.left -= 1;
            found.push(Found { line, searched_to: number + 1, done: false });
        }
        let ended = if self.backward {
            self.place[0] == 0
        } else {
            self.place[0] >= self.view.lengths.bytes
        };
        if self.left == 0 {
            if let Some(last) = found.last_mut() {
                last.done = true;
            }
        } else {
            // Lines 1 to `place[1]` lie before the place.
            let searched_to = self.place[1] + u64::from(self.backward && !ended);
            found.push(Found { line: None, searched_to, done: ended });
        }
        Ok(found)
    }

    /// The hits of the next blocks: `[offset, line]` each.
    fn ahead(&mut self) -> Result<Vec<Row>, LogError> {
        let mut hits = Vec::new();
        let from = self.place[0];
        let mut blocks = Blocks::new(self.place, self.view.lengths.bytes);
        while self.place[0] - from < STEP {
            let Some(block) = blocks.next(&mut self.view)? else {
                self.place = [self.view.lengths.bytes, self.view.lengths.lines];
                break;
            };
            let broken_off = hits_in(&block, &self.pattern, |hit| {
                hits.push(hit);
                if hits.len() < STEP_HITS {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                }
            });
            if let ControlFlow::Break(next) = broken_off
                && next[0] < blocks.next[0]
            {
                self.place = next;
                break;
            }
            self.place = blocks.next;
            if hits.len() >= STEP_HITS {
                break;
            }
        }
        Ok(hits)
    }

    /// The hits of the blocks before, last one first.
    fn back(&mut self) -> Result<Vec<Row>, LogError> {
        let [to, _] = self.place;
        let begin = self.view.anchor_of_offset(to.saturating_sub(BLOCK as u64))?;
        let mut blocks = Blocks::new(begin, to);
        let mut hits = std::collections::VecDeque::new();
        let mut more_before = false;
        while let Some(block) = blocks.next(&mut self.view)? {
            // Only the last ones fit in a step; the others are found again by the next.
            let _ = hits_in(&block, &self.pattern, |hit| {
                if hits.len() == STEP_HITS {
                    hits.pop_front();
                    more_before = true;
                }
                hits.push_back(hit);
                ControlFlow::Continue(())
            });
        }
        self.place = match hits.front() {
            Some(first) if more_before => *first,
            _ => begin,
        };
        Ok(hits.into_iter().rev().collect())
    }
}

/// Tells the beginning of each line that matches, `[offset, line]`. Broken off, it says with which line to go on.
fn hits_in(
    block: &Block<'_>,
    pattern: &Pattern,
    mut hit: impl FnMut(Row) -> ControlFlow<()>,
) -> ControlFlow<Row> {
    let bytes = block.bytes;
    let (mut from, mut line) = (0, block.line);
    while from < bytes.len() {
        let Some(at) = pattern.candidate(bytes, from) else { break };
        if at >= bytes.len() {
            break;
        }
        let begin = memrchr(b'\n', &bytes[from..at]).map_or(from, |newline| from + newline + 1);
        line += memchr_iter(b'\n', &bytes[from..begin]).count() as u64;
        let end = memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |newline| at + newline);
        from = end + 1;
        if pattern.is_in(&bytes[begin..end]) && hit([block.offset + begin as u64, line]).is_break()
        {
            let next = block.offset + from.min(bytes.len()) as u64;
            return ControlFlow::Break([next, line + 1]);
        }
        line += 1;
    }
    ControlFlow::Continue(())
}
