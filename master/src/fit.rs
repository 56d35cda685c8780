//! What a change from outside may hold, whoever brings it: bounds, and nothing that a tool or a terminal would act on.
//!
//! Names by which something is found (branch, revision, repository, key) are right or refused. What people read (author,
//! comments, title) is made to fit, for a strange name must not cost a commit.

use linn_core::change::NewChange;
use linn_core::properties::{MAX_PROPERTIES, unfit};
use linn_core::time::Timestamp;

/// The longest name, branch, revision, key, author or link of a change, in bytes: more is a mistake, not a name.
const MAX_FIELD_BYTES: usize = 4 * 1024;
/// The longest comment kept, in bytes: a longer one is cut at a character.
const MAX_COMMENT_BYTES: usize = 256 * 1024;
/// The most files of one change that are kept; the rest is counted, not named.
const MAX_FILES: usize = 20_000;
/// The most parents of one change.
const MAX_PARENTS: usize = 1_000;
/// 9999-12-31T23:59:59Z: times beyond are a joke of somebody's clock.
const LAST_MOMENT_MS: i64 = 253_402_300_799_000;

/// The kinds of version control whose people can be told apart (CH-5).
const VCS_KINDS: [&str; 7] = ["git", "svn", "hg", "cvs", "darcs", "bzr", "fossil"];

/// Every mistake of a change, each a clause.
pub(crate) fn mistakes(change: &NewChange) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut field = |name: &str, text: &str, may_break: bool| {
        if text.len() > MAX_FIELD_BYTES {
            wrong.push(format!("{name} is longer than {MAX_FIELD_BYTES} bytes"));
        } else if !may_break && text.chars().any(char::is_control) {
            wrong.push(format!("{name} holds control characters"));
        }
    };
    for (name, text) in [
        ("key", change.key.as_deref()),
        ("project", Some(change.project.as_str())),
        ("repository", Some(change.repository.as_str())),
        ("author", Some(change.author.as_str())),
        ("committer", Some(change.committer.as_str())),
        ("category", Some(change.category.as_str())),
        ("revlink", Some(change.revlink.as_str())),
        ("vcs", Some(change.vcs.as_str())),
        ("codebase", change.codebase.as_ref().map(linn_core::id::CodebaseName::as_str)),
        ("branch", change.branch.as_deref()),
        ("revision", change.revision.as_deref()),
        ("moved_from", change.moved_from.as_deref()),
    ] {
        field(name, text.unwrap_or_default(), false);
    }
    for file in &change.files {
        // Any byte but NUL may stand in a file's name; consoles make it safe.
        field("a file's name", file, true);
    }
    for parent in &change.parents {
        field("a parent", parent, false);
    }
    if change.parents.len() > MAX_PARENTS {
        wrong.push(format!("more than {MAX_PARENTS} parents"));
    }
    for (name, text) in [("branch", &change.branch), ("revision", &change.revision)] {
        // Such text would be taken for an option by version control tools.
        if text.as_deref().is_some_and(|text| text.starts_with('-')) {
            wrong.push(format!("{name} starts with `-`"));
        }
    }
    if !change.vcs.is_empty() && !VCS_KINDS.contains(&change.vcs.as_str()) {
        wrong.push(format!("vcs is none of {}", VCS_KINDS.join(", ")));
    }
    if change.properties.len() > MAX_PROPERTIES {
        wrong.push(format!("more than {MAX_PROPERTIES} properties"));
    }
    for (name, value) in &change.properties {
        let shown: String = name.chars().take(80).collect();
        if name.is_empty() || name.len() > 256 || name.chars().any(char::is_control) {
            wrong.push(format!("`{}` is no name for a property", shown.escape_debug()));
        } else if let Some(why) = unfit(value) {
            wrong.push(format!("property `{shown}` {why}"));
        }
    }
    wrong.dedup();
    wrong
}

/// Cuts what is cut without being a mistake.
pub(crate) fn cut(mut change: NewChange) -> NewChange {
    shorten(&mut change.comments, MAX_COMMENT_BYTES);
    change.files.truncate(MAX_FILES);
    change
}

/// Makes what people read fit, and a time that is none. For changes that a program wrote on behalf of people.
pub(crate) fn tidied(mut change: NewChange) -> NewChange {
    for text in [
        &mut change.author,
        &mut change.committer,
        &mut change.category,
        &mut change.project,
        &mut change.revlink,
    ] {
        if text.chars().any(char::is_control) {
            *text = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        }
        shorten(text, MAX_FIELD_BYTES);
    }
    change.files.retain(|file| !file.is_empty() && file.len() <= MAX_FIELD_BYTES);
    change.parents.truncate(MAX_PARENTS);
    change.when = change.when.map(|when| Timestamp(when.0.clamp(0, LAST_MOMENT_MS)));
    cut(change)
}

/// The first `most` bytes of a text, never half a character.
fn shorten(text: &mut String, most: usize) {
    if text.len() > most {
        let end = (0..=most).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        text.truncate(end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_cut_at_a_character() {
        let comments = format!("{}ä", "x".repeat(MAX_COMMENT_BYTES - 1));
        let change = cut(NewChange { comments, ..NewChange::default() });
        assert_eq!(change.comments.len(), MAX_COMMENT_BYTES - 1);
    }

    #[test]
    fn names_are_refused_and_what_people_read_is_made_to_fit() {
        let change = tidied(NewChange {
            author: "a\u{1b}[2J".to_owned(),
            branch: Some("--upload-pack=x".to_owned()),
            revision: Some("a\0b".to_owned()),
            repository: "x".repeat(5_000),
            files: vec![String::new(), "a".to_owned(), "y".repeat(5_000)],
            when: Some(Timestamp(i64::MAX)),
            ..NewChange::default()
        });
        assert_eq!((change.author.as_str(), change.files.len()), ("a [2J", 1));
        assert_eq!(change.when, Some(Timestamp(LAST_MOMENT_MS)));
        assert_eq!(
            mistakes(&change),
            [
                "repository is longer than 4096 bytes",
                "revision holds control characters",
                "branch starts with `-`",
            ]
        );
    }
}
