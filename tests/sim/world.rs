//! The world of one seed: people who ask, machines that work, faults for a while, then peace until all is done (L1).

use std::collections::BTreeMap;
use std::fmt;
use std::ops::AddAssign;
use std::sync::Arc;

use bytes::Bytes;
use linn_core::action::{Action, Answer};
use linn_core::id::{BuildRef, RequestId, SessionId, Token};
use linn_core::input::{Asking, Input};
use linn_core::model::WorkerInfo;
use linn_core::time::Timestamp;
use linn_proto::worker::{LogAppend, from_worker};
use linn_worker::session::{Input as ToSession, Output};

use crate::invariants;
use crate::machine::Machine;
use crate::master::Master;
use crate::random::Random;
use crate::wire::{Down, Up, Wire};

const CONFIG: &str = r#"
worker("w0", max_builds = 1)
worker("w1", max_builds = 2)
worker("w2")
ALL = ["w0", "w1", "w2"]
RECIPE = [
    shell("build", command = "make", halt_on_failure = True),
    shell("test", command = "make check"),
    shell("clean", command = "make clean", always_run = True),
]
builder("a", workers = ALL, factory = RECIPE, lost_after = "20s")
builder("b", workers = ["w0", "w1"], factory = RECIPE, lost_after = "3s", max_retries = 2)
builder("c", workers = ["w2"], factory = RECIPE[:1])
force_scheduler("force", builders = ["a", "b", "c"])
any_branch_scheduler("commits", builders = ["a", "b"], tree_stable_timer = "2s", max_wait = "5s")
"#;

/// How long faults go on, in milliseconds of the world.
const TROUBLE: i64 = 40_000;
/// How long peace may take.
const PEACE: i64 = 600_000;

/// What happened in some worlds.
#[derive(Clone, Copy, Default, PartialEq, Debug)]
pub(crate) struct Tally {
    requests: usize,
    builds: usize,
    retries: usize,
    crashes: usize,
    agent_crashes: usize,
    cuts: usize,
    log_bytes: usize,
}

impl Tally {
    /// Whether enough went on, and enough went wrong, to prove something.
    pub(crate) fn is_busy(&self) -> bool {
        [self.requests, self.builds, self.crashes, self.agent_crashes, self.cuts, self.log_bytes]
            .iter()
            .all(|n| *n > 100)
            && self.retries > 0
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, more: Self) {
        self.requests += more.requests;
        self.builds += more.builds;
        self.retries += more.retries;
        self.crashes += more.crashes;
        self.agent_crashes += more.agent_crashes;
        self.cuts += more.cuts;
        self.log_bytes += more.log_bytes;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} requests, {} builds, {} retries, {} master crashes, {} agent crashes, {} cuts, {} log bytes",
            self.requests,
            self.builds,
            self.retries,
            self.crashes,
            self.agent_crashes,
            self.cuts,
            self.log_bytes
        )
    }
}

/// Runs a seed to its end.
pub(crate) fn run(seed: u64) -> Result<Tally, String> {
    let mut world = World::new(seed)?;
    let outcome = world.run();
    outcome.map_err(|why| {
        let file = std::env::temp_dir().join(format!("linn-seed-{seed}.log"));
        let log = format!("{CONFIG}---\n{}\n", world.master.inputs.join("\n"));
        match std::fs::write(&file, log) {
            Ok(()) => format!("{why} at {} ms (inputs: {})", world.now, file.display()),
            Err(_) => format!("{why} at {} ms", world.now),
        }
    })
}

struct World {
    random: Random,
    now: i64,
    master: Master,
    /// When the master comes back, while it is down.
    master_boots: Option<i64>,
    machines: Vec<Machine>,
    /// Each machine's connection and, once it said Hello, the master's number for it.
    wires: BTreeMap<usize, (Wire, Option<SessionId>)>,
    next_sync: i64,
    next_asking: i64,
    last_token: u64,
    tally: Tally,
}

