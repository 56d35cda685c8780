//! What the listing commands share: the limit, fetching page after page up to it, and printing what came.

use linn_proto::console::{ListReply, ListRequest};
use linn_proto::entity::Entity;
use linn_proto::entity::entity::Of;

use super::io::Stop;
use super::json;
use super::session::{Door, Session};
use super::table::{Cell, Table};
use super::{Done, ExitCode};

/// The largest page asked for at once.
const PAGE: u32 = 500;

/// How many to show.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Limit {
    /// Show at most so many
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(super) limit: u32,
}

/// What a row is made with, beside its thing.
pub(super) struct Look {
    /// For ages.
    pub(super) now_ms: i64,
    /// Glyphs and colour are wanted.
    pub(super) rich: bool,
}

/// Lists things: one JSON object a line, or a table under `heads` with a row for each thing. `noun` says what there is
/// none of.
pub(super) async fn list<const N: usize>(
    at: Door<'_>,
    request: ListRequest,
    limit: &Limit,
    noun: &str,
    heads: [&'static str; N],
    row: impl Fn(Of, &Look) -> Option<[Cell; N]>,
) -> Done {
    let mut session = at.open().await?;
    // No column shows what a brief answer leaves out; JSON has all of it.
    let request = ListRequest { brief: !session.json, ..request };
    let entities = fetch(&mut session, request, limit.limit).await?;
    if session.json {
        print_json(&mut session, &entities)?;
        return Ok(ExitCode::DONE);
    }
    let look = Look { now_ms: session.io.now_ms(), rich: session.io.rich };
    let mut table = Table::new(&heads);
    for of in entities.into_iter().filter_map(|entity| entity.of) {
        if let Some(cells) = row(of, &look) {
            table.row(cells);
        }
    }
    table.print(session.io, noun)?;
    Ok(ExitCode::DONE)
}

/// Up to `limit` entities in the master's order.
pub(crate) async fn fetch(
    session: &mut Session<'_>,
    mut request: ListRequest,
    limit: u32,
) -> Result<Vec<Entity>, Stop> {
    let mut all: Vec<Entity> = Vec::new();
    loop {
        let got = u32::try_from(all.len()).unwrap_or(u32::MAX);
        request.limit = limit.saturating_sub(got).min(PAGE);
        if request.limit == 0 {
            return Ok(all);
        }
        let reply = session.master.console().list(request.clone()).await?.into_inner();
        let ListReply { entities, next_before } = reply;
        let more = next_before > 0 && !entities.is_empty();
        all.extend(entities.into_iter().take(request.limit as usize));
        if !more {
            return Ok(all);
        }
        request.before = next_before;
    }
}

/// The entities as NDJSON.
pub(crate) fn print_json(session: &mut Session<'_>, entities: &[Entity]) -> Result<(), Stop> {
    entities.iter().try_for_each(|entity| session.io.json(&json::entity(entity)))
}
