//! The stage: a core, both stores behind it, and the clock.

mod ended;
mod history;
mod verbs;
mod words;

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::Arc;

use linn_core::action::Action;
use linn_core::config::Config;
use linn_core::ctx::Outbox;
use linn_core::id::SessionId;
use linn_core::input::Input;
use linn_core::master::Master;
use linn_core::plan;
use linn_core::record::Record;
use linn_core::testing;
use linn_core::time::{Span, Timestamp};
use linn_master::config::{self, Library, Loaded, Origin};
use linn_master::store::{MemoryStore, SqliteStore, Store};

use super::Event;
use super::view;
pub(super) use words::hypothetical;

/// Where a scenario's clock begins: 2026-01-01T00:00:00Z, in milliseconds.
const BEGIN: Timestamp = Timestamp(1_767_225_600_000);

/// A running scenario.
pub struct Stage {
    /// Every configuration followed so far, the present one last.
    configs: Vec<Arc<Config>>,
    /// Texts of configurations to come.
    later: VecDeque<String>,
    hooks: Library,
    master: Master,
    memory: MemoryStore,
    sqlite: SqliteStore,
    folder: tempfile::TempDir,
    now: Timestamp,
    /// There is no master: no deadline is kept.
    down: bool,
    sessions: BTreeMap<String, SessionId>,
    /// The session that a worker had before another that may be refused.
    displaced: BTreeMap<SessionId, (String, SessionId)>,
    last_session: u64,
    last_token: u64,
    /// Outcomes of the event that is being played.
    came: Vec<String>,
}

