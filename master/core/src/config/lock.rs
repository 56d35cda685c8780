//! Locks: what only so many builds or steps may hold at one time (LK-*).

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::hooks::HookId;
use crate::id::{LockName, WorkerName};

/// A lock.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lock {
    /// Its name.
    pub name: LockName,
    /// Whether there is one, or one for each worker (LK-1).
    pub scope: LockScope,
    /// How much of it there is; at least 1.
    pub max_count: u32,
    /// How much of it there is on these workers, for a worker lock.
    pub max_count_for: BTreeMap<WorkerName, u32>,
}

impl Lock {
    /// How much there is of it, or of it on a worker.
    #[must_use]
    pub fn capacity(&self, worker: Option<&WorkerName>) -> u32 {
        let own = worker.and_then(|worker| self.max_count_for.get(worker));
        own.copied().unwrap_or(self.max_count)
    }
}

/// How many there are of a lock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LockScope {
    /// One for the whole site.
    Master,
    /// One for each worker.
    Worker,
}

impl LockScope {
    /// The word of cli.md's JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Master => "master",
            Self::Worker => "worker",
        }
    }
}

/// How a lock is taken.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LockMode {
    /// So much of it, beside others who do likewise.
    Counting(u32),
    /// Nobody else has any of it.
    Exclusive,
}

impl fmt::Display for LockMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Counting(count) => count.fmt(f),
            Self::Exclusive => f.write_str("exclusive"),
        }
    }
}

/// A lock and how it is taken: `db.exclusive()`, `cpu.counting(2)`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LockAccess {
    /// Which.
    pub lock: LockName,
    /// How.
    pub mode: LockMode,
}

/// The locks that a builder, a step or a worker takes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Locks {
    /// These, all of them together (LK-3).
    These(Vec<LockAccess>),
    /// What a function of the request, or in a step of the build, returns.
    Hook(HookId),
}

impl Default for Locks {
    fn default() -> Self {
        Self::These(Vec::new())
    }
}

impl Locks {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::These(locks) if locks.is_empty())
    }
}
