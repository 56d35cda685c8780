//! `linn worker pause|resume|drain`.
//!
//! An enum of its own: the binary merges it with `linn worker run`, which is not a scripting command.

use clap::{Args, Subcommand};
use linn_proto::control::{WorkerControlRequest, WorkerVerb as Wire};
use linn_proto::entity::Kind;

use super::session::{Door, VERB_PATIENCE};
use super::{Done, ExitCode, json, unpack};
use crate::client::{ClientError, Master, Patience, is_name, request_id};

/// What can be done with a worker from afar.
#[derive(Debug, Subcommand)]
pub enum WorkerVerb {
    /// Start no new builds there; running ones go on
    #[command(after_help = "Example:\n  linn worker pause mac-mini-3 --reason 'new disk'")]
    Pause(Which),
    /// End a pause or a drain
    #[command(after_help = "Example:\n  linn worker resume mac-mini-3")]
    Resume(Which),
    /// Let running builds end, then pause
    #[command(
        after_help = "Example:\n  linn worker drain mac-mini-3 --reason 'moves to another rack'"
    )]
    Drain(Which),
}

/// A worker, and why.
#[derive(Debug, Args)]
pub struct Which {
    /// The worker's name
    #[arg(value_name = "NAME")]
    worker: String,
    /// Why
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    reason: String,
}

pub(crate) async fn run(verb: WorkerVerb, at: Door<'_>) -> Done {
    let (wire, which, done) = match verb {
        WorkerVerb::Pause(which) => (Wire::Pause, which, "is paused"),
        WorkerVerb::Resume(which) => (Wire::Resume, which, "takes builds again"),
        WorkerVerb::Drain(which) => (Wire::Drain, which, "takes no new builds"),
    };
    if !is_name(&which.worker) {
        return Err(ClientError::usage(format!("`{}` cannot be a worker's name", which.worker))
            .hint("`linn workers` lists them")
            .into());
    }
    let mut session = at.open().await?;
    let request = WorkerControlRequest {
        request_id: request_id(),
        worker: which.worker.clone(),
        verb: wire.into(),
        reason: which.reason,
    };
    let accepted = session
        .persist(Patience::at_most(VERB_PATIENCE), async |master: &Master| {
            master.control().worker_control(request.clone()).await
        })
        .await?;
    if session.json {
        let worker = unpack::made(&mut session, &accepted, Kind::Worker).await?;
        session.io.json(&json::entity(&worker))?;
    } else {
        session.io.tell(&format!("worker {} {done}", which.worker));
    }
    Ok(ExitCode::DONE)
}
