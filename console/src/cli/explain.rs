//! `linn explain`: which schedulers take a change, and why a request waits.

use clap::{Args, Subcommand};
use linn_proto::change::explain_request::Of;
use linn_proto::change::{ExplainRequest, Judgement};
use linn_proto::entity::entity::Of as Thing;
use linn_proto::entity::{Kind, Wait};
use serde_json::json;

use super::change::{About, new_change};
use super::json::wait as wait_json;
use super::session::{Door, VERB_PATIENCE};
use super::{Done, ExitCode};
use crate::client::{ClientError, Master, Patience};
use crate::time::span;

pub(crate) const EXAMPLE: &str = "Examples:\n  \
    linn explain change 17\n  \
    linn explain change --branch main --file doc/index.md\n  \
    linn explain request 42";

/// `linn explain`.
#[derive(Debug, Subcommand)]
pub enum Explain {
    /// Which schedulers take a change, and by which rule
    #[command(after_help = EXAMPLE)]
    Change(Box<OfChange>),
    /// Why a request waits, and until when
    #[command(after_help = EXAMPLE)]
    Request(OfRequest),
}

/// A change that was taken in, or one that might be.
#[derive(Debug, Args)]
pub struct OfChange {
    /// A change by its number; else the options tell of one that might come
    #[arg(value_name = "CHANGE")]
    id: Option<u64>,
    /// Who wrote it: `Name <mail>`
    #[arg(
        long,
        value_name = "A",
        default_value = "somebody",
        hide_default_value = true,
        conflicts_with = "id"
    )]
    author: String,
    #[command(flatten)]
    about: About,
}

/// A request.
#[derive(Debug, Args)]
pub struct OfRequest {
    /// By its number
    #[arg(value_name = "REQUEST")]
    id: u64,
}

pub(crate) async fn run(explain: Explain, at: Door<'_>) -> Done {
    match explain {
        Explain::Change(asked) => change(*asked, at).await,
        Explain::Request(asked) => request(&asked, at).await,
    }
}

async fn change(asked: OfChange, at: Door<'_>) -> Done {
    let homeless = asked.id.is_none() && asked.about.is_homeless();
    let of = match asked.id {
        Some(id) => Of::Id(id),
        None => Of::Change(new_change(asked.author, asked.about)?),
    };
    let mut session = at.open().await?;
    let request = ExplainRequest { of: Some(of) };
    let ask = async |master: &Master| master.changes().explain(request.clone()).await;
    let reply = session.persist(Patience::at_most(VERB_PATIENCE), ask).await?;
    if reply.judgements.is_empty() && !session.json {
        session.io.line("no scheduler listens to changes")?;
    }
    for judgement in &reply.judgements {
        if session.json {
            session.io.json(&json!({
                "scheduler": judgement.scheduler,
                "takes": judgement.takes,
                "important": judgement.important,
                "rule": Some(&judgement.rule).filter(|rule| !rule.is_empty()),
                "detail": Some(&judgement.detail).filter(|detail| !detail.is_empty()),
            }))?;
        } else {
            session.io.line(&sentence(judgement))?;
        }
    }
    // Where codebases are declared, one of none of them is taken by nobody.
    if homeless && reply.judgements.iter().any(|judgement| judgement.rule == "codebases") {
        session.io.tell("the change has no place: say --repository or --codebase");
    }
    Ok(ExitCode::DONE)
}

/// `commits takes it, as important`, `docs does not take it: branch: ...`.
fn sentence(judgement: &Judgement) -> String {
    let takes = match (judgement.takes, judgement.important) {
        (false, _) => "does not take it",
        (true, true) => "takes it, as important",
        (true, false) => "takes it along",
    };
    let mut text = format!("{} {takes}", judgement.scheduler);
    for part in [&judgement.rule, &judgement.detail] {
        if !part.is_empty() {
            text = format!("{text}: {part}");
        }
    }
    text
}

async fn request(asked: &OfRequest, at: Door<'_>) -> Done {
    let mut session = at.open().await?;
    let found = session.get(Kind::Request, &asked.id.to_string()).await?;
    let Some(Thing::Request(request)) = &found.of else {
        return Err(ClientError::internal("the master's answer is no request").into());
    };
    if session.json {
        for wait in &request.waits {
            session.io.json(&wait_json(wait))?;
        }
        return Ok(ExitCode::DONE);
    }
    let now = session.io.now_ms();
    let state = match (request.complete_at_ms, request.claimed_at_ms, request.merged_into) {
        (Some(_), ..) => Some("it is over".to_owned()),
        (None, Some(_), Some(into)) => Some(format!("it is built together with request {into}")),
        (None, Some(_), None) => {
            Some(format!("its build {} runs", request.builds.last().map_or("", String::as_str)))
        }
        (None, None, _) if request.waits.is_empty() => Some("it is about to start".to_owned()),
        _ => None,
    };
    if let Some(state) = state {
        session.io.line(&format!("request {} does not wait: {state}", request.id))?;
    }
    for wait in &request.waits {
        session.io.line(&waiting(wait, now))?;
    }
    Ok(ExitCode::DONE)
}

/// `worker_busy: w1 builds linux#4, for 3m at most`.
fn waiting(wait: &Wait, now_ms: i64) -> String {
    match wait.until_ms.map(|until| until - now_ms).filter(|left| *left > 0) {
        Some(left) => format!("{}: {} (about {})", wait.kind, wait.detail, span(left)),
        None => format!("{}: {}", wait.kind, wait.detail),
    }
}
