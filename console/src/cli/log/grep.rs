//! `--grep`: the master searches, only matching lines cross the wire.

use linn_proto::console::SearchLogRequest;
use tonic::Status;

use super::Want;
use super::print::Printer;
use super::range::Range;
use super::window::read;
use crate::cli::io::Stop;
use crate::cli::session::{Session, VERB_PATIENCE};
use crate::cli::{Done, ExitCode};
use crate::client::{Patience, lost};

/// Hits asked for at once; a search that finds as many is continued behind the last one.
const PAGE: u32 = 10_000;

/// Where the search is.
struct Cursor {
    next: u64,
    last: u64,
}

/// How one stream of hits ended.
enum Ended {
    /// All was searched.
    Done,
    /// There may be more behind the last hit.
    Full,
    /// The stream just stopped.
    Short,
}

pub(super) async fn run(
    session: &mut Session<'_>,
    log: String,
    want: Want,
    pattern: &str,
    printer: &Printer,
) -> Done {
    let start = read(session, &log, 1, 1).await?;
    let Range { first, last } = want.of(start.total_lines);
    let mut cursor = Cursor { next: first, last: last.min(start.total_lines) };
    let mut patience = Patience::at_most(VERB_PATIENCE);
    while cursor.next <= cursor.last {
        let request = SearchLogRequest {
            log: log.clone(),
            pattern: pattern.to_owned(),
            literal: false,
            ignore_case: false,
            from_line: cursor.next,
            backward: false,
            limit: PAGE,
        };
        match stream(session, request, &mut cursor, printer, &mut patience).await? {
            Ok(Ended::Done) => break,
            Ok(Ended::Full) => {}
            Ok(Ended::Short) => {
                let status = Status::unavailable("the search ended before its end");
                session.missed(&mut patience, &status).await?;
            }
            Err(status) if lost(&status) => session.missed(&mut patience, &status).await?,
            Err(status) => return Err(status.into()),
        }
    }
    Ok(ExitCode::DONE)
}

async fn stream(
    session: &mut Session<'_>,
    request: SearchLogRequest,
    cursor: &mut Cursor,
    printer: &Printer,
    patience: &mut Patience,
) -> Result<Result<Ended, Status>, Stop> {
    let mut hits = match session.master.console().search_log(request).await {
        Ok(hits) => hits.into_inner(),
        Err(status) => return Ok(Err(status)),
    };
    let mut found = 0;
    let mut done = false;
    loop {
        let hit = match hits.message().await {
            Ok(Some(hit)) => hit,
            Ok(None) => break,
            Err(status) => return Ok(Err(status)),
        };
        session.found(patience);
        if let Some(line) = &hit.line {
            found += 1;
            if line.number > cursor.last {
                return Ok(Ok(Ended::Done));
            }
            if line.number >= cursor.next {
                printer.line(line, session.io)?;
                cursor.next = line.number + 1;
            }
        }
        // A full answer is continued behind its last hit, however far the master says it looked.
        if found < PAGE {
            cursor.next = cursor.next.max(hit.searched_to.saturating_add(1));
        }
        done |= hit.done;
    }
    session.io.flush()?;
    Ok(Ok(match (found >= PAGE, done) {
        (true, _) => Ended::Full,
        (false, true) => Ended::Done,
        (false, false) => Ended::Short,
    }))
}
