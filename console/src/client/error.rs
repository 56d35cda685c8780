//! What goes wrong between a client and its master, as three sentences and an exit code.
//!
//! A server says *what* in the status message, and may add *why* and *what to try* in the metadata `linn-why` and
//! `linn-hint` (see [`super::sentence`]). The status code alone decides the exit code of `cli.md`:
//!
//! | status code | [`Kind`] | exit |
//! |---|---|---|
//! | INVALID_ARGUMENT, OUT_OF_RANGE | `Usage` | 2 |
//! | FAILED_PRECONDITION, PERMISSION_DENIED, UNAUTHENTICATED, NOT_FOUND, ALREADY_EXISTS | `Refused` | 3 |
//! | UNAVAILABLE, or the link itself broke | `Unreachable` | 4 |
//! | all others | `Internal` | 5 |

use std::fmt;

use tonic::{Code, Status};

use super::sentence::{HINT_KEY, WHY_KEY, decode_sentence};

/// Which of the exit codes of `cli.md` a failure has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A mistake in the command line, the settings or an address.
    Usage,
    /// No right, no such thing, not possible now.
    Refused,
    /// Nobody answers, or the answer broke off.
    Unreachable,
    /// Nobody's fault but linn's, or the machine's.
    Internal,
}

impl Kind {
    /// The process exit code of `cli.md`.
    #[must_use]
    pub fn exit_code(self) -> i32 {
        match self {
            Self::Usage => 2,
            Self::Refused => 3,
            Self::Unreachable => 4,
            Self::Internal => 5,
        }
    }
}

/// A failure told to a person: what went wrong and where, why, and what to try.
///
/// The texts may hold words of a repository, a worker or a configuration, so whoever prints them makes them safe first
/// (decision D10). [`fmt::Display`] gives the first sentence only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientError {
    kind: Kind,
    what: String,
    why: Option<String>,
    hint: Option<String>,
}

impl ClientError {
    /// A failure of `kind`; `what` is a fragment in lower case without a full stop.
    pub fn new(kind: Kind, what: impl Into<String>) -> Self {
        Self { kind, what: what.into(), why: None, hint: None }
    }

    /// A mistake of the caller's.
    pub fn usage(what: impl Into<String>) -> Self {
        Self::new(Kind::Usage, what)
    }

    /// Not allowed, not there, or not possible now.
    pub fn refused(what: impl Into<String>) -> Self {
        Self::new(Kind::Refused, what)
    }

    /// No master.
    pub fn unreachable(what: impl Into<String>) -> Self {
        Self::new(Kind::Unreachable, what)
    }

    /// A mistake of linn's or of the machine's.
    pub fn internal(what: impl Into<String>) -> Self {
        Self::new(Kind::Internal, what)
    }

    /// Adds the reason.
    #[must_use]
    pub fn why(mut self, why: impl Into<String>) -> Self {
        self.why = Some(why.into());
        self
    }

    /// Adds what to try.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Says where, after what.
    #[must_use]
    pub fn at(mut self, place: &str) -> Self {
        self.what = format!("{} ({place})", self.what);
        self
    }

    /// What a status of the master's means.
    #[must_use]
    pub fn from_status(status: &Status) -> Self {
        let kind = match status.code() {
            _ if lost(status) => Kind::Unreachable,
            Code::InvalidArgument | Code::OutOfRange => Kind::Usage,
            Code::FailedPrecondition
            | Code::PermissionDenied
            | Code::Unauthenticated
            | Code::NotFound
            | Code::AlreadyExists => Kind::Refused,
            _ => Kind::Internal,
        };
        let sentence = |key: &str| {
            let text = status.metadata().get(key)?.to_str().ok()?;
            Some(decode_sentence(text)).filter(|text| !text.is_empty())
        };
        if broken(status) {
            let why = innermost(status);
            let what = if why.contains("timed out") {
                "the master does not answer"
            } else {
                "the link to the master broke"
            };
            return Self::unreachable(what)
                .why(why)
                .hint("run the command again; `linn builders` shows whether the master is there");
        }
        let what = if status.message().is_empty() {
            format!("the master answered {:?} without a word", status.code())
        } else {
            status.message().to_owned()
        };
        Self { kind, what, why: sentence(WHY_KEY), hint: sentence(HINT_KEY) }
    }

    /// Which exit code it has.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What went wrong, why, and what to try; as they came, not made safe.
    #[must_use]
    pub fn sentences(&self) -> (&str, Option<&str>, Option<&str>) {
        (&self.what, self.why.as_deref(), self.hint.as_deref())
    }
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for ClientError {}

impl From<Status> for ClientError {
    fn from(status: Status) -> Self {
        Self::from_status(&status)
    }
}

/// What happened, says the innermost source of a status that the transport made: its own text is empty talk ("transport
/// error"). Of a master's, what it said.
#[must_use]
pub(crate) fn innermost(status: &Status) -> String {
    let mut source = std::error::Error::source(status);
    let mut innermost = None;
    while let Some(error) = source {
        innermost = Some(error.to_string());
        source = error.source();
    }
    innermost.unwrap_or_else(|| match status.message() {
        "" => format!("{:?}", status.code()),
        said => said.to_owned(),
    })
}

/// Whether calling again may help: the master is away, or the link broke in the middle of an answer.
#[must_use]
pub fn lost(status: &Status) -> bool {
    status.code() == Code::Unavailable || broken(status)
}

/// Whether the status was made on this side of the wire, by the transport. What a master sends has no source, and ends
/// with a status of its own; an answer that just stops was cut off by the master's death.
fn broken(status: &Status) -> bool {
    std::error::Error::source(status).is_some() || status.message().contains("grpc-status")
}

#[cfg(test)]
mod tests {
    use tonic::metadata::MetadataMap;

    use super::*;
    use crate::client::encode_sentence;

    #[test]
    fn codes() {
        for (code, exit) in [
            (Code::InvalidArgument, 2),
            (Code::OutOfRange, 2),
            (Code::FailedPrecondition, 3),
            (Code::PermissionDenied, 3),
            (Code::NotFound, 3),
            (Code::AlreadyExists, 3),
            (Code::Unauthenticated, 3),
            (Code::Unavailable, 4),
            (Code::Internal, 5),
            (Code::Unknown, 5),
            (Code::Unimplemented, 5),
        ] {
            let error = ClientError::from(Status::new(code, "said"));
            assert_eq!(error.kind().exit_code(), exit, "{code:?}");
        }
    }

    #[test]
    fn why_and_hint_come_from_the_metadata() {
        let mut metadata = MetadataMap::new();
        metadata.insert(WHY_KEY, encode_sentence("it is für ever").parse().expect("ASCII"));
        metadata.insert(HINT_KEY, encode_sentence("add 100% of it").parse().expect("ASCII"));
        let status = Status::with_metadata(Code::NotFound, "no builder `x`", metadata);
        let error = ClientError::from(status);
        assert_eq!(
            error.sentences(),
            ("no builder `x`", Some("it is für ever"), Some("add 100% of it"))
        );
    }

    #[test]
    fn a_broken_transport_is_unreachable_whatever_its_code() {
        let broken =
            Status::from_error(Box::new(std::io::Error::from(std::io::ErrorKind::ConnectionReset)));
        assert!(lost(&broken));
        assert_eq!(ClientError::from(broken).kind(), Kind::Unreachable);
        assert!(!lost(&Status::internal("bad")));
    }
}
