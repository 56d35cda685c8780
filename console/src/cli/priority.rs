//! `linn priority`: moves a request in the queue.

use clap::Args;
use linn_proto::control::SetPriorityRequest;
use linn_proto::entity::Kind;

use super::session::{Door, VERB_PATIENCE};
use super::{Done, ExitCode, json, unpack};
use crate::client::{Master, Numbered, Patience, numbered, request_id};

pub(crate) const EXAMPLE: &str = "Example:\n  linn priority 17 10";

/// `linn priority`.
#[derive(Debug, Args)]
pub struct Priority {
    /// The request's number
    #[arg(value_name = "REQUEST")]
    request: String,
    /// Higher goes first; may be negative
    #[arg(value_name = "N", allow_negative_numbers = true)]
    priority: i32,
}

pub(crate) async fn run(args: &Priority, at: Door<'_>) -> Done {
    let number = numbered(Numbered::Request, &args.request)?;
    let mut session = at.open().await?;
    let request =
        SetPriorityRequest { request_id: request_id(), request: number, priority: args.priority };
    let accepted = session
        .persist(Patience::at_most(VERB_PATIENCE), async |master: &Master| {
            master.control().set_priority(request.clone()).await
        })
        .await?;
    if session.json {
        let request = unpack::made(&mut session, &accepted, Kind::Request).await?;
        session.io.json(&json::entity(&request))?;
    } else {
        session.io.tell(&format!("request {number} has priority {}", args.priority));
    }
    Ok(ExitCode::DONE)
}
