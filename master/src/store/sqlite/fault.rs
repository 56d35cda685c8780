//! What SQLite says, in words for people: which file, what is wrong, what to do.

use std::path::Path;

use rusqlite::{Error, ErrorCode};

use super::super::StoreError;

/// Sorts an error of SQLite.
pub(super) fn fault(file: &Path, error: &Error) -> StoreError {
    let name = file.display().to_string();
    let what_to_do = "move it away to begin anew, or put a backup in its place; it was not changed";
    match (error, error.sqlite_error_code()) {
        (_, Some(ErrorCode::NotADatabase)) => StoreError::Corrupt {
            file: name,
            detail: format!("it is no linn database; {what_to_do}"),
        },
        (_, Some(ErrorCode::DatabaseCorrupt)) => {
            StoreError::Corrupt { file: name, detail: format!("{error}; {what_to_do}") }
        }
        (Error::FromSqlConversionFailure(..) | Error::InvalidColumnType(..), _) => {
            StoreError::Corrupt {
                file: name,
                detail: format!("a row cannot be read: {error}; {what_to_do}"),
            }
        }
        (_, Some(ErrorCode::DiskFull)) => StoreError::Full { file: name },
        (_, Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied)) => {
            StoreError::Other {
                file: name,
                detail: format!("{error}; its folder must be writable for this user"),
            }
        }
        _ => StoreError::Other { file: name, detail: error.to_string() },
    }
}
