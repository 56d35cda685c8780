//! The laws of locks and of merging, over random lists of inputs (LK-*, MG-*): nothing is granted that is not there, nobody
//! is overtaken, no wake-up is lost, and at the end everybody had his turn; merged or not, each change is built by each builder
//! that was asked, once.

use std::collections::{BTreeMap, BTreeSet};

use linn_core::config::{
    Builder, Collapse, Config, Fills, ForceParameter, ForceScheduler, Lock, LockAccess, LockMode,
    LockScope, Locks, ParameterKind, SchedulerKind, StepSpec,
};
use linn_core::hooks::{Argument, HookError, HookId, Hooks};
use linn_core::id::{ChangeId, RequestId, SessionId, WorkerName};
use linn_core::input::Input;
use linn_core::lock::LockView;
use linn_core::model::{BuildRequest, LockKey};
use linn_core::record::Record;
use linn_core::testing::{
    Harness, Said, any_branch, builder, change, config, force, shell, stamp, timer, worker,
};
use linn_core::time::Span;
use linn_core::view::request_view;
use proptest::prelude::*;
use serde_json::{Value, json};

const WORKERS: [&str; 4] = ["w0", "w1", "w2", "w3"];
const BUILDERS: [&str; 8] =
    ["all", "half", "one", "both", "step", "other-step", "by-request", "by-request-too"];
/// What a request says that it wants.
const WISHES: [&str; 5] = ["", "db", "pool", "both", "bench"];

fn takes(lock: &str, mode: LockMode) -> LockAccess {
    LockAccess { lock: lock.into(), mode }
}

fn with_locks(name: &str, locks: Vec<LockAccess>) -> Builder {
    let mut made = builder(name, &WORKERS, vec![shell("make")]);
    made.locks = Locks::These(locks);
    made.policy.collapse = Collapse::Never;
    made
}

fn with_step(name: &str, mode: LockMode) -> Builder {
    let locked = StepSpec { locks: Locks::These(vec![takes("bench", mode)]), ..shell("bench") };
    let mut made = builder(name, &WORKERS, vec![shell("make"), locked, shell("after")]);
    made.policy.collapse = Collapse::Never;
    made
}

/// The locks of what a request wishes.
fn wished(wish: &str) -> Vec<LockAccess> {
    match wish {
        "db" => vec![takes("db", LockMode::Exclusive)],
        "pool" => vec![takes("pool", LockMode::Counting(3))],
        "both" => vec![takes("db", LockMode::Exclusive), takes("pool", LockMode::Counting(1))],
        "bench" => vec![takes("bench", LockMode::Exclusive)],
        _ => Vec::new(),
    }
}

/// The function of the builders whose locks are what the request wishes.
struct Wishes;

impl Hooks for Wishes {
    fn call(&self, _: &HookId, arguments: &[Argument]) -> Result<Value, HookError> {
        let Some(Argument::Object(request)) = arguments.first() else {
            return Err(HookError { what: "a request was expected".into() });
        };
        Ok(json!(wished(request["properties"]["wish"].as_str().unwrap_or_default())))
    }
}

fn by_request(name: &str) -> Builder {
    let hook = HookId { config: "c1".into(), index: 0, label: "wished".into() };
    Builder { locks: Locks::Hook(hook), ..with_locks(name, Vec::new()) }
}

/// A field of a form.
fn parameter(name: &str, kind: ParameterKind) -> ForceParameter {
    let (name, label, default) = (name.to_owned(), String::new(), Value::Null);
    ForceParameter { name, label, default, required: false, kind, fills: Fills::Property }
}

