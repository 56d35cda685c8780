//! The environment of a step (rule PR-1), and nothing else of ours in it but the mark by which its processes are found
//! and the file to which it reports.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use linn_proto::worker::EnvVar;

/// Names and values.
pub(crate) type Env = BTreeMap<OsString, OsString>;

/// Variables whose names begin so hold a master's secrets (F12): they are no step's business, though local workers inherit
/// them.
const SECRETS: &[u8] = b"LINN_SECRET_";

/// This process's own environment, as far as steps may see it.
pub(crate) fn own() -> Env {
    visible(std::env::vars_os())
}

fn visible(all: impl Iterator<Item = (OsString, OsString)>) -> Env {
    all.filter(|(name, _)| !name.as_bytes().starts_with(SECRETS)).collect()
}

/// Lays `vars` over the worker's `own` environment in order. An error is a sentence for the user.
pub(crate) fn compose(own: &Env, vars: &[EnvVar]) -> Result<Env, String> {
    let mut env = own.clone();
    for var in vars {
        if var.name.is_empty() || var.name.contains(['=', '\0']) {
            return Err(format!("`{}` cannot be the name of an environment variable", var.name));
        }
        let name = OsString::from(&var.name);
        let Some(value) = &var.value else {
            env.remove(&name);
            continue;
        };
        if value.contains('\0') {
            return Err(format!("the value of the environment variable {} holds a NUL", var.name));
        }
        let mut value = expand(own, value);
        if var.prepend
            && let Some(present) = env.get(&name).filter(|present| !present.is_empty())
        {
            value.push(":");
            value.push(present);
        }
        env.insert(name, value);
    }
    Ok(env)
}

/// Replaces each `${NAME}` from `own`; an unknown one by nothing. What is no name stays as it is.
fn expand(own: &Env, value: &str) -> OsString {
    let mut out = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = rest.find("${") {
        let (before, from) = rest.split_at(at);
        out.extend_from_slice(before.as_bytes());
        let name = from[2..].split('}').next().unwrap_or_default();
        let closed = from.len() > 2 + name.len();
        if closed
            && !name.is_empty()
            && name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_')
        {
            if let Some(known) = own.get(OsStr::new(name)) {
                out.extend_from_slice(known.as_bytes());
            }
            rest = &from[name.len() + 3..];
        } else {
            out.extend_from_slice(b"${");
            rest = &from[2..];
        }
    }
    out.extend_from_slice(rest.as_bytes());
    OsString::from_vec(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own() -> Env {
        [("HOME", "/home/ana"), ("PATH", "/bin"), ("EMPTY", "")]
            .map(|(name, value)| (name.into(), value.into()))
            .into()
    }

    fn set(name: &str, value: &str) -> EnvVar {
        EnvVar { name: name.into(), value: Some(value.into()), prepend: false }
    }

    fn get(vars: &[EnvVar], name: &str) -> Option<String> {
        let env = compose(&own(), vars).unwrap();
        env.get(OsStr::new(name)).map(|value| value.to_str().unwrap().to_owned())
    }

    /// F12.
    #[test]
    fn secrets_of_a_master_are_not_inherited() {
        let all = ["PATH", "LINN_SECRET_FORGE_HOOK", "LINN_SECRET", "MY_LINN_SECRET_X"];
        let all = all.map(|name| (OsString::from(name), OsString::from("x")));
        let seen: Vec<_> = visible(all.into_iter()).into_keys().collect();
        assert_eq!(seen, ["LINN_SECRET", "MY_LINN_SECRET_X", "PATH"]);
    }

    #[test]
    fn values_expand_from_the_workers_own_environment() {
        for (value, expected) in [
            ("plain", "plain"),
            ("${HOME}/x", "/home/ana/x"),
            ("a${PATH}b${HOME}c", "a/binb/home/anac"),
            ("${NOT_THERE}", ""),
            ("${}", "${}"),
            ("${not a name}", "${not a name}"),
            ("${HOME", "${HOME"),
            ("$HOME", "$HOME"),
            ("${${HOME}}", "${/home/ana}"),
            ("${", "${"),
            ("ü${HOME}ü", "ü/home/anaü"),
        ] {
            assert_eq!(get(&[set("X", value)], "X").as_deref(), Some(expected), "{value}");
        }
    }

    #[test]
    fn expansion_sees_the_original_values_only() {
        assert_eq!(
            get(&[set("HOME", "/elsewhere"), set("X", "${HOME}")], "X").as_deref(),
            Some("/home/ana")
        );
    }

    #[test]
    fn a_later_variable_wins_and_none_removes() {
        let gone = EnvVar { name: "PATH".into(), value: None, prepend: false };
        assert_eq!(get(std::slice::from_ref(&gone), "PATH"), None);
        assert_eq!(get(&[gone, set("PATH", "/b")], "PATH").as_deref(), Some("/b"));
        assert_eq!(get(&[], "HOME").as_deref(), Some("/home/ana"));
    }

    #[test]
    fn prepending_uses_the_separator_only_where_there_is_something() {
        let prepend = |name: &str| EnvVar { prepend: true, ..set(name, "/new") };
        assert_eq!(get(&[prepend("PATH")], "PATH").as_deref(), Some("/new:/bin"));
        assert_eq!(get(&[prepend("EMPTY")], "EMPTY").as_deref(), Some("/new"));
        assert_eq!(get(&[prepend("NEW")], "NEW").as_deref(), Some("/new"));
    }

    #[test]
    fn what_cannot_be_a_variable_is_refused_with_its_name() {
        for name in ["", "A=B", "A\0"] {
            assert!(compose(&own(), &[set(name, "x")]).is_err(), "{name:?}");
        }
        assert!(compose(&own(), &[set("A", "x\0y")]).unwrap_err().contains('A'));
    }
}
