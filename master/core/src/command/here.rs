//! Steps that happen on the master become commands (F17).

use serde_json::Value;

use super::words;
use crate::config::{HereStep, TemplateValue};
use crate::model::{EnvEntry, HereCommand, HttpCommand, Look, ShellCommand, secret};
use crate::render::{RenderError, Renderer, sort_of};

pub(super) fn render(
    renderer: &Renderer<'_>,
    step: &HereStep,
    env: Vec<EnvEntry>,
) -> Result<(HereCommand, String), RenderError> {
    match step {
        HereStep::Shell { command, workdir, stdin, .. } => {
            let (argv, shown) = words(renderer, command)?;
            let stdin =
                stdin.as_ref().map(|stdin| renderer.handled_text("stdin", stdin)).transpose()?;
            let (workdir, logfiles) = (renderer.text("workdir", workdir)?, Vec::new());
            let shell = ShellCommand {
                argv,
                workdir,
                env,
                stdin,
                pty: false,
                separate: false,
                logfiles,
                followed: Vec::new(),
                look: Look::default(),
            };
            Ok((HereCommand::Shell(shell), shown))
        }
        HereStep::Http { method, url, params, headers, auth, data } => {
            let url = renderer.handled_text("url", url)?;
            check_url(&url)?;
            let mut behind = Vec::with_capacity(params.len());
            for (name, value) in params {
                behind.push((name.clone(), text(renderer, name, value)?));
            }
            let auth = match auth.as_deref() {
                Some((user, password)) => {
                    let (user, password) =
                        (text(renderer, "auth", user)?, text(renderer, "auth", password)?);
                    if user.contains(':') {
                        return Err(RenderError::new("the name of `auth` holds a colon"));
                    }
                    Some((user, password))
                }
                None => None,
            };
            let mut rendered = Vec::with_capacity(headers.len());
            for (name, value) in headers {
                let value = renderer.handled_text(name, value)?;
                if value.chars().any(char::is_control) {
                    let what = format!("the header {name} holds control characters");
                    return Err(RenderError::new(what));
                }
                rendered.push((name.clone(), value));
            }
            let data = data.as_ref().map(|data| renderer.handled_text("data", data)).transpose()?;
            let shown = format!("{method} {}", secret::shown(&url));
            let http = HttpCommand {
                method: method.clone(),
                url,
                params: behind,
                headers: rendered,
                auth,
                data,
            };
            Ok((HereCommand::Http(http), shown))
        }
    }
}

/// A text or a number, as text: nobody writes `"7"` for a parameter.
fn text(renderer: &Renderer<'_>, what: &str, value: &TemplateValue) -> Result<String, RenderError> {
    match renderer.handled(value)? {
        Value::Number(number) => Ok(number.to_string()),
        Value::String(text) => Ok(text),
        other => Err(RenderError::new(format!("`{what}` must be text, not {}", sort_of(&other)))),
    }
}

fn check_url(url: &str) -> Result<(), RenderError> {
    let host = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    let wrong = match host {
        None => "must begin with http:// or https://",
        Some("") => "names no server",
        Some(_) if url.chars().any(|c| c.is_control() || c == ' ') => {
            "holds blanks or control characters"
        }
        Some(_) => return Ok(()),
    };
    Err(RenderError::new(format!("the url {wrong}")))
}
