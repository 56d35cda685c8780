//! What is built of each codebase: what its changes say, or where nobody spoke of it (TS-9, TS-10, SS-3).

use std::collections::BTreeMap;

use super::codebases_of;
use crate::blame;
use crate::change::{Change, SourceStamp};
use crate::config::{Config, Scheduler, Source, TextPattern};
use crate::id::CodebaseName;
use crate::intake;
use crate::state::{SourceCursor, State};

/// One stamp for each codebase, in order (TS-9), with every change listed (TS-10).
pub(super) fn stamps(
    state: &State,
    config: &Config,
    scheduler: &Scheduler,
    changes: &[&Change],
) -> Vec<SourceStamp> {
    let mut by_codebase: BTreeMap<&CodebaseName, Vec<&Change>> = BTreeMap::new();
    for change in changes {
        by_codebase.entry(&change.codebase).or_default().push(change);
    }
    let stamp = |codebase: CodebaseName| match by_codebase.get(&codebase) {
        Some(changes) => stamp_of(state, codebase, changes),
        None => default_stamp(state, config, &codebase),
    };
    codebases_of(config, scheduler).into_iter().map(stamp).collect()
}

/// The stamp of a codebase's changes: the tree that has them all.
pub(crate) fn stamp_of(state: &State, codebase: CodebaseName, changes: &[&Change]) -> SourceStamp {
    let head = blame::head(state, changes);
    SourceStamp {
        codebase,
        repository: head.map_or_else(String::new, |head| head.repository.clone()),
        project: head.map_or_else(String::new, |head| head.project.clone()),
        branch: head.and_then(|head| head.branch.clone()),
        revision: head.and_then(|head| head.revision.clone()),
        requested: None,
        patch: None,
        changes: changes.iter().map(|change| change.id).collect(),
    }
}

/// The stamp of a codebase that nobody said anything about: its declared defaults, or where the only source of its
/// changes looks; pinned to the tip that a source last saw there, if one did (SS-3). A source that looks elsewhere, as
/// into a fork, says nothing of it.
#[must_use]
pub fn default_stamp(state: &State, config: &Config, codebase: &CodebaseName) -> SourceStamp {
    tip_stamp(state, config, codebase, None)
}

/// The same of a branch that is named (PN-8).
pub(crate) fn tip_stamp(
    state: &State,
    config: &Config,
    codebase: &CodebaseName,
    branch: Option<&str>,
) -> SourceStamp {
    let declared = config.codebases.get(codebase).cloned().unwrap_or_default();
    let repository = repository_of(config, codebase);
    let sources: Vec<_> = sources_of(config, codebase)
        .filter(|source| {
            let looks_at = source.kind.looks_at();
            looks_at.is_some_and(|at| intake::is_same_repository(at.repository, &repository))
        })
        .collect();
    let tip = |branch: &str| {
        let mut cursors = sources.iter().filter_map(|source| state.source(&source.name));
        cursors.find_map(|cursor| cursor.tips.get(branch).cloned())
    };
    let named = branch.map(str::to_owned).or(declared.branch);
    let branch = named.or_else(|| {
        sources.iter().find_map(|source| main_branch(source, state.source(&source.name)?))
    });
    let revision = match branch.as_deref() {
        Some(branch) => tip(branch),
        // Subversion's trunk has no name in a change (F48), and yet a tip.
        None => sources
            .iter()
            .filter_map(|source| source.kind.looks_at())
            .flat_map(|at| at.vcs.unnamed_tips())
            .find_map(|name| tip(name)),
    };
    SourceStamp {
        codebase: codebase.clone(),
        repository,
        project: declared.project,
        branch,
        revision,
        requested: None,
        patch: None,
        changes: Vec::new(),
    }
}

/// The repository of a codebase: the declared one, or the only one in which sources of its changes look; empty: none is
/// known.
#[must_use]
pub fn repository_of(config: &Config, codebase: &CodebaseName) -> String {
    let declared = config.codebases.get(codebase).map(|declared| declared.repository.as_str());
    if let Some(declared) = declared.filter(|repository| !repository.is_empty()) {
        return declared.to_owned();
    }
    let mut looked_at = sources_of(config, codebase)
        .filter_map(|source| source.kind.looks_at().map(|at| at.repository));
    let Some(first) = looked_at.next() else { return String::new() };
    let same = looked_at.all(|other| intake::is_same_repository(first, other));
    if same { first.to_owned() } else { String::new() }
}

/// The branch that a source stands for where nobody names one: the only one it sees, or else the first that its
/// configuration calls by name. Were it left open, two builds of one buildset could check out two revisions (SS-2).
fn main_branch(source: &Source, cursor: &SourceCursor) -> Option<String> {
    let looks_at = source.kind.looks_at()?;
    if !looks_at.vcs.unnamed_tips().is_empty() {
        return None;
    }
    let mut tips = cursor.tips.keys();
    if let (Some(only), None) = (tips.next(), tips.next()) {
        return Some(only.clone());
    }
    looks_at
        .branches
        .iter()
        .map(|TextPattern(name)| name)
        .find(|name| cursor.tips.contains_key(*name))
        .cloned()
}

/// Whether a codebase's default branch is the one that its changes call by no name: Subversion's trunk (F48).
pub(super) fn has_unnamed_default(config: &Config, codebase: &CodebaseName) -> bool {
    let repository = repository_of(config, codebase);
    let mut looked_at = sources_of(config, codebase)
        .filter_map(|source| source.kind.looks_at())
        .filter(|at| intake::is_same_repository(at.repository, &repository))
        .peekable();
    looked_at.peek().is_some() && looked_at.all(|at| !at.vcs.unnamed_tips().is_empty())
}

/// The sources whose changes belong to a codebase.
fn sources_of<'a>(
    config: &'a Config,
    codebase: &'a CodebaseName,
) -> impl Iterator<Item = &'a Source> {
    config.sources.values().filter(move |source| match &source.codebase {
        Some(named) => named == codebase,
        None => source
            .kind
            .looks_at()
            .is_some_and(|at| intake::codebase_of(config, at.repository) == *codebase),
    })
}
