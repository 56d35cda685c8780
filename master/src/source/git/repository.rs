//! A repository that can be read: a folder where it is, or the mirror of a URL brought up to date.
//!
//! Revisions leave and enter as full hexadecimal ids only.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::address::Address;
use super::branches::{Branches, Head, REFS_FORMAT, TAGS, is_revision};
use super::command::{ASK_PATIENCE, Git};
use super::error::{GitError, tame};
use super::mirror::Mirror;

/// A repository.
#[derive(Debug)]
pub(in crate::source) struct Repository {
    /// As configured and as it appears in changes.
    name: String,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Folder(PathBuf),
    Mirrored(Mirror),
}

impl Repository {
    /// By its address; mirrors live below the state folder `dir`. Touches nothing yet.
    ///
    /// # Errors
    /// [`GitError::Address`].
    pub(in crate::source) fn new(dir: &Path, address: &str) -> Result<Self, GitError> {
        let place = match Address::parse(address)? {
            Address::Folder(folder) => Place::Folder(folder),
            Address::Url(url) => Place::Mirrored(Mirror::new(dir, url)),
        };
        Ok(Self { name: address.to_owned(), place })
    }

    /// The address as configured.
    pub(in crate::source) fn name(&self) -> &str {
        &self.name
    }

    /// Whether a look goes over a network.
    pub(in crate::source) fn is_remote(&self) -> bool {
        matches!(self.place, Place::Mirrored(_))
    }

    /// The name made safe for sentences.
    pub(in crate::source) fn shown(&self) -> String {
        tame(&self.name)
    }

    /// Its branches now, and its tags if they are asked for. For a folder this is one process of a few milliseconds.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) async fn branches(&self, tags: bool) -> Result<Branches, GitError> {
        let what = format!("list the branches of {}", self.shown());
        match &self.place {
            Place::Folder(folder) => {
                there(folder)?;
                let refs = Git::at(folder, what.clone())
                    .args(["for-each-ref", REFS_FORMAT, "refs/heads/"])
                    .args(tags.then_some(TAGS))
                    .run()
                    .await?;
                let mut branches = Branches::of_refs(&refs).ok_or(GitError::Unreadable { what })?;
                if branches.head.is_none() {
                    branches.head = self.detached(folder).await?;
                }
                Ok(branches)
            }
            Place::Mirrored(mirror) => {
                let answer = Git::anywhere(what.clone())
                    .patience(ASK_PATIENCE)
                    .args(["ls-remote", "--quiet", "--symref", "--end-of-options"])
                    .args([mirror.url(), "HEAD", "refs/heads/*"])
                    .args(tags.then_some("refs/tags/*"))
                    .run()
                    .await?;
                Branches::of_remote(&answer).ok_or(GitError::Unreadable { what })
            }
        }
    }

    /// No branch is checked out: either HEAD is at a commit, or its branch has none yet.
    async fn detached(&self, folder: &Path) -> Result<Option<Head>, GitError> {
        let answer = Git::at(folder, format!("read HEAD of {}", self.shown()))
            .args(["rev-parse", "--verify", "--quiet", "--end-of-options", "HEAD^{commit}"])
            .run_if()
            .await?;
        Ok(answer.and_then(|line| revision_of(&line)).map(Head::Commit))
    }

    /// Makes the commits behind these branches readable; for a folder they are. Gives the tips that were fetched, which
    /// may be newer than those asked for.
    ///
    /// # Errors
    /// When they cannot be fetched.
    pub(super) async fn bring(
        &self,
        tips: &std::collections::BTreeMap<String, String>,
    ) -> Result<std::collections::BTreeMap<String, String>, GitError> {
        match &self.place {
            Place::Folder(_) => Ok(tips.clone()),
            Place::Mirrored(mirror) => mirror.bring(tips).await,
        }
    }

    /// Fetches every branch and tag of a mirrored repository: the last resort for a revision that is on no known branch.
    ///
    /// # Errors
    /// When they cannot be fetched.
    pub(super) async fn bring_all(&self) -> Result<(), GitError> {
        match &self.place {
            Place::Folder(_) => Ok(()),
            Place::Mirrored(mirror) => mirror.bring_all().await,
        }
    }

    /// A call in the repository, without a checkout.
    ///
    /// # Errors
    /// When the git folder cannot be found.
    pub(super) async fn git(&self, what: &str) -> Result<Git, GitError> {
        let what = format!("{what} of {}", self.shown());
        Ok(match &self.place {
            Place::Folder(folder) => Git::bare(&self.git_dir(folder).await?, what),
            Place::Mirrored(mirror) => Git::bare(mirror.git_dir(), what),
        })
    }

    /// The full id of the commit that `name` means here: a hexadecimal id, perhaps a short one, or a full ref name.
    ///
    /// # Errors
    /// When git cannot be asked. `Ok(None)`: there is no such commit, or several.
    pub(super) async fn commit(&self, name: &str) -> Result<Option<String>, GitError> {
        if let Place::Mirrored(mirror) = &self.place
            && !mirror.git_dir().exists()
        {
            return Ok(None);
        }
        let answer = self
            .git("look up a commit")
            .await?
            .args(["rev-parse", "--verify", "--quiet", "--end-of-options"])
            .args([format!("{name}^{{commit}}")])
            .run_if()
            .await?;
        Ok(answer.and_then(|line| revision_of(&line)))
    }

    /// A checkout's `.git`, or the folder itself when it is bare. Only a linked worktree or a submodule, which have a file
    /// of that name, are worth asking git for.
    async fn git_dir(&self, folder: &Path) -> Result<PathBuf, GitError> {
        use std::os::unix::ffi::OsStringExt;
        let inside = folder.join(".git");
        if inside.is_dir() {
            return Ok(inside);
        }
        if !inside.exists() {
            return Ok(folder.to_owned());
        }
        let what = format!("find the git folder of {}", self.shown());
        let answer =
            Git::at(folder, what.clone()).args(["rev-parse", "--absolute-git-dir"]).run().await?;
        let line = answer.strip_suffix(b"\n").unwrap_or(&answer);
        if line.is_empty() {
            return Err(GitError::Unreadable { what });
        }
        Ok(PathBuf::from(std::ffi::OsString::from_vec(line.to_vec())))
    }

    /// The patience that suits where it is.
    pub(in crate::source) fn slowest_retry(&self) -> Duration {
        if self.is_remote() { Duration::from_secs(300) } else { Duration::from_secs(15) }
    }
}

/// Whether there is a repository in that very folder: git alone would go on searching in the folders above.
fn there(folder: &Path) -> Result<(), GitError> {
    let not = |why| Err(GitError::NotThere { path: folder.to_owned(), why });
    if folder.join(".git").exists() || folder.join("HEAD").exists() {
        Ok(())
    } else if folder.is_dir() {
        not("the folder is no git repository")
    } else if folder.exists() {
        not("this is a file, not a folder")
    } else {
        not("there is no such folder")
    }
}

/// One line that is a full revision.
fn revision_of(line: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(line).ok()?.trim_end();
    is_revision(text).then(|| text.to_owned())
}
