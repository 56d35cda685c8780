//! Where changes come from.

use super::Vcs;
use crate::hooks::HookId;
use crate::id::{CodebaseName, SecretName, SourceName};
use crate::time::Span;

/// A change source.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Source {
    /// Its name.
    pub name: SourceName,
    /// What its changes belong to; `None`: found by the repository (CH-2).
    pub codebase: Option<CodebaseName>,
    /// May be empty.
    pub project: String,
    /// May be empty.
    pub category: String,
    /// How it looks.
    pub kind: SourceKind,
}

/// The kinds of change source.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SourceKind {
    /// Looks at a git repository from time to time.
    Git(GitPoller),
    /// Looks at a Mercurial repository from time to time.
    Hg(HgPoller),
    /// Looks at a Subversion repository from time to time (F48).
    Svn(SvnPoller),
    /// Is told by a forge over HTTP (F13).
    Webhook(Webhook),
    /// Reads the mails of a folder from time to time (F47).
    Maildir(Maildir),
    /// Listens to a Gerrit server.
    Gerrit(GerritStream),
}

impl SourceKind {
    /// What people call it (C12).
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Git(_) => "git",
            Self::Hg(_) => "hg",
            Self::Svn(_) => "svn",
            Self::Webhook(_) => "webhook",
            Self::Maildir(_) => "maildir",
            Self::Gerrit(_) => "gerrit",
        }
    }

    /// The git poller, if it is one.
    #[must_use]
    pub const fn git(&self) -> Option<&GitPoller> {
        if let Self::Git(poller) = self { Some(poller) } else { None }
    }

    /// The repository it looks into; `None`: it looks into none, or is told by others.
    #[must_use]
    pub const fn looks_at(&self) -> Option<LooksAt<'_>> {
        Some(match self {
            Self::Git(GitPoller { repository, branches, .. }) => LooksAt {
                vcs: Vcs::Git,
                repository: repository.as_str(),
                branches: branches.as_slice(),
            },
            Self::Hg(HgPoller { repository, branches, .. }) => LooksAt {
                vcs: Vcs::Hg,
                repository: repository.as_str(),
                branches: branches.as_slice(),
            },
            Self::Svn(SvnPoller { repository, branches, .. }) => LooksAt {
                vcs: Vcs::Svn,
                repository: repository.as_str(),
                branches: branches.as_slice(),
            },
            Self::Webhook(_) | Self::Maildir(_) | Self::Gerrit(_) => return None,
        })
    }
}

/// A repository that a source looks into.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LooksAt<'a> {
    /// Whose it is.
    pub vcs: Vcs,
    /// URL or path.
    pub repository: &'a str,
    /// Which branches; empty: those that its kind takes by itself.
    pub branches: &'a [TextPattern],
}

/// What a Subversion source's tips call the trunk.
pub const SVN_TRUNK: &str = "trunk";
/// Under which name a Subversion source's tips have the newest revision it has looked at.
pub const SVN_LATEST: &str = "HEAD";

/// Which text is meant: a value, or a glob over the whole value when it has `*`, `?` or `[` (F6).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TextPattern(pub String);

/// What a git poller looks at (GP-*).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GitPoller {
    /// URL or path.
    pub repository: String,
    /// Which branches; empty: the repository's default branch alone, unless `only` says otherwise (GP-4).
    pub branches: Vec<TextPattern>,
    /// What is looked at instead of branches by their names.
    pub only: Option<GitOnly>,
    /// Between two looks, at least one second.
    pub interval: Span,
    /// One change for the tip of a branch new to the poller at a known commit (GP-2, F35).
    pub build_pushes_with_no_commits: bool,
    /// Also build what is there at the very first look: one change for the tip of each branch. `linn up` uses it.
    pub build_first_tip: bool,
    /// New and moved tags are changes too, on the branch `refs/tags/NAME` (F33).
    pub tags: bool,
    /// Which of the new commits are changes (F33).
    pub history: GitHistory,
}

/// What a git poller looks at, where no branches are named (GP-4).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum GitOnly {
    /// No branch: tags alone.
    Tags,
    /// The refs that a function of their full names picks: `refs/heads/main`, and `refs/tags/v1` where tags are asked for.
    /// While it errs nothing is known of the repository, and nothing told.
    Picked(HookId),
}

/// Which of the commits behind a branch's tip are its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum GitHistory {
    /// Those on the line of first parents: a merge is one change.
    #[default]
    FirstParent,
    /// All: what was merged is told, too, each commit as a change.
    Full,
}

