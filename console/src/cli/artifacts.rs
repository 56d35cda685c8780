//! `linn artifacts`: the files that a build kept (C32).

use clap::Args;
use linn_proto::console::ArtifactsRequest;
use serde_json::json;

use super::paint::Tone;
use super::session::{Door, VERB_PATIENCE};
use super::table::{Cell, Table};
use super::{Done, ExitCode};
use crate::client::{BuildRef, Patience};

pub(crate) const EXAMPLE: &str = "Example:\n  linn artifacts linux#42";

/// `linn artifacts`.
#[derive(Debug, Args)]
pub struct Artifacts {
    /// BUILDER#NUMBER, or BUILDER for its newest build
    #[arg(value_name = "BUILD")]
    build: String,
}

pub(crate) async fn run(list: &Artifacts, at: Door<'_>) -> Done {
    let reference: BuildRef = list.build.parse()?;
    let mut session = at.open().await?;
    let request = ArtifactsRequest { build: reference.to_string() };
    let patience = Patience::at_most(VERB_PATIENCE);
    let found = session
        .persist(patience, async |master| master.console().artifacts(request.clone()).await)
        .await?;
    if session.json {
        for one in &found.artifacts {
            let (name, bytes, sha256, step) = (&one.name, one.bytes, &one.sha256, &one.step);
            session
                .io
                .json(&json!({"name": name, "bytes": bytes, "sha256": sha256, "step": step}))?;
        }
        return Ok(ExitCode::DONE);
    }
    let mut table = Table::new(&["NAME", ">BYTES", "SHA256", "STEP"]);
    for one in &found.artifacts {
        table.row([
            Cell::new(&one.name, Tone::Strong),
            one.bytes.to_string().into(),
            one.sha256.as_str().into(),
            one.step.as_str().into(),
        ]);
    }
    table.print(session.io, "artifacts")?;
    Ok(ExitCode::DONE)
}
