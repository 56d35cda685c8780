//! The trigger step: other schedulers' builds, waited for or not (TR-*). Its children are known by its request and its place,
//! so a build that is tried again finds them as they are (LW-3 better).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::buildset::{self, NewBuildset};
use crate::change::SourceStamp;
use crate::config::{Config, Scheduler, SchedulerKind, TriggerSources, TriggerStep};
use crate::ctx::Ctx;
use crate::id::{BuildId, BuildsetId, CodebaseName, RequestId, SchedulerName, StepNumber};
use crate::intake;
use crate::model::{Build, Child, Parent, StepState};
use crate::properties::{Origin, Properties, unfit};
use crate::record::{Record, Subject};
use crate::render::{RenderError, Renderer};
use crate::results::Results;
use crate::schedule::{codebases_of, default_stamp, is_enabled, order, tip_stamp};
use crate::state::State;

/// What a trigger step asks for, rendered.
pub(crate) struct Asked {
    schedulers: Vec<SchedulerName>,
    unimportant: BTreeSet<SchedulerName>,
    properties: Properties,
    sources: Sources,
    wait: bool,
}

enum Sources {
    Same { updated: bool },
    Latest,
    These(BTreeMap<CodebaseName, SourceStamp>),
}

impl Asked {
    /// What the step does, for people.
    pub(crate) fn shown(&self) -> String {
        let names: Vec<_> = self.schedulers.iter().map(SchedulerName::as_str).collect();
        format!("trigger {}", names.join(" "))
    }
}

/// Renders a trigger step against the configuration that is followed now.
pub(crate) fn render(
    renderer: &Renderer<'_>,
    current: &Config,
    step: &TriggerStep,
) -> Result<Asked, RenderError> {
    let names =
        |values: &[crate::config::TemplateValue]| -> Result<Vec<SchedulerName>, RenderError> {
            let texts = values.iter().map(|value| renderer.text("a scheduler", value));
            Ok(texts.collect::<Result<Vec<_>, _>>()?.into_iter().map(SchedulerName::from).collect())
        };
    let schedulers = names(&step.schedulers)?;
    if schedulers.is_empty() {
        return Err(RenderError::new("it names no scheduler"));
    }
    for name in &schedulers {
        match current.scheduler(name) {
            Some(it) if !is_enabled(renderer.state, it) => {
                return Err(RenderError::new(format!("the scheduler {name} is disabled")));
            }
            Some(it) if matches!(it.kind, SchedulerKind::Triggerable) => {}
            Some(_) => {
                return Err(RenderError::new(format!("the scheduler {name} is not triggerable")));
            }
            None => return Err(RenderError::new(format!("there is no scheduler {name}"))),
        }
    }
    let mut properties = Properties::new();
    for name in &step.copy_properties {
        if let Some(value) = renderer.build.properties.get(name) {
            properties.set(name.clone(), value.clone(), Origin::Trigger);
        }
    }
    for (name, value) in &step.set_properties {
        let value = renderer.value(value)?;
        if let Some(why) = unfit(&value) {
            return Err(RenderError::new(format!("the property `{name}` {why}")));
        }
        properties.set(name.clone(), value, Origin::Trigger);
    }
    Ok(Asked {
        unimportant: names(&step.unimportant)?.into_iter().collect(),
        schedulers,
        properties,
        sources: match &step.sources {
            TriggerSources::Same { updated } => Sources::Same { updated: *updated },
            TriggerSources::Latest => Sources::Latest,
            TriggerSources::These(stamps) => Sources::These(given(&renderer.value(stamps)?)?),
        },
        wait: step.wait_for_finish,
    })
}

/// Stamps that a recipe gives.
fn given(value: &Value) -> Result<BTreeMap<CodebaseName, SourceStamp>, RenderError> {
    let wrong = || RenderError::new("source_stamps must be a list of dictionaries of texts");
    let one = |value: &Value| -> Result<(CodebaseName, SourceStamp), RenderError> {
        let stamp = value.as_object().ok_or_else(wrong)?;
        let known = ["codebase", "repository", "project", "branch", "revision", "got_revision"];
        if let Some(other) = stamp.keys().find(|key| !known.contains(&key.as_str())) {
            return Err(RenderError::new(format!("a source stamp has no `{other}`")));
        }
        let text = |name: &str| match stamp.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(wrong()),
        };
        let codebase = CodebaseName::from(text("codebase")?.unwrap_or_default());
        let stamp = SourceStamp {
            codebase: codebase.clone(),
            repository: text("repository")?.unwrap_or_default(),
            project: text("project")?.unwrap_or_default(),
            branch: text("branch")?,
            revision: text("revision")?,
            requested: None,
            patch: None,
            changes: Vec::new(),
        };
        Ok((codebase, stamp))
    };
    value.as_array().ok_or_else(wrong)?.iter().map(one).collect()
}

