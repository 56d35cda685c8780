//! Everything a state is made of: what is not over, and the tails that [`Tables`] names. No table is read whole.

use std::collections::{BTreeMap, BTreeSet};

use linn_core::change::{Change, Commit, SourceStamp};
use linn_core::id::{BuildId, BuilderName, ChangeId, SchedulerName, SourceName};
use linn_core::model::{Build, Buildset};
use linn_core::results::Results;
use linn_core::state::{
    Built, LastIds, SourceCursor, TAIL_ANSWERS, TAIL_BUILDS, TAIL_BUILT, TAIL_CHANGES,
    TAIL_COMMITS, TAIL_KEYS, Tables, Tree,
};
use linn_core::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, Params, Result, Row};
use serde::Deserialize;

use super::row::{self, count, int};
use super::standing;
use super::work::Latest;

/// Reads all of it.
pub(super) fn load(db: &Connection) -> Result<Tables> {
    let latest = latest(db)?;
    let numbers = numbers(db)?;
    let last = LastIds {
        change: newest(db, "change")?,
        buildset: newest(db, "buildset")?,
        request: newest(db, "build_request")?,
        build: newest(db, "build")?,
        log: latest.log,
        command: latest.command,
    };
    let buildsets = all(
        db,
        &format!("SELECT {} FROM buildset WHERE complete_at IS NULL ORDER BY id", row::BUILDSET),
        (),
        row::buildset,
    )?;
    let (builds, built, deleted) = builds(db, &numbers)?;
    let waiting = all(
        db,
        "SELECT scheduler, change, important FROM scheduler_change ORDER BY scheduler, change",
        (),
        |row| {
            let scheduler = SchedulerName::from(row.get_ref(0)?.as_str()?);
            Ok((scheduler, ChangeId(row::id(row, 1)?), row.get(2)?))
        },
    )?;
    let named = named_changes(&buildsets, &builds, &waiting);
    Ok(Tables {
        changes: changes(db, last.change, &named)?,
        keys: keys(db)?,
        commits: commits(db)?,
        requests: requests(db, &buildsets)?,
        buildsets,
        builds,
        built,
        workers: all(
            db,
            &format!("SELECT {} FROM worker ORDER BY name", row::WORKER),
            (),
            row::worker,
        )?,
        waiting,
        standings: standing::load(db)?,
        sources: sources(db)?,
        answers: answers(db)?,
        deleted,
        pins: all(db, "SELECT id FROM build WHERE pinned ORDER BY id", (), |row| {
            Ok(BuildId(row::id(row, 0)?))
        })?,
        retained: super::delete::retained(db)?,
        last,
        numbers,
        config: latest.config,
    })
}

/// All rows of a query.
pub(super) fn all<T>(
    db: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnMut(&Row<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    db.prepare_cached(sql)?.query_map(params, read)?.collect()
}

/// Ids that no table can tell.
pub(super) fn latest(db: &Connection) -> Result<Latest> {
    db.query_row("SELECT log, command, config FROM latest", (), |row| {
        Ok(Latest {
            log: row::id(row, 0)?,
            command: row::id(row, 1)?,
            config: row::digest(row, 2)?,
        })
    })
}

fn newest(db: &Connection, table: &str) -> Result<u64> {
    let sql = format!("SELECT coalesce(max(id), 0) FROM {table}");
    db.query_row(&sql, (), |row| row::id(row, 0))
}

/// The last build number of each builder: one look into the index for each builder, not for each build.
fn numbers(db: &Connection) -> Result<BTreeMap<BuilderName, u32>> {
    let sql = "WITH RECURSIVE known (builder) AS (
            SELECT min(builder) FROM build
            UNION ALL
            SELECT (SELECT min(build.builder) FROM build WHERE build.builder > known.builder)
            FROM known WHERE known.builder IS NOT NULL
        )
        SELECT builder, (SELECT max(number) FROM build WHERE build.builder = known.builder)
        FROM known WHERE builder IS NOT NULL";
    let pairs =
        all(db, sql, (), |row| Ok((BuilderName::from(row.get_ref(0)?.as_str()?), row.get(1)?)))?;
    Ok(pairs.into_iter().collect())
}

