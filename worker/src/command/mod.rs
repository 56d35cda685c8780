//! What the master may order: one file for each kind of command. All of it runs inside a supervisor.

mod failure;
pub(crate) mod files;
pub(crate) mod git;
pub(crate) mod shell;
mod tools;
