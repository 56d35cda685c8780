//! The world of one seed: people who ask, machines that work, faults for a while, then peace until all is done (L1).

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use linn_core::action::Action;
use linn_core::id::SessionId;
use linn_core::input::Input;
use linn_core::master::Master as Core;
use linn_core::time::Timestamp;
use linn_proto::worker::{LogAppend, from_worker};
use linn_worker::session::{Input as ToSession, Output, Session};

use crate::convert;
use crate::edge::Edge;
use crate::invariants;
use crate::machine::Machine;
use crate::master::{Handled, Master};
use crate::people::People;
use crate::random::Random;
use crate::site::{self, PEACE, TROUBLE, WORKERS};
use crate::tally::Tally;
use crate::upstream::Upstream;
use crate::wire::{Heard, Wire};

/// More steps than any world needs: one that goes on without getting anywhere ends here.
const STEPS: usize = 100_000;

/// One seed's world.
pub(crate) struct World {
    pub(crate) random: Random,
    /// Its configuration changes.
    pub(crate) turns: bool,
    pub(crate) now: i64,
    pub(crate) master: Master,
    /// When the master comes back, while it is down.
    pub(crate) boots: Option<i64>,
    /// When the disk under the master has room again, while it is nearly full.
    pub(crate) room_again: Option<i64>,
    pub(crate) machines: Vec<Machine>,
    /// Every connection that is not over for both ends.
    pub(crate) wires: BTreeMap<u64, Wire>,
    last_wire: u64,
    people: People,
    upstream: Upstream,
    /// What happens on the master's machine.
    pub(crate) edge: Edge,
    /// Every command that ever ran on any machine.
    ran: BTreeSet<u64>,
    next_sync: i64,
    pub(crate) next_trouble: i64,
    pub(crate) tally: Tally,
}

impl World {
    /// A world in which nothing has happened yet.
    ///
    /// Every third one is reconfigured now and then: that cannot be written down for `linn replay`.
    pub(crate) fn new(seed: u64) -> Result<Self, String> {
        let master = Master::new(site::configs()?);
        Ok(Self {
            random: Random::new(seed),
            turns: seed.is_multiple_of(3),
            now: 0,
            master,
            boots: Some(0),
            room_again: None,
            machines: WORKERS.into_iter().map(Machine::new).collect(),
            wires: BTreeMap::new(),
            last_wire: 0,
            people: People::default(),
            upstream: Upstream::new(),
            edge: Edge::default(),
            ran: BTreeSet::new(),
            next_sync: 0,
            next_trouble: 0,
            tally: Tally::default(),
        })
    }

    /// Lives it to its end: trouble, then peace.
    pub(crate) fn live(&mut self) -> Result<(), String> {
        let mut steps = 0;
        while self.now < TROUBLE {
            self.step()?;
            steps += 1;
        }
        // Everything that is down comes back, and everything asked for must end.
        self.master.refuse = false;
        self.boots = self.boots.map(|at| at.min(self.now + 100));
        for machine in &mut self.machines {
            machine.dials = machine.dials.map(|at| at.min(self.now + 200));
        }
        let mut resumed = false;
        while !resumed || !self.is_quiet() {
            steps += 1;
            if self.now > TROUBLE + PEACE || steps > STEPS {
                return Err(format!("L1: after {steps} steps not done: {}", self.still_open()));
            }
            self.step()?;
            if self.master.is_turned() && self.master.core.is_some() {
                self.tell(self.master.turn())?;
            }
            if !resumed && !self.people.wait() {
                // Only when the last pause that somebody asked for has had its answer.
                self.people.settle(self.now);
                resumed = true;
            }
        }
        invariants::at_the_end(&mut self.master, &self.machines)?;
        self.upstream.at_the_end(&self.master.ledger.changes)?;
        for (input, answer) in self.people.answered() {
            self.master.ledger.kept(input, answer)?;
        }
        self.count();
        Ok(())
    }

    fn count(&mut self) {
        self.tally.log_bytes = self.master.logs.values().map(|log| log.synced).sum();
        self.tally.asked_again = self.people.asked_again;
        for record in &self.master.history {
            match record.kind() {
                "request_added" => self.tally.requests += 1,
                "build_started" => self.tally.builds += 1,
                "request_returned" => self.tally.retries += 1,
                "change_added" => self.tally.changes += 1,
                "input_refused" => self.tally.refusals += 1,
                "buildset_resolved" => self.tally.resolved += 1,
                "stale_result_refused" => self.tally.stale += 1,
                _ => {}
            }
        }
    }

