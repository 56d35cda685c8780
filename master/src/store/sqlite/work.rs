//! The rows that a commit changes: fetched once, changed in memory record by record, written once each.
//!
//! Rows of things that are not over stay here between commits, since the next commit will want them; the rest goes. The
//! working rows of a failed commit are dropped: what is on the disk is the truth.

use std::collections::BTreeMap;

use linn_core::id::{BuildId, BuildsetId, ConfigDigest, RequestId, SourceName, WorkerName};
use linn_core::model::{Build, BuildRequest, Buildset, Deletion, GoneBuild, Keeping, Worker};
use linn_core::record::Record;
use linn_core::state::SourceCursor;
use linn_core::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, Result};

use super::super::rules;
use super::{delete, row, write};

/// More rows of one kind than this are not kept between commits; they can be fetched again.
const KEPT: usize = 4096;

/// A row in memory.
#[derive(Clone, Debug)]
pub(super) struct Held<T> {
    pub(super) row: T,
    /// Of its last change.
    pub(super) seq: u64,
    /// Not in the database yet.
    pub(super) new: bool,
    /// To be written.
    dirty: bool,
}

impl<T> Held<T> {
    const fn made(row: T, seq: u64) -> Self {
        Self { row, seq, new: true, dirty: true }
    }

    const fn found(row: T) -> Self {
        Self { row, seq: 0, new: false, dirty: false }
    }

    fn touch(&mut self, seq: u64) -> &mut T {
        self.seq = seq;
        self.dirty = true;
        &mut self.row
    }

    fn written(&mut self) {
        self.new = false;
        self.dirty = false;
    }
}

/// A build, and what of it has changed.
#[derive(Clone, Debug)]
pub(super) struct HeldBuild {
    pub(super) held: Held<Build>,
    /// Properties too.
    pub(super) properties: bool,
    /// Its recipe too.
    pub(super) recipe: bool,
    /// What becomes of it too.
    pub(super) keeping: bool,
}

/// Ids that no table can tell, and the configuration.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Latest {
    pub(super) log: u64,
    pub(super) command: u64,
    pub(super) config: Option<ConfigDigest>,
}

/// All working rows.
#[derive(Default, Debug)]
pub(super) struct Work {
    builds: BTreeMap<BuildId, HeldBuild>,
    requests: BTreeMap<RequestId, Held<BuildRequest>>,
    buildsets: BTreeMap<BuildsetId, Held<Buildset>>,
    workers: BTreeMap<WorkerName, Held<Worker>>,
    sources: BTreeMap<SourceName, Held<SourceCursor>>,
    latest: Latest,
    latest_written: Latest,
}

impl Work {
    /// Nothing at hand.
    pub(super) fn new(latest: Latest) -> Self {
        Self { latest: latest.clone(), latest_written: latest, ..Self::default() }
    }

