//! What happened in some worlds, to show that enough of everything did.

use std::fmt;
use std::ops::AddAssign;

/// Counts of what happened.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct Tally {
    pub(crate) requests: usize,
    pub(crate) builds: usize,
    pub(crate) retries: usize,
    pub(crate) changes: usize,
    pub(crate) refusals: usize,
    pub(crate) stale: usize,
    pub(crate) crashes: usize,
    pub(crate) unwritten: usize,
    pub(crate) agent_crashes: usize,
    pub(crate) reboots: usize,
    pub(crate) machines_lost: usize,
    pub(crate) turned_away: usize,
    pub(crate) replaced: usize,
    pub(crate) cuts: usize,
    pub(crate) asked_again: usize,
    pub(crate) sleeps: usize,
    pub(crate) turns: usize,
    pub(crate) resolved: usize,
    pub(crate) here: usize,
    pub(crate) log_bytes: usize,
}

impl Tally {
    fn parts(&self) -> [(&'static str, usize); 20] {
        [
            ("requests", self.requests),
            ("builds", self.builds),
            ("retries", self.retries),
            ("changes", self.changes),
            ("refusals", self.refusals),
            ("stale results", self.stale),
            ("master crashes", self.crashes),
            ("refused commits", self.unwritten),
            ("agent crashes", self.agent_crashes),
            ("reboots", self.reboots),
            ("machines lost", self.machines_lost),
            ("workers turned away", self.turned_away),
            ("sessions replaced", self.replaced),
            ("cuts", self.cuts),
            ("askings repeated", self.asked_again),
            ("sleeps", self.sleeps),
            ("turns of the configuration", self.turns),
            ("buildsets resolved", self.resolved),
            ("ends of programs of the master", self.here),
            ("log bytes", self.log_bytes),
        ]
    }

    /// What happened too seldom to prove anything.
    pub(crate) fn too_quiet(&self) -> Option<&'static str> {
        self.parts().into_iter().find(|(_, count)| *count < 50).map(|(name, _)| name)
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, more: Self) {
        self.requests += more.requests;
        self.builds += more.builds;
        self.retries += more.retries;
        self.changes += more.changes;
        self.refusals += more.refusals;
        self.stale += more.stale;
        self.crashes += more.crashes;
        self.unwritten += more.unwritten;
        self.agent_crashes += more.agent_crashes;
        self.reboots += more.reboots;
        self.machines_lost += more.machines_lost;
        self.turned_away += more.turned_away;
        self.replaced += more.replaced;
        self.cuts += more.cuts;
        self.asked_again += more.asked_again;
        self.sleeps += more.sleeps;
        self.turns += more.turns;
        self.resolved += more.resolved;
        self.here += more.here;
        self.log_bytes += more.log_bytes;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, (name, count)) in self.parts().into_iter().enumerate() {
            let comma = if nth == 0 { "" } else { ", " };
            write!(f, "{comma}{count} {name}")?;
        }
        Ok(())
    }
}