    fn is_quiet(&self) -> bool {
        let Some(core) = &self.master.core else { return false };
        core.state().buildsets().next().is_none()
            && core.next_timeout().is_none_or(|due| due.0 > self.now + PEACE)
            && core.state().workers().filter(|worker| worker.connected_at.is_some()).count()
                == self.machines.len()
            && self.machines.iter().all(|machine| {
                machine.processes.is_empty() && machine.session.as_ref().is_some_and(Session::is_up)
            })
            && !self.people.wait()
            && self.upstream.is_known(core)
    }

    /// What keeps the world from being quiet, in words.
    fn still_open(&self) -> String {
        let Some(core) = &self.master.core else { return "the master is down".into() };
        let builds = core.state().unfinished();
        let builds: Vec<_> =
            builds.map(|build| format!("{} on {}", build.reference(), build.worker)).collect();
        let waiting: Vec<_> =
            core.state().waiting_requests().map(|request| request.id.to_string()).collect();
        let machine = |machine: &Machine| {
            let up = machine.session.as_ref().map(Session::is_up);
            let held: Vec<_> = machine.processes.keys().collect();
            format!("{} up {up:?} dials {:?} holds {held:?}", machine.name, machine.dials)
        };
        let machines: Vec<_> = self.machines.iter().map(machine).collect();
        format!(
            "builds {builds:?}, waiting {waiting:?}, {}; asking {}, source at the tip {}",
            machines.join("; "),
            self.people.wait(),
            self.upstream.is_known(core)
        )
    }

    fn in_trouble(&self) -> bool {
        self.now < TROUBLE
    }

    /// The next moment at which anything happens.
    fn next(&self) -> Option<i64> {
        let trouble = self.in_trouble();
        let core = self.master.core.as_ref();
        let machines = self.machines.iter().filter_map(Machine::next);
        let mut next: Vec<i64> =
            machines.chain(self.wires.values().filter_map(Wire::next)).collect();
        next.extend(self.boots);
        next.extend(self.room_again);
        next.extend(self.edge.next());
        next.extend(core.and_then(Core::next_timeout).map(|due| due.0));
        if core.is_some() && self.master.has_unsynced() {
            next.push(self.next_sync);
        }
        next.extend(self.people.next(trouble));
        next.extend(self.upstream.next(trouble, core.is_some()));
        if trouble {
            next.push(self.next_trouble);
        }
        next.into_iter().min()
    }

    /// Goes on to the next moment at which anything happens, and lets it happen.
    fn step(&mut self) -> Result<(), String> {
        self.now = self.now.max(self.next().unwrap_or(self.now + 1));
        let trouble = self.in_trouble();
        if trouble && self.next_trouble <= self.now {
            self.trouble()?;
        }
        let core = self.master.core.as_ref();
        if let Some(input) = self.people.say(self.now, trouble, core, &mut self.random) {
            self.tell(input)?;
        }
        let seen = (self.master.core.as_ref(), self.master.life);
        if let Some(input) = self.upstream.live(self.now, trouble, seen, &mut self.random) {
            self.tell(input)?;
        }
        self.master_lives()?;
        for n in 0..self.machines.len() {
            self.machine_lives(n)?;
        }
        let wires: Vec<u64> = self.wires.keys().copied().collect();
        for wire in wires {
            self.wire_lives(wire)?;
        }
        self.wires.retain(|_, wire| !wire.is_over());
        Ok(())
    }

    /// Tells the master, and carries out what it orders.
    pub(crate) fn tell(&mut self, input: Input) -> Result<(), String> {
        match self.master.handle(self.now, input)? {
            Handled::Done(actions) => self.perform(actions),
            Handled::Unwritten => {
                self.start_over();
                Ok(())
            }
            Handled::Down => Ok(()),
        }
    }

