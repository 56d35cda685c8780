//! Steps that happen on the master's own machine (F17).

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use super::TemplateValue;
use crate::results::Results;

/// What is done there.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum HereStep {
    /// `master_shell`: runs a program.
    Shell {
        /// A list is run as it is; a text goes to the shell (PR-3).
        command: TemplateValue,
        /// Below the folder of `master.star`.
        #[serde(default = "TemplateValue::empty")]
        workdir: TemplateValue,
        /// Written to its standard input; `None`: closed.
        stdin: Option<TemplateValue>,
        /// Exit codes that mean something else (F18).
        decode_rc: BTreeMap<i32, Results>,
    },
    /// `http_request`: asks a server.
    Http {
        /// In capitals.
        method: String,
        /// Where.
        url: TemplateValue,
        /// Put behind the address.
        #[serde(default)]
        params: BTreeMap<String, TemplateValue>,
        /// Sent along.
        headers: BTreeMap<String, TemplateValue>,
        /// A name and a password.
        #[serde(default)]
        auth: Option<Box<(TemplateValue, TemplateValue)>>,
        /// The body; `None`: none.
        data: Option<TemplateValue>,
    },
}
