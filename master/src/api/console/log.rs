//! Logs for readers: windows of lines, lines as they come, hits, raw bytes.
//!
//! Nobody is ever sent a log as a whole by accident: windows are bounded, streams wait for their reader. A line that has not
//! ended yet is told in a window, but to a follower only when it has ended, for what was told cannot be taken back.

use std::sync::Arc;
use std::time::Duration;

use linn_core::model::{Build, Step};
use linn_core::time::Timestamp;
use linn_proto::console as wire;
use tokio::sync::mpsc;
use tonic::Status;

use super::super::reference;
use super::super::{Doors, status};
use super::{Outbound, Stopped, get, header, say};
use crate::logs::{Found, Lengths, Line, LogError, LogKey, MAX_LINES, Pattern, Start};

/// A log that does not grow is looked at again after so long: its step may have ended without another byte.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// How long the core may take to hear of the end of a step whose log is settled.
const FOOTER_PATIENCE: Duration = Duration::from_secs(10);
/// The log of what a command writes; others are files that it leaves behind.
const STDIO: &str = "stdio";
/// The longest pattern, in bytes.
const MAX_PATTERN_BYTES: usize = 4 * 1024;

/// A log that exists.
pub(super) struct Named {
    /// Where its bytes are.
    pub key: LogKey,
    build: Build,
    step: usize,
    complete: bool,
}

impl Named {
    /// The words before the log. They speak of what the step runs, and so stand before its output only.
    fn header(&self) -> String {
        if self.is_output() { header::header(&self.build, self.step()) } else { String::new() }
    }

    /// The words after it; empty while the step runs.
    fn footer(&self) -> String {
        if self.is_output() { header::footer(self.step()) } else { String::new() }
    }

    /// How long it was when its step ended.
    fn recorded_bytes(&self) -> u64 {
        self.step().logs.iter().find(|log| log.id == self.key.log).map_or(0, |log| log.bytes)
    }

    /// Whether this is what the step's command writes, not a file that it leaves behind.
    fn is_output(&self) -> bool {
        self.key.name == STDIO
    }

    fn step(&self) -> &Step {
        &self.build.steps[self.step]
    }
}

/// Finds a log by its reference.
///
/// # Errors
/// When it names nothing; and when the log's file is gone or short, for then what is there must not pass for the log (I6).
pub(super) async fn find(doors: &Arc<Doors>, text: &str) -> Result<Named, Status> {
    let named = reference::log(text)?;
    let build = get::build(doors, named.build).await?;
    let found = find_in(build, &named.step, &named.log)?;
    if let Some(cleared) = &found.build.keeping.logs {
        return Err(status::unknown(
            format!(
                "the log `{}` was deleted on {} by retention ({})",
                text.escape_debug(),
                get::day(cleared.at),
                cleared.rule
            ),
            "`linn pin` keeps the logs of a build from being deleted",
        ));
    }
    if found.complete {
        let recorded = found.recorded_bytes();
        let there = doors.logs.lengths(&found.key).await.map_err(|error| failed(&error))?.bytes;
        if there < recorded {
            return Err(status::not_now(
                format!("the file of the log `{}` is missing or short", text.escape_debug()),
                &format!("{there} of its {recorded} bytes are there"),
                "a backup of the state folder may have the rest",
            ));
        }
    }
    Ok(found)
}

fn find_in(build: Build, step: &str, log: &str) -> Result<Named, Status> {
    let by_name = build.steps.iter().position(|one| one.name == step);
    let by_place = || {
        let place = step.parse::<usize>().ok()?.checked_sub(1)?;
        (place < build.steps.len()).then_some(place)
    };
    let reference = build.reference();
    let Some(place) = by_name.or_else(by_place) else {
        let names: Vec<_> = build.steps.iter().map(|one| one.name.as_str()).take(20).collect();
        return Err(status::unknown(
            format!("{reference} has no step `{}`", step.escape_debug()),
            &format!("its steps are {}", names.join(", ")),
        ));
    };
    let found = build.steps[place].logs.iter().find(|one| one.name == log);
    match found {
        Some(found) => {
            let key = LogKey::new(build.id, found.id, found.name.clone());
            let complete = found.complete;
            Ok(Named { key, build, step: place, complete })
        }
        None if build.steps[place].started_at.is_none() => {
            let step = &build.steps[place];
            let over = step.complete_at.is_some() || build.complete_at.is_some();
            let why = if over { "was skipped" } else { "has not begun" };
            Err(status::unknown(format!("{reference}/{} {why}, so it has no log", step.name), ""))
        }
        None => {
            let names: Vec<_> =
                build.steps[place].logs.iter().map(|one| one.name.as_str()).collect();
            let hint = match names.as_slice() {
                [] => "a step that runs on the master alone has no log".to_owned(),
                names => format!("its logs are {}", names.join(", ")),
            };
            Err(status::unknown(
                format!(
                    "{reference}/{} has no log `{}`",
                    build.steps[place].name,
                    log.escape_debug()
                ),
                &hint,
            ))
        }
    }
}

