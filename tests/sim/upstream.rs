//! The repository that the one source watches: people push, the source looks from the master's cursor on. A cursor and the
//! changes behind it become durable together (GP-6), so nothing pushed is ever missed or told twice.

use std::collections::BTreeMap;

use linn_core::change::{Commit, NewChange};
use linn_core::input::Input;
use linn_core::master::Master as Core;
use linn_core::state::SourceCursor;

use crate::changes::Changes;
use crate::random::Random;
use crate::site::{REPOSITORY, SOURCE};

/// A branch with all its commits, oldest first.
type Branch = (&'static str, Vec<Commit>);

/// What the source found, on its way to the master.
struct Found {
    at: i64,
    /// Of the master that looked: another one looks anew.
    life: u32,
    input: Input,
}

/// The repository and its watcher.
pub(crate) struct Upstream {
    branches: [Branch; 2],
    next_push: i64,
    next_look: i64,
    found: Option<Found>,
}

impl Upstream {
    /// Two branches of one commit each.
    pub(crate) fn new() -> Self {
        let root = |branch: &str| Commit { revision: format!("{branch} 1"), parents: Vec::new() };
        let branches = [("main", vec![root("main")]), ("dev", vec![root("dev")])];
        Self { branches, next_push: 0, next_look: 0, found: None }
    }

    /// When something happens here next.
    pub(crate) fn next(&self, pushing: bool, up: bool) -> Option<i64> {
        let look = self.found.as_ref().map_or(self.next_look, |found| found.at);
        [pushing.then_some(self.next_push), up.then_some(look)].into_iter().flatten().min()
    }

    /// People push, and the source looks; what it found arrives a little later.
    pub(crate) fn live(
        &mut self,
        now: i64,
        pushing: bool,
        (core, life): (Option<&Core>, u32),
        random: &mut Random,
    ) -> Option<Input> {
        if pushing && self.next_push <= now {
            self.next_push = now + 100 + random.ms(6_000);
            for _ in 0..1 + random.below(3) {
                self.push(random);
            }
        }
        let core = core?;
        if let Some(found) = self.found.take_if(|found| found.at <= now || found.life != life) {
            // What another life of the master looked for is lost with it.
            return (found.life == life).then_some(found.input);
        }
        if self.found.is_none() && self.next_look <= now {
            self.next_look = now + 500 + random.ms(4_000);
            let at = now + random.ms(400);
            let input = if random.per_mille(100) {
                let error = "the repository is not there".to_owned();
                Input::SourceFailed { source: SOURCE.into(), asking: None, error }
            } else {
                self.look(core.state().source(&SOURCE.into()))
            };
            self.found = Some(Found { at, life, input });
        }
        None
    }

    fn push(&mut self, random: &mut Random) {
        let which = random.place(2);
        let tip = |branch: &Branch| branch.1.last().map(|commit| commit.revision.clone());
        let mut parents: Vec<_> = tip(&self.branches[which]).into_iter().collect();
        if random.per_mille(200) {
            parents.extend(tip(&self.branches[1 - which]));
        }
        let (branch, commits) = &mut self.branches[which];
        commits.push(Commit { revision: format!("{branch} {}", commits.len() + 1), parents });
    }

    /// What is new since the cursor; at first nothing is, and the cursor begins (GP-2).
    fn look(&self, cursor: Option<&SourceCursor>) -> Input {
        let cursor = cursor.filter(|cursor| cursor.looked);
        let mut changes = Vec::new();
        let mut learnt = Vec::new();
        for (branch, commits) in &self.branches {
            let new = match cursor {
                Some(cursor) => after(commits, cursor.tips.get(*branch)),
                None => &[],
            };
            learnt.extend_from_slice(new);
            changes.extend(new.iter().map(|commit| change(branch, commit)));
        }
        Input::SourcePolled {
            source: SOURCE.into(),
            asking: None,
            changes,
            tips: self.tips(),
            commits: (REPOSITORY.into(), learnt),
        }
    }

    fn tips(&self) -> BTreeMap<String, String> {
        let tip = |(branch, commits): &Branch| {
            commits.last().map(|commit| ((*branch).to_owned(), commit.revision.clone()))
        };
        self.branches.iter().filter_map(tip).collect()
    }

    /// Whether the master knows all that was pushed.
    pub(crate) fn is_known(&self, core: &Core) -> bool {
        let cursor = core.state().source(&SOURCE.into());
        cursor.is_some_and(|cursor| cursor.looked && cursor.tips == self.tips())
    }

    /// I1, GP-6: every commit since the first look has become a change.
    pub(crate) fn at_the_end(&self, changes: &Changes) -> Result<(), String> {
        let first = changes.first_tips().ok_or("GP-6: the source never looked")?;
        for (branch, commits) in &self.branches {
            for commit in after(commits, first.get(*branch)) {
                if !changes.has_key(&key(branch, commit)) {
                    return Err(format!("GP-6: {} was never told of", commit.revision));
                }
            }
        }
        Ok(())
    }
}

/// The commits after a tip; all of them without one.
fn after<'a>(commits: &'a [Commit], tip: Option<&String>) -> &'a [Commit] {
    let known = commits.iter().position(|commit| Some(&commit.revision) == tip);
    &commits[known.map_or(0, |at| at + 1)..]
}

fn key(branch: &str, commit: &Commit) -> String {
    format!("git {REPOSITORY} {branch} {}", commit.revision)
}

fn change(branch: &str, commit: &Commit) -> NewChange {
    NewChange {
        key: Some(key(branch, commit)),
        author: format!("author of {}", commit.revision.len()),
        branch: Some(branch.into()),
        revision: Some(commit.revision.clone()),
        parents: commit.parents.clone(),
        repository: REPOSITORY.into(),
        files: vec!["src/b".into()],
        vcs: "git".into(),
        ..NewChange::default()
    }
}
