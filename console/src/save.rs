//! Saves a whole log to a new file, as the bytes the process wrote.

use std::path::Path;

use linn_proto::console::RawLogRequest;
use tokio::io::AsyncWriteExt;
use tonic::transport::Channel;

use crate::{client::Master, logs::LogRef, refusal::Refusal};

/// Streams the log into a new file; gives where it is and its size. The error is one sentence.
///
/// A file that exists is never written over. One that could not be finished is removed again.
pub(crate) async fn save(
    channel: Channel,
    log: &LogRef,
    path: &str,
) -> Result<(String, u64), String> {
    let mut file =
        tokio::fs::OpenOptions::new().write(true).create_new(true).open(path).await.map_err(
            |error| match error.kind() {
                std::io::ErrorKind::AlreadyExists => {
                    format!("{path} exists already: choose another name")
                }
                _ => format!("cannot write {path}: {error}"),
            },
        )?;
    let written = copy(channel, log, &mut file).await;
    match written {
        Ok(bytes) => {
            let shown = std::path::absolute(Path::new(path))
                .map_or(path.to_owned(), |full| full.display().to_string());
            Ok((shown, bytes))
        }
        Err(why) => {
            let _ = tokio::fs::remove_file(path).await;
            Err(format!("{log} was not saved: {why}"))
        }
    }
}

async fn copy(channel: Channel, log: &LogRef, file: &mut tokio::fs::File) -> Result<u64, String> {
    let request = RawLogRequest { log: log.to_string(), offset: 0, follow: false };
    let sentence = |status: tonic::Status| Refusal::from(status).sentence;
    let mut stream =
        Master::new(channel).console().raw_log(request).await.map_err(sentence)?.into_inner();
    let mut bytes = 0;
    while let Some(piece) = stream.message().await.map_err(sentence)? {
        file.write_all(&piece.data).await.map_err(|error| error.to_string())?;
        bytes += piece.data.len() as u64;
    }
    file.flush().await.map_err(|error| error.to_string())?;
    Ok(bytes)
}
