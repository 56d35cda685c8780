//! Work that is not worth finishing is cancelled: what a newer change of its branch has overtaken, and the rest of a buildset
//! that failed (BS-5, BS-6).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::cancel;
use crate::change::SourceStamp;
use crate::config::CancellerKind;
use crate::ctx::Ctx;
use crate::filter::any;
use crate::id::{BuilderName, BuildsetId, ChangeId, RequestId};
use crate::model::Buildset;
use crate::results::Results;
use crate::state::State;

/// A line of development, as its older work is told from its newer (BS-6).
type LineKey = (String, String, String, String);

/// A buildset was opened: what is older of its branches, on the builders that it asks, is cancelled.
pub(crate) fn opened(ctx: &mut Ctx<'_>, id: BuildsetId) {
    let generation = Arc::clone(&ctx.live.current);
    let cancellers = &generation.config.cancellers;
    if cancellers.is_empty() {
        return;
    }
    let Some(newer) = ctx.state().buildset(id) else { return };
    let lines = lines(newer);
    let mut over: Vec<(RequestId, String)> = Vec::new();
    for (canceller, branches) in cancellers.iter().zip(&generation.tracked) {
        let CancellerKind::Overtaken(_) = &canceller.kind else { continue };
        let lines: BTreeMap<_, _> = lines
            .iter()
            .filter(|(line, _)| branches.is_empty() || any(branches, &line.3))
            .collect();
        let wanted = newer.requests.iter().filter_map(|id| ctx.state().request(*id));
        let builders: BTreeSet<_> = wanted.map(|request| &request.builder).collect();
        for builder in builders.into_iter().filter(|name| canceller.builders.contains(*name)) {
            for request in unfinished(ctx.state(), builder) {
                if let Some(branch) = overtaken(ctx.state(), request, newer, &lines) {
                    over.push((request, format!("a newer change of {branch} is built")));
                }
            }
        }
    }
    for (request, why) in over {
        cancel::end(ctx, request, "", &why);
    }
}

/// The lines of a buildset that changes made, each with its newest change. Requests without a branch are not tracked.
fn lines(buildset: &Buildset) -> BTreeMap<LineKey, ChangeId> {
    let line = |stamp: &SourceStamp| {
        let newest = stamp.changes.iter().max().copied()?;
        let branch = without_patch_set(stamp.branch.as_deref()?).to_owned();
        let key =
            (stamp.project.clone(), stamp.codebase.to_string(), stamp.repository.clone(), branch);
        stamp.patch.is_none().then_some((key, newest))
    };
    buildset.stamps.iter().filter_map(line).collect()
}

/// `refs/changes/21/4321/7` → `refs/changes/21/4321`: each patch set of a Gerrit change takes the place of the one before.
fn without_patch_set(branch: &str) -> &str {
    let numbered = branch.strip_prefix("refs/changes/").is_some_and(|rest| {
        let parts: Vec<_> = rest.split('/').collect();
        parts.len() == 3 && parts.iter().all(|part| part.bytes().all(|byte| byte.is_ascii_digit()))
    });
    match branch.rsplit_once('/') {
        Some((change, _)) if numbered => change,
        _ => branch,
    }
}

/// A builder's requests that are not over, waiting or running.
fn unfinished(state: &State, builder: &BuilderName) -> Vec<RequestId> {
    let running = state.running_of(builder).flat_map(|build| build.requests.iter().copied());
    state.queue(builder).map(|request| request.id).chain(running).collect()
}

/// The branch of which a request builds something older, if it does. What was asked for at the same moment is not older,
/// and what somebody waits for is wanted for its own sake.
fn overtaken(
    state: &State,
    request: RequestId,
    newer: &Buildset,
    newest: &BTreeMap<&LineKey, &ChangeId>,
) -> Option<String> {
    let request = state.request(request).filter(|request| request.complete_at.is_none())?;
    let older = state.buildset(request.buildset)?;
    if older.id == newer.id || older.submitted_at >= newer.submitted_at || older.waited_for {
        return None;
    }
    let mut lines = lines(older).into_iter();
    let line =
        lines.find(|(line, change)| newest.get(line).is_some_and(|newest| *newest > change))?;
    Some(line.0.3)
}

/// A request ended: where a failure makes its buildset worthless, the rest of it is cancelled. Exceptions and cancelled
/// members say nothing of the tree.
pub(crate) fn ended(
    ctx: &mut Ctx<'_>,
    buildset: BuildsetId,
    failed: &BuilderName,
    results: Results,
) {
    if results != Results::Failure {
        return;
    }
    let config = ctx.config();
    let mut over: BTreeSet<RequestId> = BTreeSet::new();
    for canceller in &config.cancellers {
        if canceller.kind != CancellerKind::Failed || !canceller.builders.contains(failed) {
            continue;
        }
        let members = ctx.state().buildset(buildset).into_iter().flat_map(|it| &it.requests);
        let members = members.filter_map(|id| ctx.state().request(*id));
        let open = members.filter(|request| request.complete_at.is_none());
        over.extend(
            open.filter(|request| canceller.builders.contains(&request.builder)).map(|it| it.id),
        );
    }
    for request in over {
        cancel::end(ctx, request, "", &format!("{failed} of the same buildset failed"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// BS-6: the patch set of a Gerrit change is not part of its branch; whatever only looks like one stays.
    #[test]
    fn patch_sets_take_each_others_place() {
        for (branch, key) in [
            ("refs/changes/21/4321/7", "refs/changes/21/4321"),
            ("refs/changes/21/4321/meta", "refs/changes/21/4321/meta"),
            ("refs/changes/21/4321", "refs/changes/21/4321"),
            ("main", "main"),
            ("release/7", "release/7"),
        ] {
            assert_eq!(without_patch_set(branch), key);
        }
    }
}
