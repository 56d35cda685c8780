//! Steps that the core does by itself: properties set, a value looked at, other schedulers asked. All but the last are over
//! at once, and that one is when it waits for nothing.

use std::collections::BTreeMap;

use serde_json::Value;

use super::outcome::Ended;
use super::property::set_property;
use super::{Position, begin, cannot_start, described, end};
use crate::config::{TemplateValue, TriggerStep};
use crate::ctx::Ctx;
use crate::model::LockShare;
use crate::render::{RenderError, Renderer};
use crate::results::Results;
use crate::trigger;
use crate::view::truthy;

/// Sets properties and is over.
pub(super) fn set_properties(
    ctx: &mut Ctx<'_>,
    position: &Position,
    properties: &BTreeMap<String, TemplateValue>,
    locks: Vec<LockShare>,
) {
    let (Some(build), Some(config)) =
        (ctx.state().build(position.build), position.config.as_deref())
    else {
        return;
    };
    let renderer = Renderer { state: ctx.state(), config, build, hooks: ctx.hooks };
    let rendered: Result<Vec<(String, Value)>, RenderError> =
        properties.iter().map(|(name, value)| Ok((name.clone(), renderer.value(value)?))).collect();
    match rendered {
        Ok(values) => {
            let names: Vec<_> = values.iter().map(|(name, _)| name.as_str()).collect();
            let shown = format!("set {}", names.join(", "));
            begin(ctx, position, shown, None, Vec::new(), locks);
            for (name, value) in values {
                set_property(ctx, position.build, name, value);
            }
            let text =
                described(ctx, position, true).unwrap_or_else(|| "properties set".to_owned());
            end(ctx, position, Ended::plain(Results::Success, text));
        }
        Err(error) => cannot_start(ctx, position, &error),
    }
}

/// F17, F40: a failure when the value is not true, as Python sees it.
pub(super) fn assert_that(
    ctx: &mut Ctx<'_>,
    position: &Position,
    check: &TemplateValue,
    locks: Vec<LockShare>,
) {
    let (Some(build), Some(config)) =
        (ctx.state().build(position.build), position.config.as_deref())
    else {
        return;
    };
    let renderer = Renderer { state: ctx.state(), config, build, hooks: ctx.hooks };
    match renderer.value(check) {
        Ok(value) => {
            begin(ctx, position, "assert".to_owned(), None, Vec::new(), locks);
            let ended = if truthy(&value) {
                let text = described(ctx, position, true).unwrap_or_else(|| "it holds".to_owned());
                Ended::plain(Results::Success, text)
            } else {
                Ended::plain(Results::Failure, "it does not hold")
            };
            end(ctx, position, ended);
        }
        Err(error) => cannot_start(ctx, position, &error),
    }
}

/// Asks other schedulers (TR-1).
pub(super) fn trigger(
    ctx: &mut Ctx<'_>,
    position: &Position,
    step: &TriggerStep,
    locks: Vec<LockShare>,
) {
    let (Some(build), Some(config)) =
        (ctx.state().build(position.build), position.config.as_deref())
    else {
        return;
    };
    let renderer = Renderer { state: ctx.state(), config, build, hooks: ctx.hooks };
    match trigger::render(&renderer, &ctx.config(), step) {
        Ok(asked) => {
            begin(ctx, position, asked.shown(), None, Vec::new(), locks);
            trigger::start(ctx, position.build, position.number, &asked);
            children_over(ctx, position);
        }
        Err(error) => cannot_start(ctx, position, &error),
    }
}

/// Ends a trigger step that waits for nothing any more.
pub(crate) fn children_over(ctx: &mut Ctx<'_>, position: &Position) {
    let Some(build) = ctx.state().build(position.build) else { return };
    let Some((results, text)) = trigger::outcome(ctx.state(), build, position.number) else {
        return;
    };
    let text = match described(ctx, position, true) {
        Some(words) if results == Results::Success => words,
        _ => text,
    };
    end(ctx, position, Ended::plain(results, text));
}