impl GitHistory {
    /// Each with its name in `master.star`.
    pub const ALL: [(&'static str, Self); 2] =
        [("first_parent", Self::FirstParent), ("full", Self::Full)];
}

/// What a Mercurial poller looks at. A changeset is on one named branch and is one change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HgPoller {
    /// URL or path.
    pub repository: String,
    /// Which named branches; empty: `default` alone (GP-4).
    pub branches: Vec<TextPattern>,
    /// Between two looks, at least one second.
    pub interval: Span,
    /// One change for the tip of a branch new to the poller without new changesets (GP-2, F35).
    pub build_pushes_with_no_commits: bool,
    /// Also build what is there at the very first look.
    pub build_first_tip: bool,
}

/// How a Subversion repository keeps its branches.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum SvnLayout {
    /// `trunk`, `branches/NAME`, `tags/NAME` (F48).
    #[default]
    Standard,
    /// It has none: all of it is the default branch.
    None,
}

impl SvnLayout {
    /// Each with its name in `master.star`.
    pub const ALL: [(&'static str, Self); 2] = [("standard", Self::Standard), ("none", Self::None)];
}

/// What a Subversion poller looks at (F48).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SvnPoller {
    /// URL or path of the repository, or of a project inside it.
    pub repository: String,
    /// Which branches, as `trunk` and `branches/NAME`; empty: all.
    pub branches: Vec<TextPattern>,
    /// How it keeps them.
    pub layout: SvnLayout,
    /// New tags are changes too, on the branch `tags/NAME`.
    pub tags: bool,
    /// Between two looks, at least one second.
    pub interval: Span,
    /// One change for a branch that is made without any other change (GP-2, F35).
    pub build_pushes_with_no_commits: bool,
    /// Also build what is there at the very first look.
    pub build_first_tip: bool,
}

/// In which words a forge tells of changes (config.md).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dialect {
    /// The change objects of cli.md (F14).
    Generic,
    /// GitHub's.
    Github,
    /// GitLab's.
    Gitlab,
    /// Gitea's and Forgejo's.
    Gitea,
    /// Bitbucket's, Cloud and Data Center.
    Bitbucket,
    /// Those of Gerrit's webhooks plug-in.
    Gerrit,
}

impl Dialect {
    /// Each with its name in `master.star`.
    pub const ALL: [(&'static str, Self); 6] = [
        ("generic", Self::Generic),
        ("github", Self::Github),
        ("gitlab", Self::Gitlab),
        ("gitea", Self::Gitea),
        ("bitbucket", Self::Bitbucket),
        ("gerrit", Self::Gerrit),
    ];
}

/// What a forge may tell over HTTP (F13, GP-7).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Webhook {
    /// How it tells.
    pub dialect: Dialect,
    /// What it signs with; `None`: anybody may tell.
    pub secret: Option<SecretName>,
    /// Pull and merge requests are changes too (F15).
    pub pull_requests: bool,
    /// Pushed tags are changes too, on the branch `refs/tags/NAME`.
    pub tags: bool,
    /// One change for the tip of a new branch without new commits (GP-2, F35).
    pub build_pushes_with_no_commits: bool,
}

/// Who wrote the mails of a folder (F47).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MailDialect {
    /// A script of CVS's `loginfo`.
    Cvs,
    /// Subversion's `commit-email.pl` or `mailer.py`.
    Svn,
    /// Anybody: the mail is the change, or its text holds change objects of cli.md.
    Generic,
}

impl MailDialect {
    /// Each with its name in `master.star`.
    pub const ALL: [(&'static str, Self); 3] =
        [("cvs", Self::Cvs), ("svn", Self::Svn), ("generic", Self::Generic)];
}

/// A folder of mails (F47).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Maildir {
    /// With `new` and `cur` in it; absolute.
    pub path: String,
    /// Who wrote them.
    pub dialect: MailDialect,
    /// Between two looks, at least one second.
    pub interval: Span,
}

/// A Gerrit server that tells over ssh what happens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GerritStream {
    /// Its host name.
    pub server: String,
    /// Of its ssh door.
    pub port: u16,
    /// Whom linn is there.
    pub user: String,
    /// The private key; `None`: what ssh finds by itself.
    pub identity_file: Option<String>,
    /// The projects that are listened to; empty: all.
    pub projects: Vec<TextPattern>,
}

impl GerritStream {
    /// Where a project of the server lives.
    #[must_use]
    pub fn repository(&self, project: &str) -> String {
        format!("ssh://{}@{}:{}/{project}", self.user, self.server, self.port)
    }
}
