//! What somebody holds of a lock, or waits for.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::config::LockMode;
use crate::id::{BuildId, LockName, StepNumber, WorkerName};

/// One instance of a lock: the site's, or a worker's (LK-1).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct LockKey {
    /// Which lock.
    pub lock: LockName,
    /// Of which worker; `None`: there is one only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<WorkerName>,
}

impl fmt::Display for LockKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.worker {
            None => self.lock.fmt(f),
            Some(worker) => write!(f, "{} on {worker}", self.lock),
        }
    }
}

/// So much of a lock.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct LockShare {
    /// Of which.
    #[serde(flatten)]
    pub key: LockKey,
    /// How much.
    pub mode: LockMode,
}

/// Who holds a share.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum LockHolder {
    /// A build, from its start to its end.
    Build(BuildId),
    /// A step, while it runs.
    Step(BuildId, StepNumber),
}

impl LockHolder {
    /// The build it is, or is part of.
    #[must_use]
    pub const fn build(self) -> BuildId {
        match self {
            Self::Build(build) | Self::Step(build, _) => build,
        }
    }
}
