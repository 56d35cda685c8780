//! What is not worth finishing any more (BS-5, BS-6, F26).

use std::collections::BTreeSet;

use super::Pattern;
use crate::id::BuilderName;

/// A rule by which requests and builds are cancelled without anybody asking.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Canceller {
    /// Of which builders.
    pub builders: BTreeSet<BuilderName>,
    /// When.
    pub kind: CancellerKind,
}

/// When something is not worth finishing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CancellerKind {
    /// A newer change of the same branch is to be built; empty: of any branch.
    Overtaken(Vec<Pattern>),
    /// Another member of its buildset failed.
    Failed,
}
