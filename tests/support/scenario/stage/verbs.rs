//! The verbs of a scenario become inputs of the core.

use linn_core::id::{CommandId, RequestId, SessionId, Token, WorkerName};
use linn_core::input::{Asking, Input, WorkerVerb};
use linn_core::model::{Build, Url, WorkerInfo};

use super::Stage;
use super::words::{change, commits, number, patched, polled, reference, resolved, stamps};
use crate::scenario::Event;

impl Stage {
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
    pub(super) fn read(&mut self, event: &Event) -> Result<Input, String> {
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

    pub(super) fn running(&self, event: &Event) -> Result<CommandId, String> {
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
}
