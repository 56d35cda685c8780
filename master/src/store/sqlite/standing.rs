//! Where schedulers stand: rows that change seldom enough to be read and written at once.

use std::collections::BTreeMap;

use linn_core::id::SchedulerName;
use linn_core::record::Record;
use linn_core::state::Standing;
use linn_core::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, Result, Row, params};

use super::load::all;
use super::row::int;

const COLUMNS: &str = "switched, schedule, since, watches, unsure, last, name";

fn standing(row: &Row<'_>) -> Result<Standing> {
    Ok(Standing {
        switched: row.get(0)?,
        schedule: row.get(1)?,
        since: Timestamp(row.get(2)?),
        watches: row.get(3)?,
        unsure: row.get(4)?,
        last: row.get::<_, Option<i64>>(5)?.map(Timestamp),
    })
}

/// All of them.
pub(super) fn load(db: &Connection) -> Result<BTreeMap<SchedulerName, Standing>> {
    let sql = format!("SELECT {COLUMNS} FROM scheduler");
    let read = |row: &Row<'_>| Ok((SchedulerName::from(row.get_ref(6)?.as_str()?), standing(row)?));
    Ok(all(db, &sql, (), read)?.into_iter().collect())
}

/// Applies a record to a scheduler's row, which it begins if it may.
pub(super) fn change(
    db: &Connection,
    seq: u64,
    name: &SchedulerName,
    record: &Record,
) -> Result<()> {
    let sql = format!("SELECT {COLUMNS} FROM scheduler WHERE name = ?1");
    let found = db.prepare_cached(&sql)?.query_row([name.as_str()], standing).optional()?;
    let Some(mut it) = found.or_else(|| Standing::begins_with(record).then(Standing::default))
    else {
        return Ok(());
    };
    it.learn(record);
    db.prepare_cached(
        "INSERT OR REPLACE INTO scheduler (name, seq, switched, schedule, since, watches, unsure, last) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?
    .execute(params![
        name.as_str(),
        int(seq),
        it.switched,
        it.schedule,
        it.since.0,
        it.watches,
        it.unsure,
        it.last.map(|at| at.0),
    ])?;
    Ok(())
}
