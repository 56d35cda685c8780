//! Carries out what the core ordered, after the commit: the place where the edges meet (architecture.md 15, rule 4).
//!
//! Nothing here waits: an order goes into a session's queue, a look is asked of a source's task, an answer is given. What
//! an edge must know beside the order (where a command's logs lie) is looked up in the core's
//! state while that is at hand.

use std::collections::BTreeSet;
use std::sync::Arc;

use linn_core::action::{Action, HeldVerdict};
use linn_core::id::{BuildId, CommandId, LogId, SessionId};
use linn_core::master::Master;
use linn_core::model::{Build, CommandWhat, Step};
use linn_core::record::Record;
use linn_core::time::Timestamp;
use tokio::sync::Notify;

use crate::api::{Command, Order, Sessions};
use crate::artifacts::Artifacts;
use crate::engine::{Answered, Replies};
use crate::here;
use crate::logs::{LogKey, LogStore};
use crate::resolving;

/// The edges that take orders.
pub(crate) struct Act {
    /// Connected workers.
    pub sessions: Arc<Sessions>,
    /// What happens on this machine.
    pub here: here::Orders,
    /// Who goes through history when it is time.
    pub retention: Arc<Notify>,
    /// Who asks repositories.
    pub resolving: resolving::Orders,
    /// Who waits for an answer.
    pub replies: Arc<Replies>,
    /// Logs, to be sealed when a build is over; `None` in tests without logs.
    pub logs: Option<LogStore>,
    /// Files that builds keep; `None` in tests without them.
    pub artifacts: Option<Artifacts>,
}

impl Act {
    /// Carries out one order. `seq` is the journal's number after the commit.
    pub(crate) fn perform(&self, action: Action, seq: u64, now: Timestamp, master: &Master) {
        match action {
            Action::Welcome { session, held } => {
                for (command, verdict) in &held {
                    if *verdict != HeldVerdict::Forget
                        && let Some(known) = command_of(master, *command)
                    {
                        self.sessions.know(session, *command, known);
                    }
                }
                self.sessions.order(session, Order::Welcome(held));
            }
            Action::RefuseWorker { session, why, last } => {
                self.sessions.order(session, Order::Refuse { why, last });
            }
            Action::CloseSession { session } => self.sessions.close(session),
            Action::SendCommand { session, spec } => {
                let known = command_of(master, spec.id);
                self.know_and_send(session, spec.id, known, now, Order::Send(spec));
            }
            Action::RunHere { spec } => {
                let log =
                    command_of(master, spec.id).and_then(|known| known.logs.into_iter().next());
                self.here.give(here::Order::Run { spec, log });
            }
            Action::Resolve { buildset, stamps } => {
                let config = Arc::clone(master.config());
                self.resolving.give(resolving::Order { buildset, stamps, config });
            }
            Action::EndHere { command, reason, kill } => {
                self.here.give(here::Order::End { command, reason, kill });
            }
            Action::InterruptCommand { session, command, reason, kill } => {
                self.sessions.order(session, Order::Interrupt { command, reason, kill });
            }
            Action::AckCommand { session, command } => {
                self.sessions.forget(command);
                self.sessions.order(session, Order::Ack(command));
            }
            Action::ReadHistory => self.retention.notify_one(),
            Action::Reply { token, answer } => {
                self.replies.answer(token, Ok(Answered { answer, seq }));
            }
        }
    }

    /// What follows from a fact without an order: the logs of a build that is over are sealed, and those of one that was
    /// given up when its worker has brought the rest.
    pub(crate) fn follow(&self, record: &Record, master: &Master) {
        if let (Record::ArtifactAdded { artifact, .. }, Some(artifacts)) = (record, &self.artifacts)
        {
            artifacts.recorded(&artifact.sha256);
        }
        let Some(logs) = &self.logs else { return };
        let state = master.state();
        let (id, heard) = match record {
            Record::BuildFinished { id, .. } => (Some(*id), None),
            Record::StaleResultRefused { command, .. } => {
                (state.command(*command).map(|(id, _)| id), Some(*command))
            }
            _ => (None, None),
        };
        if let Some(build) = id.and_then(|id| state.build(id))
            && build.complete_at.is_some()
        {
            logs.seal(build.id, awaited(build, heard));
        }
    }

    fn know_and_send(
        &self,
        session: SessionId,
        id: CommandId,
        known: Option<Command>,
        now: Timestamp,
        order: Order,
    ) {
        // The step of a command that is sent runs, so it is known; were it not, its bytes would find no log.
        let known = known.unwrap_or(Command { since: now, ..Command::default() });
        self.sessions.know(session, id, known);
        self.sessions.order(session, order);
    }
}

/// What the doors must know of a command; `None`: its build is no longer remembered.
fn command_of(master: &Master, id: CommandId) -> Option<Command> {
    let (build, number) = master.state().command(id)?;
    let build = master.state().build(build)?;
    let step = build.steps.iter().find(|step| step.number == number)?;
    let what = step.spec.as_ref().map(|spec| &spec.what);
    Some(Command {
        total: step.spec.as_ref().and_then(|spec| spec.timeouts.total),
        upload: match what {
            Some(CommandWhat::Upload(upload)) => Some(upload.max_bytes),
            _ => None,
        },
        download: match what {
            Some(CommandWhat::Download(download)) => {
                Some((build.reference(), download.source.clone()))
            }
            _ => None,
        },
        logs: log_keys(build.id, step),
        since: step.started_at.unwrap_or(build.started_at),
    })
}

/// Logs of a build whose rest may still come with its worker, but for those of a command that was `heard` since.
pub(crate) fn awaited(build: &Build, heard: Option<CommandId>) -> BTreeSet<LogId> {
    let awaited = |step: &&Step| step.was_given_up() && (heard.is_none() || step.command != heard);
    build.steps.iter().filter(awaited).flat_map(|step| &step.logs).map(|log| log.id).collect()
}

fn log_keys(build: BuildId, step: &Step) -> Vec<LogKey> {
    step.logs.iter().map(|log| LogKey::new(build, log.id, log.name.clone())).collect()
}
