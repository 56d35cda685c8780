//! What the listing commands share: the limit, and fetching page after page up to it.

use linn_proto::console::{ListReply, ListRequest};
use linn_proto::entity::Entity;

use super::io::Stop;
use super::json;
use super::session::Session;

/// The largest page asked for at once.
const PAGE: u32 = 500;

/// How many to show.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Limit {
    /// Show at most so many
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(super) limit: u32,
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
    for entity in entities {
        session.io.json(&json::entity(entity))?;
    }
    Ok(())
}
