//! One look at a Mercurial repository: which changes its new tips mean (GP-1 to GP-6 for named branches).
//!
//! A changeset is on one named branch for ever, so it is one change, on that branch, however it is merged later. What is
//! new are the changesets that arrived after the tip that was known: a branch may have several heads, and what came to the
//! one that is not its tip is told, too.

use std::collections::BTreeMap;

use globset::GlobSet;
use linn_core::change::{Commit, NewChange};
use linn_core::config::{HgPoller, Source, TextPattern};
use linn_core::state::SourceCursor;

use super::repository::{Listed, Repository};
use super::{DEFAULT, log};
use crate::source::git::globs;
use crate::source::look::{Look, Pace, Portion, SLOWEST};
use crate::source::tool::ToolError;

/// The most changes in one portion.
const PORTION: usize = 250;
/// The most new changesets of one branch that become changes: the newest.
const NEW_MAX: usize = 10_000;
/// The most changesets of the graph told in one look: the newest.
const GRAPH_MAX: usize = 5_000;
/// The most known tips whose ancestors are left out by name; the order of arrival does for the others.
const KNOWN_MAX: usize = 1_000;

/// A Mercurial change source.
#[derive(Debug)]
pub(in crate::source) struct HgSource {
    source: Source,
    poller: HgPoller,
    selection: GlobSet,
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
    /// Oldest first.
    nodes: std::vec::IntoIter<String>,
}

/// After which changeset a branch's are new.
enum Since {
    /// After the one of that number.
    Number(u64),
    /// All of them.
    Beginning,
    /// Nobody can tell: what was known is gone.
    Lost,
}

impl HgSource {
    /// A source as configured; mirrors live below `dir`.
    ///
    /// # Errors
    /// [`ToolError::Address`].
    pub(in crate::source) fn new(
        dir: &std::path::Path,
        source: Source,
        poller: HgPoller,
    ) -> Result<Self, ToolError> {
        let repository = Repository::new(dir, &poller.repository)?;
        let default = [TextPattern(DEFAULT.to_owned())];
        let patterns = if poller.branches.is_empty() { &default[..] } else { &poller.branches };
        let selection = globs(patterns);
        Ok(Self { source, poller, selection, repository })
    }

    async fn plan(&self, cursor: &SourceCursor) -> Result<Option<Plan>, ToolError> {
        self.repository.bring().await?;
        let mut goal = self.repository.branches().await?;
        goal.retain(|branch, _| self.selection.is_match(branch));
        if cursor.looked && goal == cursor.tips {
            return Ok(None);
        }
        let moved: BTreeMap<&String, &String> =
            goal.iter().filter(|(branch, tip)| cursor.tips.get(*branch) != Some(tip)).collect();
        let (new, commits) = match (cursor.looked, moved.is_empty()) {
            (_, true) => (BTreeMap::new(), Vec::new()),
            // GP-1: the first look tells nothing, unless what is there is to be built too.
            (false, false) => {
                let graph = self.repository.list(&format!("last(all(), {GRAPH_MAX})")).await?;
                let told = self.poller.build_first_tip;
                let tips = moved.iter().filter(|_| told);
                let tips = tips.map(|(branch, tip)| ((*branch).clone(), vec![(*tip).clone()]));
                (tips.collect(), graph.into_iter().map(|listed| listed.commit).collect())
            }
            (true, false) => self.news(cursor, &moved).await?,
        };
        let mut todo = Vec::new();
        for (branch, nodes) in new {
            let from = cursor.tips.get(&branch).cloned();
            todo.push(Todo { branch, from, nodes: nodes.into_iter() });
        }
        // A branch that left the selection or the repository is forgotten, and one without news is where it is.
        let tips = cursor.tips.iter().filter(|(branch, _)| goal.contains_key(*branch));
        let tips = tips.map(|(branch, tip)| (branch.clone(), tip.clone())).collect();
        Ok(Some(Plan { tips, goal, todo, commits, done: false }))
    }

