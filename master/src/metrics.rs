//! Counters for operators: what the engine has done, and how long its commits took.
//!
//! Only ever added to, by the engine's thread; read by anybody. No counter decides anything.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What one engine has done since it started.
#[derive(Debug, Default)]
pub struct Metrics {
    inputs: AtomicU64,
    batches: AtomicU64,
    records: AtomicU64,
    commit_us: AtomicU64,
    slowest_commit_us: AtomicU64,
    reloads: AtomicU64,
}

/// The counters at one moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Reading {
    /// Inputs handled.
    pub inputs: u64,
    /// Commits that wrote something.
    pub batches: u64,
    /// Records made durable.
    pub records: u64,
    /// All commits together, in microseconds.
    pub commit_us: u64,
    /// The slowest of them, in microseconds.
    pub slowest_commit_us: u64,
    /// How often the state was loaded again after a commit had failed.
    pub reloads: u64,
}

impl Metrics {
    /// Some inputs were handled.
    pub(crate) fn handled(&self, inputs: usize) {
        self.inputs.fetch_add(inputs as u64, Ordering::Relaxed);
    }

    /// Some records are durable.
    pub(crate) fn committed(&self, records: usize, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.batches.fetch_add(1, Ordering::Relaxed);
        self.records.fetch_add(records as u64, Ordering::Relaxed);
        self.commit_us.fetch_add(us, Ordering::Relaxed);
        self.slowest_commit_us.fetch_max(us, Ordering::Relaxed);
    }

    /// The state was loaded again.
    pub(crate) fn reloaded(&self) {
        self.reloads.fetch_add(1, Ordering::Relaxed);
    }

    /// The counters now.
    #[must_use]
    pub fn read(&self) -> Reading {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Reading {
            inputs: get(&self.inputs),
            batches: get(&self.batches),
            records: get(&self.records),
            commit_us: get(&self.commit_us),
            slowest_commit_us: get(&self.slowest_commit_us),
            reloads: get(&self.reloads),
        }
    }
}
