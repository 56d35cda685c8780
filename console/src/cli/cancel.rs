//! `linn cancel`: takes a request out of the queue.

use clap::Args;
use linn_proto::control::CancelRequest;
use linn_proto::entity::Kind;

use super::session::{Door, VERB_PATIENCE};
use super::{Done, ExitCode, json, unpack};
use crate::client::{Master, Numbered, Patience, numbered, request_id};

pub(crate) const EXAMPLE: &str = "Example:\n  linn cancel 17 --reason 'not needed any more'";

/// `linn cancel`.
#[derive(Debug, Args)]
pub struct Cancel {
    /// The request's number
    #[arg(value_name = "REQUEST")]
    request: String,
    /// Why
    #[arg(long, value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    reason: String,
}

pub(crate) async fn run(cancel: Cancel, at: Door<'_>) -> Done {
    let number = numbered(Numbered::Request, &cancel.request)?;
    let mut session = at.open().await?;
    let request =
        CancelRequest { request_id: request_id(), request: number, reason: cancel.reason };
    let accepted = session
        .persist(Patience::at_most(VERB_PATIENCE), async |master: &Master| {
            master.control().cancel(request.clone()).await
        })
        .await?;
    if session.json {
        let request = unpack::made(&mut session, &accepted, Kind::Request).await?;
        session.io.json(&json::entity(&request))?;
    } else {
        session.io.tell(&format!("cancelled request {number}"));
    }
    Ok(ExitCode::DONE)
}
