//! A Mercurial repository that can be read: a folder where it is, or the mirror of a URL brought up to date.
//!
//! A mirror is never stripped, so the numbers of its changesets say in which order they arrived.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use linn_core::change::Commit;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::command::{self, PROGRAM};
use super::{is_node, log};
use crate::source::git::shown;
use crate::source::tool::{Address, Tool, ToolError, address};
use crate::source::turn;

pub(in crate::source) const SCHEMES: &[&str] = &["https", "http", "ssh"];
/// A pull that brings very much over a thin line.
const PULL_PATIENCE: Duration = Duration::from_hours(6);
/// How long anybody waits for a pull; it goes on after that.
const WAIT_PATIENCE: Duration = Duration::from_secs(600);
/// The most ids that one question names.
const ASKED_AT_ONCE: usize = 500;

/// A repository.
#[derive(Clone, Debug)]
pub(in crate::source) struct Repository {
    name: String,
    /// Where it is read.
    folder: PathBuf,
    /// Where it is pulled from, when it is a mirror.
    url: Option<String>,
}

/// A changeset's place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Listed {
    /// In order of arrival, in this repository alone.
    pub(super) number: u64,
    pub(super) branch: String,
    pub(super) commit: Commit,
}

impl Repository {
    /// By its address; mirrors live below the state folder `dir`. Touches nothing yet.
    ///
    /// # Errors
    /// [`ToolError::Address`].
    pub(in crate::source) fn new(dir: &Path, name: &str) -> Result<Self, ToolError> {
        Ok(match address(PROGRAM, SCHEMES, name)? {
            Address::Folder(folder) => Self { name: name.to_owned(), folder, url: None },
            Address::Url(url) => {
                let folder = dir.join("mirrors").join(format!("{}.hg", turn::folder_of(&url)));
                Self { name: name.to_owned(), folder, url: Some(url) }
            }
        })
    }

    /// As configured.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Made safe for sentences.
    pub(in crate::source) fn shown(&self) -> String {
        shown(&self.name)
    }

    /// Whether a look goes over a network.
    pub(super) fn is_remote(&self) -> bool {
        self.url.is_some()
    }

    /// A call in it.
    pub(super) fn hg(&self, what: &str) -> Tool {
        command::at(&self.folder, format!("{what} of {}", self.shown()))
    }

    /// Brings a mirror up to date; a folder only has to be there.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub(super) async fn bring(&self) -> Result<(), ToolError> {
        let Some(url) = &self.url else {
            let not = |why| ToolError::NotThere { path: self.shown(), program: PROGRAM, why };
            return match (self.folder.join(".hg").is_dir(), self.folder.is_dir()) {
                (true, _) => Ok(()),
                (false, true) => Err(not("the folder is no Mercurial repository")),
                (false, false) => Err(not("there is no such folder")),
            };
        };
        let done = async {
            let unusable = |error: &dyn std::fmt::Display| {
                ToolError::Mirror(format!(
                    "cannot keep a mirror in {}: {error}",
                    self.folder.display()
                ))
            };
            let lock = turn::take(&self.folder).await.map_err(|error| unusable(&error))?;
            let (told, hears) = oneshot::channel();
            // A pull belongs to the mirror, not to who asked for it, or a large one would begin anew every time.
            tokio::spawn(self.clone().pull_alone(lock, url.clone(), told));
            hears.await.map_err(|_| unusable(&"the pull was given up"))?
        };
        timeout(WAIT_PATIENCE, done).await.map_err(|_| {
            ToolError::Mirror(format!(
                "a pull from {} has not ended after {} s; it goes on, and later looks find what it brings",
                self.shown(),
                WAIT_PATIENCE.as_secs()
            ))
        })?
    }

    /// Pulls, and holds others off until then.
    async fn pull_alone(
        self,
        lock: File,
        url: String,
        told: oneshot::Sender<Result<(), ToolError>>,
    ) {
        let done = self.pull(&url).await;
        drop(lock);
        if let Err(Err(error)) = told.send(done) {
            tracing::warn!("a pull that nobody waited for any more has failed: {error}");
        }
    }

    async fn pull(&self, url: &str) -> Result<(), ToolError> {
        if !self.folder.join(".hg").is_dir() {
            command::anywhere(format!("make a mirror of {}", self.shown()))
                .args(["init", "--"])
                .args([&self.folder])
                .run()
                .await?;
        }
        if self.folder.join(".hg/store/journal").exists() {
            // A pull that was killed leaves one. Where it cannot be taken back, the pull says so.
            let _ = self.hg("take back a broken pull").args(["recover"]).run_if().await?;
        }
        self.hg("pull")
            .patience(PULL_PATIENCE)
            .args(["pull", "--quiet", "--", url])
            .run()
            .await
            .map(drop)
    }

    /// Its open branches with their tips.
    ///
    /// # Errors
    /// When hg cannot tell.
    pub(super) async fn branches(&self) -> Result<BTreeMap<String, String>, ToolError> {
        let said = self
            .hg("list the branches")
            .args(["branches", "--template", "{node} {branch|stringescape}\\n"])
            .run()
            .await?;
        let lines = said.split(|b| *b == b'\n').filter_map(|line| {
            let line = std::str::from_utf8(line).ok()?;
            let (node, branch) = line.split_once(' ').filter(|(node, _)| is_node(node))?;
            Some((log::unescaped(branch), node.to_owned()))
        });
        Ok(lines.collect())
    }

    /// The numbers of those of these changesets that are here.
    ///
    /// # Errors
    /// When hg cannot tell.
    pub(super) async fn numbers<'a>(
        &self,
        nodes: impl IntoIterator<Item = &'a String>,
    ) -> Result<BTreeMap<String, u64>, ToolError> {
        let nodes: Vec<&String> = nodes.into_iter().filter(|node| is_node(node)).collect();
        let mut found = BTreeMap::new();
        for some in nodes.chunks(ASKED_AT_ONCE) {
            let set: Vec<String> = some.iter().map(|node| format!("id({node})")).collect();
            let said = self
                .hg("look up changesets")
                // What was amended away is still known by its number.
                .args(["--hidden", "log", "-r", &set.join("+"), "--template", "{rev} {node}\\n"])
                .run()
                .await?;
            let said = String::from_utf8_lossy(&said);
            found.extend(said.lines().filter_map(|line| {
                let (number, node) = line.split_once(' ')?;
                Some((node.to_owned(), number.parse().ok()?))
            }));
        }
        Ok(found)
    }

    /// The changesets of a set, in its order.
    ///
    /// # Errors
    /// When hg cannot tell, or knows none of a name in the set.
    pub(super) async fn list(&self, set: &str) -> Result<Vec<Listed>, ToolError> {
        let said = self
            .hg("read the history")
            .args(["log", "-r", set, "--template"])
            .args(["{rev} {node} {p1node} {p2node} {branch|stringescape}\\n"])
            .run()
            .await?;
        let said = String::from_utf8_lossy(&said);
        Ok(said.lines().filter_map(listed).collect())
    }
}

fn listed(line: &str) -> Option<Listed> {
    let fields: Vec<&str> = line.splitn(5, ' ').collect();
    let [number, node, first, second, branch] = fields.as_slice() else { return None };
    let parents = [*first, *second].into_iter().filter(|node| log::is_somebody(node));
    let parents = parents.map(ToOwned::to_owned).collect();
    is_node(node).then_some(())?;
    Some(Listed {
        number: number.parse().ok()?,
        branch: log::unescaped(branch),
        commit: Commit { revision: (*node).to_owned(), parents },
    })
}
