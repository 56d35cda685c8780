//! Dependent schedulers: what another scheduler built well is built on (DP-1 to DP-4).
//!
//! They fire in the same commit that ends the upstream buildset. So there is nothing to remember meanwhile, and nothing to
//! examine at a start (DP-3 better).

use std::collections::BTreeSet;

use super::order::{self, Order};
use super::stamp::default_stamp;
use super::switch::is_enabled;
use crate::change::{Change, SourceStamp};
use crate::config::{Config, Scheduler, SchedulerKind};
use crate::ctx::Ctx;
use crate::id::{CodebaseName, RequestId};
use crate::model::Buildset;
use crate::results::Results;
use crate::state::State;

/// A buildset that somebody depends on, as it was built.
pub(crate) struct Upstream {
    scheduler: String,
    stamps: Vec<SourceStamp>,
}

/// What to remember of a buildset that is about to end, if some scheduler depends on it. A rebuild is nobody's upstream, nor is
/// what people forced (DP-4), unless it came by the very scheduler that is named.
pub(crate) fn ending(
    state: &State,
    config: &Config,
    buildset: &Buildset,
    results: Results,
) -> Option<Upstream> {
    if !matches!(results, Results::Success | Results::Warnings) || buildset.rebuild_of.is_some() {
        return None;
    }
    let awaited = config.schedulers.iter().any(|it| depends_on(it, &buildset.scheduler));
    awaited.then(|| Upstream {
        scheduler: buildset.scheduler.clone(),
        stamps: buildset.stamps.iter().map(|it| as_built(state, &buildset.requests, it)).collect(),
    })
}

fn depends_on(scheduler: &Scheduler, upstream: &str) -> bool {
    matches!(&scheduler.kind, SchedulerKind::Dependent(it) if it.upstream.as_str() == upstream)
}

/// The buildset has ended: whoever depends on it fires.
pub(crate) fn fire(ctx: &mut Ctx<'_>, upstream: &Upstream) {
    let config = ctx.config();
    for scheduler in &config.schedulers {
        if !depends_on(scheduler, &upstream.scheduler) || !is_enabled(ctx.state(), scheduler) {
            continue;
        }
        let state = ctx.state();
        let stamps = stamps(state, &config, scheduler, &upstream.stamps);
        let ids: BTreeSet<_> =
            stamps.iter().flat_map(|stamp| stamp.changes.iter().copied()).collect();
        let changes: Vec<&Change> = ids.into_iter().filter_map(|id| state.change(id)).collect();
        let why = format!("downstream of {}", upstream.scheduler);
        let order = Order::of(scheduler, &changes, stamps, why);
        order::place(ctx, scheduler, order);
    }
}

/// The upstream's stamps; of those only the scheduler's own codebases, where it names some.
fn stamps(
    state: &State,
    config: &Config,
    scheduler: &Scheduler,
    upstream: &[SourceStamp],
) -> Vec<SourceStamp> {
    let Some(named) = &scheduler.codebases else { return upstream.to_vec() };
    let stamp = |codebase: &CodebaseName| {
        let built = upstream.iter().find(|stamp| stamp.codebase == *codebase);
        built.cloned().unwrap_or_else(|| default_stamp(state, config, codebase))
    };
    let named: BTreeSet<_> = named.iter().collect();
    named.into_iter().map(stamp).collect()
}

/// A stamp with the revision that was built (DP-2 better): what the first of the builders obtained, in the order asked for,
/// else the pinned one.
fn as_built(state: &State, requests: &[RequestId], stamp: &SourceStamp) -> SourceStamp {
    let mut obtained = requests.iter().filter_map(|id| obtained(state, *id, stamp));
    let revision = obtained.next().or_else(|| stamp.revision.clone());
    SourceStamp { revision, ..stamp.clone() }
}

/// What a request's last build obtained of a codebase.
fn obtained(state: &State, request: RequestId, stamp: &SourceStamp) -> Option<String> {
    let request = state.request(request)?;
    let (id, _) = request.builds.last()?;
    if let Some(build) = state.build(*id) {
        return build.got_revision.get(stamp.codebase.as_str()).cloned();
    }
    // It ended long before the others of its set.
    let built = state.built_of(&request.builder).find(|built| built.id == *id)?;
    let tree = built.trees.iter().find(|tree| tree.codebase == stamp.codebase.as_str())?;
    tree.revision.clone()
}
