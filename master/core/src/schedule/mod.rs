//! Which schedulers hear of which change, and why (CH-11): filter, codebase, importance, in this order.

pub(crate) mod branch;
mod clock;
pub(crate) mod dependent;
pub(crate) mod force;
mod form;
pub(crate) mod order;
mod stamp;
pub(crate) mod switch;
pub(crate) mod try_;
mod why;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use force::forced_builders;
pub use form::{Place, form_of, places};
pub use stamp::{default_stamp, repository_of};
pub(crate) use stamp::{stamp_of, tip_stamp};
pub use switch::is_enabled;
pub use try_::{Plan, plan};

use crate::change::{Change, NewChange};
use crate::config::{BranchTimer, ChangeFilter, Config, Importance, Scheduler, SchedulerKind};
use crate::ctx::Ctx;
use crate::filter::{CompiledFilter, Matcher, any};
use crate::hooks::{Argument, HookError, HookId, Hooks};
use crate::id::{ChangeId, CodebaseName, SchedulerName};
use crate::intake;
use crate::live::Generation;
use crate::record::Record;
use crate::state::State;
use crate::time::Timestamp;
use crate::view::{change_view, truthy};

/// An [`Importance`], ready to be asked.
#[derive(Debug)]
pub(crate) struct CompiledImportance {
    hook: Option<HookId>,
    important: Vec<Matcher>,
    unimportant: Vec<Matcher>,
}

impl CompiledImportance {
    fn new(importance: &Importance) -> Self {
        Self {
            hook: importance.hook.clone(),
            important: Matcher::all(&importance.important_files),
            unimportant: Matcher::all(&importance.unimportant_files),
        }
    }

    /// Whether a change is worth a build, by which rule, and the function that erred (then it is: F43). A change that
    /// names no file is important to the globs: when unsure, build.
    fn judge(
        &self,
        change: &Change,
        hooks: &dyn Hooks,
    ) -> (bool, &'static str, Option<(HookId, HookError)>) {
        let files = &change.files;
        if !files.is_empty() {
            if !self.important.is_empty() && !files.iter().any(|file| any(&self.important, file)) {
                return (false, "important_files", None);
            }
            if !self.unimportant.is_empty() && files.iter().all(|file| any(&self.unimportant, file))
            {
                return (false, "unimportant_files", None);
            }
        }
        let Some(hook) = &self.hook else { return (true, "", None) };
        match hooks.call(hook, &[Argument::Object(change_view(change))]) {
            Ok(value) => (truthy(&value), "file_is_important", None),
            Err(error) => (true, "file_is_important", Some((hook.clone(), error))),
        }
    }
}

/// What a scheduler asks of every change, worked out once: nothing but the configuration decides it.
#[derive(Debug)]
pub(crate) struct Compiled {
    filter: CompiledFilter,
    importance: CompiledImportance,
    codebases: BTreeSet<CodebaseName>,
}

/// Compiles that of every scheduler that listens to changes.
pub(crate) fn compile(config: &Config) -> BTreeMap<SchedulerName, Compiled> {
    let compiled = |scheduler: &Scheduler| {
        let (filter, importance) = listens(scheduler)?;
        let compiled = Compiled {
            filter: CompiledFilter::new(filter),
            importance: CompiledImportance::new(importance),
            codebases: codebases_of(config, scheduler),
        };
        Some((scheduler.name.clone(), compiled))
    };
    config.schedulers.iter().filter_map(compiled).collect()
}

pub(crate) const fn timer_of(scheduler: &Scheduler) -> Option<&BranchTimer> {
    match &scheduler.kind {
        SchedulerKind::SingleBranch(timer) | SchedulerKind::AnyBranch(timer) => Some(timer),
        SchedulerKind::Periodic(_)
        | SchedulerKind::Nightly(_)
        | SchedulerKind::Dependent(_)
        | SchedulerKind::Triggerable
        | SchedulerKind::Try
        | SchedulerKind::Force(_) => None,
    }
}

