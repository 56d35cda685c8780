//! Reads history beside the writer: only what is committed (I10), through a few read-only connections.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use linn_core::change::Change;
use linn_core::id::{
    BuildId, BuildRef, BuilderName, BuildsetId, ChangeId, ConfigDigest, RequestId, Seq,
};
use linn_core::input::AskedFor;
use linn_core::model::{Artifact, Build, BuildRequest, Buildset, Log};
use linn_core::time::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Result, Row, params, params_from_iter};

use super::super::{
    BuildFilter, BuildStateFilter, BuildsetFilter, ChangeFilter, Event, RequestFilter, StoreError,
};
use super::fault::fault;
use super::load::all;
use super::open::open_for_reading;
use super::row::{self, count, int};

/// Connections kept open for the next question.
const IDLE: usize = 4;

/// Reads committed rows with a few read-only connections. Clones share them. Blocking: a question belongs into
/// `tokio::task::spawn_blocking`.
#[derive(Clone, Debug)]
pub struct Queries {
    file: Arc<PathBuf>,
    idle: Arc<Mutex<Vec<Connection>>>,
}

impl Queries {
    pub(super) fn new(file: PathBuf) -> Self {
        Self { file: Arc::new(file), idle: Arc::default() }
    }

    /// Asks with a connection that nobody else uses. A question is one statement, and so sees one moment.
    pub(super) fn ask<T>(
        &self,
        question: impl FnOnce(&Connection) -> Result<T>,
    ) -> Result<T, StoreError> {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = idle().pop();
        let answered = taken.map_or_else(|| open_for_reading(&self.file), Ok).and_then(|db| {
            let answer = question(&db)?;
            Ok((db, answer))
        });
        // A connection on which something failed is closed, not used again.
        let (db, answer) = answered.map_err(|error| fault(&self.file, &error))?;
        let mut idle = idle();
        if idle.len() < IDLE {
            idle.push(db);
        }
        Ok(answer)
    }

    /// Builds with their steps, newest first.
    ///
    /// # Errors
    /// When the database cannot be read; so for all of these.
    pub fn builds(&self, filter: &BuildFilter) -> Result<Vec<Build>, StoreError> {
        self.ask(|db| builds(db, filter))
    }

