//! What the master may order: one file for each kind of command. All of it runs inside a supervisor.

pub(crate) mod git;
pub(crate) mod shell;
