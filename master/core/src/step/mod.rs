//! A step's life: whether it runs, its command, and its end (BL-5 to BL-10).

use std::sync::Arc;

use crate::action::Action;
use crate::command::{self, NoCommand};
use crate::config::{Condition, Config, StepKind, StepSpec};
use crate::ctx::Ctx;
use crate::id::{BuildId, CommandId, LogId, StepNumber};
use crate::model::{Artifact, Build, Exit, Finished, LockShare, Log, Said};
use crate::record::Record;
use crate::render::{RenderError, Renderer};
use crate::results::Results;

mod acquire;
mod dynamic;
mod extract;
mod outcome;
mod own;
mod property;
mod told;

pub(crate) use acquire::{Breaker, break_ring, end_the_trigger, end_the_wait, wake};
use acquire::{acquire, locks};
use outcome::{Ended, outcome, settled};
pub(crate) use outcome::{counted, trouble};
pub(crate) use own::children_over;
pub(crate) use property::found;
pub(crate) use told::linked;

/// A step and its recipe.
pub(crate) struct Position {
    pub(crate) build: BuildId,
    pub(crate) number: StepNumber,
    /// The configuration the build began with; `None`: it is not at hand any more.
    pub(crate) config: Option<Arc<Config>>,
}

impl Position {
    fn spec<'a>(&'a self, build: &'a Build) -> Option<&'a StepSpec> {
        let builder = self.config.as_ref()?.builders.get(&build.builder);
        build.recipe(builder).get((self.number.0 as usize).checked_sub(1)?)
    }
}

/// Starts a step. One that has no command on a worker is over at once, and so is one that cannot start.
pub(crate) fn start(ctx: &mut Ctx<'_>, position: &Position) {
    let Some(build) = ctx.state().build(position.build) else { return };
    let (Some(spec), Some(config)) = (position.spec(build).cloned(), position.config.as_deref())
    else {
        return end(ctx, position, Ended::plain(Results::Retry, "its recipe is not at hand"));
    };
    if let StepKind::Dynamic(hook) = &spec.kind {
        return dynamic::expand(ctx, position, hook);
    }
    let renderer = Renderer { state: ctx.state(), config, build, hooks: ctx.hooks };
    let wanted = renderer.holds(&spec.do_step_if, build.results);
    match wanted {
        Ok(true) => {}
        Ok(false) => return end(ctx, position, Ended::plain(Results::Skipped, "not needed")),
        Err(error) => return cannot_start(ctx, position, &error),
    }
    // What is not kept needs no lock.
    if let StepKind::Upload(upload) = &spec.kind
        && upload.when.as_ref().is_some_and(|when| !when.contains(&build.results))
    {
        return end(ctx, position, Ended::plain(Results::Skipped, "not needed"));
    }
    match locks(&renderer, build, &spec) {
        Ok(shares) => acquire(ctx, position, shares),
        Err(error) => cannot_start(ctx, position, &error),
    }
}

/// Begins a step that may run and holds its locks.
fn go(ctx: &mut Ctx<'_>, position: &Position, locks: Vec<LockShare>) {
    let Some(build) = ctx.state().build(position.build) else { return };
    let (Some(spec), Some(config)) = (position.spec(build).cloned(), position.config.as_deref())
    else {
        return end(ctx, position, Ended::plain(Results::Retry, "its recipe is not at hand"));
    };
    let renderer = Renderer { state: ctx.state(), config, build, hooks: ctx.hooks };
    match &spec.kind {
        StepKind::SetProperties(properties) => {
            return own::set_properties(ctx, position, properties, locks);
        }
        StepKind::Assert(check) => return own::assert_that(ctx, position, check, locks),
        StepKind::Trigger(trigger) => return own::trigger(ctx, position, trigger, locks),
        _ => {}
    }
    let last = ctx.state().last();
    let (command, first_log) = (CommandId(last.command + 1), LogId(last.log + 1));
    let Some(builder) = config.builders.get(&build.builder) else { return };
    let name = step_name(build, position.number);
    match command::render(&renderer, builder, &spec, &name, command, first_log) {
        Ok(Some(rendered)) => {
            let log = |(name, id): &(String, LogId)| Log {
                id: *id,
                name: name.clone(),
                bytes: 0,
                lines: 0,
                complete: false,
                dropped: 0,
            };
            let session = ctx.live.sessions.of(&build.worker);
            let logs = rendered.spec.logs.iter().map(log).collect();
            let spec = Box::new(rendered.spec);
            begin(ctx, position, rendered.shown, Some(spec.clone()), logs, locks);
            if spec.is_here() {
                ctx.order(Action::RunHere { spec });
            } else if let Some(session) = session {
                ctx.order(Action::SendCommand { session, spec });
            }
        }
        Ok(None) => {}
        Err(NoCommand::NoStamp(why)) => {
            begin(ctx, position, String::new(), None, Vec::new(), locks);
            end(ctx, position, Ended::plain(Results::Failure, why));
        }
        Err(NoCommand::Render(error)) => cannot_start(ctx, position, &error),
    }
}

/// A value or a condition of a step erred: the step is an exception (BL-5, BL-6, F43).
fn cannot_start(ctx: &mut Ctx<'_>, position: &Position, error: &RenderError) {
    begin(ctx, position, String::new(), None, Vec::new(), Vec::new());
    if let Some((hook, error)) = &error.hook {
        let build = ctx.state().build(position.build).map(Build::reference);
        ctx.tell_hook(hook, error, "the step is an exception", build);
    }
    end(ctx, position, Ended::plain(Results::Exception, error.what.clone()));
}

