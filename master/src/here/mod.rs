//! What this machine carries out for steps: programs and requests to servers, off the engine's thread (F17).
//!
//! Orders come after the commit that made them true; the end of each is told to the engine when its log is durable, as
//! that of any command. They end with the master: programs are killed, and what an earlier master that was killed left
//! behind is killed before anything new is begun. The core knows their steps as lost.

mod env;
mod http;
mod output;
mod shell;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use linn_core::id::CommandId;
use linn_core::input::Input;
use linn_core::model::{CommandSpec, CommandWhat, Exit, Finished, HereCommand};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::engine::EngineHandle;
use crate::fill::Filled;
use crate::logs::{LogKey, LogStore};
use crate::orders;
use crate::secret::Secrets;
use output::Output;

/// In the environment of every program that a master runs: which master's it is.
const MASTER_VAR: &str = "LINN_MASTER";
/// In the same: for which command.
const COMMAND_VAR: &str = "LINN_COMMAND";
/// How long everything may take to end when the master does.
const END_PATIENCE: Duration = Duration::from_secs(5);

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Order {
    /// Carry a command out.
    Run {
        /// All of it.
        spec: Box<CommandSpec>,
        /// Where its output goes.
        log: Option<LogKey>,
    },
    /// End one.
    End {
        /// Which.
        command: CommandId,
        /// For its log.
        reason: String,
        /// No grace.
        kill: bool,
    },
    /// End all at once, and tell nobody: the state that knew them is gone.
    EndAll,
}

/// Their number is bounded by that of builds that run.
pub(crate) type Orders = orders::Orders<Order>;

/// How far a command is to be ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Ending {
    No,
    Interrupt,
    Kill,
}

/// What commands need here.
pub(crate) struct Here {
    /// Hears how they ended.
    pub(crate) engine: EngineHandle,
    /// Takes their output.
    pub(crate) logs: LogStore,
    /// Where programs run.
    pub(crate) folder: PathBuf,
    /// What commands are given at the last moment.
    pub(crate) secrets: Secrets,
    /// Tells this master's programs from those of others.
    pub(crate) mark: String,
}

/// One command under way: its end may be asked for.
struct Running {
    ending: watch::Sender<Ending>,
    /// Nobody wants to hear of it any more.
    forgotten: bool,
}

impl Here {
    /// Carries orders out until nobody can give any more; then ends everything.
    pub(crate) async fn run(self, mut orders: mpsc::UnboundedReceiver<Order>) {
        let here = Arc::new(self);
        here.sweep().await;
        let mut running: HashMap<CommandId, Running> = HashMap::new();
        let mut tasks = JoinSet::new();
        loop {
            tokio::select! {
                order = orders.recv() => match order {
                    Some(Order::Run { spec, log }) => {
                        let (ending, asked) = watch::channel(Ending::No);
                        running.insert(spec.id, Running { ending, forgotten: false });
                        tasks.spawn(here.clone().carry_out(*spec, log, asked));
                    }
                    Some(Order::End { command, reason, kill }) => {
                        if let Some(one) = running.get(&command) {
                            tracing::debug!("command {command} is to end: {}", reason.escape_debug());
                            let how = if kill { Ending::Kill } else { Ending::Interrupt };
                            one.ending.send_modify(|now| *now = how.max(*now));
                        }
                    }
                    Some(Order::EndAll) => {
                        for one in running.values_mut() {
                            one.forgotten = true;
                            one.ending.send_replace(Ending::Kill);
                        }
                    }
                    None => break,
                },
                Some(ended) = tasks.join_next() => {
                    // A task that panicked has been reported; its step is lost at the next start.
                    let Ok(finished) = ended else { continue };
                    let known = running.remove(&finished.command);
                    if known.is_some_and(|one| !one.forgotten) {
                        let input = Input::HereFinished { finished: Box::new(finished) };
                        // An engine that is ending: the step is lost at the next start.
                        drop(here.engine.send(input).await);
                    }
                }
            }
        }
        for one in running.values() {
            one.ending.send_replace(Ending::Kill);
        }
        let all = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(END_PATIENCE, all).await.is_err() {
            tracing::warn!("a step of the master does not end; left behind");
        }
    }

    /// Kills what an earlier master of this database left running.
    async fn sweep(&self) {
        let marks = vec![format!("{MASTER_VAR}={}", self.mark)];
        let left = tokio::task::spawn_blocking(move || linn_worker::kill_marked(&marks)).await;
        if left.is_ok_and(|left| left > 0) {
            tracing::warn!("programs of an earlier master cannot be killed");
        }
    }

    async fn carry_out(
        self: Arc<Self>,
        spec: CommandSpec,
        log: Option<LogKey>,
        ending: watch::Receiver<Ending>,
    ) -> Finished {
        let began = self.engine.now();
        let mut output = Output::new(self.logs.clone(), self.engine.clone(), log, &spec);
        let id = spec.id;
        let exit = match self.secrets.fill(spec).await {
            Ok(Filled { spec, masked }) => {
                output.hide(&masked);
                let exit = match &spec.what {
                    CommandWhat::Here(HereCommand::Shell(command)) => {
                        shell::run(&self, &spec, command, &mut output, ending).await
                    }
                    CommandWhat::Here(HereCommand::Http(command)) => {
                        http::run(&spec, command, &mut output, ending).await
                    }
                    _ => Exit::NotStarted("it is no command for the master".to_owned()),
                };
                output.masked_exit(exit)
            }
            Err(why) => Exit::Refused(why),
        };
        let logs = output.settle().await;
        let started_at = Some(began);
        Finished { logs, started_at, ..Finished::bare(id, exit, self.engine.now()) }
    }
}
