//! A change is submitted: how long until its step's command runs.

use std::fs;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use linn_proto::change::{NewChange, SubmitRequest};

use crate::Figure;
use crate::peer::{Peer, number};
use crate::world::{World, percentile};

fn now_ms() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs_f64() * 1000.0
}

fn change(revision: String) -> SubmitRequest {
    let change = NewChange {
        author: "me <me@example.org>".into(),
        branch: Some("main".into()),
        revision: Some(revision),
        files: vec!["a.c".into()],
        ..Default::default()
    };
    SubmitRequest { changes: vec![change] }
}

/// The step writes the moment at which it runs, by the shell's own clock.
fn config(world: &str, slots: usize) -> String {
    format!(
        "NAMES = [\"w%d\" % i for i in range({slots})]\n\
         [worker(name, max_builds = 1) for name in NAMES]\n\
         builder(\"b\", workers = NAMES, factory = [shell(\"stamp\", \
           command = [\"bash\", \"-c\", interpolate(\"echo %(prop:revision)s $EPOCHREALTIME >> {world}/stamps\")])])\n\
         any_branch_scheduler(\"commits\", builders = [\"b\"])\n"
    )
}

fn stamps(world: &World) -> Vec<(String, f64)> {
    let text = fs::read_to_string(world.path().join("stamps")).unwrap_or_default();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter_map(|(name, time)| {
            Some((name.to_owned(), time.replace(',', ".").parse::<f64>().ok()? * 1000.0))
        })
        .collect()
}

fn wait_stamps(world: &World, wanted: usize) -> Vec<(String, f64)> {
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        let found = stamps(world);
        if found.len() >= wanted {
            return found;
        }
        assert!(Instant::now() < deadline, "{} of {wanted} steps ran", found.len());
        std::thread::sleep(Duration::from_micros(300));
    }
}

fn latencies(sent: &[(String, f64)], ran: &[(String, f64)]) -> Vec<f64> {
    let at = |name: &str| ran.iter().find(|(ran, _)| ran == name).expect("each change is built").1;
    sent.iter().map(|(name, sent)| at(name) - sent).collect()
}

fn world(slots: usize) -> (World, Vec<crate::world::Process>) {
    let mut world = World::new("");
    let text = config(&world.path().display().to_string(), slots);
    fs::write(world.path().join("master.star"), text).expect("the configuration is written");
    world.start_master();
    let workers = (0..slots).map(|slot| world.start_worker(&format!("w{slot}"))).collect();
    world.wait_workers(slots);
    (world, workers)
}

/// One change at a time, then fifty at once.
pub(crate) fn change_to_command(peer: &Peer) -> Vec<Figure> {
    let (lone, _workers) = world(1);
    let mut hook = lone.hook();
    let mut sent = Vec::new();
    for n in 0..200 {
        let name = format!("{n:040x}");
        sent.push((name.clone(), now_ms()));
        lone.runtime.block_on(hook.submit(change(name))).expect("taken");
        wait_stamps(&lone, n + 1);
        // The worker's slot is free again only when the build has ended.
        std::thread::sleep(Duration::from_millis(20));
    }
    let mut times = latencies(&sent, &stamps(&lone));

    let (burst, _workers) = world(50);
    let mut hook = burst.hook();
    let mut sent = Vec::new();
    for n in 0..50 {
        let name = format!("{n:040x}");
        sent.push((name.clone(), now_ms()));
        burst.runtime.block_on(hook.submit(change(name))).expect("taken");
    }
    let mut at_once = latencies(&sent, &wait_stamps(&burst, 50));

    let theirs = peer.measure("bench_change_latency.py", &["--n", "60"]);
    let their_burst = peer.measure("bench_change_latency.py", &["--burst", "50"]);
    let p50 = number(theirs.as_ref(), "submit_to_command_ms/p50");
    let p99 = number(theirs.as_ref(), "submit_to_command_ms/p99");
    let median = number(their_burst.as_ref(), "submit_to_command_ms/p50");
    vec![
        Figure::sooner(
            "change submitted -> command starts, p50",
            percentile(&mut times, 50),
            "ms",
            p50,
            20.0,
        ),
        Figure::sooner("  p99", percentile(&mut times, 99), "ms", p99, 10.0),
        Figure::sooner("  a burst of 50, p50", percentile(&mut at_once, 50), "ms", median, 20.0),
    ]
}
