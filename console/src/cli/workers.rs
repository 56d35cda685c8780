//! `linn workers`.

use clap::Args;
use linn_proto::console::ListRequest;
use linn_proto::entity::Kind;
use linn_proto::entity::entity::Of;

use super::Done;
use super::listing::{self, Limit};
use super::paint::Tone;
use super::session::Door;
use super::table::Cell;
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
    let request = ListRequest { kind: Kind::Worker.into(), ..Default::default() };
    let heads = ["WORKER", "STATE", "SEEN", ">MAX", "PLATFORM", "VERSION", "RUNNING", "REASON"];
    listing::list(at, request, &list.limit, "workers", heads, |of, look| {
        let Of::Worker(worker) = of else { return None };
        let tone = match worker.state.as_str() {
            "online" => Tone::Good,
            "paused" | "draining" => Tone::Warn,
            _ => Tone::Bad,
        };
        Some([
            Cell::new(&worker.name, Tone::Strong),
            Cell::new(&worker.state, tone),
            seen(&worker, look.now_ms).into(),
            worker.max_builds.map(|max| max.to_string()).unwrap_or_default().into(),
            worker.platform.as_str().into(),
            worker.version.as_str().into(),
            worker.running.join(" ").into(),
            Cell::new(&worker.paused_reason, Tone::Dim),
        ])
    })
    .await
}

/// When a worker was last there. One that is there was seen just now: the master writes down only comings and goings.
fn seen(worker: &linn_proto::entity::Worker, now_ms: i64) -> String {
    match worker.state.as_str() {
        "online" | "paused" | "draining" => "now".to_owned(),
        _ => worker.last_seen_at_ms.map(|seen| age(now_ms - seen)).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The master writes down when a worker comes and goes, not every ping: an old time says nothing of one that is there.
    #[test]
    fn only_a_worker_that_is_away_has_an_age() {
        let worker = |state: &str, last_seen_at_ms| linn_proto::entity::Worker {
            state: state.to_owned(),
            last_seen_at_ms,
            ..Default::default()
        };
        assert_eq!(seen(&worker("online", Some(0)), 120_000), "now");
        assert_eq!(seen(&worker("paused", Some(0)), 120_000), "now");
        assert_eq!(seen(&worker("offline", Some(0)), 120_000), "2m");
        assert_eq!(seen(&worker("missing", None), 120_000), "");
    }
}
