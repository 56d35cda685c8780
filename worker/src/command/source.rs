//! Which program makes a checkout.

use std::io;

use linn_proto::worker::{Checkout, Exit, Vcs};

use super::{git, hg, svn};
use crate::exec::supervise::Job;
use crate::exec::watch::Watch;

/// Runs the checkout to its end and says how that was.
pub(crate) fn run(watch: &mut Watch<'_>, job: &Job, what: &Checkout) -> io::Result<Exit> {
    match what.vcs() {
        Vcs::Unspecified | Vcs::Git => git::run(watch, job, what),
        Vcs::Hg => hg::run(watch, job, what),
        Vcs::Svn => svn::run(watch, job, what),
    }
}