/// Builders whose builds take locks of three kinds, two whose steps do, and two that take what each request wishes. One worker
/// has a lock of its own, and a request may be for one worker alone.
fn site() -> Config {
    let builders = vec![
        with_locks("all", vec![takes("pool", LockMode::Exclusive)]),
        with_locks(
            "half",
            vec![takes("pool", LockMode::Counting(2)), takes("cpu", LockMode::Counting(1))],
        ),
        with_locks("one", vec![takes("pool", LockMode::Counting(1))]),
        with_locks(
            "both",
            vec![takes("pool", LockMode::Counting(1)), takes("db", LockMode::Exclusive)],
        ),
        with_step("step", LockMode::Counting(1)),
        with_step("other-step", LockMode::Exclusive),
        by_request("by-request"),
        by_request("by-request-too"),
    ];
    let workers = WORKERS.iter().map(|name| worker(name, 2)).collect();
    let mut form = force("force", &BUILDERS);
    form.kind = SchedulerKind::Force(ForceScheduler {
        parameters: Some(vec![
            parameter("workername", ParameterKind::Worker),
            parameter("*", ParameterKind::AnyProperty),
        ]),
    });
    let mut made = config("c1", workers, builders, vec![form]);
    if let Some(w3) = made.workers.get_mut(&WorkerName::from("w3")) {
        w3.locks = vec![takes("rig", LockMode::Counting(1))];
    }
    for (name, scope, max_count) in [
        ("pool", LockScope::Master, 4),
        ("db", LockScope::Master, 1),
        ("cpu", LockScope::Worker, 1),
        ("bench", LockScope::Master, 2),
        ("rig", LockScope::Master, 1),
    ] {
        let name = linn_core::id::LockName::from(name);
        let max_count_for = BTreeMap::new();
        made.locks.insert(name.clone(), Lock { name, scope, max_count, max_count_for });
    }
    made
}

#[derive(Clone, Debug)]
enum Event {
    Force { builder: u8, wish: u8, on: u8 },
    End { which: u8, well: bool },
    Connect(u8),
    Detach(u8),
    Cancel(u8),
    Stop(u8),
    Restart,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        8 => (0..8_u8, 0..5_u8, 0..12_u8)
            .prop_map(|(builder, wish, on)| Event::Force { builder, wish, on }),
        8 => (0..8_u8, any::<bool>()).prop_map(|(which, well)| Event::End { which, well }),
        3 => (0..4_u8).prop_map(Event::Connect),
        1 => (0..4_u8).prop_map(Event::Detach),
        1 => (0..40_u8).prop_map(Event::Cancel),
        1 => (0..8_u8).prop_map(Event::Stop),
        1 => Just(Event::Restart),
    ]
}

struct World {
    harness: Harness,
    sessions: BTreeMap<String, SessionId>,
    asked: u32,
}

impl World {
    fn new(config: Config) -> Self {
        Self {
            harness: Harness::with_hooks(config, Box::new(Wishes)),
            sessions: BTreeMap::new(),
            asked: 0,
        }
    }

    fn running(&self) -> Vec<String> {
        self.harness
            .master
            .state()
            .unfinished()
            .map(|build| build.reference().to_string())
            .collect()
    }

    fn end(&mut self, build: &str, code: i32) {
        let of = self.harness.master.state().unfinished();
        let worker = of.into_iter().find(|it| it.reference().to_string() == build);
        let Some(worker) = worker.map(|build| build.worker.to_string()) else { return };
        let Some(session) = self.sessions.get(&worker).copied() else { return };
        if self.harness.command(build).is_some() {
            self.harness.exit(session, build, code);
        }
    }

    fn connect(&mut self, name: &str) {
        if self.sessions.contains_key(name) {
            return;
        }
        // It holds what it had: nothing is lost with the connection.
        let state = self.harness.master.state();
        let builds: Vec<_> = state
            .running_on(&name.into())
            .filter_map(|build| self.harness.command(&build.reference().to_string()))
            .map(|command| (command, false))
            .collect();
        let session = SessionId(1_000 + u64::from(self.asked));
        self.asked += 1;
        let (name_, instance) = (name.into(), format!("folder of {name}"));
        self.harness.say(Input::WorkerAttached {
            session,
            name: name_,
            instance,
            info: linn_core::model::WorkerInfo::default(),
            held: builds,
        });
        self.sessions.insert(name.to_owned(), session);
    }

