//! `linn wait`: until it is finished, however long; the exit code is its result's.

use clap::Args;
use linn_proto::entity::Kind;

use super::session::Door;
use super::{Done, json, outcome, paint, unpack};
use crate::client::{Awaited, awaited};

pub(crate) const EXAMPLE: &str = "Example:\n  linn wait linux#42 && deploy\n\n\
    A bare number is a request; write buildset:17 for a buildset. A lost master is waited for.";

/// `linn wait`.
#[derive(Debug, Args)]
pub struct Wait {
    /// BUILDER#NUMBER, a request's number, or buildset:NUMBER
    #[arg(value_name = "BUILD|REQUEST|BUILDSET")]
    what: String,
}

pub(crate) async fn run(wait: &Wait, at: Door<'_>) -> Done {
    let what = awaited(&wait.what)?;
    let mut session = at.open().await?;
    let (kind, reference, name) = match what {
        Awaited::Build(build) => {
            let build = session.pinned(build).await?.to_string();
            (Kind::Build, build.clone(), build)
        }
        Awaited::Request(id) => (Kind::Request, id.to_string(), format!("request:{id}")),
        Awaited::Buildset(id) => (Kind::Buildset, id.to_string(), format!("buildset:{id}")),
    };
    let ended = session.wait(kind, reference).await?;
    let results = unpack::results(&ended);
    if session.json {
        session.io.json(&json::entity(&ended))?;
    } else {
        session.io.line(&format!("{name} {}", paint::word(results).unwrap_or("-")))?;
    }
    Ok(outcome::exit_code(results))
}
