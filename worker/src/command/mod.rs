//! What the master may order: one file for each kind of command. All of it runs inside a supervisor.

mod checkout;
pub(crate) mod download;
mod failure;
pub(crate) mod files;
mod git;
mod hg;
pub(crate) mod place;
pub(crate) mod shell;
pub(crate) mod source;
mod svn;
mod tools;
pub(crate) mod upload;