impl Stage {
    /// Evaluates a configuration and sets a master up with it; each `reload` follows the next of `later`.
    ///
    /// # Errors
    /// What is wrong with the configuration, or with the stores.
    pub fn new(config: &str, later: &[String]) -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let loaded = evaluate(folder.path(), config)?;
        let hooks = Library::new();
        hooks.insert(Arc::clone(&loaded.generation));
        let mut sqlite = SqliteStore::open(folder.path()).map_err(|error| error.to_string())?;
        let mut memory = MemoryStore::new();
        let mut out = Outbox::new();
        let tables = memory.load().map_err(|error| error.to_string())?;
        let master =
            Master::restore(vec![Arc::clone(&loaded.config)], tables, BEGIN, &hooks, &mut out);
        let (records, _) = out.take();
        for store in [&mut memory as &mut dyn Store, &mut sqlite] {
            store.commit(BEGIN, &records).map_err(|error| error.to_string())?;
        }
        Ok(Self {
            configs: vec![loaded.config],
            later: later.iter().cloned().collect(),
            hooks,
            master,
            memory,
            sqlite,
            folder,
            now: BEGIN,
            down: false,
            sessions: BTreeMap::new(),
            displaced: BTreeMap::new(),
            last_session: 0,
            last_token: 0,
            came: Vec::new(),
        })
    }

    /// Plays one event at its time, with every timeout that falls due before it; answers the transcript.
    ///
    /// # Errors
    /// When the event is no event, or a law is broken.
    pub fn play(&mut self, event: &Event) -> Result<Vec<String>, String> {
        self.came.clear();
        let at = BEGIN + event.at;
        if at < self.now {
            return Err("time does not go back".into());
        }
        while let Some(due) = self.master.next_timeout().filter(|due| *due <= at && !self.down) {
            self.now = self.now.max(due);
            self.came.push(format!("@{}", self.now - BEGIN));
            self.input(Input::Timeout)?;
        }
        self.now = at;
        match event.verb.as_str() {
            "restart" => self.restart(),
            _ if self.down => Err("there is no master".into()),
            "tick" => Ok(()),
            "down" => {
                self.down = true;
                Ok(())
            }
            "reload" => self.reload(),
            "show" if event.words.first().is_some_and(|what| what == "plan") => self.plan(),
            "show" if event.words.first().is_some_and(|what| what == "retention") => {
                self.show_retention()
            }
            "retention" => self.retain("kim"),
            "show" => view::show(&self.master, &self.hooks, self.now, event)
                .map(|lines| self.came.extend(lines)),
            _ => self.read(event).and_then(|input| self.input(input)),
        }?;
        Ok(std::mem::take(&mut self.came))
    }

    /// Gives the core an input, the stores its records, and the transcript what came out.
    fn input(&mut self, input: Input) -> Result<(), String> {
        let mut out = Outbox::new();
        self.master.handle(self.now, input, &self.hooks, &mut out);
        let due = out.actions().contains(&Action::ReadHistory);
        self.commit(&mut out)?;
        if due { self.retain("") } else { Ok(()) }
    }

    fn commit(&mut self, out: &mut Outbox) -> Result<(), String> {
        let (records, actions) = out.take();
        for store in [&mut self.memory as &mut dyn Store, &mut self.sqlite] {
            store.commit(self.now, &records).map_err(|error| error.to_string())?;
        }
        let line = |record: &Record| match record {
            // A digest says nothing to a reader, and changes with every blank.
            Record::ConfigApplied { .. } => format!("config_applied number {}", self.configs.len()),
            record => testing::line(record),
        };
        self.came.extend(records.iter().map(line));
        self.came.extend(actions.iter().map(testing::action_line));
        for action in &actions {
            if let Action::RefuseWorker { session, .. } | Action::CloseSession { session } = action
            {
                self.sessions.retain(|_, open| open != session);
            }
            // Who was refused did not take the place of the one who is there.
            if let Action::RefuseWorker { session, .. } = action
                && let Some((name, before)) = self.displaced.remove(session)
            {
                self.sessions.insert(name, before);
            }
        }
        self.law()
    }

    /// `load(tables) == state`, for both stores.
    fn law(&mut self) -> Result<(), String> {
        let state = self.master.state().tables();
        for (name, store) in
            [("memory", &mut self.memory as &mut dyn Store), ("sqlite", &mut self.sqlite)]
        {
            let loaded = store.load().map_err(|error| error.to_string())?;
            if loaded != state {
                return Err(format!(
                    "the {name} store differs from the state:\n{}",
                    view::differ(&loaded, &state)
                ));
            }
        }
        Ok(())
    }

    /// The master crashes and comes back: everything but what was committed is gone.
    fn restart(&mut self) -> Result<(), String> {
        let tables = self.sqlite.load().map_err(|error| error.to_string())?;
        let mut out = Outbox::new();
        let configs = self.configs.clone();
        self.master = Master::restore(configs, tables, self.now, &self.hooks, &mut out);
        self.down = false;
        self.sessions.clear();
        self.commit(&mut out)
    }

    /// The next configuration is followed, unless it has mistakes.
    fn reload(&mut self) -> Result<(), String> {
        let text = self.later.pop_front().ok_or("no further configuration follows the events")?;
        let loaded = match evaluate(self.folder.path(), &text) {
            Ok(loaded) => loaded,
            Err(problems) => {
                let folder = format!("{}/", self.folder.path().display());
                let shown = problems.replace(&folder, "");
                self.came.extend(shown.lines().map(|line| format!("refused: {line}")));
                return Ok(());
            }
        };
        self.hooks.insert(Arc::clone(&loaded.generation));
        self.configs.push(Arc::clone(&loaded.config));
        self.input(Input::Reconfigured(loaded.config))
    }

    /// What following the next configuration would change.
    fn plan(&mut self) -> Result<(), String> {
        let text = self.later.front().ok_or("no further configuration follows the events")?;
        let next = evaluate(self.folder.path(), text)?.config;
        let plan = plan::plan(self.master.config(), &next, &plan::Work::of(self.master.state()));
        if plan.is_empty() {
            self.came.push("no changes".to_owned());
        }
        self.came.extend(plan.iter().map(ToString::to_string));
        Ok(())
    }
}

/// Evaluates a configuration's text, as `master.star` in a folder.
///
/// # Errors
/// Every problem of the text.
pub fn evaluate(folder: &Path, text: &str) -> Result<Loaded, String> {
    let file = folder.join("master.star");
    std::fs::write(&file, text).map_err(|error| error.to_string())?;
    config::load(Origin::File(&file), None).map_err(|problems| problems.to_string())
}

/// The length of time since the beginning of the scenario, for people.
pub(super) fn since_begin(at: Timestamp) -> Span {
    at - BEGIN
}
