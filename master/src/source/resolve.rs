//! Which commit a branch or revision is at this moment: asked when a buildset is made, so that all its builds get the
//! same tree (SS-3), and so that a branch or revision that does not exist is refused at once (C22).

use std::path::Path;

use linn_core::change::Commit;
use linn_core::config::Vcs;

use super::git::{GitError, Repository, Tips};
use super::tool::ToolError;
use super::{hg, svn};

/// The most commits of the graph behind a revision that are told.
pub(super) const GRAPH_MAX: usize = 1_000;

/// A commit that exists.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Resolved {
    /// Its full id.
    pub revision: String,
    /// The branch asked for; if none was, the repository's default one. `None`: its HEAD is on no branch.
    pub branch: Option<String>,
    /// The newest commits behind it, itself included, oldest first: for blame (BM-4).
    pub commits: Vec<Commit>,
}

/// Why there is no such commit. Each is one sentence.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// The repository has no such branch.
    #[error("there is no branch `{branch}` in {repository}{}", did_you_mean(near.as_deref()))]
    UnknownBranch {
        /// As asked, made safe.
        branch: String,
        /// Where, made safe.
        repository: String,
        /// One with a name like it.
        near: Option<String>,
    },
    /// The repository has no such revision, or several that begin like it.
    #[error("there is no revision `{revision}` in {repository}")]
    UnknownRevision {
        /// As asked, made safe.
        revision: String,
        /// Where, made safe.
        repository: String,
    },
    /// Nothing has been committed yet.
    #[error("{repository} has no commit on its default branch yet")]
    Empty {
        /// Where, made safe.
        repository: String,
    },
    /// The repository cannot be asked.
    #[error(transparent)]
    Unreachable(#[from] GitError),
    /// A repository of hg or svn cannot be asked.
    #[error(transparent)]
    Unanswered(#[from] ToolError),
}

/// Finds the commit. A branch left out is the repository's default one; a revision left out is the branch's tip. A
/// revision may be shortened to four digits or more, or be a tag; of Subversion it is a number. Mirrors live in
/// `dir/mirrors`.
///
/// # Errors
/// [`ResolveError`].
pub async fn resolve(
    dir: &Path,
    vcs: Vcs,
    repository: &str,
    branch: Option<&str>,
    revision: Option<&str>,
) -> Result<Resolved, ResolveError> {
    match vcs {
        Vcs::Git => {}
        Vcs::Hg => return hg::resolve(dir, repository, branch, revision).await,
        Vcs::Svn => return svn::resolve(repository, branch, revision).await,
    }
    let repository = Repository::new(dir, repository)?;
    let tips = Tips::of(&repository).await?;
    let (branch, tip) = match branch {
        Some(branch) => {
            let tip = tips.tip(branch).ok_or_else(|| ResolveError::UnknownBranch {
                branch: super::git::shown(branch),
                repository: repository.shown(),
                near: tips.nearest(branch).map(|near| super::git::shown(&near)),
            })?;
            (Some(branch.to_owned()), Some((branch.to_owned(), tip)))
        }
        None => (tips.default_branch(), tips.default_tip()),
    };
    let found = match (revision, tip) {
        (None, None) => return Err(ResolveError::Empty { repository: repository.shown() }),
        (None, Some((branch, tip))) => tips.fetched(&repository, &branch, &tip).await?,
        (Some(asked), tip) => tips.revision(&repository, asked, tip).await?.ok_or_else(|| {
            ResolveError::UnknownRevision {
                revision: super::git::shown(asked),
                repository: repository.shown(),
            }
        })?,
    };
    let commits = super::git::graph(&repository, [found.as_str()], [], GRAPH_MAX).await?;
    Ok(Resolved { revision: found, branch, commits })
}

fn did_you_mean(near: Option<&str>) -> String {
    near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default()
}
