//! One look at a repository: which changes its new tips mean (GP-1 to GP-6 with the better rules, F33 to F35).
//!
//! The plan of a look is made once, against the tips known before it. It is then told in portions, each a list of changes
//! together with tips that say exactly that those changes have been told: whatever stops us in between, nothing is lost
//! and nothing is told twice (GP-6).

use std::collections::BTreeMap;

use linn_core::change::{Commit, NewChange};
use linn_core::config::{GitPoller, Source};
use linn_core::state::SourceCursor;

use super::branches::{Selection, TAGS};
use super::error::GitError;
use super::pick::Picks;
use super::repository::Repository;
use super::{details, history};
use crate::source::look::Portion;

/// The most changes in one portion.
const PORTION: usize = 250;
/// The most new commits of one branch that become changes: the newest. More is no push but another repository.
const NEW_MAX: usize = 10_000;
/// The most commits of the graph told in one look: the newest.
const GRAPH_MAX: usize = 5_000;

/// A git change source.
#[derive(Debug)]
pub(in crate::source) struct GitSource {
    source: Source,
    poller: GitPoller,
    selection: Selection,
    /// Of one that asks a function.
    picks: Option<Picks>,
    repository: Repository,
}

/// What a look has found and not told yet.
#[derive(Debug)]
pub(in crate::source) struct Plan {
    /// What was known when it was made, moved on by each portion.
    tips: BTreeMap<String, String>,
    /// What will be known at its end.
    goal: BTreeMap<String, String>,
    todo: Vec<Todo>,
    /// Told with the first portion.
    commits: Vec<Commit>,
    done: bool,
}

/// What is to be told of a branch.
#[derive(Debug)]
struct Todo {
    branch: String,
    /// Where it was before.
    from: Option<String>,
    /// Its commits, oldest first.
    revisions: std::vec::IntoIter<String>,
}

impl GitSource {
    /// A source as configured; mirrors live below `dir`.
    ///
    /// # Errors
    /// [`GitError::Address`].
    pub(in crate::source) fn new(
        dir: &std::path::Path,
        source: Source,
        poller: GitPoller,
    ) -> Result<Self, GitError> {
        let repository = Repository::new(dir, &poller.repository)?;
        let selection = Selection::new(&poller.branches, poller.only.as_ref());
        Ok(Self { source, poller, selection, picks: None, repository })
    }

    /// The same for one that asks a function which refs are looked at.
    pub(in crate::source) fn with_picks(self, picks: Picks) -> Self {
        Self { picks: Some(picks), ..self }
    }

    /// The repository.
    pub(in crate::source) fn repository(&self) -> &Repository {
        &self.repository
    }

    /// Looks. `None`: everything is as it was.
    ///
    /// # Errors
    /// When the repository cannot be read; nothing has been told then.
    pub(in crate::source) async fn look(
        &self,
        cursor: &SourceCursor,
    ) -> Result<Option<Plan>, GitError> {
        let mut branches = self.repository.branches(self.poller.tags).await?;
        let mut goal = self.selection.pick(&branches, &cursor.tips);
        goal.append(&mut branches.tags);
        if let Some(picks) = &self.picks {
            picks.among(&mut goal).await?;
        }
        if cursor.looked && goal == cursor.tips {
            return Ok(None);
        }
        let moved: BTreeMap<String, String> = goal
            .iter()
            .filter(|(branch, tip)| cursor.tips.get(*branch) != Some(tip))
            .map(|(branch, tip)| (branch.clone(), tip.clone()))
            .collect();
        let moved = self.repository.bring(&moved).await?;
        goal.retain(|branch, tip| {
            moved.contains_key(branch) || cursor.tips.get(branch) == Some(tip)
        });
        goal.extend(moved.clone());

        let known = || cursor.tips.values().map(String::as_str);
        let commits = match moved.is_empty() {
            true => Vec::new(),
            false => {
                let tips = moved.values().map(String::as_str);
                history::graph(&self.repository, tips, known(), GRAPH_MAX).await?
            }
        };
        let mut todo = Vec::new();
        for (branch, tip) in &moved {
            let revisions = self.to_tell(cursor, branch, tip).await?;
            if !revisions.is_empty() {
                let from = cursor.tips.get(branch).cloned();
                todo.push(Todo { branch: branch.clone(), from, revisions: revisions.into_iter() });
            }
        }
        // A branch that left the selection or the repository is forgotten, and one without news is where it is.
        let tips = cursor.tips.iter().filter(|(branch, _)| goal.contains_key(*branch));
        let tips = tips.map(|(branch, tip)| (branch.clone(), tip.clone())).collect();
        Ok(Some(Plan { tips, goal, todo, commits, done: false }))
    }

