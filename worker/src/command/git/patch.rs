//! Lays a patch over the tree (rules TY-5, TY-6, PA-1).
//!
//! With `git apply`: it changes everything or nothing, and without `--unsafe-paths` it touches nothing outside the
//! tree, neither by `..` nor through a symbolic link.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::Path;

use linn_proto::worker::Patch;

use super::tree::PATCHED;
use super::{Failure, Git, args};
use crate::exec::folder;
use crate::id::CommandId;
use crate::spool;

/// The largest patch that is applied.
const MOST_BYTES: usize = 10 << 20;

impl Git<'_, '_> {
    pub(super) fn apply(&mut self, tree: &Path, patch: &Patch) -> Result<(), Failure> {
        if patch.diff.len() > MOST_BYTES {
            return Err(Failure::failed(format!("the patch is larger than {MOST_BYTES} bytes")));
        }
        let subdir =
            folder::below(tree, &patch.subdir, "patch's folder").map_err(Failure::failed)?;
        if !subdir.is_dir() {
            return Err(Failure::failed(format!(
                "the patch is for the folder `{}`, which the tree does not have",
                patch.subdir
            )));
        }
        // The mark comes first: a worker that dies halfway leaves a tree that is known to be changed.
        fs::write(tree.join(".git").join(PATCHED), "")?;
        let command = CommandId(self.tools.job.start.command).to_string();
        let file = self.tools.job.dir.join("spool").join(command).join("patch.diff");
        spool::private_file(&file)?.write_all(&patch.diff)?;
        let level = format!("-p{}", patch.level);
        let directory = format!("--directory={}", patch.subdir);
        let mut apply = args(["apply", "--whitespace=nowarn", &level]).to_vec();
        if !patch.subdir.is_empty() {
            apply.push(OsStr::new(&directory));
        }
        apply.extend([OsStr::new("--"), file.as_os_str()]);
        self.must(tree, &apply, "the patch does not apply to the revision that was checked out")
    }
}
