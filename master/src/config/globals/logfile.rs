//! `logfiles` of the steps that run a program: files that become logs (PR-5, LG-9).

use linn_core::config::{LogFile, TemplateValue};
use serde_json::Value as Json;
use starlark::values::Value;
use starlark::values::dict::DictRef;

use super::files::is_below;
use crate::config::call::Call;
use crate::config::problem::quote;

/// The log of what a command prints itself (LG-9).
const OWN_OUTPUT: &str = "stdio";

/// How one writes a log of which the beginning is left out.
const FOLLOWED: &str = "write `{\"filename\": \"server.log\", \"follow\": True}`";

/// `{"filename": .., "follow": ..}`, Buildbot's way to say that a log begins at the end of its file (PR-5); `None`: it is
/// no dictionary.
fn followed(value: Value<'_>) -> Option<Result<(Value<'_>, bool), &'static str>> {
    let dict = DictRef::from_value(value)?;
    if dict.iter().any(|(key, _)| !matches!(key.unpack_str(), Some("filename" | "follow"))) {
        return Some(Err("has another key than `filename` and `follow`"));
    }
    let Some(path) = dict.get_str("filename") else { return Some(Err("has no `filename`")) };
    match dict.get_str("follow") {
        None => Some(Ok((path, false))),
        Some(follow) => Some(match follow.unpack_bool() {
            Some(follow) => Ok((path, follow)),
            None => Err("must have True or False as `follow`"),
        }),
    }
}

/// The argument `logfiles`.
pub(super) fn logfiles(call: &Call<'_, '_>) -> Vec<LogFile> {
    let mut logs = Vec::new();
    let entries: Vec<(String, Value<'_>, _)> = call.entries("logfiles");
    for (name, value, place) in entries {
        if name == OWN_OUTPUT {
            let message = format!("the log {} is what the command prints", quote(&name));
            call.draft().problem(&place, message, "give it another name");
            continue;
        }
        let (path, follow) = match followed(value) {
            Some(Ok(followed)) => followed,
            Some(Err(why)) => {
                let message = format!("log {} {why}", quote(&name));
                call.draft().problem(&place, message, FOLLOWED);
                continue;
            }
            None => (value, false),
        };
        let Some(path) = call.lowered(path, &name, &place) else { continue };
        let fits = match &path {
            TemplateValue::Plain(Json::String(path)) => is_below(path),
            TemplateValue::Plain(_) | TemplateValue::List(_) | TemplateValue::Map(_) => false,
            _ => true,
        };
        if fits {
            logs.push(LogFile { name, path, follow });
        } else {
            let message =
                format!("log {} must be the path of a file below the work folder", quote(&name));
            call.draft().problem(&place, message, "write a relative path without `..`");
        }
    }
    logs
}