/// What a failing log means for its reader.
pub(super) fn failed(error: &LogError) -> Status {
    match error {
        LogError::Pattern { .. } => status::mistake(error.to_string()),
        LogError::Closed => status::away(error.to_string()),
        LogError::Full { .. }
        | LogError::Io { .. }
        | LogError::Damaged { .. }
        | LogError::Differs { .. }
        | LogError::Complete { .. }
        | LogError::TooLarge { .. } => {
            let mut why = String::new();
            let mut source = std::error::Error::source(error);
            while let Some(cause) = source {
                why = cause.to_string();
                source = cause.source();
            }
            status::broken(error.to_string(), &why)
        }
    }
}

/// A window of lines.
pub(super) async fn read(
    doors: &Arc<Doors>,
    asked: wire::ReadLogRequest,
) -> Result<wire::LogLines, Status> {
    let log = find(doors, &asked.log).await?;
    let start = match asked.at_ms {
        Some(at) => Start::At(Timestamp(at)),
        None => Start::Line(asked.from_line),
    };
    let count = usize::try_from(asked.lines).unwrap_or(MAX_LINES).min(MAX_LINES);
    let window = doors.logs.read_lines(&log.key, start, count).await;
    let window = window.map_err(|error| failed(&error))?;
    Ok(wire::LogLines {
        lines: window.lines.into_iter().map(line).collect(),
        total_lines: window.lengths.lines,
        total_bytes: window.lengths.bytes,
        complete: log.complete || window.lengths.complete,
        header: log.header(),
        footer: log.footer(),
    })
}

fn line(line: Line) -> wire::LogLine {
    wire::LogLine {
        number: line.number,
        at_ms: line.at.map_or(0, |at| at.0),
        text: line.text,
        cut: line.cut,
        err: line.err,
    }
}

