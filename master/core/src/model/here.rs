//! What the master's own machine is to do for a step, rendered whole (F17).

use serde::{Deserialize, Serialize};

use super::{CommandSpec, CommandWhat, ShellCommand};

/// What is done.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HereCommand {
    /// Run a program, in the folder of `master.star`.
    Shell(ShellCommand),
    /// Ask a server.
    Http(HttpCommand),
}

/// Ask a server.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct HttpCommand {
    /// In capitals.
    pub method: String,
    /// Begins with `http://` or `https://`.
    pub url: String,
    /// Names and values that are put behind the address, as they are: who asks escapes them.
    #[serde(default)]
    pub params: Vec<(String, String)>,
    /// Names and values, in order.
    pub headers: Vec<(String, String)>,
    /// A name and a password, for servers that ask for them (RFC 7617).
    #[serde(default)]
    pub auth: Option<(String, String)>,
    /// The body; `None`: none.
    pub data: Option<String>,
}

impl CommandSpec {
    /// Whether the master itself carries it out, and no worker.
    #[must_use]
    pub const fn is_here(&self) -> bool {
        matches!(self.what, CommandWhat::Here(_))
    }
}
