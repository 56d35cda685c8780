//! One look at a Subversion repository: which changes its new revisions mean (F48).
//!
//! A revision that touches two branches is a change of each. That a branch was made is none by itself (GP-2), as nothing in
//! it is new; that a tag was made is one where tags are asked for.

use std::collections::{BTreeMap, BTreeSet};

use globset::GlobSet;
use linn_core::change::{Commit, NewChange};
use linn_core::config::{SVN_LATEST, SVN_TRUNK, Source, SvnPoller};
use linn_core::state::SourceCursor;

use super::layout::{Done, done, inside, place};
use super::log::Entry;
use super::repository::{Info, Repository};
use crate::source::git::globs;
use crate::source::look::{Look, Pace, Portion, SLOWEST};
use crate::source::tool::ToolError;

/// The most revisions of one portion.
const PORTION: usize = 100;
/// The most files of a change that are kept.
const FILES_MAX: usize = 10_000;

/// A Subversion change source.
#[derive(Debug)]
pub(in crate::source) struct SvnSource {
    source: Source,
    poller: SvnPoller,
    /// `None`: all branches.
    selection: Option<GlobSet>,
    repository: Repository,
}

/// What a look has found and not told yet.
#[derive(Debug)]
pub(in crate::source) struct Plan {
    /// Branch → the last revision that changed it; and up to where was looked.
    tips: BTreeMap<String, String>,
    /// The next revision to tell.
    from: u64,
    /// The last.
    until: u64,
    /// Where the project is in its repository.
    prefix: String,
    /// The first look: what is told of what is there.
    first: Option<Vec<NewChange>>,
    done: bool,
}

impl SvnSource {
    /// A source as configured.
    ///
    /// # Errors
    /// [`ToolError::Address`].
    pub(in crate::source) fn new(source: Source, poller: SvnPoller) -> Result<Self, ToolError> {
        let repository = Repository::new(&poller.repository)?;
        let selection = (!poller.branches.is_empty()).then(|| globs(&poller.branches));
        Ok(Self { source, poller, selection, repository })
    }

    async fn plan(&self, cursor: &SourceCursor) -> Result<Option<Plan>, ToolError> {
        let whole = self.repository.whole().await?;
        let seen = cursor.tips.get(SVN_LATEST).and_then(|text| text.parse::<u64>().ok());
        match seen.filter(|_| cursor.looked) {
            Some(seen) if whole.changed <= seen && seen <= whole.revision => Ok(None),
            Some(seen) if seen < whole.revision => Ok(Some(Plan {
                tips: self.kept(&cursor.tips),
                from: seen + 1,
                until: whole.revision,
                prefix: whole.prefix,
                first: None,
                done: false,
            })),
            Some(seen) => {
                tracing::warn!(
                    source = %self.source.name,
                    seen,
                    newest = whole.revision,
                    "the repository has fewer revisions than before; what is there now is taken as seen"
                );
                self.first(whole, false).await.map(Some)
            }
            None => self.first(whole, self.poller.build_first_tip).await.map(Some),
        }
    }

    /// GP-1: the first look remembers, and tells nothing unless what is there is to be built too.
    async fn first(&self, whole: Info, tells: bool) -> Result<Plan, ToolError> {
        let branches = self.repository.branches(self.poller.layout, &whole).await?;
        let wanted = branches.into_iter().filter(|(branch, _)| self.is_wanted(branch));
        let branches: BTreeMap<String, u64> = wanted.collect();
        let mut first = Vec::new();
        if tells {
            for (branch, at) in branches.iter().filter(|(branch, _)| !is_tag(branch)) {
                let (entries, _) = self.repository.log(*at, *at, 1).await?;
                for entry in &entries {
                    let (mut all, _) = done(self.poller.layout, &whole.prefix, entry);
                    let files = all.remove(branch).unwrap_or_default().files;
                    first.push(self.dressed(branch, entry, files, Vec::new()));
                }
            }
        }
        let tips = branches.into_iter().map(|(branch, at)| (branch, at.to_string()));
        let latest = (SVN_LATEST.to_owned(), whole.revision.to_string());
        Ok(Plan {
            tips: tips.chain([latest]).collect(),
            from: whole.revision + 1,
            until: whole.revision,
            prefix: whole.prefix,
            first: Some(first),
            done: false,
        })
    }

