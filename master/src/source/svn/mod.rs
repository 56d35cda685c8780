//! Subversion repositories: looked at from time to time ([`SvnSource`]), and asked for one revision ([`resolve()`]).
//!
//! A revision's number is the revision of every branch; the one that a branch is said to be at is the last that changed it.

mod layout;
mod log;
mod poll;
#[cfg(test)]
mod poll_tests;
mod repository;
mod resolve;
#[cfg(test)]
pub(super) mod testing;
mod xml;

pub(super) use poll::SvnSource;
pub(super) use repository::SCHEMES;
pub(super) use resolve::resolve;
