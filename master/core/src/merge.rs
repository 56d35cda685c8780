//! Which waiting requests become one build (MG-*): at its start, oldest first until the first that cannot be; the oldest
//! gives its name, the highest priority counts, and all of them share the result (F44).

use std::collections::BTreeSet;

use crate::change::SourceStamp;
use crate::config::{Builder, Collapse};
use crate::ctx::Ctx;
use crate::id::{CodebaseName, RequestId};
use crate::model::{BuildRequest, Buildset};
use crate::policy;
use crate::properties::{Origin, Properties};
use crate::schedule::stamp_of;
use crate::state::State;

/// The most requests that become one build; the rest becomes the next one.
const MAX_MERGED: usize = 1_000;

/// What tells who forced and why; it does not make a tree another one.
const ABOUT_THE_ASKING: [&str; 3] = ["owner", "reason", "scheduler"];

/// The requests that are built together with this one, it included: oldest first.
pub(crate) fn with(ctx: &mut Ctx<'_>, builder: &Builder, first: RequestId) -> Vec<RequestId> {
    let mut together = vec![first];
    if builder.policy.collapse != Collapse::Never {
        let queue = ctx.state().queue(&builder.name).map(|request| request.id);
        let after = queue.skip_while(|id| *id != first).skip(1).take(MAX_MERGED - 1);
        for other in after.collect::<Vec<_>>() {
            if !fits(ctx, builder, first, other) {
                break;
            }
            together.push(other);
        }
        together.sort_unstable();
    }
    together
}

/// Whether two requests of a builder may become one build.
fn fits(ctx: &mut Ctx<'_>, builder: &Builder, one: RequestId, other: RequestId) -> bool {
    let state = ctx.state();
    let (older, newer) = (one.min(other), one.max(other));
    let (Some(older), Some(newer)) = (asking(state, older), asking(state, newer)) else {
        return false;
    };
    if !one_tree(older.1, newer.1) {
        return false;
    }
    let usual = alike(older.1, newer.1);
    let Collapse::Hook(hook) = &builder.policy.collapse else { return usual };
    let (older, newer) = (older.0.clone(), newer.0.clone());
    policy::may_merge(ctx, hook, builder, &older, &newer).unwrap_or(usual)
}

fn asking(state: &State, id: RequestId) -> Option<(&BuildRequest, &Buildset)> {
    let request = state.request(id)?;
    Some((request, state.buildset(request.buildset)?))
}

/// Whether one tree can be what both ask for (MG-2, PA-2): no function may say otherwise.
fn one_tree(older: &Buildset, newer: &Buildset) -> bool {
    older.stamps.len() == newer.stamps.len()
        && older.worker == newer.worker
        && older.stamps.iter().zip(&newer.stamps).all(|(a, b)| same_tree(a, b))
}

fn same_tree(a: &SourceStamp, b: &SourceStamp) -> bool {
    let place = |stamp: &SourceStamp| {
        (
            stamp.codebase.clone(),
            stamp.repository.clone(),
            stamp.project.clone(),
            stamp.branch.clone(),
        )
    };
    // Of changes the newest is built, and has the others in it; a revision that was named is that one (MG-6, MG-9).
    let revisions = match (a.changes.is_empty(), b.changes.is_empty()) {
        (false, false) => true,
        (true, true) => a.revision == b.revision,
        _ => false,
    };
    revisions && place(a) == place(b) && a.patch.is_none() && b.patch.is_none()
}

/// The rest of the usual rule (MG-5, MG-8): nobody waits for either, neither builds again what was built, and what they
/// were asked for with is the same.
fn alike(older: &Buildset, newer: &Buildset) -> bool {
    let single = |it: &Buildset| it.waited_for || it.rebuild_of.is_some() || has_wishes(it);
    !single(older) && !single(newer) && given(&older.properties) == given(&newer.properties)
}

/// Whether somebody gave it properties of its own (MG-8 better, F45).
fn has_wishes(buildset: &Buildset) -> bool {
    buildset.properties.iter().any(|(name, property)| {
        matches!(property.source, Origin::Force | Origin::Trigger | Origin::Try)
            && !ABOUT_THE_ASKING.contains(&name)
    })
}

/// The properties by which two requests differ; those of their changes are not among them (MG-5).
fn given(properties: &Properties) -> Vec<(&str, &serde_json::Value)> {
    let all = properties.iter().filter(|(name, property)| {
        property.source != Origin::Change && !ABOUT_THE_ASKING.contains(name)
    });
    all.map(|(name, property)| (name, &property.value)).collect()
}

/// What is built for all of these buildsets, oldest first (MG-3, MG-9).
#[derive(Debug)]
pub(crate) struct Merged {
    pub(crate) stamps: Vec<SourceStamp>,
    pub(crate) properties: Properties,
    pub(crate) reason: String,
}

/// How many reasons are spelt out.
const MAX_REASONS: usize = 3;

impl Merged {
    pub(crate) fn of(state: &State, buildsets: &[&Buildset]) -> Self {
        let Some((oldest, others)) = buildsets.split_first() else {
            return Self {
                stamps: Vec::new(),
                properties: Properties::new(),
                reason: String::new(),
            };
        };
        if others.is_empty() {
            return Self {
                stamps: oldest.stamps.clone(),
                properties: oldest.properties.clone(),
                reason: oldest.reason.clone(),
            };
        }
        let codebases = oldest.stamps.iter();
        let mut properties = Properties::new();
        for buildset in buildsets {
            properties.lay_over(&buildset.properties);
        }
        for name in ABOUT_THE_ASKING {
            if let Some(own) = oldest.properties.property(name) {
                properties.set(name, own.value.clone(), own.source);
            }
        }
        let owners: BTreeSet<_> =
            buildsets.iter().filter_map(|it| it.properties.text("owner")).collect();
        if owners.len() > 1 {
            let owners: Vec<_> = owners.into_iter().collect();
            properties.set("owners", owners, Origin::Force);
        }
        Self {
            stamps: codebases.map(|stamp| merged_stamp(state, stamp, buildsets)).collect(),
            properties,
            reason: reasons(buildsets),
        }
    }
}

/// All changes of a codebase, and the tree that has them.
fn merged_stamp(state: &State, oldest: &SourceStamp, buildsets: &[&Buildset]) -> SourceStamp {
    let mut seen = BTreeSet::new();
    let stamps = buildsets.iter().filter_map(|buildset| stamp_for(buildset, &oldest.codebase));
    let ids: Vec<_> = stamps
        .flat_map(|stamp| stamp.changes.iter().copied())
        .filter(|id| seen.insert(*id))
        .collect();
    let changes: Vec<_> = ids.iter().filter_map(|id| state.change(*id)).collect();
    if changes.is_empty() {
        return oldest.clone();
    }
    stamp_of(state, oldest.codebase.clone(), &changes)
}

fn stamp_for<'a>(buildset: &'a Buildset, codebase: &CodebaseName) -> Option<&'a SourceStamp> {
    buildset.stamps.iter().find(|stamp| stamp.codebase == *codebase)
}

fn reasons(buildsets: &[&Buildset]) -> String {
    let mut seen = BTreeSet::new();
    let all: Vec<&str> =
        buildsets.iter().map(|it| it.reason.as_str()).filter(|it| seen.insert(*it)).collect();
    let shown = all.iter().take(MAX_REASONS).copied().collect::<Vec<_>>().join("; ");
    match all.len().saturating_sub(MAX_REASONS) {
        0 => shown,
        more => format!("{shown}; and {more} more"),
    }
}
