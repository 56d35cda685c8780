//! Steps that a function of the build makes when their turn comes (F39). The build keeps them: it needs the function no more.

use super::{Ended, Position, begin, end};
use crate::config::{Config, StepKind, StepSpec};
use crate::ctx::Ctx;
use crate::hooks::{Argument, HookError, HookId};
use crate::model::Build;
use crate::record::Record;
use crate::results::Results;
use crate::view::build_view;

/// The most steps of a build.
const MAX_STEPS: usize = 2_000;

/// Puts the steps that a function returns in the place of the one that stands for them.
pub(super) fn expand(ctx: &mut Ctx<'_>, position: &Position, hook: &HookId) {
    let (Some(build), Some(config)) =
        (ctx.state().build(position.build), position.config.as_deref())
    else {
        return;
    };
    let view = build_view(ctx.state(), config, build, build.results);
    let made = ctx.hooks.steps(hook, &[Argument::Object(view)]);
    match made.and_then(|made| spliced(build, config, position, made)) {
        Ok(recipe) => {
            let (id, build) = (build.id, build.reference());
            ctx.record(Record::StepsAdded { id, build, step: position.number, recipe });
        }
        Err(error) => {
            let reference = build.reference();
            begin(ctx, position, String::new(), None, Vec::new(), Vec::new());
            ctx.tell_hook(hook, &error, "the step is an exception", Some(reference));
            let text = format!("the function {} failed: {error}", hook.label);
            end(ctx, position, Ended::plain(Results::Exception, text));
        }
    }
}

/// The whole recipe, with the new steps in their place.
fn spliced(
    build: &Build,
    config: &Config,
    position: &Position,
    mut made: Vec<StepSpec>,
) -> Result<Vec<StepSpec>, HookError> {
    let mut recipe = build.recipe(config.builders.get(&build.builder)).to_vec();
    let at = (position.number.0 as usize).saturating_sub(1).min(recipe.len());
    if recipe.len() + made.len() > MAX_STEPS + 1 {
        return Err(HookError {
            what: format!("the build would have more than {MAX_STEPS} steps"),
        });
    }
    for step in &mut made {
        // As of every recipe: a checkout that names no codebase means the only one there is.
        if let StepKind::Source(source) = &mut step.kind
            && source.codebase.as_str().is_empty()
            && let Some(only) =
                config.codebases.keys().next().filter(|_| config.codebases.len() == 1)
        {
            source.codebase = only.clone();
        }
    }
    recipe.splice(at..=at, made);
    Ok(recipe)
}
