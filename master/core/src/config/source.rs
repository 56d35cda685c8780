//! Where changes come from.

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
            Self::Webhook(_) => "webhook",
            Self::Maildir(_) => "maildir",
            Self::Gerrit(_) => "gerrit",
        }
    }

    /// The git repository it looks into; `None`: it looks into none, or is told by others.
    #[must_use]
    pub const fn git(&self) -> Option<&GitPoller> {
        match self {
            Self::Git(poller) => Some(poller),
            Self::Webhook(_) | Self::Maildir(_) | Self::Gerrit(_) => None,
        }
    }
}

/// Which text is meant: a value, or a glob over the whole value when it has `*`, `?` or `[` (F6).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TextPattern(pub String);

/// What a git poller looks at (GP-*).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GitPoller {
    /// URL or path.
    pub repository: String,
    /// Which branches; empty: the repository's default branch alone (GP-4).
    pub branches: Vec<TextPattern>,
    /// Between two looks, at least one second.
    pub interval: Span,
    /// One change for the tip of a branch new to the poller at a known commit (GP-2, F35).
    pub build_pushes_with_no_commits: bool,
    /// Also build what is there at the very first look: one change for the tip of each branch. `linn up` uses it.
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
