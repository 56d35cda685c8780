//! Running commands so that they outlive whoever ordered them.
//!
//! On the supervisor's side: [`supervise`] is the process, [`watch`] its loop, [`mod@line`] its end of the talk with the
//! agent, the rest its parts. On the agent's side: [`pool`] keeps supervisors and [`leash`] holds one of them.

pub(crate) mod env;
pub(crate) mod folder;
mod forms;
pub(crate) mod frame;
pub(crate) mod identity;
pub(crate) mod leash;
pub(crate) mod limits;
pub(crate) mod line;
pub mod mask;
pub(crate) mod output;
pub(crate) mod pool;
pub(crate) mod proc;
pub(crate) mod program;
pub(crate) mod pty;
pub(crate) mod signal;
pub(crate) mod supervise;
pub(crate) mod tail;
pub(crate) mod turn;
pub(crate) mod watch;
