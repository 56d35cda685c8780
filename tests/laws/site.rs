//! A master with both stores behind it, and the workers around it, all by hand: inputs gather and are committed together.

use std::collections::BTreeMap;
use std::sync::Arc;

use linn_core::action::{Action, Answer};
use linn_core::config::Config;
use linn_core::ctx::Outbox;
use linn_core::hooks::NoHooks;
use linn_core::id::{CommandId, RequestId, SessionId, Token};
use linn_core::input::{Asking, Input, WorkerVerb};
use linn_core::master::Master;
use linn_core::model::{Build, Exit, Finished, WorkerInfo};
use linn_core::record::Record;
use linn_core::testing::{change, small_site, stamp};
use linn_core::time::{Span, Timestamp};
use linn_master::store::{MemoryStore, SqliteStore, Store};

use crate::event::Event;
use crate::ledger::Ledger;

type Law = Result<(), String>;

const WORKERS: [&str; 3] = ["w0", "w1", "w2"];

/// See the module.
pub(crate) struct Site {
    folder: tempfile::TempDir,
    /// `None` only while it is opened again.
    sqlite: Option<SqliteStore>,
    memory: MemoryStore,
    config: Arc<Config>,
    master: Master,
    now: Timestamp,
    ledger: Ledger,
    /// Decided and not yet durable.
    batch: Vec<(Option<Input>, Vec<Record>)>,
    actions: Vec<Action>,
    sessions: BTreeMap<String, SessionId>,
    /// Who said Hello and waits for the commit.
    dialled: BTreeMap<SessionId, String>,
    held: BTreeMap<String, Vec<CommandId>>,
    asked: BTreeMap<Token, Input>,
    answered: Vec<(Input, Answer)>,
    last_session: u64,
    last_token: u64,
}

