//! What is remembered of a scheduler from one firing to the next, by its name: it outlives restarts and reloads.

use crate::record::Record;
use crate::time::Timestamp;

/// Where a scheduler stands.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Standing {
    /// What people switched it to, against what its configuration says (CH-12); `None`: it does as it is configured.
    pub switched: Option<bool>,
    /// The slots it goes by, in words; empty: by none, as it is disabled, not declared, or not of that kind.
    pub schedule: String,
    /// Since when it goes by them. Slots before that are not missed.
    pub since: Timestamp,
    /// Where it looks for changes (PN-7), in words; empty: nowhere, every slot is built.
    pub watches: String,
    /// Whether something may have changed that it did not see: the next slot is built in any case (PN-7).
    pub unsure: bool,
    /// The last slot that it has dealt with, built or left out (PN-1).
    pub last: Option<Timestamp>,
}

impl Standing {
    /// Whether a record is about the standing of a scheduler that may not have one yet.
    #[must_use]
    pub const fn begins_with(record: &Record) -> bool {
        matches!(record, Record::SchedulerSwitched { .. } | Record::SchedulerTimed { .. })
    }

    /// Makes a fact true. State and stores call this alike.
    pub fn learn(&mut self, record: &Record) {
        match record {
            Record::SchedulerSwitched { enabled, against_config, .. } => {
                self.switched = against_config.then_some(*enabled);
            }
            Record::SchedulerTimed { schedule, watches, at, .. } => {
                if self.schedule != *schedule {
                    self.schedule.clone_from(schedule);
                    self.since = *at;
                }
                if self.watches != *watches {
                    self.watches.clone_from(watches);
                    self.unsure = !watches.is_empty();
                }
            }
            Record::SchedulerFired { at, .. } => {
                self.last = Some(*at);
                self.unsure = false;
            }
            _ => {}
        }
    }
}
