//! The law: after any prefix of records, in commits of any size, with any restarts, SQLite loads what the twin has, and
//! what the core's own state has.

use std::path::Path;

use proptest::prelude::*;

use super::super::super::{MemoryStore, Store};
use super::super::SqliteStore;
use super::story::Story;
use linn_core::config::{HistoryKind, Limit, Limits, Retention};
use linn_core::id::{BuildId, BuildRef, ChangeId};
use linn_core::model::Artifact;
use linn_core::record::Record;
use linn_core::retention::{Needs, choose};
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
        story.forgets = true;
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

/// Builds, changes and the rest go all the while, more than the tails hold: nothing older moves up that was forgotten.
#[test]
fn what_was_deleted_keeps_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let mut sqlite = open(folder.path());
    let mut memory = MemoryStore::new();
    let mut state = State::from_tables(Tables::default());
    let mut story = Story::new();
    let mut least = usize::MAX;
    for nth in 0..500_u32 {
        let mut batch = story.whole_build(0).concat();
        batch.extend(story.next(0, nth * 7));
        if nth % 9 == 0 {
            batch.extend(story.forget(nth.wrapping_mul(0x9E37_79B9)));
        }
        let at = Timestamp(story.now);
        sqlite.commit(at, &batch).unwrap();
        memory.commit(at, &batch).unwrap();
        batch.iter().for_each(|record| state.apply(record));
        if nth % 50 == 49 {
            let ours = sqlite.load().unwrap();
            assert!(ours == memory.load().unwrap(), "after {nth}");
            assert!(ours == state.tables(), "after {nth}");
            assert!(State::from_tables(ours.clone()) == state, "after {nth}");
            least = least.min(ours.built.len());
            assert!(nth < 300 || ours.built.len() + ours.deleted.len() == 200);
        }
    }
    assert!(least < 100, "many were deleted: {least}");
    let deleted = state.tables().deleted;
    let (builder, number) = deleted.last().cloned().unwrap();
    let gone = BuildRef { builder, number };
    assert!(sqlite.queries().build(&gone).unwrap().is_none());
    assert!(sqlite.queries().deleted(&gone).unwrap().is_some());
}

/// History as it is read: light rows that say the same as the whole ones.
#[test]
fn history_is_read_as_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let mut sqlite = open(folder.path());
    let mut story = Story::new();
    let mut batch = story.next(0, 2);
    for _ in 0..3 {
        batch.extend(story.whole_build(0).concat());
    }
    let builds: Vec<_> = batch
        .iter()
        .filter_map(|record| match record {
            Record::BuildFinished { id, build, .. } => Some((*id, build.clone())),
            _ => None,
        })
        .collect();
    let (id, first) = builds[0].clone();
    let artifact = Artifact { name: "a".to_owned(), bytes: 5, sha256: "aa".repeat(32) };
    let step = "step 1".to_owned();
    batch.push(Record::ArtifactAdded { id, build: first.clone(), step, artifact });
    sqlite.commit(Timestamp(story.now), &batch).unwrap();
    let rule = |what| Retention {
        builders: Vec::new(),
        limits: [(what, Limit { age: None, kept: Some(1) })].into(),
    };
    let limits = Limits::new(&HistoryKind::ALL.map(rule));
    let queries = sqlite.queries();
    let history = queries.history(&limits).unwrap();
    let rows = &history.builds[&first.builder];
    assert_eq!(
        rows.iter().map(|row| row.id).collect::<Vec<_>>(),
        [builds[0].0, builds[1].0, builds[2].0]
    );
    assert_eq!(rows.iter().map(|row| row.artifacts).collect::<Vec<_>>(), [true, false, false]);
    assert!(rows.iter().all(|row| row.logs && row.changes.contains(&ChangeId(1))));
    assert_eq!(history.buildsets.len(), 3);
    assert_eq!(history.buildsets[0].requests, [(first.builder.clone(), vec![id])]);
    assert_eq!(history.changes.len(), 1);
    let mut chosen = choose(&limits, &Needs::default(), &history, Timestamp(story.now));
    assert_eq!(chosen.builds.len(), 2);
    assert_eq!(queries.weigh(&mut chosen).unwrap(), ["aa".repeat(32)].into());
    assert_eq!(chosen.builds[0].bytes, 5, "empty logs and one artifact");
    for bite in chosen.first().into_iter().chain(chosen.then()) {
        sqlite.commit(Timestamp(1), &[Record::HistoryDeleted(Box::new(bite))]).unwrap();
    }
    assert!(!queries.is_named(&"aa".repeat(32)).unwrap());
    assert_eq!(queries.without_logs(&[id, builds[2].0, BuildId(99)]).unwrap(), [id]);
    assert_eq!(queries.deleted(&first).unwrap(), Some(Timestamp(1)));
    let left = queries.history(&limits).unwrap();
    assert_eq!((left.builds[&first.builder].len(), left.buildsets.len()), (1, 1));
    // A builder takes up its numbers where they are.
    assert_eq!(sqlite.load().unwrap().numbers[&first.builder], 3);
}
