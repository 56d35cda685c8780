//! Reads history for retention: all of it in one moment, as light as the decision allows.

use std::collections::{BTreeMap, BTreeSet};

use linn_core::config::{HistoryKind, Limits};
use linn_core::id::{
    BuildId, BuildRef, BuilderName, BuildsetId, ChangeId, ConfigDigest, RequestId,
};
use linn_core::model::GoneBuild;
use linn_core::retention::{BuildRow, BuildsetRow, ChangeRow, Chosen, History, StatisticsRow};
use linn_core::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, Result, Row, params};
use serde::Deserialize;

use super::super::StoreError;
use super::load::all;
use super::query::Queries;
use super::row::{self, int};

impl Queries {
    /// What rules speak of, as it is at one moment.
    ///
    /// # Errors
    /// When the database cannot be read; so for all of these.
    pub fn history(&self, limits: &Limits) -> Result<History, StoreError> {
        self.ask(|db| {
            // Several statements see one moment in a transaction only.
            let moment = db.unchecked_transaction()?;
            let history = history(&moment, limits);
            drop(moment);
            history
        })
    }

    /// Fills in what the files of what was chosen take, as they were recorded, and answers the digests of the artifacts.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn weigh(&self, chosen: &mut Chosen) -> Result<BTreeSet<String>, StoreError> {
        self.ask(|db| {
            let mut digests = BTreeSet::new();
            for gone in &mut chosen.builds {
                gone.bytes = logs(db, gone)?.saturating_add(artifacts(db, gone, &mut digests)?);
            }
            for gone in &mut chosen.logs {
                gone.bytes = logs(db, gone)?;
            }
            for gone in &mut chosen.artifacts {
                gone.bytes = artifacts(db, gone, &mut digests)?;
            }
            Ok(digests)
        })
    }

    /// When a build was deleted, if retention did that.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn deleted(&self, build: &BuildRef) -> Result<Option<Timestamp>, StoreError> {
        let sql = "SELECT at FROM deleted_build WHERE builder = ?1 AND number = ?2";
        self.ask(|db| {
            db.prepare_cached(sql)?
                .query_row(params![build.builder.as_str(), build.number], |row| row.get(0))
                .optional()
                .map(|at| at.map(Timestamp))
        })
    }

    /// Of these builds, those whose logs retention has deleted, with the build or without. What the database has never heard of
    /// is none of them.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn without_logs(&self, builds: &[BuildId]) -> Result<Vec<BuildId>, StoreError> {
        let sql = "SELECT keeping FROM build WHERE id = ?1";
        let gone = "SELECT 1 FROM deleted_build WHERE id = ?1";
        self.ask(|db| {
            let mut found = db.prepare_cached(sql)?;
            let mut gone = db.prepare_cached(gone)?;
            let mut unwanted = Vec::new();
            for id in builds {
                let read = |row: &Row<'_>| row::keeping(row, 0);
                let kept = found.query_row([int(id.0)], read).optional()?;
                let deleted = match kept {
                    Some(kept) => kept.logs.is_some(),
                    None => gone.exists([int(id.0)])?,
                };
                if deleted {
                    unwanted.push(*id);
                }
            }
            Ok(unwanted)
        })
    }

    /// Whether a build names an artifact of this digest.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn is_named(&self, sha256: &str) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM artifact WHERE sha256 = ?1 LIMIT 1";
        self.ask(|db| db.prepare_cached(sql)?.exists([sha256]))
    }
}

fn history(db: &Connection, limits: &Limits) -> Result<History> {
    let changes = limits.of_changes().is_some();
    let mut history = History::default();
    let of_builds = [HistoryKind::Builds, HistoryKind::Logs, HistoryKind::Artifacts];
    if changes || of_builds.into_iter().any(|what| limits.speak_of(what)) {
        builds(db, changes, &mut history.builds)?;
    }
    if limits.speak_of(HistoryKind::Statistics) {
        statistics(db, &mut history.statistics)?;
    }
    if changes || limits.speak_of(HistoryKind::Builds) {
        history.buildsets = buildsets(db, changes)?;
    }
    if limits.speak_of(HistoryKind::Builds) {
        let sql = "SELECT DISTINCT digest FROM config_source";
        let read = |row: &Row<'_>| Ok(ConfigDigest::from(row.get_ref(0)?.as_str()?));
        history.configs = all(db, sql, (), read)?.into_iter().collect();
    }
    if changes {
        let sql = "SELECT id, body ->> '$.received_at' FROM change ORDER BY id";
        history.changes = all(db, sql, (), |row| {
            Ok(ChangeRow { id: ChangeId(row::id(row, 0)?), received: Timestamp(row.get(1)?) })
        })?;
    }
    Ok(history)
}

fn builds(
    db: &Connection,
    changes: bool,
    into: &mut BTreeMap<BuilderName, Vec<BuildRow>>,
) -> Result<()> {
    let named = if changes { "given, found" } else { "NULL, NULL" };
    let sql = format!(
        "SELECT id, builder, number, buildset, complete_at, config, keeping, \
         EXISTS (SELECT 1 FROM artifact WHERE artifact.build = build.id), {named} \
         FROM build WHERE complete_at IS NOT NULL ORDER BY builder, number"
    );
    let mut rows = db.prepare_cached(&sql)?;
    let mut rows = rows.query(())?;
    // Most builds in a row share a recipe: one text serves them all.
    let mut config = ConfigDigest::from("");
    while let Some(row) = rows.next()? {
        let digest = row.get_ref(5)?.as_str()?;
        if config.as_str() != digest {
            config = digest.into();
        }
        let build = BuildRow {
            id: BuildId(row::id(row, 0)?),
            number: row.get(2)?,
            buildset: BuildsetId(row::id(row, 3)?),
            ended: Timestamp(row.get(4)?),
            logs: row::keeping(row, 6)?.logs.is_none(),
            artifacts: row.get(7)?,
            config: config.clone(),
            changes: if changes { changes_of(row)? } else { Vec::new() },
        };
        let builder = row.get_ref(1)?.as_str()?;
        match into.get_mut(builder) {
            Some(of) => of.push(build),
            None => drop(into.insert(builder.into(), vec![build])),
        }
    }
    Ok(())
}

