//! Rows ↔ structs. The JSON parts have shapes of their own where they are hot or where the core's may change.

use std::borrow::Cow;
use std::collections::BTreeMap;

use linn_core::change::{Change, SourceStamp};
use linn_core::id::{
    BuildId, BuildRef, BuildsetId, CommandId, ConfigDigest, LogId, RequestId, StepNumber,
    WorkerName,
};
use linn_core::model::{
    Blame, Build, BuildRequest, Buildset, Child, CommandSpec, Keeping, LockShare, Log, Parent,
    Step, Stop, Test, Url, Worker,
};
use linn_core::properties::Properties;
use linn_core::results::Results;
use linn_core::time::Timestamp;
use rusqlite::types::{Type, ValueRef};
use rusqlite::{Error, Result, Row};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Text → value.
pub(super) fn json<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> Result<T> {
    parse(row.get_ref(column)?.as_str()?, column)
}

fn parse<'a, T: Deserialize<'a>>(text: &'a str, column: usize) -> Result<T> {
    serde_json::from_str(text).map_err(|error| wrong(column, error))
}

fn wrong(column: usize, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
}

/// Value → text.
pub(super) fn text(value: &(impl Serialize + ?Sized)) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Error::ToSqlConversionFailure(Box::new(error)))
}

/// Ids are far below 2⁶³: they count from 1.
pub(super) const fn int(id: u64) -> i64 {
    id.cast_signed()
}

/// The other way.
pub(super) fn id(row: &Row<'_>, column: usize) -> Result<u64> {
    row.get::<_, i64>(column).map(i64::cast_unsigned)
}

/// A bound as SQLite takes it.
pub(super) fn count(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// A moment that may be missing.
pub(super) fn moment(row: &Row<'_>, column: usize) -> Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Timestamp))
}

fn results(row: &Row<'_>, column: usize) -> Result<Option<Results>> {
    if row.get_ref(column)? == ValueRef::Null {
        return Ok(None);
    }
    let word = row.get_ref(column)?.as_str()?;
    match Results::from_word(word) {
        Some(results) => Ok(Some(results)),
        None => Err(wrong(column, std::io::Error::other(format!("`{word}` is no result")))),
    }
}

fn some<T>(value: Option<T>, column: usize) -> Result<T> {
    value.ok_or_else(|| wrong(column, std::io::Error::other("nothing is there")))
}

/// The columns that [`build`] reads, with or without properties.
pub(super) const BUILD: &str = "id, builder, number, buildset, worker, config, attempt, reason, scheduler, started_at, \
     complete_at, results, text, ending, lost_since, new_failure, given, found, steps, specs, properties, recipe, keeping";
pub(super) const BUILD_BRIEF: &str = "id, builder, number, buildset, worker, config, attempt, reason, scheduler, started_at, \
     complete_at, results, text, ending, lost_since, new_failure, given, found, steps, specs, '{}', NULL, keeping";

/// What a build was given at its start.
#[derive(Serialize, Deserialize)]
pub(super) struct Given<'a> {
    pub(super) requests: Cow<'a, [RequestId]>,
    pub(super) stamps: Cow<'a, [SourceStamp]>,
    #[serde(default, skip_serializing_if = "no_shares")]
    pub(super) locks: Cow<'a, [LockShare]>,
}

/// What was found out while it ran.
#[derive(Serialize, Deserialize)]
pub(super) struct Found<'a> {
    pub(super) got_revision: Cow<'a, BTreeMap<String, String>>,
    pub(super) blame: Cow<'a, Blame>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) stop: Option<Cow<'a, Stop>>,
}

/// A step as it is kept: what has its usual value is left out.
#[derive(Serialize, Deserialize)]
struct KeptStep<'a> {
    number: StepNumber,
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    waiting: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "no_shares")]
    locks: Cow<'a, [LockShare]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    started: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ended: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    results: Option<Results>,
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    text: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    command: Option<CommandId>,
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    shown: Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    heading: Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    logs: Vec<KeptLog<'a>>,
    #[serde(default, skip_serializing_if = "is_none")]
    urls: Cow<'a, [Url]>,
    #[serde(default, skip_serializing_if = "no_numbers")]
    statistics: Cow<'a, BTreeMap<String, f64>>,
    #[serde(default, skip_serializing_if = "no_tests")]
    tests: Cow<'a, [Test]>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    hidden: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    waits_for: Vec<BuildsetId>,
}

#[derive(Serialize, Deserialize)]
struct KeptLog<'a> {
    id: LogId,
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "is_zero")]
    bytes: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    lines: u64,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    complete: bool,
    #[serde(default, skip_serializing_if = "is_zero")]
    dropped: u64,
}

