//! `--raw`: the stored bytes and nothing else (C16).

use linn_proto::console::RawLogRequest;
use tonic::Status;

use crate::cli::io::Stop;
use crate::cli::session::{Session, VERB_PATIENCE};
use crate::cli::{Done, ExitCode};
use crate::client::{Patience, lost};

pub(super) async fn run(session: &mut Session<'_>, log: String, follow: bool) -> Done {
    let mut offset = 0;
    let mut patience = if follow { Patience::endless() } else { Patience::at_most(VERB_PATIENCE) };
    loop {
        let request = RawLogRequest { log: log.clone(), offset, follow };
        match stream(session, request, &mut offset, &mut patience).await? {
            Ok(()) => return Ok(ExitCode::DONE),
            Err(status) if lost(&status) => session.missed(&mut patience, &status).await?,
            Err(status) => return Err(status.into()),
        }
    }
}

/// Writes one stream to its end. The offset counts what was written, so the next stream begins where this one broke.
async fn stream(
    session: &mut Session<'_>,
    request: RawLogRequest,
    offset: &mut u64,
    patience: &mut Patience,
) -> Result<Result<(), Status>, Stop> {
    let gone = session.io.gone();
    let follow = request.follow;
    let mut pieces = match session.master.console().raw_log(request).await {
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
                session.io.bytes(&piece.data)?;
                *offset += piece.data.len() as u64;
                if follow {
                    session.io.flush()?;
                }
            }
            Ok(None) => return Ok(Ok(())),
            Err(status) => return Ok(Err(status)),
        }
    }
}
