//! Chooses the files of an upload and copies them into the command's spool, so that what is sent later is what was there
//! now, whatever the build goes on to do. The agent sends them (`transfer.rs`).

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};
use linn_proto::worker::{Exit, StoredFile, Upload};
use sha2::{Digest, Sha256};

use super::failure::{self, Failure};
use super::shell::step_env;
use super::tools::Tools;
use crate::exec::folder::{self, Last};
use crate::exec::supervise::Job;
use crate::exec::watch::Watch;
use crate::id::CommandId;
use crate::spool;

/// The most files of one upload; the master takes no more.
const MOST_FILES: usize = 5_000;
/// The most entries of folders that are looked at.
const MOST_ENTRIES: usize = 500_000;
/// The deepest folder that is looked into.
const DEPTH: usize = 64;
/// One read.
const PIECE: usize = 1 << 20;

/// Chooses and copies, and says how that was.
pub(crate) fn run(watch: &mut Watch<'_>, job: &Job, what: &Upload) -> io::Result<Exit> {
    let outcome = step_env(job, &[])
        .map_err(Failure::Refused)
        .and_then(|env| Uploading { tools: Tools { watch, job, env }, what }.collect());
    if outcome.is_err() {
        // All or nothing.
        watch.files.clear();
    }
    Ok(failure::exit(watch, outcome, "the upload"))
}

struct Uploading<'a, 'line> {
    tools: Tools<'a, 'line>,
    what: &'a Upload,
}

/// A file and its name on the master.
struct Chosen {
    path: PathBuf,
    name: String,
}

impl Uploading<'_, '_> {
    fn collect(&mut self) -> Result<(), Failure> {
        let chosen = self.choose()?;
        let names: BTreeSet<_> = chosen.iter().map(|one| &one.name).collect();
        if names.len() < chosen.len() {
            return Err(Failure::failed(format!(
                "several files of `{}` would have the same name on the master: use upload_directory",
                self.what.source
            )));
        }
        let command = CommandId(self.tools.job.start.command).to_string();
        let folder = self.tools.job.dir.join("spool").join(command);
        let copies = spool::files_folder(&folder);
        fs::create_dir_all(&copies).map_err(|error| self.no_room(&error))?;
        let mut left = self.what.max_bytes;
        for (nth, one) in chosen.into_iter().enumerate() {
            let (bytes, sha256) = self.copy(&one, &copies.join(nth.to_string()), left)?;
            left -= bytes;
            self.tools.watch.say(&format!("{} ({bytes} bytes)", one.name));
            self.tools.watch.files.push(StoredFile { name: one.name, bytes, sha256 });
        }
        Ok(())
    }

    fn choose(&mut self) -> Result<Vec<Chosen>, Failure> {
        let Upload { source, dest, directory, .. } = self.what;
        let base = self.tools.base()?;
        let base = base.canonicalize().map_err(|_| {
            Failure::failed(format!("there is nothing to upload: no step has made `{source}`"))
        })?;
        let below = dest.trim_end_matches('/');
        let under =
            |name: &str| if below.is_empty() { name.to_owned() } else { format!("{below}/{name}") };
        if *directory {
            let path = folder::inside(&base, source, "folder", Last::Followed)
                .map_err(Failure::Refused)?;
            if !path.is_dir() {
                return Err(Failure::failed(format!("there is no folder `{source}`")));
            }
            let found = self.walk(&path, None)?;
            return Ok(found
                .into_iter()
                .map(|(path, name)| Chosen { path, name: under(&name) })
                .collect());
        }
        if !source.contains(['*', '?', '[', '{']) {
            let path =
                folder::inside(&base, source, "file", Last::Followed).map_err(Failure::Refused)?;
            if !path.is_file() {
                return Err(Failure::failed(format!("there is no file `{source}`")));
            }
            let own =
                Path::new(source).file_name().and_then(|name| name.to_str()).unwrap_or(source);
            let name =
                if dest.is_empty() || dest.ends_with('/') { under(own) } else { dest.clone() };
            return Ok(vec![Chosen { path, name }]);
        }
        folder::below(&base, source, "glob").map_err(Failure::Refused)?;
        let glob =
            GlobBuilder::new(source.trim_start_matches("./")).literal_separator(true).build();
        let glob = glob.map_err(|error| {
            Failure::Refused(format!("`{source}` is no glob: {}", error.kind()))
        })?;
        let found = self.walk(&base, Some(&glob.compile_matcher()))?;
        if found.is_empty() {
            return Err(Failure::failed(format!("no file matches `{source}`")));
        }
        let own = |name: &str| name.rsplit('/').next().unwrap_or(name).to_owned();
        Ok(found
            .into_iter()
            .map(|(path, name)| Chosen { path, name: under(&own(&name)) })
            .collect())
    }

