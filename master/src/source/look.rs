//! What a source that looks from time to time must be able to do; when it looks, and who hears of it, is its task's business.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use linn_core::change::{Commit, NewChange};
use linn_core::state::SourceCursor;

/// A source that looks from time to time. Whatever goes wrong is one sentence, made safe.
pub(super) trait Look: Send + Sync + 'static {
    /// What a look has found and not told yet.
    type Plan: Send;

    /// Looks. `None`: everything is as it was.
    fn look(
        &self,
        cursor: &SourceCursor,
    ) -> impl Future<Output = Result<Option<Self::Plan>, String>> + Send;

    /// The next portion of a plan; `None`: all is told.
    fn next(
        &self,
        plan: &mut Self::Plan,
    ) -> impl Future<Output = Result<Option<Portion>, String>> + Send;

    /// The oldest portion that was not yet so is durable now.
    fn stored(&self, _plan: &mut Self::Plan) -> impl Future<Output = Result<(), String>> + Send {
        async { Ok(()) }
    }

    /// How to treat whom it asks.
    fn pace(&self) -> Pace {
        Pace { remote: false, slowest: SLOWEST }
    }
}

/// How to treat whom a source asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Pace {
    /// It is another machine: not everybody should ask at the same moment.
    pub(super) remote: bool,
    /// While it fails, it is asked at least so often, unless the interval is longer.
    pub(super) slowest: Duration,
}

/// Something on this machine that fails is looked at again after so long at the latest.
pub(super) const SLOWEST: Duration = Duration::from_mins(5);

/// Some of what a look has found: durable together (GP-6).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Portion {
    /// Oldest first within each branch.
    pub(super) changes: Vec<NewChange>,
    /// Branch → tip, when these changes have been told.
    pub(super) tips: BTreeMap<String, String>,
    /// Of the graph.
    pub(super) commits: Vec<Commit>,
}
