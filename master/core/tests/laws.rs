//! The laws, over random lists of inputs: no request is lost, a buildset is the worst of its requests, a worker is never
//! over its limit, two runs are equal to the byte, and a state equals itself after a trip through its tables (the
//! harness checks that one after every input).

use std::collections::{BTreeMap, BTreeSet};

use linn_core::action::{Action, Answer};
use linn_core::change::NewChange;
use linn_core::id::{BuilderName, BuildsetId, CommandId, RequestId, SessionId, WorkerName};
use linn_core::input::{Input, WorkerVerb};
use linn_core::model::{Build, Exit, StepState};
use linn_core::record::Record;
use linn_core::results::Results;
use linn_core::testing::{Harness, Said, change, small_site, stamp};
use linn_core::time::Span;
use proptest::prelude::*;

/// What can happen, in small numbers that a test resolves against what there is.
#[derive(Clone, Debug)]
enum Event {
    Change { branch: u8, important: bool },
    Force { builder: u8, request_id: u8 },
    Connect { worker: u8, keeps: bool, other_folder: bool },
    Detach { worker: u8 },
    End { which: u8, how: u8 },
    Stop { which: u8, kill: bool },
    Cancel { request: u8 },
    Priority { request: u8, priority: i8 },
    Control { worker: u8, verb: u8 },
    Switch { scheduler: u8, enabled: bool },
    Pass { seconds: u16 },
    Disk { full: bool },
    Restart,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (0..3_u8, any::<bool>()).prop_map(|(branch, important)| Event::Change { branch, important }),
        4 => (0..3_u8, 0..4_u8).prop_map(|(builder, request_id)| Event::Force { builder, request_id }),
        3 => (0..3_u8, any::<bool>(), prop::bool::weighted(0.2))
            .prop_map(|(worker, keeps, other_folder)| Event::Connect { worker, keeps, other_folder }),
        1 => (0..3_u8).prop_map(|worker| Event::Detach { worker }),
        10 => (0..8_u8, 0..12_u8).prop_map(|(which, how)| Event::End { which, how }),
        1 => (0..4_u8, any::<bool>()).prop_map(|(which, kill)| Event::Stop { which, kill }),
        1 => (0..20_u8).prop_map(|request| Event::Cancel { request }),
        1 => (0..20_u8, -2..3_i8).prop_map(|(request, priority)| Event::Priority { request, priority }),
        1 => (0..3_u8, 0..3_u8).prop_map(|(worker, verb)| Event::Control { worker, verb }),
        1 => (0..5_u8, any::<bool>()).prop_map(|(scheduler, enabled)| Event::Switch { scheduler, enabled }),
        3 => (0..1_200_u16).prop_map(|seconds| Event::Pass { seconds }),
        1 => any::<bool>().prop_map(|full| Event::Disk { full }),
        1 => Just(Event::Restart),
    ]
}

/// A world around a harness: which workers are connected, and what each holds.
struct World {
    harness: Harness,
    sessions: BTreeMap<String, SessionId>,
    held: BTreeMap<String, Vec<CommandId>>,
    revisions: BTreeMap<u8, u32>,
    asked: u64,
    replies: u64,
    ends: BTreeMap<RequestId, Results>,
    acked: Vec<RequestId>,
    sets: BTreeMap<BuildsetId, Vec<RequestId>>,
    failed_first: BTreeSet<BuildsetId>,
}

impl World {
    fn new(harness: Harness) -> Self {
        Self {
            harness,
            sessions: BTreeMap::new(),
            held: BTreeMap::new(),
            revisions: BTreeMap::new(),
            asked: 0,
            replies: 0,
            ends: BTreeMap::new(),
            acked: Vec::new(),
            sets: BTreeMap::new(),
            failed_first: BTreeSet::new(),
        }
    }

    /// Looks at what came out, and holds the laws against it.
    fn look(&mut self, said: &Said) {
        for action in &said.actions {
            match action {
                Action::Reply { answer, .. } => {
                    self.replies += 1;
                    assert!(!matches!(answer, Answer::Refused(why) if why.what.is_empty()));
                }
                Action::SendCommand { session, spec } => {
                    let worker = self.sessions.iter().find(|(_, known)| *known == session);
                    let Some((worker, _)) = worker else { continue };
                    let held = self.held.entry(worker.clone()).or_default();
                    assert!(!held.contains(&spec.id), "command {} is sent twice", spec.id);
                    held.push(spec.id);
                }
                Action::AckCommand { command, .. } => {
                    for held in self.held.values_mut() {
                        held.retain(|known| known != command);
                    }
                }
                _ => {}
            }
        }
        for record in &said.records {
            match record {
                Record::BuildsetAdded(set) => {
                    self.sets.insert(set.id, set.requests.clone());
                }
                Record::RequestAdded(request) => self.acked.push(request.id),
                Record::RequestFinished { request, results, .. } => {
                    let before = self.ends.insert(*request, *results);
                    assert_eq!(before, None, "request {request} ended twice");
                }
                Record::BuildsetFirstFailure { buildset, request } => {
                    assert!(self.failed_first.insert(*buildset), "told twice");
                    assert!(!self.ends[request].is_good());
                }
                Record::BuildsetFinished { buildset, results, .. } => {
                    self.check_buildset(*buildset, *results);
                }
                _ => {}
            }
        }
        self.check_limits();
    }

