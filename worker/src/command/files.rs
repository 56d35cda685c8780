//! One small thing done to the files of the build folder: `mkdir`, `rmdir`, `copy_directory`, `file_exists`,
//! `download_text` (F17).
//!
//! Every path is looked at link by link before anything is touched: none leads out of the build folder.

use std::fs::{self, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use linn_proto::worker::files::What;
use linn_proto::worker::{CopyFolder, Exit, Files, WriteFile};

use super::failure::{self, Failure};
use super::shell::step_env;
use super::tools::Tools;
use crate::exec::folder::{self, Last};
use crate::exec::supervise::Job;
use crate::exec::watch::Watch;

/// Does it and says how that was.
pub(crate) fn run(watch: &mut Watch<'_>, job: &Job, files: &Files) -> io::Result<Exit> {
    let outcome = step_env(job, &[])
        .map_err(Failure::Refused)
        .and_then(|env| perform(&mut Tools { watch, job, env }, files));
    Ok(failure::exit(watch, outcome, "this step"))
}

fn perform(tools: &mut Tools<'_, '_>, files: &Files) -> Result<(), Failure> {
    let base = tools.base()?;
    fs::create_dir_all(&base)?;
    let base = base.canonicalize()?;
    match &files.what {
        Some(What::MakeFolder(dir)) => make(tools, &base, dir),
        Some(What::RemoveFolder(dir)) => remove(tools, &base, dir),
        Some(What::CopyFolder(copy)) => copy_folder(tools, &base, copy),
        Some(What::RemoveFile(file)) => remove_file(tools, &base, file),
        Some(What::Exists(file)) => exists(&base, file),
        Some(What::Write(write)) => write_file(&base, write),
        None => Err(Failure::Refused(
            "this worker does not know what to do with files so: upgrade it".to_owned(),
        )),
    }
}

fn make(tools: &mut Tools<'_, '_>, base: &Path, dir: &str) -> Result<(), Failure> {
    let path = folder::inside(base, dir, "folder", Last::Followed).map_err(Failure::Refused)?;
    if path.is_dir() {
        tools.watch.say("# it is there already");
        return Ok(());
    }
    fs::create_dir_all(&path).map_err(|error| failed("make the folder", dir, &error))
}

fn remove(tools: &mut Tools<'_, '_>, base: &Path, dir: &str) -> Result<(), Failure> {
    // A link is removed itself, not what it leads to.
    let path = folder::inside(base, dir, "folder", Last::AsItIs).map_err(Failure::Refused)?;
    if path == base {
        return Err(Failure::Refused(
            "the build folder itself cannot be removed: name a folder below it".to_owned(),
        ));
    }
    match fs::symlink_metadata(&path) {
        Err(_) => {
            tools.watch.say("# there is none");
            Ok(())
        }
        Ok(found) if found.is_dir() || found.is_symlink() => tools.remove(&path),
        Ok(_) => Err(Failure::failed(format!("`{dir}` is a file, not a folder"))),
    }
}

fn remove_file(tools: &mut Tools<'_, '_>, base: &Path, file: &str) -> Result<(), Failure> {
    let path = folder::inside(base, file, "file", Last::AsItIs).map_err(Failure::Refused)?;
    match fs::symlink_metadata(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            tools.watch.say("# there is none");
            Ok(())
        }
        Err(error) => Err(failed("remove", file, &error)),
        Ok(found) if found.is_dir() => {
            Err(Failure::failed(format!("`{file}` is a folder, not a file")))
        }
        Ok(_) => fs::remove_file(&path).map_err(|error| failed("remove", file, &error)),
    }
}

fn copy_folder(tools: &mut Tools<'_, '_>, base: &Path, copy: &CopyFolder) -> Result<(), Failure> {
    let CopyFolder { source, dest } = copy;
    let from = folder::inside(base, source, "folder", Last::Followed).map_err(Failure::Refused)?;
    let to = folder::inside(base, dest, "folder", Last::AsItIs).map_err(Failure::Refused)?;
    if !from.is_dir() {
        let what = if from.exists() { "is no folder" } else { "is not there" };
        return Err(Failure::failed(format!("cannot copy: `{source}` {what}")));
    }
    if to.starts_with(&from) || from.starts_with(&to) {
        return Err(Failure::Refused(format!(
            "`{source}` cannot be copied to `{dest}`: one of them lies in the other"
        )));
    }
    tools.remove(&to)?;
    if let Some(above) = to.parent() {
        fs::create_dir_all(above).map_err(|error| failed("make the folder of", dest, &error))?;
    }
    tools.copy(&from, &to, &format!("cannot copy `{source}` to `{dest}`"))
}

fn exists(base: &Path, file: &str) -> Result<(), Failure> {
    let path = folder::inside(base, file, "file", Last::Followed).map_err(Failure::Refused)?;
    match fs::metadata(&path) {
        Ok(found) if found.is_file() => Ok(()),
        Ok(found) if found.is_dir() => {
            Err(Failure::failed(format!("`{file}` is a folder, not a file")))
        }
        Ok(_) => Err(Failure::failed(format!("`{file}` is no file"))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(Failure::failed(format!("there is no file `{file}`")))
        }
        Err(error) => Err(failed("look for", file, &error)),
    }
}

fn write_file(base: &Path, write: &WriteFile) -> Result<(), Failure> {
    let WriteFile { dest, text, mode } = write;
    let path = folder::inside(base, dest, "file", Last::AsItIs).map_err(Failure::Refused)?;
    place(base, &path, dest, *mode, |mut file| file.write_all(text))
}

/// Puts a file at a path, whole or not at all: written beside it, then renamed. A link there is replaced, not followed. Its
/// permissions are the given ones, from before its first byte on; 0: as files are made here.
pub(super) fn place(
    base: &Path,
    path: &Path,
    named: &str,
    mode: u32,
    write: impl FnOnce(&fs::File) -> io::Result<()>,
) -> Result<(), Failure> {
    let refused = |why: &str| Err(Failure::Refused(format!("cannot write `{named}`: {why}")));
    if path == base {
        return refused("give the name of a file");
    }
    if fs::symlink_metadata(path).is_ok_and(|found| found.is_dir()) {
        return refused("a folder is in its place");
    }
    let (Some(above), Some(name)) = (path.parent(), path.file_name()) else {
        return refused("give the name of a file");
    };
    fs::create_dir_all(above).map_err(|error| failed("make the folder of", named, &error))?;
    let mut beside = std::ffi::OsString::from(".linn-new-");
    beside.push(name);
    let beside = above.join(beside);
    let _ = fs::remove_file(&beside);
    let mut options = fs::File::options();
    options.write(true).create_new(true);
    if mode != 0 {
        options.mode(mode & 0o600);
    }
    let written = options
        .open(&beside)
        .and_then(|file| {
            write(&file)?;
            // The umask has no say in what somebody asked for.
            if mode == 0 {
                Ok(())
            } else {
                file.set_permissions(Permissions::from_mode(mode & 0o777))
            }
        })
        .and_then(|()| fs::rename(&beside, path));
    written.map_err(|error| {
        let _ = fs::remove_file(&beside);
        failed("write", named, &error)
    })
}

fn failed(doing: &str, what: &str, error: &io::Error) -> Failure {
    Failure::failed(format!("cannot {doing} `{what}`: {error}"))
}
