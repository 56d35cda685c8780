//! The stage: a core, both stores behind it, and the verbs of a scenario turned into inputs.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::Arc;

use linn_core::action::Action;
use linn_core::change::{Change, Commit, NewChange, Patch, SourceStamp};
use linn_core::config::{Config, Limits};
use linn_core::ctx::Outbox;
use linn_core::id::{
    BuildRef, BuildsetId, ChangeId, CodebaseName, CommandId, RequestId, SessionId, Token,
    WorkerName,
};
use linn_core::input::{Asking, Input, Resolution, WorkerVerb};
use linn_core::master::Master;
use linn_core::model::{
    Artifact, Build, Exit, FinalLog, Finished, Said, Test, TestResult, TestResults, Url, WorkerInfo,
};
use linn_core::plan;
use linn_core::record::Record;
use linn_core::retention::{Chosen, Needs, choose};
use linn_core::testing;
use linn_core::time::{Span, Timestamp};
use linn_master::config::{self, Library, Loaded, Origin};
use linn_master::store::{MemoryStore, SqliteStore, Store};

use super::Event;
use super::view;

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

    /// What of history goes now.
    fn chosen(&self) -> Result<Chosen, String> {
        let limits = Limits::new(&self.master.config().retention);
        let queries = self.sqlite.queries();
        let history = queries.history(&limits).map_err(|error| error.to_string())?;
        let needs = Needs::of(self.master.state());
        Ok(choose(&limits, &needs, &history, self.now))
    }

    /// Goes through history as the master's edge does, bite by bite.
    fn retain(&mut self, by: &str) -> Result<(), String> {
        let under = self.master.config().digest.clone();
        for _ in 0..3 {
            let chosen = self.chosen()?;
            let mut bites = chosen.first();
            if chosen.builds.is_empty() {
                bites.extend(chosen.then());
            }
            for bite in bites {
                let (under, bite) = (under.clone(), Box::new(bite));
                self.input(Input::HistoryChosen { under, bite })?;
            }
            if chosen.builds.is_empty() {
                break;
            }
        }
        self.input(Input::HistoryRead { by: by.to_owned(), failed: false })
    }

    /// What would go now, and what stays though it is old.
    fn show_retention(&mut self) -> Result<(), String> {
        let chosen = self.chosen()?;
        for item in chosen.items() {
            let names = item.names.map(|(oldest, newest)| format!(": {oldest} to {newest}"));
            let rule =
                if item.rule.is_empty() { String::new() } else { format!(" ({})", item.rule) };
            let (count, kind) = (item.count, item.kind);
            self.came.push(format!("goes {count} {kind}{rule}{}", names.unwrap_or_default()));
        }
        let builds = chosen.kept.iter();
        let builds = builds.map(|(need, count)| format!("stays {count} builds: {}", need.words()));
        self.came.extend(builds);
        if chosen.changes_kept > 0 {
            self.came.push(format!("stays {} changes", chosen.changes_kept));
        }
        Ok(())
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

    fn asking(&mut self, event: &Event) -> Asking {
        self.last_token += 1;
        Asking {
            token: Token(self.last_token),
            request_id: event.text_of("id"),
            who: event.get("who").unwrap_or("kim").to_owned(),
        }
    }

    fn session(&self, worker: &str) -> Result<SessionId, String> {
        self.sessions.get(worker).copied().ok_or_else(|| format!("{worker} is not attached"))
    }

    /// The input that an event stands for.
    fn read(&mut self, event: &Event) -> Result<Input, String> {
        Ok(match event.verb.as_str() {
            "change" => Input::ChangesSubmitted {
                changes: vec![change(event)?],
                commits: commits(event),
                asking: self.asking(event),
            },
            "poll" => Input::SourcePolled {
                source: event.word(0)?.into(),
                asking: None,
                changes: if event.get("rev").is_some() { vec![polled(event)] } else { Vec::new() },
                tips: event
                    .with_prefix("tip:")
                    .map(|(branch, tip)| (branch.into(), tip.into()))
                    .collect(),
                commits: commits(event).pop().unwrap_or_default(),
            },
            "poll-failed" => Input::SourceFailed {
                source: event.word(0)?.into(),
                asking: None,
                error: event.word(1)?.into(),
            },
            "force" => Input::ForceRequested {
                builders: event.words.iter().map(|name| name.as_str().into()).collect(),
                scheduler: event.get("scheduler").map(Into::into),
                stamps: stamps(event),
                commits: commits(event),
                properties: event
                    .properties()
                    .map(|(name, value)| (name.into(), value.replace("\\n", "\n")))
                    .collect(),
                reason: event.text_of("reason"),
                priority: event.get("priority").map(number).transpose()?,
                external_id: event.text_of("external-id"),
                asking: self.asking(event),
            },
            "try" => Input::TryRequested {
                builders: event.words.iter().map(|name| name.as_str().into()).collect(),
                scheduler: event.get("scheduler").map(Into::into),
                stamps: patched(event, stamps(event)),
                commits: commits(event),
                properties: event
                    .properties()
                    .map(|(name, value)| (name.into(), value.into()))
                    .collect(),
                comment: event.text_of("comment"),
                external_id: event.text_of("external-id"),
                asking: self.asking(event),
            },
            "rebuild" => {
                let named = event.word(0)?.to_owned();
                let build = self.master.state().build_by_ref(&reference(&named)?).cloned();
                let asked_for = build.as_ref().map(|build| self.sqlite.queries().asked_for(build));
                Input::RebuildRequested {
                    asked_for: asked_for.transpose().map_err(|error| error.to_string())?.flatten(),
                    build: build.map(Box::new),
                    named,
                    latest: event.get("latest").map(|_| stamps(event)),
                    commits: commits(event),
                    reason: event.text_of("reason"),
                    asking: self.asking(event),
                }
            }
            "pin" | "unpin" => {
                let named = event.word(0)?.to_owned();
                let build = self.sqlite.queries().build(&reference(&named)?);
                Input::PinRequested {
                    build: build.map_err(|error| error.to_string())?.map(Box::new),
                    named,
                    reason: (event.verb == "pin").then(|| event.text_of("reason")),
                    asking: self.asking(event),
                }
            }
            "stop" => Input::StopRequested {
                build: reference(event.word(0)?)?,
                reason: event.get("reason").unwrap_or("enough").into(),
                kill: event.words.iter().any(|word| word == "kill"),
                asking: self.asking(event),
            },
            "cancel" => Input::CancelRequested {
                request: RequestId(number(event.word(0)?)?),
                reason: event.get("reason").unwrap_or("not wanted").into(),
                asking: self.asking(event),
            },
            "priority" => Input::PriorityRequested {
                request: RequestId(number(event.word(0)?)?),
                priority: number(event.word(1)?)?,
                asking: self.asking(event),
            },
            "pause" | "resume" | "drain" => Input::WorkerControlled {
                worker: event.word(0)?.into(),
                verb: match event.verb.as_str() {
                    "pause" => WorkerVerb::Pause,
                    "drain" => WorkerVerb::Drain,
                    _ => WorkerVerb::Resume,
                },
                reason: event.text_of("reason"),
                asking: self.asking(event),
            },
            "enable" | "disable" => Input::SchedulerControlled {
                scheduler: event.word(0)?.into(),
                enabled: event.verb == "enable",
                asking: self.asking(event),
            },
            "attach" => self.attach(event)?,
            "detach" => {
                let session = self.session(event.word(0)?)?;
                self.sessions.remove(event.word(0)?);
                Input::WorkerDetached { session }
            }
            "started" => {
                let (session, command) = self.command_of(event)?;
                Input::CommandStarted { session, command, at: self.now }
            }
            "property" => {
                let (session, command) = self.command_of(event)?;
                let text = event.word(2)?;
                let value = serde_json::from_str(text).unwrap_or_else(|_| text.into());
                Input::PropertyFound { session, command, name: event.word(1)?.into(), value }
            }
            "link" => {
                let (session, command) = self.command_of(event)?;
                let url = Url { name: event.word(1)?.into(), url: event.word(2)?.into() };
                Input::LinkFound { session, command, url }
            }
            "progress" => {
                let (session, command) = self.command_of(event)?;
                Input::ProgressTold { session, command, share: number(event.word(1)?)? }
            }
            "finish" => self.finish(event)?,
            "ended" => Input::HereFinished { finished: Box::new(self.finished(event)?) },
            "resolved" => resolved(event)?,
            "disk" => Input::DiskState(event.words.first().filter(|word| *word != "ok").cloned()),
            verb => return Err(format!("no event is called `{verb}`")),
        })
    }

    fn attach(&mut self, event: &Event) -> Result<Input, String> {
        let name = event.word(0)?.to_owned();
        self.last_session += 1;
        let session = SessionId(self.last_session);
        if let Some(before) = self.sessions.insert(name.clone(), session) {
            self.displaced.insert(session, (name.clone(), before));
        }
        let held = event.list("held").into_iter().map(|held| {
            let (command, ended) =
                held.strip_suffix('!').map_or((held.as_str(), false), |id| (id, true));
            Ok((CommandId(number(command)?), ended))
        });
        Ok(Input::WorkerAttached {
            session,
            name: WorkerName::from(name.clone()),
            instance: event
                .get("instance")
                .map_or_else(|| format!("folder of {name}"), str::to_owned),
            info: WorkerInfo { platform: "linux-x86_64".into(), ..WorkerInfo::default() },
            held: held.collect::<Result<_, String>>()?,
        })
    }

    /// The command that a build runs now, or `command=N`, and the session it belongs to.
    fn command_of(&self, event: &Event) -> Result<(SessionId, CommandId), String> {
        let command = self.running(event)?;
        let worker = match event.get("worker") {
            Some(worker) => worker,
            None => self.build_of(event)?.worker.as_str(),
        };
        Ok((self.session(worker)?, command))
    }

    fn build_of(&self, event: &Event) -> Result<&Build, String> {
        let build = reference(event.word(0)?)?;
        Ok(self.master.state().build_by_ref(&build).ok_or("there is no such build")?)
    }

    fn running(&self, event: &Event) -> Result<CommandId, String> {
        if let Some(id) = event.get("command") {
            return Ok(CommandId(number(id)?));
        }
        let mut steps = self.build_of(event)?.steps.iter();
        let running = steps.find(|step| step.complete_at.is_none() && step.command.is_some());
        Ok(running.and_then(|step| step.command).ok_or("no command runs")?)
    }

    /// `finish b#1 0`, `finish b#1 lost`, `finish b#1 timeout` ...
    fn finish(&self, event: &Event) -> Result<Input, String> {
        let (session, _) = self.command_of(event)?;
        let finished = Box::new(self.finished(event)?);
        Ok(Input::CommandFinished { session, finished })
    }

    /// How a command ended, of a worker or (`ended b#1 0`) of the master's own machine.
    fn finished(&self, event: &Event) -> Result<Finished, String> {
        let command = self.running(event)?;
        let why = |usual: &str| event.get("why").unwrap_or(usual).to_owned();
        let exit = match event.word(1)? {
            "signal" => Exit::Signalled(number(event.word(2)?)?),
            "silent" => Exit::TimedOutSilent,
            "timeout" => Exit::TimedOut,
            "maxlines" => Exit::MaxLines,
            "interrupted" => Exit::Interrupted,
            "notstarted" => Exit::NotStarted(why("no such program")),
            "failed" => Exit::Failed(why("there is no such branch")),
            "refused" => Exit::Refused(why("the secret x has no value yet")),
            "unanswered" => Exit::Unanswered(why("connection refused")),
            "unfit" => Exit::Unfit(why("its disk is full")),
            "lost" => Exit::Lost(why("its process is gone")),
            code => Exit::Exited(number(code)?),
        };
        let count = |name| event.get(name).map(number).transpose().map(Option::unwrap_or_default);
        let log = FinalLog {
            name: "stdio".into(),
            bytes: count("bytes")?,
            lines: count("lines")?,
            dropped: count("dropped")?,
        };
        // A step that counts none has no such log, and nobody asks for its end.
        let warnings = count("warnings")?;
        let copied =
            FinalLog { name: "warnings".into(), bytes: 20 * warnings, lines: warnings, dropped: 0 };
        let mut properties: Vec<(String, serde_json::Value)> =
            event.properties().map(|(name, value)| (name.to_owned(), value.into())).collect();
        for (codebase, revision) in event.with_prefix("got:") {
            let codebase = codebase.trim_end_matches('.');
            properties.push(("got_revision".into(), serde_json::json!({ codebase: revision })));
        }
        Ok(Finished {
            command,
            exit,
            logs: vec![log, copied],
            properties,
            artifacts: event
                .list("files")
                .iter()
                .map(|file| kept(file))
                .collect::<Result<_, _>>()?,
            captured: event.text_of("out").into_bytes(),
            said: said(event)?,
            started_at: None,
            at: self.now,
        })
    }
}

