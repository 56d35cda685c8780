//! Why a request does not run now, and what can never run (contract.md C13).

use std::collections::{BTreeMap, BTreeSet};

use crate::config::{Builder, Config, LockMode};
use crate::eta;
use crate::id::{BuilderName, RequestId, WorkerName};
use crate::live::{Live, Veto};
use crate::lock::{self, Waiter};
use crate::model::{Build, BuildRequest, Hold, LockKey, LockShare, Wait, WaitKind, Worker};
use crate::resolve;
use crate::state::State;
use crate::time::{Span, Timestamp};

/// Tells why requests wait, of one moment. What holds the workers of a builder is worked out once, however many of its
/// requests are asked about.
#[derive(Debug)]
pub struct Explainer<'a> {
    state: &'a State,
    config: &'a Config,
    now: Timestamp,
    trouble: Option<&'a str>,
    live: &'a Live,
    /// Of a builder, and of a request of it that was asked for on one worker: of that one alone.
    workers: BTreeMap<(&'a BuilderName, Option<WorkerName>), Vec<Wait>>,
    places: BTreeMap<&'a BuilderName, BTreeMap<RequestId, usize>>,
    usual: BTreeMap<&'a BuilderName, Option<Span>>,
}

impl<'a> Explainer<'a> {
    /// At this moment.
    pub(crate) fn new(state: &'a State, live: &'a Live, now: Timestamp) -> Self {
        Self {
            state,
            config: &live.current.config,
            now,
            trouble: live.trouble.as_deref(),
            live,
            workers: BTreeMap::new(),
            places: BTreeMap::new(),
            usual: BTreeMap::new(),
        }
    }

    /// Why a request waits; empty when it runs, is over, or is about to start.
    pub fn waits(&mut self, request: &BuildRequest) -> Vec<Wait> {
        if request.claimed_at.is_some() || request.complete_at.is_some() {
            return Vec::new();
        }
        let mut waits = Vec::new();
        if let Some(trouble) = self.trouble {
            waits.push(wait(WaitKind::Limit, trouble.to_owned()));
        }
        let Some(builder) = self.config.builders.get(&request.builder) else {
            let detail = format!("the builder {} is not configured", request.builder);
            waits.push(wait(WaitKind::Orphaned, detail));
            return waits;
        };
        let chosen = self.chosen(request);
        let key = (&builder.name, chosen.cloned());
        if !self.workers.contains_key(&key) {
            let held = match chosen {
                Some(chosen) => self.chosen_worker(builder, chosen),
                None => self.workers(builder, &builder.workers),
            };
            self.workers.insert(key.clone(), held);
        }
        waits.extend(self.workers.get(&key).into_iter().flatten().cloned());
        waits.extend(self.held_back(builder, request));
        let ahead = self.ahead(builder, request.id);
        if ahead > 0 {
            let verb = if ahead == 1 { "request comes" } else { "requests come" };
            waits.push(wait(WaitKind::Priority, format!("{ahead} {verb} first")));
        }
        waits
    }