#[derive(Deserialize)]
struct BareStamps {
    stamps: Vec<BareStamp>,
}

#[derive(Deserialize)]
struct BareStamp {
    #[serde(default)]
    changes: Vec<ChangeId>,
}

#[derive(Deserialize)]
struct BareFound {
    blame: BareBlame,
}

#[derive(Deserialize)]
struct BareBlame {
    changes: Vec<ChangeId>,
    since_good: BareSince,
}

#[derive(Deserialize)]
struct BareSince {
    changes: Vec<ChangeId>,
}

/// The changes that a build names: of its stamps, and of its blame.
fn changes_of(row: &Row<'_>) -> Result<Vec<ChangeId>> {
    let mut changes = stamped(row, 8)?;
    let blame = row::json::<BareFound>(row, 9)?.blame;
    changes.extend(blame.changes);
    changes.extend(blame.since_good.changes);
    changes.sort_unstable();
    changes.dedup();
    Ok(changes)
}

fn stamped(row: &Row<'_>, column: usize) -> Result<Vec<ChangeId>> {
    let stamps = row::json::<BareStamps>(row, column)?.stamps;
    Ok(stamps.into_iter().flat_map(|stamp| stamp.changes).collect())
}

/// What is counted goes by the end of its build, which may have been deleted since.
fn statistics(db: &Connection, into: &mut BTreeMap<BuilderName, Vec<StatisticsRow>>) -> Result<()> {
    let sql = "SELECT told.builder, told.number, coalesce(build.complete_at, gone.ended), build.id \
         FROM (SELECT DISTINCT builder, number FROM statistic) AS told \
         LEFT JOIN build ON build.builder = told.builder AND build.number = told.number \
         LEFT JOIN deleted_build AS gone ON gone.builder = told.builder AND gone.number = told.number \
         WHERE coalesce(build.complete_at, gone.ended) IS NOT NULL ORDER BY 1, 2";
    let read = |row: &Row<'_>| {
        let told = StatisticsRow {
            number: row.get(1)?,
            ended: Timestamp(row.get(2)?),
            id: row.get::<_, Option<i64>>(3)?.map(|id| BuildId(id.cast_unsigned())),
        };
        Ok((BuilderName::from(row.get_ref(0)?.as_str()?), told))
    };
    for (builder, told) in all(db, sql, (), read)? {
        into.entry(builder).or_default().push(told);
    }
    Ok(())
}

fn buildsets(db: &Connection, changes: bool) -> Result<Vec<BuildsetRow>> {
    let mut requests: BTreeMap<RequestId, (BuilderName, Vec<BuildId>)> = BTreeMap::new();
    let sql = "SELECT id, builder, builds FROM build_request WHERE complete_at IS NOT NULL";
    let read = |row: &Row<'_>| {
        let builds: Vec<(BuildId, u32)> = row::json(row, 2)?;
        let builds = builds.into_iter().map(|(id, _)| id).collect();
        Ok((RequestId(row::id(row, 0)?), (row.get_ref(1)?.as_str()?.into(), builds)))
    };
    requests.extend(all(db, sql, (), read)?);
    let sql =
        "SELECT id, complete_at, given FROM buildset WHERE complete_at IS NOT NULL ORDER BY id";
    let read = |row: &Row<'_>| {
        #[derive(Deserialize)]
        struct BareRequests {
            requests: Vec<RequestId>,
        }
        let given: BareRequests = row::json(row, 2)?;
        Ok(BuildsetRow {
            id: BuildsetId(row::id(row, 0)?),
            ended: Timestamp(row.get(1)?),
            requests: given.requests.iter().filter_map(|id| requests.remove(id)).collect(),
            changes: if changes { stamped(row, 2)? } else { Vec::new() },
        })
    };
    all(db, sql, (), read)
}

/// The bytes of a build's logs; of those that were deleted, none.
fn logs(db: &Connection, gone: &GoneBuild) -> Result<u64> {
    #[derive(Deserialize)]
    struct BareStep {
        #[serde(default)]
        logs: Vec<BareLog>,
    }
    #[derive(Deserialize)]
    struct BareLog {
        #[serde(default)]
        bytes: u64,
    }
    let read = |row: &Row<'_>| {
        if row::keeping(row, 1)?.logs.is_some() {
            return Ok(0);
        }
        let steps: Vec<BareStep> = row::json(row, 0)?;
        Ok(steps.iter().flat_map(|step| &step.logs).map(|log| log.bytes).sum())
    };
    let found = db
        .prepare_cached("SELECT steps, keeping FROM build WHERE id = ?1")?
        .query_row([int(gone.id.0)], read);
    Ok(found.optional()?.unwrap_or(0))
}

/// The bytes of a build's artifacts.
fn artifacts(db: &Connection, gone: &GoneBuild, digests: &mut BTreeSet<String>) -> Result<u64> {
    let sql = "SELECT bytes, sha256 FROM artifact WHERE build = ?1";
    let read = |row: &Row<'_>| Ok((row::id(row, 0)?, row.get::<_, String>(1)?));
    let mut bytes = 0_u64;
    for (size, sha256) in all(db, sql, [int(gone.id.0)], read)? {
        bytes = bytes.saturating_add(size);
        digests.insert(sha256);
    }
    Ok(bytes)
}
