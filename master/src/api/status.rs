//! Refusals as gRPC statuses: a sentence in the message, why and what to try in metadata.
//!
//! Mistake → INVALID_ARGUMENT, unknown thing → NOT_FOUND, not now → FAILED_PRECONDITION; the client makes exit codes of
//! these (cli.md). Metadata holds printable ASCII, so the two sentences are percent-encoded as gRPC's own messages are;
//! the same rule stands in `console/src/client/sentence.rs`, of which the master must not depend.

use linn_core::action::{Refusal, RefusalKind};
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Code, Status};

/// Metadata key of the sentence that says why.
const WHY_KEY: &str = "linn-why";
/// Metadata key of the sentence that says what to try.
const HINT_KEY: &str = "linn-hint";
/// The longest sentence that is sent, in characters: headers are limited, and so is patience.
const LONGEST: usize = 1_500;

/// A refusal of the core's.
pub(crate) fn of_refusal(refusal: &Refusal) -> Status {
    let code = match refusal.kind {
        RefusalKind::Mistake => Code::InvalidArgument,
        RefusalKind::Unknown => Code::NotFound,
        RefusalKind::NotNow => Code::FailedPrecondition,
    };
    sentences(code, &refusal.what, &refusal.why, &refusal.hint)
}

/// A mistake in the asking.
pub(crate) fn mistake(what: impl AsRef<str>) -> Status {
    sentences(Code::InvalidArgument, what.as_ref(), "", "")
}

/// No such thing; `hint` may be empty.
pub(crate) fn unknown(what: impl AsRef<str>, hint: &str) -> Status {
    sentences(Code::NotFound, what.as_ref(), "", hint)
}

/// Not possible now; `why` and `hint` may be empty.
pub(crate) fn not_now(what: impl AsRef<str>, why: &str, hint: &str) -> Status {
    sentences(Code::FailedPrecondition, what.as_ref(), why, hint)
}

/// The master is ending or has to start over: asking again is right.
pub(crate) fn away(what: impl AsRef<str>) -> Status {
    sentences(Code::Unavailable, what.as_ref(), "", "ask again in a moment")
}

/// The master's own trouble.
pub(crate) fn broken(what: impl AsRef<str>, why: &str) -> Status {
    sentences(Code::Internal, what.as_ref(), why, "")
}

fn sentences(code: Code, what: &str, why: &str, hint: &str) -> Status {
    let mut metadata = MetadataMap::new();
    for (key, text) in [(WHY_KEY, why), (HINT_KEY, hint)] {
        // What was encoded is ASCII, so this cannot fail; if it did, the sentence would be missing and no more.
        if !text.is_empty()
            && let Ok(value) = MetadataValue::try_from(encode(text))
        {
            metadata.insert(key, value);
        }
    }
    let what: String = what.chars().take(LONGEST).collect();
    Status::with_metadata(code, what, metadata)
}

/// Every byte outside `0x20..=0x7E`, and `%` itself, as `%XX`.
fn encode(text: &str) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let text: String = text.chars().take(LONGEST).collect();
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if (0x20..=0x7E).contains(&byte) && byte != b'%' {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 0xF)]));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_code() {
        for (kind, code) in [
            (RefusalKind::Mistake, Code::InvalidArgument),
            (RefusalKind::Unknown, Code::NotFound),
            (RefusalKind::NotNow, Code::FailedPrecondition),
        ] {
            let refusal = Refusal {
                kind,
                what: "no".to_owned(),
                why: String::new(),
                hint: "100% für".to_owned(),
            };
            let status = of_refusal(&refusal);
            assert_eq!((status.code(), status.message()), (code, "no"));
            assert_eq!(status.metadata().get(WHY_KEY), None);
            let hint = status.metadata().get(HINT_KEY).expect("a hint");
            assert_eq!(hint.to_str().expect("ASCII"), "100%25 f%C3%BCr");
        }
    }

    #[test]
    fn sentences_are_bounded() {
        let status = mistake("x".repeat(100_000));
        assert_eq!(status.message().len(), LONGEST);
    }
}