    /// Which builds [`Queries::builds`] gives, by id and name; `None`: only their rows tell.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn build_refs(
        &self,
        filter: &BuildFilter,
    ) -> Result<Option<Vec<(BuildId, BuildRef)>>, StoreError> {
        if filter.state.is_some_and(|state| state != BuildStateFilter::Finished) {
            return Ok(None);
        }
        let read = |row: &Row<'_>| {
            let (builder, number) = (row.get_ref(1)?.as_str()?.into(), row.get(2)?);
            Ok((BuildId(row::id(row, 0)?), BuildRef { builder, number }))
        };
        let (list, order) = build_list(filter);
        let refs =
            self.ask(|db| list.read(db, "build", "id, builder, number", order, filter.limit, read));
        refs.map(Some)
    }

    /// One build, whole.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn build(&self, build: &BuildRef) -> Result<Option<Build>, StoreError> {
        self.ask(|db| by_ref(db, build))
    }

    /// The files that a build kept, by name, each with its step's name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn artifacts(&self, build: BuildId) -> Result<Vec<(Artifact, String)>, StoreError> {
        let sql = "SELECT name, bytes, sha256, step FROM artifact WHERE build = ?1 ORDER BY name";
        self.ask(|db| {
            let mut rows = db.prepare_cached(sql)?;
            rows.query_map([int(build.0)], artifact)?.collect()
        })
    }

    /// One of them.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn artifact(&self, build: BuildId, name: &str) -> Result<Option<Artifact>, StoreError> {
        let sql = "SELECT name, bytes, sha256, step FROM artifact WHERE build = ?1 AND name = ?2";
        self.ask(|db| {
            let found = db.prepare_cached(sql)?.query_row(params![int(build.0), name], artifact);
            Ok(found.optional()?.map(|(artifact, _)| artifact))
        })
    }

    /// The newest build of a builder.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn newest_build(&self, builder: &BuilderName) -> Result<Option<Build>, StoreError> {
        let sql = format!(
            "SELECT {} FROM build WHERE builder = ?1 ORDER BY number DESC LIMIT 1",
            row::BUILD
        );
        self.ask(|db| db.prepare_cached(&sql)?.query_row([builder.as_str()], row::build).optional())
    }

    /// A log by reference: the step by its name, or else by its 1-based position. With it, its build.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn log_of(
        &self,
        build: &BuildRef,
        step: &str,
        log: &str,
    ) -> Result<Option<(BuildId, Log)>, StoreError> {
        let Some(build) = self.build(build)? else { return Ok(None) };
        let named = build.steps.iter().find(|it| it.name == step);
        let step = named.or_else(|| {
            let position: u32 = step.parse().ok()?;
            build.steps.iter().find(|it| it.number.0 == position)
        });
        let found = step.and_then(|step| step.logs.iter().find(|it| it.name == log));
        Ok(found.map(|found| (build.id, found.clone())))
    }

    /// Requests (contract.md C2).
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn requests(&self, filter: &RequestFilter) -> Result<Vec<BuildRequest>, StoreError> {
        let mut list = List::new();
        list.only("builder = ?", filter.builder.as_ref().map(|it| it.to_string().into()));
        if filter.all {
            list.before(filter.before);
        } else {
            list.wheres.push("complete_at IS NULL".to_owned());
        }
        let order = if filter.all { "id DESC" } else { "priority DESC, id" };
        self.ask(|db| {
            list.read(db, "build_request", row::REQUEST, order, filter.limit, row::request)
        })
    }

    /// One request.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn request(&self, id: RequestId) -> Result<Option<BuildRequest>, StoreError> {
        self.ask(|db| by_id(db, "build_request", row::REQUEST, id.0, row::request))
    }

    /// Buildsets, newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn buildsets(&self, filter: &BuildsetFilter) -> Result<Vec<Buildset>, StoreError> {
        let mut list = List::new();
        list.before(filter.before);
        list.only(
            "id IN (SELECT buildset FROM build_request WHERE builder = ?)",
            filter.builder.as_ref().map(|it| it.to_string().into()),
        );
        // The index is of those alone that have one.
        list.only(
            "external_id <> '' AND external_id = ?",
            filter.external_id.as_ref().map(|it| it.clone().into()),
        );
        self.ask(|db| {
            list.read(db, "buildset", row::BUILDSET, "id DESC", filter.limit, row::buildset)
        })
    }

    /// One buildset.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn buildset(&self, id: BuildsetId) -> Result<Option<Buildset>, StoreError> {
        self.ask(|db| by_id(db, "buildset", row::BUILDSET, id.0, row::buildset))
    }

    /// What a build was asked for with: its buildset and request may long be over.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn asked_for(&self, build: &Build) -> Result<Option<AskedFor>, StoreError> {
        let Some(buildset) = self.buildset(build.buildset)? else { return Ok(None) };
        let first = build.requests.first();
        let request = first.map(|request| self.request(*request)).transpose()?.flatten();
        let priority = request.map_or(0, |request| request.priority);
        Ok(Some(AskedFor { properties: buildset.properties, priority }))
    }

    /// Changes, newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn changes(&self, filter: &ChangeFilter) -> Result<Vec<Change>, StoreError> {
        let mut list = List::new();
        list.before(filter.before);
        list.only("branch = ?", filter.branch.clone().map(Value::Text));
        let author = filter.author.as_ref().map(|author| author.to_lowercase().into());
        list.only("instr(lower(author), ?) > 0", author);
        self.ask(|db| list.read(db, "change", "body", "id DESC", filter.limit, row::change))
    }

    /// One change.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn change(&self, id: ChangeId) -> Result<Option<Change>, StoreError> {
        self.ask(|db| by_id(db, "change", "body", id.0, row::change))
    }

    /// Events after `since` (`None`: from the oldest kept), oldest first; of one kind when `kind` is not empty
    /// (contract.md C14).
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn events(
        &self,
        since: Option<Seq>,
        kind: &str,
        limit: usize,
    ) -> Result<Vec<Event>, StoreError> {
        let read = |row: &Row<'_>| {
            Ok(Event {
                seq: Seq(row::id(row, 0)?),
                at: Timestamp(row.get(1)?),
                kind: row.get(2)?,
                subject: row.get(3)?,
                body: row.get(4)?,
            })
        };
        let since = int(since.map_or(0, |seq| seq.0));
        let sql = "SELECT seq, at, kind, subject, body FROM journal \
             WHERE seq > ?1 AND (?2 = '' OR kind = ?2) ORDER BY seq LIMIT ?3";
        self.ask(|db| all(db, sql, params![since, kind, count(limit)], read))
    }

    /// The number of the newest committed record; 0: none yet.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn seq(&self) -> Result<Seq, StoreError> {
        self.ask(newest_seq).map(Seq)
    }

    /// The number of the oldest event kept: whoever has seen less than the one before needs a snapshot.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn oldest_seq(&self) -> Result<Seq, StoreError> {
        self.ask(oldest_seq).map(Seq)
    }

    /// The kept text of a configuration and of all that it loaded, in order: name and text (D9).
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn kept_config(
        &self,
        digest: &ConfigDigest,
    ) -> Result<Option<Vec<(String, String)>>, StoreError> {
        let sql = "SELECT name, text FROM config_source WHERE digest = ?1 ORDER BY n";
        let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
        let kept = self.ask(|db| all(db, sql, [digest.as_str()], read))?;
        Ok(if kept.is_empty() { None } else { Some(kept) })
    }
}

