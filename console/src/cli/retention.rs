//! `linn retention`: what of history goes by the rules and why, what stays all the same, and letting it go now.

use clap::Args;
use linn_proto::control::{RetentionItem, RetentionReply, RetentionRequest};
use serde_json::json;

use super::io::{Io, Stop};
use super::json::maybe_time;
use super::paint::Tone;
use super::session::Door;
use super::table::{Cell, Table};
use super::{Done, ExitCode};
use crate::safe::text as shown;
use crate::time::{bytes, grouped};

pub(crate) const EXAMPLE: &str = "Examples:
  linn retention                       what would go now, by which rule, and what stays
  linn retention --now                 let it go now
  linn retention --json | jq -r 'select(.goes) | [.kind, .count] | @tsv'

The rules are those of `retention` in master.star. The master goes by them once a day, for the first time a day after they came.
`linn pin BUILD` keeps a build with all that belongs to it.";

/// `linn retention`.
#[derive(Debug, Args)]
pub struct Retention {
    /// Let it go now, instead of showing it
    #[arg(long)]
    now: bool,
}

pub(crate) async fn run(retention: &Retention, at: Door<'_>) -> Done {
    let session = at.open().await?;
    let request = RetentionRequest { now: retention.now };
    // Never asked again by itself: what has gone meanwhile would not be told.
    let found = session.master.control().retention(request).await?.into_inner();
    if session.json { objects(session.io, &found) } else { print(session.io, &found) }?;
    Ok(ExitCode::DONE)
}

fn objects(io: &mut Io, found: &RetentionReply) -> Result<(), Stop> {
    for item in &found.items {
        io.json(&json!({
            "goes": true,
            "done": found.done,
            "kind": item.kind,
            "rule": some(&item.rule),
            "count": item.count,
            "bytes": item.bytes,
            "oldest_at": maybe_time(item.oldest_ms),
            "newest_at": maybe_time(item.newest_ms),
            "oldest": some(&item.oldest),
            "newest": some(&item.newest),
        }))?;
    }
    for stay in &found.stays {
        let (kind, why, count) = (&stay.kind, &stay.why, stay.count);
        io.json(&json!({"goes": false, "kind": kind, "why": why, "count": count}))?;
    }
    Ok(())
}

fn some(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

fn print(io: &mut Io, found: &RetentionReply) -> Result<(), Stop> {
    if found.rules.is_empty() {
        io.tell("nothing is ever deleted: master.star has no rules of retention");
        return Ok(());
    }
    let (verb, nothing) = if found.done {
        ("WENT", "nothing was to go")
    } else {
        ("WOULD GO", "nothing would go now")
    };
    if found.items.is_empty() {
        io.line(nothing)?;
    } else {
        let mut table = Table::new(&[verb, ">COUNT", ">BYTES", "OLDEST", "NEWEST", "BY"]);
        for item in &found.items {
            let size = if item.bytes > 0 { bytes(item.bytes) } else { String::new() };
            table.row([
                Cell::new(&item.kind, Tone::Strong),
                grouped(item.count).into(),
                size.into(),
                end(io, item.oldest_ms, &item.oldest).into(),
                end(io, item.newest_ms, &item.newest).into(),
                Cell::new(why(item), Tone::Dim),
            ]);
        }
        table.print(io, "history")?;
    }
    if !found.stays.is_empty() {
        io.line("")?;
        let mut table = Table::new(&["STAYS", ">COUNT", "THOUGH OLD, FOR"]);
        for stay in &found.stays {
            table.row([
                Cell::new(&stay.kind, Tone::Strong),
                grouped(stay.count).into(),
                stay.why.as_str().into(),
            ]);
        }
        table.print(io, "history")?;
    }
    io.line("")?;
    io.line(&format!("rules  {}", shown(&found.rules)))?;
    for (word, at) in [("last ", found.last_at_ms), ("next ", found.next_at_ms)] {
        if let Some(at) = at {
            io.line(&format!("{word}  {} {}", io.zone.date(at), io.zone.second(at)))?;
        }
    }
    Ok(())
}

fn why(item: &RetentionItem) -> &str {
    if !item.rule.is_empty() {
        return &item.rule;
    }
    match item.kind.as_str() {
        "buildsets" => "no build of theirs stays",
        "configurations" => "no build that stays was made by them",
        _ => "",
    }
}

/// `2026-01-05 linux#12`.
fn end(io: &Io, at: Option<i64>, name: &str) -> String {
    let day = at.map(|at| io.zone.date(at)).unwrap_or_default();
    format!("{day} {name}").trim().to_owned()
}
