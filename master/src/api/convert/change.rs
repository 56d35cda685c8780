//! Changes: to consoles as they are stored, from hooks as hostile text with limits.

use std::collections::BTreeMap;

use linn_core::change::{Change, NewChange};
use linn_core::id::CodebaseName;
use linn_core::properties::{MAX_PROPERTIES, MAX_PROPERTY_BYTES, Origin};
use linn_core::time::Timestamp;
use linn_proto::{change as hook, entity};

use super::words::{at, property};
use crate::fit;
use crate::source::without_passwords;

/// A change for consoles.
pub(crate) fn change(change: &Change) -> entity::Change {
    entity::Change {
        id: change.id.0,
        author: change.author.clone(),
        committer: change.committer.clone(),
        comments: change.comments.clone(),
        files: change.files.clone(),
        branch: change.branch.clone(),
        revision: change.revision.clone(),
        repository: without_passwords(&change.repository),
        codebase: change.codebase.to_string(),
        project: change.project.clone(),
        category: change.category.clone(),
        revlink: change.revlink.clone(),
        when_ms: at(change.when),
        properties: change
            .properties
            .iter()
            .map(|(name, value)| property(name, value, Origin::Change))
            .collect(),
        key: change.key.clone().unwrap_or_default(),
        parents: change.parents.clone(),
        received_at_ms: at(change.received_at),
    }
}

/// What a hook submitted, checked.
pub(crate) type Submitted = Result<NewChange, String>;

/// Reads a change of a hook: every mistake of it in one sentence.
pub(crate) fn read_change(from: hook::NewChange) -> Submitted {
    let mut wrong = Vec::new();
    let properties = read_properties(&from.properties, &mut wrong);
    let present = |text: Option<String>| text.filter(|text| !text.is_empty());
    let change = NewChange {
        key: present(Some(from.key)),
        author: from.author,
        committer: from.committer,
        comments: from.comments,
        files: from.files,
        branch: present(from.branch),
        revision: present(from.revision),
        parents: from.parents,
        repository: from.repository,
        codebase: from.codebase.map(CodebaseName::from),
        project: from.project,
        category: from.category,
        revlink: from.revlink,
        when: from.when_ms.map(Timestamp),
        properties,
        vcs: from.vcs,
        moved_from: present(from.moved_from),
    };
    wrong.extend(fit::mistakes(&change));
    if wrong.is_empty() { Ok(fit::cut(change)) } else { Err(wrong.join("; ")) }
}

fn read_properties(
    from: &[linn_proto::common::Property],
    wrong: &mut Vec<String>,
) -> BTreeMap<String, serde_json::Value> {
    let mut read = BTreeMap::new();
    // How many there are is looked at in the end; so many need not be read for that.
    for one in from.iter().take(MAX_PROPERTIES + 1) {
        let shown: String = one.name.chars().take(80).collect();
        if one.json.len() > MAX_PROPERTY_BYTES {
            wrong.push(format!("property `{shown}` is longer than {MAX_PROPERTY_BYTES} bytes"));
            continue;
        }
        match serde_json::from_str(&one.json) {
            Ok(value) => drop(read.insert(one.name.clone(), value)),
            Err(error) => wrong.push(format!("property `{shown}` is no JSON: {error}")),
        }
    }
    read
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_mistakes_come_at_once() {
        let wrong = read_change(hook::NewChange {
            branch: Some("-rf".to_owned()),
            author: "a\u{1b}[2J".to_owned(),
            properties: [("n", "{".to_owned()), ("deep", "[".repeat(99) + &"]".repeat(99))]
                .map(|(name, json)| linn_proto::common::Property {
                    name: name.to_owned(),
                    json,
                    source: String::new(),
                })
                .into(),
            ..hook::NewChange::default()
        })
        .unwrap_err();
        for part in [
            "author holds control",
            "branch starts with `-`",
            "property `n` is no JSON",
            "property `deep` is nested deeper than 32",
        ] {
            assert!(wrong.contains(part), "{wrong}");
        }
    }

    #[test]
    fn empty_is_absent() {
        let change = read_change(hook::NewChange {
            branch: Some(String::new()),
            ..hook::NewChange::default()
        })
        .unwrap();
        assert_eq!((change.branch, change.key), (None, None));
    }
}
