//! Lays a patch over the tree (rules TY-5, TY-6, PA-1).
//!
//! With `git apply`: it changes everything or nothing, and without `--unsafe-paths` it touches nothing outside the
//! tree, neither by `..` nor through a symbolic link.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use linn_proto::worker::Patch;

use super::{Failure, Git, args};
use crate::command::checkout::{self, PATCHED};

impl Git<'_, '_> {
    pub(super) fn apply(&mut self, tree: &Path, patch: &Patch) -> Result<(), Failure> {
        checkout::look_at_patch(tree, patch)?;
        // The mark comes first: a worker that dies halfway leaves a tree that is known to be changed.
        fs::write(tree.join(".git").join(PATCHED), "")?;
        let file = checkout::keep_patch(self.tools.job, patch)?;
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
