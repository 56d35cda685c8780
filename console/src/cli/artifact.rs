//! `linn artifact`: one file that a build kept (C32, C45).

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use linn_proto::console::ArtifactRequest;
use tonic::Status;

use super::io::Stop;
use super::session::{Door, Session, VERB_PATIENCE};
use super::{Done, ExitCode};
use crate::client::{BuildRef, ClientError, Patience, lost};

pub(crate) const EXAMPLE: &str =
    "Example:\n  linn artifact linux#42/dist/zork.tar.zst -o zork.tar.zst";

/// `linn artifact`.
#[derive(Debug, Args)]
pub struct Artifact {
    /// BUILD/NAME, where NAME may hold slashes
    #[arg(value_name = "BUILD/NAME")]
    artifact: String,
    /// Write it to this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Where the bytes go.
struct Sink {
    file: Option<(File, PathBuf)>,
    /// How many went.
    offset: u64,
}

pub(crate) async fn run(one: &Artifact, at: Door<'_>) -> Done {
    let (build, name) = one.artifact.split_once('/').unwrap_or((&one.artifact, ""));
    let build: BuildRef = build.parse()?;
    if name.is_empty() {
        let what = format!("`{}` names no file", one.artifact.escape_debug());
        let hint = "write BUILD/NAME, as `linn artifacts BUILD` lists them";
        return Err(ClientError::usage(what).hint(hint).into());
    }
    let mut session = at.open().await?;
    let mut sink = Sink { file: None, offset: 0 };
    let mut patience = Patience::at_most(VERB_PATIENCE);
    loop {
        let request = ArtifactRequest {
            build: build.to_string(),
            name: name.to_owned(),
            offset: sink.offset,
        };
        match stream(&mut session, request, &mut sink, one.output.as_ref(), &mut patience).await? {
            Ok(()) => break,
            Err(status) if lost(&status) => session.missed(&mut patience, &status).await?,
            Err(status) => return Err(status.into()),
        }
    }
    // One without bytes is a file as well.
    sink.open(one.output.as_ref())?;
    Ok(ExitCode::DONE)
}

/// Writes one stream to its end. The next one begins where this one broke.
async fn stream(
    session: &mut Session<'_>,
    request: ArtifactRequest,
    sink: &mut Sink,
    output: Option<&PathBuf>,
    patience: &mut Patience,
) -> Result<Result<(), Status>, Stop> {
    let gone = session.io.gone();
    let mut pieces = match session.master.console().artifact(request).await {
        Ok(pieces) => pieces.into_inner(),
        Err(status) => return Ok(Err(status)),
    };
    loop {
        let piece = tokio::select! {
            piece = pieces.message() => piece,
            () = gone.wait() => return Err(Stop::PipeClosed),
        };
        match piece {
            Ok(Some(piece)) => {
                session.found(patience);
                sink.open(output)?;
                match &mut sink.file {
                    Some((file, path)) => {
                        file.write_all(&piece.data).map_err(|error| unwritten(path, &error))?;
                    }
                    None => session.io.bytes(&piece.data)?,
                }
                sink.offset += piece.data.len() as u64;
            }
            Ok(None) => return Ok(Ok(())),
            Err(status) => return Ok(Err(status)),
        }
    }
}

impl Sink {
    /// Makes the file, once the master has it: a name that does not exist leaves what was there.
    fn open(&mut self, output: Option<&PathBuf>) -> Result<(), Stop> {
        if let (None, Some(path)) = (&self.file, output) {
            let file = File::create(path).map_err(|error| unwritten(path, &error))?;
            self.file = Some((file, path.clone()));
        }
        Ok(())
    }
}

fn unwritten(path: &std::path::Path, error: &std::io::Error) -> Stop {
    let what = format!("cannot write {}", path.display());
    ClientError::usage(what).why(error.to_string()).hint("choose another file with -o").into()
}
