//! The console on a farm that exists only in this process: to look at screens without a master.
//!
//! `cargo run -p linn-console --example fake [-- --ascii]`

#[path = "../src/testing/fake.rs"]
#[expect(dead_code, reason = "tests use what this example does not")]
mod fake;
#[path = "../src/testing/world.rs"]
mod world;

use std::sync::Arc;

use linn_console::{Dial, ExitReason, Options};
use linn_proto::{
    common::Results,
    entity::{BuildState, Notice, StepState, entity::Of},
};

#[tokio::main]
async fn main() -> Result<(), linn_console::ConsoleError> {
    let farm = fake::Fake::start(world::NOW, world::farm());
    for build in ["linux-dbg#377", "linux-asan#200", "win-rel#454"] {
        farm.append(&format!("{build}/3/stdio"), &world::log_text(), true);
    }
    for build in ["linux-rel#914", "linux-asan#201", "win-rel#455"] {
        farm.append(&format!("{build}/3/stdio"), b"running 212 tests\n", false);
    }
    tokio::spawn(live(farm.clone()));
    let dial: Dial = Arc::new(move || Box::pin(farm.clone().dial()));
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    let options = Options {
        server: "this program".into(),
        owns_master: has("--owns"),
        offer_up: true,
        ascii: has("--ascii"),
        ..Options::default()
    };
    if has("--plain") {
        let feed = linn_console::feed::FeedOptions { from_start: true, ..Default::default() };
        linn_console::feed::run(feed, dial, linn_console::feed::until_signal()?).await?;
        return Ok(());
    }
    let reason: ExitReason = linn_console::run(options, dial).await?;
    println!("left: {reason:?}");
    Ok(())
}

/// Time passes: a log grows, and after a while a build breaks.
async fn live(farm: fake::Fake) {
    for second in 1_i64.. {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        farm.state().now_ms += 1000;
        farm.append(
            "linux-rel#914/3/stdio",
            format!("test case_{second} ... ok\n").as_bytes(),
            false,
        );
        if second == 20 {
            let now = farm.state().now_ms;
            let mut build =
                world::build("linux-rel", 914, world::NOW - 300_000, Some(now), Results::Failure);
            build.state = BuildState::Finished.into();
            build.new_failure = true;
            for step in &mut build.steps {
                step.state = StepState::Finished.into();
            }
            farm.upsert(vec![world::entity(Of::Build(build))]);
            farm.append("linux-rel#914/3/stdio", &world::log_text(), true);
            farm.notice(Notice {
                at_ms: now,
                kind: "problem".into(),
                text: "linux-rel #914 failed in test".into(),
                key: "linux-rel/test".into(),
                build: "linux-rel#914".into(),
                ..Notice::default()
            });
        }
        if second == 40 {
            farm.set_down(true);
        }
        if second == 55 {
            farm.set_down(false);
        }
    }
}
