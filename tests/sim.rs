//! The seeded world: the real core, real worker sessions, a wire that loses connections, machines that are lost, a master that
//! crashes between any two writes and whose disk refuses some. After every commit the laws of `sim/invariants.rs` and
//! `sim/ledger.rs` must hold; when the faults stop, everything must end (L1).
//!
//! `LINN_SEEDS=20000` runs more seeds, `LINN_SEED=17` one alone. A failing seed leaves a log of the core's inputs, which
//! `linn replay FILE` steps through.

#[path = "sim/changes.rs"]
mod changes;
#[path = "sim/convert.rs"]
mod convert;
#[path = "sim/edge.rs"]
mod edge;
#[path = "sim/invariants.rs"]
mod invariants;
#[path = "sim/ledger.rs"]
mod ledger;
#[path = "sim/locks.rs"]
mod locks;
#[path = "sim/machine.rs"]
mod machine;
#[path = "sim/master.rs"]
mod master;
#[path = "sim/people.rs"]
mod people;
#[path = "sim/random.rs"]
mod random;
#[path = "sim/site.rs"]
mod site;
#[path = "sim/tally.rs"]
mod tally;
#[path = "sim/trouble.rs"]
mod trouble;
#[path = "sim/upstream.rs"]
mod upstream;
#[path = "sim/wire.rs"]
mod wire;
#[path = "sim/world.rs"]
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use linn_core::hooks::NoHooks;
use linn_core::testing::{Player, Recording, What};

use crate::tally::Tally;
use crate::world::World;

/// How many seeds a run of the test suite tries.
const SEEDS: u64 = 200;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// Runs a seed to its end; a failing one leaves its inputs in a file.
fn run(seed: u64) -> Result<Tally, String> {
    let mut world = World::new(seed)?;
    // A panic is a failure like any other: without its seed and its inputs it could never be found again.
    let lived = catch_unwind(AssertUnwindSafe(|| world.live())).unwrap_or_else(|panic| {
        let words = panic.downcast_ref::<String>().cloned();
        let words = words.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
        Err(format!("panicked: {}", words.unwrap_or_default()))
    });
    match lived {
        Ok(()) => Ok(world.tally),
        Err(why) => {
            let file = std::env::temp_dir().join(format!("linn-seed-{seed}.log"));
            let text = world.master.recording().text().map_err(std::io::Error::other);
            let left = match text.and_then(|text| std::fs::write(&file, text)) {
                Ok(()) => format!("linn replay {}", file.display()),
                Err(error) => format!("its inputs cannot be kept: {error}"),
            };
            Err(format!("{why} at {} ms ({left})", world.now))
        }
    }
}

#[test]
fn nothing_is_lost_whatever_breaks() {
    let (first, count) = match number("LINN_SEED") {
        Some(seed) => (seed, 1),
        None => (1, number("LINN_SEEDS").unwrap_or(SEEDS)),
    };
    let (next, done) = (AtomicU64::new(first), Mutex::new(Vec::new()));
    let work = || loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= first + count {
            return;
        }
        let outcome = run(seed);
        done.lock().expect("no world panics while it holds this").push((seed, outcome));
    };
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    let mut done = done.into_inner().expect("no world panics while it holds this");
    done.sort_by_key(|(seed, _)| *seed);
    let mut broken = Vec::new();
    let mut sum = Tally::default();
    for (seed, outcome) in done {
        match outcome {
            Ok(tally) => sum += tally,
            Err(why) => broken.push(format!("seed {seed}: {why}")),
        }
    }
    println!("{count} seeds: {sum}");
    assert!(
        broken.is_empty(),
        "{} of {count} seeds broke a law\n{}",
        broken.len(),
        broken.join("\n")
    );
    if count >= SEEDS {
        assert_eq!(sum.too_quiet(), None, "the world is too quiet to prove anything: {sum}");
    }
}

#[test]
fn the_same_seed_is_the_same_world() {
    let live = || {
        let mut world = World::new(7).expect("the configuration is right");
        world.live().expect("no law is broken");
        world
    };
    let (one, other) = (live(), live());
    assert_eq!(one.tally, other.tally);
    assert!(one.master.history == other.master.history, "to the last record");
}

/// What `linn replay` steps through is what has happened.
#[test]
fn a_recording_gives_the_same_records() {
    for seed in [1, 2, 4] {
        let mut world = World::new(seed).expect("the configuration is right");
        world.live().expect("no law is broken");
        let text = world.master.recording().text().expect("plain data");
        let recording = Recording::parse(&text).expect("it was just written");
        let folder = tempfile::tempdir().expect("a folder");
        let loaded = linn_tests::scenario::evaluate(folder.path(), &recording.config);
        let mut player = Player::new(loaded.expect("the same text").config, &NoHooks);
        let mut records = Vec::new();
        for moment in &recording.moments {
            let said = player.play(moment);
            if !matches!(moment.what, What::Unwritten(_)) {
                records.extend(said.records);
            }
        }
        assert!(records == world.master.history, "seed {seed}: other records");
    }
}
