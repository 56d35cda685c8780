//! `linn scheduler enable|disable`: whether a scheduler acts, whatever the configuration says (CH-12).

use clap::{Args, Subcommand};
use linn_proto::control::SchedulerControlRequest;
use linn_proto::entity::Kind;

use super::session::{Door, VERB_PATIENCE};
use super::{Done, ExitCode, json, unpack};
use crate::client::{ClientError, Master, Patience, is_name, request_id};

pub(crate) const EXAMPLE: &str = "Example:\n  linn scheduler disable nightly";

/// `linn scheduler`.
#[derive(Debug, Subcommand)]
pub enum SchedulerVerb {
    /// Let a scheduler act again; what it dropped meanwhile is not made up for
    #[command(after_help = "Example:\n  linn scheduler enable nightly")]
    Enable(Which),
    /// Let a scheduler drop the changes and times that come; what waits for it already stays
    ///
    /// It stays disabled over restarts and reloads, until somebody enables it again.
    #[command(after_help = EXAMPLE)]
    Disable(Which),
}

/// Which one.
#[derive(Debug, Args)]
pub struct Which {
    /// The scheduler's name
    #[arg(value_name = "NAME")]
    scheduler: String,
}

pub(crate) async fn run(verb: SchedulerVerb, at: Door<'_>) -> Done {
    let (enabled, which, done) = match verb {
        SchedulerVerb::Enable(which) => (true, which, "is enabled"),
        SchedulerVerb::Disable(which) => (false, which, "is disabled"),
    };
    if !is_name(&which.scheduler) {
        let what = format!("`{}` cannot be a scheduler's name", which.scheduler);
        return Err(ClientError::usage(what).hint("`linn schedulers` lists them").into());
    }
    let mut session = at.open().await?;
    let request = SchedulerControlRequest {
        request_id: request_id(),
        scheduler: which.scheduler.clone(),
        enabled,
    };
    let accepted = session
        .persist(Patience::at_most(VERB_PATIENCE), async |master: &Master| {
            master.control().scheduler_control(request.clone()).await
        })
        .await?;
    if session.json {
        let scheduler = unpack::made(&mut session, &accepted, Kind::Scheduler).await?;
        session.io.json(&json::entity(&scheduler))?;
    } else {
        session.io.tell(&format!("scheduler {} {done}", which.scheduler));
    }
    Ok(ExitCode::DONE)
}
