//! `-f`: lines as they come, until the log is complete.

use linn_proto::console::FollowLogRequest;
use regex::bytes::Regex;
use tonic::Status;

use super::Want;
use super::print::Printer;
use super::range::Range;
use super::window::read;
use crate::cli::io::Stop;
use crate::cli::session::Session;
use crate::cli::{Done, ExitCode};
use crate::client::{Patience, lost};

/// Where the following is.
struct Cursor {
    next: u64,
    last: u64,
    header: bool,
    footer: bool,
}

pub(super) async fn run(
    session: &mut Session<'_>,
    log: String,
    want: Want,
    pattern: Option<&Regex>,
    printer: &Printer,
) -> Done {
    let range = match want {
        Want::Tail(_) => {
            let start = read(session, &log, 1, 1).await?;
            want.of(start.total_lines)
        }
        Want::All | Want::Lines(_) => want.of(0),
    };
    let Range { first, last } = range;
    if range.is_empty() {
        return Ok(ExitCode::DONE);
    }
    // With a pattern only matching lines are printed (C17).
    let whole = want.is_whole() && pattern.is_none();
    let mut cursor = Cursor { next: first, last, header: whole, footer: whole };
    let mut patience = Patience::endless();
    loop {
        match stream(session, &log, &mut cursor, pattern, printer, &mut patience).await? {
            Ok(true) => return Ok(ExitCode::DONE),
            Ok(false) => {
                let status = Status::unavailable("the stream ended before the log did");
                session.missed(&mut patience, &status).await?;
            }
            Err(status) if lost(&status) => session.missed(&mut patience, &status).await?,
            Err(status) => return Err(status.into()),
        }
    }
}

/// Prints one stream to its end; true when that is the end of what is wanted. The inner error is the link's.
async fn stream(
    session: &mut Session<'_>,
    log: &str,
    cursor: &mut Cursor,
    pattern: Option<&Regex>,
    printer: &Printer,
    patience: &mut Patience,
) -> Result<Result<bool, Status>, Stop> {
    let gone = session.io.gone();
    let from_line = i64::try_from(cursor.next).unwrap_or(i64::MAX);
    let request = FollowLogRequest { log: log.to_owned(), from_line };
    let mut pieces = match session.master.console().follow_log(request).await {
        Ok(pieces) => pieces.into_inner(),
        Err(status) => return Ok(Err(status)),
    };
    let mut complete = false;
    let mut footer = String::new();
    loop {
        let piece = tokio::select! {
            piece = pieces.message() => piece,
            () = gone.wait() => return Err(Stop::PipeClosed),
        };
        let piece = match piece {
            Ok(Some(piece)) => piece,
            Ok(None) => break,
            Err(status) => return Ok(Err(status)),
        };
        session.found(patience);
        if cursor.header && !piece.header.is_empty() {
            printer.header(&piece.header, session.io)?;
            cursor.header = false;
        }
        for line in &piece.lines {
            if line.number < cursor.next || line.number > cursor.last {
                continue;
            }
            if pattern.is_none_or(|pattern| pattern.is_match(&line.text)) {
                printer.line(line, session.io)?;
            }
            cursor.next = line.number + 1;
        }
        session.io.flush()?;
        if cursor.next > cursor.last {
            return Ok(Ok(true));
        }
        complete |= piece.complete;
        if !piece.footer.is_empty() {
            footer = piece.footer;
        }
    }
    if complete && cursor.footer {
        printer.header(&footer, session.io)?;
    }
    Ok(Ok(complete))
}