/// Unfinished builds, and of each builder the last finished ones: some whole, more of them only for blame. Those that were
/// deleted count, so that nothing older moves up.
fn builds(
    db: &Connection,
    builders: &BTreeMap<BuilderName, u32>,
) -> Result<(Vec<Build>, Vec<Built>, Vec<(BuilderName, u32)>)> {
    let unfinished = format!("SELECT {} FROM build WHERE complete_at IS NULL", row::BUILD);
    let whole = format!(
        "SELECT {} FROM build WHERE builder = ?1 AND complete_at IS NOT NULL ORDER BY number DESC LIMIT ?2",
        row::BUILD
    );
    let for_blame = "SELECT id, number, results, given, found FROM build \
         WHERE builder = ?1 AND complete_at IS NOT NULL ORDER BY number DESC LIMIT ?2";
    let places =
        "SELECT number FROM deleted_build WHERE builder = ?1 ORDER BY number DESC LIMIT ?2";
    let mut builds = all(db, &unfinished, (), row::build)?;
    let mut built = Vec::new();
    let mut deleted = Vec::new();
    for builder in builders.keys() {
        let name = builder.as_str();
        let most = (name, count(TAIL_BUILT));
        let gone: Vec<u32> = all(db, places, most, |row| row.get(0))?;
        let mut whole = all(db, &whole, (name, count(TAIL_BUILDS)), row::build)?;
        let mut trees = all(db, for_blame, most, |row| trees(builder, row))?;
        if !gone.is_empty() {
            let mut places: Vec<u32> =
                trees.iter().map(|it| it.number).chain(gone.iter().copied()).collect();
            places.sort_unstable_by(|a, b| b.cmp(a));
            let edge = |tail: usize| places.get(tail - 1).copied().unwrap_or(0);
            whole.retain(|build| build.number >= edge(TAIL_BUILDS));
            trees.retain(|built| built.number >= edge(TAIL_BUILT));
            let within = gone.into_iter().rev().filter(|number| *number >= edge(TAIL_BUILT));
            deleted.extend(within.map(|number| (builder.clone(), number)));
        }
        builds.extend(whole);
        built.extend(trees);
    }
    builds.sort_unstable_by_key(|build| build.id);
    built.sort_unstable_by_key(|built| built.id);
    Ok((builds, built, deleted))
}

/// Of a build's stamps, what blame needs.
#[derive(Deserialize)]
struct BareStamps {
    stamps: Vec<BareStamp>,
}