/// Lines as they come, until the log is complete.
pub(super) async fn follow(
    doors: Arc<Doors>,
    mut log: Named,
    from_line: i64,
    out: Outbound<wire::LogLines>,
) -> Result<(), Stopped> {
    let broken = |error: LogError| Stopped::Failed(failed(&error));
    let mut lengths = doors.logs.watch(&log.key).await.map_err(broken)?;
    let first = *lengths.borrow_and_update();
    let mut next = first_line(&doors, &log, from_line, first).await?;
    let head = log.header();
    say(&out, wire::LogLines { header: head, ..totals(first, false) }).await?;
    loop {
        let complete = log.complete || lengths.borrow().complete;
        let now = *lengths.borrow_and_update();
        let told = next;
        while next <= now.lines {
            let start = Start::Line(i64::try_from(next).unwrap_or(i64::MAX));
            let mut window =
                doors.logs.read_lines(&log.key, start, MAX_LINES).await.map_err(broken)?;
            if !complete && !ends_with_newline(&doors, &log, window.lengths.bytes).await? {
                let unended = window.lengths.lines;
                window.lines.retain(|line| line.number < unended);
            }
            let Some(last) = window.lines.last() else { break };
            next = last.number + 1;
            let lines = window.lines.into_iter().map(line).collect();
            say(&out, wire::LogLines { lines, ..totals(window.lengths, false) }).await?;
        }
        if complete {
            let footer = footer(&doors, &log).await?;
            say(&out, wire::LogLines { footer, ..totals(now, true) }).await?;
            return Ok(());
        }
        // A burst of short appends is told together; a lone line waits for nothing.
        if next > told {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::select! {
            changed = lengths.changed() => {
                if changed.is_err() {
                    return Err(Stopped::Failed(status::away("the master is ending")));
                }
            }
            () = tokio::time::sleep(LOOK_AGAIN) => log.complete = is_complete(&doors, &log).await?,
        }
    }
}

/// Where a follower begins.
async fn first_line(
    doors: &Doors,
    log: &Named,
    from_line: i64,
    lengths: Lengths,
) -> Result<u64, Stopped> {
    let whole = || ends_with_newline(doors, log, lengths.bytes);
    Ok(match from_line {
        // New lines only: one that has begun and not ended is new.
        0 => {
            if whole().await? {
                lengths.lines + 1
            } else {
                lengths.lines.max(1)
            }
        }
        from @ 1.. => from.unsigned_abs(),
        from => lengths.lines.saturating_sub(from.unsigned_abs() - 1).max(1),
    })
}

/// Whether the last line up to a length has ended; an empty log has no line that has not.
async fn ends_with_newline(doors: &Doors, log: &Named, bytes: u64) -> Result<bool, Stopped> {
    let Some(last) = bytes.checked_sub(1) else { return Ok(true) };
    match doors.logs.raw(&log.key, last).recv().await {
        Some(Ok(piece)) => Ok(piece.first() == Some(&b'\n')),
        Some(Err(error)) => Err(Stopped::Failed(failed(&error))),
        None => Ok(true),
    }
}

fn totals(lengths: Lengths, complete: bool) -> wire::LogLines {
    wire::LogLines {
        total_lines: lengths.lines,
        total_bytes: lengths.bytes,
        complete,
        ..wire::LogLines::default()
    }
}

/// Whether the step has ended meanwhile.
async fn is_complete(doors: &Arc<Doors>, log: &Named) -> Result<bool, Status> {
    let again = again(doors, log).await?;
    Ok(again.complete || again.build.complete_at.is_some())
}

/// How the step ended. The log is settled a moment before the core has heard of the end, so that moment is waited for.
async fn footer(doors: &Arc<Doors>, log: &Named) -> Result<String, Status> {
    if !log.is_output() {
        return Ok(String::new());
    }
    let mut moved = doors.hub.moved();
    let until = tokio::time::Instant::now() + FOOTER_PATIENCE;
    loop {
        moved.mark_unchanged();
        let footer = again(doors, log).await?.footer();
        if !footer.is_empty() || tokio::time::Instant::now() >= until {
            return Ok(footer);
        }
        drop(tokio::time::timeout(LOOK_AGAIN, moved.changed()).await);
    }
}

/// The log as it is recorded now.
async fn again(doors: &Arc<Doors>, log: &Named) -> Result<Named, Status> {
    let named = reference::BuildNamed::Exactly(log.build.reference());
    let build = get::build(doors, named).await?;
    find_in(build, &log.step().name, &log.key.name)
}

/// Begins a search.
pub(super) fn search(
    doors: &Doors,
    log: &Named,
    asked: &wire::SearchLogRequest,
) -> Result<mpsc::Receiver<Result<Found, LogError>>, Status> {
    if asked.pattern.is_empty() {
        return Err(status::mistake("say what to look for"));
    }
    if asked.pattern.len() > MAX_PATTERN_BYTES {
        return Err(status::mistake(format!("a pattern has {MAX_PATTERN_BYTES} bytes at most")));
    }
    let pattern = if asked.literal {
        Pattern::literal(&asked.pattern, asked.ignore_case)
    } else {
        Pattern::regex(&asked.pattern, asked.ignore_case)
    };
    let pattern = pattern.map_err(|error| failed(&error))?;
    Ok(doors.logs.search(&log.key, pattern, asked.from_line, asked.backward, asked.limit))
}

/// Sends what a search finds.
pub(super) async fn hits(
    mut found: mpsc::Receiver<Result<Found, LogError>>,
    out: Outbound<wire::LogHit>,
) -> Result<(), Stopped> {
    while let Some(hit) = found.recv().await {
        let hit = hit.map_err(|error| failed(&error))?;
        let hit =
            wire::LogHit { line: hit.line.map(line), searched_to: hit.searched_to, done: hit.done };
        say(&out, hit).await?;
    }
    Ok(())
}

/// The stored bytes, and further as they come when they are followed.
pub(super) async fn raw(
    doors: Arc<Doors>,
    mut log: Named,
    mut offset: u64,
    follow: bool,
    out: Outbound<wire::RawBytes>,
) -> Result<(), Stopped> {
    let watched = doors.logs.watch(&log.key).await;
    let mut lengths = watched.map_err(|error| failed(&error))?;
    loop {
        let complete = log.complete || lengths.borrow_and_update().complete;
        let mut pieces = doors.logs.raw(&log.key, offset);
        while let Some(piece) = pieces.recv().await {
            let piece = piece.map_err(|error| failed(&error))?;
            offset += piece.len() as u64;
            say(&out, wire::RawBytes { data: piece }).await?;
        }
        if complete || !follow {
            return Ok(());
        }
        tokio::select! {
            changed = lengths.changed() => {
                if changed.is_err() {
                    return Err(Stopped::Failed(status::away("the master is ending")));
                }
            }
            () = tokio::time::sleep(LOOK_AGAIN) => log.complete = is_complete(&doors, &log).await?,
        }
    }
}
