//! The reference load of console.md I: 500 builders, 200 builds each, 60 workers, 50 running. Prints what a key costs.
//!
//! `cargo test -p linn-console --release -- --ignored --nocapture reference_load`

use std::time::Instant;

use linn_proto::{
    common::Results,
    entity::{Builder, Entity, Worker, entity::Of},
};

use super::{Look, frame, press, with, world};

fn reference() -> Vec<Entity> {
    let mut entities = Vec::new();
    for builder in 0..500_i64 {
        let name = format!("builder-{builder:03}");
        entities
            .push(world::entity(Of::Builder(Builder { name: name.clone(), ..Builder::default() })));
        for number in 0..200_u32 {
            let ended = world::NOW - i64::from(199 - number) * 600_000 - builder * 1000;
            let runs = number == 199 && builder % 10 == 0;
            let results = if runs { Results::Unspecified } else { Results::Success };
            let build =
                world::build(&name, number, ended - 300_000, (!runs).then_some(ended), results);
            entities.push(world::entity(Of::Build(build)));
        }
    }
    for worker in 0..60 {
        let name = format!("w-{worker}");
        entities.push(world::entity(Of::Worker(Worker {
            name,
            state: "online".into(),
            ..Worker::default()
        })));
    }
    entities
}

#[test]
#[ignore = "a measurement, not a check"]
fn reference_load() {
    for (columns, rows) in [(80, 24), (120, 36), (240, 70)] {
        let mut model = with(columns, rows, Look::Colour, reference());
        for (name, keys) in [
            ("waterfall", "down"),
            ("builders", "3 down"),
            ("queue", "4 down"),
            ("workers", "5 down"),
        ] {
            press(&mut model, keys);
            let began = Instant::now();
            for _ in 0..20 {
                press(&mut model, "down");
                frame(&model);
            }
            println!("{columns}x{rows} {name}: {:?} a key with its frame", began.elapsed() / 20);
        }
    }
}