#[derive(Deserialize)]
struct BareStamp {
    codebase: String,
    repository: String,
    branch: Option<String>,
    revision: Option<String>,
    patch: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct BareFound {
    got_revision: BTreeMap<String, String>,
}

/// The same as [`Built::of`] the whole build.
fn trees(builder: &BuilderName, row: &Row<'_>) -> Result<Built> {
    let stamps = row::json::<BareStamps>(row, 3)?.stamps;
    let got = row::json::<BareFound>(row, 4)?.got_revision;
    let patched = stamps.iter().any(|stamp| stamp.patch.is_some());
    let tree = |stamp: BareStamp| Tree {
        revision: got.get(&stamp.codebase).cloned().or(stamp.revision),
        codebase: stamp.codebase,
        repository: stamp.repository,
        branch: stamp.branch,
    };
    let word: String = row.get(2)?;
    Ok(Built {
        id: BuildId(row::id(row, 0)?),
        builder: builder.clone(),
        number: row.get(1)?,
        results: Results::from_word(&word).ok_or(rusqlite::Error::InvalidQuery)?,
        trees: if patched { Vec::new() } else { stamps.into_iter().map(tree).collect() },
    })
}

fn requests(
    db: &Connection,
    buildsets: &[Buildset],
) -> Result<Vec<linn_core::model::BuildRequest>> {
    let sql = format!("SELECT {} FROM build_request WHERE id = ?1", row::REQUEST);
    let mut statement = db.prepare_cached(&sql)?;
    let mut requests = Vec::new();
    for id in buildsets.iter().flat_map(|buildset| &buildset.requests) {
        requests.extend(statement.query_row([int(id.0)], row::request).optional()?);
    }
    requests.sort_unstable_by_key(|request| request.id);
    Ok(requests)
}

/// Changes that something unfinished names.
fn named_changes(
    buildsets: &[Buildset],
    builds: &[Build],
    waiting: &[(SchedulerName, ChangeId, bool)],
) -> BTreeSet<ChangeId> {
    let of = |stamps: &[SourceStamp]| -> Vec<ChangeId> {
        stamps.iter().flat_map(|stamp| stamp.changes.iter().copied()).collect()
    };
    let unfinished = builds.iter().filter(|build| build.complete_at.is_none());
    let stamps =
        buildsets.iter().map(|it| of(&it.stamps)).chain(unfinished.map(|it| of(&it.stamps)));
    stamps.flatten().chain(waiting.iter().map(|(_, change, _)| *change)).collect()
}

fn changes(db: &Connection, newest: u64, named: &BTreeSet<ChangeId>) -> Result<Vec<Change>> {
    let edge = newest.saturating_sub(TAIL_CHANGES as u64);
    let mut older = db.prepare_cached("SELECT body FROM change WHERE id = ?1")?;
    let mut changes = Vec::new();
    for id in named.iter().take_while(|id| id.0 <= edge) {
        changes.extend(older.query_row([int(id.0)], row::change).optional()?);
    }
    let tail = "SELECT body FROM change WHERE id > ?1 ORDER BY id";
    changes.extend(all(db, tail, [int(edge)], row::change)?);
    Ok(changes)
}

fn keys(db: &Connection) -> Result<Vec<(String, ChangeId)>> {
    let sql = "SELECT key, change FROM change_key ORDER BY change DESC LIMIT ?1";
    let read = |row: &Row<'_>| Ok((row.get(0)?, ChangeId(row::id(row, 1)?)));
    newest_last(all(db, sql, [count(TAIL_KEYS)], read))
}

fn commits(db: &Connection) -> Result<Vec<(String, Commit)>> {
    let sql = "SELECT repository, revision, parents FROM vcs_commit ORDER BY n DESC LIMIT ?1";
    let read = |row: &Row<'_>| {
        Ok((row.get(0)?, Commit { revision: row.get(1)?, parents: row::json(row, 2)? }))
    };
    newest_last(all(db, sql, [count(TAIL_COMMITS)], read))
}

fn answers(db: &Connection) -> Result<Vec<(String, Vec<linn_core::record::Subject>, Timestamp)>> {
    let sql = "SELECT request_id, made, at FROM answer ORDER BY n DESC LIMIT ?1";
    let read = |row: &Row<'_>| Ok((row.get(0)?, row::json(row, 1)?, Timestamp(row.get(2)?)));
    newest_last(all(db, sql, [count(TAIL_ANSWERS)], read))
}

/// Rows that were asked for newest first, the other way round.
fn newest_last<T>(rows: Result<Vec<T>>) -> Result<Vec<T>> {
    let mut rows = rows?;
    rows.reverse();
    Ok(rows)
}

fn sources(db: &Connection) -> Result<BTreeMap<SourceName, SourceCursor>> {
    let read = |row: &Row<'_>| {
        let cursor =
            SourceCursor { looked: row.get(1)?, error: row.get(2)?, tips: row::json(row, 3)? };
        Ok((SourceName::from(row.get_ref(0)?.as_str()?), cursor))
    };
    Ok(all(db, "SELECT name, looked, error, tips FROM source", (), read)?.into_iter().collect())
}
