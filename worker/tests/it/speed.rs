//! How fast: ignored, because it measures. Run in release:
//! `cargo test --release -p linn-worker --test it speed -- --ignored --nocapture`.

use std::time::{Duration, Instant};

use crate::World;
use crate::master::{argv, sh};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn commands_one_after_the_other() {
    let world = World::new().await;
    for id in 1..=20 {
        world.master.run(argv(id, &["true"])).await;
    }
    let since = Instant::now();
    let mut slowest = Duration::ZERO;
    for id in 100..600 {
        let each = Instant::now();
        world.master.run(argv(id, &["true"])).await;
        slowest = slowest.max(each.elapsed());
    }
    let took = since.elapsed();
    println!(
        "one slot: {:.0} commands/s, {:?} each, slowest {slowest:?}",
        500.0 / took.as_secs_f64(),
        took / 500
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn fifty_commands_at_once() {
    let world = World::new().await;
    let since = Instant::now();
    let (mut next, mut done) = (1, 0);
    let total = 3000;
    while done < total {
        while next <= total && next - done <= 50 {
            world.master.start(argv(next, &["true"]));
            next += 1;
        }
        done += 1;
        world.master.finished(done).await;
        world.master.ack(done);
    }
    let took = since.elapsed();
    println!("fifty slots: {:.0} commands/s", total as f64 / took.as_secs_f64());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn a_hundred_megabytes_of_short_lines() {
    let world = World::new().await;
    let line = "x".repeat(79);
    let file = world.dir.path().join("lines");
    std::fs::write(&file, format!("{line}\n").repeat(100_000_000 / 80)).unwrap();
    for id in 1..=3 {
        let since = Instant::now();
        world.master.run(sh(id, &format!("cat {}", file.display()))).await;
        let took = since.elapsed();
        println!("100 MB to the master: {took:?}, {:.0} MB/s", 100.0 / took.as_secs_f64());
        world.master.with(|kept| kept.logs.clear());
    }
}