    fn play(&mut self, event: &Event) {
        let nth =
            |list: &[String], which: u8| list.get(usize::from(which) % list.len().max(1)).cloned();
        match event {
            Event::Force { builder, wish, on } => {
                self.asked += 1;
                let revision = format!("r{}", self.asked);
                let stamps = vec![stamp("main", Some(&revision))];
                let worker = WORKERS.get(usize::from(*on)).copied().unwrap_or_default();
                let properties = [("wish", WISHES[usize::from(*wish)]), ("workername", worker)];
                self.harness.force_with(BUILDERS[usize::from(*builder)], stamps, &properties);
            }
            Event::End { which, well } => {
                if let Some(build) = nth(&self.running(), *which) {
                    self.end(&build, i32::from(!well));
                }
            }
            Event::Connect(which) => self.connect(WORKERS[usize::from(*which)]),
            Event::Detach(which) => {
                if let Some(session) = self.sessions.remove(WORKERS[usize::from(*which)]) {
                    self.harness.detach(session);
                }
            }
            Event::Cancel(request) => {
                let asking = self.harness.asking();
                let request = RequestId(u64::from(*request));
                self.harness.say(Input::CancelRequested { asking, request, reason: String::new() });
            }
            Event::Stop(which) => {
                if let Some(build) = nth(&self.running(), *which) {
                    self.harness.stop(&build, "enough", false);
                }
            }
            Event::Restart => {
                self.sessions.clear();
                self.harness.restart(Vec::new());
            }
        }
        self.harness.now = self.harness.now + Span::seconds(1);
    }

    /// The locks that a request would take on a worker.
    fn wants(&self, request: &BuildRequest, worker: &WorkerName) -> Vec<LockAccess> {
        let (state, config) = (self.harness.master.state(), self.harness.master.config());
        let own = match config.builders.get(&request.builder).map(|builder| &builder.locks) {
            Some(Locks::These(locks)) => locks.clone(),
            _ => {
                let view = request_view(state, request);
                wished(view["properties"]["wish"].as_str().unwrap_or_default())
            }
        };
        let of_worker = config.workers.get(worker).into_iter().flat_map(|worker| &worker.locks);
        own.iter().chain(of_worker).cloned().collect()
    }

    /// LK-5: nobody waits for whom a worker is free, and of all the locks that he would take there so much that nobody who waits
    /// for one of them, and no part of them, is in the way.
    fn nobody_waits_for_nothing(&self) {
        let (state, config) = (self.harness.master.state(), self.harness.master.config());
        let locks = self.harness.master.locks();
        let free = |request: &BuildRequest, worker: &WorkerName| {
            let room = config.workers.get(worker).and_then(|it| it.max_builds).unwrap_or(u32::MAX);
            let chosen = state.buildset(request.buildset).and_then(|it| it.worker.clone());
            chosen.is_none_or(|chosen| chosen == *worker)
                && self.sessions.contains_key(worker.as_str())
                && state.load_of(worker) < room as usize
                && !state.running_on(worker).any(|build| build.builder == request.builder)
        };
        for request in state.waiting_requests() {
            let id = request.id.to_string();
            for worker in WORKERS.map(WorkerName::from).iter().filter(|it| free(request, it)) {
                let could = self.wants(request, worker).iter().all(|access| {
                    let scope = config.locks.get(&access.lock).map(|lock| lock.scope);
                    let of = (scope == Some(LockScope::Worker)).then(|| worker.clone());
                    let key = LockKey { lock: access.lock.clone(), worker: of };
                    let lock = locks.iter().find(|lock| lock.key == key);
                    lock.is_none_or(|lock| {
                        lock.waiters.iter().all(|(who, _)| *who == id) && is_left(lock, access.mode)
                    })
                });
                assert!(!could, "request {id} could start on {worker}: {locks:?}");
            }
        }
    }

    /// Everybody comes, everything ends: then nothing waits and nothing is held.
    fn settle(&mut self) {
        for name in WORKERS {
            self.connect(name);
        }
        for _ in 0..2_000 {
            let Some(build) =
                self.running().into_iter().find(|it| self.harness.command(it).is_some())
            else {
                break;
            };
            self.end(&build, 0);
        }
        let state = self.harness.master.state();
        assert_eq!(state.requests().count(), 0, "all is over: {:?}", self.harness.master.locks());
        for lock in self.harness.master.locks() {
            assert!(lock.holders.is_empty() && lock.waiters.is_empty(), "{lock:?}");
        }
    }
}

