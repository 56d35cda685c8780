//! Changing things: each verb becomes one input, is answered after the commit, and carries the number to wait for.

use std::collections::BTreeMap;
use std::sync::Arc;

use linn_core::action::Answer;
use linn_core::change::SourceStamp;
use linn_core::id::{BuilderName, CodebaseName, RequestId, SchedulerName, SourceName, Token};
use linn_core::input::{Asking, Input, WorkerVerb};
use linn_core::master::Master;
use linn_core::model::Build;
use linn_core::patch::MAX_PATCH_BYTES;
use linn_proto::control::control_server::Control;
use linn_proto::control::{self as wire, Accepted};
use linn_proto::entity::Entity;
use tonic::{Request, Response, Status};

use super::key::Key;
use super::peer::caller;
use super::reference::{self, BuildNamed};
use super::{Doors, console, gone, reconfigure, retention, status};
use crate::engine::Answered;
use crate::form::{self, Read, Typed};
use crate::intake::{self, Choice, Chosen, Learnt};
use crate::source::PollError;

/// The longest reason and property, in bytes.
const MAX_TEXT_BYTES: usize = 64 * 1024;
/// The longest name, branch, revision or repository, in bytes.
const MAX_NAME_BYTES: usize = 4 * 1024;
/// The most builders, codebases or properties of one force.
const MAX_MANY: usize = 1_000;
/// The longest id of an asking, in bytes.
const MAX_REQUEST_ID_BYTES: usize = 200;

/// Serves those who change things.
pub(super) struct ControlDoor(pub(super) Arc<Doors>);

/// A form as the core gets it.
struct Filled {
    stamps: Vec<SourceStamp>,
    commits: Learnt,
    properties: BTreeMap<String, String>,
}

type Answering = Result<Response<Accepted>, Status>;

#[tonic::async_trait]
impl Control for ControlDoor {
    async fn force(&self, request: Request<wire::ForceRequest>) -> Answering {
        let who = caller(&request, &self.0.user);
        let force = request.into_inner();
        check_force(&force)?;
        let builders: Vec<_> = force.builders.iter().map(|name| name.as_str().into()).collect();
        let chosen = chosen(&force)?;
        let scheduler = Some(force.scheduler).filter(|name| !name.is_empty());
        let typed = Typed {
            who: who.clone(),
            builders: builders.clone(),
            scheduler: scheduler.clone().map(SchedulerName::from),
            properties: force.properties,
            reason: force.reason.clone(),
            chosen,
        };
        let Filled { stamps, commits, properties } = self.force_stamps(typed).await?;
        self.ask(who, force.request_id, |asking| Input::ForceRequested {
            asking,
            builders,
            scheduler: scheduler.map(SchedulerName::from),
            stamps,
            commits,
            properties,
            reason: force.reason,
            priority: force.priority,
            external_id: force.external_id,
        })
        .await
    }

