//! `linn schedulers`.

use clap::Args;
use linn_proto::console::ListRequest;
use linn_proto::entity::Kind;
use linn_proto::entity::entity::Of;

use super::Done;
use super::listing::{self, Limit};
use super::paint::Tone;
use super::session::Door;
use super::table::Cell;
use crate::time::span;

pub(crate) const EXAMPLE: &str = "Example:\n  linn schedulers";

/// `linn schedulers`.
#[derive(Debug, Args)]
pub struct Schedulers {
    #[command(flatten)]
    limit: Limit,
}

pub(crate) async fn run(list: &Schedulers, at: Door<'_>) -> Done {
    let request = ListRequest { kind: Kind::Scheduler.into(), ..Default::default() };
    let heads = ["SCHEDULER", "KIND", "STATE", "FIRES IN", ">WAITING", "BUILDERS"];
    listing::list(at, request, &list.limit, "schedulers", heads, |of, look| {
        let Of::Scheduler(scheduler) = of else { return None };
        let (state, tone) =
            if scheduler.enabled { ("enabled", Tone::Plain) } else { ("disabled", Tone::Warn) };
        Some([
            Cell::new(&scheduler.name, Tone::Strong),
            scheduler.kind.as_str().into(),
            Cell::new(state, tone),
            scheduler.next_fire_at_ms.map(|at| span(at - look.now_ms)).unwrap_or_default().into(),
            scheduler.waiting_changes.len().to_string().into(),
            scheduler.builders.join(" ").into(),
        ])
    })
    .await
}
