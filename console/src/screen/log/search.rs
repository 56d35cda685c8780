//! Searching a log on the master: from the view outward, hits as they are found.

use std::collections::BTreeSet;

use linn_proto::console::LogHit;
use regex::{Regex, RegexBuilder};

use crate::{
    command::Command,
    glyph::State,
    logs::LogRef,
    model::{Model, Out},
    refusal::Refusal,
};

/// Hits kept: what the master gives at most in one direction, twice.
const HITS: usize = 20_000;

/// A search and what it found so far.
#[derive(Clone, Debug)]
pub(crate) struct Search {
    pub(crate) pattern: String,
    run: u64,
    /// Lines that match.
    pub(crate) hits: BTreeSet<u64>,
    /// Directions still searched.
    pub(crate) open: u8,
    started_ms: i64,
    pub(crate) took_ms: Option<i64>,
    /// Already gone to a hit.
    jumped: bool,
    from: u64,
    /// For showing the matches of the visible lines.
    pub(crate) regex: Option<Regex>,
    pub(crate) trouble: Option<String>,
}

/// What a typed pattern means: a text, unless it is a pattern and looks like one; strict when it has capitals.
pub(crate) fn meaning(pattern: &str) -> (bool, bool) {
    let looks =
        pattern.contains(['*', '+', '|', '[', '\\', '^', '$', '?']) || pattern.contains(".*");
    let literal = !looks || Regex::new(pattern).is_err();
    let ignore_case = !pattern.chars().any(char::is_uppercase);
    (literal, ignore_case)
}

/// Begins a search.
pub(crate) fn begin(model: &mut Model, pattern: &str, out: &mut Out) {
    let now_ms = model.local_ms;
    let Some(screen) = model.log.as_mut() else { return };
    if pattern.is_empty() {
        screen.search = None;
        return;
    }
    let (literal, ignore_case) = meaning(pattern);
    screen.runs += 1;
    let run = screen.runs;
    let from = screen.current.unwrap_or(screen.top).max(1);
    let source = if literal { regex::escape(pattern) } else { pattern.to_owned() };
    screen.search = Some(Search {
        pattern: pattern.to_owned(),
        run,
        hits: BTreeSet::new(),
        open: if from > 1 { 2 } else { 1 },
        started_ms: now_ms,
        took_ms: None,
        jumped: false,
        from,
        regex: RegexBuilder::new(&source)
            .case_insensitive(ignore_case)
            .size_limit(1 << 20)
            .build()
            .ok(),
        trouble: None,
    });
    let log = screen.buffer.log.clone();
    let search = |from: u64, backward: bool| Command::Search {
        log: log.clone(),
        run,
        pattern: pattern.to_owned(),
        literal,
        ignore_case,
        from,
        backward,
    };
    out.push(search(from, false));
    if from > 1 {
        out.push(search(from - 1, true));
    }
}

fn search_of<'a>(model: &'a mut Model, log: &LogRef, run: u64) -> Option<&'a mut Search> {
    let screen = model.log.as_mut().filter(|screen| &screen.buffer.log == log)?;
    screen.search.as_mut().filter(|search| search.run == run)
}

/// A step of a search came.
pub(crate) fn hit(model: &mut Model, log: &LogRef, run: u64, hit: LogHit) {
    let rows = super::rows(model);
    let Some(search) = search_of(model, log, run) else { return };
    let Some(line) = hit.line else { return };
    if search.hits.len() < HITS {
        search.hits.insert(line.number);
    }
    // The first hit forwards is gone to at once; one backwards waits for the end of the forward search.
    if !search.jumped && line.number >= search.from {
        search.jumped = true;
        if let Some(screen) = model.log.as_mut() {
            screen.jump(line.number, rows);
        }
    }
}

/// One direction has ended.
pub(crate) fn ended(model: &mut Model, log: &LogRef, run: u64, result: Result<(), Refusal>) {
    let (rows, now_ms) = (super::rows(model), model.local_ms);
    let Some(search) = search_of(model, log, run) else { return };
    search.open = search.open.saturating_sub(1);
    if let Err(refusal) = result {
        search.trouble = Some(refusal.sentence);
    }
    if search.open > 0 {
        return;
    }
    search.took_ms = Some(now_ms - search.started_ms);
    let back = search.hits.last().copied().filter(|_| !search.jumped);
    let (nothing, pattern) = (search.hits.is_empty(), search.pattern.clone());
    let trouble = search.trouble.clone();
    if let (Some(line), Some(screen)) = (back, model.log.as_mut()) {
        screen.jump(line, rows);
    }
    match trouble {
        Some(trouble) => model.toast(trouble, Some(State::Exception)),
        None if nothing => model.toast(format!("no line matches {pattern}"), None),
        None => {}
    }
}

/// To the next or previous hit, round and round.
pub(crate) fn walk(model: &mut Model, by: isize) {
    let rows = super::rows(model);
    let Some(screen) = model.log.as_mut() else { return };
    let from = screen.current.unwrap_or(screen.top);
    let Some(search) = &screen.search else { return };
    let hits = &search.hits;
    let (next, around) = if by > 0 {
        (hits.range(from + 1..).next(), hits.first())
    } else {
        (hits.range(..from).next_back(), hits.last())
    };
    match (next.copied(), around.copied()) {
        (Some(line), _) => screen.jump(line, rows),
        (None, Some(line)) => {
            screen.jump(line, rows);
            model
                .toast(if by > 0 { "the first match again" } else { "the last match again" }, None);
        }
        (None, None) => model.toast("no match", None),
    }
}

/// `match 2 of 30, searched on the master in 442 ms`.
pub(crate) fn status(search: &Search, current: Option<u64>) -> String {
    let place = current.and_then(|line| search.hits.iter().position(|hit| *hit == line));
    let count = search.hits.len();
    let found = match place {
        Some(place) => format!("match {} of {count}", place + 1),
        None => crate::words::count(count, "match").replace("matchs", "matches"),
    };
    match search.took_ms {
        Some(took) => format!("/{}  {found}, searched on the master in {took} ms", search.pattern),
        None => format!("/{}  {found} so far", search.pattern),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_a_text_unless_it_looks_like_one() {
        assert_eq!(meaning("panicked at src/lexer.rs"), (true, true));
        assert_eq!(meaning("FAILED|panick"), (false, false));
        assert_eq!(meaning("left: 3 ["), (true, true), "no valid pattern: a text");
    }
}