    async fn r#try(
        &self,
        request: Request<wire::TryRequest>,
    ) -> Result<Response<wire::TryAnswer>, Status> {
        let who = caller(&request, &self.0.user);
        self.try_patch(who, request.into_inner()).await
    }

    async fn rebuild(&self, request: Request<wire::RebuildRequest>) -> Answering {
        let who = caller(&request, &self.0.user);
        let rebuild = request.into_inner();
        limited("reason", &rebuild.reason, MAX_TEXT_BYTES)?;
        let named = reference::build(&rebuild.build)?;
        let build = self.build(named).await?;
        let asked_for = match build.clone() {
            Some(build) => self.0.query(move |queries| queries.asked_for(&build)).await?,
            None => None,
        };
        let (latest, commits) = match &build {
            Some(build) if rebuild.latest => {
                let (stamps, commits) = self.latest(build).await?;
                (Some(stamps), commits)
            }
            _ => (None, Vec::new()),
        };
        self.ask(who, rebuild.request_id, |asking| Input::RebuildRequested {
            asking,
            named: build.as_ref().map_or(rebuild.build, |build| build.reference().to_string()),
            build: build.map(Box::new),
            asked_for,
            latest,
            commits,
            reason: rebuild.reason,
        })
        .await
    }

    async fn stop(&self, request: Request<wire::StopRequest>) -> Answering {
        let who = caller(&request, &self.0.user);
        let stop = request.into_inner();
        reasoned(&stop.reason)?;
        let build = match reference::build(&stop.build)? {
            BuildNamed::Exactly(build) => build,
            BuildNamed::Newest(builder) => {
                let newest = self.build(BuildNamed::Newest(builder.clone())).await?;
                newest.map(|build| build.reference()).ok_or_else(|| no_build(&builder))?
            }
        };
        self.ask(who, stop.request_id, |asking| Input::StopRequested {
            asking,
            build,
            reason: stop.reason,
            kill: stop.kill,
        })
        .await
    }

    async fn cancel(&self, request: Request<wire::CancelRequest>) -> Answering {
        let who = caller(&request, &self.0.user);
        let cancel = request.into_inner();
        reasoned(&cancel.reason)?;
        self.ask(who, cancel.request_id, |asking| Input::CancelRequested {
            asking,
            request: RequestId(cancel.request),
            reason: cancel.reason,
        })
        .await
    }

    async fn set_priority(&self, request: Request<wire::SetPriorityRequest>) -> Answering {
        let who = caller(&request, &self.0.user);
        let set = request.into_inner();
        self.ask(who, set.request_id, |asking| Input::PriorityRequested {
            asking,
            request: RequestId(set.request),
            priority: set.priority,
        })
        .await
    }

    async fn worker_control(&self, request: Request<wire::WorkerControlRequest>) -> Answering {
        let who = caller(&request, &self.0.user);
        let control = request.into_inner();
        limited("reason", &control.reason, MAX_TEXT_BYTES)?;
        let verb = match control.verb() {
            wire::WorkerVerb::Pause => WorkerVerb::Pause,
            wire::WorkerVerb::Resume => WorkerVerb::Resume,
            wire::WorkerVerb::Drain => WorkerVerb::Drain,
            wire::WorkerVerb::Unspecified => {
                return Err(status::mistake(
                    "say what to do with the worker: pause, resume or drain",
                ));
            }
        };
        let worker = reference::name(&control.worker, "a worker")?.into();
        self.ask(who, control.request_id, |asking| Input::WorkerControlled {
            asking,
            worker,
            verb,
            reason: control.reason,
        })
        .await
    }

    async fn scheduler_control(
        &self,
        request: Request<wire::SchedulerControlRequest>,
    ) -> Answering {
        let who = caller(&request, &self.0.user);
        let control = request.into_inner();
        let scheduler = reference::name(&control.scheduler, "a scheduler")?.into();
        self.ask(who, control.request_id, |asking| Input::SchedulerControlled {
            asking,
            scheduler,
            enabled: control.enabled,
        })
        .await
    }

    async fn pin(&self, request: Request<wire::PinRequest>) -> Answering {
        let who = caller(&request, &self.0.user);
        let pin = request.into_inner();
        if let Some(reason) = &pin.reason {
            reasoned(reason)?;
        }
        let named = reference::build(&pin.build)?;
        let build = console::build(&self.0, named).await?;
        self.ask(who, pin.request_id, |asking| Input::PinRequested {
            asking,
            named: build.reference().to_string(),
            build: Some(Box::new(build)),
            reason: pin.reason,
        })
        .await
    }

    async fn retention(
        &self,
        request: Request<wire::RetentionRequest>,
    ) -> Result<Response<wire::RetentionReply>, Status> {
        let who = caller(&request, &self.0.user);
        retention::answer(&self.0, who, request.get_ref().now).await.map(Response::new)
    }

    async fn poll_source(&self, request: Request<wire::PollSourceRequest>) -> Answering {
        let who = caller(&request, &self.0.user);
        let source = SourceName::from(reference::name(&request.get_ref().source, "a source")?);
        let promise = self.0.engine.promise();
        let asking = Asking { token: promise.token, request_id: String::new(), who };
        let ending = self.0.sources.poll(&source, Some(asking)).map_err(|error| match error {
            PollError::Unknown(_) => {
                status::unknown(error.to_string(), "`linn sources` lists them")
            }
            PollError::Busy(_) => status::not_now(error.to_string(), "", "ask again in a moment"),
            PollError::Ending(_) => status::away(error.to_string()),
        })?;
        let answered = tokio::select! {
            answered = promise.answer() => answered.map_err(|error| gone(&error))?,
            () = ending.cancelled() => {
                let what = format!("the change source `{source}` began anew, as master.star changed");
                return Err(status::not_now(what, "", "ask again"));
            }
        };
        self.accepted(answered)
    }

    async fn reconfigure(
        &self,
        request: Request<wire::ReconfigureRequest>,
    ) -> Result<Response<wire::Reconfigured>, Status> {
        let who = caller(&request, &self.0.user);
        reconfigure::answer(&self.0, who, request.into_inner()).await.map(Response::new)
    }

    async fn shutdown(&self, request: Request<wire::ShutdownRequest>) -> Answering {
        tracing::info!(who = caller(&request, &self.0.user), "asked to end");
        self.0.asked_to_end.cancel();
        let seq = self.0.hub.seq();
        Ok(Response::new(Accepted { seq, ..Accepted::default() }))
    }
}

