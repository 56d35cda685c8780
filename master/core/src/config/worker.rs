//! A worker as the configuration declares it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::LockAccess;
use crate::id::WorkerName;

/// A machine that may dial in under this name.
#[derive(Clone, PartialEq, Debug)]
pub struct Worker {
    /// Its name.
    pub name: WorkerName,
    /// Builds at one time; `None`: no limit (F24).
    pub max_builds: Option<u32>,
    /// Set for its builds (PP-1).
    pub properties: BTreeMap<String, Value>,
    /// Set where nobody else set them.
    pub defaults: BTreeMap<String, Value>,
    /// What every build on it takes too (LK-8).
    pub locks: Vec<LockAccess>,
    /// The master starts it itself, as tasks of its own process (F23).
    pub local: bool,
}
