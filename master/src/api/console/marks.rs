//! Where the errors and warnings of a log are.

use std::sync::Arc;

use linn_proto::console::{LogMarksReply, LogMarksRequest};
use tonic::Status;

use super::super::Doors;
use super::log::{failed, find};
use crate::logs::MAX_MARKS;

/// Finds them.
pub(super) async fn marks(
    doors: &Arc<Doors>,
    asked: LogMarksRequest,
) -> Result<LogMarksReply, Status> {
    let log = find(doors, &asked.log).await?;
    let limit = match asked.limit {
        0 => MAX_MARKS,
        limit => usize::try_from(limit).unwrap_or(usize::MAX),
    };
    let mut marks = doors.logs.marks(&log.key).await.map_err(|error| failed(&error))?;
    marks.errors.truncate(limit);
    marks.warnings.truncate(limit);
    let lengths = doors.logs.lengths(&log.key).await.map_err(|error| failed(&error))?;
    Ok(LogMarksReply {
        errors: marks.errors,
        warnings: marks.warnings,
        total_lines: lengths.lines,
        marked_to: marks.marked_to,
    })
}