impl ControlDoor {
    pub(super) async fn ask(
        &self,
        who: String,
        request_id: String,
        input: impl FnOnce(Asking) -> Input,
    ) -> Answering {
        limited("request id", &request_id, MAX_REQUEST_ID_BYTES)?;
        let make = |token: Token| input(Asking { token, request_id, who });
        let answered = self.0.engine.request(make).await.map_err(|error| gone(&error))?;
        self.accepted(answered)
    }

    fn accepted(&self, answered: Answered) -> Answering {
        let keys: Vec<Key> = match answered.answer {
            Answer::Accepted { made } => made.iter().map(Key::from).collect(),
            Answer::Changes(ids) => ids.iter().map(|id| Key::Change(id.0)).collect(),
            Answer::Refused(refusal) => return Err(status::of_refusal(&refusal)),
        };
        let entities = self.0.hub.get_all(&keys);
        Ok(Response::new(Accepted {
            seq: answered.seq,
            made: keys.iter().map(Key::entity_id).collect(),
            entities: entities.iter().map(|entity| Entity::clone(entity)).collect(),
        }))
    }

    /// A stamp for each codebase of the builders, pinned (SS-3).
    async fn force_stamps(&self, typed: Typed) -> Result<Filled, Status> {
        let look = |master: &Master| {
            let config = master.config().clone();
            let read = form::read(master.state(), &config, typed);
            (config, read)
        };
        let (config, read) = self.0.engine.ask(look).await.map_err(|error| gone(&error))?;
        let Read { builders, chosen, properties } =
            read.map_err(|refusal| status::of_refusal(&refusal))?;
        let Some(chosen) = chosen else {
            return Ok(Filled { stamps: Vec::new(), commits: Vec::new(), properties });
        };
        let stamps = intake::stamps_of(&config, &builders, chosen);
        let mut stamps = stamps.map_err(|refusal| status::of_refusal(&refusal))?;
        let commits = intake::pin(&self.0.dir, &config, &mut stamps).await;
        let commits = commits.map_err(|refusal| status::of_refusal(&refusal))?;
        Ok(Filled { stamps, commits, properties })
    }

    /// The tips of a build's branches, pinned.
    async fn latest(&self, build: &Build) -> Result<(Vec<SourceStamp>, Learnt), Status> {
        let mut stamps: Vec<_> = build
            .stamps
            .iter()
            .map(|stamp| SourceStamp {
                revision: None,
                requested: None,
                changes: Vec::new(),
                ..stamp.clone()
            })
            .collect();
        let config = self.0.engine.ask(|master| master.config().clone()).await;
        let config = config.map_err(|error| gone(&error))?;
        let learnt = intake::pin(&self.0.dir, &config, &mut stamps).await;
        Ok((stamps, learnt.map_err(|refusal| status::of_refusal(&refusal))?))
    }

    /// A build from history, where every build is.
    async fn build(&self, named: BuildNamed) -> Result<Option<Build>, Status> {
        self.0
            .query(move |queries| match &named {
                BuildNamed::Exactly(build) => queries.build(build),
                BuildNamed::Newest(builder) => queries.newest_build(builder),
            })
            .await
    }
}

fn no_build(builder: &BuilderName) -> Status {
    let shown = builder.as_str().escape_debug();
    status::unknown(format!("`{shown}` has no build"), "`linn builders` lists the builders")
}

/// Why nobody can have meant a property's name that they typed, as a clause; the rule of `master.star` for parameters.
pub(super) fn wrong_property(name: &str) -> Option<String> {
    /// Longer ones are no names.
    const MOST: usize = 256;
    let shown = || name.chars().take(MOST).collect::<String>().escape_debug().to_string();
    let odd = |c: char| c.is_whitespace() || c.is_control() || c == '=';
    (name.is_empty() || name.len() > MOST || name.contains(odd)).then(|| {
        format!(
            "`{}` cannot be the name of a property: at most {MOST} bytes, no blanks, no `=`",
            shown()
        )
    })
}

