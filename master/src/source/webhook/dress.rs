//! Changes of a delivery with what only the configuration knows: repository, key, and what the hook says of all its changes.

use linn_core::change::NewChange;
use linn_core::config::{Config, Source};

use super::{Told, place};
use crate::fit;

/// The most mistakes that are told at once.
const MAX_MISTAKES: usize = 10;

/// The changes, ready for the core.
///
/// # Errors
/// What is wrong with them: then none is taken.
pub(super) fn dressed(
    config: &Config,
    source: &Source,
    told: Told,
) -> Result<Vec<NewChange>, String> {
    let own = || config.codebases.get(source.codebase.as_ref()?);
    let repository = match told.addresses.as_slice() {
        [] => place::of_project(config, &told.project)
            .or_else(|| own().map(|codebase| codebase.repository.clone()))
            .unwrap_or_default(),
        addresses => place::spelled(config, addresses),
    };
    let several = told.changes.len() > 1;
    let mut changes = Vec::with_capacity(told.changes.len());
    let mut wrong = Vec::new();
    for (index, mut change) in told.changes.into_iter().enumerate() {
        if change.repository.is_empty() {
            change.repository.clone_from(&repository);
        }
        complete(&mut change, source);
        if change.codebase.is_none() {
            change.codebase = place::codebase_of(config, &change.repository);
        }
        let change = fit::tidied(change);
        let mistakes = fit::mistakes(&change);
        if !mistakes.is_empty() {
            let which = if several { format!("change {}: ", index + 1) } else { String::new() };
            wrong.push(format!("{which}{}", mistakes.join(", ")));
        }
        changes.push(change);
    }
    if wrong.is_empty() {
        return Ok(changes);
    }
    wrong.truncate(MAX_MISTAKES);
    Err(wrong.join("; "))
}

/// What the hook says of its changes, and the key by which any other teller's change is known as the same (I2).
fn complete(change: &mut NewChange, source: &Source) {
    if source.codebase.is_some() && change.codebase.is_none() {
        change.codebase.clone_from(&source.codebase);
    }
    if !source.project.is_empty() {
        change.project.clone_from(&source.project);
    }
    if !source.category.is_empty() {
        change.category.clone_from(&source.category);
    }
    if change.key.is_none()
        && let Some(revision) = &change.revision
    {
        let (repository, branch) = (&change.repository, change.branch.as_deref());
        change.key = Some(match branch.filter(|_| is_git(change) && !repository.is_empty()) {
            // As pollers and the hook of a repository make it.
            Some(branch) => format!("git {repository} {branch} {revision}"),
            None => format!("change {repository} {} {revision}", branch.unwrap_or_default()),
        });
    }
}

/// Whether a change is one of git's, said or seen by its revision.
fn is_git(change: &NewChange) -> bool {
    let is_id = |text: &String| {
        matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    change.vcs == "git" || (change.vcs.is_empty() && change.revision.as_ref().is_some_and(is_id))
}
