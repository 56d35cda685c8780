//! References: how people name builds, steps, logs and numbered things (`cli.md` References; contract.md C3, C18).
//!
//! ```text
//! builder  NAME                     step  BUILD/STEP, by name or 1-based position
//! build    BUILDER#NUMBER|BUILDER   log   STEP[/LOG], `stdio` when left out
//! number   17 | request:17 | buildset:17 | change:17 | user:17
//! ```
//!
//! The parser is pure: it tells text that is no reference (exit 2) from text that is one. Whether there is such a thing
//! only the master knows (exit 3).

use std::fmt;
use std::str::FromStr;

use super::error::ClientError;

/// The longest name of a builder, worker, scheduler or lock, in characters (F32).
const MAX_NAME_CHARS: usize = 100;

/// Text that is no reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no reference to a {wanted}")]
pub struct RefError {
    /// What was written.
    pub text: String,
    /// What was expected: build, step, log, request ...
    pub wanted: &'static str,
    /// Why it is none.
    pub why: String,
    /// How one looks.
    pub example: &'static str,
}

impl From<RefError> for ClientError {
    fn from(error: RefError) -> Self {
        Self::usage(error.to_string())
            .why(error.why)
            .hint(format!("write it like {}", error.example))
    }
}

/// `BUILDER#NUMBER`, or `BUILDER` for its newest build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildRef {
    /// The builder's name.
    pub builder: String,
    /// None: the newest.
    pub number: Option<u64>,
}

/// A step of a build, by name or position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepRef {
    /// The build.
    pub build: BuildRef,
    /// Name, or 1-based position.
    pub step: String,
}

/// A log of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRef {
    /// The step.
    pub step: StepRef,
    /// The log's name; may hold slashes.
    pub log: String,
}

/// Things whose reference is a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbered {
    /// A build request.
    Request,
    /// A buildset.
    Buildset,
    /// A change.
    Change,
    /// A user.
    User,
}

/// What `linn wait` can wait for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Awaited {
    /// A build.
    Build(BuildRef),
    /// A request, the meaning of a bare number (C3).
    Request(u64),
    /// A buildset.
    Buildset(u64),
}

impl Numbered {
    const ALL: [Self; 4] = [Self::Request, Self::Buildset, Self::Change, Self::User];

    /// The word before the colon.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Buildset => "buildset",
            Self::Change => "change",
            Self::User => "user",
        }
    }

    fn example(self) -> &'static str {
        match self {
            Self::Request => "`17` or `request:17`",
            Self::Buildset => "`17` or `buildset:17`",
            Self::Change => "`17` or `change:17`",
            Self::User => "`17` or `user:17`",
        }
    }
}

impl FromStr for BuildRef {
    type Err = RefError;

    fn from_str(text: &str) -> Result<Self, RefError> {
        let error = |why: String| RefError {
            text: text.to_owned(),
            wanted: "build",
            why,
            example: "`linux#42`, or `linux` for its newest build",
        };
        if text.contains('/') {
            return Err(error("a build has no `/`; a step or a log has".to_owned()));
        }
        let (builder, number) = match text.split_once('#') {
            None => (text, None),
            Some((builder, number)) => match digits(number) {
                Some(number) => (builder, Some(number)),
                None => {
                    return Err(error(format!("`{number}` after the `#` is no build's number")));
                }
            },
        };
        if builder.is_empty() {
            return Err(error("the builder's name is missing".to_owned()));
        }
        if !is_name(builder) {
            return Err(error(format!("`{builder}` cannot be a builder's name")));
        }
        Ok(Self { builder: builder.to_owned(), number })
    }
}

impl FromStr for StepRef {
    type Err = RefError;

    fn from_str(text: &str) -> Result<Self, RefError> {
        let example = "`linux#42/test` or `linux#42/3`";
        let error = |why: String| RefError { text: text.to_owned(), wanted: "step", why, example };
        let Some((build, step)) = text.split_once('/') else {
            return Err(error("after the build comes `/` and the step".to_owned()));
        };
        if step.is_empty() {
            return Err(error("the step's name is missing".to_owned()));
        }
        let build = build.parse::<BuildRef>().map_err(|inner| error(inner.why))?;
        Ok(Self { build, step: step.to_owned() })
    }
}

impl FromStr for LogRef {
    type Err = RefError;

    fn from_str(text: &str) -> Result<Self, RefError> {
        let example = "`linux#42/test` or `linux#42/test/stdio`";
        let error = |why: String| RefError { text: text.to_owned(), wanted: "log", why, example };
        let Some((build, rest)) = text.split_once('/') else {
            return Err(error(
                "after the build comes `/` and the step (`linn build` lists a build's steps)"
                    .to_owned(),
            ));
        };
        let (step, log) = rest.split_once('/').unwrap_or((rest, "stdio"));
        if step.is_empty() {
            return Err(error("the step's name is missing".to_owned()));
        }
        if log.is_empty() {
            return Err(error("the log's name is missing".to_owned()));
        }
        let build = build.parse::<BuildRef>().map_err(|inner| error(inner.why))?;
        Ok(Self { step: StepRef { build, step: step.to_owned() }, log: log.to_owned() })
    }
}

