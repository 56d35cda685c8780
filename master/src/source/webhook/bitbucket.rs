//! Bitbucket, both of it: Cloud tells in its own words, Data Center in others. The event's name says which it is.

use linn_core::config::Webhook;
use linn_core::time::Timestamp;
use serde::Deserialize;

use super::Told;
use super::letter::{Letter, shown};
use super::pull::Pull;
use super::push::{Commit, Push, moment, person};

/// Whole groups of events that mean nothing for building.
const QUIET: [&str; 5] = ["issue:", "diagnostics:", "pr:", "pullrequest:", "repo:"];

/// Reads a delivery.
///
/// # Errors
/// What is wrong with it.
pub(super) fn read(hook: &Webhook, letter: &Letter<'_>) -> Result<Told, String> {
    match letter.event {
        "repo:push" => letter.json().map(|body| cloud_push(hook, body)),
        "pullrequest:created" | "pullrequest:updated" => {
            letter.json().map(|body| cloud_pull(hook, body))
        }
        "repo:refs_changed" => letter.json().and_then(|body| server_push(hook, body)),
        "pr:opened" | "pr:from_ref_updated" => letter.json().map(|body| server_pull(hook, body)),
        event if QUIET.iter().any(|group| event.starts_with(group)) => Ok(Told::nothing()),
        _ => Err(letter.unknown_event("X-Event-Key")),
    }
}

#[derive(Deserialize)]
struct CloudPush {
    push: CloudChanges,
    actor: Option<CloudUser>,
    repository: CloudRepository,
}

#[derive(Deserialize)]
struct CloudChanges {
    changes: Vec<CloudChange>,
}

#[derive(Deserialize)]
struct CloudChange {
    new: Option<CloudReference>,
    old: Option<CloudReference>,
    /// The newest five, newest first.
    #[serde(default)]
    commits: Vec<CloudCommit>,
    #[serde(default)]
    links: Links,
}

#[derive(Deserialize)]
struct CloudReference {
    #[serde(rename = "type")]
    kind: String,
    name: String,
    target: CloudCommit,
}

#[derive(Deserialize)]
struct CloudCommit {
    hash: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    date: String,
    author: Option<CloudAuthor>,
    #[serde(default)]
    links: Links,
    #[serde(default)]
    parents: Vec<CloudParent>,
}

#[derive(Deserialize)]
struct CloudAuthor {
    #[serde(default)]
    raw: String,
}

#[derive(Deserialize)]
struct CloudParent {
    hash: String,
}

#[derive(Deserialize)]
struct CloudUser {
    #[serde(default)]
    display_name: String,
}

#[derive(Deserialize)]
struct CloudRepository {
    full_name: String,
    #[serde(default)]
    links: Links,
}

#[derive(Deserialize, Default)]
struct Links {
    html: Option<Link>,
}

#[derive(Deserialize)]
struct Link {
    href: String,
}

#[derive(Deserialize)]
struct CloudPullBody {
    pullrequest: CloudPull,
    repository: CloudRepository,
}

#[derive(Deserialize)]
struct CloudPull {
    id: u64,
    title: String,
    #[serde(default)]
    updated_on: String,
    author: Option<CloudUser>,
    source: CloudEnd,
    destination: CloudEnd,
    #[serde(default)]
    links: Links,
}

