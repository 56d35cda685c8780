//! The output of a command becomes properties (F17).

use serde_json::Value;

use super::Position;
use super::outcome::Ended;
use super::property::set_property;
use crate::config::{FromCommand, StepKind};
use crate::ctx::Ctx;
use crate::hooks::{Argument, HookError, HookId};
use crate::model::{Build, Exit, Finished};
use crate::properties::MAX_PROPERTY_BYTES;
use crate::render::sort_of;
use crate::results::Results;

/// The longest name that a function may give a property, in bytes.
const MAX_NAME_BYTES: usize = 256;

/// Sets what a command's output says, if its step asks for that, and changes the step's end where it does not work out:
/// a value that is too long fails it, a function that errs makes it an exception.
pub(super) fn extract(
    ctx: &mut Ctx<'_>,
    position: &Position,
    finished: &Finished,
    ended: &mut Ended,
) {
    let Some(build) = ctx.state().build(position.build) else { return };
    let Some(StepKind::Shell(shell)) = position.spec(build).map(|spec| &spec.kind) else { return };
    let Exit::Exited(code) = finished.exit else { return };
    match shell.observe.property.clone() {
        Some(FromCommand::Property { name, strip }) if ended.results.is_good() => {
            // More than that may have been cut off, and would not be kept as a property anyway.
            if finished.captured.len() >= MAX_PROPERTY_BYTES {
                ended.results = Results::Failure;
                ended.text = format!("the output is too long for the property {name} (64 KiB)");
                return;
            }
            let text = String::from_utf8_lossy(&finished.captured);
            let value = if strip { text.trim() } else { &text };
            set_property(ctx, position.build, name.clone(), value.into());
            if ended.results == Results::Success {
                ended.text = format!("property {name} set");
            }
        }
        Some(FromCommand::Extract(hook)) => match called(ctx, &hook, code, finished) {
            Ok(properties) => {
                for (name, value) in properties {
                    set_property(ctx, position.build, name, value);
                }
                if ended.results == Results::Success {
                    ended.text = "properties set".to_owned();
                }
            }
            Err(error) => {
                ended.results = ended.results.worst(Results::Exception);
                ended.text = format!("the function {} failed: {error}", hook.label);
                let build = ctx.state().build(position.build).map(Build::reference);
                ctx.tell_hook(&hook, &error, "the step is an exception", build);
            }
        },
        Some(FromCommand::Property { .. }) | None => {}
    }
}

/// What a function makes of a command's exit and output. Nothing is no property.
fn called(
    ctx: &Ctx<'_>,
    hook: &HookId,
    code: i32,
    finished: &Finished,
) -> Result<Vec<(String, Value)>, HookError> {
    let text = |bytes: &[u8]| Argument::Plain(String::from_utf8_lossy(bytes).into_owned().into());
    let arguments =
        [Argument::Plain(code.into()), text(&finished.captured), text(&finished.said.captured_err)];
    match ctx.hooks.call(hook, &arguments)? {
        Value::Null => Ok(Vec::new()),
        Value::Object(properties) => {
            let unnamed = |name: &String| name.is_empty() || name.len() > MAX_NAME_BYTES;
            if let Some(name) = properties.keys().find(|name| unnamed(name)) {
                let what = if name.is_empty() { "an empty" } else { "a too long" };
                return Err(HookError { what: format!("it gave a property with {what} name") });
            }
            Ok(properties.into_iter().collect())
        }
        other => {
            let what = format!("it gave {}, not a dictionary of properties", sort_of(&other));
            Err(HookError { what })
        }
    }
}
