//! The seeded world: the real core, real worker sessions, a wire that loses connections, a master that crashes between any
//! two writes. After every step the laws of `sim/invariants.rs` must hold; when the faults stop, everything must end (L1).
//!
//! `LINN_SEEDS=20000` runs more seeds, `LINN_SEED=17` one alone. A failing seed leaves a log of the core's inputs, which
//! `linn replay FILE` steps through.

#[path = "sim/invariants.rs"]
mod invariants;
#[path = "sim/machine.rs"]
mod machine;
#[path = "sim/master.rs"]
mod master;
#[path = "sim/random.rs"]
mod random;
#[path = "sim/wire.rs"]
mod wire;
#[path = "sim/world.rs"]
mod world;

/// How many seeds a run of the test suite tries.
const SEEDS: u64 = 200;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

#[test]
fn nothing_is_lost_whatever_breaks() {
    let (first, count) = match number("LINN_SEED") {
        Some(seed) => (seed, 1),
        None => (1, number("LINN_SEEDS").unwrap_or(SEEDS)),
    };
    let mut broken = Vec::new();
    let mut sum = world::Tally::default();
    for seed in first..first + count {
        match world::run(seed) {
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
        assert!(sum.is_busy(), "the world is too quiet to prove anything: {sum}");
    }
}

#[test]
fn the_same_seed_is_the_same_world() {
    assert_eq!(
        world::run(7).map(|tally| tally.to_string()),
        world::run(7).map(|tally| tally.to_string())
    );
}
