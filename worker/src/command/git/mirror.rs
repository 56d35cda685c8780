//! The mirror: a bare copy of a repository that all builders of this worker share.
//!
//! The network is asked for what is new since the last build of anybody; a commit that is already here costs nothing.
//! One file lock for each mirror: exclusive while it is written (fetch, git's own tidying), shared while a work tree
//! takes from it. Killed halfway, git leaves a mirror that the next fetch mends.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use rustix::fs::FlockOperation;
use rustix::io::Errno;
use sha2::{Digest, Sha256};

use super::{Failure, Git, args, mirrors};
use crate::command::place;
use crate::spool::private_file;
use crate::stale::remove_git_leftovers;

/// How often a lock that somebody else holds is tried.
const TRY_LOCK_EVERY: Duration = Duration::from_millis(50);

/// A mirror that nobody writes as long as this is held.
pub(super) struct Mirror {
    pub(super) path: PathBuf,
    _lock: File,
}

/// Where the default branch and refs outside heads and tags are kept: pruning does not touch them.
const OURS: &str = "refs/linn/";

impl Git<'_, '_> {
    /// The mirror with the wanted commit in it, and that commit's id.
    pub(super) fn mirror(&mut self) -> Result<(Mirror, String), Failure> {
        let path = self.mirror_path();
        fs::create_dir_all(mirrors(&self.tools.job.dir))?;
        if let Some(revision) = self.what.revision.clone().filter(|text| place::is_commit_id(text))
        {
            let lock = self.lock(FlockOperation::NonBlockingLockShared)?;
            if path.join("HEAD").exists()
                && let Some(found) = self.commit(&path, &revision)?
            {
                return Ok((Mirror { path, _lock: lock }, found));
            }
        }
        // Held for each try and not between them: others may find here what they want.
        let found = self.retried(|git| {
            let _lock = git.lock(FlockOperation::NonBlockingLockExclusive)?;
            git.make(&path)?;
            remove_git_leftovers(&path);
            git.update(&path)
        })?;
        // From writer to reader; should a writer come in between, it takes nothing away.
        let lock = self.lock(FlockOperation::NonBlockingLockShared)?;
        Ok((Mirror { path, _lock: lock }, found))
    }

    fn mirror_path(&self) -> PathBuf {
        let digest = Sha256::digest(self.what.repository.as_bytes());
        let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        mirrors(&self.tools.job.dir).join(hex + ".git")
    }

    fn lock(&mut self, how: FlockOperation) -> Result<File, Failure> {
        let file = File::create(self.mirror_path().with_extension("lock"))?;
        let mut waited = false;
        loop {
            match rustix::fs::flock(&file, how) {
                Ok(()) => return Ok(file),
                Err(Errno::WOULDBLOCK) => {}
                Err(error) => return Err(std::io::Error::from(error).into()),
            }
            if !waited {
                self.tools
                    .watch
                    .say("# another build fetches from this repository; waiting for it");
                waited = true;
            }
            if !self.tools.watch.pause(TRY_LOCK_EVERY)? {
                return Err(Failure::Stopped);
            }
        }
    }

    fn make(&mut self, path: &std::path::Path) -> Result<(), Failure> {
        if path.join("linn-made").exists() {
            return Ok(());
        }
        // One that was being made when the worker died is made anew.
        if path.exists() {
            fs::remove_dir_all(path)?;
        }
        fs::create_dir(path)?;
        let init = self.ask(path, &args(["init", "--quiet", "--bare", "--template=", "."]))?;
        // A work tree may take any commit, not only the tips.
        let allow = args(["config", "uploadpack.allowAnySHA1InWant", "true"]);
        if init.is_none() || self.ask(path, &allow)?.is_none() {
            return Err(Failure::failed(format!(
                "cannot make a git repository at {}",
                path.display()
            )));
        }
        // The address may hold a password.
        private_file(&path.join("linn-made"))?.write_all(self.what.repository.as_bytes())?;
        Ok(())
    }

    /// Fetches and finds the wanted commit.
    fn update(&mut self, path: &std::path::Path) -> Result<String, Failure> {
        let special = match self.what.branch.as_deref() {
            None => Some(format!("+HEAD:{OURS}HEAD")),
            Some(branch) if branch.starts_with("refs/") => {
                Some(format!("+{branch}:{OURS}{branch}"))
            }
            Some(_) => None,
        };
        let why = format!("cannot fetch from {}", self.what.repository);
        let repository = self.repository();
        let mut fetch =
            args(["fetch", "--force", "--prune", "--no-tags", "--no-recurse-submodules"]).to_vec();
        fetch.push(OsStr::new("--"));
        fetch.push(repository);
        fetch.extend(args(["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"]));
        fetch.extend(special.as_ref().map(OsStr::new));
        self.must(path, &fetch, &why)?;
        let tip = match self.what.branch.as_deref() {
            None => format!("{OURS}HEAD"),
            Some(branch) if branch.starts_with("refs/") => format!("{OURS}{branch}"),
            Some(branch) => format!("refs/heads/{branch}"),
        };
        let wanted = self.what.revision.clone().unwrap_or(tip);
        if let Some(found) = self.commit(path, &wanted)? {
            return Ok(found);
        }
        if place::is_commit_id(&wanted) {
            // On no branch and no tag any more (a force push): most servers still give it when asked by its id.
            let keep = format!("+{wanted}:{OURS}revision/{wanted}");
            let fetch = ["fetch", "--no-tags", "--no-recurse-submodules", "--"].map(OsStr::new);
            let fetch = [&fetch[..], &[repository, OsStr::new(&keep)]].concat();
            self.git(path, &fetch)?;
            if let Some(found) = self.commit(path, &wanted)? {
                return Ok(found);
            }
        }
        Err(Failure::failed(format!("there is no {}", self.wanted())))
    }
}
