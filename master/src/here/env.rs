//! The environment of a program on the master (PR-1): the master's own without the values of secrets, and the step's
//! settings laid over it.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;

use linn_core::model::EnvEntry;

/// Variables that hold secrets for the configuration (F12): no step gets them unasked.
const SECRETS: &[u8] = b"LINN_SECRET_";

pub(super) type Env = BTreeMap<OsString, OsString>;

/// The master's own environment, without secrets.
pub(super) fn own() -> Env {
    std::env::vars_os().filter(|(name, _)| !name.as_bytes().starts_with(SECRETS)).collect()
}

/// Lays settings over `own` in order; `${NAME}` in a value is what `own` has. An error is a sentence for people.
pub(super) fn compose(own: &Env, settings: &[EnvEntry]) -> Result<Env, String> {
    let mut env = own.clone();
    for EnvEntry { name, value, prepend } in settings {
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err(format!("`{name}` cannot be the name of an environment variable"));
        }
        let Some(value) = value else {
            env.remove(OsStr::new(name));
            continue;
        };
        if value.contains('\0') {
            return Err(format!("the value of the environment variable {name} holds a NUL"));
        }
        let mut value = expand(own, value);
        if *prepend && let Some(present) = env.get(OsStr::new(name)).filter(|it| !it.is_empty()) {
            value.push(":");
            value.push(present);
        }
        env.insert(name.into(), value);
    }
    Ok(env)
}

/// Replaces each `${NAME}`; an unknown one by nothing. What is no name stays as it is.
fn expand(own: &Env, value: &str) -> OsString {
    let mut out = OsString::with_capacity(value.len());
    let mut rest = value;
    while let Some((before, from)) = rest.split_once("${") {
        out.push(before);
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        match from.split_once('}') {
            Some((name, after)) if !name.is_empty() && name.chars().all(is_name) => {
                out.push(own.get(OsStr::new(name)).map_or(OsStr::new(""), |known| known));
                rest = after;
            }
            _ => {
                out.push("${");
                rest = from;
            }
        }
    }
    out.push(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_laid_over_in_order() {
        let own: Env = [("HOME", "/h"), ("PYTHONPATH", "/p"), ("GONE", "x")]
            .map(|(name, value)| (name.into(), value.into()))
            .into();
        let set = |name: &str, value: Option<&str>, prepend| EnvEntry {
            name: name.to_owned(),
            value: value.map(str::to_owned),
            prepend,
        };
        let env = compose(
            &own,
            &[
                set("A", Some("${HOME}/a${NONE}${"), false),
                set("PYTHONPATH", Some("/q"), true),
                set("GONE", None, false),
            ],
        )
        .unwrap();
        let of = |name: &str| env.get(OsStr::new(name)).and_then(|value| value.to_str());
        assert_eq!(of("A"), Some("/h/a${"));
        assert_eq!(of("PYTHONPATH"), Some("/q:/p"));
        assert_eq!(of("GONE"), None);
        assert!(compose(&own, &[set("a=b", Some(""), false)]).is_err());
        assert!(compose(&own, &[set("a", Some("\0"), false)]).is_err());
    }
}
