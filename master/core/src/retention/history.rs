//! What a store tells of its history: rows as light as the decision allows, read in one moment.

use std::collections::{BTreeMap, BTreeSet};

use crate::id::{BuildId, BuilderName, BuildsetId, ChangeId, ConfigDigest};
use crate::time::Timestamp;

/// All history that rules speak of.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct History {
    /// The finished builds of each builder, by number.
    pub builds: BTreeMap<BuilderName, Vec<BuildRow>>,
    /// Which builds of each builder counted something, by number.
    pub statistics: BTreeMap<BuilderName, Vec<StatisticsRow>>,
    /// The complete ones, by id.
    pub buildsets: Vec<BuildsetRow>,
    /// All of them, by id.
    pub changes: Vec<ChangeRow>,
    /// The texts that are kept.
    pub configs: BTreeSet<ConfigDigest>,
}

/// A finished build.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BuildRow {
    /// Which.
    pub id: BuildId,
    /// Which of its builder's.
    pub number: u32,
    /// What it was for.
    pub buildset: BuildsetId,
    /// When it ended.
    pub ended: Timestamp,
    /// Whether its logs have not been deleted yet.
    pub logs: bool,
    /// Whether it has artifacts.
    pub artifacts: bool,
    /// Its recipe.
    pub config: ConfigDigest,
    /// The changes that it names; only read where changes may go.
    pub changes: Vec<ChangeId>,
}

/// A build that counted something.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StatisticsRow {
    /// Which of its builder's.
    pub number: u32,
    /// When it ended; it may have been deleted since.
    pub ended: Timestamp,
    /// The build, if it is still there.
    pub id: Option<BuildId>,
}

/// A complete buildset.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BuildsetRow {
    /// Which.
    pub id: BuildsetId,
    /// When it was complete.
    pub ended: Timestamp,
    /// Of each of its requests the builder, and the builds made for it, deleted ones too.
    pub requests: Vec<(BuilderName, Vec<BuildId>)>,
    /// The changes that it names; only read where changes may go.
    pub changes: Vec<ChangeId>,
}

/// A change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChangeRow {
    /// Which.
    pub id: ChangeId,
    /// When it came.
    pub received: Timestamp,
}
