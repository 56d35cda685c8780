//! Which commits are new, and the graph behind the tips.

use linn_core::change::Commit;
use linn_core::config::GitHistory;

use super::branches::is_revision;
use super::error::GitError;
use super::repository::Repository;

/// The commits reachable from `tip`, along first parents or in full, and from none of `known` (GP-1, F33, F34), oldest
/// first. When there are more than `most`, the newest of them, and the second value is how many were left out at least.
///
/// # Errors
/// When git cannot tell.
pub(super) async fn new_commits<'a>(
    repository: &Repository,
    tip: &'a str,
    known: impl IntoIterator<Item = &'a str>,
    history: GitHistory,
    most: usize,
) -> Result<(Vec<String>, bool), GitError> {
    let order = match history {
        GitHistory::FirstParent => "--first-parent",
        // No commit before what it follows, whatever its clock says.
        GitHistory::Full => "--topo-order",
    };
    let answer = repository
        .git("list the new commits")
        .await?
        .args(["rev-list", order, "--ignore-missing"])
        .args([format!("--max-count={}", most.saturating_add(1)), "--stdin".to_owned()])
        .input(range([tip], known))
        .run()
        .await?;
    let mut found: Vec<String> = lines(&answer).map(ToOwned::to_owned).collect();
    let cut = found.len() > most;
    found.truncate(most);
    found.reverse();
    Ok((found, cut))
}

/// The newest `most` commits reachable from `tips` and from none of `known`, each with its parents, oldest first: what
/// blame walks (BM-4).
///
/// # Errors
/// When git cannot tell.
pub(in crate::source) async fn graph<'a>(
    repository: &Repository,
    tips: impl IntoIterator<Item = &'a str>,
    known: impl IntoIterator<Item = &'a str>,
    most: usize,
) -> Result<Vec<Commit>, GitError> {
    let answer = repository
        .git("read the history")
        .await?
        .args(["rev-list", "--parents", "--topo-order", "--ignore-missing"])
        .args([format!("--max-count={most}"), "--stdin".to_owned()])
        .input(range(tips, known))
        .run()
        .await?;
    let mut commits: Vec<Commit> = lines(&answer)
        .filter_map(|line| {
            let mut ids = line.split(' ').map(ToOwned::to_owned);
            Some(Commit { revision: ids.next()?, parents: ids.collect() })
        })
        .collect();
    commits.reverse();
    Ok(commits)
}

/// Those that are no full ids (a cursor from elsewhere) never reach git.
fn range<'a>(
    tips: impl IntoIterator<Item = &'a str>,
    known: impl IntoIterator<Item = &'a str>,
) -> String {
    let wanted = tips.into_iter().filter(|id| is_revision(id)).map(|id| format!("{id}\n"));
    let unwanted = known.into_iter().filter(|id| is_revision(id)).map(|id| format!("^{id}\n"));
    wanted.chain(unwanted).collect()
}

fn lines(answer: &[u8]) -> impl Iterator<Item = &str> {
    answer
        .split(|b| *b == b'\n')
        .filter_map(|line| std::str::from_utf8(line).ok())
        .filter(|line| line.split(' ').all(is_revision))
}
