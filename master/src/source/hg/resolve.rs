//! Which changeset a branch or revision is at this moment (SS-3, C22).

use std::path::Path;

use super::repository::{Listed, Repository};
use super::{DEFAULT, is_node};
use crate::source::git::shown;
use crate::source::resolve::{GRAPH_MAX, ResolveError, Resolved};
use crate::source::tool::ToolError;

/// Finds the changeset. A branch left out is `default`; a revision left out is the branch's tip. A revision may be
/// shortened to four digits or more, or be a tag.
///
/// # Errors
/// [`ResolveError`].
pub(in crate::source) async fn resolve(
    dir: &Path,
    name: &str,
    branch: Option<&str>,
    revision: Option<&str>,
) -> Result<Resolved, ResolveError> {
    let repository = Repository::new(dir, name)?;
    repository.bring().await?;
    let tips = repository.branches().await?;
    if let Some(branch) = branch
        && !tips.contains_key(branch)
    {
        let near = tips.keys().find(|name| name.eq_ignore_ascii_case(branch));
        return Err(ResolveError::UnknownBranch {
            branch: shown(branch),
            repository: repository.shown(),
            near: near.map(|near| shown(near)),
        });
    }
    let found = match revision {
        None => match tips.get(branch.unwrap_or(DEFAULT)) {
            Some(tip) => one(&repository, &format!("id({tip})")).await?,
            None => return Err(ResolveError::Empty { repository: repository.shown() }),
        },
        Some(asked) => named(&repository, asked).await?,
    };
    let Some(found) = found else {
        return Err(ResolveError::UnknownRevision {
            revision: shown(revision.unwrap_or_default()),
            repository: repository.shown(),
        });
    };
    let node = found.commit.revision;
    let graph = repository.list(&format!("sort(last(::id({node}), {GRAPH_MAX}), rev)")).await?;
    Ok(Resolved {
        revision: node,
        branch: branch.map(ToOwned::to_owned).or(Some(found.branch)),
        commits: graph.into_iter().map(|listed| listed.commit).collect(),
    })
}

async fn one(repository: &Repository, set: &str) -> Result<Option<Listed>, ToolError> {
    let mut found = repository.list(set).await?;
    Ok(if found.len() == 1 { found.pop() } else { None })
}

/// The changeset that somebody calls so; `None`: there is none, or several.
async fn named(repository: &Repository, asked: &str) -> Result<Option<Listed>, ToolError> {
    let digits = asked.to_ascii_lowercase();
    if (4..=40).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        let set =
            if is_node(&digits) { format!("id({digits})") } else { format!("id('{digits}')") };
        // Hg aborts where a short id could be several.
        if let Ok(Some(found)) = one(repository, &set).await {
            return Ok(Some(found));
        }
    }
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | '+' | ' ');
    if asked.is_empty() || asked.len() > 250 || !asked.chars().all(plain) {
        return Ok(None);
    }
    match one(repository, &format!("tag('literal:{asked}')")).await {
        Ok(found) => Ok(found),
        // It aborts at a tag that there is not.
        Err(ToolError::Failed { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
