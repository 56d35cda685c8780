//! `linn build`: one build, whole.

use clap::Args;
use linn_proto::common::Results;
use linn_proto::entity::{Build, Kind, Step};

use super::builds::{outcome, short};
use super::io::{Io, Stop};
use super::paint::{self, Tone};
use super::session::Door;
use super::table::{Cell, Table};
use super::{Done, ExitCode, json, unpack, words};
use crate::client::BuildRef;
use crate::safe::text as shown;
use crate::time::{age, span};

pub(crate) const EXAMPLE: &str =
    "Example:\n  linn build linux#42\n  linn build linux --json | jq .blamelist";

/// `linn build`.
#[derive(Debug, Args)]
pub struct ShowBuild {
    /// BUILDER#NUMBER, or BUILDER for its newest build
    #[arg(value_name = "BUILD")]
    build: String,
}

pub(crate) async fn run(show: &ShowBuild, at: Door<'_>) -> Done {
    let reference: BuildRef = show.build.parse()?;
    let mut session = at.open().await?;
    let entity = session.get(Kind::Build, &reference.to_string()).await?;
    if session.json {
        session.io.json(&json::entity(&entity))?;
    } else {
        print(session.io, &unpack::build(entity)?)?;
    }
    Ok(ExitCode::DONE)
}

fn print(io: &mut Io, build: &Build) -> Result<(), Stop> {
    let (now, rich) = (io.now_ms(), io.rich);
    let mut facts = Table::new(&["BUILD", ""]);
    let mut fact = |name: &str, value: Cell| facts.row([Cell::new(name, Tone::Dim), value]);
    fact("name", Cell::new(&format!("{}#{}", build.builder, build.number), Tone::Strong));
    fact("result", outcome(build, rich));
    if !build.text.is_empty() {
        fact("text", build.text.as_str().into());
    }
    if !build.reason.is_empty() {
        fact("reason", build.reason.as_str().into());
    }
    if !build.stop_reason.is_empty() {
        fact("stopped", build.stop_reason.as_str().into());
    }
    if let Some(pin) = &build.pin {
        let day = io.zone.date(pin.at_ms);
        fact("pinned", format!("{day} by {}: {}", pin.by, pin.reason).as_str().into());
    }
    for (what, cleared) in [("logs", &build.logs_deleted), ("artifacts", &build.artifacts_deleted)]
    {
        if let Some(cleared) = cleared {
            let day = io.zone.date(cleared.at_ms);
            fact(what, format!("deleted {day} by retention ({})", cleared.rule).into());
        }
    }
    if !build.worker.is_empty() {
        fact("worker", build.worker.as_str().into());
    }
    let (day, second) = (io.zone.day(build.started_at_ms), io.zone.second(build.started_at_ms));
    fact("started", format!("{day} {second}, {} ago", age(now - build.started_at_ms)).into());
    let took = span(build.complete_at_ms.unwrap_or(now) - build.started_at_ms);
    let usual = build.usual_ms.map(|ms| format!(", usually {}", span(ms)));
    fact("took", format!("{took}{}", usual.unwrap_or_default()).into());
    if build.attempt > 1 {
        fact("attempt", build.attempt.to_string().into());
    }
    for stamp in &build.sourcestamps {
        let got = build.got_revision.get(&stamp.codebase).or(stamp.revision.as_ref());
        let revision = got.map_or("", |revision| short(revision));
        let branch = stamp.branch.as_deref().unwrap_or("the default branch");
        let name = if stamp.codebase.is_empty() { "source" } else { &stamp.codebase };
        let asked = match stamp.requested.as_str() {
            "" => String::new(),
            typed => format!(" (asked for as {typed})"),
        };
        fact(name, format!("{branch} {revision}{asked} {}", stamp.repository).into());
    }
    for line in facts.lines(io.rich, io.width).into_iter().skip(1) {
        io.line(&line)?;
    }
    steps(io, build)?;
    if !build.blamelist.is_empty() {
        heading(io, "blame")?;
        for person in &build.blamelist {
            io.line(&format!("  {}", shown(person)))?;
        }
    }
    if !build.properties.is_empty() {
        io.line("")?;
        let mut table = Table::new(&["PROPERTY", "SOURCE", "VALUE"]);
        for property in &build.properties {
            table.row([
                property.name.as_str().into(),
                Cell::new(&property.source, Tone::Dim),
                property.json.as_str().into(),
            ]);
        }
        table.print(io, "properties")?;
    }
    Ok(())
}

fn steps(io: &mut Io, build: &Build) -> Result<(), Stop> {
    let now = io.now_ms();
    let shown_steps: Vec<&Step> = build.steps.iter().filter(|step| !step.hidden).collect();
    if shown_steps.is_empty() {
        return Ok(());
    }
    io.line("")?;
    let mut table = Table::new(&[">", "STEP", "RESULT", ">TIME", "LOGS", "TEXT"]);
    for step in shown_steps {
        let results = step.results();
        let word = match results {
            Results::Unspecified => words::step_state(step.state()).unwrap_or_default(),
            results => paint::word(results).unwrap_or_default(),
        };
        let took = step.started_at_ms.map(|from| step.complete_at_ms.unwrap_or(now) - from);
        let logs: Vec<&str> = step.logs.iter().map(|log| log.name.as_str()).collect();
        table.row([
            step.number.to_string().into(),
            Cell::new(&step.name, Tone::Strong),
            Cell::new(word, paint::tone(results)),
            took.map(span).unwrap_or_default().into(),
            logs.join(" ").into(),
            Cell::new(&step.text, Tone::Dim),
        ]);
        for url in &step.urls {
            let text = format!("{}: {}", url.name, url.url);
            let empty = || Cell::from("");
            table.row([empty(), empty(), empty(), empty(), empty(), Cell::new(&text, Tone::Dim)]);
        }
    }
    table.print(io, "steps")?;
    failed_tests(io, build)
}

/// The most failed tests shown of a step; JSON has more.
const FAILED_TESTS: usize = 50;

fn failed_tests(io: &mut Io, build: &Build) -> Result<(), Stop> {
    for step in build.steps.iter().filter(|step| !step.tests.is_empty()) {
        heading(io, &format!("failed tests of {}", step.name))?;
        for test in step.tests.iter().take(FAILED_TESTS) {
            #[expect(clippy::cast_possible_truncation, reason = "a span in milliseconds")]
            let took = test.seconds.map(|it| format!("  {}", span((it * 1_000.0) as i64)));
            io.line(&format!("  {}{}", shown(&test.name), took.unwrap_or_default()))?;
        }
        let more = step.tests.len().saturating_sub(FAILED_TESTS);
        if more > 0 {
            io.line(&format!("  and {more} more (--json has them)"))?;
        }
    }
    Ok(())
}

fn heading(io: &mut Io, text: &str) -> Result<(), Stop> {
    let text = text.to_uppercase();
    let painted = if io.rich { Tone::Dim.paint(&text) } else { text };
    io.line("")?;
    io.line(&painted)
}