/// What a command said besides its exit: `err=.. warnings=2 stat:size=12 url:docs=https://.. mistakes=1 mistake=..`, and
/// `tests=3 failed=1 skipped=1 failures=a,b trouble=..`.
fn said(event: &Event) -> Result<Said, String> {
    let count = |name| event.get(name).map(number).transpose().map(Option::unwrap_or_default);
    let statistics =
        event.with_prefix("stat:").map(|(name, value)| Ok((name.to_owned(), number(value)?)));
    let urls = event
        .with_prefix("url:")
        .map(|(name, url)| Url { name: name.to_owned(), url: url.to_owned() });
    let failure = |name: String| Test { name, result: TestResult::Failed, duration: None };
    let tests = if event.get("tests").is_some() || event.get("trouble").is_some() {
        let (total, failed, skipped): (u64, u64, u64) =
            (count("tests")?, count("failed")?, count("skipped")?);
        Some(TestResults {
            total,
            passed: total.saturating_sub(failed + skipped),
            failed,
            skipped,
            failures: event.list("failures").into_iter().map(failure).collect(),
            trouble: event.text_of("trouble"),
        })
    } else {
        None
    };
    Ok(Said {
        captured_err: event.text_of("err").into_bytes(),
        warnings: count("warnings")?,
        urls: urls.collect(),
        statistics: statistics.collect::<Result<_, String>>()?,
        tests,
        mistakes: count("mistakes")?,
        first_mistake: event.text_of("mistake"),
    })
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

/// `NAME:BYTES`: a file of an upload.
fn kept(text: &str) -> Result<Artifact, String> {
    let (name, bytes) = text.rsplit_once(':').ok_or_else(|| format!("`{text}` is no file"))?;
    Ok(Artifact { name: name.to_owned(), bytes: number(bytes)?, sha256: "0".repeat(64) })
}

/// `resolved 3 lib@r9 app!gone`: what the repositories of a buildset answered.
fn resolved(event: &Event) -> Result<Input, String> {
    let answer = |word: &String| {
        if let Some((codebase, revision)) = word.split_once('@') {
            let answer = Resolution { branch: None, revision: revision.to_owned() };
            return Ok((CodebaseName::from(codebase), Ok(answer)));
        }
        let (codebase, why) =
            word.split_once('!').ok_or("an answer is NAME@REVISION or NAME!WHY")?;
        Ok((CodebaseName::from(codebase), Err(why.to_owned())))
    };
    let answers = event.words.iter().skip(1).map(answer).collect::<Result<_, String>>()?;
    let buildset = BuildsetId(number(event.word(0)?)?);
    Ok(Input::StampsResolved { buildset, answers, commits: Vec::new() })
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("`{text}` is no number here"))
}

