//! Actions that change the world, from the press of a button until the replica shows what they did.
//!
//! Each has a request id of its own for its whole life: a link that breaks while it is under way leaves it `unknown`,
//! and it is asked again with the same id, so that it cannot happen twice (console.md F2, I20).

use linn_proto::{
    control::{
        Accepted, CancelRequest, ForceRequest, RebuildRequest, StopRequest, WorkerControlRequest,
        WorkerVerb,
    },
    entity::Kind,
};

/// How long after a lost call it is asked again while the link stands, in ms.
const ASK_AGAIN_MS: i64 = 1_000;
/// Answers lost in a row before the person is told that nobody knows: a minute of a link that stands.
const LOST_MOST: u32 = 60;

/// Something to change.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Deed {
    Force(ForceRequest),
    Rebuild(RebuildRequest),
    Stop(StopRequest),
    Cancel(CancelRequest),
    Worker(WorkerControlRequest),
}

impl Deed {
    /// The same with its request id.
    fn with_id(mut self, id: &str) -> Self {
        let field = match &mut self {
            Self::Force(request) => &mut request.request_id,
            Self::Rebuild(request) => &mut request.request_id,
            Self::Stop(request) => &mut request.request_id,
            Self::Cancel(request) => &mut request.request_id,
            Self::Worker(request) => &mut request.request_id,
        };
        id.clone_into(field);
        self
    }

    /// What is asked for, as the beginning of a sentence: `stop linux#4`.
    pub(crate) fn what(&self) -> String {
        match self {
            Self::Force(request) => format!("force {}", request.builders.join(", ")),
            Self::Rebuild(request) => format!("rebuild {}", request.build),
            Self::Stop(request) => format!("stop {}", request.build),
            Self::Cancel(request) => format!("cancel request {}", request.request),
            Self::Worker(request) => {
                let verb = match request.verb() {
                    WorkerVerb::Pause => "pause",
                    WorkerVerb::Drain => "drain",
                    WorkerVerb::Resume | WorkerVerb::Unspecified => "bring in",
                };
                format!("{verb} {}", request.worker)
            }
        }
    }
}

/// How far an action is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Asked.
    Sent,
    /// The link broke: nobody knows. Asked again from this time on, by the master's clock.
    Unknown { again_ms: i64 },
    /// Accepted; done when the replica is there.
    Accepted { seq: u64, made: String },
}

/// An action under way.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pending {
    pub(crate) request_id: String,
    pub(crate) deed: Deed,
    pub(crate) stage: Stage,
    /// Answers lost so far.
    lost: u32,
}

impl Pending {
    /// For the sentence line.
    pub(crate) fn words(&self) -> String {
        let what = self.deed.what();
        match &self.stage {
            Stage::Sent => format!("{what}: sent"),
            Stage::Unknown { .. } => format!("{what}: unknown, asking"),
            Stage::Accepted { .. } => format!("{what}: accepted"),
        }
    }
}

/// All actions under way, oldest first, and the source of request ids.
#[derive(Clone, Debug, Default)]
pub(crate) struct Deeds {
    /// Random, given at the start: ids of two consoles never meet.
    seed: String,
    made: u64,
    pub(crate) pending: Vec<Pending>,
}

impl Deeds {
    pub(crate) fn new(seed: String) -> Self {
        Self { seed, ..Self::default() }
    }

    /// Takes an action up; gives the id and the request to send.
    pub(crate) fn begin(&mut self, deed: Deed) -> (String, Deed) {
        self.made += 1;
        let request_id = format!("{}-{}", self.seed, self.made);
        let deed = deed.with_id(&request_id);
        self.pending.push(Pending {
            request_id: request_id.clone(),
            deed: deed.clone(),
            stage: Stage::Sent,
            lost: 0,
        });
        (request_id, deed)
    }

    /// The answer was yes.
    pub(crate) fn accepted(&mut self, request_id: &str, accepted: &Accepted) {
        if let Some(pending) =
            self.pending.iter_mut().find(|pending| pending.request_id == request_id)
        {
            pending.stage = Stage::Accepted { seq: accepted.seq, made: made(accepted) };
        }
    }

    /// The answer was no: gives what had been asked.
    pub(crate) fn refused(&mut self, request_id: &str) -> Option<Deed> {
        let index = self.pending.iter().position(|pending| pending.request_id == request_id)?;
        Some(self.pending.remove(index).deed)
    }

