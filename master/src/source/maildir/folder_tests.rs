//! A maildir as its source sees it, look by look.

use std::fs;
use std::path::Path;

use linn_core::change::NewChange;
use linn_core::config::{MailDialect, Maildir, Source, SourceKind};
use linn_core::state::SourceCursor;
use linn_core::time::Span;

use super::Folder;
use super::mail::MAX_MAIL_BYTES;
use crate::source::look::Look as _;

fn folder(path: &Path, dialect: MailDialect) -> Folder {
    for name in ["new", "cur", "tmp"] {
        fs::create_dir_all(path.join(name)).unwrap();
    }
    let path = path.display().to_string();
    let maildir = Maildir { path, dialect, interval: Span::seconds(60) };
    let source = Source {
        name: "mails".into(),
        codebase: Some("zork".into()),
        project: "frobozz".to_owned(),
        category: String::new(),
        kind: SourceKind::Maildir(maildir.clone()),
    };
    Folder::new(&source, &maildir)
}

fn mail(id: u32, text: &str) -> String {
    format!(
        "Return-Path: <ana@x>\nMessage-ID: <{id}@x>\nFrom: Ana <ana@x>\nSubject: s{id}\n\
         Date: Fri, 27 Nov 2026 10:00:00 +0000\n\n{text}\n"
    )
}

fn names(path: &Path) -> Vec<String> {
    let entries = fs::read_dir(path).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// One whole look; what was wrong comes last.
async fn look(folder: &Folder) -> (Vec<NewChange>, Option<String>) {
    let mut changes = Vec::new();
    let Some(mut plan) = folder.look(&SourceCursor::default()).await.unwrap() else {
        return (changes, None);
    };
    loop {
        match folder.next(&mut plan).await {
            Ok(Some(portion)) => changes.extend(portion.changes),
            Ok(None) => return (changes, None),
            Err(why) => return (changes, Some(why)),
        }
        folder.stored(&mut plan).await.unwrap();
    }
}

/// F47: durable before the mail moves, and the same mail is the same change.
#[tokio::test]
async fn a_mail_moves_when_its_change_is_durable() {
    let dir = tempfile::tempdir().unwrap();
    let mails = folder(dir.path(), MailDialect::Generic);
    let (new, cur) = (dir.path().join("new"), dir.path().join("cur"));
    fs::write(new.join("2.x"), mail(2, "two")).unwrap();
    fs::write(new.join("1.x:2,"), mail(1, "one")).unwrap();
    let cursor = SourceCursor::default();
    let mut plan = mails.look(&cursor).await.unwrap().unwrap();
    let told = mails.next(&mut plan).await.unwrap().unwrap().changes;
    let comments: Vec<&str> = told.iter().map(|change| change.comments.as_str()).collect();
    assert_eq!(comments, ["s1\n\none", "s2\n\ntwo"]);
    assert_eq!((told[0].author.as_str(), told[0].project.as_str()), ("Ana <ana@x>", "frobozz"));
    assert_eq!(told[0].codebase, Some("zork".into()));
    assert_eq!((names(&new).len(), names(&cur).len()), (2, 0), "nothing is durable yet");
    // The master crashed here: another look tells the very same.
    let mut again = mails.look(&cursor).await.unwrap().unwrap();
    assert_eq!(mails.next(&mut again).await.unwrap().unwrap().changes, told);
    mails.stored(&mut again).await.unwrap();
    assert_eq!((names(&new), names(&cur)), (vec![], vec!["1.x:2,S".to_owned(), "2.x:2,S".into()]));
    mails.stored(&mut plan).await.unwrap();
    assert!(mails.look(&cursor).await.unwrap().is_none(), "all is told");
    // Delivered once more, by another way.
    fs::write(new.join("3.x"), mail(1, "one").replace("Return-Path", "X-Path")).unwrap();
    assert_eq!(look(&mails).await.0[0].key, told[0].key);
}

#[tokio::test]
async fn what_is_no_mail_is_flagged_and_told_of_and_holds_up_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let mails = folder(dir.path(), MailDialect::Svn);
    let new = dir.path().join("new");
    let commit = "Author: ana\nNew Revision: 7\nLog:\nx\nModified:\n   trunk/a.c\n";
    fs::write(new.join("1.good"), mail(1, commit)).unwrap();
    fs::write(new.join("2.spam"), mail(2, "cheap lamps")).unwrap();
    fs::write(new.join("3.large"), vec![b'x'; MAX_MAIL_BYTES + 1]).unwrap();
    fs::create_dir(new.join("4.folder")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", new.join("5.link")).unwrap();
    fs::write(new.join("6.option"), mail(6, &commit.replace("trunk", "branches/\u{7}x"))).unwrap();
    fs::write(new.join(".hidden"), "").unwrap();
    let (changes, why) = look(&mails).await;
    assert_eq!(changes.len(), 1);
    assert_eq!((changes[0].revision.as_deref(), changes[0].vcs.as_str()), (Some("7"), "svn"));
    assert_eq!(
        why.unwrap(),
        "the mail 2.spam was not understood: it names no revision, as a mail of Subversion's does; \
         it is in `cur` now, flagged; and 4 more like it"
    );
    assert_eq!(
        names(&dir.path().join("cur")),
        ["1.good:2,S", "2.spam:2,F", "3.large:2,F", "4.folder:2,F", "5.link:2,F", "6.option:2,F"]
    );
    assert_eq!(look(&mails).await, (vec![], None), "it has recovered");
}

#[tokio::test]
async fn more_mails_than_one_portion() {
    let dir = tempfile::tempdir().unwrap();
    let mails = folder(dir.path(), MailDialect::Generic);
    for id in 0..250 {
        fs::write(dir.path().join(format!("new/{id:04}")), mail(id, "x")).unwrap();
    }
    let (changes, why) = look(&mails).await;
    assert_eq!((changes.len(), why), (250, None));
    assert!(changes[249].comments.starts_with("s249"));
    assert_eq!(names(&dir.path().join("cur")).len(), 250);
}

#[tokio::test]
async fn a_folder_that_is_none_is_a_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let mails = folder(dir.path(), MailDialect::Cvs);
    fs::remove_dir(dir.path().join("new")).unwrap();
    let why = mails.look(&SourceCursor::default()).await.unwrap_err();
    assert!(why.starts_with("cannot read the maildir /"), "{why}");
    fs::create_dir(dir.path().join("new")).unwrap();
    fs::remove_dir(dir.path().join("cur")).unwrap();
    fs::write(dir.path().join("new/1"), mail(1, "Files: a 1.1 1.2\nLog Message:\nx")).unwrap();
    let mut plan = mails.look(&SourceCursor::default()).await.unwrap().unwrap();
    assert_eq!(mails.next(&mut plan).await.unwrap().unwrap().changes.len(), 1);
    assert!(mails.stored(&mut plan).await.unwrap_err().starts_with("a mail cannot be moved to /"));
    assert!(dir.path().join("new/1").exists(), "never lost");
}
