//! Saves a whole log to a new file, as the bytes the process wrote.

use std::{io::ErrorKind, path::Path};

use linn_proto::console::RawLogRequest;
use tokio::io::AsyncWriteExt;
use tonic::transport::Channel;

use crate::{client::Master, logs::LogRef, refusal::Refusal};

/// Streams the log into a new file; gives where it is and its size. The error is one sentence.
///
/// A file that exists is never written over. The name is given only to a whole log: until then it is `PATH.part`, which is
/// removed when the save fails or the console is left.
pub(crate) async fn save(
    channel: Channel,
    log: &LogRef,
    path: &str,
) -> Result<(String, u64), String> {
    // Looked at before the log is fetched, and again when it is named.
    if tokio::fs::symlink_metadata(path).await.is_ok() {
        return Err(exists(path));
    }
    let name = format!("{path}.part");
    let opened = tokio::fs::OpenOptions::new().write(true).create_new(true).open(&name).await;
    let mut file = opened.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => {
            format!("{name} exists already: it is being saved, or that was cut off")
        }
        _ => format!("cannot write {path}: {error}"),
    })?;
    let part = Part(name);
    let bytes =
        copy(channel, log, &mut file).await.map_err(|why| format!("{log} was not saved: {why}"))?;
    finish(&part, path).await?;
    let shown = std::path::absolute(Path::new(path))
        .map_or(path.to_owned(), |full| full.display().to_string());
    Ok((shown, bytes))
}

fn exists(path: &str) -> String {
    format!("{path} exists already: choose another name")
}

/// Half a log. Dropping it removes the file: also when the task is dropped because the console ends.
struct Part(String);

impl Drop for Part {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Gives the whole log its name.
async fn finish(part: &Part, path: &str) -> Result<(), String> {
    // Linking fails where a file has come meanwhile; renaming would write over it.
    match tokio::fs::hard_link(&part.0, path).await {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(exists(path)),
        // A file system without links.
        Err(_) if tokio::fs::symlink_metadata(path).await.is_err() => {
            let renamed = tokio::fs::rename(&part.0, path).await;
            renamed.map_err(|error| format!("cannot write {path}: {error}"))
        }
        Err(_) => Err(exists(path)),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn half_a_log_never_has_the_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log").display().to_string();
        let half = || {
            let part = Part(format!("{path}.part"));
            std::fs::write(&part.0, "half").unwrap();
            part
        };
        // As when the console is left.
        drop(half());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let whole = half();
        finish(&whole, &path).await.unwrap();
        drop(whole);
        assert_eq!(std::fs::read(&path).unwrap(), b"half");
        assert_eq!(finish(&half(), &path).await, Err(exists(&path)));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