    /// Performs actions in order; between any two the master may crash.
    fn perform(&mut self, actions: Vec<Action>) -> Result<(), String> {
        let mut ended = Vec::new();
        for action in actions {
            if self.in_trouble() && self.random.per_mille(5) {
                self.crash_master();
                return Ok(());
            }
            let at = self.now + 1 + self.random.ms(20);
            match &action {
                Action::Reply { token, answer } => self.people.hear(*token, answer)?,
                Action::CloseSession { session } => {
                    self.tally.replaced += 1;
                    ended.push(*session);
                }
                Action::RefuseWorker { session, .. } => ended.push(*session),
                _ => {}
            }
            self.edge.obey(&action, self.now, &mut self.random);
            if let Some((session, message)) = convert::message(&self.master, &action)
                && let Some(wire) = self.wire_of(session)
            {
                wire.say_down(at, message);
            }
        }
        for session in ended {
            self.end_session(session)?;
        }
        Ok(())
    }

    fn wire_of(&mut self, session: SessionId) -> Option<&mut Wire> {
        let wire = self.master.sessions.get(&session)?;
        self.wires.get_mut(wire)
    }

    /// The master ends a session in good order, and hears of that itself.
    fn end_session(&mut self, session: SessionId) -> Result<(), String> {
        let hears = self.now + 25;
        if let Some(wire) = self.wire_of(session) {
            wire.close_above(hears, None);
        }
        self.master.gone(session);
        self.tell(Input::WorkerDetached { session })
    }

    fn master_lives(&mut self) -> Result<(), String> {
        if self.boots.is_some_and(|at| at <= self.now) {
            self.boots = None;
            let actions = self.master.boot(self.now)?;
            self.perform(actions)?;
            self.tell_of_the_disk()?;
        }
        if self.room_again.is_some_and(|at| at <= self.now) {
            self.room_again = None;
            self.tell_of_the_disk()?;
        }
        if self.master.core.is_none() {
            return Ok(());
        }
        if self.next_sync <= self.now && self.master.has_unsynced() {
            self.next_sync = self.now + 20 + self.random.ms(200);
            for (wire, acked) in self.master.sync() {
                let at = self.now + 1 + self.random.ms(20);
                if let Some(wire) = self.wires.get_mut(&wire) {
                    wire.ack(at, acked);
                }
            }
        }
        for input in self.master.settled() {
            self.tell(input)?;
        }
        while let Some(input) = self.edge.live(self.now) {
            self.tally.here += usize::from(matches!(input, Input::HereFinished { .. }));
            self.tell(input)?;
        }
        let due = self.master.core.as_ref().and_then(Core::next_timeout);
        if due.is_some_and(|due| due <= Timestamp(self.now)) {
            self.tell(Input::Timeout)?;
        }
        Ok(())
    }

    fn machine_lives(&mut self, n: usize) -> Result<(), String> {
        if self.machines[n].dials.is_some_and(|at| at <= self.now) {
            self.machines[n].boot();
            if self.master.core.is_some() {
                self.last_wire += 1;
                self.wires.insert(self.last_wire, Wire::new(n));
                let machine = &mut self.machines[n];
                (machine.dials, machine.link) = (None, Some(self.last_wire));
                let out = machine.handle(ToSession::LinkUp);
                self.worker_does(n, out)?;
            } else {
                self.machines[n].dials = Some(self.now + 50 + self.random.ms(500));
            }
        }
        let out = self.machines[n].live(self.now, &mut self.random);
        self.worker_does(n, out)
    }

    fn worker_does(&mut self, n: usize, out: Vec<Output>) -> Result<(), String> {
        for output in out {
            match output {
                Output::Send(message) => self.worker_says(n, message),
                Output::Start(start) => {
                    if !self.ran.insert(start.command) {
                        return Err(format!("I5: command {} ran twice", start.command));
                    }
                    let more = self.machines[n].start(&start, self.now, &mut self.random);
                    self.worker_does(n, more)?;
                }
                Output::Stop { command, how, .. } => {
                    self.machines[n].stop(command.0, how, self.now);
                }
                Output::Forget(command) => {
                    self.machines[n].processes.remove(&command.0);
                }
                Output::Retry { after, .. } => {
                    let after = i64::try_from(after.as_millis()).expect("small");
                    self.agent_ends(n);
                    self.machines[n].dials = Some(self.now + 1 + after);
                }
                Output::End { .. } => {
                    // Whoever looks after that machine starts its agent again.
                    let dials = self.now + 500 + self.random.ms(2_000);
                    self.agent_ends(n);
                    self.machines[n].end(dials);
                    self.tally.turned_away += 1;
                }
                Output::Acked { .. }
                | Output::SpoolLimit(_)
                | Output::Welcomed { .. }
                | Output::Draining
                | Output::Note(_) => {}
            }
        }
        while let Some(push) = self.machines[n].session.as_mut().and_then(Session::next_push) {
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
            let at = self.now + 1 + self.random.ms(20);
            if let Some(wire) = self.link(n) {
                wire.push(at, piece);
            }
        }
        Ok(())
    }

