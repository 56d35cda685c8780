//! References as people write them (cli.md): `BUILDER#N`, `BUILDER`, `BUILD/STEP[/LOG]`, a number, a name.
//!
//! Text that is no reference is a mistake (exit code 2); a reference to nothing is another matter (C18).

use linn_core::id::{BuildRef, BuilderName};
use tonic::Status;

use super::status;

/// The longest reference, in bytes.
const MAX_BYTES: usize = 1_000;

/// A build, or a builder's newest.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum BuildNamed {
    /// `linux#42`.
    Exactly(BuildRef),
    /// `linux`.
    Newest(BuilderName),
}

/// A log of a step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct LogNamed {
    /// Of which build.
    pub build: BuildNamed,
    /// By name or 1-based position.
    pub step: String,
    /// By name.
    pub log: String,
}

/// Reads `BUILDER#NUMBER` or `BUILDER`.
pub(super) fn build(text: &str) -> Result<BuildNamed, Status> {
    let wrong = || mistake(text, "a build", "linux#42, or linux for its newest");
    if !plain(text) || text.contains('/') {
        return Err(wrong());
    }
    let Some((builder, number)) = text.split_once('#') else {
        return Ok(BuildNamed::Newest(BuilderName::from(text)));
    };
    let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    match number.parse() {
        Ok(number) if digits && !builder.is_empty() => {
            Ok(BuildNamed::Exactly(BuildRef { builder: BuilderName::from(builder), number }))
        }
        // A reference, and to nothing: no build has such a number (C18).
        Err(_) if digits && !builder.is_empty() => Err(status::unknown(
            format!("there is no build `{}`", text.escape_debug()),
            &format!("`linn builds --builder {builder}` lists them"),
        )),
        _ => Err(wrong()),
    }
}

/// Reads `BUILD/STEP[/LOG]`.
pub(super) fn log(text: &str) -> Result<LogNamed, Status> {
    let wrong = || mistake(text, "a log", "linux#42/test, or linux#42/test/stdio");
    let mut parts = text.splitn(3, '/');
    let (Some(of), Some(step)) = (parts.next(), parts.next()) else { return Err(wrong()) };
    let log = parts.next().unwrap_or("stdio");
    if !plain(text) || step.is_empty() || log.is_empty() {
        return Err(wrong());
    }
    let build = build(of).map_err(|_| wrong())?;
    Ok(LogNamed { build, step: step.to_owned(), log: log.to_owned() })
}

/// Reads a number.
pub(super) fn number(text: &str, of: &str) -> Result<u64, Status> {
    text.parse().map_err(|_| mistake(text, of, "17"))
}

/// Reads a name.
pub(super) fn name<'a>(text: &'a str, of: &str) -> Result<&'a str, Status> {
    if plain(text) { Ok(text) } else { Err(mistake(text, of, "its name")) }
}

fn plain(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_BYTES && !text.chars().any(char::is_control)
}

fn mistake(text: &str, of: &str, example: &str) -> Status {
    let shown: String = text.chars().take(100).collect();
    status::mistake(format!("`{}` names no {}; write {example}", shown.escape_debug(), bare(of)))
}

fn bare(of: &str) -> &str {
    of.strip_prefix("a ").unwrap_or(of)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exactly(builder: &str, number: u32) -> BuildNamed {
        BuildNamed::Exactly(BuildRef { builder: builder.into(), number })
    }

    /// C18.
    #[test]
    fn builds() {
        assert_eq!(build("linux#42").unwrap(), exactly("linux", 42));
        assert_eq!(build("my linux@2").unwrap(), BuildNamed::Newest("my linux@2".into()));
        for bad in ["", "#3", "linux#x", "linux#", "linux#+1", "a/b", "a#1#2", "a\nb"] {
            let status = build(bad).unwrap_err();
            assert_eq!(status.code(), tonic::Code::InvalidArgument, "{bad}");
        }
        assert_eq!(build("linux#0").unwrap(), exactly("linux", 0));
        let nothing = build("linux#4294967296").unwrap_err();
        assert_eq!(nothing.code(), tonic::Code::NotFound);
    }

    #[test]
    fn logs() {
        let named = log("linux#42/test").unwrap();
        assert_eq!((named.step.as_str(), named.log.as_str()), ("test", "stdio"));
        assert_eq!(named.build, exactly("linux", 42));
        let named = log("linux/2/a/b").unwrap();
        assert_eq!((named.step.as_str(), named.log.as_str()), ("2", "a/b"));
        for bad in ["linux", "linux#42/", "/test", "linux#x/test", "linux#1/test/"] {
            assert!(log(bad).is_err(), "{bad}");
        }
    }
}
