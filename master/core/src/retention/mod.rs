//! What of history goes, and when (JN-1, JN-2 better).
//!
//! ```text
//! rules + history (rows of the store) + needs (of the state) + now ── choose ──► what would go, and why the rest stays
//! what would go, a bite at a time ── delete ──► what nothing needs at this moment ──► one record, one commit
//! ```
//!
//! What must hold: nothing goes that a running or waiting thing needs, or that the next decision reads; what is pinned stays
//! with all that belongs to it; ids and numbers are never given again. So the newest thing of each kind stays, and so do
//! the last build and the last good one of every builder and branch as far back as blame looks. Whoever chooses reads
//! history beside the engine; the core looks at every bite again, with what it knows then.

mod choose;
mod history;
mod needs;
mod pass;
#[cfg(test)]
mod tests;

pub use choose::{Chosen, Item, choose};
pub use history::{BuildRow, BuildsetRow, ChangeRow, History, StatisticsRow};
pub use needs::{Need, Needs};
pub use pass::{EVERY, next_pass};
pub(crate) use pass::{delete, due, ended, settle};

/// How many things go in one commit: some milliseconds, so that nobody feels it.
pub const BITE: usize = 100;