    /// BS-2: the worst of its requests, which all ended. BS-3: a failure was told before, a good end never was.
    fn check_buildset(&mut self, id: BuildsetId, results: Results) {
        let requests = self.sets.remove(&id).expect("a buildset ends once");
        let worst = requests.iter().map(|request| self.ends[request]);
        assert_eq!(results, worst.fold(Results::Success, Results::worst), "buildset {id}");
        assert_eq!(self.failed_first.contains(&id), !results.is_good(), "buildset {id}");
    }

    fn check_limits(&self) {
        let master = &self.harness.master;
        for (name, declared) in &master.config().workers {
            let load = master.state().load_of(name);
            assert!(declared.max_builds.is_none_or(|limit| load <= limit as usize), "{name}");
            let mut builders: Vec<_> =
                master.state().running_on(name).map(|build| &build.builder).collect();
            builders.sort();
            builders.dedup();
            assert_eq!(builders.len(), load, "one build of a builder at a time on {name}");
        }
        for build in master.state().unfinished() {
            let running =
                build.steps.iter().filter(|step| step.state() == StepState::Running).count();
            assert_eq!(running, 1, "an unfinished build runs exactly one step");
        }
    }

    fn say(&mut self, input: Input) {
        let said = self.harness.say(input);
        self.look(&said);
    }

    fn do_event(&mut self, event: &Event) {
        match event {
            Event::Change { branch, important } => {
                let next = self.revisions.entry(*branch).or_default();
                *next += 1;
                let (revision, parent) =
                    (format!("{branch}r{next}"), format!("{branch}r{}", *next - 1));
                let new = NewChange {
                    files: vec![if *important { "src/a" } else { "doc/a" }.to_owned()],
                    ..change(&format!("branch{branch}"), &revision, &[&parent], "Ana <a@x>")
                };
                self.asked += 1;
                let said = self.harness.submit(vec![new]);
                self.look(&said);
            }
            Event::Force { builder, request_id } => {
                let mut asking = self.harness.asking();
                if *request_id > 0 {
                    asking.request_id = format!("id{request_id}-{builder}");
                }
                self.asked += 1;
                self.say(Input::ForceRequested {
                    asking,
                    builders: vec![BuilderName::from(format!("b{builder}"))],
                    scheduler: None,
                    stamps: vec![stamp("branch0", Some("0r1"))],
                    commits: Vec::new(),
                    properties: BTreeMap::new(),
                    reason: String::new(),
                    priority: None,
                    external_id: String::new(),
                });
            }
            Event::Connect { worker, keeps, other_folder } => {
                self.connect(&format!("w{worker}"), *keeps, *other_folder);
            }
            Event::Detach { worker } => {
                if let Some(session) = self.sessions.remove(&format!("w{worker}")) {
                    self.say(Input::WorkerDetached { session });
                }
            }
            Event::End { which, how } => self.end(*which, *how),
            Event::Stop { which, kill } => {
                let all: Vec<_> =
                    self.harness.master.state().unfinished().map(Build::reference).collect();
                let Some(build) = all.get(*which as usize % all.len().max(1)).cloned() else {
                    return;
                };
                let asking = self.harness.asking();
                self.asked += 1;
                self.say(Input::StopRequested {
                    asking,
                    build,
                    reason: "enough".into(),
                    kill: *kill,
                });
            }
            Event::Cancel { request } => {
                let asking = self.harness.asking();
                self.asked += 1;
                let request = RequestId(u64::from(*request));
                self.say(Input::CancelRequested { asking, request, reason: "enough".into() });
            }
            Event::Priority { request, priority } => {
                let asking = self.harness.asking();
                self.asked += 1;
                let request = RequestId(u64::from(*request));
                self.say(Input::PriorityRequested {
                    asking,
                    request,
                    priority: i32::from(*priority),
                });
            }
            Event::Control { worker, verb } => {
                let asking = self.harness.asking();
                self.asked += 1;
                let verbs = [WorkerVerb::Pause, WorkerVerb::Resume, WorkerVerb::Drain];
                self.say(Input::WorkerControlled {
                    asking,
                    worker: WorkerName::from(format!("w{worker}")),
                    verb: verbs[*verb as usize % 3],
                    reason: String::new(),
                });
            }
            Event::Switch { scheduler, enabled } => {
                let asking = self.harness.asking();
                self.asked += 1;
                let schedulers = ["force", "any", "now", "hourly", "down"];
                self.say(Input::SchedulerControlled {
                    asking,
                    scheduler: schedulers[*scheduler as usize % 5].into(),
                    enabled: *enabled,
                });
            }
            Event::Pass { seconds } => {
                for said in self.harness.pass(Span::seconds(i64::from(*seconds))) {
                    self.look(&said);
                }
            }
            Event::Disk { full } => {
                self.say(Input::DiskState(full.then(|| "the disk is nearly full".to_owned())));
            }
            Event::Restart => {
                self.sessions.clear();
                let said = self.harness.restart(Vec::new());
                self.look(&said);
            }
        }
    }