fn no_shares(shares: &[LockShare]) -> bool {
    shares.is_empty()
}

fn is_none(urls: &[Url]) -> bool {
    urls.is_empty()
}

fn no_tests(tests: &[Test]) -> bool {
    tests.is_empty()
}

fn no_numbers(numbers: &BTreeMap<String, f64>) -> bool {
    numbers.is_empty()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference in")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// The steps of a build as they are kept, without their commands.
pub(super) fn steps_text(steps: &[Step]) -> Result<String> {
    let kept: Vec<KeptStep<'_>> = steps.iter().map(KeptStep::of).collect();
    text(&kept)
}

/// The commands of the steps that run, by step number; `None`: there are none.
pub(super) fn specs_text(steps: &[Step]) -> Result<Option<String>> {
    let specs: BTreeMap<StepNumber, &CommandSpec> =
        steps.iter().filter_map(|step| Some((step.number, step.spec.as_ref()?))).collect();
    if specs.is_empty() { Ok(None) } else { text(&specs).map(Some) }
}

impl<'a> KeptStep<'a> {
    fn of(step: &'a Step) -> Self {
        let Step {
            number,
            name,
            waiting_since,
            locks,
            started_at,
            complete_at,
            results,
            text,
            command,
            spec: _,
            shown,
            heading,
            logs,
            urls,
            statistics,
            tests,
            hidden,
            waits_for,
        } = step;
        let log = |log: &'a Log| KeptLog {
            id: log.id,
            name: Cow::Borrowed(&log.name),
            bytes: log.bytes,
            lines: log.lines,
            complete: log.complete,
            dropped: log.dropped,
        };
        Self {
            number: *number,
            name: Cow::Borrowed(name),
            waiting: *waiting_since,
            locks: Cow::Borrowed(locks),
            started: *started_at,
            ended: *complete_at,
            results: *results,
            text: Cow::Borrowed(text),
            command: *command,
            shown: Cow::Borrowed(shown),
            heading: Cow::Borrowed(heading),
            logs: logs.iter().map(log).collect(),
            urls: Cow::Borrowed(urls),
            statistics: Cow::Borrowed(statistics),
            tests: Cow::Borrowed(tests),
            hidden: *hidden,
            waits_for: waits_for.clone(),
        }
    }

    fn into_step(self) -> Step {
        let log = |log: KeptLog<'_>| Log {
            id: log.id,
            name: log.name.into_owned(),
            bytes: log.bytes,
            lines: log.lines,
            complete: log.complete,
            dropped: log.dropped,
        };
        Step {
            number: self.number,
            name: self.name.into_owned(),
            waiting_since: self.waiting,
            locks: self.locks.into_owned(),
            started_at: self.started,
            complete_at: self.ended,
            results: self.results,
            text: self.text.into_owned(),
            command: self.command,
            spec: None,
            shown: self.shown.into_owned(),
            heading: self.heading.into_owned(),
            logs: self.logs.into_iter().map(log).collect(),
            urls: self.urls.into_owned(),
            statistics: self.statistics.into_owned(),
            tests: self.tests.into_owned(),
            hidden: self.hidden,
            waits_for: self.waits_for,
        }
    }
}

/// A row of [`BUILD`] or [`BUILD_BRIEF`].
pub(super) fn build(row: &Row<'_>) -> Result<Build> {
    let given: Given<'static> = json(row, 16)?;
    let found: Found<'static> = json(row, 17)?;
    let kept: Vec<KeptStep<'_>> = parse(row.get_ref(18)?.as_str()?, 18)?;
    let mut steps: Vec<Step> = kept.into_iter().map(KeptStep::into_step).collect();
    if let Some(specs) = row.get_ref(19)?.as_str_or_null()? {
        let mut specs: BTreeMap<StepNumber, CommandSpec> = parse(specs, 19)?;
        for step in &mut steps {
            step.spec = specs.remove(&step.number);
        }
    }
    let name = |column| -> Result<&str> { Ok(row.get_ref(column)?.as_str()?) };
    Ok(Build {
        id: BuildId(id(row, 0)?),
        builder: name(1)?.into(),
        number: row.get(2)?,
        requests: given.requests.into_owned(),
        buildset: BuildsetId(id(row, 3)?),
        worker: name(4)?.into(),
        config: name(5)?.into(),
        attempt: row.get(6)?,
        reason: row.get(7)?,
        scheduler: row.get(8)?,
        stamps: given.stamps.into_owned(),
        locks: given.locks.into_owned(),
        properties: json(row, 20)?,
        got_revision: found.got_revision.into_owned(),
        blame: found.blame.into_owned(),
        started_at: Timestamp(row.get(9)?),
        complete_at: moment(row, 10)?,
        results: some(results(row, 11)?, 11)?,
        text: row.get(12)?,
        stop: found.stop.map(Cow::into_owned),
        ending: row.get(13)?,
        lost_since: moment(row, 14)?,
        new_failure: row.get(15)?,
        steps,
        recipe: row.get_ref(21)?.as_str_or_null()?.map(|recipe| parse(recipe, 21)).transpose()?,
        keeping: keeping(row, 22)?,
    })
}

