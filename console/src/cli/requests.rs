//! `linn requests`: the queue, and with `--all` what went through it.

use clap::Args;
use linn_proto::console::ListRequest;
use linn_proto::entity::entity::Of;
use linn_proto::entity::{BuildRequest, Kind};

use super::Done;
use super::listing::{self, Limit};
use super::paint::{self, Tone};
use super::session::Door;
use super::table::Cell;
use crate::time::{age, span};

pub(crate) const EXAMPLE: &str = "Example:\n  linn requests --builder linux\n\n\
    The last column says why each one waits.";

/// `linn requests`.
#[derive(Debug, Args)]
pub struct Requests {
    /// Of this builder
    #[arg(long, value_name = "B", default_value = "", hide_default_value = true)]
    builder: String,
    /// Complete ones too, newest first
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    limit: Limit,
}

pub(crate) async fn run(list: Requests, at: Door<'_>) -> Done {
    let request = ListRequest {
        kind: Kind::Request.into(),
        builder: list.builder,
        all: list.all,
        ..Default::default()
    };
    let heads = [">ID", "BUILDER", ">PRIORITY", "AGE", "STATE", "BUILDS", "REASON", "WAITS FOR"];
    listing::list(at, request, &list.limit, "requests", heads, |of, look| {
        let Of::Request(request) = of else { return None };
        Some([
            Cell::new(&request.id.to_string(), Tone::Strong),
            request.builder.as_str().into(),
            request.priority.to_string().into(),
            age(look.now_ms - request.submitted_at_ms).into(),
            state(&request),
            request.builds.join(" ").into(),
            request.reason.as_str().into(),
            Cell::new(&waits(&request, look.now_ms), Tone::Dim),
        ])
    })
    .await
}

fn state(request: &BuildRequest) -> Cell {
    let results = request.results();
    match (paint::word(results), request.merged_into, request.claimed_at_ms) {
        (Some(word), _, _) => Cell::new(word, paint::tone(results)),
        (None, Some(into), _) => Cell::new(&format!("merged into {into}"), Tone::Dim),
        (None, None, Some(_)) => Cell::new("building", Tone::Live),
        (None, None, None) => Cell::new("waiting", Tone::Plain),
    }
}

fn waits(request: &BuildRequest, now_ms: i64) -> String {
    let one = |wait: &linn_proto::entity::Wait| {
        let detail =
            if wait.detail.is_empty() { wait.kind.replace('_', " ") } else { wait.detail.clone() };
        match wait.until_ms {
            Some(until) if until > now_ms => format!("{detail} (in {})", span(until - now_ms)),
            _ => detail,
        }
    };
    request.waits.iter().map(one).collect::<Vec<_>>().join("; ")
}
