//! Structs → rows: one statement each, prepared once.

use std::borrow::Cow;
use std::collections::BTreeMap;

use linn_core::id::{BuildRef, SourceName};
use linn_core::model::{Build, BuildRequest, Buildset, Worker};
use linn_core::record::Record;
use linn_core::results::Results;
use linn_core::state::{SourceCursor, TAIL_COMMITS};
use rusqlite::{Connection, OptionalExtension, Result, params};

use super::row::{self, Asked, Found, Given, Linked, int, text};
use super::standing;
use super::work::{Held, HeldBuild, Latest};

fn word(results: Option<Results>) -> Option<&'static str> {
    results.map(Results::word)
}

/// A build: all of it when new, else what can change. Its indexes are only touched when it ends.
pub(super) fn build(db: &Connection, build: &HeldBuild) -> Result<()> {
    let HeldBuild { held, properties, recipe, keeping } = build;
    let it = &held.row;
    let found = text(&Found {
        got_revision: Cow::Borrowed(&it.got_revision),
        blame: Cow::Borrowed(&it.blame),
        stop: it.stop.as_ref().map(Cow::Borrowed),
    })?;
    let steps = row::steps_text(&it.steps)?;
    let specs = row::specs_text(&it.steps)?;
    if *recipe && !held.new {
        set_recipe(db, it)?;
    }
    if *keeping && !held.new {
        set_keeping(db, it)?;
    }
    let complete_at = it.complete_at.map(|at| at.0);
    let lost_since = it.lost_since.map(|at| at.0);
    if !held.new {
        let changing = params![
            int(it.id.0),
            int(held.seq),
            it.results.word(),
            it.text,
            it.ending,
            lost_since,
            it.new_failure,
            found,
            steps,
            specs,
        ];
        db.prepare_cached(
            "UPDATE build SET seq = ?2, results = ?3, text = ?4, ending = ?5, lost_since = ?6, new_failure = ?7, \
             found = ?8, steps = ?9, specs = ?10 WHERE id = ?1",
        )?
        .execute(changing)?;
        if complete_at.is_some() {
            db.prepare_cached("UPDATE build SET complete_at = ?2 WHERE id = ?1")?
                .execute(params![int(it.id.0), complete_at])?;
        }
        if *properties {
            db.prepare_cached("UPDATE build SET properties = ?2 WHERE id = ?1")?
                .execute(params![int(it.id.0), text(&it.properties)?])?;
        }
        return Ok(());
    }
    let given = text(&Given {
        requests: Cow::Borrowed(&it.requests),
        stamps: Cow::Borrowed(&it.stamps),
        locks: Cow::Borrowed(&it.locks),
    })?;
    db.prepare_cached(
        "INSERT INTO build (id, seq, builder, number, buildset, worker, config, attempt, reason, scheduler, started_at, \
         complete_at, results, text, ending, lost_since, new_failure, given, found, steps, specs, properties) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22)",
    )?
    .execute(params![
        int(it.id.0),
        int(held.seq),
        it.builder.as_str(),
        it.number,
        int(it.buildset.0),
        it.worker.as_str(),
        it.config.as_str(),
        it.attempt,
        it.reason,
        it.scheduler,
        it.started_at.0,
        complete_at,
        it.results.word(),
        it.text,
        it.ending,
        lost_since,
        it.new_failure,
        given,
        found,
        steps,
        specs,
        text(&it.properties)?,
    ])?;
    if *recipe {
        set_recipe(db, it)?;
    }
    if *keeping {
        set_keeping(db, it)?;
    }
    for branch in it.stamps.iter().filter_map(|stamp| stamp.branch.as_deref()) {
        db.prepare_cached("INSERT OR IGNORE INTO build_branch VALUES (?1, ?2)")?
            .execute(params![branch, int(it.id.0)])?;
    }
    Ok(())
}

fn set_recipe(db: &Connection, build: &Build) -> Result<()> {
    let recipe = build.recipe.as_ref().map(text).transpose()?;
    db.prepare_cached("UPDATE build SET recipe = ?2 WHERE id = ?1")?
        .execute(params![int(build.id.0), recipe])?;
    Ok(())
}

fn set_keeping(db: &Connection, build: &Build) -> Result<()> {
    let keeping = &build.keeping;
    let kept = (!keeping.is_plain()).then(|| text(keeping)).transpose()?;
    db.prepare_cached("UPDATE build SET keeping = ?2, pinned = ?3 WHERE id = ?1")?
        .execute(params![int(build.id.0), kept, keeping.pin.is_some()])?;
    Ok(())
}

