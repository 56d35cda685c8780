//! Lines of a log as it is now.

use linn_proto::console::{LogLines, ReadLogRequest};

use super::Want;
use super::print::Printer;
use crate::cli::io::Stop;
use crate::cli::session::{Session, VERB_PATIENCE};
use crate::cli::{Done, ExitCode};
use crate::client::{Master, Patience};

/// The most lines one answer may hold (console.proto).
const PAGE: u64 = 4096;

pub(super) async fn run(
    session: &mut Session<'_>,
    log: String,
    want: Want,
    printer: &Printer,
) -> Done {
    // What the log holds now: lines that come later are `-f`'s.
    let start = read(session, &log, 1, 1).await?;
    let range = want.of(start.total_lines);
    let last = range.last.min(start.total_lines);
    if want.is_whole() {
        printer.header(&start.header, session.io)?;
    }
    let mut next = range.first;
    while next <= last {
        let page = read(session, &log, next, (last - next + 1).min(PAGE)).await?;
        let before = next;
        for line in page.lines.iter().filter(|line| (next..=last).contains(&line.number)) {
            printer.line(line, session.io)?;
        }
        next = page.lines.last().map_or(next, |line| line.number + 1);
        // A master that has no more than it said it had must not keep us here.
        if next <= before {
            break;
        }
    }
    if want.is_whole() {
        printer.header(&start.footer, session.io)?;
    }
    Ok(ExitCode::DONE)
}

/// One window. Reading may be repeated, so a short absence of the master does not end a long reading.
pub(super) async fn read(
    session: &mut Session<'_>,
    log: &str,
    from: u64,
    lines: u64,
) -> Result<LogLines, Stop> {
    let request = ReadLogRequest {
        log: log.to_owned(),
        from_line: i64::try_from(from).unwrap_or(i64::MAX),
        lines: u32::try_from(lines).unwrap_or(u32::MAX),
        at_ms: None,
    };
    session
        .persist(Patience::at_most(VERB_PATIENCE), async |master: &Master| {
            master.console().read_log(request.clone()).await
        })
        .await
}
