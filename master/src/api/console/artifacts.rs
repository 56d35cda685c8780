//! The files that a build kept: their list, and the bytes of one (C32, C45).

use std::io::{Read as _, Seek as _, SeekFrom};
use std::sync::Arc;

use linn_core::model::Build;
use linn_proto::console as wire;
use tonic::Status;

use super::super::reference::{self, BuildNamed};
use super::super::{Doors, status};
use super::{Outbound, Stopped, say};
use crate::artifacts::blocking;

/// One read.
const PIECE: u64 = 256 * 1024;

async fn build(doors: &Doors, named: &str) -> Result<Build, Status> {
    let reference = reference::build(named)?;
    let found = doors
        .query(move |queries| match &reference {
            BuildNamed::Exactly(build) => queries.build(build),
            BuildNamed::Newest(builder) => queries.newest_build(builder),
        })
        .await?;
    let named = named.escape_debug();
    found.ok_or_else(|| {
        status::unknown(format!("there is no build `{named}`"), "`linn builds` lists them")
    })
}

/// All files of a build.
pub(super) async fn list(
    doors: &Doors,
    asked: wire::ArtifactsRequest,
) -> Result<wire::ArtifactsReply, Status> {
    let build = build(doors, &asked.build).await?;
    let found = doors.query(move |queries| queries.artifacts(build.id)).await?;
    let info = |(artifact, step): (linn_core::model::Artifact, String)| wire::ArtifactInfo {
        name: artifact.name,
        bytes: artifact.bytes,
        sha256: artifact.sha256,
        step,
    };
    Ok(wire::ArtifactsReply { artifacts: found.into_iter().map(info).collect() })
}

/// The bytes of one file.
pub(super) async fn bytes(
    doors: Arc<Doors>,
    asked: wire::ArtifactRequest,
    out: Outbound<wire::RawBytes>,
) -> Result<(), Stopped> {
    let build = build(&doors, &asked.build).await?;
    let (id, name, reference) = (build.id, asked.name.clone(), build.reference());
    let found = doors.query(move |queries| queries.artifact(id, &name)).await?;
    let shown = asked.name.escape_debug().to_string();
    let cleared = build.keeping.artifacts.clone();
    let found = found.ok_or_else(|| {
        if let Some(cleared) = cleared {
            let (on, rule) = (super::get::day(cleared.at), cleared.rule);
            let what =
                format!("the files of {reference} were deleted on {on} by retention ({rule})");
            return status::unknown(
                what,
                "`linn pin` keeps the files of a build from being deleted",
            );
        }
        let hint = format!("`linn artifacts {reference}` lists them");
        status::unknown(format!("{reference} kept no file `{shown}`"), &hint)
    })?;
    let path = doors.artifacts.path(&found.sha256);
    let unread = |error: std::io::Error| {
        status::broken(format!("the file `{shown}` cannot be read"), &error.to_string())
    };
    let mut file = blocking(move || std::fs::File::open(path)).await.map_err(unread)?;
    let mut offset = asked.offset;
    file.seek(SeekFrom::Start(offset)).map_err(unread)?;
    while offset < found.bytes {
        let (back, data) = blocking(move || {
            let mut data = Vec::new();
            std::io::Read::by_ref(&mut file).take(PIECE).read_to_end(&mut data)?;
            Ok((file, data))
        })
        .await
        .map_err(unread)?;
        file = back;
        if data.is_empty() {
            return Err(unread(std::io::ErrorKind::UnexpectedEof.into()).into());
        }
        offset += data.len() as u64;
        say(&out, wire::RawBytes { data: data.into() }).await?;
    }
    Ok(())
}
