//! Measures; run it in release with `cargo test --release -p linn-master store::sqlite::tests::speed -- --ignored --nocapture`.

use std::time::{Duration, Instant};

use linn_core::time::Timestamp;

use super::super::super::{BuildFilter, Store};
use super::super::SqliteStore;
use super::story::{Story, builder};

/// Processor time of this thread so far.
fn cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap())
}

#[test]
#[ignore = "measures"]
fn how_fast() {
    let folder = tempfile::tempdir_in(".").unwrap();
    let mut store = SqliteStore::open(folder.path()).unwrap();
    let mut story = Story::new();
    story.steps = 1;

    for (waits, with) in [("FULL", "with"), ("OFF", "without")] {
        store.db.pragma_update(None, "synchronous", waits).unwrap();
        let (began, before) = (Instant::now(), cpu());
        let rounds = 1_000;
        let mut records = 0;
        for nth in 0..rounds {
            for commit in story.whole_build(nth % 20) {
                records += commit.len();
                store.commit(Timestamp(story.now), &commit).unwrap();
            }
        }
        println!(
            "one-step build, {} records in two commits, {with} the syncs: {:?} of processor, {:?} of time",
            records / rounds as usize,
            (cpu() - before) / rounds,
            began.elapsed() / rounds,
        );
    }
    println!("(target 150 µs of processor)");

    story.steps = 4;
    let (began, before) = (Instant::now(), cpu());
    for batch in 0..1_000 {
        let mut records = Vec::new();
        for nth in 0..100 {
            story.now += 1000;
            records.extend(story.whole_build((batch * 7 + nth) % 20).concat());
        }
        store.commit(Timestamp(story.now), &records).unwrap();
    }
    println!(
        "100 000 builds of four steps in 1 000 commits: {:?} of processor each, {:?} in all",
        (cpu() - before) / 100_000,
        began.elapsed()
    );
    drop(store);
    let size = std::fs::metadata(folder.path().join("linn.db")).unwrap().len();
    println!("database: {} MiB, {} bytes a build", size >> 20, size / 101_000);

    let began = Instant::now();
    let mut store = SqliteStore::open(folder.path()).unwrap();
    let opened = began.elapsed();
    let tables = store.load().unwrap();
    println!(
        "start with 101 000 builds: open {opened:?}, load {:?}, {} builds whole, {} for blame (target: well under 1 s)",
        began.elapsed() - opened,
        tables.builds.len(),
        tables.built.len()
    );

    let queries = store.queries();
    let asked = |what: &str, filter: &BuildFilter| {
        let mut times: Vec<Duration> = (0..200)
            .map(|_| {
                let began = Instant::now();
                assert!(!queries.builds(filter).unwrap().is_empty());
                began.elapsed()
            })
            .collect();
        times.sort_unstable();
        println!("{what}: p50 {:?}, p99 {:?}", times[100], times[198]);
    };
    let all = BuildFilter { brief: true, ..BuildFilter::default() };
    asked("last 200 builds of all builders, brief (target 1.5 ms)", &all);
    asked("the same with properties", &BuildFilter::default());
    asked("last 200 of one builder", &BuildFilter { builder: Some(builder(3)), ..all.clone() });
    asked("last 200 of one branch", &BuildFilter { branch: Some("b1".to_owned()), ..all.clone() });
    let since = Some(Timestamp(story.now - 3_600_000));
    asked("running in the last hour", &BuildFilter { since, limit: 5_000, ..all });
    let began = Instant::now();
    let reference = tables.builds[7].reference();
    for _ in 0..1000 {
        queries.build(&reference).unwrap().unwrap();
    }
    println!("one build: {:?}", began.elapsed() / 1000);
}
