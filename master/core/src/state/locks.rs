//! Who holds what of each lock: an index over unfinished builds and their running steps, and the steps that wait.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::LockMode;
use crate::id::{BuildId, StepNumber};
use crate::model::{Build, LockHolder, LockKey, LockShare, StepState};
use crate::time::Timestamp;

/// All locks that are held or that steps wait for.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Locks {
    held: BTreeMap<LockKey, BTreeMap<LockHolder, LockMode>>,
    /// First come first.
    waiting: BTreeSet<(Timestamp, BuildId, StepNumber)>,
}

impl Locks {
    pub(super) fn holders(&self, key: &LockKey) -> impl Iterator<Item = (LockHolder, LockMode)> {
        self.held.get(key).into_iter().flatten().map(|(holder, mode)| (*holder, *mode))
    }

    pub(super) fn held(&self) -> impl Iterator<Item = &LockKey> {
        self.held.keys()
    }

    pub(super) fn waiting(&self) -> impl Iterator<Item = (BuildId, StepNumber)> {
        self.waiting.iter().map(|(_, build, step)| (*build, *step))
    }

    pub(super) fn take(&mut self, holder: LockHolder, shares: &[LockShare]) {
        for share in shares {
            self.held.entry(share.key.clone()).or_default().insert(holder, share.mode);
        }
    }

    pub(super) fn give_back(&mut self, holder: LockHolder, shares: &[LockShare]) {
        for share in shares {
            if let Some(holders) = self.held.get_mut(&share.key) {
                holders.remove(&holder);
                if holders.is_empty() {
                    self.held.remove(&share.key);
                }
            }
        }
    }

    pub(super) fn wait(&mut self, build: BuildId, step: StepNumber, since: Timestamp) {
        self.waiting.insert((since, build, step));
    }

    pub(super) fn wait_no_more(
        &mut self,
        build: BuildId,
        step: StepNumber,
        since: Option<Timestamp>,
    ) {
        if let Some(since) = since {
            self.waiting.remove(&(since, build, step));
        }
    }

    /// Takes in what an unfinished build holds and waits for.
    pub(super) fn add(&mut self, build: &Build) {
        if build.complete_at.is_some() {
            return;
        }
        self.take(LockHolder::Build(build.id), &build.locks);
        for step in &build.steps {
            match (step.state(), step.waiting_since) {
                (StepState::Running, _) => {
                    self.take(LockHolder::Step(build.id, step.number), &step.locks);
                }
                (StepState::Waiting, Some(since)) => self.wait(build.id, step.number, since),
                _ => {}
            }
        }
    }
}
