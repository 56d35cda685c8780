//! `linn builds`.

use clap::Args;
use linn_proto::common::Results;
use linn_proto::console::ListRequest;
use linn_proto::entity::entity::Of;
use linn_proto::entity::{Build, Kind};

use super::listing::{self, Limit};
use super::paint::{self, Tone};
use super::session::Door;
use super::table::Cell;
use super::{Done, words};
use crate::time::{age, span};

pub(crate) const EXAMPLE: &str =
    "Example:\n  linn builds --builder linux --results FAILURE --limit 20";

/// `linn builds`.
#[derive(Debug, Args)]
pub struct Builds {
    /// Of this builder
    #[arg(long, value_name = "B", default_value = "", hide_default_value = true)]
    builder: String,
    /// Of this branch
    #[arg(long, value_name = "B", default_value = "", hide_default_value = true)]
    branch: String,
    /// In this state
    #[arg(long, value_name = "S", value_parser = ["starting", "running", "stopping", "finished"])]
    state: Option<String>,
    /// That ended so
    #[arg(long, value_name = "R", ignore_case = true,
        value_parser = ["SUCCESS", "WARNINGS", "FAILURE", "SKIPPED", "EXCEPTION", "RETRY", "CANCELLED"])]
    results: Option<String>,
    #[command(flatten)]
    limit: Limit,
}

pub(crate) async fn run(list: Builds, at: Door<'_>) -> Done {
    let request = ListRequest {
        kind: Kind::Build.into(),
        builder: list.builder,
        branch: list.branch,
        state: list.state.unwrap_or_default(),
        results: list.results.unwrap_or_default().to_uppercase(),
        ..Default::default()
    };
    let heads = ["BUILD", "RESULT", "AGE", ">TIME", "WORKER", "BRANCH", "REVISION", "TEXT"];
    listing::list(at, request, &list.limit, "builds", heads, |of, look| {
        let Of::Build(build) = of else { return None };
        let stamp = build.sourcestamps.first();
        Some([
            Cell::new(&format!("{}#{}", build.builder, build.number), Tone::Strong),
            outcome(&build, look.rich),
            age(look.now_ms - build.complete_at_ms.unwrap_or(build.started_at_ms)).into(),
            span(build.complete_at_ms.unwrap_or(look.now_ms) - build.started_at_ms).into(),
            build.worker.as_str().into(),
            stamp.and_then(|stamp| stamp.branch.as_deref()).unwrap_or_default().into(),
            short(stamp.and_then(|stamp| stamp.revision.as_deref()).unwrap_or_default()).into(),
            Cell::new(&build.text, Tone::Dim),
        ])
    })
    .await
}

/// The result, or the state of a build that has none yet.
pub(crate) fn outcome(build: &Build, rich: bool) -> Cell {
    let results = build.results();
    let word = match results {
        Results::Unspecified if build.worker_lost => "worker lost",
        Results::Unspecified => words::build_state(build.state()).unwrap_or_default(),
        results => paint::word(results).unwrap_or_default(),
    };
    let text =
        if rich { format!("{} {word}", paint::glyph(results, rich)) } else { word.to_owned() };
    Cell::new(&text, paint::tone(results))
}

/// A revision as people quote it: a hash is cut, a number or a word is not.
pub(crate) fn short(revision: &str) -> &str {
    let is_hash = revision.len() >= 40 && revision.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hash { &revision[..10] } else { revision }
}
