//! What a step makes of what its program writes, beside keeping it as a log (F17, F19, F20).

use super::TemplateValue;
use crate::hooks::HookId;
use crate::model::{Suppression, TestReport};
use serde::{Deserialize, Serialize};

/// What is looked for. Nothing, unless the recipe says so.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Observe {
    /// Its standard output becomes properties.
    pub property: Option<FromCommand>,
    /// Warnings that do not count.
    pub suppressions: Vec<Suppression>,
    /// More warnings than that are a failure; `None`: any number is not.
    pub max_warnings: Option<u32>,
    /// Test results are read.
    pub tests: Option<TestReport>,
    /// Their file, where it depends on the build; it counts instead of the one of `tests`.
    #[serde(default)]
    pub report: Option<TemplateValue>,
}

/// How standard output becomes properties (F17).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum FromCommand {
    /// All of it is the value of one; only when the command did well.
    Property {
        /// Which.
        name: String,
        /// Without the white space around it.
        strip: bool,
    },
    /// A function of exit code, standard output and standard error gives a dictionary of them, however the command exited.
    Extract(HookId),
}
