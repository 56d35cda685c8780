//! Which schedulers hear of which change, and why (CH-11): filter, codebase, importance, in this order.

pub(crate) mod branch;
pub(crate) mod force;
mod stamp;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub(crate) use stamp::stamp_of;
pub use stamp::{default_stamp, repository_of};

use crate::change::Change;
use crate::config::{BranchTimer, Config, Importance, Scheduler, SchedulerKind};
use crate::ctx::Ctx;
use crate::filter::{CompiledFilter, Matcher, any};
use crate::hooks::{Argument, HookError, HookId, Hooks};
use crate::id::{ChangeId, CodebaseName, SchedulerName};
use crate::live::Generation;
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

/// What a branch scheduler asks of every change, worked out once: nothing but the configuration decides it.
#[derive(Debug)]
pub(crate) struct Compiled {
    filter: CompiledFilter,
    importance: CompiledImportance,
    codebases: BTreeSet<CodebaseName>,
}

/// Compiles every branch scheduler's.
pub(crate) fn compile(config: &Config) -> BTreeMap<SchedulerName, Compiled> {
    let compiled = |scheduler: &Scheduler| {
        let timer = timer_of(scheduler)?;
        let compiled = Compiled {
            filter: CompiledFilter::new(&timer.filter),
            importance: CompiledImportance::new(&timer.importance),
            codebases: codebases_of(config, scheduler),
        };
        Some((scheduler.name.clone(), compiled))
    };
    config.schedulers.iter().filter_map(compiled).collect()
}

pub(crate) const fn timer_of(scheduler: &Scheduler) -> Option<&BranchTimer> {
    match &scheduler.kind {
        SchedulerKind::SingleBranch(timer) | SchedulerKind::AnyBranch(timer) => Some(timer),
        SchedulerKind::Force(_) | SchedulerKind::Triggerable => None,
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
    /// The rule that decided: the name of an argument in `master.star`; empty: every rule is content.
    pub rule: String,
    /// One sentence about it; may be empty.
    pub detail: String,
    /// Functions that erred, each with the default that was taken.
    pub(crate) errors: Vec<(HookId, HookError, &'static str)>,
}

fn judge(
    generation: &Generation,
    scheduler: &Scheduler,
    change: &Change,
    hooks: &dyn Hooks,
) -> Option<Judgement> {
    let timer = timer_of(scheduler)?;
    let Compiled { filter, importance, codebases } = generation.compiled.get(&scheduler.name)?;
    let mut judgement = Judgement {
        scheduler: scheduler.name.clone(),
        takes: false,
        important: false,
        rule: String::new(),
        detail: String::new(),
        errors: Vec::new(),
    };
    if !scheduler.enabled {
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
    let (important, rule, error) = importance.judge(change, hooks);
    let counts = "the change counts as important";
    judgement.errors.extend(error.map(|(hook, error)| (hook, error, counts)));
    judgement.important = important;
    judgement.takes = important || !(timer.only_important || timer.tree_stable_timer.is_none());
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

/// Every branch scheduler's judgement of a change, which may be a hypothetical one (C29). In the order declared.
#[must_use]
pub fn explain(config: &Arc<Config>, change: &Change, hooks: &dyn Hooks) -> Vec<Judgement> {
    let generation = Generation::new(Arc::clone(config));
    let schedulers = config.schedulers.iter();
    schedulers.filter_map(|scheduler| judge(&generation, scheduler, change, hooks)).collect()
}

/// Lets every scheduler hear of a new change (CH-8), in the same commit as the change itself (CH-9).
pub(crate) fn consider(ctx: &mut Ctx<'_>, id: ChangeId) {
    let generation = Arc::clone(&ctx.live.current);
    for scheduler in &generation.config.schedulers {
        let Some(change) = ctx.state().change(id) else { return };
        let Some(judgement) = judge(&generation, scheduler, change, ctx.hooks) else { continue };
        for (hook, error, instead) in &judgement.errors {
            ctx.tell_hook(hook, error, instead, None);
        }
        if judgement.takes {
            branch::take(ctx, scheduler, id, judgement.important);
        }
    }
}
