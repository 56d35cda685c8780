//! What an RPC that did not succeed means for a person: one sentence, perhaps a hint, and whether the link is to blame.

use tonic::Status;

use crate::client::{self, ClientError};

/// The longest sentence shown, in characters: a master may be of another version, or not linn at all.
const LONGEST: usize = 500;

/// A call that did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// What the master said, or what happened to the link.
    pub(crate) sentence: String,
    /// Why, when the master says.
    pub(crate) why: Option<String>,
    /// What to try, when the master knows.
    pub(crate) hint: Option<String>,
    /// Nobody knows whether the call arrived: the link broke. Asking again with the same request id is right.
    pub(crate) lost: bool,
}

impl Refusal {
    /// There is no link to ask over.
    pub(crate) fn no_link() -> Self {
        Self::lost("the link to the master is broken")
    }

    /// So much is under way already that this was not asked. Asking later is right.
    pub(crate) fn busy() -> Self {
        Self::lost("too much is being asked of the master already")
    }

    fn lost(sentence: &str) -> Self {
        Self { sentence: sentence.into(), why: None, hint: None, lost: true }
    }
}

impl From<Status> for Refusal {
    fn from(status: Status) -> Self {
        // What a master says, whatever its code, is an answer: asking again would get the same one for ever.
        if client::lost(&status) {
            return Self::lost("the link to the master broke before it answered");
        }
        let error = ClientError::from_status(&status);
        let (what, why, hint) = error.sentences();
        let short = |text: &str| text.chars().take(LONGEST).collect();
        Self { sentence: short(what), why: why.map(short), hint: hint.map(short), lost: false }
    }
}

#[cfg(test)]
mod tests {
    use tonic::{Code, metadata::MetadataMap};

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
        let reset = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        assert!(Refusal::from(Status::from_error(Box::new(reset))).lost);
    }

    #[test]
    fn an_error_of_the_masters_is_no_broken_link() {
        for status in [Status::unknown("x"), Status::cancelled("x"), Status::deadline_exceeded("x")]
        {
            assert!(!Refusal::from(status).lost);
        }
    }

    #[test]
    fn why_and_hint_come_along() {
        let mut metadata = MetadataMap::new();
        metadata.insert(client::WHY_KEY, "it ended".parse().unwrap());
        metadata.insert(client::HINT_KEY, "rebuild it".parse().unwrap());
        let refusal = Refusal::from(Status::with_metadata(Code::NotFound, "no build", metadata));
        assert_eq!(refusal.why.as_deref(), Some("it ended"));
        assert_eq!(refusal.hint.as_deref(), Some("rebuild it"));
    }
}
