//! The step that starts other schedulers (TR-*, F4).

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use super::TemplateValue;

/// Asks triggerable schedulers for builds.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TriggerStep {
    /// Which schedulers, by name.
    pub schedulers: Vec<TemplateValue>,
    /// Whether the step lasts until all they made is over (TR-3).
    pub wait_for_finish: bool,
    /// Properties of the builds.
    pub set_properties: BTreeMap<String, TemplateValue>,
    /// Properties that they have of this build, where it has them.
    pub copy_properties: Vec<String>,
    /// Schedulers whose results do not count.
    pub unimportant: Vec<TemplateValue>,
    /// What is built of each codebase (TR-2).
    pub sources: TriggerSources,
}

/// What a triggered build builds (TR-2).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum TriggerSources {
    /// What this build was asked for; with what it really obtained, if so wished.
    Same {
        /// With `got_revision`.
        updated: bool,
    },
    /// The newest of each codebase.
    Latest,
    /// These stamps, each a dictionary; of other codebases the newest.
    These(TemplateValue),
}
