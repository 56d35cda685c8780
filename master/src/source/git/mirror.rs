//! The bare mirror of a URL, in `DIR/mirrors/`: what the poller and the resolver read of another machine's repository.
//!
//! Objects are never thrown away, so that the tips known before a force push stay readable. Each branch is kept under a
//! name made of its digest: a branch `a` that later becomes a folder `a/b` is then no conflict.
//!
//! A fetch belongs to the mirror, not to who asked for it. Those have little patience, and a fetch that ended with it would
//! begin a large repository from nothing every time: it would never be here.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

use super::branches::{DETACHED, TAGS, is_revision};
use super::command::{FETCH_PATIENCE, FIRST_FETCH_PATIENCE, Git};
use super::error::{GitError, tame};
use crate::source::turn::{self, digest};

/// How long anybody waits for a fetch; it goes on after that.
const WAIT_PATIENCE: Duration = Duration::from_secs(600);

/// The commits that are kept: of an annotated tag, what it marks.
const TIPS_FORMAT: &str =
    "--format=%(if)%(*objectname)%(then)%(*objectname)%(else)%(objectname)%(end) %(refname)";

/// A mirror.
#[derive(Clone, Debug)]
pub(super) struct Mirror {
    url: String,
    git_dir: PathBuf,
}

impl Mirror {
    /// Of a checked URL, below the state folder. Touches nothing yet.
    pub(super) fn new(dir: &Path, url: String) -> Self {
        let name = format!("{}.git", turn::folder_of(&url));
        Self { git_dir: dir.join("mirrors").join(name), url }
    }

    /// Where it is fetched from.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Where it is.
    pub(super) fn git_dir(&self) -> &Path {
        &self.git_dir
    }

    /// Fetches these branches, and gives the tips that they have here now.
    ///
    /// # Errors
    /// When the folder cannot be used or the fetch fails or takes very long; what was there before stays.
    pub(super) async fn bring(
        &self,
        tips: &BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, String>, GitError> {
        let mut specs = String::new();
        for branch in tips.keys() {
            let from = if branch == DETACHED || branch.starts_with(TAGS) {
                branch.clone()
            } else {
                format!("refs/heads/{branch}")
            };
            let _ = writeln!(specs, "+{from}:{}", kept(branch));
        }
        self.update(specs).await?;
        let refs = Git::bare(&self.git_dir, self.what("read the mirror"))
            .args(["for-each-ref", TIPS_FORMAT, "refs/linn/"])
            .run()
            .await?;
        let refs = String::from_utf8_lossy(&refs);
        let here: BTreeMap<&str, &str> = refs
            .lines()
            .filter_map(|line| line.split_once(' '))
            .filter(|(tip, _)| is_revision(tip))
            .map(|(tip, name)| (name, tip))
            .collect();
        Ok(tips
            .keys()
            .filter_map(|branch| {
                let tip = here.get(kept(branch).as_str())?;
                Some((branch.clone(), (*tip).to_owned()))
            })
            .collect())
    }

    /// Fetches all branches and tags.
    ///
    /// # Errors
    /// As [`Mirror::bring`].
    pub(super) async fn bring_all(&self) -> Result<(), GitError> {
        // Another place than that of single branches; pruned, so that no old name stands in the way of a new one.
        self.update("+refs/heads/*:refs/all/heads/*\n+refs/tags/*:refs/tags/*\n".to_owned()).await
    }

    /// Brings this up to date when it is its turn, and waits for that as long as anybody should.
    async fn update(&self, specs: String) -> Result<(), GitError> {
        let done = async {
            let lock = turn::take(&self.git_dir).await.map_err(|error| self.unusable(error))?;
            let (told, hears) = oneshot::channel();
            // Its own task only now that it has the mirror: there is one of them at most.
            tokio::spawn(self.clone().update_alone(lock, specs, told));
            let given_up = |_| self.unusable(io::Error::other("the fetch was given up"));
            hears.await.map_err(given_up)?
        };
        let patience = WAIT_PATIENCE;
        let late = |_| GitError::StillFetching { repository: tame(&self.url), patience };
        timeout(patience, done).await.map_err(late)?
    }

    /// Fetches, and holds others off until then.
    async fn update_alone(
        self,
        lock: File,
        specs: String,
        told: oneshot::Sender<Result<(), GitError>>,
    ) {
        let done = async {
            self.ready().await?;
            if specs.is_empty() { Ok(()) } else { self.fetch(specs).await }
        };
        let done = done.await;
        drop(lock);
        if let Err(Err(error)) = told.send(done) {
            tracing::warn!("a fetch that nobody waited for any more has failed: {error}");
        }
    }

    async fn fetch(&self, specs: String) -> Result<(), GitError> {
        let known = Git::bare(&self.git_dir, self.what("read the mirror"))
            .args(["for-each-ref", "--count=1", "--format=%(refname)"])
            .run()
            .await?;
        Git::bare(&self.git_dir, self.what("fetch"))
            .patience(if known.is_empty() { FIRST_FETCH_PATIENCE } else { FETCH_PATIENCE })
            .args(["fetch", "--quiet", "--force", "--prune", "--no-tags", "--no-write-fetch-head"])
            .args(["--stdin", "--end-of-options", &self.url])
            .input(specs)
            .run()
            .await
            .map(drop)
    }

    /// Makes the mirror when it is not there, and tidies it when it is. Only for who has it.
    async fn ready(&self) -> Result<(), GitError> {
        if !self.git_dir.join("HEAD").exists() {
            Git::anywhere(self.what("make a mirror"))
                .args(["init", "--quiet", "--bare", "--template=", "--end-of-options"])
                .args([&self.git_dir])
                .run()
                .await?;
        }
        // A master that was killed in the middle of a fetch may have left some, and so may a fetch that took too long.
        let git_dir = self.git_dir.clone();
        tokio::task::spawn_blocking(move || linn_worker::remove_git_leftovers(&git_dir))
            .await
            .map_err(|error| self.unusable(io::Error::other(error)))
    }

    fn unusable(&self, source: io::Error) -> GitError {
        GitError::Mirror { path: self.git_dir.clone(), source }
    }

    fn what(&self, verb: &str) -> String {
        format!("{verb} of {}", tame(&self.url))
    }
}

/// The ref under which a branch is kept.
fn kept(branch: &str) -> String {
    format!("refs/linn/{}", &digest(branch)[..32])
}
