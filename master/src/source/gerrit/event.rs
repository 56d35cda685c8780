//! What an event of Gerrit's `stream-events` means: a change, or nothing for building.
//!
//! A patch set is a change on its own ref, `refs/changes/NN/NUMBER/PATCHSET`, with the branch it is meant for as the property
//! `basename`. What is taken in is a change on that branch, whether Gerrit tells of the merged change or of the moved ref:
//! both have one key, so the second is known again (I2).

use std::collections::BTreeMap;

use linn_core::change::NewChange;
use linn_core::time::Timestamp;
use serde::Deserialize;
use serde_json::Value;

/// An event. Gerrit has more kinds and more fields than are read here.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::source) struct Event {
    #[serde(rename = "type")]
    kind: String,
    change: Option<About>,
    patch_set: Option<PatchSet>,
    ref_update: Option<RefUpdate>,
    submitter: Option<Account>,
    /// Of `change-merged`: what the branch is at.
    new_rev: String,
    /// Seconds.
    event_created_on: Option<i64>,
}

/// What a change is about.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct About {
    project: String,
    branch: String,
    id: String,
    number: Number,
    subject: String,
    url: String,
    commit_message: String,
    topic: String,
}

/// Older servers write numbers as texts.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(untagged)]
enum Number {
    Number(u64),
    Text(String),
}

impl Default for Number {
    fn default() -> Self {
        Self::Number(0)
    }
}

impl Number {
    fn value(&self) -> Value {
        match self {
            Self::Number(number) => (*number).into(),
            Self::Text(text) => {
                text.parse::<u64>().map_or_else(|_| text.as_str().into(), Into::into)
            }
        }
    }
}

#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct PatchSet {
    number: Number,
    revision: String,
    parents: Vec<String>,
    #[serde(rename = "ref")]
    reference: String,
    uploader: Option<Account>,
    author: Option<Account>,
    created_on: Option<i64>,
}

#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct RefUpdate {
    old_rev: String,
    new_rev: String,
    ref_name: String,
    project: String,
}

#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(default)]
struct Account {
    name: String,
    email: String,
    username: String,
}

impl Account {
    fn text(&self) -> String {
        let name = if self.name.is_empty() { &self.username } else { &self.name };
        match (name.trim(), self.email.trim()) {
            (name, "") => name.to_owned(),
            ("", mail) => format!("<{mail}>"),
            (name, mail) => format!("{name} <{mail}>"),
        }
    }
}

impl Event {
    /// Whether it says what it is.
    pub(in crate::source) fn is_named(&self) -> bool {
        !self.kind.is_empty()
    }

    /// The project it is about; empty: none.
    pub(in crate::source) fn project(&self) -> &str {
        let of_ref = self.ref_update.as_ref().map(|update| update.project.as_str());
        let of_change = self.change.as_ref().map(|about| about.project.as_str());
        of_ref.or(of_change).unwrap_or_default()
    }

    /// Where its project can be had over HTTP, as far as the event tells.
    pub(in crate::source) fn addresses(&self) -> Vec<String> {
        let url = self.change.as_ref().map(|about| about.url.as_str()).unwrap_or_default();
        let Some((origin, _)) = url.split_once("/c/") else { return Vec::new() };
        vec![format!("{origin}/{}", self.project())]
    }

    /// Its change, without its repository.
    pub(in crate::source) fn change(&self) -> Option<NewChange> {
        match self.kind.as_str() {
            "patchset-created" => self.patch_set(),
            "change-merged" => self.merged(),
            "ref-updated" => self.moved(),
            _ => None,
        }
    }

    fn patch_set(&self) -> Option<NewChange> {
        let (about, patch_set) = (self.change.as_ref()?, self.patch_set.as_ref()?);
        if patch_set.reference.is_empty() || is_nothing(&patch_set.revision) {
            return None;
        }
        let mut properties = self.properties(about);
        properties.insert("basename".to_owned(), short(&about.branch).into());
        properties.insert("gerrit_patch_set".to_owned(), patch_set.number.value());
        Some(NewChange {
            branch: Some(patch_set.reference.clone()),
            revision: Some(patch_set.revision.clone()),
            properties,
            ..self.told(about, patch_set)
        })
    }

    fn merged(&self) -> Option<NewChange> {
        let (about, patch_set) = (self.change.as_ref()?, self.patch_set.as_ref()?);
        // What was taken in may be a merge or another commit than the patch set.
        let is_other = !is_nothing(&self.new_rev) && self.new_rev != patch_set.revision;
        let revision = if is_other { &self.new_rev } else { &patch_set.revision };
        if is_nothing(revision) || about.branch.is_empty() {
            return None;
        }
        let told = self.told(about, patch_set);
        Some(NewChange {
            branch: Some(short(&about.branch).to_owned()),
            revision: Some(revision.clone()),
            parents: if is_other { Vec::new() } else { told.parents.clone() },
            properties: self.properties(about),
            ..told
        })
    }

