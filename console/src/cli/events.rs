//! `linn events`: the journal, from a sequence number on.

use std::ops::ControlFlow;

use clap::Args;
use linn_proto::console::EventsRequest;
use linn_proto::entity::Event;
use serde_json::Value;

use super::io::Stop;
use super::json;
use super::session::{Door, Session};
use super::table::cut;
use super::{Done, ExitCode};
use crate::client::Patience;
use crate::safe::text as shown;

pub(crate) const EXAMPLE: &str = "Example:\n  linn events --since 4711 -f --json\n\n\
    --since N gives every event with a sequence number above N; without it, from the oldest kept.";

/// `linn events`.
#[derive(Debug, Args)]
pub struct Events {
    /// Those after this sequence number [default: from the oldest kept]
    #[arg(long, value_name = "SEQ")]
    since: Option<u64>,
    /// Go on with new ones until interrupted
    #[arg(short, long)]
    follow: bool,
    /// Of this kind: build_started, build_finished ...
    #[arg(long, value_name = "K", default_value = "", hide_default_value = true)]
    kind: String,
    /// At most so many [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
}

/// Where the reading is.
struct Cursor {
    since: Option<u64>,
    left: Option<u64>,
}

pub(crate) async fn run(args: Events, at: Door<'_>) -> Done {
    let mut session = at.open().await?;
    let mut cursor = Cursor { since: args.since, left: args.limit };
    let mut patience = if args.follow { Patience::endless() } else { Patience::none() };
    loop {
        let request = EventsRequest {
            since: cursor.since,
            follow: args.follow,
            kind: args.kind.clone(),
            limit: cursor.left.map_or(0, |left| u32::try_from(left).unwrap_or(u32::MAX)),
        };
        let ended = stream(&mut session, request, &mut cursor, &mut patience).await?;
        match ended {
            Ok(ControlFlow::Break(())) => return Ok(ExitCode::DONE),
            // A journal that is followed has no end: a master that stops closes it.
            Ok(ControlFlow::Continue(())) if args.follow => {
                let status = tonic::Status::unavailable("the master ended the stream");
                session.missed(&mut patience, &status).await?;
            }
            Ok(ControlFlow::Continue(())) => return Ok(ExitCode::DONE),
            Err(status) if crate::client::lost(&status) => {
                session.missed(&mut patience, &status).await?;
            }
            Err(status) => return Err(status.into()),
        }
    }
}

/// Prints one stream to its end. The inner error is the link's.
async fn stream(
    session: &mut Session<'_>,
    request: EventsRequest,
    cursor: &mut Cursor,
    patience: &mut Patience,
) -> Result<Result<ControlFlow<()>, tonic::Status>, Stop> {
    let gone = session.io.gone();
    let mut events = match session.master.console().events(request).await {
        Ok(events) => events.into_inner(),
        Err(status) => return Ok(Err(status)),
    };
    session.found(patience);
    loop {
        let event = tokio::select! {
            event = events.message() => event,
            () = gone.wait() => return Err(Stop::PipeClosed),
        };
        let event = match event {
            Ok(Some(event)) => event,
            Ok(None) => return Ok(Ok(ControlFlow::Continue(()))),
            Err(status) => return Ok(Err(status)),
        };
        if cursor.since.is_some_and(|since| event.seq <= since) {
            continue;
        }
        print(session, &event)?;
        session.io.flush()?;
        cursor.since = Some(event.seq);
        if let Some(left) = &mut cursor.left {
            *left -= 1;
            if *left == 0 {
                return Ok(Ok(ControlFlow::Break(())));
            }
        }
    }
}

fn print(session: &mut Session<'_>, event: &Event) -> Result<(), Stop> {
    if session.json {
        return session.io.json(&json::event(event));
    }
    let zone = &session.io.zone;
    let clock = format!("{} {}", zone.day(event.at_ms), zone.second(event.at_ms));
    let fields = Value::Object(json::fields(event));
    let fields = if fields.as_object().is_some_and(serde_json::Map::is_empty) {
        String::new()
    } else {
        format!("  {}", shown(&fields.to_string()))
    };
    let line = format!(
        "{:>8}  {clock}  {:<22}  {}{fields}",
        event.seq,
        shown(&event.kind),
        shown(&event.subject)
    );
    let line = session.io.width.map_or_else(|| line.clone(), |width| cut(&line, width));
    session.io.line(&line)
}
