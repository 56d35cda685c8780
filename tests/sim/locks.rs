//! What is held of each lock, read from the records alone: never more than there is, and nothing by who is over (LK-2, LK-3).

use std::collections::BTreeMap;

use linn_core::config::{Config, LockMode};
use linn_core::id::{BuildId, StepNumber};
use linn_core::model::{LockKey, LockShare};
use linn_core::record::Record;

/// A build, or a step of one.
type Holder = (BuildId, Option<StepNumber>);

/// Who holds what.
#[derive(Default)]
pub(crate) struct Locks {
    held: BTreeMap<LockKey, BTreeMap<Holder, LockMode>>,
}

impl Locks {
    /// Reads a record.
    pub(crate) fn follow(&mut self, config: &Config, record: &Record) -> Result<(), String> {
        match record {
            Record::BuildStarted(build) => self.take(config, (build.id, None), &build.locks),
            Record::StepStarted { id, step, locks, .. } => {
                self.take(config, (*id, Some(*step)), locks)
            }
            Record::StepFinished { id, step, .. } => {
                self.drop(|holder| *holder == (*id, Some(*step)));
                Ok(())
            }
            Record::BuildFinished { id, .. } => {
                let left = self.held.values().flat_map(BTreeMap::keys);
                let steps = left.filter(|(build, step)| build == id && step.is_some()).count();
                self.drop(|(build, _)| build == id);
                if steps == 0 { Ok(()) } else { Err(format!("LK-3: a step outlived build {id}")) }
            }
            _ => Ok(()),
        }
    }

    fn take(
        &mut self,
        config: &Config,
        holder: Holder,
        shares: &[LockShare],
    ) -> Result<(), String> {
        for share in shares {
            let holders = self.held.entry(share.key.clone()).or_default();
            holders.insert(holder, share.mode);
            let capacity = config
                .locks
                .get(&share.key.lock)
                .map_or(0, |lock| lock.capacity(share.key.worker.as_ref()));
            let counts = holders.values().map(|mode| match mode {
                LockMode::Counting(count) => *count,
                LockMode::Exclusive => 0,
            });
            let exclusive = holders.values().any(|mode| *mode == LockMode::Exclusive);
            if counts.sum::<u32>() > capacity || (exclusive && holders.len() > 1) {
                return Err(format!("LK-2: {} is held by {holders:?}", share.key));
            }
        }
        Ok(())
    }

    fn drop(&mut self, over: impl Fn(&Holder) -> bool) {
        self.held.retain(|_, holders| {
            holders.retain(|holder, _| !over(holder));
            !holders.is_empty()
        });
    }

    /// When all is over nothing is held.
    pub(crate) fn at_the_end(&self) -> Result<(), String> {
        match self.held.first_key_value() {
            None => Ok(()),
            Some((key, holders)) => Err(format!("LK-3: {key} is still held by {holders:?}")),
        }
    }
}