const fn weight(mode: LockMode) -> u32 {
    match mode {
        LockMode::Counting(count) => count,
        LockMode::Exclusive => 0,
    }
}

fn is_exclusive((_, mode): &(String, LockMode)) -> bool {
    matches!(mode, LockMode::Exclusive)
}

/// LK-2: an exclusive holder is alone, and counts never add up to more than there is.
fn nothing_is_granted_that_is_not_there(locks: &[LockView]) {
    for lock in locks {
        let taken: u32 = lock.holders.iter().map(|(_, mode)| weight(*mode)).sum();
        assert!(taken <= lock.capacity, "{lock:?}");
        assert!(!lock.holders.iter().any(is_exclusive) || lock.holders.len() == 1, "{lock:?}");
    }
}

/// Whether so much of a lock is held by nobody.
fn is_left(lock: &LockView, mode: LockMode) -> bool {
    let taken: u32 = lock.holders.iter().map(|(_, mode)| weight(*mode)).sum();
    match mode {
        LockMode::Exclusive => lock.holders.is_empty(),
        LockMode::Counting(count) => {
            !lock.holders.iter().any(is_exclusive) && taken + count <= lock.capacity
        }
    }
}

/// LK-5: of those who are first in all their lines, nobody could take what he wants: whatever was given back was looked at.
fn no_wake_up_is_lost(locks: &[LockView]) {
    let mut first: BTreeMap<&str, bool> = BTreeMap::new();
    for lock in locks {
        for (place, (who, mode)) in lock.waiters.iter().enumerate() {
            let fits = is_left(lock, *mode);
            // A request that could run on several workers stands in the line of each; any one would do.
            let could = place == 0 && fits;
            let known = first.entry(who).or_insert(true);
            *known &= could;
        }
    }
    let free: Vec<_> = first.iter().filter(|(_, could)| **could).collect();
    assert!(free.is_empty(), "{free:?} could go on: {locks:?}");
}

/// Whether somebody waits for what a build holds: they cannot go on before it does, so they are not before it in any line (LK-6).
fn waits_for(locks: &[LockView], who: &str, build: &str) -> bool {
    let of = |holder: &str| holder.split('/').next() == Some(build);
    locks.iter().any(|lock| {
        let wants = lock.waiters.iter().find(|(waiter, _)| waiter == who);
        lock.holders.iter().any(|(holder, _)| of(holder))
            && wants.is_some_and(|(_, mode)| !is_left(lock, *mode))
    })
}

/// LK-2: who stood behind others in a line has nothing of that lock before them, unless what they want is left for them, or they
/// wait for who began.
fn nobody_is_overtaken(before: &[LockView], after: &[LockView], began: &Began) {
    for lock in before {
        let Some(now) = after.iter().find(|now| now.key == lock.key) else { continue };
        let mut passed = Vec::new();
        for waiter in &lock.waiters {
            let waits = now.waiters.iter().any(|(who, _)| *who == waiter.0);
            if let Some(took) = began.get(&waiter.0) {
                // It may have stood here for another worker than the one that it runs on now.
                if took.as_ref().is_some_and(|took| !took.contains(&lock.key)) {
                    continue;
                }
                let build = waiter.0.split('/').next().unwrap_or_default();
                let mut hindered = passed.clone();
                hindered.retain(|(who, _): &(String, LockMode)| !waits_for(before, who, build));
                let wanted: u32 = hindered.iter().map(|(_, mode)| weight(*mode)).sum();
                let taken: u32 = now.holders.iter().map(|(_, mode)| weight(*mode)).sum();
                let left = wanted == 0 || taken + wanted <= now.capacity;
                let exclusive = hindered.iter().any(is_exclusive);
                assert!(!exclusive && left, "{} overtook: {before:?} {after:?}", waiter.0);
            } else if waits {
                passed.push(waiter.clone());
            }
        }
    }
}

