//! A worker as the master knows it.

use serde::{Deserialize, Serialize};

use crate::id::WorkerName;
use crate::time::Timestamp;

/// What is known of a worker, declared or once seen.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Worker {
    /// Its name.
    pub name: WorkerName,
    /// Which folder it runs from: a name belongs to one at a time (architecture.md 7).
    pub instance: String,
    /// What it said of itself.
    pub info: WorkerInfo,
    /// When its present session began; `None`: it has none.
    pub connected_at: Option<Timestamp>,
    /// When its last session ended.
    pub lost_at: Option<Timestamp>,
    /// Takes no new build (LW-7, C27).
    pub hold: Option<Hold>,
    /// When its last build ended: the longest idle is taken first.
    pub idle_since: Option<Timestamp>,
}

impl Worker {
    /// One that was never connected.
    #[must_use]
    pub fn new(name: WorkerName) -> Self {
        Self {
            name,
            instance: String::new(),
            info: WorkerInfo::default(),
            connected_at: None,
            lost_at: None,
            hold: None,
            idle_since: None,
        }
    }

    /// Whether it was ever connected. One that was not is known because somebody paused it beforehand (C27).
    #[must_use]
    pub const fn was_seen(&self) -> bool {
        self.connected_at.is_some() || self.lost_at.is_some()
    }
}

/// Why a worker takes no new build. Kept over a restart.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Hold {
    /// In somebody's words; may be empty.
    pub reason: String,
    /// Asked for as a drain: shown as `draining` while it still builds, then as `paused`.
    pub draining: bool,
    /// When.
    pub at: Timestamp,
}

/// What a worker says of itself.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct WorkerInfo {
    /// Of linn.
    pub version: String,
    /// `linux-x86_64` ...
    pub platform: String,
    /// Who looks after it.
    pub admin: String,
    /// Its host name.
    pub host: String,
    /// Changes with each start of the machine.
    pub boot_id: String,
    /// Processors.
    pub cpus: u32,
    /// Memory, in bytes.
    pub memory_bytes: u64,
    /// Where it lives on its machine; empty: it does not tell.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub folder: String,
}