/// The number in `17` or `KIND:17`.
///
/// # Errors
/// Text that is no number, or a number of another kind.
pub fn numbered(kind: Numbered, text: &str) -> Result<u64, RefError> {
    let error = |why: String| RefError {
        text: text.to_owned(),
        wanted: kind.word(),
        why,
        example: kind.example(),
    };
    let number = match text.split_once(':') {
        Some((word, number)) if word == kind.word() => number,
        Some((word, _)) if Numbered::ALL.iter().any(|other| other.word() == word) => {
            return Err(error(format!("it names a {word}")));
        }
        _ => text,
    };
    digits(number).ok_or_else(|| error(format!("`{number}` is no number")))
}

/// What to wait for: a bare number is a request (C3).
///
/// # Errors
/// Text that is no build, request or buildset.
pub fn awaited(text: &str) -> Result<Awaited, RefError> {
    let error = |why: String| RefError {
        text: text.to_owned(),
        wanted: "build, request or buildset",
        why,
        example: "`linux#42`, `17` for a request, or `buildset:17`",
    };
    let word = text.split_once(':').map(|(word, _)| word);
    match Numbered::ALL.into_iter().find(|kind| word == Some(kind.word())) {
        Some(Numbered::Request) => numbered(Numbered::Request, text).map(Awaited::Request),
        Some(Numbered::Buildset) => numbered(Numbered::Buildset, text).map(Awaited::Buildset),
        Some(kind) => Err(error(format!("nothing ends in a {}", kind.word()))),
        None => match digits(text) {
            Some(number) => Ok(Awaited::Request(number)),
            None => text.parse().map(Awaited::Build).map_err(|inner: RefError| error(inner.why)),
        },
    }
}

/// Whether the text can name a builder, worker, scheduler or lock (F32).
#[must_use]
pub fn is_name(text: &str) -> bool {
    let inside = |c: char| c.is_alphanumeric() || "._-+@: ".contains(c);
    !text.is_empty()
        && text.chars().count() <= MAX_NAME_CHARS
        && !text.starts_with(['_', ' '])
        && !text.ends_with(' ')
        && text.chars().all(inside)
}

/// A number of decimal digits alone: Rust's own parser would take a `+`.
fn digits(text: &str) -> Option<u64> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

impl fmt::Display for BuildRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number {
            Some(number) => write!(f, "{}#{number}", self.builder),
            None => f.write_str(&self.builder),
        }
    }
}

impl fmt::Display for StepRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.build, self.step)
    }
}

impl fmt::Display for LogRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.step, self.log)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builds() {
        for (text, builder, number) in [
            ("linux", "linux", None),
            ("linux#42", "linux", Some(42)),
            ("linux#042", "linux", Some(42)),
            ("linux x86@host:+1", "linux x86@host:+1", None),
            ("größe#1", "größe", Some(1)),
            ("17", "17", None),
            ("linux#18446744073709551615", "linux", Some(u64::MAX)),
        ] {
            let build: BuildRef = text.parse().expect(text);
            assert_eq!((build.builder.as_str(), build.number), (builder, number), "{text}");
        }
        for text in [
            "",
            "#3",
            "linux#",
            "linux#x",
            "linux#-1",
            "linux#+1",
            "linux#4#2",
            "linux#18446744073709551616",
            "_x",
            "x ",
            " x",
            "a/b",
            "a\u{1b}[2J",
            "linux#4 2",
        ] {
            assert!(text.parse::<BuildRef>().is_err(), "{text:?} was taken (C18)");
        }
    }

    #[test]
    fn steps_and_logs() {
        for (text, whole) in [
            ("linux#42/test", "linux#42/test/stdio"),
            ("linux#42/test/stdio", "linux#42/test/stdio"),
            ("linux/2", "linux/2/stdio"),
            ("linux#42/unit tests/a/b.log", "linux#42/unit tests/a/b.log"),
        ] {
            assert_eq!(text.parse::<LogRef>().expect(text).to_string(), whole);
        }
        for text in
            ["linux#42", "linux#42/", "linux#42//stdio", "linux#42/test/", "#3/test", "/test"]
        {
            assert!(text.parse::<LogRef>().is_err(), "{text:?} was taken");
        }
        assert_eq!(
            "linux#42/test".parse::<StepRef>().expect("a step").to_string(),
            "linux#42/test"
        );
        assert!("linux#42".parse::<StepRef>().is_err());
    }

    #[test]
    fn numbers() {
        assert_eq!(numbered(Numbered::Request, "17"), Ok(17));
        assert_eq!(numbered(Numbered::Request, "request:17"), Ok(17));
        assert_eq!(numbered(Numbered::Change, "change:17"), Ok(17));
        for text in ["", "x", "-1", "buildset:17", "request:", "request:x", "17 "] {
            assert!(numbered(Numbered::Request, text).is_err(), "{text:?} was taken");
        }
    }

    #[test]
    fn what_can_be_waited_for() {
        assert_eq!(awaited("17"), Ok(Awaited::Request(17)));
        assert_eq!(awaited("request:17"), Ok(Awaited::Request(17)));
        assert_eq!(awaited("buildset:17"), Ok(Awaited::Buildset(17)));
        let build = BuildRef { builder: "linux".to_owned(), number: Some(42) };
        assert_eq!(awaited("linux#42"), Ok(Awaited::Build(build)));
        let colon = BuildRef { builder: "linux:arm".to_owned(), number: None };
        assert_eq!(awaited("linux:arm"), Ok(Awaited::Build(colon)));
        for text in ["", "change:17", "user:1", "buildset:x", "linux#x", "#3"] {
            assert!(awaited(text).is_err(), "{text:?} was taken");
        }
    }
}