/// The newest journal number; 0: none.
pub(super) fn newest_seq(db: &Connection) -> Result<u64> {
    // The newest event is never trimmed, so the numbers go on where they were.
    db.query_row("SELECT coalesce(max(seq), 0) FROM journal", (), |row| row::id(row, 0))
}

/// The oldest journal number; 1 when there is none.
pub(super) fn oldest_seq(db: &Connection) -> Result<u64> {
    db.query_row("SELECT coalesce(min(seq), 1) FROM journal", (), |row| row::id(row, 0))
}

fn by_id<T>(
    db: &Connection,
    table: &str,
    columns: &str,
    id: u64,
    read: fn(&Row<'_>) -> Result<T>,
) -> Result<Option<T>> {
    let sql = format!("SELECT {columns} FROM {table} WHERE id = ?1");
    db.prepare_cached(&sql)?.query_row([int(id)], read).optional()
}

fn artifact(row: &Row<'_>) -> Result<(Artifact, String)> {
    let (name, sha256) = (row.get(0)?, row.get(2)?);
    Ok((Artifact { name, bytes: row::id(row, 1)?, sha256 }, row.get(3)?))
}

fn by_ref(db: &Connection, build: &BuildRef) -> Result<Option<Build>> {
    let sql = format!("SELECT {} FROM build WHERE builder = ?1 AND number = ?2", row::BUILD);
    let key = params![build.builder.as_str(), build.number];
    db.prepare_cached(&sql)?.query_row(key, row::build).optional()
}

/// Which builds a filter lets through, and in which order.
fn build_list(filter: &BuildFilter) -> (List, &'static str) {
    let mut list = List::new();
    list.before(filter.before);
    list.only("builder = ?", filter.builder.as_ref().map(|it| it.to_string().into()));
    list.only(
        "id IN (SELECT build FROM build_branch WHERE branch = ?)",
        filter.branch.clone().map(Value::Text),
    );
    if let Some(results) = filter.results {
        list.wheres.push("complete_at IS NOT NULL".to_owned());
        list.only("results = ?", Some(results.word().to_owned().into()));
    }
    list.only(
        "id IN (SELECT id FROM build WHERE complete_at >= ? UNION ALL SELECT id FROM build WHERE complete_at IS NULL)",
        filter.since.map(|since| since.0.into()),
    );
    if filter.state == Some(BuildStateFilter::Finished) {
        list.wheres.push("complete_at IS NOT NULL".to_owned());
    }
    // A builder's numbers and the ids of its builds grow together, and numbers are what the index has.
    let order = if filter.builder.is_some() { "number DESC" } else { "id DESC" };
    (list, order)
}

fn builds(db: &Connection, filter: &BuildFilter) -> Result<Vec<Build>> {
    let columns = if filter.brief { row::BUILD_BRIEF } else { row::BUILD };
    let (mut list, order) = build_list(filter);
    match filter.state {
        None | Some(BuildStateFilter::Finished) => {
            list.read(db, "build", columns, order, filter.limit, row::build)
        }
        Some(state) => {
            // The others are told apart by their steps. There are never more than the workers can run.
            list.wheres.push("complete_at IS NULL".to_owned());
            let mut running = list.read(db, "build", columns, order, usize::MAX, row::build)?;
            running.retain(|build| state.is_of(build));
            running.truncate(filter.limit);
            Ok(running)
        }
    }
}

impl BuildStateFilter {
    pub(super) fn is_of(self, build: &Build) -> bool {
        use linn_core::model::BuildState;
        matches!(
            (self, build.state()),
            (Self::Starting, BuildState::Starting)
                | (Self::Running, BuildState::Running)
                | (Self::Stopping, BuildState::Stopping)
                | (Self::Finished, BuildState::Finished)
        )
    }
}

/// A list with some conditions, all of which hold.
struct List {
    wheres: Vec<String>,
    values: Vec<Value>,
}

impl List {
    const fn new() -> Self {
        Self { wheres: Vec::new(), values: Vec::new() }
    }

    /// Adds a condition with one `?`, if there is a value for it.
    fn only(&mut self, condition: &str, value: Option<Value>) {
        if let Some(value) = value {
            self.wheres.push(condition.to_owned());
            self.values.push(value);
        }
    }

    fn before(&mut self, id: Option<u64>) {
        self.only("id < ?", id.map(|id| i64::try_from(id).unwrap_or(i64::MAX).into()));
    }

    fn read<T>(
        mut self,
        db: &Connection,
        table: &str,
        columns: &str,
        order: &str,
        limit: usize,
        read: impl Fn(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        let wheres =
            if self.wheres.is_empty() { "TRUE".to_owned() } else { self.wheres.join(" AND ") };
        let sql = format!("SELECT {columns} FROM {table} WHERE {wheres} ORDER BY {order} LIMIT ?");
        self.values.push(count(limit).into());
        all(db, &sql, params_from_iter(self.values), read)
    }
}
