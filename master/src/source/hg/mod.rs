//! Mercurial repositories: looked at from time to time ([`HgSource`]), and asked for one revision ([`resolve()`]).

mod command;
mod log;
mod poll;
#[cfg(test)]
mod poll_tests;
mod repository;
mod resolve;
#[cfg(test)]
pub(super) mod testing;

pub(super) use poll::HgSource;
pub(super) use repository::SCHEMES;
pub(super) use resolve::resolve;

/// The branch that a repository has from the beginning.
const DEFAULT: &str = "default";

/// Whether the text is a full changeset id: only such ever go back to hg.
fn is_node(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}