/// Who began, and which locks it took; a step all for which it stood in line.
type Began = BTreeMap<String, Option<BTreeSet<LockKey>>>;

/// Who began in an input: steps by name, builds by the numbers of their requests.
fn began(said: &Said) -> Began {
    let mut who = Began::new();
    for record in &said.records {
        match record {
            Record::BuildStarted(build) => {
                let took: BTreeSet<_> = build.locks.iter().map(|share| share.key.clone()).collect();
                let requests = build.requests.iter();
                who.extend(requests.map(|request| (request.to_string(), Some(took.clone()))));
            }
            Record::StepStarted { build, name, .. } => {
                who.insert(format!("{build}/{name}"), None);
            }
            _ => {}
        }
    }
    who
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn locks_are_fair_and_never_forgotten(events in prop::collection::vec(event(), 1..80)) {
        let mut world = World::new(site());
        for event in &events {
            let before = world.harness.master.locks();
            world.harness.records();
            world.play(event);
            let said = Said { records: world.harness.records(), actions: Vec::new() };
            let after = world.harness.master.locks();
            nothing_is_granted_that_is_not_there(&after);
            no_wake_up_is_lost(&after);
            world.nobody_waits_for_nothing();
            // A restart lines requests up anew, in the order of service.
            if !matches!(event, Event::Restart) {
                nobody_is_overtaken(&before, &after, &began(&said));
            }
        }
        world.settle();
    }

    /// MG-1, MG-3: however requests are merged, every builder that was asked builds every change, and builds it once.
    #[test]
    fn changes_are_neither_lost_nor_doubled(
        events in prop::collection::vec((0..5_u8, 0..3_u8, any::<bool>()), 1..60),
    ) {
        let builders = vec![builder("a", &["w0"], vec![shell("make")]), builder("b", &["w1"], vec![shell("make")])];
        let workers = vec![worker("w0", 1), worker("w1", 1)];
        let schedulers = vec![any_branch("now", &["a", "b"], timer(None))];
        let mut world = World::new(config("c1", workers, builders, schedulers));
        let mut built: BTreeMap<(String, ChangeId), u32> = BTreeMap::new();
        let mut tips: BTreeMap<u8, String> = BTreeMap::new();
        let mut changes = 0_u64;
        let note = |said: &[Record], built: &mut BTreeMap<(String, ChangeId), u32>| {
            let mut ended = BTreeSet::new();
            for record in said {
                match record {
                    Record::BuildStarted(build) => {
                        for change in build.stamps.iter().flat_map(|stamp| &stamp.changes) {
                            *built.entry((build.builder.to_string(), *change)).or_default() += 1;
                        }
                    }
                    Record::RequestFinished { request, .. } => assert!(ended.insert(*request)),
                    _ => {}
                }
            }
        };
        for (what, branch, well) in events {
            world.harness.records();
            match what {
                0..=2 => {
                    changes += 1;
                    let revision = format!("{branch}-{changes}");
                    let parents: Vec<&str> = tips.get(&branch).map(String::as_str).into_iter().collect();
                    let one = change(&format!("b{branch}"), &revision, &parents, "Ana <a@x>");
                    world.harness.submit(vec![one]);
                    tips.insert(branch, revision);
                }
                3 => world.connect(if well { "w0" } else { "w1" }),
                _ => {
                    if let Some(build) = world.running().first().cloned() {
                        world.end(&build, i32::from(!well));
                    }
                }
            }
            note(&world.harness.records(), &mut built);
        }
        world.harness.records();
        for name in ["w0", "w1"] {
            world.connect(name);
        }
        while let Some(build) = world.running().first().cloned() {
            world.end(&build, 0);
        }
        note(&world.harness.records(), &mut built);
        prop_assert_eq!(world.harness.master.state().requests().count(), 0);
        for id in 1..=changes {
            for name in ["a", "b"] {
                let times = built.get(&(name.to_owned(), ChangeId(id))).copied();
                prop_assert_eq!(times, Some(1), "change {} by {}", id, name);
            }
        }
    }
}
