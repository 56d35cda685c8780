//! The known part of the version-control graphs: commits and their parents, for blame (BM-4).

use std::collections::{BTreeMap, VecDeque};

use super::TAIL_COMMITS;
use crate::change::Commit;

/// The newest [`TAIL_COMMITS`] commits of all repositories together.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Graph {
    parents: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    /// Repository and revision, in the order learnt.
    order: VecDeque<(String, String)>,
}

impl Graph {
    pub(super) fn parents(&self, repository: &str, revision: &str) -> Option<&[String]> {
        self.parents.get(repository)?.get(revision).map(Vec::as_slice)
    }

    /// Takes a commit in. One that is known stays where it is: a commit's parents never change.
    pub(super) fn learn(&mut self, repository: &str, commit: &Commit) {
        let of = self.parents.entry(repository.to_owned()).or_default();
        if of.contains_key(&commit.revision) {
            return;
        }
        of.insert(commit.revision.clone(), commit.parents.clone());
        self.order.push_back((repository.to_owned(), commit.revision.clone()));
        if self.order.len() > TAIL_COMMITS
            && let Some((repository, revision)) = self.order.pop_front()
            && let Some(of) = self.parents.get_mut(&repository)
        {
            of.remove(&revision);
            if of.is_empty() {
                self.parents.remove(&repository);
            }
        }
    }

    /// In the order learnt.
    pub(super) fn iter(&self) -> impl Iterator<Item = (String, Commit)> {
        self.order.iter().map(|(repository, revision)| {
            let parents = self.parents(repository, revision).unwrap_or_default().to_vec();
            (repository.clone(), Commit { revision: revision.clone(), parents })
        })
    }
}
