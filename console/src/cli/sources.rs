//! `linn sources`.

use clap::Args;
use linn_proto::console::ListRequest;
use linn_proto::entity::Kind;
use linn_proto::entity::entity::Of;

use super::Done;
use super::listing::{self, Limit};
use super::paint::Tone;
use super::session::Door;
use super::table::Cell;
use crate::time::{age, span};

pub(crate) const EXAMPLE: &str = "Example:\n  linn sources";

/// `linn sources`.
#[derive(Debug, Args)]
pub struct Sources {
    #[command(flatten)]
    limit: Limit,
}

pub(crate) async fn run(list: &Sources, at: Door<'_>) -> Done {
    let request = ListRequest { kind: Kind::Source.into(), ..Default::default() };
    let heads = ["SOURCE", "KIND", "STATE", "POLLED", "NEXT", "REPOSITORY", "ERROR"];
    listing::list(at, request, &list.limit, "change sources", heads, |of, look| {
        let Of::Source(source) = of else { return None };
        let tone = if source.state == "failing" { Tone::Bad } else { Tone::Plain };
        let state = if source.enabled { source.state.as_str() } else { "disabled" };
        Some([
            Cell::new(&source.name, Tone::Strong),
            source.kind.as_str().into(),
            Cell::new(state, tone),
            source.last_poll_at_ms.map(|at| age(look.now_ms - at)).unwrap_or_default().into(),
            source.next_poll_at_ms.map(|at| span(at - look.now_ms)).unwrap_or_default().into(),
            source.repository.as_str().into(),
            Cell::new(&source.last_error, Tone::Bad),
        ])
    })
    .await
}
