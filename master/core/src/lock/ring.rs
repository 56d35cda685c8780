//! A ring of those who wait for each other, in words (LK-6).

use std::collections::BTreeSet;

use super::line::Waiter;
use super::stuck::{Stuck, children, present, running, workers_of};
use super::{Wanting, others};
use crate::id::{BuildId, RequestId, WorkerName};
use crate::live::Live;
use crate::model::{Build, LockShare, StepState};
use crate::state::State;

/// The most links of a ring that are spelt out.
const MAX_LINKS: usize = 8;

/// The most workers of a builder that are named in one link.
const MAX_WORKERS: usize = 3;

/// What somebody waits for.
enum Want {
    Locks(Wanting, Vec<LockShare>),
    /// That this request starts.
    Build(RequestId),
    /// That this worker has room for a build again, all of whose children are over.
    Room(WorkerName),
}

/// Why somebody's locks would be waited for for ever: `it would wait for ever: db is held by b#2, which waits for a lock: cpu is
/// held by a#1`.
pub(crate) fn for_locks(
    state: &State,
    live: &Live,
    wanting: &Wanting,
    shares: &[LockShare],
) -> String {
    let first = Want::Locks(wanting.clone(), shares.to_vec());
    sentence(state, live, &wanting.family, first)
}

/// Why a request would be waited for for ever: `it would wait for ever for a build of b: w builds b#1, which waits for a lock: cpu is
/// held by a#1`.
pub(crate) fn for_request(state: &State, live: &Live, request: RequestId) -> String {
    let wanting = Wanting::request(state, request);
    let stuck = Stuck::without(state, live, &wanting.family);
    let first = want_of(state, live, &stuck, request).unwrap_or(Want::Build(request));
    sentence(state, live, &wanting.family, first)
}

fn sentence(state: &State, live: &Live, family: &BTreeSet<BuildId>, first: Want) -> String {
    let stuck = Stuck::without(state, live, family);
    let mut text = "it would wait for ever".to_owned();
    let mut seen: BTreeSet<BuildId> = BTreeSet::new();
    let mut want = first;
    for nth in 0..MAX_LINKS {
        let Some((link, holder)) = link(state, live, &stuck, &want) else { break };
        match &want {
            Want::Locks(..) if nth == 0 => {}
            Want::Locks(..) => text.push_str(" a lock"),
            Want::Build(request) => {
                let builder = state.request(*request).map_or("", |it| it.builder.as_str());
                if nth == 0 {
                    text.push_str(" for");
                }
                text.push_str(" a build of ");
                text.push_str(builder);
            }
            Want::Room(_) => text.push_str(" its worker"),
        }
        text.push_str(": ");
        text.push_str(&link);
        let again = !seen.insert(holder) || family.contains(&holder);
        let next = state.build(holder).filter(|_| !again);
        match next.and_then(|build| waiting_for(state, live, &stuck, build)) {
            Some(next) if nth + 1 < MAX_LINKS => want = next,
            _ => break,
        }
        text.push_str(", which waits for");
    }
    text
}

/// Who has what somebody wants, and is stuck; with several, the last one that is named.
fn link(state: &State, live: &Live, stuck: &Stuck, want: &Want) -> Option<(String, BuildId)> {
    match want {
        Want::Locks(of, shares) => shares.iter().find_map(|share| {
            let mut holders = others(state, of, &share.key).map(|(holder, _)| holder.build());
            let build = state.build(holders.find(|build| stuck.holds(*build))?)?;
            Some((format!("{} is held by {}", share.key, build.reference()), build.id))
        }),
        Want::Build(request) => {
            let (builder, workers) = workers_of(state, live, *request)?;
            let builds = workers.into_iter().filter_map(|worker| {
                let build = stuck.in_the_way(state, live, builder, worker)?;
                Some((format!("{worker} builds {}", build.reference()), build.id))
            });
            let (texts, builds): (Vec<_>, Vec<_>) = builds.take(MAX_WORKERS).unzip();
            Some((texts.join(", "), *builds.last()?))
        }
        Want::Room(worker) => {
            let build = stuck.fills(state, live, worker)?;
            Some((format!("{worker} builds {}", build.reference()), build.id))
        }
    }
}

/// What a build that is stuck waits for: itself, or through its children.
fn waiting_for(state: &State, live: &Live, stuck: &Stuck, build: &Build) -> Option<Want> {
    let step = present(build)?;
    if step.state() == StepState::Waiting {
        let wanting = Wanting::step(state, build.id, step.number);
        return Some(Want::Locks(wanting, step.locks.clone()));
    }
    let requests = step.waits_for.iter().flat_map(|buildset| children(state, *buildset));
    for request in requests {
        let want = match running(state, request) {
            Some(child) if stuck.holds(child.id) => waiting_for(state, live, stuck, child),
            Some(_) => None,
            None => want_of(state, live, stuck, request),
        };
        if want.is_some() {
            return want;
        }
    }
    Some(Want::Room(build.worker.clone()))
}

/// What a request that is stuck waits for.
fn want_of(state: &State, live: &Live, stuck: &Stuck, request: RequestId) -> Option<Want> {
    let who = Waiter::Request(request);
    if !stuck.has(who) {
        return None;
    }
    if !stuck.leaves_room(state, live, request) {
        return Some(Want::Build(request));
    }
    let shares = live.lines.wants(who)?.first()?.clone();
    Some(Want::Locks(Wanting::request(state, request), shares))
}
