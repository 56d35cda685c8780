//! Gitea and Forgejo: `push` and `pull_request`, much like GitHub's.

use linn_core::config::Webhook;
use serde::Deserialize;

use super::Told;
use super::letter::Letter;
use super::pull::Pull;
use super::push::{Commit, Push, moment, person};

/// Events that mean nothing for building. Creating and deleting comes with a push, too.
const QUIET: [&str; 23] = [
    "action_run_failure",
    "action_run_recover",
    "action_run_success",
    "create",
    "delete",
    "fork",
    "issue_assign",
    "issue_comment",
    "issue_label",
    "issue_milestone",
    "issues",
    "package",
    "pull_request_approved",
    "pull_request_assign",
    "pull_request_comment",
    "pull_request_label",
    "pull_request_milestone",
    "pull_request_rejected",
    "pull_request_review_request",
    "release",
    "repository",
    "status",
    "wiki",
];

/// What is done to a request that brings a commit to build.
const NEW_COMMITS: [&str; 4] = ["opened", "reopened", "synchronized", "synchronize"];

#[derive(Deserialize)]
struct PushBody {
    #[serde(rename = "ref")]
    reference: String,
    before: String,
    after: String,
    #[serde(default)]
    compare_url: String,
    /// Newest first.
    commits: Option<Vec<CommitBody>>,
    head_commit: Option<CommitBody>,
    pusher: Option<User>,
    repository: Repository,
}

#[derive(Deserialize)]
struct CommitBody {
    id: String,
    message: String,
    #[serde(default)]
    url: String,
    author: PersonBody,
    committer: Option<PersonBody>,
    #[serde(default)]
    timestamp: String,
    added: Option<Vec<String>>,
    modified: Option<Vec<String>>,
    removed: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct PersonBody {
    #[serde(default)]
    name: String,
    #[serde(default)]
    email: String,
}

#[derive(Deserialize)]
struct User {
    #[serde(default)]
    login: String,
    #[serde(default)]
    full_name: String,
    #[serde(default)]
    email: String,
}

#[derive(Deserialize)]
struct Repository {
    full_name: String,
    #[serde(default)]
    clone_url: String,
    #[serde(default)]
    ssh_url: String,
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
struct End {
    #[serde(rename = "ref")]
    reference: String,
    sha: String,
    repo: Option<Repository>,
}

/// Reads a delivery.
///
/// # Errors
/// What is wrong with it.
pub(super) fn read(hook: &Webhook, letter: &Letter<'_>) -> Result<Told, String> {
    match letter.event {
        "push" => letter.json().map(|body| push(hook, body)),
        "pull_request" | "pull_request_sync" => letter.json().map(|body| pull(hook, body)),
        event if QUIET.contains(&event) => Ok(Told::nothing()),
        _ => Err(letter.unknown_event("X-Gitea-Event")),
    }
}

fn push(hook: &Webhook, body: PushBody) -> Told {
    let commits = body.commits.unwrap_or_default();
    let push = Push {
        reference: body.reference,
        before: body.before,
        after: body.after,
        commits: commits.into_iter().rev().map(CommitBody::commit).collect(),
        head: body.head_commit.map(CommitBody::commit),
        pusher: body.pusher.map(User::text).unwrap_or_default(),
        link: body.compare_url,
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
        author: user.text(),
        when: moment(&updated_at),
        link: html_url,
        message: String::new(),
    };
    Told { changes: pull.changes(hook), addresses: repository.addresses(), ..Told::default() }
}

impl CommitBody {
    fn commit(self) -> Commit {
        let lists = [self.added, self.modified, self.removed];
        Commit {
            id: self.id,
            author: self.author.text(),
            committer: self.committer.map(PersonBody::text).unwrap_or_default(),
            message: self.message,
            when: moment(&self.timestamp),
            link: self.url,
            files: lists.into_iter().flatten().flatten().collect(),
            parents: Vec::new(),
        }
    }
}

impl PersonBody {
    fn text(self) -> String {
        person(&self.name, &self.email)
    }
}

impl User {
    fn text(self) -> String {
        let name = if self.full_name.is_empty() { &self.login } else { &self.full_name };
        person(name, &self.email)
    }
}

impl Repository {
    fn addresses(self) -> Vec<String> {
        let all = [self.clone_url, self.ssh_url, self.html_url];
        all.into_iter().filter(|address| !address.is_empty()).collect()
    }
}
