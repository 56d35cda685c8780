//! What a push means, whichever forge tells of it: one change for each of its commits (GP-7, F34, F35).

use linn_core::change::{self, NewChange};
use linn_core::config::Webhook;
use linn_core::time::Timestamp;

/// Some of one branch or tag was pushed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Push {
    /// In full: `refs/heads/main`.
    pub(super) reference: String,
    /// Where it was; empty or zeros: it is new.
    pub(super) before: String,
    /// Where it is; empty or zeros: it is gone.
    pub(super) after: String,
    /// What the forge lists of it, oldest first.
    pub(super) commits: Vec<Commit>,
    /// Its newest commit, if the forge says so beside.
    pub(super) head: Option<Commit>,
    /// Who pushed, for a tip of which nothing else is known.
    pub(super) pusher: String,
    /// A link for people.
    pub(super) link: String,
}

/// A commit as forges show it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Commit {
    pub(super) id: String,
    /// `Name <mail>`.
    pub(super) author: String,
    /// May be empty.
    pub(super) committer: String,
    pub(super) message: String,
    pub(super) when: Option<Timestamp>,
    pub(super) link: String,
    pub(super) files: Vec<String>,
    /// Where the forge tells.
    pub(super) parents: Vec<String>,
}

impl Push {
    /// Its changes, oldest first; none for what is not built.
    pub(super) fn changes(self, hook: &Webhook) -> Vec<NewChange> {
        if is_nothing(&self.after) {
            return Vec::new();
        }
        let newest = self.head.clone().or_else(|| self.commits.last().cloned());
        if newest.as_ref().is_some_and(|commit| change::is_skipped(&commit.message)) {
            return Vec::new();
        }
        if self.reference.starts_with("refs/tags/") {
            return if hook.tags { vec![self.tag()] } else { Vec::new() };
        }
        let Some(branch) = self.reference.strip_prefix("refs/heads/") else { return Vec::new() };
        let before = Some(self.before.clone()).filter(|before| !is_nothing(before));
        let mut commits = self.commits.clone();
        // F35: a new branch at a known commit tells nothing, a known one that has moved does.
        let told_anyway = before.is_some() || hook.build_pushes_with_no_commits;
        let is_listed = commits.last().is_some_and(|last| last.id == self.after);
        if !is_listed && (told_anyway || !commits.is_empty()) {
            commits.push(self.tip());
        }
        let change = |commit: Commit| NewChange {
            branch: Some(branch.to_owned()),
            moved_from: before.clone(),
            ..commit.change()
        };
        commits.into_iter().map(change).collect()
    }

    /// What is known of the newest commit when the list does not end with it.
    fn tip(&self) -> Commit {
        let known = self.head.iter().chain(&self.commits).find(|commit| commit.id == self.after);
        known.cloned().unwrap_or_else(|| Commit {
            id: self.after.clone(),
            author: self.pusher.clone(),
            link: self.link.clone(),
            ..Commit::default()
        })
    }

    /// A tag: of the commit that it names, where the forge tells; `after` may be the tag itself.
    fn tag(self) -> NewChange {
        let commit = self.head.clone().unwrap_or_else(|| self.tip());
        NewChange { branch: Some(self.reference), category: "tag".to_owned(), ..commit.change() }
    }
}

impl Commit {
    /// As a change, without its branch.
    pub(super) fn change(self) -> NewChange {
        let Self { id, author, committer, message, when, link, mut files, parents } = self;
        let mut seen = std::collections::BTreeSet::new();
        files.retain(|file| seen.insert(file.clone()));
        NewChange {
            author,
            committer,
            comments: message.trim_end_matches('\n').to_owned(),
            files,
            revision: Some(id),
            parents,
            revlink: link,
            when,
            vcs: "git".to_owned(),
            ..NewChange::default()
        }
    }
}

/// Whether a revision is none: forges write zeros for a branch that was or will not be.
pub(super) fn is_nothing(revision: &str) -> bool {
    revision.bytes().all(|byte| byte == b'0')
}

