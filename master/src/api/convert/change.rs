//! Changes: to consoles as they are stored, from hooks as hostile text with limits.

use std::collections::BTreeMap;

use linn_core::change::{Change, NewChange};
use linn_core::id::CodebaseName;
use linn_core::properties::{MAX_PROPERTIES, MAX_PROPERTY_BYTES, Origin, unfit};
use linn_core::time::Timestamp;
use linn_proto::{change as hook, entity};

use super::words::{at, property};

/// The longest name, branch, revision, key, author or link of a change, in bytes: more is a mistake, not a name.
const MAX_FIELD_BYTES: usize = 4 * 1024;
/// The longest comment kept, in bytes: a longer one is cut at a character.
const MAX_COMMENT_BYTES: usize = 256 * 1024;
/// The most files of one change that are kept; the rest is counted, not named.
const MAX_FILES: usize = 20_000;
/// The most parents of one change.
const MAX_PARENTS: usize = 1_000;

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
        repository: change.repository.clone(),
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

/// The kinds of version control whose people can be told apart (CH-5).
const VCS_KINDS: [&str; 7] = ["git", "svn", "hg", "cvs", "darcs", "bzr", "fossil"];

/// What a hook submitted, checked.
pub(crate) type Submitted = Result<NewChange, String>;

/// Reads a change of a hook: every mistake of it in one sentence.
pub(crate) fn read_change(from: hook::NewChange) -> Submitted {
    let mut wrong = Vec::new();
    let mut field = |name: &str, text: &str, may_break: bool| {
        if text.len() > MAX_FIELD_BYTES {
            wrong.push(format!("{name} is longer than {MAX_FIELD_BYTES} bytes"));
        } else if !may_break && text.chars().any(char::is_control) {
            wrong.push(format!("{name} holds control characters"));
        }
    };
    field("key", &from.key, false);
    field("project", &from.project, false);
    field("repository", &from.repository, false);
    field("author", &from.author, false);
    field("committer", &from.committer, false);
    field("category", &from.category, false);
    field("revlink", &from.revlink, false);
    field("vcs", &from.vcs, false);
    for (name, text) in [
        ("codebase", &from.codebase),
        ("branch", &from.branch),
        ("revision", &from.revision),
        ("moved_from", &from.moved_from),
    ] {
        field(name, text.as_deref().unwrap_or_default(), false);
    }
    for file in &from.files {
        // Any byte but NUL may stand in a file's name; consoles make it safe.
        field("a file's name", file, true);
    }
    for parent in &from.parents {
        field("a parent", parent, false);
    }
    if from.parents.len() > MAX_PARENTS {
        wrong.push(format!("more than {MAX_PARENTS} parents"));
    }
    for (name, text) in [("branch", &from.branch), ("revision", &from.revision)] {
        // Such text would be taken for an option by version control tools.
        if text.as_deref().is_some_and(|text| text.starts_with('-')) {
            wrong.push(format!("{name} starts with `-`"));
        }
    }
    if !from.vcs.is_empty() && !VCS_KINDS.contains(&from.vcs.as_str()) {
        wrong.push(format!("vcs is none of {}", VCS_KINDS.join(", ")));
    }
    let properties = read_properties(&from.properties, &mut wrong);
    wrong.dedup();
    if !wrong.is_empty() {
        return Err(wrong.join("; "));
    }
    let mut files = from.files;
    files.truncate(MAX_FILES);
    Ok(NewChange {
        key: Some(from.key).filter(|key| !key.is_empty()),
        author: from.author,
        committer: from.committer,
        comments: cut(from.comments, MAX_COMMENT_BYTES),
        files,
        branch: from.branch.filter(|branch| !branch.is_empty()),
        revision: from.revision.filter(|revision| !revision.is_empty()),
        parents: from.parents,
        repository: from.repository,
        codebase: from.codebase.map(CodebaseName::from),
        project: from.project,
        category: from.category,
        revlink: from.revlink,
        when: from.when_ms.map(Timestamp),
        properties,
        vcs: from.vcs,
        moved_from: from.moved_from.filter(|from| !from.is_empty()),
    })
}

fn read_properties(
    from: &[linn_proto::common::Property],
    wrong: &mut Vec<String>,
) -> BTreeMap<String, serde_json::Value> {
    let mut read = BTreeMap::new();
    if from.len() > MAX_PROPERTIES {
        wrong.push(format!("more than {MAX_PROPERTIES} properties"));
        return read;
    }
    for one in from {
        let shown: String = one.name.chars().take(80).collect();
        if one.name.is_empty() || one.name.len() > 256 || one.name.chars().any(char::is_control) {
            wrong.push(format!("`{}` is no name for a property", shown.escape_debug()));
        } else if one.json.len() > MAX_PROPERTY_BYTES {
            wrong.push(format!("property `{shown}` is longer than {MAX_PROPERTY_BYTES} bytes"));
        } else {
            match serde_json::from_str(&one.json) {
                Ok(value) => match unfit(&value) {
                    Some(why) => wrong.push(format!("property `{shown}` {why}")),
                    None => drop(read.insert(one.name.clone(), value)),
                },
                Err(error) => wrong.push(format!("property `{shown}` is no JSON: {error}")),
            }
        }
    }
    read
}

/// The first `most` bytes of a text, never half a character.
fn cut(mut text: String, most: usize) -> String {
    if text.len() > most {
        let end = (0..=most).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        text.truncate(end);
    }
    text
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
    fn empty_is_absent_and_comments_are_cut_at_a_character() {
        let change = read_change(hook::NewChange {
            branch: Some(String::new()),
            comments: format!("{}ä", "x".repeat(MAX_COMMENT_BYTES - 1)),
            ..hook::NewChange::default()
        })
        .unwrap();
        assert_eq!((change.branch, change.key), (None, None));
        assert_eq!(change.comments.len(), MAX_COMMENT_BYTES - 1);
    }
}