/// To which changes a scheduler listens, if it does (PN-7: one that goes by the clock does so to know whether anything
/// changed).
const fn listens(scheduler: &Scheduler) -> Option<(&ChangeFilter, &Importance)> {
    match &scheduler.kind {
        SchedulerKind::SingleBranch(timer) | SchedulerKind::AnyBranch(timer) => {
            Some((&timer.filter, &timer.importance))
        }
        SchedulerKind::Periodic(clock) | SchedulerKind::Nightly(clock) if clock.only_if_changed => {
            Some((&clock.filter, &clock.importance))
        }
        SchedulerKind::Periodic(_)
        | SchedulerKind::Nightly(_)
        | SchedulerKind::Dependent(_)
        | SchedulerKind::Triggerable
        | SchedulerKind::Try
        | SchedulerKind::Force(_) => None,
    }
}

/// The deadline of a scheduler has come.
pub(crate) fn fire(ctx: &mut Ctx<'_>, name: &SchedulerName) {
    let config = ctx.config();
    let Some(scheduler) = config.scheduler(name) else { return };
    match &scheduler.kind {
        SchedulerKind::SingleBranch(_) | SchedulerKind::AnyBranch(_) => branch::fire(ctx, name),
        SchedulerKind::Periodic(clock) | SchedulerKind::Nightly(clock) => {
            clock::fire(ctx, scheduler, clock);
        }
        SchedulerKind::Dependent(_)
        | SchedulerKind::Triggerable
        | SchedulerKind::Try
        | SchedulerKind::Force(_) => {}
    }
}

/// Which changes, for a reason: `change 7 on main`, `3 changes on dev, main`.
fn on_branches(changes: &[&Change]) -> String {
    let branches: BTreeSet<_> = changes
        .iter()
        .map(|change| change.branch.as_deref().unwrap_or("the default branch"))
        .collect();
    let on = branches.into_iter().collect::<Vec<_>>().join(", ");
    match changes {
        [one] => format!("change {} on {on}", one.id),
        many => format!("{} changes on {on}", many.len()),
    }
}

/// The codebases a scheduler speaks of, in order (F7): those it names; else all declared ones, and the unnamed one when
/// none is declared or one of its builders checks it out.
pub(crate) fn codebases_of(config: &Config, scheduler: &Scheduler) -> BTreeSet<CodebaseName> {
    if let Some(named) = &scheduler.codebases {
        return named.iter().cloned().collect();
    }
    let mut all: BTreeSet<_> = config.codebases.keys().cloned().collect();
    let builders = scheduler.builders.iter().filter_map(|name| config.builders.get(name));
    let unnamed = CodebaseName::new("");
    if all.is_empty()
        || builders.into_iter().any(|builder| config.codebases_of(builder).contains(&unnamed))
    {
        all.insert(unnamed);
    }
    all
}

/// What a scheduler makes of a change (contract.md C29).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Judgement {
    /// Which scheduler.
    pub scheduler: SchedulerName,
    /// Whether it takes the change at all.
    pub takes: bool,
    /// Whether the change is worth a build to it; false when it is not taken.
    pub important: bool,
    /// The rule that decided: the name of an argument in `master.star`. Of a change that is worth a build: all that there are,
    /// with commas between; empty: there is none.
    pub rule: String,
    /// One sentence about it; may be empty.
    pub detail: String,
    /// Functions that erred, each with the default that was taken.
    pub(crate) errors: Vec<(HookId, HookError, &'static str)>,
}

