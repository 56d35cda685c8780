//! The work tree: made, brought to a commit, cleaned as the step asks.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use super::{Failure, Git, args};
use crate::command::checkout::{Method, PATCHED, source_of};
use crate::command::place;
use crate::stale::remove_git_leftovers;

impl Git<'_, '_> {
    /// Brings `tree` to the wanted commit and returns its id.
    pub(super) fn bring(&mut self, tree: &Path, method: Method) -> Result<String, Failure> {
        if tree.is_symlink() {
            // A build could have laid it, to have what lies behind it cleaned.
            fs::remove_file(tree)?;
        }
        match method {
            Method::Clobber => {
                self.tools.remove(tree)?;
                self.bring_once(tree, method)
            }
            Method::Copy => {
                let source = source_of(tree);
                let revision = self.bring(&source, Method::Incremental)?;
                self.tools.remove(tree)?;
                let why = "cannot copy the source tree into the build folder";
                self.tools.copy(&source, tree, why)?;
                Ok(revision)
            }
            Method::Incremental | Method::Fresh | Method::Clean => {
                let was_there = is_tree(tree);
                match self.bring_once(tree, method) {
                    Err(Failure::Failed { why, .. })
                        if was_there && is_tree(tree) && !self.is_remote_trouble(&why) =>
                    {
                        self.tools.watch.say("# the work tree cannot be used; it is made anew");
                        self.tools.remove(tree)?;
                        self.bring_once(tree, method)
                    }
                    outcome => outcome,
                }
            }
        }
    }

    /// A failure that a new work tree would not mend.
    fn is_remote_trouble(&self, why: &str) -> bool {
        why.starts_with("cannot fetch") || why.starts_with("there is no")
    }

    fn bring_once(&mut self, tree: &Path, method: Method) -> Result<String, Failure> {
        let revision = if self.what.shallow > 0 {
            self.retried(|git| git.take_shallow(tree))?
        } else {
            let (mirror, revision) = self.mirror()?;
            self.take(tree, &mirror.path, &revision)?;
            revision
        };
        self.set(tree, &revision, method)?;
        Ok(revision)
    }

    /// Makes sure that the tree's repository has the commit, from the mirror.
    fn take(&mut self, tree: &Path, mirror: &Path, revision: &str) -> Result<(), Failure> {
        if !is_tree(tree) {
            if tree.exists() {
                self.tools.remove(tree)?;
            }
            let above = tree.parent().unwrap_or(tree);
            self.tools.watch.say(&format!(
                "$ git clone --no-checkout {} {}",
                self.what.repository,
                tree.display()
            ));
            // Of the same file system: git links the mirror's files instead of copying them.
            let options =
                ["clone", "--quiet", "--no-checkout", "--template=", "--"].map(OsStr::new);
            let clone = [&options[..], &[mirror.as_os_str(), tree.as_os_str()]].concat();
            if self.ask(above, &clone)?.is_none() {
                return Err(Failure::failed(format!(
                    "cannot make a work tree at {}",
                    tree.display()
                )));
            }
            let set = [&args(["remote", "set-url", "origin"])[..], &[self.repository()]].concat();
            self.ask(tree, &set)?;
        }
        // Nobody else works in this tree.
        remove_git_leftovers(&tree.join(".git"));
        if self.commit(tree, revision)?.is_some() {
            return Ok(());
        }
        let options = ["fetch", "--quiet", "--force", "--no-tags", "--no-recurse-submodules", "--"]
            .map(OsStr::new);
        let refs = ["+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*", revision]
            .map(OsStr::new);
        let fetch = [&options[..], &[mirror.as_os_str()], &refs].concat();
        self.must(tree, &fetch, "cannot take the commit from the worker's mirror")
    }

