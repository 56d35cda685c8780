//! `linn buildsets`.

use clap::Args;
use linn_proto::common::Results;
use linn_proto::console::ListRequest;
use linn_proto::entity::Kind;
use linn_proto::entity::entity::Of;

use super::listing::{self, Limit};
use super::paint::{self, Tone};
use super::session::Door;
use super::table::Cell;
use super::{Done, builds};
use crate::time::age;

pub(crate) const EXAMPLE: &str = "Example:\n  linn buildsets --limit 5";

/// `linn buildsets`.
#[derive(Debug, Args)]
pub struct Buildsets {
    /// With a request for this builder
    #[arg(long, value_name = "B", default_value = "", hide_default_value = true)]
    builder: String,
    /// With this external id, as `force` and `try` were given it
    #[arg(long, value_name = "X", default_value = "", hide_default_value = true)]
    external_id: String,
    #[command(flatten)]
    limit: Limit,
}

pub(crate) async fn run(list: Buildsets, at: Door<'_>) -> Done {
    let request = ListRequest {
        kind: Kind::Buildset.into(),
        builder: list.builder,
        external_id: list.external_id,
        ..Default::default()
    };
    let heads = [">ID", "RESULT", "AGE", "SCHEDULER", "BRANCH", "REVISION", ">REQUESTS", "REASON"];
    listing::list(at, request, &list.limit, "buildsets", heads, |of, look| {
        let Of::Buildset(set) = of else { return None };
        let stamp = set.sourcestamps.first();
        let results = set.results();
        let word = match results {
            Results::Unspecified => "open",
            results => paint::word(results).unwrap_or_default(),
        };
        Some([
            Cell::new(&set.id.to_string(), Tone::Strong),
            Cell::new(word, paint::tone(results)),
            age(look.now_ms - set.submitted_at_ms).into(),
            set.scheduler.as_str().into(),
            stamp.and_then(|stamp| stamp.branch.as_deref()).unwrap_or_default().into(),
            builds::short(stamp.and_then(|stamp| stamp.revision.as_deref()).unwrap_or_default())
                .into(),
            set.requests.len().to_string().into(),
            Cell::new(&set.reason, Tone::Dim),
        ])
    })
    .await
}
