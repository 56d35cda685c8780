//! Opens the database of a state folder, or says in one sentence why not (F16, F18, F19).

use std::path::Path;

use rusqlite::{Connection, OpenFlags, Result};

use super::super::StoreError;
use super::fault::fault;
use super::migrate::{APPLICATION, migrate, steps, version};
use super::row;

/// The database, in the state folder.
pub(super) const FILE: &str = "linn.db";
/// Statements kept prepared.
const STATEMENTS: usize = 64;
/// After a crash a database up to this size is looked through before it is used: some tens of milliseconds.
const CHECK_AT_MOST: u64 = 32 * 1024 * 1024;

/// Every database is some of these long.
const SMALLEST_PAGE: u64 = 512;

/// Opens for writing; makes or migrates what has to be.
pub(super) fn open(file: &Path, after_crash: bool) -> Result<Connection, StoreError> {
    let failed = |error: rusqlite::Error| fault(file, &error);
    let size = std::fs::metadata(file).map_or(0, |meta| meta.len());
    let mut connection = Connection::open(file).map_err(failed)?;
    let known = steps();
    let found = version(&connection).map_err(failed)?;
    let application: i32 =
        connection.query_row("PRAGMA application_id", (), |row| row.get(0)).map_err(failed)?;
    let corrupt = |detail: &str| StoreError::Corrupt {
        file: file.display().to_string(),
        detail: detail.to_owned(),
    };
    // A file of ours without our mark is one whose making was cut off: it has no tables yet.
    let unmarked = size > 0 && application != APPLICATION;
    if unmarked && (application != 0 || found != 0 || tables(&connection).map_err(failed)? > 0) {
        return Err(corrupt("it is another program's database; choose another folder"));
    }
    if unmarked && !size.is_multiple_of(SMALLEST_PAGE) {
        return Err(corrupt("it was cut short; put a backup in its place, or move it away"));
    }
    if found as usize > known.len() {
        return Err(StoreError::Newer {
            file: file.display().to_string(),
            found,
            known: u32::try_from(known.len()).unwrap_or(u32::MAX),
        });
    }
    if after_crash && size > 0 && size <= CHECK_AT_MOST {
        check(file, &connection)?;
    }
    tune(&connection).map_err(failed)?;
    let backup = file.with_extension(format!("db.v{found}"));
    migrate(&mut connection, &known, &backup).map_err(failed)?;
    Ok(connection)
}

/// How many tables there are, whoever made them.
fn tables(connection: &Connection) -> Result<u64> {
    connection.query_row("SELECT count(*) FROM sqlite_schema", (), |row| row::id(row, 0))
}

fn tune(connection: &Connection) -> Result<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // Acknowledged means durable: with NORMAL a power cut takes back the last commits (reliability.md, decision 1).
    connection.pragma_update(None, "synchronous", "FULL")?;
    // In KiB when negative.
    connection.pragma_update(None, "cache_size", -4096)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    // A thread of its own does it sooner; this is for when that cannot keep up.
    connection.pragma_update(None, "wal_autocheckpoint", 4000)?;
    // Somebody may look into the file with other tools; they do not take long.
    connection.busy_timeout(std::time::Duration::from_secs(5))
}

/// Opens for reading only.
pub(super) fn open_for_reading(file: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.pragma_update(None, "cache_size", -1024)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    Ok(connection)
}

/// Looks for torn pages.
fn check(file: &Path, connection: &Connection) -> Result<(), StoreError> {
    let said: String = connection
        .query_row("PRAGMA quick_check(1)", (), |row| row.get(0))
        .map_err(|error| fault(file, &error))?;
    if said == "ok" {
        return Ok(());
    }
    let first = said.lines().next().unwrap_or_default();
    let detail = format!("{first}; put a backup in its place, or move it away to begin anew");
    Err(StoreError::Corrupt { file: file.display().to_string(), detail })
}