    fn connect(&mut self, name: &str, keeps: bool, other_folder: bool) {
        let taken = self.sessions.contains_key(name);
        let instance = if other_folder { format!("{name}-other") } else { name.to_owned() };
        if !keeps && !taken && !other_folder {
            self.held.remove(name);
        }
        let held: Vec<_> = if other_folder {
            Vec::new()
        } else {
            self.held.get(name).into_iter().flatten().map(|id| (*id, false)).collect()
        };
        // The session is known before what the master orders for it.
        let (session, said) = self.harness.attach(name, &instance, held);
        let refused = said.actions.iter().any(|it| matches!(it, Action::RefuseWorker { .. }));
        if !refused {
            self.sessions.insert(name.to_owned(), session);
            if other_folder {
                self.held.remove(name);
            }
        }
        self.look(&said);
    }

    fn end(&mut self, which: u8, how: u8) {
        let running: Vec<_> = self
            .held
            .iter()
            .filter(|(worker, _)| self.sessions.contains_key(*worker))
            .flat_map(|(worker, held)| held.iter().map(move |id| (worker.clone(), *id)))
            .collect();
        let Some((worker, command)) = running.get(which as usize % running.len().max(1)).cloned()
        else {
            return;
        };
        let exit = match how {
            0..=6 => Exit::Exited(0),
            7 => Exit::Exited(1),
            8 => Exit::Interrupted,
            9 => Exit::TimedOutSilent,
            10 => Exit::Lost("its supervisor died".to_owned()),
            _ => Exit::NotStarted("no such program".to_owned()),
        };
        self.finish(&worker, command, exit);
    }

    fn finish(&mut self, worker: &str, command: CommandId, exit: Exit) {
        let at = self.harness.now;
        let session = self.sessions[worker];
        let finished = linn_core::model::Finished::bare(command, exit, at);
        let said = self.harness.finish(session, finished);
        self.look(&said);
        let acked = said.actions.contains(&Action::AckCommand { session, command });
        assert!(acked, "whatever becomes of its result, a command is acked");
    }

    /// The faults stop: every worker comes back, every command ends. Then everything asked for must have ended (L1, I3).
    fn drain(&mut self) {
        self.do_event(&Event::Disk { full: false });
        for name in ["w0", "w1", "w2"] {
            if !self.sessions.contains_key(name) {
                self.connect(name, true, false);
            }
            if !self.sessions.contains_key(name) {
                self.connect(name, true, true);
            }
            self.do_event(&Event::Control { worker: name.as_bytes()[1] - b'0', verb: 1 });
        }
        self.do_event(&Event::Pass { seconds: 3_600 });
        for _ in 0..10_000 {
            let next =
                self.held.iter().find_map(|(worker, held)| Some((worker.clone(), *held.first()?)));
            let Some((worker, command)) = next else { break };
            self.finish(&worker, command, Exit::Exited(0));
        }
        let state = self.harness.master.state();
        assert_eq!(state.unfinished().count(), 0);
        assert_eq!(state.requests().count(), 0, "a request is left over");
        assert_eq!(state.buildsets().count(), 0, "a buildset is left over");
        for request in &self.acked {
            assert!(self.ends.contains_key(request), "request {request} never ended");
        }
        assert_eq!(self.asked, self.replies, "each asking has exactly one reply");
    }
}

fn run(harness: Harness, events: &[Event]) -> Vec<String> {
    let mut world = World::new(harness);
    for event in events {
        world.do_event(event);
    }
    world.drain();
    world.harness.transcript()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    /// I3, L1, BS-2, F24, D4.
    #[test]
    fn nothing_is_lost_and_nothing_differs(events in prop::collection::vec(event(), 1..120)) {
        let first = run(Harness::new(small_site()), &events);
        let second = run(Harness::new(small_site()).unchecked(), &events);
        prop_assert_eq!(first, second);
    }
}