    /// Applies a record to the rows it is about. Facts without a row to keep are written at once.
    pub(super) fn apply(&mut self, db: &Connection, seq: u64, record: &Record) -> Result<()> {
        if let Some(id) = rules::build_changed(record) {
            self.apply_to_build(db, seq, id, record)?;
        }
        match record {
            Record::BuildsetAdded(buildset) => {
                self.buildsets.insert(buildset.id, Held::made((**buildset).clone(), seq));
            }
            Record::RequestAdded(request) => {
                self.requests.insert(request.id, Held::made(request.clone(), seq));
            }
            Record::RequestPrioritised { request, .. }
            | Record::RequestReturned { request }
            | Record::RequestFinished { request, .. } => {
                if let Some(held) = self.request(db, *request)? {
                    rules::change_request(held.touch(seq), record);
                }
            }
            Record::StepTriggered { requests, .. } => {
                for request in requests {
                    if let Some(held) = self.request(db, *request)? {
                        rules::change_children(held.touch(seq), record);
                    }
                }
            }
            Record::ChildFinished { request, .. } => {
                if let Some(held) = self.request(db, *request)? {
                    rules::change_children(held.touch(seq), record);
                }
            }
            Record::BuildsetResolved { buildset, .. }
            | Record::BuildsetFirstFailure { buildset, .. }
            | Record::BuildsetFinished { buildset, .. } => {
                let found = fetch(&mut self.buildsets, buildset, || {
                    one(db, "buildset", row::BUILDSET, buildset.0, row::buildset)
                })?;
                if let Some(held) = found {
                    rules::change_buildset(held.touch(seq), record);
                }
            }
            Record::BuildStarted(build) => {
                for request in &build.requests {
                    if let Some(held) = self.request(db, *request)? {
                        rules::claim(held.touch(seq), build);
                    }
                }
                let held = Held::made((**build).clone(), seq);
                let held = HeldBuild { held, properties: true, recipe: false, keeping: false };
                self.builds.insert(build.id, held);
            }
            Record::WorkerConnected { worker, .. }
            | Record::WorkerLost { worker, .. }
            | Record::WorkerPaused { worker, .. }
            | Record::WorkerResumed { worker }
            | Record::WorkerTroubled { worker, .. }
            | Record::WorkerReleased { worker } => self.apply_to_worker(db, seq, worker, record)?,
            Record::SourceAdvanced { source, .. }
            | Record::SourceFailed { source, .. }
            | Record::SourceRecovered { source } => {
                let found = fetch(&mut self.sources, source, || write::source(db, source))?;
                if found.is_none() {
                    let made = Held::made(SourceCursor::default(), seq);
                    self.sources.insert(source.clone(), made);
                }
                if let Some(held) = self.sources.get_mut(source) {
                    rules::change_source(held.touch(seq), record);
                }
            }
            Record::ConfigApplied { digest, .. } => self.latest.config = Some(digest.clone()),
            Record::HistoryDeleted(deletion) => self.delete(db, seq, deletion)?,
            Record::RetentionTimed { .. } | Record::RetentionApplied { .. } => {
                delete::learn(db, record)?;
            }
            _ => write::at_once(db, seq, record)?,
        }
        Ok(())
    }

    fn request(
        &mut self,
        db: &Connection,
        id: RequestId,
    ) -> Result<Option<&mut Held<BuildRequest>>> {
        fetch(&mut self.requests, &id, || {
            one(db, "build_request", row::REQUEST, id.0, row::request)
        })
    }

    fn build(&mut self, db: &Connection, id: BuildId) -> Result<Option<&mut HeldBuild>> {
        if !self.builds.contains_key(&id)
            && let Some(build) = one(db, "build", row::BUILD, id.0, row::build)?
        {
            let held = Held::found(build);
            let build = HeldBuild { held, properties: false, recipe: false, keeping: false };
            self.builds.insert(id, build);
        }
        Ok(self.builds.get_mut(&id))
    }

    /// What stays is marked, the rest is deleted.
    fn delete(&mut self, db: &Connection, seq: u64, deletion: &Deletion) -> Result<()> {
        type Mark = fn(&mut Keeping, &GoneBuild, Timestamp);
        let marks: [(&[GoneBuild], Mark); 2] = [
            (&deletion.logs, Keeping::clear_logs),
            (&deletion.artifacts, Keeping::clear_artifacts),
        ];
        for (all, mark) in marks {
            for gone in all {
                if let Some(build) = self.build(db, gone.id)? {
                    build.keeping = true;
                    mark(&mut build.held.touch(seq).keeping, gone, deletion.at);
                }
            }
        }
        for gone in &deletion.builds {
            self.builds.remove(&gone.id);
        }
        for id in &deletion.buildsets {
            if let Some(held) = self.buildsets.remove(id) {
                for request in &held.row.requests {
                    self.requests.remove(request);
                }
            }
        }
        delete::delete(db, deletion)
    }

