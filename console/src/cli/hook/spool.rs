//! What could not be sent, in the repository's `linn-spool` folder until the next run (C38).
//!
//! One file a push, with the changes it made: the commits are read while the refs are as the push left them, and not
//! again. A file is whole or not there (written beside, synced, renamed). Names sort by age. Two runs at once may send
//! the same file; the changes' keys make that harmless.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use linn_proto::change::NewChange;
use serde::{Deserialize, Serialize};

use crate::client::{ClientError, request_id};

/// The folder.
#[derive(Debug, Clone)]
pub(super) struct Spool {
    folder: PathBuf,
}

/// A file of it.
#[derive(Debug)]
pub(super) struct Kept {
    path: PathBuf,
    pub(super) changes: Vec<NewChange>,
}

impl Spool {
    /// The spool of a git folder.
    pub(super) fn of(git: &Path) -> Self {
        Self { folder: git.join("linn-spool") }
    }

    /// What is kept, oldest first. Files that cannot be read are put aside and named in `notes`.
    pub(super) fn read(&self, notes: &mut Vec<String>) -> Result<Vec<Kept>, ClientError> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(self.failed("read", &error)),
        };
        let mut paths: Vec<PathBuf> = entries
            .filter_map(Result::ok)
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
            .collect();
        paths.sort();
        let mut kept = Vec::new();
        for path in paths {
            match fs::read(&path)
                .map_err(|error| error.to_string())
                .and_then(|bytes| decode(&bytes))
            {
                Ok(changes) => kept.push(Kept { path, changes }),
                Err(why) => {
                    notes.push(format!("{} cannot be read: {why}", path.display()));
                    self.put_aside(&path);
                }
            }
        }
        Ok(kept)
    }

    /// Keeps changes for the next run.
    pub(super) fn keep(&self, changes: &[NewChange]) -> Result<(), ClientError> {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let name = format!("{:014}-{}", since.as_millis(), &request_id()[..8]);
        let spooled: Vec<Spooled> = changes.iter().map(Spooled::of).collect();
        let text = serde_json::to_vec_pretty(&spooled).map_err(io::Error::from);
        text.and_then(|text| self.write(&name, &text)).map_err(|error| self.failed("write", &error))
    }

    /// It was sent.
    pub(super) fn forget(&self, kept: &Kept) -> Result<(), ClientError> {
        match fs::remove_file(&kept.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(self.failed("clean", &error))
            }
            _ => Ok(()),
        }
    }

    /// The master does not want it: it must not hold up what comes after, and must not be lost either.
    pub(super) fn refuse(&self, kept: &Kept) {
        self.put_aside(&kept.path);
    }

    fn put_aside(&self, path: &Path) {
        let aside = self.folder.join("refused");
        if let Some(name) = path.file_name()
            && fs::create_dir_all(&aside).is_ok()
        {
            // When it cannot be moved, the next run tries again and says the same.
            let _ = fs::rename(path, aside.join(name));
        }
    }

    fn write(&self, name: &str, text: &[u8]) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let beside = self.folder.join(format!("{name}.part"));
        let mut file = fs::File::create(&beside)?;
        file.write_all(text)?;
        file.sync_all()?;
        fs::rename(&beside, self.folder.join(format!("{name}.json")))?;
        fs::File::open(&self.folder)?.sync_all()
    }

    fn failed(&self, verb: &str, error: &io::Error) -> ClientError {
        ClientError::internal(format!("cannot {verb} {}", self.folder.display()))
            .why(error.to_string())
    }
}

fn decode(bytes: &[u8]) -> Result<Vec<NewChange>, String> {
    let spooled: Vec<Spooled> = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    Ok(spooled.into_iter().map(Spooled::into_change).collect())
}

/// A change on disk: what a hook can fill, by name, so that an older file suits a newer linn.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Spooled {
    key: String,
    project: String,
    codebase: Option<String>,
    repository: String,
    branch: Option<String>,
    revision: Option<String>,
    author: String,
    committer: String,
    comments: String,
    files: Vec<String>,
    when_ms: Option<i64>,
    parents: Vec<String>,
    vcs: String,
    moved_from: Option<String>,
}

impl Spooled {
    fn of(change: &NewChange) -> Self {
        let change = change.clone();
        Self {
            key: change.key,
            project: change.project,
            codebase: change.codebase,
            repository: change.repository,
            branch: change.branch,
            revision: change.revision,
            author: change.author,
            committer: change.committer,
            comments: change.comments,
            files: change.files,
            when_ms: change.when_ms,
            parents: change.parents,
            vcs: change.vcs,
            moved_from: change.moved_from,
        }
    }

    fn into_change(self) -> NewChange {
        NewChange {
            key: self.key,
            project: self.project,
            codebase: self.codebase,
            repository: self.repository,
            branch: self.branch,
            revision: self.revision,
            author: self.author,
            committer: self.committer,
            comments: self.comments,
            files: self.files,
            when_ms: self.when_ms,
            parents: self.parents,
            vcs: self.vcs,
            moved_from: self.moved_from,
            ..Default::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(key: &str) -> NewChange {
        NewChange { key: key.into(), when_ms: Some(7), vcs: "git".into(), ..Default::default() }
    }

    #[test]
    fn keeps_in_order_and_forgets() {
        let dir = tempfile::tempdir().expect("a folder");
        let spool = Spool::of(dir.path());
        let mut notes = Vec::new();
        assert!(spool.read(&mut notes).expect("nothing").is_empty());
        spool.keep(&[change("a"), change("b")]).expect("kept");
        let kept = spool.read(&mut notes).expect("read");
        assert_eq!(kept.len(), 1);
        assert_eq!(kept[0].changes, [change("a"), change("b")]);
        spool.forget(&kept[0]).expect("forgotten");
        spool.forget(&kept[0]).expect("twice is once");
        assert!(spool.read(&mut notes).expect("nothing").is_empty());
        assert!(notes.is_empty());
    }

    #[test]
    fn what_cannot_be_read_is_put_aside() {
        let dir = tempfile::tempdir().expect("a folder");
        let spool = Spool::of(dir.path());
        spool.keep(&[change("a")]).expect("kept");
        fs::write(dir.path().join("linn-spool/0.json"), "[{").expect("written");
        let mut notes = Vec::new();
        assert_eq!(spool.read(&mut notes).expect("read").len(), 1);
        assert_eq!(notes.len(), 1);
        assert!(dir.path().join("linn-spool/refused/0.json").exists());
    }
}
