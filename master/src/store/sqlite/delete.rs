//! Deletes what retention has chosen, in the transaction of its record; the files follow after the commit.

use std::collections::BTreeSet;

use linn_core::id::{BuilderName, RequestId};
use linn_core::model::{Deletion, GoneBuild};
use linn_core::record::Record;
use linn_core::state::Retained;
use linn_core::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, Result, params};

use super::load::all;
use super::row::{self, Asked, Given, int};

/// Deletes the rows of a bite. What stays and is only marked is the caller's.
pub(super) fn delete(db: &Connection, deletion: &Deletion) -> Result<()> {
    for gone in &deletion.builds {
        build(db, gone, deletion.at)?;
    }
    for gone in &deletion.artifacts {
        artifacts(db, gone)?;
    }
    statistics(db, deletion)?;
    for id in &deletion.buildsets {
        let given: Option<Asked<'static>> = db
            .prepare_cached("SELECT given FROM buildset WHERE id = ?1")?
            .query_row([int(id.0)], |row| row::json(row, 0))
            .optional()?;
        for RequestId(request) in given.iter().flat_map(|given| given.requests.iter().copied()) {
            db.prepare_cached("DELETE FROM build_request WHERE id = ?1")?
                .execute([int(request)])?;
        }
        db.prepare_cached("DELETE FROM buildset WHERE id = ?1")?.execute([int(id.0)])?;
    }
    for id in &deletion.changes {
        // Its key stays: the same change told again is known.
        db.prepare_cached("DELETE FROM change WHERE id = ?1")?.execute([int(id.0)])?;
    }
    for digest in &deletion.configs {
        db.prepare_cached("DELETE FROM config_source WHERE digest = ?1")?
            .execute([digest.as_str()])?;
    }
    Ok(())
}

fn build(db: &Connection, gone: &GoneBuild, at: Timestamp) -> Result<()> {
    let id = int(gone.id.0);
    let given: Option<Given<'static>> = db
        .prepare_cached("SELECT given FROM build WHERE id = ?1")?
        .query_row([id], |row| row::json(row, 0))
        .optional()?;
    let Some(given) = given else { return Ok(()) };
    for branch in given.stamps.iter().filter_map(|stamp| stamp.branch.as_deref()) {
        db.prepare_cached("DELETE FROM build_branch WHERE branch = ?1 AND build = ?2")?
            .execute(params![branch, id])?;
    }
    artifacts(db, gone)?;
    db.prepare_cached("DELETE FROM build WHERE id = ?1")?.execute([id])?;
    db.prepare_cached(
        "INSERT OR REPLACE INTO deleted_build (builder, number, id, ended, at) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![gone.build.builder.as_str(), gone.build.number, id, gone.ended.0, at.0])?;
    Ok(())
}

fn artifacts(db: &Connection, gone: &GoneBuild) -> Result<()> {
    db.prepare_cached("DELETE FROM artifact WHERE build = ?1")?.execute([int(gone.id.0)])?;
    Ok(())
}

/// Numbers lie by builder and name first, so each name of a builder is asked for once.
fn statistics(db: &Connection, deletion: &Deletion) -> Result<()> {
    let builders: BTreeSet<&BuilderName> =
        deletion.statistics.iter().map(|gone| &gone.build.builder).collect();
    for builder in builders {
        let names = names(db, builder)?;
        let mut delete = db.prepare_cached(
            "DELETE FROM statistic WHERE builder = ?1 AND name = ?2 AND number = ?3",
        )?;
        let of = deletion.statistics.iter().filter(|gone| gone.build.builder == *builder);
        for gone in of {
            for name in &names {
                delete.execute(params![builder.as_str(), name, gone.build.number])?;
            }
        }
    }
    Ok(())
}

/// The names under which a builder's builds have counted: one look into the key for each.
fn names(db: &Connection, builder: &BuilderName) -> Result<Vec<String>> {
    let sql = "WITH RECURSIVE known (name) AS (
            SELECT min(name) FROM statistic WHERE builder = ?1
            UNION ALL
            SELECT (SELECT min(name) FROM statistic WHERE builder = ?1 AND name > known.name)
            FROM known WHERE known.name IS NOT NULL
        )
        SELECT name FROM known WHERE name IS NOT NULL";
    all(db, sql, [builder.as_str()], |row| row.get(0))
}

/// Where retention stands.
pub(super) fn retained(db: &Connection) -> Result<Retained> {
    db.query_row("SELECT rules, since, last FROM retention", (), |row| {
        Ok(Retained {
            rules: row.get(0)?,
            since: Timestamp(row.get(1)?),
            last: row::moment(row, 2)?,
        })
    })
}

/// Applies a record to that.
pub(super) fn learn(db: &Connection, record: &Record) -> Result<()> {
    let mut it = retained(db)?;
    it.learn(record);
    db.prepare_cached("UPDATE retention SET rules = ?1, since = ?2, last = ?3")?
        .execute(params![it.rules, it.since.0, it.last.map(|at| at.0)])?;
    Ok(())
}
