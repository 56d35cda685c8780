//! Between the wire's words and the core's, as the real shell translates them.

use linn_core::action::{Action, HeldVerdict};
use linn_core::id::{CommandId, SessionId};
use linn_core::input::Input;
use linn_core::model::{CommandSpec, CommandWhat, Exit, FinalLog, Finished, WorkerInfo};
use linn_core::time::Timestamp;
use linn_proto::worker::{
    self, Acked, Checkout, Ending, Forget, HeldAnswer, HeldState, Hello, Interrupt, Kill, KillIt,
    PropertyFound, Refused, Resume, Shell, Start, Welcome, held_answer, start, to_worker,
};

use crate::master::Master;

/// What an action is on the wire; `None`: it is no message.
pub(crate) fn message(master: &Master, action: &Action) -> Option<(SessionId, to_worker::Msg)> {
    Some(match action {
        Action::Welcome { session, held } => {
            let held = held.iter().map(|(command, verdict)| answer(master, *command, *verdict));
            let held = held.collect();
            let welcome =
                Welcome { session: session.0, epoch: vec![1], held, ..Welcome::default() };
            (*session, to_worker::Msg::Welcome(welcome))
        }
        Action::RefuseWorker { session, why, last } => {
            let refused = Refused { why: why.clone(), r#final: *last, retry_after_ms: 50 };
            (*session, to_worker::Msg::Refused(refused))
        }
        Action::SendCommand { session, spec } => (*session, to_worker::Msg::Start(begin(spec))),
        Action::InterruptCommand { session, command, reason, kill } => {
            let (command, reason) = (command.0, reason.clone());
            let message = if *kill {
                to_worker::Msg::Kill(Kill { command, reason })
            } else {
                to_worker::Msg::Interrupt(Interrupt { command, reason })
            };
            (*session, message)
        }
        Action::AckCommand { session, command } => {
            (*session, to_worker::Msg::Acked(Acked { command: command.0 }))
        }
        Action::Reply { .. }
        | Action::CloseSession { .. }
        | Action::RunHere { .. }
        | Action::Resolve { .. }
        | Action::ReadHistory
        | Action::EndHere { .. } => return None,
    })
}

fn begin(spec: &CommandSpec) -> Start {
    let what = match &spec.what {
        CommandWhat::Shell(_) => start::What::Shell(Shell::default()),
        CommandWhat::Checkout(checkout) => start::What::Checkout(Checkout {
            codebase: checkout.codebase.clone(),
            revision: checkout.revision.clone(),
            ..Checkout::default()
        }),
        // The simulated worker runs nothing: one kind of command is as good as another.
        CommandWhat::Files(_)
        | CommandWhat::Upload(_)
        | CommandWhat::Download(_)
        | CommandWhat::Here(_) => start::What::Shell(Shell::default()),
    };
    Start { command: spec.id.0, step: spec.step.clone(), what: Some(what), ..Start::default() }
}

fn answer(master: &Master, command: CommandId, verdict: HeldVerdict) -> HeldAnswer {
    let answer = match verdict {
        HeldVerdict::Resume => {
            let acked_to = [("stdio".to_owned(), master.durable(command.0))].into();
            held_answer::Answer::Resume(Resume { acked_to })
        }
        HeldVerdict::Forget => held_answer::Answer::Forget(Forget {}),
        HeldVerdict::Kill => held_answer::Answer::Kill(KillIt {}),
    };
    HeldAnswer { command: command.0, answer: Some(answer) }
}

/// A worker's first words.
pub(crate) fn hello(session: SessionId, hello: Hello) -> Input {
    let held = hello.held.iter();
    Input::WorkerAttached {
        session,
        name: hello.name.into(),
        instance: String::from_utf8_lossy(&hello.instance).into_owned(),
        info: WorkerInfo::default(),
        held: held
            .map(|held| (CommandId(held.command), held.state() == HeldState::Finished))
            .collect(),
    }
}

/// A property that a command found.
pub(crate) fn found(session: SessionId, found: &PropertyFound) -> Input {
    let command = CommandId(found.command);
    let (name, value) = property(found);
    Input::PropertyFound { session, command, name, value }
}

fn property(found: &PropertyFound) -> (String, serde_json::Value) {
    (found.name.clone(), serde_json::from_str(&found.json).expect("machines send JSON"))
}

/// The end of a command.
pub(crate) fn finished(session: SessionId, said: worker::Finished) -> Input {
    let exit = said.exit.unwrap_or_default();
    let exit = match exit.ending() {
        Ending::Exited => Exit::Exited(exit.code),
        Ending::Signalled => Exit::Signalled(exit.signal),
        Ending::TimedOutSilent => Exit::TimedOutSilent,
        Ending::TimedOut => Exit::TimedOut,
        Ending::MaxLines => Exit::MaxLines,
        Ending::Interrupted => Exit::Interrupted,
        Ending::NotStarted => Exit::NotStarted(exit.why),
        Ending::Failed => Exit::Failed(exit.why),
        Ending::Unfit => Exit::Unfit(exit.why),
        Ending::Lost | Ending::Unspecified => Exit::Lost(exit.why),
    };
    let log =
        |log: worker::FinalLog| FinalLog { name: log.name, bytes: log.bytes, lines: 0, dropped: 0 };
    Input::CommandFinished {
        session,
        finished: Box::new(Finished {
            logs: said.logs.into_iter().map(log).collect(),
            properties: said.properties.iter().map(property).collect(),
            ..Finished::bare(CommandId(said.command), exit, Timestamp(said.at_ms))
        }),
    }
}
