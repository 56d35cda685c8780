//! Somebody tries what is not published: builds of a base revision with a patch laid over it (TY-1 to TY-3, PA-1, PA-2).

use std::collections::BTreeMap;

use super::{force, is_enabled, order};
use crate::action::Refusal;
use crate::buildset::{self, NewBuildset};
use crate::change::SourceStamp;
use crate::config::{Config, Scheduler, SchedulerKind};
use crate::ctx::Ctx;
use crate::id::{BuilderName, CodebaseName, SchedulerName};
use crate::input::Asking;
use crate::intake::is_same_repository;
use crate::patch;
use crate::properties::{MAX_PROPERTIES, MAX_PROPERTY_BYTES, Origin, Properties};
use crate::state::State;

/// What somebody wants to try.
pub(crate) struct Try {
    pub(crate) builders: Vec<BuilderName>,
    pub(crate) scheduler: Option<SchedulerName>,
    pub(crate) stamps: Vec<SourceStamp>,
    pub(crate) properties: BTreeMap<String, String>,
    pub(crate) comment: String,
    pub(crate) external_id: String,
}

/// Where a try goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    /// Which scheduler takes it.
    pub scheduler: SchedulerName,
    /// Which builders build it.
    pub builders: Vec<BuilderName>,
    /// Over which codebase its patch is laid.
    pub codebase: CodebaseName,
}

/// Opens the buildset of a try, or refuses.
pub(crate) fn try_(ctx: &mut Ctx<'_>, asking: &Asking, asked: Try) {
    let names: Vec<_> = asked.builders.iter().map(BuilderName::as_str).collect();
    let about = names.join(" ");
    match prepare(ctx, asking, asked) {
        Ok(mut new) => {
            let config = ctx.config();
            let scheduler = config.scheduler(&SchedulerName::from(new.scheduler.as_str()));
            if let Some(scheduler) = scheduler {
                new.priority = order::priority(ctx, scheduler, &new.builders, Vec::new());
            }
            let made = buildset::open(ctx, new);
            ctx.accept(asking, made);
        }
        Err(refusal) => ctx.refuse(asking, "try", &about, refusal),
    }
}

fn prepare(ctx: &Ctx<'_>, asking: &Asking, asked: Try) -> Result<NewBuildset, Refusal> {
    let config = ctx.config();
    let (scheduler, builders) =
        find(ctx.state(), &config, asked.scheduler.as_ref(), asked.builders)?;
    let mut given = asked.stamps;
    if given.iter().all(|stamp| stamp.patch.is_none()) {
        return Err(Refusal::mistake("there is no patch to try"));
    }
    for patch in given.iter_mut().filter_map(|stamp| stamp.patch.as_mut()) {
        // TY-3, BM-7: whoever sends it answers for it.
        patch.author.clone_from(&asking.who);
        patch::check(patch).map_err(|why| Refusal::mistake(format!("the patch {why}")))?;
    }
    let stamps = force::stamps(ctx, &config, &builders, given)?;
    let mut properties = Properties::new();
    for (name, value) in &scheduler.properties {
        properties.set(name.clone(), value.clone(), Origin::Scheduler);
    }
    if asked.properties.len() > MAX_PROPERTIES {
        return Err(Refusal::mistake(format!("more than {MAX_PROPERTIES} properties")));
    }
    for (name, text) in &asked.properties {
        if text.len() > MAX_PROPERTY_BYTES {
            let what = format!("{name}: is longer than {MAX_PROPERTY_BYTES} bytes");
            return Err(Refusal::mistake(what));
        }
        properties.set(name.clone(), text.as_str(), Origin::Try);
    }
    // TY-3: by it the client can wait.
    let external_id = match buildset::external_id(asked.external_id)? {
        none if none.is_empty() => asking.request_id.clone(),
        given => given,
    };
    properties.set("owner", asking.who.as_str(), Origin::Try);
    properties.set("scheduler", scheduler.name.as_str(), Origin::Scheduler);
    Ok(NewBuildset {
        reason: sentence(scheduler, &asking.who, &asked.comment),
        scheduler: scheduler.name.to_string(),
        stamps,
        properties,
        builders,
        external_id,
        ..NewBuildset::default()
    })
}

