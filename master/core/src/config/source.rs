//! Where changes come from.

use crate::id::{CodebaseName, SourceName};
use crate::time::Span;

/// A change source.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Source {
    /// Its name.
    pub name: SourceName,
    /// What its changes belong to; `None`: found by the repository (CH-2).
    pub codebase: Option<CodebaseName>,
    /// May be empty.
    pub project: String,
    /// May be empty.
    pub category: String,
    /// How it looks.
    pub kind: SourceKind,
}

/// The kinds of change source.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SourceKind {
    /// Looks at a git repository from time to time.
    Git(GitPoller),
}

/// Which text is meant: a value, or a glob over the whole value when it has `*`, `?` or `[` (F6).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TextPattern(pub String);

/// What a git poller looks at (GP-*).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GitPoller {
    /// URL or path.
    pub repository: String,
    /// Which branches; empty: the repository's default branch alone (GP-4).
    pub branches: Vec<TextPattern>,
    /// Between two looks, at least one second.
    pub interval: Span,
    /// One change for the tip of a branch new to the poller at a known commit (GP-2, F35).
    pub build_pushes_with_no_commits: bool,
    /// Also build what is there at the very first look: one change for the tip of each branch. `linn up` uses it.
    pub build_first_tip: bool,
}