/// A request.
pub(super) fn request(db: &Connection, held: &Held<BuildRequest>) -> Result<()> {
    let it = &held.row;
    let (claimed_at, complete_at) = (it.claimed_at.map(|at| at.0), it.complete_at.map(|at| at.0));
    let builds = text(&it.builds)?;
    let linked = text(&Linked { merged_into: it.merged_into, children: it.children.clone() })?;
    if !held.new {
        db.prepare_cached(
            "UPDATE build_request SET seq = ?2, priority = ?3, claimed_at = ?4, complete_at = ?5, results = ?6, \
             builds = ?7, linked = ?8 WHERE id = ?1",
        )?
        .execute(params![
            int(it.id.0),
            int(held.seq),
            it.priority,
            claimed_at,
            complete_at,
            word(it.results),
            builds,
            linked,
        ])?;
        return Ok(());
    }
    db.prepare_cached(
        "INSERT INTO build_request (id, seq, buildset, builder, priority, submitted_at, claimed_at, complete_at, \
         results, builds, linked) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?
    .execute(params![
        int(it.id.0),
        int(held.seq),
        int(it.buildset.0),
        it.builder.as_str(),
        it.priority,
        it.submitted_at.0,
        claimed_at,
        complete_at,
        word(it.results),
        builds,
        linked,
    ])?;
    Ok(())
}

/// A buildset.
pub(super) fn buildset(db: &Connection, held: &Held<Buildset>) -> Result<()> {
    let it = &held.row;
    let complete_at = it.complete_at.map(|at| at.0);
    let given = text(&Asked {
        requests: Cow::Borrowed(&it.requests),
        stamps: Cow::Borrowed(&it.stamps),
        rebuild_of: it.rebuild_of.as_ref().map(Cow::Borrowed),
        parent: it.parent.as_ref().map(Cow::Borrowed),
        waited_for: it.waited_for,
        worker: it.worker.as_ref().map(Cow::Borrowed),
        resolving: it.resolving,
    })?;
    if !held.new {
        db.prepare_cached(
            "UPDATE buildset SET seq = ?2, complete_at = ?3, results = ?4, told = ?5, given = ?6 \
             WHERE id = ?1",
        )?
        .execute(params![
            int(it.id.0),
            int(held.seq),
            complete_at,
            word(it.results),
            it.first_failure_told,
            given,
        ])?;
        return Ok(());
    }
    db.prepare_cached(
        "INSERT INTO buildset (id, seq, reason, scheduler, external_id, submitted_at, complete_at, results, told, \
         given, properties) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?
    .execute(params![
        int(it.id.0),
        int(held.seq),
        it.reason,
        it.scheduler,
        it.external_id,
        it.submitted_at.0,
        complete_at,
        word(it.results),
        it.first_failure_told,
        given,
        text(&it.properties)?,
    ])?;
    Ok(())
}

/// A worker.
pub(super) fn worker(db: &Connection, held: &Held<Worker>) -> Result<()> {
    let it = &held.row;
    let hold = it.hold.as_ref().map(text).transpose()?;
    let quarantine = it.quarantine.as_ref().map(text).transpose()?;
    if !held.new {
        // What it says of itself changes when it connects only; the end of each build comes by here.
        db.prepare_cached(
            "UPDATE worker SET seq = ?2, instance = ?3, connected_at = ?4, lost_at = ?5, idle_since = ?6, hold = ?7, \
             info = ?8, quarantine = ?9 WHERE name = ?1",
        )?
    } else {
        db.prepare_cached(
            "INSERT INTO worker (name, seq, instance, connected_at, lost_at, idle_since, hold, info, quarantine) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
    }
    .execute(params![
        it.name.as_str(),
        int(held.seq),
        it.instance,
        it.connected_at.map(|at| at.0),
        it.lost_at.map(|at| at.0),
        it.idle_since.map(|at| at.0),
        hold,
        text(&it.info)?,
        quarantine,
    ])?;
    Ok(())
}

/// A source's cursor, as it is kept.
pub(super) fn source(db: &Connection, name: &SourceName) -> Result<Option<SourceCursor>> {
    db.prepare_cached("SELECT looked, error, tips FROM source WHERE name = ?1")?
        .query_row([name.as_str()], |row| {
            Ok(SourceCursor { looked: row.get(0)?, error: row.get(1)?, tips: row::json(row, 2)? })
        })
        .optional()
}

/// A source's cursor.
pub(super) fn source_row(
    db: &Connection,
    name: &SourceName,
    held: &Held<SourceCursor>,
) -> Result<()> {
    let it = &held.row;
    db.prepare_cached("INSERT OR REPLACE INTO source (name, seq, looked, error, tips) VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![name.as_str(), int(held.seq), it.looked, it.error, text(&it.tips)?])?;
    Ok(())
}

/// Ids that no table can tell, and the configuration.
pub(super) fn latest(db: &Connection, it: &Latest) -> Result<()> {
    let config = it.config.as_ref().map(linn_core::id::ConfigDigest::as_str);
    db.prepare_cached("UPDATE latest SET log = ?1, command = ?2, config = ?3")?
        .execute(params![int(it.log), int(it.command), config])?;
    Ok(())
}

/// What a step counted, added to what earlier steps of its build counted under the same names (C33).
pub(super) fn statistics(
    db: &Connection,
    build: &BuildRef,
    statistics: &BTreeMap<String, f64>,
) -> Result<()> {
    for (name, value) in statistics {
        db.prepare_cached(
            "INSERT INTO statistic (builder, name, number, value) VALUES (?1, ?2, ?3, ?4) \
             ON CONFLICT (builder, name, number) DO UPDATE SET value = value + excluded.value",
        )?
        .execute(params![build.builder.as_str(), name, build.number, value])?;
    }
    Ok(())
}

/// Facts that nothing later changes, and so need not be held.
pub(super) fn at_once(db: &Connection, seq: u64, record: &Record) -> Result<()> {
    match record {
        Record::ChangeAdded(change) => {
            db.prepare_cached(
                "INSERT INTO change (id, seq, branch, author, body) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![
                int(change.id.0),
                int(seq),
                change.branch,
                change.author,
                text(change)?,
            ])?;
            if let Some(key) = &change.key {
                db.prepare_cached(
                    "INSERT OR REPLACE INTO change_key (change, key) VALUES (?1, ?2)",
                )?
                .execute(params![int(change.id.0), key])?;
            }
        }
        Record::CommitsLearned { repository, commits } => {
            let mut learn = db.prepare_cached(
                "INSERT OR IGNORE INTO vcs_commit (n, repository, revision, parents) \
                 VALUES ((SELECT coalesce(max(n), 0) + 1 FROM vcs_commit), ?1, ?2, ?3)",
            )?;
            // One that fell out of the tail can be learnt anew, as in the state.
            let mut forget = db.prepare_cached(
                "DELETE FROM vcs_commit WHERE n <= (SELECT max(n) FROM vcs_commit) - ?1",
            )?;
            for commit in commits {
                let learnt =
                    learn.execute(params![repository, commit.revision, text(&commit.parents)?])?;
                if learnt > 0 {
                    forget.execute([int(TAIL_COMMITS as u64)])?;
                }
            }
        }
        Record::ChangeClassified { scheduler, change, important } => {
            db.prepare_cached("INSERT OR REPLACE INTO scheduler_change (scheduler, change, important) VALUES (?1, ?2, ?3)")?
                .execute(params![scheduler.as_str(), int(change.0), important])?;
        }
        Record::SchedulerFired { scheduler, changes, .. } => {
            let mut used = db.prepare_cached(
                "DELETE FROM scheduler_change WHERE scheduler = ?1 AND change = ?2",
            )?;
            for change in changes {
                used.execute(params![scheduler.as_str(), int(change.0)])?;
            }
            standing::change(db, seq, scheduler, record)?;
        }
        Record::SchedulerSwitched { scheduler, .. } | Record::SchedulerTimed { scheduler, .. } => {
            standing::change(db, seq, scheduler, record)?;
        }
        Record::ArtifactAdded { id, step, artifact, .. } => {
            db.prepare_cached(
                "INSERT OR REPLACE INTO artifact (build, name, step, bytes, sha256) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![
                int(id.0),
                artifact.name,
                step,
                int(artifact.bytes),
                artifact.sha256,
            ])?;
        }
        Record::AskingAnswered { request_id, made, at } => {
            // A replaced answer counts as new, so it goes to the end.
            db.prepare_cached(
                "INSERT OR REPLACE INTO answer (n, request_id, at, made) \
                 VALUES ((SELECT coalesce(max(n), 0) + 1 FROM answer), ?1, ?2, ?3)",
            )?
            .execute(params![request_id, at.0, text(made)?])?;
        }
        _ => {}
    }
    Ok(())
}