    /// The one worker that a request was asked for on.
    fn chosen(&self, request: &BuildRequest) -> Option<&'a WorkerName> {
        self.state.buildset(request.buildset)?.worker.as_ref()
    }

    /// What keeps this request though a worker is free for it: a lock, or a function.
    fn held_back(&mut self, builder: &Builder, request: &BuildRequest) -> Option<Wait> {
        if let Some(buildset) = self.state.buildset(request.buildset)
            && buildset.resolving
        {
            return Some(wait(
                WaitKind::Dependency,
                resolve::awaited(self.state, self.config, buildset),
            ));
        }
        if let Some(wants) = self.live.lines.wants(Waiter::Request(request.id)) {
            let share = wants.first().and_then(|shares| shares.iter().find(|it| self.is_taken(it)));
            let share = share.or_else(|| wants.first()?.first())?;
            let (detail, key) = (self.lock_detail(request, share), share.key.clone());
            let until = self.free_at(&key, request.id);
            return Some(Wait { kind: WaitKind::Lock, detail, until });
        }
        Some(match self.live.vetoed.get(&request.id)? {
            Veto::Function(function) => {
                wait(WaitKind::Policy, format!("{function} of {} does not let it", builder.name))
            }
            Veto::Scarce { never: true, why } => {
                wait(WaitKind::Lock, format!("it can never start: {why}"))
            }
            Veto::Scarce { never: false, why } => wait(WaitKind::Lock, why.clone()),
        })
    }

    /// Whether somebody holds so much of a lock that nobody else could take this share.
    fn is_taken(&self, share: &LockShare) -> bool {
        let capacity = u64::from(lock::capacity(self.live, &share.key));
        let mut taken = 0_u64;
        for (_, mode) in self.state.holders(&share.key) {
            match (mode, share.mode) {
                (LockMode::Counting(count), LockMode::Counting(_)) => taken += u64::from(count),
                _ => return true,
            }
        }
        matches!(share.mode, LockMode::Counting(count) if taken + u64::from(count) > capacity)
    }

    /// Who holds the lock, and how many stand before.
    fn lock_detail(&self, request: &BuildRequest, share: &LockShare) -> String {
        let mut detail = share.key.to_string();
        let holders = self.state.holders(&share.key);
        let holders = holders.filter_map(|(holder, _)| self.state.build(holder.build()));
        let names: BTreeSet<_> = holders.map(|build| build.reference().to_string()).collect();
        if !names.is_empty() {
            let shown: Vec<_> = names.iter().take(MAX_LISTED).map(String::as_str).collect();
            detail = format!("{detail} is held by {}", shown.join(", "));
            if names.len() > MAX_LISTED {
                detail = format!("{detail} and {} more", names.len() - MAX_LISTED);
            }
        }
        let ahead = self.live.lines.ahead(&share.key, Waiter::Request(request.id)).count();
        match ahead {
            0 => detail,
            1 => format!("{detail}, and 1 waits for it before"),
            ahead => format!("{detail}, and {ahead} wait for it before"),
        }
    }

    /// When whoever is first in a lock's line has reason to hope for more of it. Whoever is not first hopes for nothing by a
    /// clock: it does not tell how long those before will take.
    fn free_at(&mut self, key: &LockKey, request: RequestId) -> Option<Timestamp> {
        if self.live.lines.ahead(key, Waiter::Request(request)).next().is_some() {
            return None;
        }
        let state = self.state;
        let holders = state.holders(key).filter_map(|(holder, _)| state.build(holder.build()));
        self.first_end(&holders.collect::<Vec<_>>())
    }

    /// When the first of some running builds would usually end. Of a builder that has not built well yet nobody knows how long
    /// it takes, and what should have been over by now says nothing of when it will be.
    fn first_end(&mut self, builds: &[&'a Build]) -> Option<Timestamp> {
        let state = self.state;
        let ends = builds.iter().filter_map(|build| {
            let usual = self.usual.entry(&build.builder);
            let usual = *usual.or_insert_with(|| eta::usual_length(state, &build.builder));
            Some(build.started_at + usual?)
        });
        ends.min().filter(|until| *until > self.now)
    }

    /// How many requests of the builder come before this one. Those that were asked for on another worker than it was do not.
    fn ahead(&mut self, builder: &'a Builder, request: RequestId) -> usize {
        if !self.places.contains_key(&builder.name) {
            let mut counts: BTreeMap<Option<&WorkerName>, usize> = BTreeMap::new();
            let mut places = BTreeMap::new();
            for (place, one) in self.state.queue(&builder.name).enumerate() {
                let chosen = self.chosen(one);
                let before = |chosen| counts.get(&chosen).copied().unwrap_or(0);
                let ahead = chosen.map_or(place, |_| before(None) + before(chosen));
                places.insert(one.id, ahead);
                *counts.entry(chosen).or_default() += 1;
            }
            self.places.insert(&builder.name, places);
        }
        self.places.get(&builder.name).and_then(|places| places.get(&request)).copied().unwrap_or(0)
    }

    /// What keeps the one worker that a request was asked for on; nothing when it is free for it.
    fn chosen_worker(&mut self, builder: &'a Builder, chosen: &'a WorkerName) -> Vec<Wait> {
        // A reload may have taken it away since.
        if !builder.workers.contains(chosen) || !self.config.workers.contains_key(chosen) {
            let detail = format!("it can never start: {chosen} is no worker of {}", builder.name);
            return vec![alone(wait(WaitKind::NoWorker, detail))];
        }
        let waits = self.workers(builder, std::slice::from_ref(chosen));
        waits.into_iter().map(alone).collect()
    }

    /// What keeps each of these workers; nothing when one is free for the builder.
    fn workers(&mut self, builder: &'a Builder, those: &'a [WorkerName]) -> Vec<Wait> {
        let declared: Vec<&WorkerName> =
            those.iter().filter(|name| self.config.workers.contains_key(*name)).collect();
        if declared.is_empty() {
            return vec![wait(WaitKind::NoWorker, format!("{} has no worker", builder.name))];
        }
        let known = declared.iter().filter_map(|name| self.state.worker(name));
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
                    if let Some(rest) = worker.quarantine.as_ref().filter(|it| it.until.is_some()) {
                        let detail = format!("{} {}", worker.name, rest.words());
                        let until = rest.until;
                        waits.push(Wait { kind: WaitKind::WorkerPaused, detail, until });
                        continue;
                    }
                    let Some(busy) = self.busy_with(builder, &worker.name) else {
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
        shortened(waits)
    }

    /// What a worker does instead, and until when it usually would; `None`: it could take a build of this builder.
    fn busy_with(&mut self, builder: &'a Builder, worker: &WorkerName) -> Option<Wait> {
        let limit = self.config.workers.get(worker)?.max_builds;
        let limit = limit.map_or(usize::MAX, |limit| limit as usize);
        let full = self.state.load_of(worker) >= limit;
        let builds: Vec<_> = self
            .state
            .running_on(worker)
            .filter(|build| full || self.config.share_a_folder(&build.builder, builder))
            .collect();
        if builds.is_empty() && !full {
            return None;
        }
        // The first end makes room.
        let until = self.first_end(&builds);
        let names: Vec<_> = builds.iter().map(|build| build.reference().to_string()).collect();
        let detail = format!("{worker} builds {}", names.join(", "));
        Some(Wait { kind: WaitKind::WorkerBusy, detail, until })
    }
}

/// The reasons of a builder with very many workers: those that may be over first, and how many more there are.
fn shortened(mut waits: Vec<Wait>) -> Vec<Wait> {
    // One more than are shown is shown, too: a line that says so would be as long.
    if waits.len() > MAX_LISTED + 1 {
        waits.sort_by_key(|wait| wait.until.unwrap_or(Timestamp(i64::MAX)));
        let more = waits.split_off(MAX_LISTED);
        let until = more.iter().filter_map(|wait| wait.until).min();
        let kind = more[0].kind;
        let detail = format!("{} more of its workers", more.len());
        waits.push(Wait { kind, detail, until });
    }
    waits
}

fn wait(kind: WaitKind, detail: String) -> Wait {
    Wait { kind, detail, until: None }
}

/// Of a request that no other worker takes.
fn alone(mut wait: Wait) -> Wait {
    wait.detail.push_str(" (it was asked for there alone)");
    wait
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
