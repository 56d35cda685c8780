//! `linn source poll`: look for changes now. Returns when the poll has ended and its changes are stored (C40).

use clap::{Args, Subcommand};
use linn_proto::control::PollSourceRequest;
use linn_proto::entity::Kind;

use super::session::{Door, VERB_PATIENCE};
use super::{Done, ExitCode, json, unpack};
use crate::client::{Master, Patience};

pub(crate) const EXAMPLE: &str = "Example:\n  linn source poll upstream";

/// `linn source`.
#[derive(Debug, Subcommand)]
pub enum SourceVerb {
    /// Look for changes now, and wait until they are stored
    #[command(after_help = EXAMPLE)]
    Poll(Poll),
}

/// Which one.
#[derive(Debug, Args)]
pub struct Poll {
    /// The change source's name
    #[arg(value_name = "NAME")]
    source: String,
}

pub(crate) async fn run(verb: SourceVerb, at: Door<'_>) -> Done {
    let SourceVerb::Poll(poll) = verb;
    let mut session = at.open().await?;
    let request = PollSourceRequest { source: poll.source.clone() };
    // Polling twice does no harm: a change is known by its key.
    let accepted = session
        .persist(Patience::at_most(VERB_PATIENCE), async |master: &Master| {
            master.control().poll_source(request.clone()).await
        })
        .await?;
    if session.json {
        let source = unpack::made(&mut session, &accepted, Kind::Source).await;
        let source = match source {
            Ok(source) => source,
            Err(_) => session.get(Kind::Source, &poll.source).await?,
        };
        session.io.json(&json::entity(&source))?;
    } else {
        session.io.tell(&format!("polled {}", poll.source));
    }
    Ok(ExitCode::DONE)
}
