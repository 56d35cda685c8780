//! Whether a poller would look at a repository: asked when a configuration is checked, by the rules of the pollers themselves.

use linn_core::config::Vcs;

use super::{git, hg, svn, tool};

/// What is wrong with an address, and what to write instead; nothing: it can be looked at.
pub(crate) fn address_problem(vcs: Vcs, text: &str) -> Option<&'static str> {
    match vcs {
        Vcs::Git => git::problem(text),
        Vcs::Hg => tool::problem(hg::SCHEMES, text),
        Vcs::Svn => tool::problem(svn::SCHEMES, text),
    }
}
