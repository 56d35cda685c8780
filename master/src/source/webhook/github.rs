//! GitHub: `push` and `pull_request`.

use linn_core::config::Webhook;
use serde::Deserialize;

use super::Told;
use super::letter::Letter;
use super::pull::Pull;
use super::push::{Commit, Push, moment, person};

/// Events that mean nothing for building.
const QUIET: [&str; 33] = [
    "branch_protection_rule",
    "check_run",
    "check_suite",
    "code_scanning_alert",
    "commit_comment",
    "create",
    "delete",
    "dependabot_alert",
    "deployment",
    "deployment_status",
    "discussion",
    "discussion_comment",
    "fork",
    "gollum",
    "issue_comment",
    "issues",
    "label",
    "member",
    "meta",
    "milestone",
    "page_build",
    "ping",
    "public",
    "pull_request_review",
    "pull_request_review_comment",
    "pull_request_review_thread",
    "release",
    "repository",
    "star",
    "status",
    "watch",
    "workflow_job",
    "workflow_run",
];

/// What is done to a request that brings a commit to build.
const NEW_COMMITS: [&str; 3] = ["opened", "reopened", "synchronize"];

#[derive(Deserialize)]
struct PushBody {
    #[serde(rename = "ref")]
    reference: String,
    before: String,
    after: String,
    #[serde(default)]
    commits: Vec<CommitBody>,
    head_commit: Option<CommitBody>,
    #[serde(default)]
    compare: String,
    pusher: Option<PersonBody>,
    repository: Repository,
}

#[derive(Deserialize)]
struct CommitBody {
    id: String,
    message: String,
    #[serde(default)]
    timestamp: String,
    #[serde(default)]
    url: String,
    author: PersonBody,
    committer: Option<PersonBody>,
    #[serde(default)]
    added: Vec<String>,
    #[serde(default)]
    modified: Vec<String>,
    #[serde(default)]
    removed: Vec<String>,
}

#[derive(Deserialize)]
struct PersonBody {
    name: Option<String>,
    email: Option<String>,
}

#[derive(Deserialize)]
struct Repository {
    full_name: String,
    #[serde(default)]
    clone_url: String,
    #[serde(default)]
    ssh_url: String,
    #[serde(default)]
    git_url: String,
    #[serde(default)]
    html_url: String,
}

#[derive(Deserialize)]
struct PullBody {
    action: String,
    number: u64,
    pull_request: PullRequest,
    repository: Repository,
}

#[derive(Deserialize)]
struct PullRequest {
    title: String,
    #[serde(default)]
    html_url: String,
    #[serde(default)]
    updated_at: String,
    user: User,
    head: End,
    base: End,
}

#[derive(Deserialize)]
struct User {
    login: String,
}

/// One side of a request.
#[derive(Deserialize)]
struct End {
    #[serde(rename = "ref")]
    reference: String,
    sha: String,
    /// `null` when that repository has been deleted.
    repo: Option<Repository>,
}

/// Reads a delivery.
///
/// # Errors
/// What is wrong with it.
pub(super) fn read(hook: &Webhook, letter: &Letter<'_>) -> Result<Told, String> {
    match letter.event {
        "push" => letter.json().map(|body| push(hook, body)),
        "pull_request" => letter.json().map(|body| pull(hook, body)),
        event if QUIET.contains(&event) => Ok(Told::nothing()),
        _ => Err(letter.unknown_event("X-GitHub-Event")),
    }
}

fn push(hook: &Webhook, body: PushBody) -> Told {
    let push = Push {
        reference: body.reference,
        before: body.before,
        after: body.after,
        commits: body.commits.into_iter().map(CommitBody::commit).collect(),
        head: body.head_commit.map(CommitBody::commit),
        pusher: body.pusher.map(PersonBody::text).unwrap_or_default(),
        link: body.compare,
    };
    Told { changes: push.changes(hook), addresses: body.repository.addresses(), ..Told::default() }
}

fn pull(hook: &Webhook, body: PullBody) -> Told {
    let PullBody { action, number, pull_request, repository } = body;
    if !NEW_COMMITS.contains(&action.as_str()) {
        return Told::nothing();
    }
    let PullRequest { title, html_url, updated_at, user, head, base } = pull_request;
    let fork = head.repo.map(|fork| fork.full_name).filter(|fork| *fork != repository.full_name);
    let pull = Pull {
        number,
        reference: format!("refs/pull/{number}/head"),
        revision: head.sha,
        target: base.reference,
        from: head.reference,
        fork,
        title,
        author: user.login,
        when: moment(&updated_at),
        link: html_url,
        message: String::new(),
    };
    Told { changes: pull.changes(hook), addresses: repository.addresses(), ..Told::default() }
}

impl CommitBody {
    fn commit(self) -> Commit {
        let files = [self.added, self.modified, self.removed].concat();
        Commit {
            id: self.id,
            author: self.author.text(),
            committer: self.committer.map(PersonBody::text).unwrap_or_default(),
            message: self.message,
            when: moment(&self.timestamp),
            link: self.url,
            files,
            parents: Vec::new(),
        }
    }
}

impl PersonBody {
    fn text(self) -> String {
        person(&self.name.unwrap_or_default(), &self.email.unwrap_or_default())
    }
}

impl Repository {
    fn addresses(self) -> Vec<String> {
        let all = [self.clone_url, self.ssh_url, self.git_url, self.html_url];
        all.into_iter().filter(|address| !address.is_empty()).collect()
    }
}