/// Asks for what is not asked for yet. Answers what the step waits for, or how it ended.
pub(crate) fn start(ctx: &mut Ctx<'_>, id: BuildId, number: StepNumber, asked: &Asked) {
    let config = ctx.config();
    let Some(build) = ctx.state().build(id).cloned() else { return };
    let known = children_of(ctx.state(), &build, number);
    let mut children = Vec::new();
    for name in &asked.schedulers {
        let Some(scheduler) = config.scheduler(name) else { continue };
        if known.iter().any(|child| child.scheduler == *name) {
            continue;
        }
        let requests = build.requests.clone();
        let parent = Parent { requests, id, build: build.reference(), step: number };
        let changes = order::heard(ctx.state(), scheduler, &build.stamps);
        let mut new = new_buildset(ctx.state(), &config, scheduler, &build, parent, asked);
        new.builders = order::builders(ctx, scheduler, &new.reason, &new.stamps, &new.properties);
        let own = order::priority(ctx, scheduler, &new.builders, changes);
        // TR-5: as urgent as the parent at least.
        new.priority = new.priority.max(own);
        let made = buildset::open(ctx, new);
        if let Some(Subject::Buildset(buildset)) = made.first() {
            let important = !asked.unimportant.contains(name);
            children.push(Child {
                step: number,
                scheduler: name.clone(),
                buildset: *buildset,
                important,
                results: None,
            });
        }
    }
    let all: Vec<BuildsetId> = known.iter().chain(&children).map(|child| child.buildset).collect();
    let name = build.steps.iter().find(|step| step.number == number).map(|step| step.name.clone());
    ctx.record(Record::StepTriggered {
        id,
        build: build.reference(),
        step: number,
        name: name.unwrap_or_default(),
        requests: build.requests.clone(),
        children,
        waits_for: if asked.wait { all } else { Vec::new() },
    });
    // A buildset without builders was over before anybody could wait for it.
    for request in build.requests {
        for (buildset, results) in unfinished_at_once(ctx.state(), request) {
            ctx.record(Record::ChildFinished { request, buildset, results });
        }
    }
}

/// Children that are over and whose request does not know it yet: those that had nothing to build.
fn unfinished_at_once(state: &State, request: RequestId) -> Vec<(BuildsetId, Results)> {
    let children = state.request(request).into_iter().flat_map(|request| &request.children);
    let open = children.filter(|child| child.results.is_none());
    open.filter(|child| state.buildset(child.buildset).is_none())
        .map(|child| (child.buildset, Results::Success))
        .collect()
}

/// What a step of this build, or of an earlier one of its requests, has triggered already: requests that were merged know the same.
fn children_of(state: &State, build: &Build, number: StepNumber) -> Vec<Child> {
    let requests = build.requests.iter().filter_map(|id| state.request(*id));
    let children = requests.flat_map(|request| &request.children);
    let by_buildset: BTreeMap<_, _> = children
        .filter(|child| child.step == number)
        .map(|child| (child.buildset, child.clone()))
        .collect();
    by_buildset.into_values().collect()
}

fn new_buildset(
    state: &State,
    config: &Config,
    scheduler: &Scheduler,
    build: &Build,
    parent: Parent,
    asked: &Asked,
) -> NewBuildset {
    let mut properties = Properties::new();
    for (name, value) in &scheduler.properties {
        properties.set(name.clone(), value.clone(), Origin::Scheduler);
    }
    properties.lay_over(&asked.properties);
    properties.set("scheduler", scheduler.name.as_str(), Origin::Scheduler);
    let given = asked.properties.text("reason").filter(|reason| !reason.is_empty());
    let reason = match (scheduler.reason.is_empty(), given) {
        (false, _) => scheduler.reason.clone(),
        (true, Some(given)) => given.to_owned(),
        (true, None) => format!("triggered by {}", parent.build),
    };
    let own = build.requests.iter().filter_map(|id| state.request(*id));
    let priority = own.map(|request| request.priority).max().unwrap_or(0);
    NewBuildset {
        reason,
        scheduler: scheduler.name.to_string(),
        stamps: stamps(state, config, scheduler, build, asked),
        properties,
        parent: Some(parent),
        waited_for: asked.wait,
        priority,
        unasked: true,
        ..NewBuildset::default()
    }
}