    /// The commits of a moved branch that become changes, oldest first.
    async fn to_tell(
        &self,
        cursor: &SourceCursor,
        branch: &str,
        tip: &str,
    ) -> Result<Vec<String>, GitError> {
        if branch.starts_with(TAGS) {
            // A tag is news by itself, wherever its commit is; those that are there already are none.
            return Ok(if cursor.looked { vec![tip.to_owned()] } else { Vec::new() });
        }
        if !cursor.looked {
            // GP-1: the first look tells nothing, unless what is there is to be built too.
            return Ok(if self.poller.build_first_tip { vec![tip.to_owned()] } else { Vec::new() });
        }
        // A tag may be there before the branch has its commits; they are news on the branch all the same.
        let known = cursor.tips.iter().filter(|(name, _)| !name.starts_with(TAGS));
        let known = known.map(|(_, tip)| tip.as_str());
        let history = self.poller.history;
        let (new, cut) =
            history::new_commits(&self.repository, tip, known, history, NEW_MAX).await?;
        if cut {
            tracing::warn!(
                source = %self.source.name,
                branch,
                kept = NEW_MAX,
                "a branch got more new commits than are taken in; the oldest are left out"
            );
        }
        // F35 (GP-2, GP-3): all commits are known from elsewhere. A known branch has moved all the same.
        let told_anyway =
            cursor.tips.contains_key(branch) || self.poller.build_pushes_with_no_commits;
        Ok(if new.is_empty() && told_anyway { vec![tip.to_owned()] } else { new })
    }

    /// The next portion of a plan; `None`: all is told.
    ///
    /// # Errors
    /// When the repository cannot be read. The portions told so far stay told, and a later look finds the others.
    pub(in crate::source) async fn next(
        &self,
        plan: &mut Plan,
    ) -> Result<Option<Portion>, GitError> {
        if plan.done {
            return Ok(None);
        }
        let mut changes = Vec::new();
        while changes.len() < PORTION
            && let Some(Todo { branch, from, revisions }) = plan.todo.first_mut()
        {
            let some: Vec<String> = revisions.take(PORTION - changes.len()).collect();
            if let Some(last) = some.last() {
                let goal = plan.goal.get(branch.as_str()).unwrap_or(last);
                let read = details::read(&self.repository, goal, &some).await?;
                let dressed =
                    read.into_iter().map(|change| self.dressed(branch, from.as_ref(), change));
                changes.extend(dressed);
                plan.tips.insert(branch.clone(), last.clone());
            }
            if revisions.as_slice().is_empty() {
                plan.todo.remove(0);
            }
        }
        plan.done = plan.todo.is_empty();
        if plan.done {
            plan.tips.clone_from(&plan.goal);
        }
        let commits = std::mem::take(&mut plan.commits);
        Ok(Some(Portion { changes, tips: plan.tips.clone(), commits }))
    }

    /// A commit's change with what only the source knows.
    fn dressed(&self, branch: &str, from: Option<&String>, change: NewChange) -> NewChange {
        let revision = change.revision.as_deref().unwrap_or_default();
        NewChange {
            // The hook makes the same key, so whoever comes second is recognised (I2).
            key: Some(format!("git {} {branch} {revision}", self.repository.name())),
            branch: Some(branch.to_owned()),
            moved_from: from.cloned(),
            repository: self.repository.name().to_owned(),
            codebase: self.source.codebase.clone(),
            project: self.source.project.clone(),
            category: self.source.category.clone(),
            ..change
        }
    }
}
