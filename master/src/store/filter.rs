//! What lists of history are asked for. All lists are newest first and bounded by their limit.

use linn_core::id::{BuilderName, Seq};
use linn_core::results::Results;
use linn_core::time::Timestamp;

/// How many rows a list has when nobody says (contract.md C2).
pub const DEFAULT_LIMIT: usize = 200;

/// Which builds. All that is given must hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BuildFilter {
    /// Of this builder.
    pub builder: Option<BuilderName>,
    /// With a source stamp of this branch.
    pub branch: Option<String>,
    /// In this state.
    pub state: Option<BuildStateFilter>,
    /// Over, and ended so.
    pub results: Option<Results>,
    /// Not over before this moment: builds that ran at or after it.
    pub since: Option<Timestamp>,
    /// Ids below this one: to page on.
    pub before: Option<u64>,
    /// At most so many.
    pub limit: usize,
    /// Leave the properties out.
    pub brief: bool,
}

impl Default for BuildFilter {
    fn default() -> Self {
        Self {
            builder: None,
            branch: None,
            state: None,
            results: None,
            since: None,
            before: None,
            limit: DEFAULT_LIMIT,
            brief: false,
        }
    }
}

/// Where a build is in its life (cli.md).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BuildStateFilter {
    /// No step has begun.
    Starting,
    /// A step has.
    Running,
    /// Somebody stopped it and it is not over.
    Stopping,
    /// Over.
    Finished,
}

/// Which requests. Incomplete ones are listed in queue order: priority, then age.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RequestFilter {
    /// Complete ones too; then newest first.
    pub all: bool,
    /// Of this builder.
    pub builder: Option<BuilderName>,
    /// Ids below this one; only with `all`.
    pub before: Option<u64>,
    /// At most so many.
    pub limit: usize,
}

impl Default for RequestFilter {
    fn default() -> Self {
        Self { all: false, builder: None, before: None, limit: DEFAULT_LIMIT }
    }
}

/// Which buildsets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BuildsetFilter {
    /// With a request for this builder.
    pub builder: Option<BuilderName>,
    /// Of exactly this external id (BS-7).
    pub external_id: Option<String>,
    /// Ids below this one.
    pub before: Option<u64>,
    /// At most so many.
    pub limit: usize,
}

impl Default for BuildsetFilter {
    fn default() -> Self {
        Self { builder: None, external_id: None, before: None, limit: DEFAULT_LIMIT }
    }
}

/// Which changes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChangeFilter {
    /// Of this branch.
    pub branch: Option<String>,
    /// Whose author contains this text, whatever its case.
    pub author: Option<String>,
    /// Ids below this one.
    pub before: Option<u64>,
    /// At most so many.
    pub limit: usize,
}

impl Default for ChangeFilter {
    fn default() -> Self {
        Self { branch: None, author: None, before: None, limit: DEFAULT_LIMIT }
    }
}

/// An event of the journal (contract.md C14, C15).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    /// Its number; grows by one.
    pub seq: Seq,
    /// When it was committed.
    pub at: Timestamp,
    /// The record's name.
    pub kind: String,
    /// The reference of what it is about.
    pub subject: String,
    /// The record's own fields as a JSON object, without what can be asked for by the subject.
    pub body: String,
}

/// The most numbers that one question gives.
pub const MAX_STATISTICS: usize = 20_000;

/// Which numbers of a builder's builds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StatisticFilter {
    /// Of this builder.
    pub builder: BuilderName,
    /// Of this name; `None`: of every name.
    pub name: Option<String>,
    /// Of builds with smaller numbers: to page on.
    pub before: Option<u32>,
    /// At most so many of each name.
    pub limit: usize,
}

/// A number that a build's steps gave.
#[derive(Clone, PartialEq, Debug)]
pub struct Statistic {
    /// Of which build.
    pub number: u32,
    /// Of what.
    pub name: String,
    /// The number.
    pub value: f64,
}
