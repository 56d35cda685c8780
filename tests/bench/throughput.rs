//! Forced one-step builds of `true`: how many a second, and what each costs the master.

use std::time::Instant;

use crate::Figure;
use crate::peer::{Peer, number};
use crate::world::World;

fn config(slots: usize) -> String {
    // A builder runs one build at a time on a worker, as Buildbot's does: as many workers as slots, in one process each
    // would cost memory only, so one worker per slot and as many builders as needed to keep them busy.
    let mut text = String::new();
    for slot in 0..slots {
        text.push_str(&format_args!("worker(\"w{slot}\", max_builds = 1)\n").to_string());
    }
    text.push_str(
        "builder(\"b\", workers = [\"w%d\" % i for i in range(SLOTS)], factory = [shell(\"true\", command = [\"true\"])])\n\
         force_scheduler(\"force\", builders = [\"b\"])\n",
    );
    format!("SLOTS = {slots}\n{text}")
}

struct Rate {
    per_second: f64,
    master_ms_each: f64,
}

/// All requests are queued before any worker comes; the clock runs from the first build to the last.
fn measure(slots: usize, builds: usize) -> Rate {
    let mut world = World::new(&config(slots));
    world.start_master();
    let mut control = world.control();
    let requests: Vec<_> = (0..builds).map(|_| world.force(&mut control, "b")).collect();
    let mut console = world.console();
    let workers: Vec<_> = (0..slots).map(|slot| world.start_worker(&format!("w{slot}"))).collect();
    // Starting fifty workers is not what is measured: the clock starts once all are there, and what was built by then
    // is not counted.
    world.wait_workers(slots);
    let master = world.master.as_ref().expect("started");
    let done = |world: &World, console: &mut _| finished(world, console, builds);
    let (before, began, cpu) = (done(&world, &mut console), Instant::now(), master.cpu_seconds());
    for request in requests {
        world.wait_request(&mut console, request);
    }
    let (seconds, cpu) = (began.elapsed().as_secs_f64(), master.cpu_seconds() - cpu);
    drop(workers);
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    let counted = (builds - before) as f64;
    Rate { per_second: counted / seconds, master_ms_each: cpu * 1000.0 / counted }
}

fn finished(
    world: &World,
    console: &mut linn_proto::console::console_client::ConsoleClient<tonic::transport::Channel>,
    limit: usize,
) -> usize {
    let request = linn_proto::console::ListRequest {
        kind: linn_proto::entity::Kind::Build.into(),
        state: "finished".into(),
        limit: u32::try_from(limit).expect("few"),
        brief: true,
        ..Default::default()
    };
    world
        .runtime
        .block_on(console.list(request))
        .expect("builds are listed")
        .into_inner()
        .entities
        .len()
}

/// One worker that takes one build.
pub(crate) fn one_slot(peer: &Peer) -> Vec<Figure> {
    let rate = measure(1, 600);
    let peer = peer.measure("bench_throughput.py", &["--builds", "60", "--layout", "one"]);
    let theirs = number(peer.as_ref(), "builds_per_s");
    let cpu = number(peer.as_ref(), "master_cpu_ms_per_build");
    vec![
        Figure::times(
            "forced builds of `true`, one slot",
            rate.per_second,
            "builds/s",
            theirs,
            50.0,
        ),
        Figure::at_most("  master CPU each", rate.master_ms_each, "ms", 4.0).beside(cpu),
    ]
}

/// Fifty workers that take one build each.
pub(crate) fn fifty_slots(peer: &Peer) -> Vec<Figure> {
    let rate = measure(50, 4000);
    let peer = peer.measure("bench_throughput.py", &["--builds", "120", "--layout", "pool:50"]);
    let theirs = number(peer.as_ref(), "builds_per_s");
    let cpu = number(peer.as_ref(), "master_cpu_ms_per_build");
    vec![
        Figure::times(
            "forced builds of `true`, 50 slots",
            rate.per_second,
            "builds/s",
            theirs,
            150.0,
        ),
        Figure::at_most("  master CPU each", rate.master_ms_each, "ms", 1.0).beside(cpu),
    ]
}
