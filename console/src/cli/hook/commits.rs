//! Which commits a push brought, and the changes they make.
//!
//! The rules are the git poller's (GP-1, GP-2 and GP-3 as contract.md F34 and F35 settle them), so that hook and poller
//! agree: commits reachable from the new tip along first parents and from no tip known before, oldest first; a known
//! branch that moved to commits known already gives one change for its new tip; a new branch at a known commit gives
//! none. A merge commit's files are those against its first parent, and the mailmap is the new tip's (F33).

use std::collections::BTreeMap;

use linn_proto::change::NewChange;

use super::GitHook;
use super::refs::{Moved, is_id};
use super::repository::Repository;
use crate::client::ClientError;

/// Commits of one push to one branch, at most: the newest. A push of more is a new history, not work to build.
pub(super) const MAX_COMMITS: usize = 1000;
/// Files named in one change, at most, in bytes of their names together.
const MAX_FILE_BYTES: usize = 1 << 20;
/// A commit message's length, at most, in bytes.
const MAX_COMMENT_BYTES: usize = 1 << 18;

/// The key of a commit on a branch of a repository: the same from the hook and from the poller, so that both may watch
/// one repository and no change comes twice (I2). Neither URLs, branches nor ids hold a blank, so the parts cannot run
/// into each other; a path may, and stands first.
#[must_use]
pub fn git_change_key(repository: &str, branch: &str, revision: &str) -> String {
    format!("git {repository} {branch} {revision}")
}

/// The changes of a push, in the order of its refs and oldest first, and sentences about what was left out.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) changes: Vec<NewChange>,
    pub(super) notes: Vec<String>,
}

/// Reads the new commits of all moved branches.
pub(super) async fn find(
    repository: &Repository,
    hook: &GitHook,
    moved: &[Moved],
) -> Result<Found, ClientError> {
    let mut found = Found::default();
    // The tips before the push: of branches that did not move, and the old ones of those that did.
    let mut known: Vec<String> = unmoved(repository, moved).await?;
    known.extend(moved.iter().filter_map(|branch| branch.old.clone()));
    for branch in moved {
        let mut ids = new_commits(repository, branch, &known).await?;
        if ids.len() > MAX_COMMITS {
            ids.remove(0);
            found.notes.push(format!(
                "{}: more than {MAX_COMMITS} new commits, only the newest {MAX_COMMITS} become changes",
                branch.branch
            ));
        }
        known.push(branch.new.clone());
        if !ids.is_empty() {
            read(repository, hook, branch, &ids, &mut found).await?;
        }
    }
    Ok(found)
}

/// The tips of branches that this push left alone.
async fn unmoved(repository: &Repository, moved: &[Moved]) -> Result<Vec<String>, ClientError> {
    let args = ["for-each-ref", "--format=%(objectname) %(refname:lstrip=2)", "refs/heads"];
    let bytes = repository.ask(&args, String::new()).await?;
    let text = String::from_utf8_lossy(&bytes);
    Ok(text
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter(|(id, name)| is_id(id) && !moved.iter().any(|branch| branch.branch == *name))
        .map(|(id, _)| id.to_owned())
        .collect())
}

/// Ids oldest first; one more than [`MAX_COMMITS`] at most.
async fn new_commits(
    repository: &Repository,
    branch: &Moved,
    known: &[String],
) -> Result<Vec<String>, ClientError> {
    let mut input = format!("{}\n", branch.new);
    for id in known {
        input.push('^');
        input.push_str(id);
        input.push('\n');
    }
    let most = format!("--max-count={}", MAX_COMMITS + 1);
    // An old tip may have been pruned after a force push; what is not there excludes nothing.
    let args = ["rev-list", "--first-parent", "--ignore-missing", "--reverse", &most, "--stdin"];
    let bytes = repository.ask(&args, input).await?;
    let text = String::from_utf8_lossy(&bytes);
    let ids: Vec<String> = text.lines().map(str::to_owned).collect();
    Ok(match &branch.old {
        // F34, F35: a known branch is somewhere else now, whatever is known of the commit.
        Some(_) if ids.is_empty() => vec![branch.new.clone()],
        _ => ids,
    })
}