    fn moved(&self) -> Option<NewChange> {
        let update = self.ref_update.as_ref()?;
        // Without `refs/` it is a branch; patch sets, notes and tags have events of their own, or none.
        let name = update.ref_name.strip_prefix("refs/heads/").unwrap_or(&update.ref_name);
        if name.is_empty() || name.starts_with("refs/") || is_nothing(&update.new_rev) {
            return None;
        }
        let properties = [("gerrit_project".to_owned(), update.project.as_str().into())];
        Some(NewChange {
            author: self.submitter.as_ref().map(Account::text).unwrap_or_default(),
            comments: format!("{name} was moved in Gerrit"),
            branch: Some(name.to_owned()),
            revision: Some(update.new_rev.clone()),
            category: self.kind.clone(),
            when: self.event_created_on.and_then(moment),
            properties: properties.into(),
            vcs: "git".to_owned(),
            moved_from: Some(update.old_rev.clone()).filter(|from| !is_nothing(from)),
            ..NewChange::default()
        })
    }

    /// What a change and a patch set tell whatever happened to them.
    fn told(&self, about: &About, patch_set: &PatchSet) -> NewChange {
        let uploader = patch_set.uploader.as_ref().map(Account::text).unwrap_or_default();
        let author = patch_set.author.as_ref().map(Account::text);
        let message = about.commit_message.trim_end_matches('\n');
        NewChange {
            author: author.unwrap_or_else(|| uploader.clone()),
            committer: uploader,
            comments: if message.is_empty() { about.subject.clone() } else { message.to_owned() },
            parents: patch_set.parents.clone(),
            category: self.kind.clone(),
            revlink: about.url.clone(),
            when: self.event_created_on.or(patch_set.created_on).and_then(moment),
            vcs: "git".to_owned(),
            ..NewChange::default()
        }
    }

    fn properties(&self, about: &About) -> BTreeMap<String, Value> {
        let mut properties = BTreeMap::from([
            ("gerrit_project".to_owned(), about.project.as_str().into()),
            ("gerrit_change".to_owned(), about.number.value()),
            ("gerrit_change_id".to_owned(), about.id.as_str().into()),
        ]);
        if !about.topic.is_empty() {
            properties.insert("gerrit_topic".to_owned(), about.topic.as_str().into());
        }
        properties
    }
}

/// A branch without `refs/heads/`.
fn short(branch: &str) -> &str {
    branch.strip_prefix("refs/heads/").unwrap_or(branch)
}

fn is_nothing(revision: &str) -> bool {
    revision.bytes().all(|byte| byte == b'0')
}

fn moment(seconds: i64) -> Option<Timestamp> {
    seconds.checked_mul(1000).map(Timestamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(json: &str) -> Option<NewChange> {
        serde_json::from_str::<Event>(json).unwrap().change()
    }

    #[test]
    fn a_patch_set_is_on_its_own_ref() {
        let told = change(include_str!("../webhook/bodies/gerrit-patchset.json")).unwrap();
        assert_eq!(told.branch.as_deref(), Some("refs/changes/42/1042/3"));
        assert_eq!(told.properties["basename"], "main");
        assert_eq!(told.properties["gerrit_patch_set"], 3);
        assert_eq!(told.author, "Ana Lovelace <ana@frobozz.example>");
    }

    #[test]
    fn what_is_merged_and_what_is_moved_is_one_commit_on_one_branch() {
        let merged = change(include_str!("../webhook/bodies/gerrit-merged.json")).unwrap();
        let moved = change(include_str!("../webhook/bodies/gerrit-ref.json")).unwrap();
        assert_eq!((&merged.branch, &merged.revision), (&moved.branch, &moved.revision));
        assert_eq!(merged.branch.as_deref(), Some("main"));
        assert!(moved.moved_from.is_some() && merged.parents.is_empty());
    }

    #[test]
    fn what_is_not_built() {
        for json in [
            "{}",
            r#"{"type": "comment-added", "change": {"project": "p"}}"#,
            r#"{"type": "patchset-created"}"#,
            r#"{"type": "patchset-created", "change": {}, "patchSet": {"revision": "0000"}}"#,
            r#"{"type": "ref-updated", "refUpdate": {"refName": "refs/changes/1/1/meta", "newRev": "ab"}}"#,
            r#"{"type": "ref-updated", "refUpdate": {"refName": "main", "newRev": "0000"}}"#,
        ] {
            assert_eq!(change(json), None, "{json}");
        }
    }
}