fn reference(text: &str) -> Result<BuildRef, String> {
    let (builder, number) = text.split_once('#').ok_or_else(|| format!("`{text}` is no build"))?;
    let number = number.parse().map_err(|_| format!("`{text}` is no build"))?;
    Ok(BuildRef { builder: builder.into(), number })
}

/// `-` stands for what is not known.
fn known(text: &str) -> Option<String> {
    (text != "-").then(|| text.to_owned())
}

/// The change that `change BRANCH REVISION ...` would make, for those who only ask.
pub(super) fn hypothetical(event: &Event) -> Result<Change, String> {
    let new = change(event)?;
    Ok(Change {
        id: ChangeId(0),
        key: None,
        author: new.author,
        committer: new.committer,
        comments: new.comments,
        files: new.files,
        branch: new.branch,
        revision: new.revision,
        parents: new.parents,
        repository: new.repository,
        codebase: new.codebase.unwrap_or_else(|| CodebaseName::from("")),
        project: new.project,
        category: new.category,
        revlink: new.revlink,
        when: BEGIN,
        received_at: BEGIN,
        properties: new.properties,
        vcs: new.vcs,
    })
}

/// `change BRANCH REVISION by=.. files=a,b ...`
fn change(event: &Event) -> Result<NewChange, String> {
    Ok(NewChange {
        key: event.get("key").map(str::to_owned),
        author: event.get("by").unwrap_or("ana <ana@example.org>").to_owned(),
        comments: event.text_of("comments"),
        files: event.list("files"),
        branch: known(event.word(event.words.len().saturating_sub(2))?),
        revision: known(event.word(event.words.len().saturating_sub(1))?),
        parents: event.list("parents"),
        repository: event.text_of("repository"),
        codebase: event.get("codebase").map(CodebaseName::from),
        project: event.text_of("project"),
        category: event.text_of("category"),
        properties: event.properties().map(|(name, value)| (name.into(), value.into())).collect(),
        ..NewChange::default()
    })
}

