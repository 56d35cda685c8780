//! Mails of Subversion's `commit-email.pl` and `mailer.py`: revision, log and paths. One change for each branch of the
//! standard layout that the commit touches (F48).

use std::collections::BTreeMap;

use linn_core::change::NewChange;

use super::mail::Mail;

/// What stands before the lists of paths, in small letters.
const LISTS: [&str; 9] = [
    "added:",
    "modified:",
    "removed:",
    "deleted:",
    "changed:",
    "replaced:",
    "copied:",
    "added directories:",
    "changed paths:",
];

/// Which part of the mail a line is in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Head,
    Log,
    Paths,
}

/// Reads a mail.
///
/// # Errors
/// What is missing in it.
pub(super) fn changes(mail: &Mail) -> Result<Vec<NewChange>, String> {
    let mut part = Part::Head;
    let (mut revision, mut author, mut url) = (None, None, String::new());
    let (mut log, mut paths) = (Vec::new(), Vec::new());
    for line in mail.lines() {
        let small = line.to_ascii_lowercase();
        if LISTS.contains(&small.as_str()) && part != Part::Head {
            part = Part::Paths;
            continue;
        }
        match part {
            Part::Head => {
                if let Some((name, value)) = line.split_once(':') {
                    let value = value.trim();
                    match name.trim().to_ascii_lowercase().as_str() {
                        "author" if !value.is_empty() => author = Some(value.to_owned()),
                        "revision" | "new revision" => revision = number(value),
                        "url" => value.clone_into(&mut url),
                        "log" | "log message" => {
                            part = Part::Log;
                            log.extend(Some(value).filter(|first| !first.is_empty()));
                        }
                        _ => {}
                    }
                }
            }
            Part::Log => log.push(line),
            // The differences come after an empty line and a heading without a blank before it.
            Part::Paths if line.is_empty() => {}
            Part::Paths => match line.strip_prefix([' ', '\t']) {
                Some(path) => paths.extend(path_of(path)),
                None => break,
            },
        }
    }
    let revision = revision.or_else(|| of_subject(&mail.subject));
    let Some(revision) = revision else {
        return Err("it names no revision, as a mail of Subversion's does".to_owned());
    };
    if paths.is_empty() {
        return Err("it lists no path, as a mail of Subversion's does".to_owned());
    }
    let change = NewChange {
        author: author.unwrap_or_else(|| mail.user.clone()),
        comments: log.join("\n").trim_matches('\n').to_owned(),
        revision: Some(revision),
        revlink: url,
        when: mail.when,
        vcs: "svn".to_owned(),
        ..NewChange::default()
    };
    let branches = by_branch(paths).into_iter();
    Ok(branches.map(|(branch, files)| NewChange { branch, files, ..change.clone() }).collect())
}

/// A revision's number.
fn number(text: &str) -> Option<String> {
    let digits = text.trim().trim_start_matches('r');
    (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| digits.to_owned())
}

/// `svn commit: r42 - trunk/src` → `42`.
fn of_subject(subject: &str) -> Option<String> {
    let words = subject.split(|c: char| c.is_whitespace() || c == ':');
    words.filter(|word| word.starts_with('r')).find_map(number)
}

/// A listed path without what is said of it; `None`: it is a folder, or a remark.
fn path_of(line: &str) -> Option<String> {
    let path = line.trim();
    let path = path.split_once("   (").map_or(path, |(path, _)| path).trim_end();
    let remark = path.starts_with('(') || path.starts_with("- copied");
    (!path.is_empty() && !path.ends_with('/') && !remark).then(|| path.to_owned())
}

/// Each branch with its paths inside it: `None` is the trunk, or the whole where there is no such layout.
fn by_branch(paths: Vec<String>) -> BTreeMap<Option<String>, Vec<String>> {
    let mut found: BTreeMap<Option<String>, Vec<String>> = BTreeMap::new();
    for path in paths {
        let (branch, inside) = match path.split('/').collect::<Vec<_>>().as_slice() {
            ["trunk", inside @ ..] if !inside.is_empty() => (None, inside.join("/")),
            [kind @ ("branches" | "tags"), name, inside @ ..] if !inside.is_empty() => {
                (Some(format!("{kind}/{name}")), inside.join("/"))
            }
            _ => (None, path.clone()),
        };
        let files = found.entry(branch).or_default();
        if !files.contains(&inside) {
            files.push(inside);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIL: &str = "Author: ana\nDate: Fri Nov 27 10:00:00 2026\nNew Revision: 42\n\n\
        URL: http://svn.frobozz.example/viewvc?rev=42&view=rev\nLog:\nMend the lamp.\n\nAdded: nothing more.\n\n\
        Added:\n   trunk/lamp/new.c   (with props)\n   trunk/lamp/\nModified:\n   branches/1.0/lamp.c\n   trunk/lamp/old.c\n\
        \nModified: trunk/lamp/old.c\n====\n--- trunk/lamp/old.c\n+++ trunk/lamp/old.c\n   context\n";

    fn read(text: &str, subject: &str) -> Result<Vec<NewChange>, String> {
        changes(&Mail {
            user: "postman".to_owned(),
            subject: subject.to_owned(),
            text: text.to_owned(),
            ..Mail::default()
        })
    }

    /// F47, F48.
    #[test]
    fn one_change_for_each_branch_that_is_touched() {
        let told = read(MAIL, "").unwrap();
        assert_eq!(told.len(), 2);
        assert_eq!(
            (told[0].branch.as_deref(), &told[0].files[..]),
            (None, &["lamp/new.c".to_owned(), "lamp/old.c".to_owned()][..])
        );
        assert_eq!(
            (told[1].branch.as_deref(), &told[1].files[..]),
            (Some("branches/1.0"), &["lamp.c".to_owned()][..])
        );
        assert_eq!((told[0].author.as_str(), told[0].revision.as_deref()), ("ana", Some("42")));
        assert_eq!(told[0].comments, "Mend the lamp.\n\nAdded: nothing more.");
        assert!(told[0].revlink.starts_with("http://svn.frobozz.example/"));
    }

    #[test]
    fn the_revision_may_stand_in_the_subject() {
        let text = "Log:\nx\nModified:\n  a.c\n";
        let told = read(text, "svn commit: r7 - trunk").unwrap();
        assert_eq!((told[0].revision.as_deref(), told[0].author.as_str()), (Some("7"), "postman"));
        assert!(read(text, "release").unwrap_err().contains("no revision"));
        assert!(read("Revision: 7\nLog:\nx\n", "").unwrap_err().contains("lists no path"));
    }
}
