//! What an edge must do, after the records before it are durable.

use crate::change::SourceStamp;
use crate::id::{BuildsetId, ChangeId, CommandId, SessionId, Token};
use crate::model::CommandSpec;
use crate::record::Subject;

/// An order to an edge.
#[derive(Clone, PartialEq, Debug)]
pub enum Action {
    /// Take a worker in.
    Welcome {
        /// Of which connection.
        session: SessionId,
        /// What to do with each command it holds.
        held: Vec<(CommandId, HeldVerdict)>,
    },
    /// Turn a worker away and end the connection.
    RefuseWorker {
        /// Of which connection.
        session: SessionId,
        /// One sentence for its user.
        why: String,
        /// It should not try again.
        last: bool,
    },
    /// End a connection that a newer one of the same worker has replaced.
    CloseSession {
        /// Which.
        session: SessionId,
    },
    /// Send a command.
    SendCommand {
        /// To whom.
        session: SessionId,
        /// All of it.
        spec: Box<CommandSpec>,
    },
    /// Ask a command to end: TERM, then KILL; or KILL at once.
    InterruptCommand {
        /// To whom.
        session: SessionId,
        /// Which.
        command: CommandId,
        /// For the log.
        reason: String,
        /// No grace.
        kill: bool,
    },
    /// Carry a command out on this machine. Its end comes as [`Input::HereFinished`](crate::input::Input::HereFinished).
    RunHere {
        /// All of it.
        spec: Box<CommandSpec>,
    },
    /// Ask the repositories of a buildset's stamps which revisions they are at. The answer comes as
    /// [`Input::StampsResolved`](crate::input::Input::StampsResolved).
    Resolve {
        /// Whose.
        buildset: BuildsetId,
        /// Those that have a repository and no revision.
        stamps: Vec<SourceStamp>,
    },
    /// Ask a command on this machine to end: TERM, then KILL; or KILL at once. One that is not known has ended.
    EndHere {
        /// Which.
        command: CommandId,
        /// For the log.
        reason: String,
        /// No grace.
        kill: bool,
    },
    /// The end of a command is durable: its worker may forget it.
    AckCommand {
        /// To whom.
        session: SessionId,
        /// Which.
        command: CommandId,
    },
    /// Read history, choose what goes by the rules, and say so bite by bite
    /// ([`Input::HistoryChosen`](crate::input::Input::HistoryChosen)).
    ReadHistory,
    /// Answer somebody.
    Reply {
        /// Who.
        token: Token,
        /// What.
        answer: Answer,
    },
}

impl Action {
    /// Whom it answers.
    #[must_use]
    pub const fn answers(&self) -> Option<Token> {
        match self {
            Self::Reply { token, .. } => Some(*token),
            _ => None,
        }
    }
}

/// What becomes of a command that a worker holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HeldVerdict {
    /// Go on; send logs from where the master's files end.
    Resume,
    /// It is done with.
    Forget,
    /// It is fenced off: kill it, send what there is, forget it when acked.
    Kill,
}

/// An answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// Done; what was made or changed, the main thing first.
    Accepted {
        /// Which things.
        made: Vec<Subject>,
    },
    /// The changes' ids, in the order asked.
    Changes(Vec<ChangeId>),
    /// Not done.
    Refused(Refusal),
}

/// Why something was not done, for people.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// Whose fault, for the exit code.
    pub kind: RefusalKind,
    /// What went wrong, and where: one sentence, lower case, no stop.
    pub what: String,
    /// Why, if that helps; may be empty.
    pub why: String,
    /// What to do, if that helps; may be empty.
    pub hint: String,
}

/// The sorts of refusal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RefusalKind {
    /// A mistake in the asking: exit code 2.
    Mistake,
    /// No such thing: exit code 3.
    Unknown,
    /// Not possible now: exit code 3.
    NotNow,
}
