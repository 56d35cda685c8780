//! Why a request does not run now, and what can never run (contract.md C13).

use crate::config::{Builder, Config};
use crate::eta;
use crate::id::WorkerName;
use crate::model::{BuildRequest, Hold, Wait, WaitKind, Worker};
use crate::state::State;

/// Why a request waits; empty when it runs, is over, or is about to start.
#[must_use]
pub fn waits(state: &State, config: &Config, request: &BuildRequest) -> Vec<Wait> {
    if request.claimed_at.is_some() || request.complete_at.is_some() {
        return Vec::new();
    }
    let Some(builder) = config.builders.get(&request.builder) else {
        let detail = format!("the builder {} is not configured", request.builder);
        return vec![wait(WaitKind::Orphaned, detail)];
    };
    let mut waits = workers(state, config, builder);
    let ahead = state.queue(&request.builder).take_while(|other| other.id != request.id).count();
    if ahead > 0 {
        let verb = if ahead == 1 { "request comes" } else { "requests come" };
        waits.push(wait(WaitKind::Priority, format!("{ahead} {verb} first")));
    }
    waits
}

/// The master starts nothing new.
pub(crate) fn limit(trouble: &str) -> Wait {
    wait(WaitKind::Limit, trouble.to_owned())
}

fn wait(kind: WaitKind, detail: String) -> Wait {
    Wait { kind, detail, until: None }
}

/// What keeps each of the builder's workers; nothing when one is free for it.
fn workers(state: &State, config: &Config, builder: &Builder) -> Vec<Wait> {
    let declared: Vec<&WorkerName> =
        builder.workers.iter().filter(|name| config.workers.contains_key(*name)).collect();
    if declared.is_empty() {
        return vec![wait(WaitKind::NoWorker, format!("{} has no worker", builder.name))];
    }
    let known = declared.iter().filter_map(|name| state.worker(name));
    let seen: Vec<_> = known.filter(|worker| worker.was_seen()).collect();
    if seen.is_empty() {
        let detail = match declared.as_slice() {
            [only] => format!("{only} has never been connected"),
            _ => format!("{} has ever been connected", listed(&declared)),
        };
        return vec![wait(WaitKind::NoWorker, detail)];
    }
    let mut waits = Vec::new();
    for worker in seen.iter().filter(|worker| worker.connected_at.is_some()) {
        match &worker.hold {
            Some(Hold { draining, reason, .. }) => {
                let kind =
                    if *draining { WaitKind::WorkerDraining } else { WaitKind::WorkerPaused };
                let detail = if reason.is_empty() {
                    worker.name.to_string()
                } else {
                    format!("{}: {reason}", worker.name)
                };
                waits.push(wait(kind, detail));
            }
            None => {
                let Some(busy) = busy_with(state, config, builder, &worker.name) else {
                    return Vec::new();
                };
                waits.push(busy);
            }
        }
    }
    if waits.is_empty() {
        let names: Vec<_> = seen.iter().map(|worker| &worker.name).collect();
        let detail = match names.as_slice() {
            [only] => format!("{only} is not connected"),
            _ => format!("{} is connected", listed(&names)),
        };
        waits.push(wait(WaitKind::WorkerLost, detail));
    }
    waits
}

/// What a worker does instead, and until when it usually would; `None`: it could take a build of this builder.
fn busy_with(
    state: &State,
    config: &Config,
    builder: &Builder,
    worker: &WorkerName,
) -> Option<Wait> {
    let limit = config.workers.get(worker)?.max_builds.map_or(usize::MAX, |limit| limit as usize);
    let full = state.load_of(worker) >= limit;
    let builds: Vec<_> =
        state.running_on(worker).filter(|build| full || build.builder == builder.name).collect();
    if builds.is_empty() && !full {
        return None;
    }
    // The first end makes room. Of a builder that has not built well yet nobody knows how long it takes.
    let ends = builds.iter().filter_map(|build| {
        eta::usual_length(state, &build.builder).map(|usual| build.started_at + usual)
    });
    let until = ends.min();
    let names: Vec<_> = builds.iter().map(|build| build.reference().to_string()).collect();
    let detail = format!("{worker} builds {}", names.join(", "));
    Some(Wait { kind: WaitKind::WorkerBusy, detail, until })
}

/// How many names are listed before the rest is counted.
const MAX_LISTED: usize = 5;

/// `none of a, b`.
fn listed(names: &[&WorkerName]) -> String {
    let shown: Vec<_> = names.iter().take(MAX_LISTED).map(|name| name.as_str()).collect();
    match names.len().saturating_sub(MAX_LISTED) {
        0 => format!("none of {}", shown.join(", ")),
        more => format!("none of {} and {more} more", shown.join(", ")),
    }
}

/// Whether no worker that was ever there could run a builder: nothing it is asked for can start.
#[must_use]
pub fn can_never_start(state: &State, config: &Config, builder: &Builder) -> bool {
    let mut declared = builder.workers.iter().filter(|name| config.workers.contains_key(*name));
    declared.all(|name| {
        let local = config.workers.get(name).is_some_and(|worker| worker.local);
        !local && !state.worker(name).is_some_and(Worker::was_seen)
    })
}