/// `poll SOURCE branch=main rev=r1 repository=..`
fn polled(event: &Event) -> NewChange {
    NewChange {
        key: event.get("key").map(str::to_owned),
        author: event.get("by").unwrap_or("ana <ana@example.org>").to_owned(),
        comments: event.text_of("comments"),
        files: event.list("files"),
        branch: event.get("branch").map(str::to_owned),
        revision: event.get("rev").map(str::to_owned),
        parents: event.list("parents"),
        repository: event.text_of("repository"),
        codebase: event.get("codebase").map(CodebaseName::from),
        vcs: "git".into(),
        ..NewChange::default()
    }
}

/// `graph=r1,r2<r1,r3<r1+r2` of `repository=..`: commits and their parents.
fn commits(event: &Event) -> Vec<(String, Vec<Commit>)> {
    let commits: Vec<_> = event
        .list("graph")
        .iter()
        .map(|commit| {
            let (revision, parents) = commit.split_once('<').unwrap_or((commit, ""));
            let parents =
                parents.split('+').filter(|parent| !parent.is_empty()).map(str::to_owned).collect();
            Commit { revision: revision.to_owned(), parents }
        })
        .collect();
    if commits.is_empty() { Vec::new() } else { vec![(event.text_of("repository"), commits)] }
}