/// What becomes of a build after its end.
pub(super) fn keeping(row: &Row<'_>, column: usize) -> Result<Keeping> {
    let kept = row.get_ref(column)?.as_str_or_null()?;
    kept.map_or(Ok(Keeping::default()), |kept| parse(kept, column))
}

/// The columns that [`request`] reads.
pub(super) const REQUEST: &str = "id, buildset, builder, priority, submitted_at, claimed_at, complete_at, results, builds, linked";

/// What else a request is linked to.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Linked {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) merged_into: Option<RequestId>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) children: Vec<Child>,
}

/// A row of [`REQUEST`].
pub(super) fn request(row: &Row<'_>) -> Result<BuildRequest> {
    let linked: Linked = json(row, 9)?;
    Ok(BuildRequest {
        id: RequestId(id(row, 0)?),
        buildset: BuildsetId(id(row, 1)?),
        builder: row.get_ref(2)?.as_str()?.into(),
        priority: row.get(3)?,
        submitted_at: Timestamp(row.get(4)?),
        claimed_at: moment(row, 5)?,
        complete_at: moment(row, 6)?,
        results: results(row, 7)?,
        builds: json(row, 8)?,
        merged_into: linked.merged_into,
        children: linked.children,
    })
}

/// The columns that [`buildset`] reads.
pub(super) const BUILDSET: &str = "id, reason, scheduler, external_id, submitted_at, complete_at, results, told, given, properties";

/// What a buildset was made with.
#[derive(Serialize, Deserialize)]
pub(super) struct Asked<'a> {
    pub(super) requests: Cow<'a, [RequestId]>,
    pub(super) stamps: Cow<'a, [SourceStamp]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) rebuild_of: Option<Cow<'a, BuildRef>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) parent: Option<Cow<'a, Parent>>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) waited_for: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) worker: Option<Cow<'a, WorkerName>>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) resolving: bool,
}

/// A row of [`BUILDSET`].
pub(super) fn buildset(row: &Row<'_>) -> Result<Buildset> {
    let asked: Asked<'static> = json(row, 8)?;
    Ok(Buildset {
        id: BuildsetId(id(row, 0)?),
        reason: row.get(1)?,
        scheduler: row.get(2)?,
        external_id: row.get(3)?,
        submitted_at: Timestamp(row.get(4)?),
        complete_at: moment(row, 5)?,
        results: results(row, 6)?,
        first_failure_told: row.get(7)?,
        stamps: asked.stamps.into_owned(),
        properties: json::<Properties>(row, 9)?,
        rebuild_of: asked.rebuild_of.map(Cow::into_owned),
        parent: asked.parent.map(Cow::into_owned),
        waited_for: asked.waited_for,
        worker: asked.worker.map(Cow::into_owned),
        resolving: asked.resolving,
        requests: asked.requests.into_owned(),
    })
}

/// A row of `body`.
pub(super) fn change(row: &Row<'_>) -> Result<Change> {
    json(row, 0)
}

/// The columns that [`worker`] reads.
pub(super) const WORKER: &str =
    "name, instance, connected_at, lost_at, idle_since, hold, info, quarantine";

/// A row of [`WORKER`].
pub(super) fn worker(row: &Row<'_>) -> Result<Worker> {
    let hold = row.get_ref(5)?.as_str_or_null()?;
    let quarantine = row.get_ref(7)?.as_str_or_null()?;
    Ok(Worker {
        name: row.get_ref(0)?.as_str()?.into(),
        instance: row.get(1)?,
        connected_at: moment(row, 2)?,
        lost_at: moment(row, 3)?,
        idle_since: moment(row, 4)?,
        hold: hold.map(|hold| parse(hold, 5)).transpose()?,
        info: json(row, 6)?,
        quarantine: quarantine.map(|quarantine| parse(quarantine, 7)).transpose()?,
    })
}

/// A digest that may be missing.
pub(super) fn digest(row: &Row<'_>, column: usize) -> Result<Option<ConfigDigest>> {
    Ok(row.get_ref(column)?.as_str_or_null()?.map(ConfigDigest::from))
}
