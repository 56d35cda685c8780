//! What a source needs of the engine, as a trait: so that sources are tested without one.

use std::future::Future;

use linn_core::id::SourceName;
use linn_core::input::{Asking, Input};
use linn_core::state::SourceCursor;
use linn_core::time::Timestamp;

/// The engine, or who stands for it in a test.
pub trait Intake: Clone + Send + Sync + 'static {
    /// Hands in a [`Input::SourcePolled`] or [`Input::SourceFailed`], and completes when it is durable. An input that
    /// carries somebody's asking is answered to them; completing when it is queued is enough then, for it is the last of
    /// its look.
    fn settle(&self, input: Input) -> impl Future<Output = Result<(), Ended>> + Send;

    /// The durable cursor of a source.
    fn cursor(
        &self,
        source: &SourceName,
    ) -> impl Future<Output = Result<SourceCursor, Ended>> + Send;

    /// Whether a git source looks at refs of these names, as the function of its present configuration says (GP-4). The
    /// inner error is the function's, as a sentence.
    fn picks(
        &self,
        source: &SourceName,
        refs: Vec<String>,
    ) -> impl Future<Output = Result<Result<Vec<bool>, String>, Ended>> + Send;

    /// Answers somebody whose asking was not handed in, for what they wait for could not be written down.
    fn turn_away(&self, asking: &Asking, why: String);

    /// The present moment.
    fn now(&self) -> Timestamp;
}

/// Why an input could not be handed in.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Ended {
    /// The engine is ending, and so should the source.
    #[error("the master is ending")]
    Ending,
    /// Nothing of it was written; the cursor is where it was.
    #[error("{0}")]
    NotWritten(String),
}
