//! What a store hands over at start: the rows that are not yet done with, and a bounded tail of those that are.
//!
//! The bounds are part of the law `load(tables) == state`: the state forgets by the same rules as the store loads.

use std::collections::BTreeMap;

use super::{Retained, Standing};
use crate::change::{Change, Commit};
use crate::id::{BuildId, BuilderName, ChangeId, ConfigDigest, SchedulerName, SourceName};
use crate::model::{Build, BuildRequest, Buildset, Worker};
use crate::record::Subject;
use crate::results::Results;
use crate::time::Timestamp;

/// Whole finished builds kept for each builder: for the console, for estimates.
pub const TAIL_BUILDS: usize = 20;
/// Finished builds of each builder whose revisions are kept for blame.
pub const TAIL_BUILT: usize = 200;
/// Newest changes kept, beside those that something unfinished refers to.
pub const TAIL_CHANGES: usize = 2_000;
/// Newest keys kept to know a change again (I2).
pub const TAIL_KEYS: usize = 50_000;
/// Newest commits kept of all graphs together.
pub const TAIL_COMMITS: usize = 50_000;
/// Newest answers kept to know an asking again.
pub const TAIL_ANSWERS: usize = 10_000;

/// Everything a state is made of.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Tables {
    /// The newest [`TAIL_CHANGES`], and those that waiting schedulers, unfinished buildsets and unfinished builds'
    /// stamps name. By id.
    pub changes: Vec<Change>,
    /// The newest [`TAIL_KEYS`] by change id.
    pub keys: Vec<(String, ChangeId)>,
    /// The newest [`TAIL_COMMITS`] in the order learnt, each with its repository.
    pub commits: Vec<(String, Commit)>,
    /// Incomplete ones.
    pub buildsets: Vec<Buildset>,
    /// All of incomplete buildsets, complete ones too.
    pub requests: Vec<BuildRequest>,
    /// Unfinished ones, and of the last [`TAIL_BUILDS`] finished of each builder by number those that are not deleted. Specs of finished steps are
    /// absent.
    pub builds: Vec<Build>,
    /// Of the last [`TAIL_BUILT`] finished of each builder by number, those that are not deleted.
    pub built: Vec<Built>,
    /// All ever seen.
    pub workers: Vec<Worker>,
    /// Kept for a firing: scheduler, change, important.
    pub waiting: Vec<(SchedulerName, ChangeId, bool)>,
    /// What is remembered of schedulers.
    pub standings: BTreeMap<SchedulerName, Standing>,
    /// Each source's cursor.
    pub sources: BTreeMap<SourceName, SourceCursor>,
    /// The newest [`TAIL_ANSWERS`], oldest first.
    pub answers: Vec<(String, Vec<Subject>, Timestamp)>,
    /// Deleted builds that take a place among the last [`TAIL_BUILT`] finished of their builder: nothing older moves up.
    pub deleted: Vec<(BuilderName, u32)>,
    /// The builds that people want to stay, by id.
    pub pins: Vec<BuildId>,
    /// Where retention stands.
    pub retained: Retained,
    /// The last id of each kind handed out; 0: none.
    pub last: LastIds,
    /// The last build number of each builder.
    pub numbers: BTreeMap<BuilderName, u32>,
    /// The configuration followed last.
    pub config: Option<ConfigDigest>,
}

/// A finished build, as blame needs it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Built {
    /// Which.
    pub id: BuildId,
    /// Whose.
    pub builder: BuilderName,
    /// Which of that builder's.
    pub number: u32,
    /// How it ended.
    pub results: Results,
    /// Each codebase's stamp without its changes: codebase, repository, branch, and the revision obtained, or else the
    /// pinned one. A patched stamp makes the build incomparable (BM-5): then this is empty.
    pub trees: Vec<Tree>,
}

/// One codebase of a finished build.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tree {
    /// Which codebase.
    pub codebase: String,
    /// Where it lives.
    pub repository: String,
    /// `None`: the default branch.
    pub branch: Option<String>,
    /// What was built.
    pub revision: Option<String>,
}

impl Built {
    /// What blame needs of a finished build.
    #[must_use]
    pub fn of(build: &Build) -> Self {
        let patched = build.stamps.iter().any(|stamp| stamp.patch.is_some());
        let tree = |stamp: &crate::change::SourceStamp| Tree {
            codebase: stamp.codebase.to_string(),
            repository: stamp.repository.clone(),
            branch: stamp.branch.clone(),
            revision: build
                .got_revision
                .get(stamp.codebase.as_str())
                .cloned()
                .or_else(|| stamp.revision.clone()),
        };
        Self {
            id: build.id,
            builder: build.builder.clone(),
            number: build.number,
            results: build.results,
            trees: if patched { Vec::new() } else { build.stamps.iter().map(tree).collect() },
        }
    }
}

/// A source's durable cursor.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SourceCursor {
    /// Branch → tip.
    pub tips: BTreeMap<String, String>,
    /// Whether it has ever looked.
    pub looked: bool,
    /// Why it cannot look; `None`: it can.
    pub error: Option<String>,
}

/// The last id of each kind handed out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LastIds {
    /// Changes.
    pub change: u64,
    /// Buildsets.
    pub buildset: u64,
    /// Requests.
    pub request: u64,
    /// Builds.
    pub build: u64,
    /// Logs.
    pub log: u64,
    /// Commands.
    pub command: u64,
}
