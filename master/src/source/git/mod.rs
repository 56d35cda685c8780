//! Git repositories: looked at from time to time ([`GitSource`]), and asked for one revision ([`Tips`]).
//!
//! The work is git's own: `command` runs the program with everything hostile switched off, the others read its answers.

mod address;
mod branches;
mod command;
mod details;
mod error;
mod history;
mod look;
mod mirror;
#[cfg(test)]
mod mirror_tests;
mod pick;
mod poll;
#[cfg(test)]
mod poll_tests;
mod repository;
#[cfg(test)]
pub(super) mod testing;
mod tips;

pub(super) use address::problem;
pub(super) use branches::globs;
pub(super) use details::{beginning, readable};
pub use error::GitError;
pub(crate) use error::without_passwords;
pub(super) use error::{last_words, tame as shown};
pub(super) use history::graph;
pub(super) use pick::Picks;
pub(super) use poll::GitSource;
pub(super) use repository::Repository;
pub(super) use tips::Tips;