impl World {
    fn new(seed: u64) -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let loaded = linn_tests::scenario::evaluate(folder.path(), CONFIG)?;
        let mut master = Master::new(Arc::clone(&loaded.config));
        master.boot(0)?;
        Ok(Self {
            random: Random::new(seed),
            now: 0,
            master,
            master_boots: None,
            machines: (0..3).map(|n| Machine::new(format!("w{n}"))).collect(),
            wires: BTreeMap::new(),
            next_sync: 0,
            next_asking: 0,
            last_token: 0,
            tally: Tally::default(),
        })
    }

    fn run(&mut self) -> Result<Tally, String> {
        while self.now < TROUBLE {
            self.step(true)?;
            self.trouble();
        }
        // Peace: everything that is down comes back, and everything asked for must end.
        self.master_boots = self.master_boots.map(|at| at.min(self.now + 100));
        for machine in &mut self.machines {
            machine.dials = machine.dials.map(|at| at.min(self.now + 200));
        }
        while !self.is_quiet() {
            if self.now > TROUBLE + PEACE {
                return Err(format!("L1: not done in {PEACE} ms of peace: {}", self.still_open()));
            }
            self.step(false)?;
        }
        invariants::at_the_end(&self.master, &self.machines)?;
        self.tally.log_bytes = self.master.logs.values().map(|log| log.synced).sum();
        for record in &self.master.history {
            match record.kind() {
                "request_added" => self.tally.requests += 1,
                "build_started" => self.tally.builds += 1,
                "request_returned" => self.tally.retries += 1,
                _ => {}
            }
        }
        Ok(self.tally)
    }

    fn is_quiet(&self) -> bool {
        let Some(core) = &self.master.core else { return false };
        core.state().buildsets().next().is_none()
            && core.next_timeout().is_none_or(|due| due.0 > self.now + PEACE)
            && self.machines.iter().all(|machine| machine.processes.is_empty())
    }

    /// What keeps the world from being quiet, in words.
    fn still_open(&self) -> String {
        let Some(core) = &self.master.core else { return "the master is down".into() };
        let builds = core.state().builds().filter(|build| build.complete_at.is_none());
        let builds: Vec<_> = builds.map(|build| format!("{} on {}", build.reference(), build.worker)).collect();
        let waiting: Vec<_> = core.state().waiting_requests().map(|request| request.id.to_string()).collect();
        let machine = |machine: &Machine| {
            let up = machine.session.as_ref().map(linn_worker::session::Session::is_up);
            let held: Vec<_> = machine.processes.keys().collect();
            format!("{} up {up:?} dials {:?} holds {held:?}", machine.name, machine.dials)
        };
        let machines: Vec<_> = self.machines.iter().map(machine).collect();
        format!("builds {builds:?}, waiting {waiting:?}, {}", machines.join("; "))
    }

    /// Goes to the next moment at which something happens, and lets it happen.
    fn step(&mut self, asking: bool) -> Result<(), String> {
        let mut next: Vec<i64> = self.wires.values().filter_map(|(wire, _)| wire.next()).collect();
        next.extend(self.machines.iter().filter_map(Machine::next));
        next.extend(self.master_boots);
        if self.master.core.is_some() {
            next.push(self.next_sync);
            next.extend(
                self.master.core.as_ref().and_then(|core| core.next_timeout()).map(|due| due.0),
            );
        }
        if asking {
            next.push(self.next_asking);
        }
        self.now = self.now.max(next.into_iter().min().unwrap_or(self.now + 1));
        if asking && self.next_asking <= self.now {
            self.next_asking = self.now + 50 + self.below(3000);
            self.ask()?;
        }
        self.master_lives()?;
        for n in 0..self.machines.len() {
            self.machine_lives(n)?;
            self.wire_lives(n)?;
        }
        invariants::always(&mut self.master, &self.machines)
    }

    fn below(&mut self, limit: u64) -> i64 {
        i64::try_from(self.random.below(limit)).expect("small")
    }

    /// Things break.
    fn trouble(&mut self) {
        if self.random.per_mille(3) && self.master.core.is_some() {
            self.crash_master();
        }
        let n = usize::try_from(self.below(3)).expect("small");
        if self.random.per_mille(3) && self.machines[n].session.is_some() {
            let dials = self.now + self.below(6000);
            self.machines[n].crash(dials);
            self.cut(n);
            self.tally.agent_crashes += 1;
        }
        if self.random.per_mille(6) {
            self.cut(n);
        }
    }

    fn crash_master(&mut self) {
        self.master.crash();
        self.tally.crashes += 1;
        self.master_boots = Some(self.now + 1 + self.below(3000));
        for n in 0..self.machines.len() {
            self.cut(n);
        }
    }

    fn cut(&mut self, n: usize) {
        let (master_hears, worker_hears) =
            (self.now + self.below(3000), self.now + self.below(3000));
        if let Some((wire, _)) = self.wires.get_mut(&n)
            && wire.stands()
        {
            wire.cut(master_hears, worker_hears);
            self.tally.cuts += 1;
        }
    }

    /// Somebody wants something; they try again, with the same id, when they get no answer.
    fn ask(&mut self) -> Result<(), String> {
        self.last_token += 1;
        let token = Token(self.last_token);
        let asking = Asking { token, request_id: format!("asking {token}"), who: "kim".into() };
        let pick = self.below(100);
        let builds: Vec<BuildRef> = self
            .master
            .core
            .iter()
            .flat_map(|core| core.state().builds())
            .map(linn_core::model::Build::reference)
            .collect();
        let requests: Vec<RequestId> = self
            .master
            .core
            .iter()
            .flat_map(|core| core.state().requests())
            .map(|request| request.id)
            .collect();
        let some = self.random.next();
        let input = match pick {
            0..8 if !builds.is_empty() => Input::StopRequested {
                asking,
                build: builds[usize::try_from(some).unwrap_or(0) % builds.len()].clone(),
                reason: "enough".into(),
                kill: some % 2 == 0,
            },
            8..14 if !requests.is_empty() => Input::CancelRequested {
                asking,
                request: requests[usize::try_from(some).unwrap_or(0) % requests.len()],
                reason: "not wanted".into(),
            },
            14..45 => Input::ChangesSubmitted {
                asking,
                changes: vec![linn_core::change::NewChange {
                    key: Some(format!("key {}", some % 40)),
                    author: "ana".into(),
                    branch: Some(format!("branch {}", some % 3)),
                    revision: Some(format!("{some:x}")),
                    ..Default::default()
                }],
                commits: Vec::new(),
            },
            _ => Input::ForceRequested {
                asking,
                builders: vec![["a", "b", "c"][usize::try_from(some % 3).unwrap_or(0)].into()],
                scheduler: None,
                stamps: Vec::new(),
                commits: Vec::new(),
                properties: BTreeMap::new(),
                reason: "sim".into(),
                priority: Some(i32::try_from(some % 3).unwrap_or(0)),
            },
        };
        let actions = self.master.handle(self.now, input.clone())?;
        // The answer may be lost on its way: asked again, the same thing must be done once.
        if self.random.per_mille(100) && self.master.core.is_some() {
            let first = answer_of(&actions);
            let again = self.master.handle(self.now, input)?;
            let second = answer_of(&again);
            if matches!(first, Some(Answer::Accepted { .. })) && first != second {
                return Err(format!(
                    "asked twice, answered differently: {first:?} then {second:?}"
                ));
            }
            self.perform(actions);
            self.perform(again);
        } else {
            self.perform(actions);
        }
        Ok(())
    }

    /// Performs actions in order; between any two the master may crash.
    fn perform(&mut self, actions: Vec<Action>) {
        for action in actions {
            if self.now < TROUBLE && self.random.per_mille(4) {
                self.crash_master();
                return;
            }
            if let Action::CloseSession { session } = &action {
                self.close(*session);
            }
            let refused = matches!(action, Action::RefuseWorker { .. });
            if let Some((session, down)) = self.master.message(action) {
                let at = self.now + 1 + self.below(20);
                if let Some((wire, _)) =
                    self.wires.values_mut().find(|(_, known)| *known == Some(session))
                {
                    wire.send_down(at, down);
                    if refused {
                        self.master.gone(session);
                    }
                }
            }
        }
    }

    fn close(&mut self, session: SessionId) {
        self.master.gone(session);
        let now = self.now;
        for (wire, known) in self.wires.values_mut() {
            if *known == Some(session) {
                wire.cut(now, now + 5);
            }
        }
    }

    fn master_lives(&mut self) -> Result<(), String> {
        if self.master_boots.is_some_and(|at| at <= self.now) {
            self.master_boots = None;
            self.master.boot(self.now)?;
        }
        if self.master.core.is_none() {
            return Ok(());
        }
        if self.next_sync <= self.now {
            self.next_sync = self.now + 20 + self.below(200);
            for acked in self.master.sync() {
                let at = self.now + 1 + self.below(20);
                for (wire, known) in self.wires.values_mut() {
                    // Each log belongs to one machine; the others know nothing of its command and ignore it.
                    if known.is_some() {
                        wire.send_down(at, Down::Acked(acked.clone()));
                    }
                }
            }
        }
        for input in self.master.settled() {
            let actions = self.master.handle(self.now, input)?;
            self.perform(actions);
        }
        let due = self.master.core.as_ref().and_then(|core| core.next_timeout());
        if due.is_some_and(|due| due.0 <= self.now) {
            let actions = self.master.handle(self.now, Input::Timeout)?;
            self.perform(actions);
        }
        Ok(())
    }

    fn machine_lives(&mut self, n: usize) -> Result<(), String> {
        if self.machines[n].dials.is_some_and(|at| at <= self.now) {
            self.machines[n].dials = None;
            self.machines[n].boot();
            if self.master.core.is_some() {
                self.wires.insert(n, (Wire::new(), None));
                let out = self.machines[n].handle(ToSession::LinkUp);
                self.worker_does(n, out);
            } else {
                self.machines[n].dials = Some(self.now + 50 + self.below(500));
            }
        }
        let out = self.machines[n].live(self.now, &mut self.random);
        self.worker_does(n, out);
        Ok(())
    }

    fn worker_does(&mut self, n: usize, out: Vec<Output>) {
        for output in out {
            match output {
                Output::Send(message) => self.up(n, Up::Say(message)),
                Output::Start(start) => {
                    let more = self.machines[n].start(&start, self.now, &mut self.random);
                    self.worker_does(n, more);
                }
                Output::Stop { command, how, .. } => {
                    self.machines[n].stop(command.0, how, self.now)
                }
                Output::Forget(command) => self.machines[n].forget(command.0),
                Output::Retry { after, .. } => {
                    let after = i64::try_from(after.as_millis()).expect("small");
                    self.machines[n].dials = Some(self.now + 1 + after);
                    self.wires.remove(&n);
                }
                Output::Acked { .. }
                | Output::SpoolLimit(_)
                | Output::Welcomed { .. }
                | Output::End { .. }
                | Output::Draining
                | Output::Note(_) => {}
            }
        }
        while let Some(push) =
            self.machines[n].session.as_mut().and_then(linn_worker::session::Session::next_push)
        {
            let process = &self.machines[n].processes[&push.command.0];
            let range = usize::try_from(push.from).expect("small")
                ..usize::try_from(push.to).expect("small");
            let piece = LogAppend {
                command: push.command.0,
                log: push.log,
                offset: push.from,
                data: Bytes::copy_from_slice(&process.written[range]),
                ..LogAppend::default()
            };
            self.up(n, Up::Log(piece));
        }
    }

    fn up(&mut self, n: usize, what: Up) {
        let at = self.now + 1 + self.below(20);
        if let Some((wire, _)) = self.wires.get_mut(&n) {
            wire.send_up(at, what);
        }
    }

    fn wire_lives(&mut self, n: usize) -> Result<(), String> {
        loop {
            let Some((wire, session)) = self.wires.get_mut(&n) else { return Ok(()) };
            if wire.up.front().is_some_and(|(at, _)| *at <= self.now) {
                let (_, up) = wire.up.pop_front().expect("looked");
                let session = *session;
                self.master_hears(n, session, up)?;
            } else if wire.down.front().is_some_and(|(at, _)| *at <= self.now) {
                let (_, down) = wire.down.pop_front().expect("looked");
                let out = self.machines[n].handle(match down {
                    Down::Say(message) => ToSession::FromMaster(message),
                    Down::Acked(acked) => ToSession::LogAcked(acked),
                });
                self.worker_does(n, out);
            } else if wire.master_hears.is_some_and(|at| at <= self.now) {
                wire.master_hears = None;
                if let Some(session) = session.take()
                    && self.master.sessions.contains_key(&session)
                {
                    self.master.gone(session);
                    let actions =
                        self.master.handle(self.now, Input::WorkerDetached { session })?;
                    self.perform(actions);
                }
                self.drop_dead_wire(n);
            } else if wire.worker_hears.is_some_and(|at| at <= self.now) {
                wire.worker_hears = None;
                if self.machines[n].session.is_some() {
                    let out = self.machines[n].handle(ToSession::LinkDown);
                    self.worker_does(n, out);
                    let again = self.now + 10 + self.below(1000);
                    self.machines[n].dials.get_or_insert(again);
                }
                self.drop_dead_wire(n);
            } else {
                return Ok(());
            }
        }
    }

    /// A cut wire of which both ends have heard is gone. A worker that dials anew before the master has heard replaces it:
    /// then the master learns of the old session's end from the new one's beginning.
    fn drop_dead_wire(&mut self, n: usize) {
        if self.wires.get(&n).is_some_and(|(wire, _)| {
            wire.next().is_none() && wire.up.is_empty() && wire.down.is_empty()
        }) {
            self.wires.remove(&n);
        }
    }

    fn master_hears(&mut self, n: usize, session: Option<SessionId>, up: Up) -> Result<(), String> {
        if self.master.core.is_none() {
            return Ok(());
        }
        let input = match (up, session) {
            (Up::Say(from_worker::Msg::Hello(hello)), None) => {
                let session = self.master.session(&hello.name);
                if let Some((_, known)) = self.wires.get_mut(&n) {
                    *known = Some(session);
                }
                let ended = |held: &linn_proto::worker::Held| {
                    held.state() == linn_proto::worker::HeldState::Finished
                };
                Input::WorkerAttached {
                    session,
                    name: hello.name.into(),
                    instance: String::from_utf8_lossy(&hello.instance).into_owned(),
                    info: WorkerInfo::default(),
                    held: hello
                        .held
                        .iter()
                        .map(|held| (linn_core::id::CommandId(held.command), ended(held)))
                        .collect(),
                }
            }
            (Up::Say(from_worker::Msg::Started(started)), Some(session)) => Input::CommandStarted {
                session,
                command: linn_core::id::CommandId(started.command),
                at: Timestamp(started.at_ms),
            },
            (Up::Say(from_worker::Msg::Finished(finished)), Some(session)) => {
                self.master.finished(session, finished);
                return Ok(());
            }
            (Up::Log(piece), Some(_)) => {
                if let Some(refused) = self.master.append(&piece) {
                    let at = self.now + 1;
                    if let Some((wire, _)) = self.wires.get_mut(&n) {
                        wire.send_down(at, Down::Acked(refused));
                    }
                }
                return Ok(());
            }
            _ => return Ok(()),
        };
        let actions = self.master.handle(self.now, input)?;
        self.perform(actions);
        Ok(())
    }
}

fn answer_of(actions: &[Action]) -> Option<Answer> {
    actions.iter().find_map(|action| match action {
        Action::Reply { answer, .. } => Some(answer.clone()),
        _ => None,
    })
}
