//! From any older schema to ours, in one transaction (I12).

use std::path::Path;

use rusqlite::{Connection, Result};

use super::row::count;

/// `schema.sql`, from its first step on.
const SCHEMA: &str = include_str!("schema.sql");
/// What begins a step.
const MARK: &str = "\n-- step ";

/// `linn` in ASCII: what kind of file this is, for `file` and for us.
pub(super) const APPLICATION: i32 = 0x6c69_6e6e;

/// The steps, in order; the first is number 1.
pub(super) fn steps() -> Vec<&'static str> {
    SCHEMA
        .split(MARK)
        .skip(1)
        .map(|step| step.split_once('\n').map_or("", |(_number, sql)| sql))
        .collect()
}

/// The schema that a database has; 0: none yet.
pub(super) fn version(connection: &Connection) -> Result<u32> {
    connection.query_row("PRAGMA user_version", (), |row| row.get(0))
}

/// Applies the steps that are missing. A database with rows is copied to `backup` first.
pub(super) fn migrate(connection: &mut Connection, steps: &[&str], backup: &Path) -> Result<()> {
    let found = version(connection)?;
    let missing = steps.get(found as usize..).unwrap_or_default();
    if missing.is_empty() {
        return Ok(());
    }
    if found > 0 {
        copy(connection, backup)?;
    }
    let transaction =
        connection.transaction_with_behavior(rusqlite::TransactionBehavior::Exclusive)?;
    for step in missing {
        transaction.execute_batch(step)?;
    }
    if found == 0 {
        transaction.execute("INSERT INTO meta VALUES ('epoch', randomblob(16))", ())?;
        transaction.pragma_update(None, "application_id", APPLICATION)?;
    }
    transaction.pragma_update(None, "user_version", count(steps.len()))?;
    transaction.commit()
}

/// Copies a database. Under its name the copy is whole and durable; one that was cut off is made anew.
fn copy(connection: &Connection, to: &Path) -> Result<()> {
    let draft = to.with_extension("new");
    let failed = |error: std::io::Error| rusqlite::Error::ToSqlConversionFailure(error.into());
    match std::fs::remove_file(&draft) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    connection.execute("VACUUM INTO ?1", [draft.to_string_lossy()])?;
    let durable = || {
        std::fs::File::open(&draft)?.sync_all()?;
        std::fs::rename(&draft, to)?;
        to.parent().map_or(Ok(()), |folder| std::fs::File::open(folder)?.sync_all())
    };
    durable().map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(connection: &Connection) -> Vec<String> {
        let mut sql = connection
            .prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name")
            .unwrap();
        sql.query_map((), |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    #[test]
    fn steps_one_by_one_give_the_schema_of_all_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let all = steps();
        assert!(!all.is_empty() && all.iter().all(|step| step.contains(';')));
        for (nth, line) in
            SCHEMA.lines().filter(|line| line.starts_with(MARK.trim_start())).enumerate()
        {
            assert_eq!(
                line,
                format!("{}{}", MARK.trim_start(), nth + 1),
                "steps are numbered in order"
            );
        }
        let mut at_once = Connection::open_in_memory().unwrap();
        migrate(&mut at_once, &all, Path::new("none")).unwrap();
        let mut one_by_one = Connection::open(folder.path().join("db")).unwrap();
        for count in 1..=all.len() {
            let backup = folder.path().join(format!("backup-{count}"));
            migrate(&mut one_by_one, &all[..count], &backup).unwrap();
        }
        assert_eq!(shape(&at_once), shape(&one_by_one));
        assert_eq!(version(&at_once).unwrap() as usize, all.len());
    }

    /// I12: one transaction, and a copy of what was before.
    #[test]
    fn a_step_that_fails_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut connection = Connection::open(folder.path().join("db")).unwrap();
        let mut all = steps();
        migrate(&mut connection, &all, Path::new("none")).unwrap();
        let before = shape(&connection);
        all.extend([
            "CREATE TABLE more (x INTEGER) STRICT;",
            "CREATE TABLE more (y INTEGER) STRICT;",
        ]);
        let backup = folder.path().join("backup");
        assert!(migrate(&mut connection, &all, &backup).is_err());
        assert_eq!(shape(&connection), before);
        assert_eq!(shape(&Connection::open(&backup).unwrap()), before);
    }
}
