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
        Some(name) => {
            let sql = "SELECT number, name, value FROM statistic \
                 WHERE builder = ?1 AND name = ?2 AND number < ?3 ORDER BY number DESC LIMIT ?4";
            all(db, sql, params![builder, name, before, limit], read)
        }
        None => {
            let sql = "SELECT number, name, value FROM (\
                 SELECT number, name, value, row_number() OVER (PARTITION BY name ORDER BY number DESC) AS nth \
                 FROM statistic WHERE builder = ?1 AND number < ?2) \
                 WHERE nth <= ?3 ORDER BY number DESC, name LIMIT ?4";
            let most = count(super::super::MAX_STATISTICS);
            all(db, sql, params![builder, before, limit, most], read)
        }
    }
}
