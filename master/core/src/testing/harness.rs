//! Drives a master: time, inputs, and everything that came out.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{action_line, line};
use crate::action::Action;
use crate::change::{NewChange, SourceStamp};
use crate::config::Config;
use crate::ctx::Outbox;
use crate::hooks::{Hooks, NoHooks};
use crate::id::{BuildRef, BuilderName, CommandId, SessionId, Token, WorkerName};
use crate::input::{Asking, Input};
use crate::master::Master;
use crate::model::{Exit, FinalLog, Finished, StepState, WorkerInfo};
use crate::record::Record;
use crate::state::{State, Tables};
use crate::time::{Span, Timestamp};

/// What came out of one input.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Said {
    /// Facts.
    pub records: Vec<Record>,
    /// Orders.
    pub actions: Vec<Action>,
}

impl Said {
    /// One line for each fact, then for each order.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.records.iter().map(line).chain(self.actions.iter().map(action_line)).collect()
    }
}

/// A master under test.
pub struct Harness {
    /// What is tested.
    pub master: Master,
    /// The present moment; tests move it.
    pub now: Timestamp,
    hooks: Box<dyn Hooks>,
    transcript: Vec<String>,
    records: Vec<Record>,
    next_token: u64,
    next_session: u64,
    checked: bool,
}

