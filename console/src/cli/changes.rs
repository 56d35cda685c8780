//! `linn changes`.

use clap::Args;
use linn_proto::console::ListRequest;
use linn_proto::entity::Kind;
use linn_proto::entity::entity::Of;

use super::listing::{self, Limit};
use super::paint::Tone;
use super::session::Door;
use super::table::Cell;
use super::{Done, builds};
use crate::time::age;

pub(crate) const EXAMPLE: &str = "Example:\n  linn changes --branch main --author ana --limit 10";

/// `linn changes`.
#[derive(Debug, Args)]
pub struct Changes {
    /// Of this branch
    #[arg(long, value_name = "B", default_value = "", hide_default_value = true)]
    branch: String,
    /// Whose author contains this text
    #[arg(long, value_name = "A", default_value = "", hide_default_value = true)]
    author: String,
    #[command(flatten)]
    limit: Limit,
}

pub(crate) async fn run(list: Changes, at: Door<'_>) -> Done {
    let request = ListRequest {
        kind: Kind::Change.into(),
        branch: list.branch,
        author: list.author,
        ..Default::default()
    };
    let heads = [">ID", "AGE", "BRANCH", "REVISION", "AUTHOR", ">FILES", "SUBJECT"];
    listing::list(at, request, &list.limit, "changes", heads, |of, look| {
        let Of::Change(change) = of else { return None };
        Some([
            Cell::new(&change.id.to_string(), Tone::Strong),
            age(look.now_ms - change.when_ms).into(),
            change.branch.as_deref().unwrap_or_default().into(),
            builds::short(change.revision.as_deref().unwrap_or_default()).into(),
            change.author.as_str().into(),
            change.files.len().to_string().into(),
            change.comments.lines().next().unwrap_or_default().into(),
        ])
    })
    .await
}