/// TR-2: what each codebase of the scheduler is built at.
fn stamps(
    state: &State,
    config: &Config,
    scheduler: &Scheduler,
    build: &Build,
    asked: &Asked,
) -> Vec<SourceStamp> {
    let same = |codebase: &CodebaseName, updated: bool| {
        let stamp = build.stamps.iter().find(|stamp| stamp.codebase == *codebase)?;
        let got = build.got_revision.get(codebase.as_str()).filter(|_| updated).cloned();
        Some(SourceStamp { revision: got.or_else(|| stamp.revision.clone()), ..stamp.clone() })
    };
    let stamp = |codebase: CodebaseName| {
        let wanted = match &asked.sources {
            Sources::Same { updated } => same(&codebase, *updated),
            Sources::Latest => None,
            Sources::These(stamps) => stamps.get(&codebase).map(|given| {
                let usual = tip_stamp(state, config, &codebase, given.branch.as_deref());
                completed(given, usual)
            }),
        };
        wanted.unwrap_or_else(|| default_stamp(state, config, &codebase))
    };
    codebases_of(config, scheduler).into_iter().map(stamp).collect()
}

/// What a recipe left out of a stamp is what is usual of the codebase; the tip as it is now (SS-3), unless the stamp speaks of a
/// repository of its own.
fn completed(given: &SourceStamp, usual: SourceStamp) -> SourceStamp {
    let elsewhere = !given.repository.is_empty()
        && !intake::is_same_repository(&given.repository, &usual.repository);
    if elsewhere {
        return given.clone();
    }
    let project = if given.project.is_empty() { usual.project } else { given.project.clone() };
    SourceStamp {
        codebase: usual.codebase,
        repository: usual.repository,
        project,
        branch: given.branch.clone().or(usual.branch),
        revision: given.revision.clone().or(usual.revision),
        requested: None,
        patch: None,
        changes: Vec::new(),
    }
}

/// How a trigger step ends, once nothing that it waits for is open (TR-3).
pub(crate) fn outcome(
    state: &State,
    build: &Build,
    number: StepNumber,
) -> Option<(Results, String)> {
    let step = build.steps.iter().find(|step| step.number == number)?;
    let children = children_of(state, build, number);
    if step.waits_for.is_empty() {
        let buildsets = children.iter().map(|child| child.buildset.to_string());
        let text = format!("triggered {}", named("buildset", &buildsets.collect::<Vec<_>>()));
        return Some((Results::Success, text));
    }
    let awaited: Vec<_> =
        children.iter().filter(|child| step.waits_for.contains(&child.buildset)).collect();
    if awaited.iter().any(|child| child.results.is_none()) {
        return None;
    }
    // What nobody knows any more has not ended well (TR-6).
    if awaited.len() < step.waits_for.len() {
        return Some((Results::Exception, "what it waited for is not known any more".to_owned()));
    }
    let important = awaited.iter().filter(|child| child.important);
    let results =
        important.filter_map(|child| child.results).fold(Results::Success, Results::worst);
    let told = |child: &&Child| {
        let word = child.results.map_or("", Results::word);
        format!("{} {word}", child.scheduler)
    };
    let bad: Vec<_> = awaited
        .iter()
        .copied()
        .filter(|child| !child.results.is_some_and(Results::is_good))
        .map(|child| told(&child))
        .collect();
    let text = if bad.is_empty() {
        let buildsets: Vec<_> = awaited.iter().map(|child| child.buildset.to_string()).collect();
        format!("{} done", named("buildset", &buildsets))
    } else {
        bad.join(", ")
    };
    Some((results, text))
}

/// `buildset 5`, `buildsets 5, 6`.
fn named(noun: &str, names: &[String]) -> String {
    let plural = if names.len() == 1 { "" } else { "s" };
    format!("{noun}{plural} {}", names.join(", "))
}

/// A buildset that a step triggered is over: its request knows it, and its build may go on if its worker has room.
pub(crate) fn child_over(
    ctx: &mut Ctx<'_>,
    parent: &Parent,
    buildset: BuildsetId,
    results: Results,
) {
    for request in parent.requests.iter().copied() {
        if ctx.state().request(request).is_none() {
            continue;
        }
        ctx.record(Record::ChildFinished { request, buildset, results });
        let build = waiting_build(ctx.state(), request);
        let ready = build.filter(|build| is_ready(ctx.state(), build));
        let worker = ready.map(|build| build.worker.clone());
        ctx.live.dirty.workers.extend(worker);
    }
}

/// The unfinished build of a request.
pub(crate) fn waiting_build(state: &State, request: RequestId) -> Option<&Build> {
    let (build, _) = state.request(request)?.builds.last()?;
    state.build(*build).filter(|build| build.complete_at.is_none())
}

/// Whether all that a build's step waits for is over.
pub(crate) fn is_ready(state: &State, build: &Build) -> bool {
    let step = build.steps.iter().find(|step| step.state() == StepState::Running);
    step.is_some_and(|step| {
        !step.waits_for.is_empty() && outcome(state, build, step.number).is_some()
    })
}