    /// The new changesets of moved branches, oldest first, and what was learnt of the graph.
    async fn news(
        &self,
        cursor: &SourceCursor,
        moved: &BTreeMap<&String, &String>,
    ) -> Result<(BTreeMap<String, Vec<String>>, Vec<Commit>), ToolError> {
        let known = self.repository.numbers(cursor.tips.values()).await?;
        let newest = known.values().max().copied();
        let since = |branch: &String| match (cursor.tips.get(branch), newest) {
            (Some(tip), _) => known.get(tip).map_or(Since::Lost, |number| Since::Number(*number)),
            // What was there before the last look is no news on a branch that is looked at for the first time.
            (None, Some(newest)) => Since::Number(newest),
            (None, None) if cursor.tips.is_empty() => Since::Beginning,
            (None, None) => Since::Lost,
        };
        let first = moved.keys().filter_map(|branch| match since(branch) {
            Since::Number(number) => Some(number + 1),
            Since::Beginning => Some(0),
            Since::Lost => None,
        });
        let listed = match first.min() {
            Some(first) => self.arrived(first, &known).await?,
            None => Vec::new(),
        };
        let mut found = BTreeMap::new();
        for (branch, tip) in moved {
            let is_new = |listed: &&Listed| {
                listed.branch == **branch
                    && match since(branch) {
                        Since::Number(number) => listed.number > number,
                        Since::Beginning => true,
                        Since::Lost => false,
                    }
            };
            let mut nodes: Vec<String> =
                listed.iter().filter(is_new).map(|new| new.commit.revision.clone()).collect();
            if nodes.len() > NEW_MAX {
                tracing::warn!(
                    source = %self.source.name,
                    branch = crate::source::git::shown(branch),
                    kept = NEW_MAX,
                    "a branch got more new changesets than are taken in; the oldest are left out"
                );
                nodes.drain(..nodes.len() - NEW_MAX);
            }
            // F34, F35: a known branch is somewhere else now, whatever is known of the changeset.
            let anyway =
                cursor.tips.contains_key(*branch) || self.poller.build_pushes_with_no_commits;
            if nodes.is_empty() && anyway {
                nodes.push((*tip).clone());
            }
            if !nodes.is_empty() {
                found.insert((*branch).clone(), nodes);
            }
        }
        let unseen =
            listed.iter().filter(|listed| newest.is_none_or(|newest| listed.number > newest));
        let mut commits: Vec<Commit> = unseen.map(|listed| listed.commit.clone()).collect();
        commits.drain(..commits.len().saturating_sub(GRAPH_MAX));
        Ok((found, commits))
    }

    /// What arrived from that number on and is behind no known tip.
    async fn arrived(
        &self,
        first: u64,
        known: &BTreeMap<String, u64>,
    ) -> Result<Vec<Listed>, ToolError> {
        let mut numbers: Vec<u64> = known.values().copied().collect();
        numbers.sort_unstable();
        let newest: Vec<String> =
            numbers.iter().rev().take(KNOWN_MAX).map(|number| format!("rev({number})")).collect();
        let all = format!("limit(sort(all(), rev), {}, {first})", u32::MAX / 4);
        let set = match newest.is_empty() {
            true => all,
            false => format!("sort({all} - ::({}), rev)", newest.join("+")),
        };
        self.repository.list(&set).await
    }

    async fn portion(&self, plan: &mut Plan) -> Result<Option<Portion>, ToolError> {
        if plan.done {
            return Ok(None);
        }
        let mut changes = Vec::new();
        while changes.len() < PORTION
            && let Some(Todo { branch, from, nodes }) = plan.todo.first_mut()
        {
            let some: Vec<String> = nodes.take(PORTION - changes.len()).collect();
            if let Some(last) = some.last() {
                let read = log::read(&self.repository, &some).await?;
                changes.extend(read.into_iter().map(|change| self.dressed(from.as_ref(), change)));
                plan.tips.insert(branch.clone(), last.clone());
            }
            if nodes.as_slice().is_empty() {
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

    /// A changeset's change with what only the source knows.
    fn dressed(&self, from: Option<&String>, change: NewChange) -> NewChange {
        let revision = change.revision.as_deref().unwrap_or_default();
        let branch = change.branch.as_deref().unwrap_or_default();
        NewChange {
            // The hook makes the same key, so whoever comes second is recognised (I2).
            key: Some(format!("hg {} {branch} {revision}", self.repository.name())),
            moved_from: from.cloned(),
            repository: self.repository.name().to_owned(),
            codebase: self.source.codebase.clone(),
            project: self.source.project.clone(),
            category: self.source.category.clone(),
            ..change
        }
    }
}

impl Look for HgSource {
    type Plan = Plan;

    async fn look(&self, cursor: &SourceCursor) -> Result<Option<Plan>, String> {
        self.plan(cursor).await.map_err(|error| error.to_string())
    }

    async fn next(&self, plan: &mut Plan) -> Result<Option<Portion>, String> {
        self.portion(plan).await.map_err(|error| error.to_string())
    }

    fn pace(&self) -> Pace {
        Pace { remote: self.repository.is_remote(), slowest: SLOWEST }
    }
}