    /// The tips of branches that are still wanted.
    fn kept(&self, tips: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let wanted = tips.iter().filter(|(name, _)| *name == SVN_LATEST || self.is_wanted(name));
        wanted.map(|(name, tip)| (name.clone(), tip.clone())).collect()
    }

    fn is_wanted(&self, branch: &str) -> bool {
        if is_tag(branch) {
            return self.poller.tags;
        }
        self.selection.as_ref().is_none_or(|selection| selection.is_match(branch))
    }

    async fn portion(&self, plan: &mut Plan) -> Result<Option<Portion>, ToolError> {
        if plan.done {
            return Ok(None);
        }
        if let Some(changes) = plan.first.take() {
            plan.done = true;
            return Ok(Some(Portion { changes, tips: plan.tips.clone(), commits: Vec::new() }));
        }
        let (entries, asked) = self.repository.log(plan.from, plan.until, PORTION).await?;
        let (mut changes, mut commits) = (Vec::new(), Vec::new());
        for entry in &entries {
            self.tell(plan, entry, &mut changes, &mut commits);
        }
        let last = entries.last().map_or(plan.until, |entry| entry.revision);
        plan.done = entries.len() < asked || last >= plan.until;
        let seen = if plan.done { plan.until } else { last };
        plan.from = seen + 1;
        plan.tips.insert(SVN_LATEST.to_owned(), seen.to_string());
        Ok(Some(Portion { changes, tips: plan.tips.clone(), commits }))
    }

    /// What one revision means; moves the tips on.
    fn tell(
        &self,
        plan: &mut Plan,
        entry: &Entry,
        changes: &mut Vec<NewChange>,
        commits: &mut Vec<Commit>,
    ) {
        let (touched, families) = done(self.poller.layout, &plan.prefix, entry);
        let before = plan.tips.clone();
        for family in families {
            plan.tips.retain(|name, _| name == SVN_LATEST || !name.starts_with(&family));
        }
        let mut all_parents = BTreeSet::new();
        for (branch, done) in touched.into_iter().filter(|(branch, _)| self.is_wanted(branch)) {
            if done.gone && !done.made {
                plan.tips.remove(&branch);
                continue;
            }
            let parents = self.parents(plan, &before, &branch, &done);
            all_parents.extend(parents.iter().cloned());
            plan.tips.insert(branch.clone(), entry.revision.to_string());
            let anyway = self.poller.build_pushes_with_no_commits || is_tag(&branch);
            if done.changed || anyway {
                changes.push(self.dressed(&branch, entry, done.files, parents));
            }
        }
        let (revision, parents) = (entry.revision.to_string(), all_parents.into_iter().collect());
        commits.push(Commit { revision, parents });
    }

    /// What a branch's new revision follows: its last one, or that of what it is a copy of.
    fn parents(
        &self,
        plan: &Plan,
        before: &BTreeMap<String, String>,
        branch: &str,
        done: &Done,
    ) -> Vec<String> {
        let Some((path, at)) = done.copied_from.as_ref().filter(|_| done.made) else {
            return before.get(branch).cloned().into_iter().collect();
        };
        let of = inside(&plan.prefix, path).and_then(|path| place(self.poller.layout, path));
        let tip = of.and_then(|(branch, _)| before.get(&branch));
        // The last revision that changed what was copied, where it is known; else the number that svn tells.
        let known = tip.filter(|tip| tip.parse::<u64>().is_ok_and(|tip| tip <= *at));
        vec![known.cloned().unwrap_or_else(|| at.to_string())]
    }

    /// A change with what only the source knows.
    fn dressed(
        &self,
        branch: &str,
        entry: &Entry,
        mut files: Vec<String>,
        parents: Vec<String>,
    ) -> NewChange {
        files.truncate(FILES_MAX);
        NewChange {
            // The hook makes the same key, so whoever comes second is recognised (I2).
            key: Some(format!("svn {} {branch} {}", self.repository.name(), entry.revision)),
            branch: (branch != SVN_TRUNK).then(|| branch.to_owned()),
            files,
            parents,
            repository: self.repository.name().to_owned(),
            codebase: self.source.codebase.clone(),
            project: self.source.project.clone(),
            category: self.source.category.clone(),
            ..entry.change()
        }
    }
}

fn is_tag(branch: &str) -> bool {
    branch.starts_with("tags/")
}

impl Look for SvnSource {
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
