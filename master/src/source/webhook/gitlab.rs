//! GitLab: push, tag push and merge request.

use linn_core::config::Webhook;
use serde::Deserialize;

use super::Told;
use super::letter::Letter;
use super::pull::Pull;
use super::push::{Commit, Push, moment, person};

/// Events that mean nothing for building.
const QUIET: [&str; 17] = [
    "Access Token Hook",
    "Confidential Issue Hook",
    "Confidential Note Hook",
    "Deployment Hook",
    "Emoji Hook",
    "Feature Flag Hook",
    "Issue Hook",
    "Job Hook",
    "Member Hook",
    "Milestone Hook",
    "Note Hook",
    "Pipeline Hook",
    "Project Hook",
    "Release Hook",
    "Subgroup Hook",
    "Vulnerability Hook",
    "Wiki Page Hook",
];

#[derive(Deserialize)]
struct PushBody {
    #[serde(rename = "ref")]
    reference: String,
    before: String,
    after: String,
    /// The commit of an annotated tag; `null` when there is none any more.
    checkout_sha: Option<String>,
    #[serde(default)]
    user_name: String,
    #[serde(default)]
    user_email: Option<String>,
    /// The newest twenty, oldest first.
    #[serde(default)]
    commits: Vec<CommitBody>,
    project: Project,
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
    #[serde(default)]
    added: Vec<String>,
    #[serde(default)]
    modified: Vec<String>,
    #[serde(default)]
    removed: Vec<String>,
}

#[derive(Deserialize)]
struct PersonBody {
    name: String,
    #[serde(default)]
    email: String,
}

#[derive(Deserialize)]
struct Project {
    path_with_namespace: String,
    #[serde(default)]
    git_http_url: String,
    #[serde(default)]
    git_ssh_url: String,
    #[serde(default)]
    web_url: String,
}

#[derive(Deserialize)]
struct MergeBody {
    user: User,
    project: Project,
    object_attributes: Merge,
}

#[derive(Deserialize)]
struct User {
    name: String,
    #[serde(default)]
    email: String,
}

#[derive(Deserialize)]
struct Merge {
    iid: u64,
    title: String,
    /// Left out by events that GitLab itself starts.
    #[serde(default)]
    action: String,
    /// There when an update brings commits.
    oldrev: Option<String>,
    source_branch: String,
    target_branch: String,
    source: Option<Project>,
    last_commit: CommitBody,
    #[serde(default)]
    url: String,
}

/// Reads a delivery.
///
/// # Errors
/// What is wrong with it.
pub(super) fn read(hook: &Webhook, letter: &Letter<'_>) -> Result<Told, String> {
    match letter.event {
        "Push Hook" | "Tag Push Hook" => letter.json().map(|body| push(hook, body)),
        "Merge Request Hook" => letter.json().map(|body| merge(hook, body)),
        event if QUIET.contains(&event) => Ok(Told::nothing()),
        _ => Err(letter.unknown_event("X-Gitlab-Event")),
    }
}

fn push(hook: &Webhook, body: PushBody) -> Told {
    let mut commits: Vec<Commit> = body.commits.into_iter().map(CommitBody::commit).collect();
    let pusher = person(&body.user_name, body.user_email.as_deref().unwrap_or_default());
    // Of an annotated tag `after` is the tag itself.
    let head = body.checkout_sha.map(|id| {
        let listed = commits.iter().find(|commit| commit.id == id).cloned();
        listed.unwrap_or_else(|| Commit { id, author: pusher.clone(), ..Commit::default() })
    });
    if body.reference.starts_with("refs/tags/") {
        commits.clear();
    }
    let push = Push {
        reference: body.reference,
        before: body.before,
        after: body.after,
        commits,
        head,
        pusher,
        link: body.project.web_url.clone(),
    };
    Told { changes: push.changes(hook), addresses: body.project.addresses(), ..Told::default() }
}

fn merge(hook: &Webhook, body: MergeBody) -> Told {
    let MergeBody { user, project, object_attributes: merge } = body;
    let brings_commits = match merge.action.as_str() {
        "open" | "reopen" => true,
        "update" => merge.oldrev.is_some(),
        _ => false,
    };
    if !brings_commits {
        return Told::nothing();
    }
    let fork = merge.source.map(|fork| fork.path_with_namespace);
    let commit = merge.last_commit.commit();
    let pull = Pull {
        number: merge.iid,
        reference: format!("refs/merge-requests/{}/head", merge.iid),
        revision: commit.id,
        target: merge.target_branch,
        from: merge.source_branch,
        fork: fork.filter(|fork| *fork != project.path_with_namespace),
        title: merge.title,
        // GitLab hides addresses as `[REDACTED]`.
        author: if user.email.contains('@') { person(&user.name, &user.email) } else { user.name },
        when: commit.when,
        link: merge.url,
        message: commit.message,
    };
    Told { changes: pull.changes(hook), addresses: project.addresses(), ..Told::default() }
}

impl CommitBody {
    fn commit(self) -> Commit {
        Commit {
            id: self.id,
            author: person(&self.author.name, &self.author.email),
            committer: String::new(),
            message: self.message,
            when: moment(&self.timestamp),
            link: self.url,
            files: [self.added, self.modified, self.removed].concat(),
            parents: Vec::new(),
        }
    }
}

impl Project {
    fn addresses(self) -> Vec<String> {
        let all = [self.git_http_url, self.git_ssh_url, self.web_url];
        all.into_iter().filter(|address| !address.is_empty()).collect()
    }
}
