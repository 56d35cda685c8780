//! How long a master takes to answer, and what an idle one and an idle worker weigh.

use crate::Figure;
use crate::history;
use crate::peer::{Peer, number};
use crate::world::{World, percentile};

const SMALL: &str = "worker(\"w0\")\nbuilder(\"b\", workers = [\"w0\"], factory = [shell(\"t\", command = \"true\")])\n";

/// On an empty folder, and on one with 100,000 builds.
pub(crate) fn to_answer(peer: &Peer) -> Vec<Figure> {
    let mut empty: Vec<_> =
        (0..7).map(|_| World::new(SMALL).start_master().as_secs_f64() * 1000.0).collect();
    let mut full = history::filled();
    let mut again: Vec<_> = (0..3)
        .map(|_| {
            full.master = None;
            full.start_master().as_secs_f64() * 1000.0
        })
        .collect();
    let theirs = peer.measure("bench_coldstart.py", &["--runs", "3"]);
    let ready =
        number(theirs.as_ref(), "master_http_ready_s/median").map(|seconds| seconds * 1000.0);
    vec![
        Figure::at_most("start -> answers, empty folder", percentile(&mut empty, 50), "ms", 100.0)
            .beside(ready),
        Figure::at_most("  with 100,000 builds", percentile(&mut again, 50), "ms", 1000.0),
    ]
}

/// Five seconds after they have come up.
pub(crate) fn idle_memory(peer: &Peer) -> Vec<Figure> {
    let mut world = World::new(SMALL);
    world.start_master();
    let worker = world.start_worker("w0");
    world.wait_workers(1);
    std::thread::sleep(std::time::Duration::from_secs(5));
    let master = world.master.as_ref().expect("started").rss_mib();
    let theirs = peer.measure("bench_coldstart.py", &["--runs", "3"]);
    let their_master = number(theirs.as_ref(), "master_rss_mib/median");
    let their_worker = number(theirs.as_ref(), "worker_rss_mib/median");
    vec![
        Figure::at_most("idle master, resident", master, "MiB", 25.0).beside(their_master),
        Figure::at_most("idle worker, resident", worker.rss_mib(), "MiB", 10.0)
            .beside(their_worker),
    ]
}