    /// The plain files below a folder, by their paths there, in order. Links are neither files nor folders.
    fn walk(
        &mut self,
        top: &Path,
        glob: Option<&GlobMatcher>,
    ) -> Result<Vec<(PathBuf, String)>, Failure> {
        let mut found = Vec::new();
        let mut entries = 0;
        let mut folders = vec![(top.to_owned(), String::new(), 0)];
        while let Some((folder, at, depth)) = folders.pop() {
            for entry in fs::read_dir(&folder)? {
                let entry = entry?;
                entries += 1;
                if entries > MOST_ENTRIES || depth > DEPTH {
                    return Err(Failure::failed("there are too many files and folders to look at"));
                }
                if entries % 256 == 0 && !self.tools.watch.breathe()? {
                    return Err(Failure::Stopped);
                }
                let Ok(name) = entry.file_name().into_string() else {
                    if glob.is_none() {
                        return Err(Failure::failed(format!(
                            "the name of {} is no text",
                            entry.path().display()
                        )));
                    }
                    continue;
                };
                let name = if at.is_empty() { name } else { format!("{at}/{name}") };
                let kind = entry.file_type()?;
                if kind.is_dir() {
                    folders.push((entry.path(), name, depth + 1));
                } else if kind.is_file() && glob.is_none_or(|glob| glob.is_match(&name)) {
                    found.push((entry.path(), name));
                    if found.len() > MOST_FILES {
                        return Err(Failure::failed(format!(
                            "there are more than {MOST_FILES} files to upload"
                        )));
                    }
                }
            }
        }
        found.sort();
        Ok(found)
    }

    /// Copies a file; its length and digest are those of the copy.
    fn copy(&mut self, one: &Chosen, to: &Path, left: u64) -> Result<(u64, Vec<u8>), Failure> {
        let unread = |error: io::Error| {
            Failure::failed(format!("cannot read {}: {error}", one.path.display()))
        };
        let mut from = File::open(&one.path).map_err(unread)?;
        let mut copy = spool::private_file(to).map_err(|error| self.no_room(&error))?;
        let mut digest = Sha256::new();
        let mut buffer = vec![0; PIECE];
        let mut bytes = 0;
        loop {
            let count = from.read(&mut buffer).map_err(unread)?;
            if count == 0 {
                break;
            }
            bytes += count as u64;
            if bytes > left {
                return Err(Failure::failed(format!(
                    "the upload is larger than its max_bytes of {} bytes, at `{}`",
                    self.what.max_bytes, one.name
                )));
            }
            digest.update(&buffer[..count]);
            copy.write_all(&buffer[..count]).map_err(|error| self.no_room(&error))?;
            if !self.tools.watch.breathe()? {
                return Err(Failure::Stopped);
            }
        }
        copy.sync_all().map_err(|error| self.no_room(&error))?;
        Ok((bytes, digest.finalize().to_vec()))
    }

    fn no_room(&self, error: &io::Error) -> Failure {
        Failure::failed(format!("the worker cannot keep a copy of the upload: {error}"))
    }
}
