//! What may be wrong with a state folder (F14, F18, F19, I12).

use std::fs;
use std::os::unix::fs::FileExt;

use linn_core::id::{ConfigDigest, Seq};
use linn_core::record::Record;
use linn_core::time::Timestamp;
use rusqlite::Connection;

use super::super::super::{Store, StoreError};
use super::super::{SqliteStore, open};
use super::story::Story;

fn some_builds(store: &mut SqliteStore, count: u32) {
    let mut story = Story::new();
    for nth in 0..count {
        store.commit(Timestamp(story.now), &story.whole_build(nth % 3).concat()).unwrap();
    }
}

#[test]
fn a_second_master_is_refused_with_the_first_ones_pid() {
    let folder = tempfile::tempdir().unwrap();
    let _first = SqliteStore::open(folder.path()).unwrap();
    let refused = SqliteStore::open(folder.path()).unwrap_err();
    let pid = std::process::id();
    assert!(refused.to_string().starts_with(&format!("another master, pid {pid},")), "{refused}");
}

#[test]
fn a_newer_database_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    drop(SqliteStore::open(folder.path()).unwrap());
    let file = folder.path().join(open::FILE);
    Connection::open(&file).unwrap().pragma_update(None, "user_version", 999).unwrap();
    let refused = SqliteStore::open(folder.path()).unwrap_err();
    assert!(matches!(refused, StoreError::Newer { found: 999, .. }), "{refused}");
}

#[test]
fn other_files_are_not_taken_for_databases() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(open::FILE);
    fs::write(
        &file,
        "this is a text, and a rather long one, so that it has the size of a header. ".repeat(30),
    )
    .unwrap();
    let refused = SqliteStore::open(folder.path()).unwrap_err();
    assert!(matches!(refused, StoreError::Corrupt { .. }), "{refused}");
    assert!(refused.to_string().contains("no linn database"), "{refused}");
    fs::remove_file(&file).unwrap();
    let other = Connection::open(&file).unwrap();
    other.execute_batch("CREATE TABLE mine (x); PRAGMA application_id = 7;").unwrap();
    let refused = SqliteStore::open(folder.path()).unwrap_err();
    assert!(refused.to_string().contains("another program"), "{refused}");
    // Most programs leave no mark.
    other.execute_batch("PRAGMA application_id = 0;").unwrap();
    let refused = SqliteStore::open(folder.path()).unwrap_err();
    assert!(refused.to_string().contains("another program"), "{refused}");
}

/// F18: what is left of it looks like a database that has no tables yet.
#[test]
fn a_file_that_was_cut_short_is_no_new_database() {
    let folder = tempfile::tempdir().unwrap();
    drop(SqliteStore::open(folder.path()).unwrap());
    let file = folder.path().join(open::FILE);
    let kept = fs::File::options().write(true).open(&file).unwrap();
    kept.set_len(4000).unwrap();
    let refused = SqliteStore::open(folder.path()).unwrap_err();
    assert!(matches!(refused, StoreError::Corrupt { .. }), "{refused}");
    // One that was just being made when the power went is gone on with.
    kept.set_len(0).unwrap();
    SqliteStore::open(folder.path()).unwrap();
}

/// F18.
#[test]
fn torn_pages_are_found_after_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = SqliteStore::open(folder.path()).unwrap();
    some_builds(&mut store, 50);
    drop(store);
    let file = folder.path().join(open::FILE);
    let pages = fs::metadata(&file).unwrap().len() / 4096;
    assert!(pages > 20);
    let damaged = fs::OpenOptions::new().write(true).open(&file).unwrap();
    for page in 5..pages {
        damaged.write_all_at(&[0xff; 512], page * 4096).unwrap();
    }
    fs::write(folder.path().join("master.pid"), "1\n").unwrap();
    let refused = SqliteStore::open(folder.path()).unwrap_err();
    assert!(matches!(refused, StoreError::Corrupt { .. }), "{refused}");
}

/// F14: a full disk loses nothing that was committed, and the store goes on when there is room.
#[test]
fn a_full_disk_is_told_and_survived() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = SqliteStore::open(folder.path()).unwrap();
    some_builds(&mut store, 5);
    let before = store.load().unwrap();
    let seq = store.seq();
    let pages: u32 = store.db.query_row("PRAGMA page_count", (), |row| row.get(0)).unwrap();
    store.db.pragma_update(None, "max_page_count", pages).unwrap();
    let name = "x".repeat(100_000);
    let record = Record::ConfigApplied { digest: ConfigDigest::from(name), at: Timestamp(1) };
    let refused = store.commit(Timestamp(1), std::slice::from_ref(&record)).unwrap_err();
    assert!(matches!(refused, StoreError::Full { .. }), "{refused}");
    assert_eq!(store.seq(), seq);
    assert!(store.load().unwrap() == before);
    store.db.pragma_update(None, "max_page_count", 1_000_000).unwrap();
    assert_eq!(store.commit(Timestamp(1), &[record]).unwrap().first, seq.0 + 1);
}

#[test]
fn nothing_is_an_empty_commit() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = SqliteStore::open(folder.path()).unwrap();
    let range = store.commit(Timestamp(1), &[]).unwrap();
    assert_eq!((range.first, range.last, store.seq()), (1, 0, Seq(0)));
}

/// The journal is cut in bites; numbers go on.
#[test]
fn old_events_are_forgotten_in_bites() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = SqliteStore::open(folder.path()).unwrap();
    let refused = Record::InputRefused {
        about: "linux#1".to_owned(),
        verb: "stop".to_owned(),
        who: "kim".to_owned(),
        what: "no".to_owned(),
    };
    let old = vec![refused; 15_000];
    store.commit(Timestamp(0), &old).unwrap();
    let now = Timestamp(40 * 24 * 3_600_000);
    assert!(store.tidy(now).unwrap());
    assert!(store.tidy(now).unwrap());
    assert!(!store.tidy(now).unwrap());
    assert_eq!(store.queries().oldest_seq().unwrap(), Seq(5_001));
    assert_eq!(store.commit(now, &old[..1]).unwrap().first, 15_001);
}

/// D9.
#[test]
fn configurations_are_kept_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = SqliteStore::open(folder.path()).unwrap();
    let digest = ConfigDigest::from("abc");
    let sources = [("master.star", "a = 1"), ("lib/z.star", "z"), ("lib/a.star", "")]
        .map(|(name, text)| (name.to_owned(), text.to_owned()));
    store.keep_config(&digest, &sources).unwrap();
    store.keep_config(&digest, &sources).unwrap();
    let queries = store.queries();
    assert_eq!(queries.kept_config(&digest).unwrap().unwrap(), sources);
    assert_eq!(queries.kept_config(&ConfigDigest::from("x")).unwrap(), None);
}