/// `patch=PATH` is a diff that changes a file; a stamp of the default branch where there is none.
fn patched(event: &Event, mut stamps: Vec<SourceStamp>) -> Vec<SourceStamp> {
    let Some(path) = event.get("patch") else { return stamps };
    if stamps.is_empty() {
        stamps.push(SourceStamp {
            codebase: event.text_of("codebase").as_str().into(),
            repository: String::new(),
            project: String::new(),
            branch: None,
            revision: None,
            requested: None,
            patch: None,
            changes: Vec::new(),
        });
    }
    for stamp in &mut stamps {
        stamp.patch = Some(Patch {
            level: 1,
            diff: format!("--- a/{path}\n+++ b/{path}\n@@ -1 +1 @@\n-old\n+new\n"),
            author: "somebody else".to_owned(),
            comment: event.text_of("comment"),
            subdir: String::new(),
        });
    }
    stamps
}

/// `branch=main revision=r1 [codebase=app] [repository=..]`, or `stamp:app=main@r1` once for each codebase.
fn stamps(event: &Event) -> Vec<SourceStamp> {
    let stamp = |codebase: &str, branch: Option<String>, revision: Option<String>| SourceStamp {
        codebase: codebase.into(),
        repository: event.text_of("repository"),
        project: event.text_of("project"),
        branch,
        revision,
        requested: None,
        patch: None,
        changes: Vec::new(),
    };
    let mut stamps: Vec<_> = event
        .with_prefix("stamp:")
        .map(|(codebase, tree)| {
            let (branch, revision) =
                tree.split_once('@').map_or((tree, None), |(b, r)| (b, Some(r)));
            stamp(codebase, known(branch), revision.and_then(known))
        })
        .collect();
    if event.get("branch").is_some() || event.get("revision").is_some() {
        let (branch, revision) = (event.get("branch"), event.get("revision"));
        stamps.push(stamp(
            &event.text_of("codebase"),
            branch.and_then(known),
            revision.and_then(known),
        ));
    }
    stamps
}

/// The length of time since the beginning of the scenario, for people.
pub(super) fn since_begin(at: Timestamp) -> Span {
    at - BEGIN
}