fn begin(
    ctx: &mut Ctx<'_>,
    position: &Position,
    shown: String,
    spec: Option<Box<crate::model::CommandSpec>>,
    logs: Vec<Log>,
    locks: Vec<LockShare>,
) {
    let text = described(ctx, position, false).unwrap_or_default();
    let Some(build) = ctx.state().build(position.build) else { return };
    let record = Record::StepStarted {
        id: build.id,
        build: build.reference(),
        step: position.number,
        name: step_name(build, position.number),
        at: ctx.now,
        shown,
        text,
        spec,
        logs,
        locks,
    };
    ctx.record(record);
}

fn step_name(build: &Build, number: StepNumber) -> String {
    let step = build.steps.iter().find(|step| step.number == number);
    step.map(|step| step.name.clone()).unwrap_or_default()
}

/// A command ended: what that means for its step.
pub(crate) fn finished(ctx: &mut Ctx<'_>, position: &Position, mut finished: Finished) {
    for (name, value) in std::mem::take(&mut finished.properties) {
        found(ctx, position.build, name, value);
    }
    kept(ctx, position, std::mem::take(&mut finished.artifacts));
    let Some(build) = ctx.state().build(position.build) else { return };
    let Some(step) = build.steps.iter().find(|step| step.number == position.number) else {
        return;
    };
    let logs = settled(&step.logs, &finished.logs, position.spec(build));
    let mut ended = outcome(build, position, &finished.exit, &finished.said);
    extract::extract(ctx, position, &finished, &mut ended);
    told::rest(ctx, position, finished.said, &mut ended);
    if ended.results == Results::Success
        && let Some(text) = described(ctx, position, true)
    {
        ended.text = text;
    }
    ended.logs = logs;
    end(ctx, position, ended);
}

/// A command kept files on the master.
fn kept(ctx: &mut Ctx<'_>, position: &Position, artifacts: Vec<Artifact>) {
    let Some(build) = ctx.state().build(position.build) else { return };
    let (id, reference) = (build.id, build.reference());
    let step = step_name(build, position.number);
    for artifact in artifacts {
        let (build, step) = (reference.clone(), step.clone());
        ctx.record(Record::ArtifactAdded { id, build, step, artifact });
    }
}

/// A step ends without word from its worker: stopped, or given up.
pub(crate) fn abandon(ctx: &mut Ctx<'_>, position: &Position, exit: &Exit) {
    let Some(build) = ctx.state().build(position.build) else { return };
    let Some(step) = build.steps.iter().find(|step| step.number == position.number) else {
        return;
    };
    let logs = settled(&step.logs, &[], position.spec(build));
    let ended = outcome(build, position, exit, &Said::default());
    end(ctx, position, Ended { logs, ..ended });
}

/// The longest words for a step that are kept, in characters.
const MAX_WORDS: usize = 200;

/// The words a recipe gives for a step: while it runs, or when it is over and went well. A function that errs costs no more
/// than them.
fn described(ctx: &mut Ctx<'_>, position: &Position, over: bool) -> Option<String> {
    let build = ctx.state().build(position.build)?;
    let (spec, config) = (position.spec(build)?, position.config.as_deref()?);
    let done = Some(&spec.description_done).filter(|words| over && !words.is_empty());
    let words = done.or_else(|| Some(&spec.description).filter(|words| !words.is_empty()))?;
    let renderer = Renderer { state: ctx.state(), config, build, hooks: ctx.hooks };
    let reference = build.reference();
    match renderer.words(words) {
        Ok(text) => {
            let line = text.chars().take(MAX_WORDS).map(|c| if c.is_control() { ' ' } else { c });
            Some(line.collect()).filter(|line: &String| !line.trim().is_empty())
        }
        Err(error) => {
            if let Some((hook, error)) = &error.hook {
                ctx.tell_hook(hook, error, "the step has no words of its own", Some(reference));
            }
            None
        }
    }
}

/// Ends a step: its flags decide what it counts (BL-1), its function whether it is shown (BL-10).
fn end(ctx: &mut Ctx<'_>, position: &Position, ended: Ended) {
    let Some(build) = ctx.state().build(position.build) else { return };
    let spec = position.spec(build);
    let flags = spec.map(|spec| spec.flags).unwrap_or_default();
    let mut results = ended.results;
    let mut text = ended.text;
    let mut erred = None;
    let hidden = match (spec.map(|spec| &spec.hide_step_if), position.config.as_deref()) {
        (Some(Condition::Is(hidden)), _) => *hidden,
        (Some(condition), Some(config)) => {
            let renderer = Renderer { state: ctx.state(), config, build, hooks: ctx.hooks };
            match renderer.holds(condition, results) {
                Ok(hidden) => hidden,
                Err(error) => {
                    results = results.worst(Results::Exception);
                    text.clone_from(&error.what);
                    erred = error.hook;
                    false
                }
            }
        }
        _ => false,
    };
    let (counted, ends) = results.effect(flags);
    let build_results = build.results.worst(counted).worst(ended.at_least);
    let record = Record::StepFinished {
        id: build.id,
        build: build.reference(),
        step: position.number,
        name: step_name(build, position.number),
        at: ctx.now,
        results,
        text,
        logs: ended.logs,
        urls: told::all_urls(build, position, ended.urls),
        statistics: ended.statistics,
        tests: ended.tests,
        hidden,
        build_results,
        ending: build.ending || ends || build.stop.is_some(),
    };
    let (id, reference) = (build.id, build.reference());
    ctx.live.progress.remove(&id);
    if let Some((hook, error)) = erred {
        ctx.tell_hook(&hook, &error, "the step is an exception", Some(reference));
    }
    ctx.record(record);
}