#[derive(Deserialize)]
struct CloudEnd {
    branch: Named,
    commit: Option<CloudParent>,
    repository: Option<CloudRepository>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

fn cloud_push(hook: &Webhook, body: CloudPush) -> Told {
    let pusher = body.actor.map(|actor| actor.display_name).unwrap_or_default();
    let mut changes = Vec::new();
    for change in body.push.changes {
        // Nothing new: it was deleted.
        let Some(new) = change.new else { continue };
        let kind = if new.kind == "tag" { "tags" } else { "heads" };
        let head = new.target.commit();
        let push = Push {
            reference: format!("refs/{kind}/{}", new.name),
            before: change.old.map(|old| old.target.hash).unwrap_or_default(),
            after: head.id.clone(),
            commits: change.commits.into_iter().rev().map(CloudCommit::commit).collect(),
            head: Some(head),
            pusher: pusher.clone(),
            link: change.links.href(),
        };
        changes.extend(push.changes(hook));
    }
    Told { changes, addresses: body.repository.addresses(), ..Told::default() }
}

fn cloud_pull(hook: &Webhook, body: CloudPullBody) -> Told {
    let CloudPullBody { pullrequest: pull, repository } = body;
    let fork = pull.source.repository.map(|fork| fork.full_name);
    // A fork may have been deleted; then there is nothing to build.
    let Some(commit) = pull.source.commit else { return Told::nothing() };
    let pull = Pull {
        number: pull.id,
        reference: format!("refs/pull/{}/head", pull.id),
        revision: commit.hash,
        target: pull.destination.branch.name,
        from: pull.source.branch.name,
        fork: fork.filter(|fork| *fork != repository.full_name),
        title: pull.title,
        author: pull.author.map(|author| author.display_name).unwrap_or_default(),
        when: moment(&pull.updated_on),
        link: pull.links.href(),
        message: String::new(),
    };
    Told { changes: pull.changes(hook), addresses: repository.addresses(), ..Told::default() }
}

impl CloudCommit {
    fn commit(self) -> Commit {
        Commit {
            id: self.hash,
            author: self.author.map(|author| author.raw).unwrap_or_default(),
            message: self.message,
            when: moment(&self.date),
            link: self.links.href(),
            parents: self.parents.into_iter().map(|parent| parent.hash).collect(),
            ..Commit::default()
        }
    }
}

impl CloudRepository {
    fn addresses(self) -> Vec<String> {
        self.links.html.into_iter().map(|link| link.href).collect()
    }
}

impl Links {
    fn href(self) -> String {
        self.html.map(|link| link.href).unwrap_or_default()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ServerPush {
    actor: Option<ServerUser>,
    repository: ServerRepository,
    changes: Vec<ServerChange>,
    /// Newer servers tell the commits of a single change: newest first.
    #[serde(default)]
    commits: Vec<ServerCommit>,
    to_commit: Option<ServerCommit>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ServerChange {
    ref_id: String,
    from_hash: String,
    to_hash: String,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ServerCommit {
    id: String,
    author: Option<ServerUser>,
    committer: Option<ServerUser>,
    author_timestamp: Option<i64>,
    #[serde(default)]
    message: String,
    #[serde(default)]
    parents: Vec<ServerParent>,
}

#[derive(Deserialize)]
struct ServerParent {
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ServerUser {
    #[serde(default)]
    name: String,
    #[serde(default)]
    display_name: String,
    #[serde(default)]
    email_address: String,
}

#[derive(Deserialize)]
struct ServerRepository {
    slug: String,
    project: ServerProject,
    #[serde(default)]
    links: ServerLinks,
}

#[derive(Deserialize)]
struct ServerProject {
    key: String,
}

#[derive(Deserialize, Default)]
struct ServerLinks {
    #[serde(default)]
    clone: Vec<Link>,
    #[serde(default, rename = "self")]
    own: Vec<Link>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ServerPullBody {
    date: Option<String>,
    pull_request: ServerPull,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ServerPull {
    id: u64,
    title: String,
    updated_date: Option<i64>,
    author: ServerAuthor,
    from_ref: ServerEnd,
    to_ref: ServerEnd,
    #[serde(default)]
    links: ServerLinks,
}

#[derive(Deserialize)]
struct ServerAuthor {
    user: ServerUser,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ServerEnd {
    display_id: String,
    latest_commit: String,
    repository: ServerRepository,
}

fn server_push(hook: &Webhook, body: ServerPush) -> Result<Told, String> {
    let pusher = body.actor.map(ServerUser::text).unwrap_or_default();
    let head = body.to_commit.map(ServerCommit::commit);
    let mut listed: Vec<Commit> =
        body.commits.into_iter().rev().map(ServerCommit::commit).collect();
    if body.changes.len() > 1 {
        // Nobody says which of them is whose.
        listed.clear();
    }
    let mut changes = Vec::new();
    for change in body.changes {
        if !matches!(change.kind.as_str(), "ADD" | "UPDATE" | "DELETE") {
            return Err(format!("`{}` is no kind of change", shown(&change.kind, 60)));
        }
        let push = Push {
            reference: change.ref_id,
            before: change.from_hash,
            head: head.clone().filter(|head| head.id == change.to_hash),
            after: change.to_hash,
            commits: std::mem::take(&mut listed),
            pusher: pusher.clone(),
            link: String::new(),
        };
        changes.extend(push.changes(hook));
    }
    Ok(Told { changes, addresses: body.repository.addresses(), ..Told::default() })
}

fn server_pull(hook: &Webhook, body: ServerPullBody) -> Told {
    let ServerPullBody { date, pull_request: pull } = body;
    let (from, to) = (pull.from_ref, pull.to_ref);
    let (fork, own) = (from.repository.full_name(), to.repository.full_name());
    let said = || date.as_deref().and_then(moment);
    let pull = Pull {
        number: pull.id,
        // Data Center's own name for it, under which it can be fetched.
        reference: format!("refs/pull-requests/{}/from", pull.id),
        revision: from.latest_commit,
        target: to.display_id,
        from: from.display_id,
        fork: Some(fork).filter(|fork| *fork != own),
        title: pull.title,
        author: pull.author.user.text(),
        when: pull.updated_date.map(Timestamp).or_else(said),
        link: pull.links.own.into_iter().next().map(|link| link.href).unwrap_or_default(),
        message: String::new(),
    };
    Told { changes: pull.changes(hook), addresses: to.repository.addresses(), ..Told::default() }
}

impl ServerCommit {
    fn commit(self) -> Commit {
        Commit {
            id: self.id,
            author: self.author.map(ServerUser::text).unwrap_or_default(),
            committer: self.committer.map(ServerUser::text).unwrap_or_default(),
            message: self.message,
            when: self.author_timestamp.map(Timestamp),
            parents: self.parents.into_iter().map(|parent| parent.id).collect(),
            ..Commit::default()
        }
    }
}

impl ServerUser {
    fn text(self) -> String {
        let name = if self.display_name.is_empty() { &self.name } else { &self.display_name };
        person(name, &self.email_address)
    }
}

impl ServerRepository {
    fn full_name(&self) -> String {
        format!("{}/{}", self.project.key, self.slug)
    }

    /// Where it can be cloned from; older servers tell nothing but its name.
    fn addresses(self) -> Vec<String> {
        let name = self.full_name();
        let links = self.links.clone.into_iter().map(|link| link.href);
        let told: Vec<String> = links.collect();
        if told.is_empty() { vec![name] } else { told }
    }
}