/// `Name <mail>`, or what there is of it.
pub(super) fn person(name: &str, mail: &str) -> String {
    match (name.trim(), mail.trim()) {
        (name, "") => name.to_owned(),
        ("", mail) => format!("<{mail}>"),
        (name, mail) => format!("{name} <{mail}>"),
    }
}

/// A moment as forges write it: RFC 3339. What is none is left out; the change is of the moment when it comes in then.
pub(super) fn moment(text: &str) -> Option<Timestamp> {
    let moment: jiff::Timestamp = text.trim().parse().ok()?;
    Some(Timestamp(moment.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hook() -> Webhook {
        Webhook {
            dialect: linn_core::config::Dialect::Github,
            secret: None,
            pull_requests: true,
            tags: false,
            build_pushes_with_no_commits: false,
        }
    }

    fn commit(id: &str) -> Commit {
        Commit { id: id.to_owned(), ..Commit::default() }
    }

    fn push(before: &str, after: &str, commits: &[&str]) -> Push {
        Push {
            reference: "refs/heads/main".to_owned(),
            before: before.to_owned(),
            after: after.to_owned(),
            commits: commits.iter().map(|id| commit(id)).collect(),
            pusher: "ana".to_owned(),
            ..Push::default()
        }
    }

    fn told(push: Push, hook: &Webhook) -> Vec<String> {
        push.changes(hook).into_iter().filter_map(|change| change.revision).collect()
    }

    /// F34, F35, GP-2.
    #[test]
    fn what_a_push_tells() {
        let hook = hook();
        let eager = Webhook { build_pushes_with_no_commits: true, tags: true, ..hook.clone() };
        assert_eq!(told(push("a", "c", &["b", "c"]), &hook), ["b", "c"]);
        assert_eq!(told(push("a", "d", &["b", "c"]), &hook), ["b", "c", "d"], "a list cut short");
        assert_eq!(told(push("b", "a", &[]), &hook), ["a"], "a branch that was set back");
        assert_eq!(told(push("000", "a", &[]), &hook), [""; 0], "a new branch at a known commit");
        assert_eq!(told(push("000", "a", &[]), &eager), ["a"]);
        assert_eq!(told(push("a", "000", &[]), &eager), [""; 0], "a branch that was deleted");
        let tag = Push { reference: "refs/tags/v1".to_owned(), ..push("0", "t", &[]) };
        assert_eq!(told(tag.clone(), &hook), [""; 0]);
        let tag = Push { head: Some(commit("a")), ..tag }.changes(&eager);
        assert_eq!(tag[0].branch.as_deref(), Some("refs/tags/v1"));
        assert_eq!((tag[0].revision.as_deref(), tag[0].category.as_str()), (Some("a"), "tag"));
        let notes = Push { reference: "refs/notes/x".to_owned(), ..push("a", "b", &["b"]) };
        assert_eq!(told(notes, &eager), [""; 0]);
        let moved = push("a", "b", &["b"]).changes(&hook);
        assert_eq!(moved[0].moved_from.as_deref(), Some("a"));
    }

    /// GP-7.
    #[test]
    fn a_push_can_ask_not_to_be_built() {
        let mut push = push("a", "c", &["b", "c"]);
        push.commits[0].message = "old [ci skip]".to_owned();
        assert_eq!(push.clone().changes(&hook()).len(), 2, "the newest message alone decides");
        push.commits[1].message = "new [ci skip]".to_owned();
        assert_eq!(push.changes(&hook()), []);
    }

    #[test]
    fn moments_and_people() {
        assert_eq!(moment("1970-01-01T01:00:01+01:00"), Some(Timestamp(1_000)));
        assert_eq!(moment("2026-11-27T10:00:00.25Z"), Some(Timestamp(1_795_773_600_250)));
        assert_eq!(moment("yesterday"), None);
        assert_eq!(person("Ana", "ana@x"), "Ana <ana@x>");
        assert_eq!((person("Ana", ""), person("", "a@x")), ("Ana".to_owned(), "<a@x>".to_owned()));
    }
}
