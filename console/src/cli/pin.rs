//! `linn pin` and `linn unpin`: a build that stays, whatever the rules of retention say, and one that goes by them again.

use clap::Args;
use linn_proto::control::PinRequest;
use linn_proto::entity::Kind;

use super::session::{Door, VERB_PATIENCE};
use super::{Done, ExitCode, json, unpack};
use crate::client::{BuildRef, Master, Patience, request_id};

pub(crate) const EXAMPLE: &str = "Example:\n  linn pin linux#42 --reason 'shipped as 2.1'";
pub(crate) const UNPIN_EXAMPLE: &str = "Example:\n  linn unpin linux#42";

/// `linn pin`.
#[derive(Debug, Args)]
pub struct PinBuild {
    /// BUILDER#NUMBER, or BUILDER for its newest build
    #[arg(value_name = "BUILD")]
    build: String,
    /// Why
    #[arg(long, value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    reason: String,
}

/// `linn unpin`.
#[derive(Debug, Args)]
pub struct UnpinBuild {
    /// BUILDER#NUMBER, or BUILDER for its newest build
    #[arg(value_name = "BUILD")]
    build: String,
}

pub(crate) async fn pin(pin: PinBuild, at: Door<'_>) -> Done {
    run(&pin.build, Some(pin.reason), at).await
}

pub(crate) async fn unpin(unpin: UnpinBuild, at: Door<'_>) -> Done {
    run(&unpin.build, None, at).await
}

async fn run(build: &str, reason: Option<String>, at: Door<'_>) -> Done {
    let build: BuildRef = build.parse()?;
    let mut session = at.open().await?;
    let build = session.pinned(build).await?;
    let done = if reason.is_some() { "pinned" } else { "unpinned" };
    let request = PinRequest { request_id: request_id(), build: build.to_string(), reason };
    let accepted = session
        .persist(Patience::at_most(VERB_PATIENCE), async |master: &Master| {
            master.control().pin(request.clone()).await
        })
        .await?;
    if session.json {
        let build = unpack::made(&mut session, &accepted, Kind::Build).await?;
        session.io.json(&json::entity(&build))?;
    } else {
        session.io.tell(&format!("{done} {build}"));
    }
    Ok(ExitCode::DONE)
}
