//! What all checkouts share, whichever program makes them: methods, tries, where the tree lies, its patch, and what is told.

use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use linn_proto::worker::{Checkout, CheckoutMode, Patch};
use sha2::{Digest, Sha256};

use super::failure::Failure;
use super::tools::{Again, Tools};
use crate::exec::folder;
use crate::exec::supervise::Job;
use crate::exec::watch::Watch;
use crate::id::CommandId;
use crate::spool;

/// The property that says which revision was checked out: `{codebase: revision}`.
const GOT_REVISION: &str = "got_revision";

/// The most tries of one checkout, whatever the step asks for.
const MOST_RETRIES: u32 = 100;

/// The largest patch that is applied.
const MOST_PATCH_BYTES: usize = 10 << 20;

/// In the folder that a program keeps in its work tree: the tree was patched, so what is in it is not what the program
/// thinks (rule TY-5).
pub(crate) const PATCHED: &str = "linn-patched";

/// How the tree becomes what it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    /// Untracked files stay.
    Incremental,
    /// Everything that is not the repository's goes.
    Fresh,
    /// As fresh, but ignored files stay.
    Clean,
    /// The tree is made anew.
    Clobber,
    /// The tree is a copy of one that no build touches.
    Copy,
}

impl Method {
    pub(crate) fn read(what: &Checkout) -> Result<Self, String> {
        match (what.mode(), what.method.as_str()) {
            (CheckoutMode::Full, "" | "fresh") => Ok(Self::Fresh),
            (CheckoutMode::Full, "clean") => Ok(Self::Clean),
            (CheckoutMode::Full, "clobber") => Ok(Self::Clobber),
            (CheckoutMode::Full, "copy") => Ok(Self::Copy),
            (CheckoutMode::Full, other) => Err(format!(
                "`{other}` is no method of a full checkout: clobber, fresh, clean, copy"
            )),
            (CheckoutMode::Incremental | CheckoutMode::Unspecified, "") => Ok(Self::Incremental),
            (CheckoutMode::Incremental | CheckoutMode::Unspecified, _) => {
                Err("an incremental checkout has no method: use mode = \"full\"".to_owned())
            }
        }
    }
}

/// Does `work` again as often as the step allows while it fails; `pause` says so and waits.
pub(crate) fn retried<S, T>(
    state: &mut S,
    pause: impl Fn(&mut S, Again) -> Result<(), Failure>,
    what: &Checkout,
    mut work: impl FnMut(&mut S) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let delay_ms = u64::try_from(what.retry_delay_ms).unwrap_or(0);
    let mut left = what.retries.min(MOST_RETRIES);
    loop {
        match work(state) {
            Err(Failure::Failed { .. }) if left > 0 => {
                left -= 1;
                pause(state, Again { delay_ms, left })?;
            }
            outcome => return outcome,
        }
    }
}

/// Where the tree lies. Its folder alone is made: whether the tree itself is there, and is one, is found out later.
pub(crate) fn tree(tools: &Tools<'_, '_>, workdir: &str) -> Result<PathBuf, Failure> {
    let base = tools.base()?;
    let tree = folder::below(&base, workdir, "folder").map_err(Failure::Refused)?;
    let above = tree.parent().unwrap_or(&base);
    let above =
        folder::make(&base, if tree == base { &base } else { above }).map_err(Failure::Refused)?;
    Ok(tree.file_name().filter(|_| tree != base).map_or(above.clone(), |name| above.join(name)))
}

/// Tells which revision was checked out.
pub(crate) fn tell(watch: &mut Watch<'_>, what: &Checkout, revision: &str) {
    let json = serde_json::json!({ what.codebase.clone(): revision });
    watch.found(GOT_REVISION, json.to_string());
}

/// Where the untouched twin of a tree lies.
pub(crate) fn source_of(tree: &Path) -> PathBuf {
    let digest = Sha256::digest(tree.as_os_str().as_encoded_bytes());
    let hex: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    tree.with_file_name(format!(".linn-source-{hex}"))
}

/// Whether a patch can be laid over a tree at all; the folder that it is for.
pub(crate) fn look_at_patch(tree: &Path, patch: &Patch) -> Result<PathBuf, Failure> {
    if patch.diff.len() > MOST_PATCH_BYTES {
        return Err(Failure::failed(format!("the patch is larger than {MOST_PATCH_BYTES} bytes")));
    }
    let subdir = folder::below(tree, &patch.subdir, "patch's folder").map_err(Failure::failed)?;
    if !subdir.is_dir() {
        return Err(Failure::failed(format!(
            "the patch is for the folder `{}`, which the tree does not have",
            patch.subdir
        )));
    }
    Ok(subdir)
}

/// Writes a patch where the command's own things are.
pub(crate) fn keep_patch(job: &Job, patch: &Patch) -> Result<PathBuf, Failure> {
    let command = CommandId(job.start.command).to_string();
    let file = job.dir.join("spool").join(command).join("patch.diff");
    spool::private_file(&file)?.write_all(&patch.diff)?;
    Ok(file)
}

/// Lays a patch over a tree with `patch`, all or nothing (rules TY-5, TY-6, PA-1): tried first without changing anything.
/// It reads no other form than the usual one, runs nothing, and touches nothing outside of the folder, neither by `..` nor
/// through a link. `kept` is the folder that the tree's program keeps in it.
pub(crate) fn apply(
    tools: &mut Tools<'_, '_>,
    tree: &Path,
    kept: &Path,
    patch: &Patch,
) -> Result<(), Failure> {
    let dir = look_at_patch(tree, patch)?;
    // `patch` looks at links in the names it is given, not at those of the folder itself.
    let real = dir.canonicalize()?;
    if !real.starts_with(tree.canonicalize()?) {
        return Err(Failure::failed(format!(
            "the patch's folder `{}` leaves the tree",
            patch.subdir
        )));
    }
    // The mark comes first: a worker that dies halfway leaves a tree that is known to be changed.
    fs::write(kept.join(PATCHED), "")?;
    let file = keep_patch(tools.job, patch)?;
    let level = format!("-p{}", patch.level);
    let options = [
        "patch",
        "--unified",
        "--batch",
        "--forward",
        "--fuzz=0",
        "--no-backup-if-mismatch",
        "--reject-file=-",
        &level,
        "-d",
    ]
    .map(OsStr::new);
    let words = [&options[..], &[real.as_os_str(), OsStr::new("-i"), file.as_os_str()]].concat();
    let why = "the patch does not apply to the revision that was checked out";
    tools.other(&[&words[..], &[OsStr::new("--dry-run")]].concat(), why)?;
    tools.other(&words, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_and_methods() {
        let read = |mode: CheckoutMode, method: &str| {
            let what = Checkout { mode: mode.into(), method: method.into(), ..Checkout::default() };
            Method::read(&what)
        };
        assert_eq!(read(CheckoutMode::Incremental, ""), Ok(Method::Incremental));
        assert_eq!(read(CheckoutMode::Full, ""), Ok(Method::Fresh));
        assert_eq!(read(CheckoutMode::Full, "copy"), Ok(Method::Copy));
        assert!(read(CheckoutMode::Full, "scorch").unwrap_err().contains("`scorch`"));
        assert!(read(CheckoutMode::Incremental, "clean").is_err());
    }
}