fn judge(
    state: &State,
    generation: &Generation,
    scheduler: &Scheduler,
    change: &Change,
    hooks: &dyn Hooks,
) -> Option<Judgement> {
    let Compiled { filter, importance, codebases } = generation.compiled.get(&scheduler.name)?;
    let mut judgement = Judgement {
        scheduler: scheduler.name.clone(),
        takes: false,
        important: false,
        rule: String::new(),
        detail: String::new(),
        errors: Vec::new(),
    };
    if !is_enabled(state, scheduler) {
        "enabled".clone_into(&mut judgement.rule);
        "the scheduler is disabled".clone_into(&mut judgement.detail);
        return Some(judgement);
    }
    let verdict = filter.judge(change, hooks);
    let taken = "the change is taken";
    judgement.errors.extend(verdict.error.map(|(hook, error)| (hook, error, taken)));
    if let Some((rule, detail)) = verdict.against {
        (judgement.rule, judgement.detail) = (rule, detail);
        return Some(judgement);
    }
    if !codebases.contains(&change.codebase) {
        "codebases".clone_into(&mut judgement.rule);
        judgement.detail = match change.codebase.as_str() {
            "" => "the change is of no declared codebase".to_owned(),
            name => format!("the codebase `{name}` is none of its own"),
        };
        return Some(judgement);
    }
    if let SchedulerKind::Periodic(clock) | SchedulerKind::Nightly(clock) = &scheduler.kind
        && let Some(detail) = clock::off_branch(state, &generation.config, clock, change)
    {
        "branch".clone_into(&mut judgement.rule);
        judgement.detail = detail;
        return Some(judgement);
    }
    let (important, rule, error) = importance.judge(change, hooks);
    let counts = "the change counts as important";
    judgement.errors.extend(error.map(|(hook, error)| (hook, error, counts)));
    judgement.important = important;
    judgement.takes = important
        || timer_of(scheduler)
            .is_none_or(|timer| !timer.only_important && timer.tree_stable_timer.is_some());
    if !important {
        rule.clone_into(&mut judgement.rule);
        judgement.detail = if judgement.takes {
            "not worth a build by itself; built along with the next important change".to_owned()
        } else {
            "not worth a build".to_owned()
        };
    }
    Some(judgement)
}

/// The judgement of a change, which may be a hypothetical one, by every scheduler that listens to changes (C29). In the order
/// declared.
#[must_use]
pub fn explain(
    state: &State,
    config: &Arc<Config>,
    change: &Change,
    hooks: &dyn Hooks,
) -> Vec<Judgement> {
    let generation = Generation::new(Arc::clone(config));
    let judge = |scheduler| {
        let judgement = judge(state, &generation, scheduler, change, hooks)?;
        let compiled = generation.compiled.get(&scheduler.name)?;
        Some(why::told(judgement, scheduler, compiled, change))
    };
    config.schedulers.iter().filter_map(judge).collect()
}

/// The same of a change that might come (C29): nothing of it is kept.
#[must_use]
pub fn explain_new(
    state: &State,
    config: &Arc<Config>,
    change: NewChange,
    now: Timestamp,
    hooks: &dyn Hooks,
) -> Vec<Judgement> {
    let id = ChangeId(state.last().change + 1);
    explain(state, config, &intake::taken(config, change, id, now), hooks)
}

/// Lets every scheduler hear of a new change (CH-8), in the same commit as the change itself (CH-9).
pub(crate) fn consider(ctx: &mut Ctx<'_>, id: ChangeId) {
    let generation = Arc::clone(&ctx.live.current);
    for scheduler in &generation.config.schedulers {
        let Some(change) = ctx.state().change(id) else { return };
        let judgement = judge(ctx.state(), &generation, scheduler, change, ctx.hooks);
        let Some(judgement) = judgement else { continue };
        for (hook, error, instead) in &judgement.errors {
            ctx.tell_hook(hook, error, instead, None);
        }
        if !judgement.takes {
            continue;
        }
        match timer_of(scheduler) {
            Some(timer) if timer.tree_stable_timer.is_none() => {
                branch::build(ctx, scheduler, &[id]);
            }
            _ => {
                let (scheduler, important) = (scheduler.name.clone(), judgement.important);
                ctx.record(Record::ChangeClassified { scheduler, change: id, important });
            }
        }
    }
}
