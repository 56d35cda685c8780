//! What an RPC that did not succeed means for a person: one sentence, perhaps a hint, and whether the link is to blame.

use tonic::{Code, Status};

use crate::client::{HINT_KEY, decode_sentence};

/// The longest sentence shown, in characters: a master may be of another version, or not linn at all.
const LONGEST: usize = 500;

/// A call that did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// What the master said, or what happened to the link.
    pub(crate) sentence: String,
    /// What to try, when the master knows.
    pub(crate) hint: Option<String>,
    /// Nobody knows whether the call arrived: the link broke. Asking again with the same request id is right.
    pub(crate) lost: bool,
}

impl Refusal {
    /// There is no link to ask over.
    pub(crate) fn no_link() -> Self {
        Self { sentence: "the link to the master is broken".into(), hint: None, lost: true }
    }
}

impl From<Status> for Refusal {
    fn from(status: Status) -> Self {
        let lost = matches!(
            status.code(),
            Code::Unavailable | Code::Unknown | Code::Cancelled | Code::DeadlineExceeded
        );
        let hint = status
            .metadata()
            .get(HINT_KEY)
            .and_then(|value| value.to_str().ok())
            .map(|hint| decode_sentence(hint).chars().take(LONGEST).collect());
        let said: String = status.message().chars().take(LONGEST).collect();
        let sentence = match (lost, said.is_empty()) {
            (true, _) => "the link to the master broke before it answered".into(),
            (false, true) => format!("the master refused without a word ({:?})", status.code()),
            (false, false) => said,
        };
        Self { sentence, hint, lost }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_keeps_the_masters_sentence() {
        let refusal = Refusal::from(Status::failed_precondition("linux#3 has ended"));
        assert_eq!(refusal.sentence, "linux#3 has ended");
        assert!(!refusal.lost);
    }

    #[test]
    fn a_broken_link_is_told_from_a_refusal() {
        assert!(Refusal::from(Status::unavailable("tcp connect error")).lost);
        assert!(Refusal::from(Status::unknown("h2 protocol error")).lost);
    }
}
