//! The door for forges: `POST /hook/NAME` over HTTP (F13), and nothing else.
//!
//! Anybody who reaches the port may knock, so everything is bounded: connections, their age, heads, bodies and the memory
//! that all bodies together may hold. `serve` keeps these bounds, `hook` says what a request means, `body` reads one.

mod body;
mod hook;
mod reply;
mod serve;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use crate::engine::EngineHandle;
use crate::secret::Secrets;
use crate::source::Sources;

pub(crate) use serve::{bind, serve};

/// What the door needs.
pub(crate) struct Web {
    /// Who decides.
    pub engine: EngineHandle,
    /// Where people see how a hook is.
    pub sources: Sources,
    /// What hooks are signed with.
    pub secrets: Secrets,
    /// The state folder.
    pub dir: PathBuf,
}
