//! `linn schedulers`.

use clap::Args;
use linn_proto::console::ListRequest;
use linn_proto::entity::Kind;
use linn_proto::entity::entity::Of;

use super::listing::{Limit, fetch, print_json};
use super::paint::Tone;
use super::session::Door;
use super::table::{Cell, Table};
use super::{Done, ExitCode};
use crate::time::span;

pub(crate) const EXAMPLE: &str = "Example:\n  linn schedulers";

/// `linn schedulers`.
#[derive(Debug, Args)]
pub struct Schedulers {
    #[command(flatten)]
    limit: Limit,
}

pub(crate) async fn run(list: &Schedulers, at: Door<'_>) -> Done {
    let mut session = at.open().await?;
    let request = ListRequest { kind: Kind::Scheduler.into(), ..Default::default() };
    let entities = fetch(&mut session, request, list.limit.limit).await?;
    if session.json {
        print_json(&mut session, &entities)?;
        return Ok(ExitCode::DONE);
    }
    let now = session.io.now_ms();
    let mut table = Table::new(&["SCHEDULER", "KIND", "STATE", "FIRES IN", ">WAITING", "BUILDERS"]);
    for entity in entities {
        let Some(Of::Scheduler(scheduler)) = entity.of else { continue };
        let (state, tone) =
            if scheduler.enabled { ("enabled", Tone::Plain) } else { ("disabled", Tone::Warn) };
        table.row([
            Cell::new(&scheduler.name, Tone::Strong),
            scheduler.kind.as_str().into(),
            Cell::new(state, tone),
            scheduler.next_fire_at_ms.map(|at| span(at - now)).unwrap_or_default().into(),
            scheduler.waiting_changes.len().to_string().into(),
            scheduler.builders.join(" ").into(),
        ]);
    }
    table.print(session.io, "schedulers")?;
    Ok(ExitCode::DONE)
}
