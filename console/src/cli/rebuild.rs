//! `linn rebuild`: the same again.

use clap::Args;
use linn_proto::control::RebuildRequest;

use super::session::{Door, VERB_PATIENCE};
use super::{Done, force};
use crate::client::{BuildRef, Master, Patience, request_id};

pub(crate) const EXAMPLE: &str = "Example:\n  linn rebuild linux#42 --wait";

/// `linn rebuild`.
#[derive(Debug, Args)]
pub struct Rebuild {
    /// BUILDER#NUMBER, or BUILDER for its newest build
    #[arg(value_name = "BUILD")]
    build: String,
    /// The tip of the same branch, rather than the same revision
    #[arg(long)]
    latest: bool,
    /// Why
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    reason: String,
    /// Wait until it is finished
    #[arg(long)]
    wait: bool,
}

pub(crate) async fn run(rebuild: Rebuild, at: Door<'_>) -> Done {
    let build: BuildRef = rebuild.build.parse()?;
    let mut session = at.open().await?;
    let build = session.pinned(build).await?;
    let request = RebuildRequest {
        request_id: request_id(),
        build: build.to_string(),
        latest: rebuild.latest,
        reason: rebuild.reason,
    };
    let patience =
        if rebuild.wait { Patience::endless() } else { Patience::at_most(VERB_PATIENCE) };
    let accepted = session
        .persist(patience, async |master: &Master| master.control().rebuild(request.clone()).await)
        .await?;
    force::finish(&mut session, &accepted, rebuild.wait).await
}
