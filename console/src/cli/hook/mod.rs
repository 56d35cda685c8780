//! `linn hook`: a repository tells the master what was pushed.

mod commits;
mod git;
mod refs;
mod repository;
mod send;
mod spool;

use clap::{Args, Subcommand};

use super::Done;
use super::session::Door;

pub use self::commits::git_change_key;

/// `linn hook`.
#[derive(Debug, Subcommand)]
pub enum HookVerb {
    /// A git repository's post-receive hook: reads `OLD NEW REF` lines on standard input
    #[command(after_help = EXAMPLE)]
    Git(GitHook),
}

pub(crate) const EXAMPLE: &str = "Example, in hooks/post-receive of a repository:\n  \
    #!/bin/sh\n  \
    exec linn --server unix:/srv/linn/linn.sock hook git\n\n\
    A push never fails for want of a master: what cannot be sent is kept in the repository's linn-spool folder, and \
    the next run sends it first.";

/// What the changes say of their repository.
#[derive(Debug, Clone, Args)]
pub struct GitHook {
    /// The repository's name for the master [default: the absolute path of the git folder]
    #[arg(long, value_name = "R")]
    repository: Option<String>,
    /// The codebase [default: the one of the repository]
    #[arg(long, value_name = "C")]
    codebase: Option<String>,
    /// The project
    #[arg(long, value_name = "P", default_value = "", hide_default_value = true)]
    project: String,
}

pub(crate) async fn run(verb: HookVerb, at: Door<'_>) -> Done {
    let HookVerb::Git(hook) = verb;
    git::run(hook, at).await
}
