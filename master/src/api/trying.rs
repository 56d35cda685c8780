//! `Control.Try`: a patch comes in, finds its codebase, and its base is pinned before the core hears of it (TY-1 to TY-3).

use linn_core::change::{Patch, SourceStamp};
use linn_core::input::Input;
use linn_core::master::Master;
use linn_core::patch::{self, MAX_PATCH_BYTES};
use linn_core::schedule::{self, Plan};
use linn_proto::control as wire;
use tonic::{Response, Status};

use super::control::{ControlDoor, wrong_property};
use super::{gone, status};
use crate::intake;

/// The longest name, branch, revision or repository, in bytes.
const MAX_NAME_BYTES: usize = 4 * 1024;
/// The longest property and comment, in bytes.
const MAX_TEXT_BYTES: usize = 64 * 1024;
/// The most builders, repositories or properties.
const MAX_MANY: usize = 1_000;

impl ControlDoor {
    /// Tries a patch, or tells where it would go.
    ///
    /// # Errors
    /// What is wrong with it, or why it is not possible.
    pub(super) async fn try_patch(
        &self,
        who: String,
        asked: wire::TryRequest,
    ) -> Result<Response<wire::TryAnswer>, Status> {
        check(&asked)?;
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        let patch = patch_of(asked.patch.unwrap_or_default(), &who, &asked.comment)?;
        let builders: Vec<_> = asked.builders.iter().map(|name| name.as_str().into()).collect();
        let scheduler =
            Some(asked.scheduler).filter(|name| !name.is_empty()).map(|name| name.as_str().into());
        let codebase = asked.codebase.map(|name| name.as_str().into());
        let look = move |master: &Master| {
            let config = master.config().clone();
            let (named, codebase) = (scheduler.as_ref(), codebase.as_ref());
            let state = master.state();
            let plan =
                schedule::plan(state, &config, named, builders, codebase, &asked.repositories);
            plan.map(|plan| {
                let repository = schedule::repository_of(&config, &plan.codebase);
                let project = config.codebases.get(&plan.codebase).map(|it| it.project.clone());
                (plan, repository, project.unwrap_or_default(), config)
            })
        };
        let planned = self.0.engine.ask(look).await.map_err(|error| gone(&error))?;
        let (plan, repository, project, config) =
            planned.map_err(|refusal| status::of_refusal(&refusal))?;
        let Plan { scheduler, builders, codebase } = plan;
        let mut answer = wire::TryAnswer {
            accepted: None,
            scheduler: scheduler.to_string(),
            builders: builders.iter().map(ToString::to_string).collect(),
            codebase: codebase.to_string(),
        };
        // Only the configuration says where this master goes to look; what the client tells finds the codebase.
        let mut stamps = vec![SourceStamp {
            codebase,
            repository,
            project,
            branch: given(asked.branch),
            revision: given(asked.revision),
            requested: None,
            patch: Some(patch),
            changes: Vec::new(),
        }];
        let commits = intake::pin(&self.0.dir, &config, &mut stamps).await;
        let commits = commits.map_err(|refusal| status::of_refusal(&refusal))?;
        if asked.dry_run {
            return Ok(Response::new(answer));
        }
        let accepted = self.ask(who, asked.request_id, |asking| Input::TryRequested {
            asking,
            builders,
            scheduler: Some(scheduler),
            stamps,
            commits,
            properties: asked.properties,
            comment: asked.comment,
            external_id: asked.external_id,
        });
        answer.accepted = Some(accepted.await?.into_inner());
        Ok(Response::new(answer))
    }
}

/// The patch as the core has it (PA-1): text, and inside the tree.
fn patch_of(patch: linn_proto::common::Patch, who: &str, comment: &str) -> Result<Patch, Status> {
    if patch.diff.len() > MAX_PATCH_BYTES {
        return Err(status::mistake(format!("the patch is longer than {MAX_PATCH_BYTES} bytes")));
    }
    let diff = String::from_utf8(patch.diff)
        .map_err(|_| status::mistake("the patch is no text: it holds bytes that are not UTF-8"))?;
    let patch = Patch {
        level: patch.level,
        diff,
        author: who.to_owned(),
        comment: comment.to_owned(),
        subdir: patch.subdir,
    };
    patch::check(&patch).map_err(|why| status::mistake(format!("the patch {why}")))?;
    Ok(patch)
}

/// All mistakes in one sentence.
fn check(asked: &wire::TryRequest) -> Result<(), Status> {
    let mut wrong = Vec::new();
    for (what, count) in [
        ("builders", asked.builders.len()),
        ("repositories", asked.repositories.len()),
        ("properties", asked.properties.len()),
    ] {
        if count > MAX_MANY {
            wrong.push(format!("{count} {what} are too many; {MAX_MANY} at most"));
        }
    }
    if asked.comment.len() > MAX_TEXT_BYTES {
        wrong.push(format!("the comment is longer than {MAX_TEXT_BYTES} bytes"));
    }
    for (name, text) in [("the branch", &asked.branch), ("the base revision", &asked.revision)] {
        let text = text.as_deref().unwrap_or("");
        if text.len() > MAX_NAME_BYTES {
            wrong.push(format!("{name} is longer than {MAX_NAME_BYTES} bytes"));
        } else if text.chars().any(char::is_control) {
            wrong.push(format!("{name} holds control characters"));
        } else if text.starts_with('-') {
            wrong.push(format!("{name} starts with `-`"));
        }
    }
    wrong.extend(asked.properties.keys().filter_map(|name| wrong_property(name)));
    if wrong.is_empty() { Ok(()) } else { Err(status::mistake(wrong.join("; "))) }
}
