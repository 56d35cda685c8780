//! What must stay, whatever the rules say: what runs or waits, what that names, and what the next decision will read.

use std::collections::{BTreeMap, BTreeSet};

use crate::id::{BuildId, BuildRef, BuilderName, BuildsetId, ChangeId, ConfigDigest};
use crate::state::{Built, State};

/// Why a build stays.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Need {
    /// Somebody pinned it.
    Pinned,
    /// It runs, or something that is not over belongs to it: its buildset, what it triggered, a rebuild.
    Live,
    /// It is the newest of its builder, or of all.
    Newest,
    /// It is the last one of its branch, to which the next one is compared (BM-4).
    Last,
    /// It is the last good one of its branch (C6).
    LastGood,
    /// Another try at the same request stays.
    Tried,
}

impl Need {
    /// For people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Pinned => "pinned",
            Self::Live => "something that runs or waits needs it",
            Self::Newest => "the newest of its builder",
            Self::Last => "the last of its branch",
            Self::LastGood => "the last good one of its branch",
            Self::Tried => "another try at its request stays",
        }
    }

    /// Whether what belongs to the build stays too.
    pub(super) const fn keeps_files(self) -> bool {
        matches!(self, Self::Pinned | Self::Live)
    }
}

/// What must stay.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Needs {
    /// These builds.
    pub builds: BTreeMap<BuildId, Need>,
    /// These too, which are known by name alone.
    pub named: BTreeSet<BuildRef>,
    /// These buildsets, and their builds.
    pub buildsets: BTreeSet<BuildsetId>,
    /// This buildset, so that its id is never given again; its builds may go.
    pub last_buildset: Option<BuildsetId>,
    /// These changes.
    pub changes: BTreeSet<ChangeId>,
    /// These texts.
    pub configs: BTreeSet<ConfigDigest>,
}

impl Needs {
    /// What a state needs.
    #[must_use]
    pub fn of(state: &State) -> Self {
        let mut needs = Self::default();
        for builder in state.built_builders() {
            needs.predecessors(state, builder);
        }
        needs.live(state);
        // Stronger than any other reason: it keeps what belongs to the build.
        needs.builds.extend(state.pins().iter().map(|id| (*id, Need::Pinned)));
        let last = state.last();
        needs.builds.entry(BuildId(last.build)).or_insert(Need::Newest);
        needs.last_buildset = Some(BuildsetId(last.buildset));
        needs.changes.insert(ChangeId(last.change));
        needs.changes.extend(state.newest_changes());
        needs.changes.extend(state.needed_changes());
        needs.configs.extend(state.config().cloned());
        needs
    }

    /// Why a build stays, if anything needs it.
    #[must_use]
    pub fn of_build(&self, id: BuildId, build: &BuildRef, buildset: BuildsetId) -> Option<Need> {
        let known = self.builds.get(&id).copied();
        known.filter(|need| *need == Need::Pinned).or_else(|| {
            let live = self.buildsets.contains(&buildset) || self.named.contains(build);
            if live { Some(Need::Live) } else { known }
        })
    }

    /// Whether a buildset stays.
    #[must_use]
    pub fn keep_buildset(&self, id: BuildsetId) -> bool {
        self.last_buildset == Some(id) || self.buildsets.contains(&id)
    }

    /// The newest build of a builder, and of each branch the last one and the last good one, as far back as blame looks.
    fn predecessors(&mut self, state: &State, builder: &BuilderName) {
        let mut last = BTreeSet::new();
        let mut last_good = BTreeSet::new();
        for (nth, built) in state.built_of(builder).enumerate() {
            let line = line_of(built);
            // A patched build is compared to nothing (BM-5), but its number is the last one.
            if nth == 0 {
                self.builds.insert(built.id, Need::Newest);
            }
            if line.is_empty() {
                continue;
            }
            let good = !built.results.is_red() && last_good.insert(line.clone());
            if last.insert(line) {
                self.builds.entry(built.id).or_insert(Need::Last);
            } else if good {
                self.builds.entry(built.id).or_insert(Need::LastGood);
            }
        }
    }

    /// What runs and waits, and what that names.
    fn live(&mut self, state: &State) {
        for build in state.unfinished() {
            self.builds.insert(build.id, Need::Live);
            self.buildsets.insert(build.buildset);
            self.configs.insert(build.config.clone());
            self.buildsets.extend(build.steps.iter().flat_map(|step| &step.waits_for).copied());
        }
        for buildset in state.buildsets() {
            self.buildsets.insert(buildset.id);
            self.named.extend(buildset.rebuild_of.clone());
            if let Some(parent) = &buildset.parent {
                self.builds.insert(parent.id, Need::Live);
            }
        }
        for request in state.requests() {
            self.builds.extend(request.builds.iter().map(|(id, _)| (*id, Need::Live)));
            self.buildsets.extend(request.children.iter().map(|child| child.buildset));
        }
    }
}

/// What a build is comparable by: its codebases, repositories and branches.
fn line_of(built: &Built) -> Vec<(String, String, Option<String>)> {
    let trees = built.trees.iter();
    trees
        .map(|tree| (tree.codebase.clone(), tree.repository.clone(), tree.branch.clone()))
        .collect()
}