/// All mistakes of a force in one sentence.
fn check_force(force: &wire::ForceRequest) -> Result<(), Status> {
    let mut wrong = Vec::new();
    if force.builders.is_empty() && force.scheduler.is_empty() {
        wrong.push("name at least one builder, or a scheduler for all of its builders".to_owned());
    }
    for (what, count) in [
        ("builders", force.builders.len()),
        ("codebases", force.codebases.len()),
        ("properties", force.properties.len()),
    ] {
        if count > MAX_MANY {
            wrong.push(format!("{count} {what} are too many; {MAX_MANY} at most"));
        }
    }
    let mut text = |name: &str, text: &str, most: usize, free: bool| {
        if text.len() > most {
            wrong.push(format!("{name} is longer than {most} bytes"));
        } else if !free && text.chars().any(char::is_control) {
            wrong.push(format!("{name} holds control characters"));
        } else if !free && text.starts_with('-') {
            wrong.push(format!("{name} starts with `-`"));
        }
    };
    text("the reason", &force.reason, MAX_TEXT_BYTES, true);
    text("the branch", force.branch.as_deref().unwrap_or(""), MAX_NAME_BYTES, false);
    text("the revision", force.revision.as_deref().unwrap_or(""), MAX_NAME_BYTES, false);
    for choice in &force.codebases {
        text("a codebase's name", &choice.codebase, MAX_NAME_BYTES, false);
        text("a codebase's branch", choice.branch.as_deref().unwrap_or(""), MAX_NAME_BYTES, false);
        let revision = choice.revision.as_deref().unwrap_or("");
        text("a codebase's revision", revision, MAX_NAME_BYTES, false);
        let repository = choice.repository.as_deref().unwrap_or("");
        text("a codebase's repository", repository, MAX_NAME_BYTES, false);
    }
    for (name, value) in &force.properties {
        // A form may ask for a patch; the core knows which may be how long.
        text(&format!("property `{}`", name.escape_debug()), value, MAX_PATCH_BYTES, true);
    }
    wrong.extend(force.properties.keys().filter_map(|name| wrong_property(name)));
    if wrong.is_empty() { Ok(()) } else { Err(status::mistake(wrong.join("; "))) }
}

/// What a force says of codebases. Empty texts say nothing.
fn chosen(force: &wire::ForceRequest) -> Result<Chosen, Status> {
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let mut chosen = Chosen::default();
    chosen.only.branch = given(&force.branch);
    chosen.only.revision = given(&force.revision);
    for one in &force.codebases {
        let name = CodebaseName::from(one.codebase.as_str());
        if chosen.named.iter().any(|(other, _)| *other == name) {
            return Err(status::mistake(format!("codebase `{name}` is given twice")));
        }
        let choice = Choice {
            branch: given(&one.branch),
            revision: given(&one.revision),
            repository: given(&one.repository),
            project: given(&one.project),
        };
        chosen.named.push((name, choice));
    }
    Ok(chosen)
}

/// C23.
fn reasoned(reason: &str) -> Result<(), Status> {
    if reason.trim().is_empty() {
        return Err(status::mistake("say why: a reason is needed"));
    }
    limited("reason", reason, MAX_TEXT_BYTES)
}

fn limited(name: &str, text: &str, most: usize) -> Result<(), Status> {
    if text.len() > most {
        return Err(status::mistake(format!("the {name} is longer than {most} bytes")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_force_with_many_mistakes_names_them_all() {
        let force = wire::ForceRequest {
            branch: Some("--upload-pack=x".to_owned()),
            revision: Some("a\nb".to_owned()),
            ..wire::ForceRequest::default()
        };
        let status = check_force(&force).unwrap_err();
        for part in ["at least one builder", "the branch starts with `-`", "the revision holds"] {
            assert!(status.message().contains(part), "{}", status.message());
        }
    }

    /// C23.
    #[test]
    fn a_reason_is_needed() {
        assert_eq!(reasoned("  ").unwrap_err().code(), tonic::Code::InvalidArgument);
        assert!(reasoned("wrong branch").is_ok());
    }

    #[test]
    fn a_codebase_is_given_once() {
        let one = wire::CodebaseChoice { codebase: "app".to_owned(), ..Default::default() };
        let force = wire::ForceRequest { codebases: vec![one.clone(), one], ..Default::default() };
        assert!(chosen(&force).is_err());
    }
}
