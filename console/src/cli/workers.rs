//! `linn workers`.

use clap::Args;
use linn_proto::console::ListRequest;
use linn_proto::entity::Kind;
use linn_proto::entity::entity::Of;

use super::listing::{Limit, fetch, print_json};
use super::paint::Tone;
use super::session::Door;
use super::table::{Cell, Table};
use super::{Done, ExitCode};
use crate::time::age;

pub(crate) const EXAMPLE: &str =
    "Example:\n  linn workers --json | jq -r 'select(.state == \"missing\").name'";

/// `linn workers`.
#[derive(Debug, Args)]
pub struct Workers {
    #[command(flatten)]
    limit: Limit,
}

pub(crate) async fn run(list: &Workers, at: Door<'_>) -> Done {
    let mut session = at.open().await?;
    let request = ListRequest { kind: Kind::Worker.into(), ..Default::default() };
    let entities = fetch(&mut session, request, list.limit.limit).await?;
    if session.json {
        print_json(&mut session, &entities)?;
        return Ok(ExitCode::DONE);
    }
    let now = session.io.now_ms();
    let mut table = Table::new(&[
        "WORKER", "STATE", "SEEN", ">MAX", "PLATFORM", "VERSION", "RUNNING", "REASON",
    ]);
    for entity in entities {
        let Some(Of::Worker(worker)) = entity.of else { continue };
        let tone = match worker.state.as_str() {
            "online" => Tone::Good,
            "paused" | "draining" => Tone::Warn,
            _ => Tone::Bad,
        };
        table.row([
            Cell::new(&worker.name, Tone::Strong),
            Cell::new(&worker.state, tone),
            worker.last_seen_at_ms.map(|seen| age(now - seen)).unwrap_or_default().into(),
            worker.max_builds.map(|max| max.to_string()).unwrap_or_default().into(),
            worker.platform.as_str().into(),
            worker.version.as_str().into(),
            worker.running.join(" ").into(),
            Cell::new(&worker.paused_reason, Tone::Dim),
        ]);
    }
    table.print(session.io, "workers")?;
    Ok(ExitCode::DONE)
}