    fn apply_to_build(
        &mut self,
        db: &Connection,
        seq: u64,
        id: BuildId,
        record: &Record,
    ) -> Result<()> {
        let Some(build) = self.build(db, id)? else { return Ok(()) };
        build.keeping |=
            matches!(record, Record::BuildPinned { .. } | Record::BuildUnpinned { .. });
        build.properties |= matches!(record, Record::PropertySet { .. });
        build.recipe |= matches!(record, Record::StepsAdded { .. });
        rules::change_build(build.held.touch(seq), record);
        match record {
            Record::StepStarted { spec, logs, .. } => {
                let newest = logs.iter().map(|log| log.id.0).max().unwrap_or_default();
                let command = spec.as_ref().map_or(0, |spec| spec.id.0);
                self.latest.log = self.latest.log.max(newest);
                self.latest.command = self.latest.command.max(command);
            }
            Record::StepFinished { build, statistics, .. } => {
                write::statistics(db, build, statistics)?;
            }
            Record::BuildFinished { results, at, .. } => {
                let worker = build.held.row.worker.clone();
                if let Some(held) = self.worker(db, &worker)? {
                    held.touch(seq).build_ended(*results, *at);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn worker(&mut self, db: &Connection, name: &WorkerName) -> Result<Option<&mut Held<Worker>>> {
        fetch(&mut self.workers, name, || {
            let sql = format!("SELECT {} FROM worker WHERE name = ?1", row::WORKER);
            db.prepare_cached(&sql)?.query_row([name.as_str()], row::worker).optional()
        })
    }

    fn apply_to_worker(
        &mut self,
        db: &Connection,
        seq: u64,
        name: &WorkerName,
        record: &Record,
    ) -> Result<()> {
        if let Some(held) = self.worker(db, name)? {
            let mut row = Some(held.row.clone());
            rules::change_worker(&mut row, record);
            if let Some(row) = row {
                *held.touch(seq) = row;
            }
            return Ok(());
        }
        let mut made = None;
        rules::change_worker(&mut made, record);
        if let Some(worker) = made {
            self.workers.insert(name.clone(), Held::made(worker, seq));
        }
        Ok(())
    }

    /// Writes what has changed.
    pub(super) fn write(&mut self, db: &Connection) -> Result<()> {
        for held in self.buildsets.values().filter(|held| held.dirty) {
            write::buildset(db, held)?;
        }
        for held in self.requests.values().filter(|held| held.dirty) {
            write::request(db, held)?;
        }
        for build in self.builds.values().filter(|build| build.held.dirty) {
            write::build(db, build)?;
        }
        for held in self.workers.values().filter(|held| held.dirty) {
            write::worker(db, held)?;
        }
        for (name, held) in self.sources.iter().filter(|(_, held)| held.dirty) {
            write::source_row(db, name, held)?;
        }
        if self.latest != self.latest_written {
            write::latest(db, &self.latest)?;
        }
        Ok(())
    }

    /// The commit is durable: forgets what is over.
    pub(super) fn committed(&mut self) {
        self.latest_written.clone_from(&self.latest);
        self.builds.retain(|_, build| build.held.row.complete_at.is_none());
        self.requests.retain(|_, held| held.row.complete_at.is_none());
        self.buildsets.retain(|_, held| held.row.complete_at.is_none());
        for build in self.builds.values_mut() {
            build.held.written();
            build.properties = false;
            build.recipe = false;
            build.keeping = false;
        }
        settle(&mut self.requests);
        settle(&mut self.buildsets);
        settle(&mut self.workers);
        settle(&mut self.sources);
    }
}

fn settle<K, T>(rows: &mut BTreeMap<K, Held<T>>) {
    if rows.len() > KEPT {
        rows.clear();
    }
    rows.values_mut().for_each(Held::written);
}

/// A row that is at hand, or else fetched.
fn fetch<'r, K: Ord + Clone, T>(
    rows: &'r mut BTreeMap<K, Held<T>>,
    key: &K,
    find: impl FnOnce() -> Result<Option<T>>,
) -> Result<Option<&'r mut Held<T>>> {
    if !rows.contains_key(key)
        && let Some(row) = find()?
    {
        rows.insert(key.clone(), Held::found(row));
    }
    Ok(rows.get_mut(key))
}

/// One row by its id.
fn one<T>(
    db: &Connection,
    table: &str,
    columns: &str,
    id: u64,
    read: fn(&rusqlite::Row<'_>) -> Result<T>,
) -> Result<Option<T>> {
    let sql = format!("SELECT {columns} FROM {table} WHERE id = ?1");
    db.prepare_cached(&sql)?.query_row([row::int(id)], read).optional()
}