impl Harness {
    /// A fresh master at moment 0, without functions.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self::with_hooks(config, Box::new(NoHooks))
    }

    /// A fresh master at moment 0.
    #[must_use]
    pub fn with_hooks(config: Config, hooks: Box<dyn Hooks>) -> Self {
        let mut out = Outbox::new();
        let now = Timestamp(0);
        let configs = vec![Arc::new(config)];
        let master = Master::restore(configs, Tables::default(), now, &*hooks, &mut out);
        let mut harness = Self {
            master,
            now,
            hooks,
            transcript: Vec::new(),
            records: Vec::new(),
            next_token: 1,
            next_session: 1,
            checked: true,
        };
        harness.keep(&mut out);
        harness
    }

    /// Leaves out the check of the laws after each input, which costs as much as the state is large.
    #[must_use]
    pub fn unchecked(mut self) -> Self {
        self.checked = false;
        self
    }

    /// Says one input now.
    ///
    /// # Panics
    /// When the state does not equal itself after a trip through its tables.
    pub fn say(&mut self, input: Input) -> Said {
        let mut out = Outbox::new();
        self.master.handle(self.now, input, &*self.hooks, &mut out);
        self.keep(&mut out)
    }

    fn keep(&mut self, out: &mut Outbox) -> Said {
        let (records, actions) = out.take();
        let said = Said { records, actions };
        self.transcript.extend(said.lines());
        self.records.extend(said.records.iter().cloned());
        if self.checked {
            let state = self.master.state();
            let again = State::from_tables(state.tables());
            assert!(again == *state, "load(tables) == state does not hold");
        }
        said
    }

    /// Lets time pass; every deadline on the way comes at its own moment.
    pub fn pass(&mut self, span: Span) -> Vec<Said> {
        let end = self.now + span;
        let mut all = Vec::new();
        while let Some(at) = self.master.next_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            all.push(self.say(Input::Timeout));
        }
        self.now = end;
        all
    }

    /// The master dies and comes back from its tables, with the same configuration and these older ones. What is not
    /// stored is gone.
    pub fn restart(&mut self, older: Vec<Arc<Config>>) -> Said {
        let tables = self.master.state().tables();
        let mut configs = older;
        configs.push(Arc::clone(self.master.config()));
        let mut out = Outbox::new();
        self.master = Master::restore(configs, tables, self.now, &*self.hooks, &mut out);
        self.keep(&mut out)
    }

    /// All lines since the last call.
    pub fn transcript(&mut self) -> Vec<String> {
        std::mem::take(&mut self.transcript)
    }

    /// All records since the last call.
    pub fn records(&mut self) -> Vec<Record> {
        std::mem::take(&mut self.records)
    }

    /// Somebody who asks, as `ana`, with a fresh token and no id.
    pub fn asking(&mut self) -> Asking {
        let token = Token(self.next_token);
        self.next_token += 1;
        Asking { token, request_id: String::new(), who: "ana".to_owned() }
    }

    /// A worker dials in from its own folder and holds nothing. Gives back the session.
    pub fn connect(&mut self, worker: &str) -> SessionId {
        self.attach(worker, worker, Vec::new()).0
    }

    /// A worker dials in.
    pub fn attach(
        &mut self,
        worker: &str,
        instance: &str,
        held: Vec<(CommandId, bool)>,
    ) -> (SessionId, Said) {
        let session = SessionId(self.next_session);
        self.next_session += 1;
        let said = self.say(Input::WorkerAttached {
            session,
            name: WorkerName::from(worker),
            instance: instance.to_owned(),
            info: WorkerInfo::default(),
            held,
        });
        (session, said)
    }

    /// A session ends.
    pub fn detach(&mut self, session: SessionId) -> Said {
        self.say(Input::WorkerDetached { session })
    }

    /// `ana` forces a builder.
    pub fn force(&mut self, builder: &str) -> Said {
        self.force_with(builder, Vec::new(), &[])
    }

    /// `ana` forces a builder at these stamps and with these properties.
    pub fn force_with(
        &mut self,
        builder: &str,
        stamps: Vec<SourceStamp>,
        properties: &[(&str, &str)],
    ) -> Said {
        let asking = self.asking();
        let properties: BTreeMap<_, _> = properties
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        self.say(Input::ForceRequested {
            asking,
            builders: vec![BuilderName::from(builder)],
            scheduler: None,
            stamps,
            commits: Vec::new(),
            properties,
            reason: String::new(),
            priority: None,
            external_id: String::new(),
        })
    }

    /// A hook submits changes.
    pub fn submit(&mut self, changes: Vec<NewChange>) -> Said {
        let asking = self.asking();
        self.say(Input::ChangesSubmitted { asking, changes, commits: Vec::new() })
    }

    /// `ana` stops a build.
    pub fn stop(&mut self, build: &str, reason: &str, kill: bool) -> Said {
        let asking = self.asking();
        let build = reference(build);
        self.say(Input::StopRequested { asking, build, reason: reason.to_owned(), kill })
    }

    /// The command that a build runs now.
    #[must_use]
    pub fn command(&self, build: &str) -> Option<CommandId> {
        let build = self.master.state().build_by_ref(&reference(build))?;
        let step = build.steps.iter().find(|step| step.state() == StepState::Running)?;
        step.command
    }

    /// The command that a build runs now exits.
    ///
    /// # Panics
    /// When the build runs no command.
    pub fn exit(&mut self, session: SessionId, build: &str, code: i32) -> Said {
        self.end(session, build, Exit::Exited(code), Vec::new())
    }

    /// The command that a build runs now ends.
    ///
    /// # Panics
    /// When the build runs no command.
    pub fn end(
        &mut self,
        session: SessionId,
        build: &str,
        exit: Exit,
        properties: Vec<(String, serde_json::Value)>,
    ) -> Said {
        let command = self.command(build).expect("the build runs a command");
        self.finish(session, finished(command, exit, properties, self.now))
    }

    /// A worker says how a command ended.
    pub fn finish(&mut self, session: SessionId, finished: Finished) -> Said {
        self.say(Input::CommandFinished { session, finished: Box::new(finished) })
    }
}

/// The end of a command, with one empty log.
fn finished(
    command: CommandId,
    exit: Exit,
    properties: Vec<(String, serde_json::Value)>,
    at: Timestamp,
) -> Finished {
    let stdio = FinalLog { name: "stdio".to_owned(), bytes: 0, lines: 0, dropped: 0 };
    let started_at = Some(at);
    Finished { logs: vec![stdio], properties, started_at, ..Finished::bare(command, exit, at) }
}

fn reference(text: &str) -> BuildRef {
    let (builder, number) = text.rsplit_once('#').expect("a reference is BUILDER#NUMBER");
    let number = number.parse().expect("a build's number is a number");
    BuildRef { builder: BuilderName::from(builder), number }
}
