//! Steps that the core does by itself, and that are over at once: properties set, a value looked at.

use std::collections::BTreeMap;

use serde_json::Value;

use super::outcome::Ended;
use super::property::set_property;
use super::{Position, begin, cannot_start, described, end};
use crate::config::TemplateValue;
use crate::ctx::Ctx;
use crate::render::{RenderError, Renderer};
use crate::results::Results;
use crate::view::truthy;

/// Sets properties and is over.
pub(super) fn set_properties(
    ctx: &mut Ctx<'_>,
    position: &Position,
    properties: &BTreeMap<String, TemplateValue>,
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
            begin(ctx, position, shown, None, Vec::new());
            for (name, value) in values {
                set_property(ctx, position.build, name, value);
            }
            let text = described(ctx, position).unwrap_or_else(|| "properties set".to_owned());
            end(ctx, position, Ended::plain(Results::Success, text));
        }
        Err(error) => cannot_start(ctx, position, &error),
    }
}

/// F17, F40: a failure when the value is not true, as Python sees it.
pub(super) fn assert_that(ctx: &mut Ctx<'_>, position: &Position, check: &TemplateValue) {
    let (Some(build), Some(config)) =
        (ctx.state().build(position.build), position.config.as_deref())
    else {
        return;
    };
    let renderer = Renderer { state: ctx.state(), config, build, hooks: ctx.hooks };
    match renderer.value(check) {
        Ok(value) => {
            begin(ctx, position, "assert".to_owned(), None, Vec::new());
            let ended = if truthy(&value) {
                let text = described(ctx, position).unwrap_or_else(|| "it holds".to_owned());
                Ended::plain(Results::Success, text)
            } else {
                Ended::plain(Results::Failure, "it does not hold")
            };
            end(ctx, position, ended);
        }
        Err(error) => cannot_start(ctx, position, &error),
    }
}
