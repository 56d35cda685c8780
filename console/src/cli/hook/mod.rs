//! `linn hook`: a repository tells the master what was pushed.

mod commits;
mod deliver;
mod git;
mod hg;
mod look;
mod refs;
mod repository;
mod send;
mod spool;
mod svn;

use clap::{Args, Subcommand};

use super::Done;
use super::session::Door;

pub use self::commits::git_change_key;
pub use self::hg::hg_change_key;
pub use self::svn::svn_change_key;

/// `linn hook`.
#[derive(Debug, Subcommand)]
pub enum HookVerb {
    /// A git repository's post-receive hook: reads `OLD NEW REF` lines on standard input
    #[command(after_help = EXAMPLE)]
    Git(GitHook),
    /// A Mercurial repository's changegroup, incoming or commit hook: reads HG_NODE and HG_NODE_LAST
    #[command(after_help = HG_EXAMPLE)]
    Hg(GitHook),
    /// A Subversion repository's post-commit hook: is given REPOS and REV
    #[command(after_help = SVN_EXAMPLE)]
    Svn(SvnHook),
}

pub(crate) const HG_EXAMPLE: &str = "Example, in .hg/hgrc of a repository:\n  \
    [hooks]\n  \
    changegroup.linn = linn --server unix:/srv/linn/linn.sock hook hg\n\n\
    A push never fails for want of a master: what cannot be sent is kept in .hg/linn-spool, and the next run sends it \
    first.";

pub(crate) const SVN_EXAMPLE: &str = "Example, in hooks/post-commit of a repository:\n  \
    #!/bin/sh\n  \
    exec linn --server unix:/srv/linn/linn.sock hook svn \"$1\" \"$2\"\n\n\
    A commit never fails for want of a master: what cannot be sent is kept in the repository's linn-spool folder, and \
    the next run sends it first.";

pub(crate) const EXAMPLE: &str = "Example, in hooks/post-receive of a repository:\n  \
    #!/bin/sh\n  \
    exec linn --server unix:/srv/linn/linn.sock hook git\n\n\
    A push never fails for want of a master: what cannot be sent is kept in the repository's linn-spool folder, and \
    the next run sends it first.";

/// What the changes say of their repository.
#[derive(Debug, Clone, Args)]
pub struct GitHook {
    /// The repository's name for the master [default: the absolute path of the git folder, of a Mercurial repository that of its root]
    #[arg(long, value_name = "R")]
    repository: Option<String>,
    /// The codebase [default: the one of the repository]
    #[arg(long, value_name = "C")]
    codebase: Option<String>,
    /// The project
    #[arg(long, value_name = "P", default_value = "", hide_default_value = true)]
    project: String,
}

/// What the changes of a Subversion repository say.
#[derive(Debug, Clone, Args)]
pub struct SvnHook {
    /// The repository's folder, as Subversion gives it
    #[arg(value_name = "REPOS")]
    folder: String,
    /// The revision, as Subversion gives it
    #[arg(value_name = "REV")]
    revision: u64,
    /// The folder of a project in the repository, which has `trunk` in it [default: the whole]
    #[arg(long, value_name = "PATH", default_value = "", hide_default_value = true)]
    root: String,
    /// New tags are changes, too
    #[arg(long)]
    tags: bool,
    /// There is no trunk and there are no branches: all of it is the default branch
    #[arg(long)]
    no_layout: bool,
    #[command(flatten)]
    says: GitHook,
}

pub(crate) async fn run(verb: HookVerb, at: Door<'_>) -> Done {
    match verb {
        HookVerb::Git(hook) => git::run(hook, at).await,
        HookVerb::Hg(hook) => hg::run(hook, at).await,
        HookVerb::Svn(hook) => svn::run(hook, at).await,
    }
}
