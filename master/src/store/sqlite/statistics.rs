//! What the steps of a builder's builds counted, over time (C33).

use rusqlite::{Connection, Result, Row, params};

use super::super::{Statistic, StatisticFilter, StoreError};
use super::load::all;
use super::query::Queries;
use super::row::count;

impl Queries {
    /// Numbers of a builder's builds, newest first; of each name at most `limit`. A build that several steps of gave a number
    /// of one name has their sum.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn statistics(&self, filter: &StatisticFilter) -> Result<Vec<Statistic>, StoreError> {
        self.ask(|db| statistics(db, filter))
    }
}

fn statistics(db: &Connection, filter: &StatisticFilter) -> Result<Vec<Statistic>> {
    let read = |row: &Row<'_>| {
        Ok(Statistic { number: row.get(0)?, name: row.get(1)?, value: row.get(2)? })
    };
    let before = filter.before.map_or(i64::from(u32::MAX) + 1, i64::from);
    let (builder, limit) = (filter.builder.as_str(), count(filter.limit));
    match &filter.name {
        Some(name) if name != SECONDS && !name.starts_with(OF_A_STEP) => {
            let sql = "SELECT number, name, value FROM statistic \
                 WHERE builder = ?1 AND name = ?2 AND number < ?3 ORDER BY number DESC LIMIT ?4";
            all(db, sql, params![builder, name, before, limit], read)
        }
        Some(name) => {
            let sql = format!(
                "WITH {TOLD} SELECT number, name, value FROM told WHERE name = ?4 ORDER BY number DESC LIMIT ?3"
            );
            all(db, &sql, params![builder, before, limit, name], read)
        }
        None => {
            let sql = format!(
                "WITH {TOLD} SELECT number, name, value FROM (\
                 SELECT number, name, value, row_number() OVER (PARTITION BY name ORDER BY number DESC) AS nth FROM told) \
                 WHERE nth <= ?3 ORDER BY number DESC, name LIMIT ?4"
            );
            let most = count(super::super::MAX_STATISTICS);
            all(db, &sql, params![builder, before, limit, most], read)
        }
    }
}

/// How long a build took: worked out, not kept, for it stands with the build already. A number of that name that a step gave is
/// heard instead.
const SECONDS: &str = "seconds";
/// The same of a step, before its name.
const OF_A_STEP: &str = "seconds/";

/// Every number of a builder's (`?1`) builds below a number (`?2`); of what is worked out, that of the newest `?3` builds.
const TOLD: &str = "
    kept AS (SELECT number, name, value FROM statistic WHERE builder = ?1 AND number < ?2),
    recent AS (
        SELECT number, started_at, complete_at, steps FROM build
        WHERE builder = ?1 AND number < ?2 AND complete_at IS NOT NULL ORDER BY number DESC LIMIT ?3),
    timed AS (
        SELECT number, 'seconds' AS name, (complete_at - started_at) / 1000.0 AS value FROM recent
        UNION ALL
        SELECT number, 'seconds/' || (step.value ->> 'name'),
            ((step.value ->> 'ended') - (step.value ->> 'started')) / 1000.0
        FROM recent, json_each(recent.steps) AS step
        WHERE step.value ->> 'ended' IS NOT NULL AND step.value ->> 'started' IS NOT NULL),
    told AS (
        SELECT number, name, value FROM kept
        UNION ALL
        SELECT number, name, value FROM timed WHERE (number, name) NOT IN (SELECT number, name FROM kept))";
