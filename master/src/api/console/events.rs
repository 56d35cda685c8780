//! The journal, from a number on, and further as it grows (contract.md C14).

use std::sync::Arc;

use linn_core::action::{Refusal, RefusalKind};
use linn_core::id::Seq;
use linn_core::record::Record;
use linn_proto::console::EventsRequest;
use linn_proto::entity::Event;
use tonic::Status;

use super::super::{Doors, status};
use super::{Outbound, Stopped, say};

/// How many events are read at a time.
const PAGE: usize = 500;

/// Sends them.
pub(super) async fn events(
    doors: Arc<Doors>,
    asked: EventsRequest,
    out: Outbound<Event>,
) -> Result<(), Stopped> {
    if !asked.kind.is_empty() && !Record::KINDS.contains(&asked.kind.as_str()) {
        let kind: String = asked.kind.chars().take(100).collect();
        let kinds = Record::KINDS.into_iter();
        let mistake = Refusal::no_such("kind of event", &kind.escape_debug(), kinds);
        return Err(status::of_refusal(&Refusal { kind: RefusalKind::Mistake, ..mistake }).into());
    }
    let mut left = match asked.limit {
        0 => usize::MAX,
        limit => usize::try_from(limit).unwrap_or(usize::MAX),
    };
    let mut since = asked.since.map(Seq);
    let mut moved = doors.hub.moved();
    loop {
        moved.mark_unchanged();
        // Read before the journal is: what comes in between is then read again, never skipped.
        let reached = doors.hub.seq();
        let page = page(&doors, since, &asked.kind, left.min(PAGE)).await?;
        let full = page.len() == left.min(PAGE);
        for event in page {
            since = Some(event.seq);
            left -= 1;
            say(&out, told(event)).await?;
        }
        if left == 0 {
            return Ok(());
        }
        if full {
            continue;
        }
        if !asked.follow {
            return Ok(());
        }
        // Events of other kinds up to here need not be looked at again.
        since = since.max(Some(Seq(reached)));
        if moved.changed().await.is_err() {
            return Ok(());
        }
    }
}

async fn page(
    doors: &Doors,
    since: Option<Seq>,
    kind: &str,
    limit: usize,
) -> Result<Vec<crate::store::Event>, Status> {
    let kind = kind.to_owned();
    doors.query(move |queries| queries.events(since, &kind, limit)).await
}

fn told(event: crate::store::Event) -> Event {
    Event {
        seq: event.seq.0,
        at_ms: event.at.0,
        kind: event.kind,
        subject: event.subject,
        json: event.body,
    }
}