    /// The link broke under the call. Gives what was asked when it will not be asked again.
    pub(crate) fn lost(&mut self, request_id: &str, now_ms: i64) -> Option<Deed> {
        let pending = self.pending.iter_mut().find(|pending| pending.request_id == request_id)?;
        pending.lost += 1;
        pending.stage = Stage::Unknown { again_ms: now_ms + ASK_AGAIN_MS };
        if pending.lost < LOST_MOST {
            return None;
        }
        self.refused(request_id)
    }

    /// What to ask again now that the link stands.
    pub(crate) fn again(&mut self, now_ms: i64) -> Vec<(String, Deed)> {
        let mut again = Vec::new();
        for pending in &mut self.pending {
            if matches!(pending.stage, Stage::Unknown { again_ms } if again_ms <= now_ms) {
                pending.stage = Stage::Sent;
                again.push((pending.request_id.clone(), pending.deed.clone()));
            }
        }
        again
    }

    /// The master has another history: the numbers that accepted actions wait for mean nothing in it. Gives what was asked.
    pub(crate) fn forget_accepted(&mut self) -> Vec<String> {
        let accepted = |pending: &mut Pending| matches!(pending.stage, Stage::Accepted { .. });
        self.pending.extract_if(.., accepted).map(|pending| pending.deed.what()).collect()
    }

    /// What the replica now shows: sentences for the person.
    pub(crate) fn done(&mut self, seq: u64) -> Vec<String> {
        let mut sentences = Vec::new();
        self.pending.retain(|pending| match &pending.stage {
            Stage::Accepted { seq: at, made } if *at <= seq => {
                sentences.push(outcome(&pending.deed, made));
                false
            }
            _ => true,
        });
        sentences
    }
}

/// What the master has written down, as it is: a build that is to stop has not stopped yet.
fn outcome(deed: &Deed, made: &str) -> String {
    match deed {
        Deed::Stop(stop) => format!("{} was asked to stop", stop.build),
        Deed::Cancel(cancel) => format!("request {} is cancelled", cancel.request),
        deed if made.is_empty() => format!("{}: done", deed.what()),
        deed => format!("{}: {made}", deed.what()),
    }
}

/// What an answer made, in words: `request 17`.
fn made(accepted: &Accepted) -> String {
    let ids = |kind: Kind| -> Vec<&str> {
        accepted.made.iter().filter(|id| id.kind() == kind).map(|id| id.id.as_str()).collect()
    };
    match ids(Kind::Request).as_slice() {
        [] => String::new(),
        [one] => format!("request {one}"),
        several => format!("requests {}", several.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stop() -> Deed {
        Deed::Stop(StopRequest { build: "linux#4".into(), ..StopRequest::default() })
    }

    #[test]
    fn a_lost_action_is_asked_again_with_its_id() {
        let mut deeds = Deeds::new("seed".into());
        let (id, first) = deeds.begin(stop());
        assert_eq!(deeds.lost(&id, 0), None);
        assert_eq!(deeds.again(500), []);
        assert_eq!(deeds.again(1_000), [(id.clone(), first)]);
        assert_eq!(deeds.again(9_000), [], "it is under way again");
        deeds.accepted(&id, &Accepted { seq: 7, ..Accepted::default() });
        assert_eq!(deeds.done(6), Vec::<String>::new());
        assert_eq!(deeds.done(7), ["linux#4 was asked to stop"]);
    }

    #[test]
    fn another_history_ends_the_waiting() {
        let mut deeds = Deeds::new("seed".into());
        let (id, _) = deeds.begin(stop());
        deeds.accepted(&id, &Accepted { seq: 1_000, ..Accepted::default() });
        deeds.begin(stop());
        assert_eq!(deeds.forget_accepted(), ["stop linux#4"]);
        assert_eq!(deeds.pending.len(), 1, "what was not answered is still to be asked");
    }

    #[test]
    fn asking_again_has_an_end() {
        let mut deeds = Deeds::new("seed".into());
        let (id, _) = deeds.begin(stop());
        let ends = (1..1000_i64).find(|attempt| {
            let given_up = deeds.lost(&id, attempt * 1_000);
            deeds.again((attempt + 1) * 1_000);
            given_up.is_some()
        });
        assert_eq!(ends, Some(60));
        assert_eq!(deeds.pending, []);
    }

    #[test]
    fn ids_are_never_used_again() {
        let mut deeds = Deeds::new("seed".into());
        let (one, _) = deeds.begin(stop());
        deeds.refused(&one);
        let (two, _) = deeds.begin(stop());
        assert_ne!(one, two);
    }
}
