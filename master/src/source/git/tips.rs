//! One moment's branches of a repository, for whoever asks for a branch or a revision by name (SS-3, C22).

use std::collections::BTreeMap;

use super::branches::{Branches, DETACHED, Head};
use super::error::GitError;
use super::repository::Repository;

/// A repository's branches, asked for just now.
#[derive(Debug)]
pub(in crate::source) struct Tips(Branches);

impl Tips {
    /// Asks the repository.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(in crate::source) async fn of(repository: &Repository) -> Result<Self, GitError> {
        repository.branches(false).await.map(Self)
    }

    /// The tip of a branch.
    pub(in crate::source) fn tip(&self, branch: &str) -> Option<String> {
        if branch == DETACHED {
            return self.0.default_tip().map(|(_, tip)| tip);
        }
        self.0.tips.get(branch).cloned()
    }

    /// The default branch, unless HEAD is on none.
    pub(in crate::source) fn default_branch(&self) -> Option<String> {
        match self.0.head.as_ref()? {
            Head::Branch(name) => Some(name.clone()),
            Head::Commit(_) => None,
        }
    }

    /// The default branch or a detached HEAD, with its tip.
    pub(in crate::source) fn default_tip(&self) -> Option<(String, String)> {
        self.0.default_tip()
    }

    /// The branch whose name is most like this one, if any is.
    pub(in crate::source) fn nearest(&self, branch: &str) -> Option<String> {
        let near = |name: &&String| {
            name.eq_ignore_ascii_case(branch)
                || name.rsplit('/').next() == branch.rsplit('/').next()
                || within_two(name, branch)
        };
        self.0.tips.keys().find(near).cloned()
    }

    /// The tip with its commits readable here.
    ///
    /// # Errors
    /// When they cannot be fetched.
    pub(in crate::source) async fn fetched(
        &self,
        repository: &Repository,
        branch: &str,
        tip: &str,
    ) -> Result<String, GitError> {
        if repository.is_remote() && repository.commit(tip).await?.is_none() {
            let wanted = BTreeMap::from([(branch.to_owned(), tip.to_owned())]);
            repository.bring(&wanted).await?;
        }
        Ok(tip.to_owned())
    }

    /// The commit that a revision means: a full or shortened id, or a tag. `None`: there is none, or several.
    ///
    /// # Errors
    /// When the repository cannot be asked.
    pub(in crate::source) async fn revision(
        &self,
        repository: &Repository,
        asked: &str,
        tip: Option<(String, String)>,
    ) -> Result<Option<String>, GitError> {
        let hex = (4..=64).contains(&asked.len()) && asked.bytes().all(|b| b.is_ascii_hexdigit());
        let name = if hex { asked.to_ascii_lowercase() } else { format!("refs/tags/{asked}") };
        if !hex && !is_plain_name(asked) {
            return Ok(None);
        }
        if let Some(found) = repository.commit(&name).await? {
            return Ok(Some(found));
        }
        if !repository.is_remote() {
            return Ok(None);
        }
        // First what probably has it, then all there is.
        if let Some((branch, tip)) = tip {
            self.fetched(repository, &branch, &tip).await?;
            if let Some(found) = repository.commit(&name).await? {
                return Ok(Some(found));
            }
        }
        repository.bring_all().await?;
        repository.commit(&name).await
    }
}

/// A name that git's own grammar of revisions (`a..b`, `a^`, `a@{1}`, `a:b`) has no hold on.
fn is_plain_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 250
        && !name.contains("..")
        && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | '+'))
}

/// Whether two short names differ by two edits at most (Levenshtein's distance).
fn within_two(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len().abs_diff(b.len()) > 2 || a.len() > 100 || a.len() < 4 {
        return false;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()] <= 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_alike() {
        for (a, b, alike) in [
            ("main", "mian", true),
            ("main", "man", true),
            ("main", "master", false),
            ("dev", "der", false),
            ("feature", "featrue", true),
        ] {
            assert_eq!(within_two(a, b), alike, "{a} {b}");
        }
        assert!(is_plain_name("v1.0-rc/2") && !is_plain_name("a..b") && !is_plain_name("a^{}"));
    }
}
