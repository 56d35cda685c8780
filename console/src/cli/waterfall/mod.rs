//! `linn waterfall`: one frame of the console's first screen as text.

mod frame;

use clap::Args;
use linn_proto::console::ListRequest;
use linn_proto::entity::entity::Of;
use linn_proto::entity::{Build, Builder, Change, Kind};

use self::frame::Picture;
use super::listing::{fetch, print_json};
use super::session::Door;
use super::{Done, ExitCode};

pub(crate) const EXAMPLE: &str = "Example:\n  linn waterfall --hours 12\n\n\
    With --json: the builds of the frame, one object a line.";

/// Builds and changes of one frame, at most; older ones are left out, and the frame says so.
const MOST: u32 = 2_000;

/// `linn waterfall`.
#[derive(Debug, Args)]
pub struct Waterfall {
    /// How far back
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=720))]
    hours: u32,
}

pub(crate) async fn run(waterfall: &Waterfall, at: Door<'_>) -> Done {
    let mut session = at.open().await?;
    let now_ms = session.io.now_ms();
    let since_ms = now_ms - i64::from(waterfall.hours) * 3_600_000;
    let request = ListRequest {
        kind: Kind::Build.into(),
        since_ms,
        brief: !session.json,
        ..Default::default()
    };
    let found = fetch(&mut session, request, MOST).await?;
    if session.json {
        print_json(&mut session, &found)?;
        return Ok(ExitCode::DONE);
    }
    let cut = found.len() == MOST as usize;
    let builds: Vec<Build> = found.into_iter().filter_map(build).collect();
    let request = ListRequest { kind: Kind::Builder.into(), ..Default::default() };
    let builders: Vec<Builder> =
        fetch(&mut session, request, MOST).await?.into_iter().filter_map(builder).collect();
    let request = ListRequest { kind: Kind::Change.into(), ..Default::default() };
    let changes: Vec<Change> =
        fetch(&mut session, request, 500).await?.into_iter().filter_map(change).collect();
    let io = session.io;
    let picture = Picture {
        now_ms,
        since_ms,
        zone: &io.zone,
        builders: &builders,
        builds: &builds,
        changes: &changes,
        rich: io.rich,
        width: io.width,
        rows: io.height.map_or(40, |rows| rows.saturating_sub(4)).clamp(10, 120),
    };
    for line in picture.lines() {
        io.line(&line)?;
    }
    if cut {
        io.tell(&format!("only the newest {MOST} builds are shown; ask for fewer hours"));
    }
    Ok(ExitCode::DONE)
}

fn build(entity: linn_proto::entity::Entity) -> Option<Build> {
    match entity.of {
        Some(Of::Build(build)) => Some(build),
        _ => None,
    }
}

fn builder(entity: linn_proto::entity::Entity) -> Option<Builder> {
    match entity.of {
        Some(Of::Builder(builder)) => Some(builder),
        _ => None,
    }
}

fn change(entity: linn_proto::entity::Entity) -> Option<Change> {
    match entity.of {
        Some(Of::Change(change)) => Some(change),
        _ => None,
    }
}
