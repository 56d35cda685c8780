//! `linn sources`.

use clap::Args;
use linn_proto::console::ListRequest;
use linn_proto::entity::Kind;
use linn_proto::entity::entity::Of;

use super::listing::{Limit, fetch, print_json};
use super::paint::Tone;
use super::session::Door;
use super::table::{Cell, Table};
use super::{Done, ExitCode};
use crate::time::{age, span};

pub(crate) const EXAMPLE: &str = "Example:\n  linn sources";

/// `linn sources`.
#[derive(Debug, Args)]
pub struct Sources {
    #[command(flatten)]
    limit: Limit,
}

pub(crate) async fn run(list: &Sources, at: Door<'_>) -> Done {
    let mut session = at.open().await?;
    let request = ListRequest { kind: Kind::Source.into(), ..Default::default() };
    let entities = fetch(&mut session, request, list.limit.limit).await?;
    if session.json {
        print_json(&mut session, &entities)?;
        return Ok(ExitCode::DONE);
    }
    let now = session.io.now_ms();
    let mut table =
        Table::new(&["SOURCE", "KIND", "STATE", "POLLED", "NEXT", "REPOSITORY", "ERROR"]);
    for entity in entities {
        let Some(Of::Source(source)) = entity.of else { continue };
        let tone = if source.state == "failing" { Tone::Bad } else { Tone::Plain };
        let state = if source.enabled { source.state.as_str() } else { "disabled" };
        table.row([
            Cell::new(&source.name, Tone::Strong),
            source.kind.as_str().into(),
            Cell::new(state, tone),
            source.last_poll_at_ms.map(|at| age(now - at)).unwrap_or_default().into(),
            source.next_poll_at_ms.map(|at| span(at - now)).unwrap_or_default().into(),
            source.repository.as_str().into(),
            Cell::new(&source.last_error, Tone::Bad),
        ]);
    }
    table.print(session.io, "change sources")?;
    Ok(ExitCode::DONE)
}
