//! A line is printed: how long until a follower shows it.

use std::time::{SystemTime, UNIX_EPOCH};

use tokio_stream::StreamExt;

use crate::Figure;
use crate::peer::{Peer, number};
use crate::world::{World, follow, percentile};

const CONFIG: &str = r#"
worker("w0")
builder("b", workers = ["w0"], factory = [
    shell("print", command = ["python3", "-c", "import time\nfor i in range(200): print('%d %.6f' % (i, time.time()), flush=True); time.sleep(0.05)"]),
])
force_scheduler("force", builders = ["b"])
"#;

/// 200 lines, one every 50 ms.
pub(crate) fn line_to_follower(peer: &Peer) -> Vec<Figure> {
    let mut world = World::new(CONFIG);
    world.start_master();
    let _worker = world.start_worker("w0");
    world.wait_workers(1);
    world.force(&mut world.control(), "b");
    let mut console = world.console();
    let mut times = world.runtime.block_on(async {
        let mut lines = follow(&mut console, "b#1/print/stdio").await;
        let mut times = Vec::new();
        while let Some(Ok(part)) = lines.next().await {
            let now =
                SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs_f64();
            for line in part.lines {
                let text = String::from_utf8_lossy(&line.text).into_owned();
                if let Some(printed) =
                    text.split(' ').nth(1).and_then(|time| time.parse::<f64>().ok())
                {
                    times.push((now - printed) * 1000.0);
                }
            }
        }
        times
    });
    assert!(times.len() >= 190, "only {} lines were followed", times.len());
    let theirs = peer.measure("bench_live_tail.py", &["--lines", "100"]);
    let p50 = number(theirs.as_ref(), "print_to_content_ms/p50");
    let p99 = number(theirs.as_ref(), "print_to_content_ms/p99");
    vec![
        Figure::at_most(
            "line printed -> follower has it, p50",
            percentile(&mut times, 50),
            "ms",
            50.0,
        )
        .beside(p50),
        Figure::at_most("  p99", percentile(&mut times, 99), "ms", 200.0).beside(p99),
    ]
}
