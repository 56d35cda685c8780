//! The law: after any prefix of records, in commits of any size, with any restarts, SQLite loads what the twin has, and
//! what the core's own state has.

use std::path::Path;

use proptest::prelude::*;

use super::super::super::{MemoryStore, Store};
use super::super::SqliteStore;
use super::story::Story;
use linn_core::state::{State, Tables};
use linn_core::time::Timestamp;

/// Without waiting for the disk, of which there is no question here.
fn open(folder: &Path) -> SqliteStore {
    let store = SqliteStore::open(folder).unwrap();
    store.db.pragma_update(None, "synchronous", "OFF").unwrap();
    store
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]
    #[test]
    fn loading_gives_what_the_twin_has(
        chapters in proptest::collection::vec((any::<u8>(), any::<u32>(), 0_u8..20), 1..250),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut sqlite = open(folder.path());
        let mut memory = MemoryStore::new();
        let mut state = State::from_tables(Tables::default());
        let mut story = Story::new();
        let mut batch = Vec::new();
        for (what, dice, then) in chapters {
            batch.extend(story.next(what, dice));
            if then < 14 {
                let at = Timestamp(story.now);
                prop_assert_eq!(sqlite.commit(at, &batch).unwrap(), memory.commit(at, &batch).unwrap());
                batch.iter().for_each(|record| state.apply(record));
                batch.clear();
            }
            if then == 0 {
                let epoch = sqlite.epoch();
                drop(sqlite);
                sqlite = open(folder.path());
                prop_assert_eq!(sqlite.epoch(), epoch);
            }
            if then < 3 {
                prop_assert_eq!(sqlite.load().unwrap(), memory.load().unwrap());
            }
        }
        prop_assert_eq!(sqlite.load().unwrap(), memory.load().unwrap());
        prop_assert_eq!(sqlite.load().unwrap(), state.tables());
        let events = sqlite.queries().events(None, "", usize::MAX).unwrap();
        prop_assert_eq!(events, memory.events());
    }
}

/// More of everything than the tails hold.
#[test]
fn tails_are_cut_alike() {
    let folder = tempfile::tempdir().unwrap();
    let mut sqlite = SqliteStore::open(folder.path()).unwrap();
    let mut memory = MemoryStore::new();
    let mut story = Story::new();
    let mut batch = Vec::new();
    for nth in 0..300 {
        batch.extend(story.whole_build(nth % 2).concat());
    }
    for dice in 0..3_000 {
        // Now and then a buildset, which stays unbuilt, and keeps the changes that it names.
        batch.extend(story.next(0, dice * 7));
        if dice % 100 == 0 {
            batch.extend(story.next(2, dice * 8));
        }
    }
    for nth in 0..60_u32 {
        let commits = (0..1_000)
            .map(|commit| linn_core::change::Commit {
                revision: format!("{}", nth * 900 + commit),
                parents: Vec::new(),
            })
            .collect();
        let repository = "r".to_owned();
        batch.push(linn_core::record::Record::CommitsLearned { repository, commits });
    }
    let at = Timestamp(story.now);
    sqlite.commit(at, &batch).unwrap();
    memory.commit(at, &batch).unwrap();
    let mut state = State::from_tables(Tables::default());
    batch.iter().for_each(|record| state.apply(record));
    let (ours, theirs) = (sqlite.load().unwrap(), memory.load().unwrap());
    assert!(ours.changes.len() > 2_000 && ours.changes.len() < 3_000);
    assert_eq!(ours.commits.len(), 50_000);
    assert_eq!(ours.built.len(), 300);
    assert!(ours == theirs);
    assert!(ours == state.tables());
}