async fn read(
    repository: &Repository,
    hook: &GitHook,
    branch: &Moved,
    ids: &[String],
    found: &mut Found,
) -> Result<(), ClientError> {
    let name = match &hook.repository {
        Some(name) => name.clone(),
        None => repository.folder().display().to_string(),
    };
    let commits = commits(repository, &branch.new, ids).await?;
    let mut files = files(repository, &commits).await?;
    for commit in commits {
        let mut of_commit = files.remove(&commit.id).unwrap_or_default();
        if shorten(&mut of_commit) {
            let id = &commit.id;
            found.notes.push(format!("{id}: too many files to name, some are left out"));
        }
        found.changes.push(NewChange {
            key: git_change_key(&name, &branch.branch, &commit.id),
            project: hook.project.clone(),
            codebase: hook.codebase.clone(),
            repository: name.clone(),
            branch: Some(branch.branch.clone()),
            revision: Some(commit.id),
            author: commit.author,
            committer: commit.committer,
            comments: commit.comments,
            files: of_commit,
            when_ms: Some(commit.when_ms),
            category: String::new(),
            revlink: String::new(),
            properties: Vec::new(),
            parents: commit.parents,
            vcs: "git".to_owned(),
            moved_from: branch.old.clone(),
        });
    }
    Ok(())
}

/// What git knows of a commit.
#[derive(Debug)]
struct Commit {
    id: String,
    parents: Vec<String>,
    author: String,
    committer: String,
    when_ms: i64,
    comments: String,
}

async fn commits(
    repository: &Repository,
    tip: &str,
    ids: &[String],
) -> Result<Vec<Commit>, ClientError> {
    // Eight fields, each ended by a NUL, which no field can hold.
    const FIELDS: usize = 8;
    let mailmap = format!("mailmap.blob={tip}:.mailmap");
    let format = "--format=tformat:%H%x00%P%x00%aN%x00%aE%x00%cN%x00%cE%x00%ct%x00%B";
    let args =
        ["-c", &mailmap, "log", "--no-walk=unsorted", "--use-mailmap", "-z", format, "--stdin"];
    let bytes = repository.ask(&args, lines(ids)).await?;
    let text = String::from_utf8_lossy(&bytes);
    let fields: Vec<&str> = text.split('\0').collect();
    let commits: Vec<Commit> = fields.chunks_exact(FIELDS).filter_map(commit).collect();
    if commits.len() != ids.len() {
        return Err(ClientError::internal("cannot read what git says of the new commits")
            .why(format!("{} of {} came", commits.len(), ids.len())));
    }
    Ok(commits)
}

fn commit(fields: &[&str]) -> Option<Commit> {
    let [id, parents, author, author_mail, committer, committer_mail, seconds, comments] = fields
    else {
        return None;
    };
    let mut comments = (*comments).trim_end().to_owned();
    comments.truncate(comments.floor_char_boundary(MAX_COMMENT_BYTES));
    Some(Commit {
        id: (*id).to_owned(),
        parents: parents.split_whitespace().map(str::to_owned).collect(),
        author: format!("{author} <{author_mail}>"),
        committer: format!("{committer} <{committer_mail}>"),
        when_ms: seconds.parse::<i64>().ok()?.saturating_mul(1000),
        comments,
    })
}

/// The files of each commit, against its first parent.
async fn files(
    repository: &Repository,
    commits: &[Commit],
) -> Result<BTreeMap<String, Vec<String>>, ClientError> {
    let pairs: Vec<String> = commits
        .iter()
        .map(|commit| match commit.parents.first() {
            Some(parent) => format!("{} {parent}", commit.id),
            None => commit.id.clone(),
        })
        .collect();
    let args = ["diff-tree", "--stdin", "-r", "-z", "--raw", "--root", "--always", "--no-renames"];
    let bytes = repository.ask(&args, lines(&pairs)).await?;
    let text = String::from_utf8_lossy(&bytes);
    let mut files: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut id = String::new();
    let mut tokens = text.split('\0');
    while let Some(token) = tokens.next() {
        // `:MODES AND IDS` is followed by a path; anything else begins a commit.
        if token.starts_with(':') {
            let path = tokens.next().unwrap_or_default();
            files.entry(id.clone()).or_default().push(path.to_owned());
        } else if !token.is_empty() {
            token.trim_end().clone_into(&mut id);
        }
    }
    Ok(files)
}

fn lines(ids: &[String]) -> String {
    let mut text = ids.join("\n");
    text.push('\n');
    text
}

/// Keeps as many names as fit; true when some did not.
pub(super) fn shorten(files: &mut Vec<String>) -> bool {
    let mut bytes = 0;
    let kept = files
        .iter()
        .take_while(|file| {
            bytes += file.len() + 8;
            bytes <= MAX_FILE_BYTES
        })
        .count();
    let short = kept < files.len();
    files.truncate(kept);
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_stable() {
        assert_eq!(git_change_key("/srv/x.git", "main", "abc"), "git /srv/x.git main abc");
    }

    #[test]
    fn very_many_files_are_cut() {
        let mut files: Vec<String> = (0..200_000).map(|number| number.to_string()).collect();
        assert!(shorten(&mut files));
        assert!(files.len() > 10_000);
        let mut few = vec!["a".to_owned()];
        assert!(!shorten(&mut few));
    }
}
