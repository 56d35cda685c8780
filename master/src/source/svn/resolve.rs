//! Which revision a branch is at at this moment (SS-3, C22).

use linn_core::config::SVN_TRUNK;

use super::repository::Repository;
use crate::source::git::shown;
use crate::source::resolve::{ResolveError, Resolved};

/// Finds the revision: the last that changed the branch, up to the one asked for. A branch left out is the trunk, or all of
/// a repository that has none.
///
/// # Errors
/// [`ResolveError`].
pub(in crate::source) async fn resolve(
    name: &str,
    branch: Option<&str>,
    revision: Option<&str>,
) -> Result<Resolved, ResolveError> {
    let repository = Repository::new(name)?;
    let whole = repository.whole().await?;
    let unknown = || ResolveError::UnknownRevision {
        revision: shown(revision.unwrap_or_default()),
        repository: repository.shown(),
    };
    let at = match revision {
        Some(text) => {
            let digits = text.strip_prefix('r').unwrap_or(text);
            let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            let number = digits.parse().ok().filter(|number| plain && *number <= whole.revision);
            number.ok_or_else(unknown)?
        }
        None => whole.revision,
    };
    let found = match branch {
        Some(path) if is_plain(path) => repository.info(path, Some(at)).await?,
        Some(_) => None,
        None => match repository.info(SVN_TRUNK, Some(at)).await? {
            Some(trunk) => Some(trunk),
            None => repository.info("", Some(at)).await?,
        },
    };
    let found = match (found, branch) {
        (Some(found), _) => found,
        (None, Some(branch)) => {
            let (branch, repository) = (shown(branch), repository.shown());
            return Err(ResolveError::UnknownBranch { branch, repository, near: None });
        }
        (None, None) => return Err(unknown()),
    };
    Ok(Resolved {
        revision: found.changed.to_string(),
        branch: branch.map(ToOwned::to_owned),
        commits: Vec::new(),
    })
}

/// A path that leads nowhere else.
fn is_plain(path: &str) -> bool {
    path.len() <= 1_000
        && !path.chars().any(char::is_control)
        && path.split('/').all(|part| !part.is_empty() && part != "." && part != "..")
}
