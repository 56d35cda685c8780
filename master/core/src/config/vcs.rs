//! The kinds of version control that linn reads and checks out.

use serde::{Deserialize, Serialize};

use super::{SVN_LATEST, SVN_TRUNK};

/// Which program keeps a repository.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Vcs {
    /// git; what a repository is taken for of which nothing else is known.
    #[default]
    Git,
    /// Mercurial.
    Hg,
    /// Subversion, in its usual layout (F48).
    Svn,
}

impl Vcs {
    /// Its command, and the word of a change's `vcs`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Git => "git",
            Self::Hg => "hg",
            Self::Svn => "svn",
        }
    }

    /// The kind that a change's `vcs` names; `None`: another kind, or no word.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        [Self::Git, Self::Hg, Self::Svn].into_iter().find(|vcs| vcs.word() == word)
    }

    /// Under which names a source's tips have what a change calls the default branch by no name at all, the best first.
    #[must_use]
    pub const fn unnamed_tips(self) -> &'static [&'static str] {
        match self {
            Self::Git | Self::Hg => &[],
            Self::Svn => &[SVN_TRUNK, SVN_LATEST],
        }
    }
}