    fn link(&mut self, n: usize) -> Option<&mut Wire> {
        let link = self.machines[n].link?;
        self.wires.get_mut(&link)
    }

    fn worker_says(&mut self, n: usize, message: from_worker::Msg) {
        let at = self.now + 1 + self.random.ms(20);
        // The end of a command may be told twice in one session.
        let twice = matches!(message, from_worker::Msg::Finished(_)) && self.random.per_mille(50);
        let again = twice.then(|| (at + self.random.ms(300), message.clone()));
        if let Some(wire) = self.link(n) {
            wire.say_up(at, message);
            if let Some((at, message)) = again {
                wire.say_up(at, message);
            }
        }
    }

    /// What arrives on a connection by now.
    fn wire_lives(&mut self, id: u64) -> Result<(), String> {
        loop {
            let Some(wire) = self.wires.get_mut(&id) else { return Ok(()) };
            let (n, now) = (wire.machine, self.now);
            if let Some(heard) = wire.master_hears(now) {
                self.master_hears(id, heard)?;
            } else if let Some(piece) = wire.bytes_arrive(now) {
                self.bytes_arrive(id, &piece);
            } else if let Some(heard) = wire.worker_hears(now) {
                // What comes on a connection that the worker has left does not reach it.
                if self.machines[n].link != Some(id) {
                    continue;
                }
                let out = match heard {
                    Heard::Say(message) => self.machines[n].handle(ToSession::FromMaster(message)),
                    Heard::Gone => {
                        let again = now + 10 + self.random.ms(1_000);
                        let machine = &mut self.machines[n];
                        machine.link = None;
                        machine.dials.get_or_insert(again);
                        machine.handle(ToSession::LinkDown)
                    }
                };
                self.worker_does(n, out)?;
            } else if let Some(acked) = wire.ack_arrives(now) {
                if self.machines[n].link == Some(id) {
                    let out = self.machines[n].handle(ToSession::LogAcked(acked));
                    self.worker_does(n, out)?;
                }
            } else {
                return Ok(());
            }
        }
    }

    /// Log bytes are taken of live sessions alone.
    fn bytes_arrive(&mut self, id: u64, piece: &LogAppend) {
        let at = self.now + 1 + self.random.ms(20);
        let Some(wire) = self.wires.get_mut(&id) else { return };
        let live = wire.session.is_some_and(|session| self.master.sessions.contains_key(&session));
        if !live || self.master.core.is_none() {
            return;
        }
        if let Some(acked) = self.master.append(id, piece) {
            wire.ack(at, acked);
        }
    }

    fn master_hears(&mut self, id: u64, heard: Heard<from_worker::Msg>) -> Result<(), String> {
        let Some(wire) = self.wires.get_mut(&id) else { return Ok(()) };
        if self.master.core.is_none() {
            return Ok(());
        }
        let live = wire.session.filter(|session| self.master.sessions.contains_key(session));
        let input = match (heard, live) {
            (Heard::Say(from_worker::Msg::Hello(hello)), None) if wire.session.is_none() => {
                let session = self.master.session(id);
                wire.session = Some(session);
                convert::hello(session, hello)
            }
            (Heard::Say(from_worker::Msg::Started(started)), Some(session)) => {
                let command = linn_core::id::CommandId(started.command);
                Input::CommandStarted { session, command, at: Timestamp(started.at_ms) }
            }
            (Heard::Say(from_worker::Msg::Property(found)), Some(session)) => {
                convert::found(session, &found)
            }
            (Heard::Say(from_worker::Msg::Finished(finished)), Some(session)) => {
                self.master.finished(session, finished);
                return Ok(());
            }
            (Heard::Gone, Some(session)) => {
                wire.session = None;
                self.master.gone(session);
                Input::WorkerDetached { session }
            }
            _ => return Ok(()),
        };
        self.tell(input)
    }
}
