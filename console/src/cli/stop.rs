//! `linn stop`: ends a running build. Returns when the stop is recorded, not when the process is gone (C23).

use clap::Args;
use linn_proto::control::StopRequest;
use linn_proto::entity::Kind;

use super::session::{Door, VERB_PATIENCE};
use super::{Done, ExitCode, json, unpack};
use crate::client::{BuildRef, Master, Patience, request_id};

pub(crate) const EXAMPLE: &str = "Example:\n  linn stop linux#42 --reason 'wrong branch'";

/// `linn stop`.
#[derive(Debug, Args)]
pub struct StopBuild {
    /// BUILDER#NUMBER, or BUILDER for its newest build
    #[arg(value_name = "BUILD")]
    build: String,
    /// Why
    #[arg(long, value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    reason: String,
    /// Kill its command at once, without a chance to clean up
    #[arg(long)]
    kill: bool,
}

pub(crate) async fn run(stop: StopBuild, at: Door<'_>) -> Done {
    let build: BuildRef = stop.build.parse()?;
    let mut session = at.open().await?;
    let build = session.pinned(build).await?;
    let request = StopRequest {
        request_id: request_id(),
        build: build.to_string(),
        reason: stop.reason,
        kill: stop.kill,
    };
    let accepted = session
        .persist(Patience::at_most(VERB_PATIENCE), async |master: &Master| {
            master.control().stop(request.clone()).await
        })
        .await?;
    if session.json {
        let build = unpack::made(&mut session, &accepted, Kind::Build).await?;
        session.io.json(&json::entity(&build))?;
    } else {
        session.io.tell(&format!("stopping {build}"));
    }
    Ok(ExitCode::DONE)
}