impl Site {
    /// A fresh site.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let sqlite = SqliteStore::open(folder.path()).expect("a fresh database");
        let config = Arc::new(small_site());
        let (now, mut memory) = (Timestamp(0), MemoryStore::new());
        let tables = memory.load().expect("memory can be read");
        let mut out = Outbox::new();
        let configs = vec![Arc::clone(&config)];
        let master = Master::restore(configs, tables, now, &NoHooks, &mut out);
        let batch = vec![(None, out.take().0)];
        Self {
            folder,
            sqlite: Some(sqlite),
            memory,
            config,
            master,
            now,
            ledger: Ledger::default(),
            batch,
            actions: Vec::new(),
            sessions: BTreeMap::new(),
            dialled: BTreeMap::new(),
            held: BTreeMap::new(),
            asked: BTreeMap::new(),
            answered: Vec::new(),
            last_session: 0,
            last_token: 0,
        }
    }

    fn say(&mut self, input: Input) {
        let mut out = Outbox::new();
        self.master.handle(self.now, input.clone(), &NoHooks, &mut out);
        let (records, actions) = out.take();
        self.batch.push((Some(input), records));
        self.actions.extend(actions);
    }

    /// Both stores write; then what was decided is carried out, and the laws are looked at.
    fn commit(&mut self) -> Law {
        let batch = std::mem::take(&mut self.batch);
        let records: Vec<Record> =
            batch.iter().flat_map(|(_, records)| records.iter().cloned()).collect();
        let sqlite = self.sqlite.as_mut().expect("open");
        let range = sqlite.commit(self.now, &records).map_err(|error| error.to_string())?;
        let other = self.memory.commit(self.now, &records).map_err(|error| error.to_string())?;
        if range != other {
            return Err(format!("{range:?} in one store, {other:?} in the other"));
        }
        for (input, records) in &batch {
            self.ledger.follow(&self.config, input.as_ref(), records)?;
        }
        for action in std::mem::take(&mut self.actions) {
            self.perform(action);
        }
        let state = self.master.state().tables();
        let sqlite = self.sqlite.as_mut().expect("open");
        for (name, store) in [("sqlite", sqlite as &mut dyn Store), ("memory", &mut self.memory)] {
            if store.load().map_err(|error| error.to_string())? != state {
                return Err(format!("load(tables) != state: {name}"));
            }
        }
        if state.waiting != self.ledger.changes.waiting() {
            return Err("TS-3: other changes wait than the records say".into());
        }
        for (name, declared) in &self.config.workers {
            let load = self.master.state().load_of(name);
            if declared.max_builds.is_some_and(|limit| load > limit as usize) {
                return Err(format!("{name} runs {load} builds, over its limit"));
            }
        }
        Ok(())
    }

    fn perform(&mut self, action: Action) {
        match action {
            Action::Welcome { session, .. } => {
                if let Some(worker) = self.dialled.remove(&session) {
                    self.sessions.insert(worker, session);
                }
            }
            Action::SendCommand { session, spec } => {
                let worker = self.sessions.iter().find(|(_, known)| **known == session);
                if let Some((worker, _)) = worker {
                    self.held.entry(worker.clone()).or_default().push(spec.id);
                }
            }
            Action::AckCommand { command, .. } => {
                for held in self.held.values_mut() {
                    held.retain(|known| *known != command);
                }
            }
            Action::Reply { token, answer } => {
                let input = self.asked.remove(&token).expect("each asking has one answer");
                self.answered.push((input, answer));
            }
            // Its recipes have no steps of the master.
            Action::RunHere { .. }
            | Action::Resolve { .. }
            | Action::ReadHistory
            | Action::EndHere { .. }
            | Action::RefuseWorker { .. }
            | Action::CloseSession { .. }
            | Action::InterruptCommand { .. } => {}
        }
    }

    /// What was not committed never was; the file is opened again and read.
    fn crash(&mut self) -> Law {
        self.batch.clear();
        self.actions.clear();
        self.sessions.clear();
        self.dialled.clear();
        self.asked.clear();
        self.sqlite = None;
        let mut sqlite =
            SqliteStore::open(self.folder.path()).map_err(|error| error.to_string())?;
        let tables = sqlite.load().map_err(|error| error.to_string())?;
        self.sqlite = Some(sqlite);
        let mut out = Outbox::new();
        let configs = vec![Arc::clone(&self.config)];
        self.master = Master::restore(configs, tables, self.now, &NoHooks, &mut out);
        self.batch.push((None, out.take().0));
        self.commit()
    }

    /// Somebody asks for something.
    fn ask(&mut self, request_id: String, make: impl FnOnce(Asking) -> Input) {
        self.last_token += 1;
        let token = Token(self.last_token);
        let input = make(Asking { token, request_id, who: "kim".into() });
        self.asked.insert(token, input.clone());
        self.say(input);
    }

    /// Lets something happen.
    pub(crate) fn happen(&mut self, event: &Event) -> Law {
        match *event {
            Event::Change { branch, key } => {
                let (branch, revision) = (format!("branch{branch}"), format!("{branch}r{key}"));
                let mut new = change(&branch, &revision, &[], "Ana <a@x>");
                new.key = Some(format!("key {key}"));
                self.ask(String::new(), |asking| Input::ChangesSubmitted {
                    asking,
                    changes: vec![new],
                    commits: Vec::new(),
                });
            }
            Event::Poll { commits } => self.poll(commits),
            Event::Force { builder, id } => {
                let request_id =
                    if id == 0 { String::new() } else { format!("id{id} of {builder}") };
                self.ask(request_id, |asking| Input::ForceRequested {
                    asking,
                    builders: vec![format!("b{builder}").into()],
                    scheduler: None,
                    stamps: vec![stamp("branch0", Some("0r1"))],
                    commits: Vec::new(),
                    properties: BTreeMap::new(),
                    reason: String::new(),
                    priority: None,
                    external_id: String::new(),
                });
            }
            Event::Rebuild { which } => {
                let builds = self.master.state().builds();
                let build = any_of(builds, which).cloned();
                self.ask(String::new(), |asking| Input::RebuildRequested {
                    asking,
                    named: "b0#99".into(),
                    build: build.map(Box::new),
                    asked_for: None,
                    latest: None,
                    commits: Vec::new(),
                    reason: String::new(),
                });
            }
            Event::Stop { which, kill } => {
                let running = self.master.state().unfinished();
                let Some(build) = any_of(running, which).map(Build::reference) else {
                    return Ok(());
                };
                let reason = "enough".to_owned();
                self.ask(String::new(), |asking| Input::StopRequested {
                    asking,
                    build,
                    reason,
                    kill,
                });
            }
            Event::Cancel { request } => {
                let (request, reason) = (RequestId(request.into()), "enough".to_owned());
                self.ask(String::new(), |asking| Input::CancelRequested {
                    asking,
                    request,
                    reason,
                });
            }
            Event::Priority { request, priority } => {
                let (request, priority) = (RequestId(request.into()), priority.into());
                self.ask(String::new(), |asking| Input::PriorityRequested {
                    asking,
                    request,
                    priority,
                });
            }
            Event::Control { worker, verb } => {
                let verb =
                    [WorkerVerb::Pause, WorkerVerb::Resume, WorkerVerb::Drain][usize::from(verb)];
                let worker = WORKERS[usize::from(worker)].into();
                self.ask(String::new(), |asking| Input::WorkerControlled {
                    asking,
                    worker,
                    verb,
                    reason: String::new(),
                });
            }
            Event::Connect { worker, keeps, other_folder } => {
                self.connect(WORKERS[usize::from(worker)], keeps, other_folder);
            }
            Event::Detach { worker } => {
                if let Some(session) = self.sessions.remove(WORKERS[usize::from(worker)]) {
                    self.say(Input::WorkerDetached { session });
                }
            }
            Event::End { which, how } => self.end_one(which, how),
            Event::Pass { seconds } => {
                let end = self.now + Span::seconds(seconds.into());
                while let Some(due) = self.master.next_timeout().filter(|due| *due <= end) {
                    self.now = self.now.max(due);
                    self.say(Input::Timeout);
                }
                self.now = end;
            }
            Event::Disk { full } => {
                self.say(Input::DiskState(full.then(|| "the disk is nearly full".to_owned())));
            }
            Event::Commit => return self.commit(),
            Event::Crash => return self.crash(),
        }
        Ok(())
    }

    /// The source finds so many new commits, from the durable cursor on, as a source does.
    fn poll(&mut self, commits: u8) {
        let cursor = self.master.state().source(&"p".into());
        let known = cursor.and_then(|cursor| cursor.tips.get("main")?.strip_prefix('p'));
        let known: u32 = known.and_then(|tip| tip.parse().ok()).unwrap_or(0);
        let tip = known + u32::from(commits);
        let new = |nth: u32| {
            let mut new = change("main", &format!("p{nth}"), &[&format!("p{}", nth - 1)], "Bob");
            new.key = Some(format!("poll {nth}"));
            new
        };
        self.say(Input::SourcePolled {
            source: "p".into(),
            asking: None,
            changes: (known + 1..=tip).map(new).collect(),
            tips: [("main".to_owned(), format!("p{tip}"))].into(),
            commits: ("repo".to_owned(), Vec::new()),
        });
    }

    fn connect(&mut self, name: &str, keeps: bool, other_folder: bool) {
        let taken = self.sessions.contains_key(name);
        if !taken && (other_folder || !keeps) {
            self.held.remove(name);
        }
        self.last_session += 1;
        let session = SessionId(self.last_session);
        let held = self.held.get(name).into_iter().flatten();
        let held = held.map(|id| (*id, false)).collect();
        self.dialled.insert(session, name.to_owned());
        self.say(Input::WorkerAttached {
            session,
            name: name.into(),
            instance: if other_folder { format!("{name} other") } else { name.to_owned() },
            info: WorkerInfo::default(),
            held,
        });
    }

    fn end_one(&mut self, which: u8, how: u8) {
        let running = self.held.iter().flat_map(|(worker, held)| {
            let session = self.sessions.get(worker);
            held.iter().filter_map(move |id| Some((*session?, *id)))
        });
        let Some((session, command)) = any_of(running, which) else { return };
        let exit = match how {
            0..=6 => Exit::Exited(0),
            7 => Exit::Exited(1),
            8 => Exit::Interrupted,
            9 => Exit::TimedOutSilent,
            10 => Exit::Lost("its supervisor died".to_owned()),
            _ => Exit::NotStarted("no such program".to_owned()),
        };
        self.finish(session, command, exit);
    }

    fn finish(&mut self, session: SessionId, command: CommandId, exit: Exit) {
        let finished = Finished::bare(command, exit, self.now);
        self.say(Input::CommandFinished { session, finished: Box::new(finished) });
    }

    /// The faults stop: every worker comes back, every command ends. Then everything asked for has ended, and what somebody was
    /// told has happened.
    pub(crate) fn end(&mut self) -> Law {
        self.commit()?;
        self.happen(&Event::Disk { full: false })?;
        for (nth, name) in (0_u8..).zip(WORKERS) {
            for other_folder in [false, true] {
                if !self.sessions.contains_key(name) {
                    self.connect(name, true, other_folder);
                    self.commit()?;
                }
            }
            self.happen(&Event::Control { worker: nth, verb: 1 })?;
        }
        self.happen(&Event::Pass { seconds: 3_600 })?;
        self.commit()?;
        for _ in 0..10_000 {
            let next = self
                .held
                .iter()
                .find_map(|(worker, held)| Some((*self.sessions.get(worker)?, *held.first()?)));
            let Some((session, command)) = next else { break };
            self.finish(session, command, Exit::Exited(0));
            self.commit()?;
        }
        self.ledger.at_the_end()?;
        self.ledger.changes.at_the_end()?;
        for (input, answer) in &self.answered {
            self.ledger.kept(input, answer)?;
        }
        let cursor = self.memory.load().map_err(|error| error.to_string())?.sources;
        if cursor.contains_key("p") != self.ledger.changes.first_tips().is_some() {
            return Err("GP-6: the cursor is not what the records say".into());
        }
        let tip = cursor.get("p").and_then(|cursor| cursor.tips.get("main"));
        let tip: u32 = tip.and_then(|tip| tip[1..].parse().ok()).unwrap_or(0);
        match (1..=tip).find(|nth| !self.ledger.changes.has_key(&format!("poll {nth}"))) {
            Some(lost) => Err(format!("GP-6: the cursor is past p{lost}, which is no change")),
            None if self.asked.is_empty() => Ok(()),
            None => Err(format!("{} askings have no answer", self.asked.len())),
        }
    }
}

/// One of them, by any number.
fn any_of<T>(all: impl Iterator<Item = T>, which: u8) -> Option<T> {
    let mut all: Vec<T> = all.collect();
    let at = usize::from(which) % all.len().max(1);
    (at < all.len()).then(|| all.swap_remove(at))
}