/// TY-3; a scheduler with a reason of its own says that one first. Of a comment the first line is shown: all of it is with
/// the patch.
fn sentence(scheduler: &Scheduler, who: &str, comment: &str) -> String {
    let base = if scheduler.reason.is_empty() {
        format!("'try' job by user {who}")
    } else {
        scheduler.reason.clone()
    };
    match comment.trim().lines().next() {
        Some(first) => format!("{base}: {first}"),
        None => base,
    }
}

/// The scheduler and its builders (TY-2): all of its own when none is named; one that it does not have ends the asking.
fn find<'a>(
    state: &State,
    config: &'a Config,
    named: Option<&SchedulerName>,
    asked: Vec<BuilderName>,
) -> Result<(&'a Scheduler, Vec<BuilderName>), Refusal> {
    let builders = if asked.is_empty() { Vec::new() } else { force::builders(config, asked)? };
    let is_try = |it: &&Scheduler| matches!(it.kind, SchedulerKind::Try);
    let mut all = config.schedulers.iter().filter(is_try);
    if let Some(name) = named
        && !all.clone().any(|it| it.name == *name)
    {
        return Err(Refusal::no_such("try scheduler", name, all.map(|it| it.name.as_str())));
    }
    let mut able = all.clone().filter(|it| {
        named.is_none_or(|name| it.name == *name)
            && builders.iter().all(|builder| it.builders.contains(builder))
    });
    let found = able.clone().find(|it| is_enabled(state, it)).or_else(|| able.next());
    let Some(scheduler) = found else {
        let lacking = builders.iter().find(|builder| !all.any(|it| it.builders.contains(*builder)));
        let quoted: Vec<_> = builders.iter().map(|name| format!("\"{name}\"")).collect();
        let (what, list) = match lacking {
            Some(builder) => {
                (format!("no try scheduler has the builder {builder}"), quoted.join(", "))
            }
            None if builders.is_empty() => {
                ("there is no try scheduler".to_owned(), "...".to_owned())
            }
            None => ("no one try scheduler has all these builders".to_owned(), quoted.join(", ")),
        };
        let hint = format!("add try_scheduler(\"try\", builders = [{list}]) to master.star");
        return Err(Refusal::not_now(what).hint(hint));
    };
    if !is_enabled(state, scheduler) {
        let what = format!("the scheduler {} is disabled", scheduler.name);
        let hint = format!("`linn scheduler enable {}`", scheduler.name);
        return Err(Refusal::not_now(what).hint(hint));
    }
    let builders = if builders.is_empty() { scheduler.builders.clone() } else { builders };
    Ok((scheduler, builders))
}

/// Where a try would go: its codebase is the one that is named, else the one that lives in one of the repositories, else
/// the only one that its builders check out.
///
/// # Errors
/// Nobody takes it, or it is not clear of which codebase it is.
pub fn plan(
    state: &State,
    config: &Config,
    scheduler: Option<&SchedulerName>,
    builders: Vec<BuilderName>,
    codebase: Option<&CodebaseName>,
    repositories: &[String],
) -> Result<Plan, Refusal> {
    let (scheduler, builders) = find(state, config, scheduler, builders)?;
    let mut all: Vec<CodebaseName> = builders
        .iter()
        .filter_map(|name| config.builders.get(name))
        .flat_map(|builder| config.codebases_of(builder))
        .collect();
    all.sort();
    all.dedup();
    let lives_there = |codebase: &&CodebaseName| {
        let own = super::repository_of(config, codebase);
        repositories.iter().any(|told| is_same_repository(told, &own))
    };
    let found = match codebase {
        Some(named) if all.contains(named) => named.clone(),
        Some(named) => {
            return Err(Refusal::no_such("codebase", named, all.iter().map(CodebaseName::as_str)));
        }
        None => match (all.iter().find(lives_there), all.as_slice()) {
            (Some(found), _) => found.clone(),
            (None, [only]) => only.clone(),
            (None, []) => {
                return Err(Refusal::not_now("none of the builders checks anything out")
                    .hint("a patch needs a source step: git(...)"));
            }
            (None, several) => {
                let names: Vec<_> = several.iter().map(|name| format!("`{name}`")).collect();
                return Err(Refusal::mistake("it is not clear of which codebase the patch is")
                    .because(format!("no codebase lives in {}", repositories.join(" or ")))
                    .hint(format!("say --codebase with one of {}", names.join(", "))));
            }
        },
    };
    Ok(Plan { scheduler: scheduler.name.clone(), builders, codebase: found })
}