    /// As [`Git::take`], but only the last commits and straight from the repository: a mirror has them all.
    fn take_shallow(&mut self, tree: &Path) -> Result<String, Failure> {
        if !is_tree(tree) {
            if tree.exists() {
                self.tools.remove(tree)?;
            }
            fs::create_dir(tree)?;
            let repository = self.repository();
            let add = [&args(["remote", "add", "origin"])[..], &[repository]].concat();
            if self.ask(tree, &args(["init", "--quiet", "--template="]))?.is_none()
                || self.ask(tree, &add)?.is_none()
            {
                return Err(Failure::failed(format!(
                    "cannot make a work tree at {}",
                    tree.display()
                )));
            }
        }
        // Nobody else works in this tree.
        remove_git_leftovers(&tree.join(".git"));
        let repository = self.repository();
        let depth = format!("--depth={}", self.what.shallow);
        let tip = self.what.branch.clone().unwrap_or_else(|| "HEAD".to_owned());
        let wanted = self.what.revision.clone();
        if let Some(revision) = wanted.as_ref().filter(|text| place::is_commit_id(text)) {
            let options = args(["fetch", "--no-tags", "--no-recurse-submodules", &depth, "--"]);
            let fetch = [&options[..], &[repository, OsStr::new(revision)]].concat();
            if self.git(tree, &fetch)? == 0 {
                return Ok(revision.to_ascii_lowercase());
            }
        }
        let options = args(["fetch", "--no-tags", "--no-recurse-submodules", &depth, "--"]);
        let fetch = [&options[..], &[repository, OsStr::new(&tip)]].concat();
        self.must(tree, &fetch, &format!("cannot fetch {}", self.wanted()))?;
        let name = wanted.as_deref().unwrap_or("FETCH_HEAD");
        if let Some(found) = self.commit(tree, name)? {
            return Ok(found);
        }
        // Deeper than was asked for: then all of the branch is needed to find it.
        let options = args(["fetch", "--no-tags", "--no-recurse-submodules", "--unshallow", "--"]);
        let fetch = [&options[..], &[repository, OsStr::new(&tip)]].concat();
        self.git(tree, &fetch)?;
        let found = self.commit(tree, name)?;
        found.ok_or_else(|| Failure::failed(format!("there is no {}", self.wanted())))
    }

    /// Sets the files of the tree to the commit.
    fn set(&mut self, tree: &Path, revision: &str, method: Method) -> Result<(), Failure> {
        let patched = tree.join(".git").join(PATCHED);
        if patched.exists() {
            self.tools.watch.say("# the tree was patched by an earlier build; cleaned first");
            self.must(
                tree,
                &args(["reset", "--quiet", "--hard"]),
                "cannot reset the patched tree",
            )?;
            self.must(
                tree,
                &args(["clean", "--quiet", "-f", "-f", "-d", "-x"]),
                "cannot clean the patched tree",
            )?;
            fs::remove_file(&patched)?;
        }
        let why = format!("cannot check out {revision}");
        // As Buildbot does: on the branch when there is one, so that builds can ask for its name. A repository whose HEAD is
        // detached is told of under that name, which no branch may have.
        let named = |branch: &&str| !branch.starts_with("refs/") && *branch != "HEAD";
        match self.what.branch.as_deref().filter(named) {
            Some(branch) => {
                self.must(
                    tree,
                    &args(["checkout", "--quiet", "--force", "-B", branch, revision, "--"]),
                    &why,
                )?;
            }
            None => {
                self.must(
                    tree,
                    &args(["checkout", "--quiet", "--force", "--detach", revision, "--"]),
                    &why,
                )?;
            }
        }
        if self.what.submodules {
            let why = "cannot bring the submodules to their revisions";
            self.must(tree, &args(["submodule", "--quiet", "sync", "--recursive"]), why)?;
            self.retried(|git| {
                let update = args(["submodule", "update", "--init", "--recursive", "--force"]);
                git.must(tree, &update, why)
            })?;
        }
        let clean: &[&str] = match method {
            Method::Fresh => &["-f", "-f", "-d", "-x"],
            Method::Clean => &["-f", "-f", "-d"],
            Method::Incremental | Method::Clobber | Method::Copy => return Ok(()),
        };
        let why = "cannot remove what an earlier build left";
        let words: Vec<&OsStr> = ["clean", "--quiet"].iter().chain(clean).map(OsStr::new).collect();
        self.must(tree, &words, why)?;
        if self.what.submodules {
            let inside = format!("git clean --quiet {}", clean.join(" "));
            let foreach = args(["submodule", "--quiet", "foreach", "--recursive", &inside]);
            self.must(tree, &foreach, why)?;
        }
        Ok(())
    }
}

/// Whether there is a repository of its own in `tree`: without one git would look further up.
fn is_tree(tree: &Path) -> bool {
    tree.join(".git/HEAD").is_file()
}
