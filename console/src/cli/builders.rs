//! `linn builders`.

use clap::Args;
use linn_proto::common::Results;
use linn_proto::console::ListRequest;
use linn_proto::entity::entity::Of;
use linn_proto::entity::{Builder, Kind};

use super::Done;
use super::listing::{self, Limit};
use super::paint::{self, Tone};
use super::session::Door;
use super::table::Cell;
use crate::time::age;

pub(crate) const EXAMPLE: &str =
    "Example:\n  linn builders --json | jq -r 'select(.last_results == \"FAILURE\").name'";

/// `linn builders`.
#[derive(Debug, Args)]
pub struct Builders {
    #[command(flatten)]
    limit: Limit,
}

pub(crate) async fn run(list: &Builders, at: Door<'_>) -> Done {
    let request = ListRequest { kind: Kind::Builder.into(), ..Default::default() };
    let heads =
        ["BUILDER", "STATE", ">RUNNING", ">PENDING", "LAST", "AGE", "WORKERS", "DESCRIPTION"];
    listing::list(at, request, &list.limit, "builders", heads, |of, look| {
        let Of::Builder(builder) = of else { return None };
        let (last, age) = last(&builder, look.now_ms, look.rich);
        Some([
            Cell::new(&builder.name, Tone::Strong),
            Cell::new(&builder.state, state_tone(&builder.state)),
            builder.running.to_string().into(),
            builder.pending.to_string().into(),
            last,
            age.into(),
            builder.workers.join(" ").into(),
            Cell::new(&builder.description, Tone::Dim),
        ])
    })
    .await
}

fn last(builder: &Builder, now_ms: i64, rich: bool) -> (Cell, String) {
    let Some(build) = builder.recent.first() else {
        return (
            Cell::new(if builder.never_start { "never" } else { "" }, Tone::Dim),
            String::new(),
        );
    };
    let results = build.results();
    let word = match results {
        Results::Unspecified => "running",
        results => paint::word(results).unwrap_or_default(),
    };
    let sign = if rich { format!("{} ", paint::glyph(results, rich)) } else { String::new() };
    let text = format!("{sign}#{} {word}", build.number);
    let at = build.complete_at_ms.unwrap_or(build.started_at_ms);
    (Cell::new(&text, paint::tone(results)), age(now_ms - at))
}

fn state_tone(state: &str) -> Tone {
    match state {
        "building" => Tone::Live,
        "offline" => Tone::Bad,
        "paused" => Tone::Warn,
        _ => Tone::Plain,
    }
}
