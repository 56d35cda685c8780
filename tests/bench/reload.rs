//! How long it takes to follow another configuration of a thousand builders, to evaluate one, and whether a log that is being
//! followed stands still meanwhile.

use std::path::Path;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use linn_master::config::{self, Origin};
use linn_proto::control::ReconfigureRequest;
use tokio_stream::StreamExt;

use crate::Figure;
use crate::peer::Peer;
use crate::world::{World, follow, percentile};

const BUILDERS: usize = 1_000;

/// A loop as people write it, with a function, one builder that differs, and one that prints the time all the while.
fn text(round: usize) -> String {
    format!(
        "def wanted(build):\n    return build.properties.get(\"skip\") == None\n\n\
         worker(\"w0\")\n\
         [builder(\"b%d\" % n, workers = [\"w0\"], factory = [shell(\"s%d\" % i, command = [\"echo\", str(n)], \
         do_step_if = wanted) for i in range(5)]) for n in range({BUILDERS})]\n\
         builder(\"log\", workers = [\"w0\"], factory = [shell(\"print\", command = [\"python3\", \"-c\", \
         \"import time\\nwhile True: print('%.6f' % time.time(), flush=True); time.sleep(0.01)\"])])\n\
         builder(\"other\", workers = [\"w0\"], factory = [shell(\"t\", command = [\"echo\", \"{round}\"])])\n\
         force_scheduler(\"force\", builders = [\"log\"])\n"
    )
}

/// Evaluation alone, then a whole reload as a script waits for it, while a log is being followed.
pub(crate) fn thousand_builders(_: &Peer) -> Vec<Figure> {
    let mut world = World::new(&text(0));
    let file = world.path().join("master.star");
    let mut evaluated: Vec<f64> = (0..9).map(|_| evaluate(&file)).collect();
    world.start_master();
    let _worker = world.start_worker("w0");
    world.wait_workers(1);
    let mut control = world.control();
    world.force(&mut control, "log");
    let (told, mut lines) = tokio::sync::mpsc::unbounded_channel();
    let mut console = world.console();
    let follower = world.runtime.spawn(async move {
        let mut lines = follow(&mut console, "log#1/print/stdio").await;
        while let Some(Ok(part)) = lines.next().await {
            for line in part.lines {
                let printed = String::from_utf8_lossy(&line.text).trim().parse::<f64>();
                if let Ok(printed) = printed
                    && told.send((now(), printed)).is_err()
                {
                    return;
                }
            }
        }
    });
    world.runtime.block_on(lines.recv()).expect("the log is followed");
    let mut meanwhile: Vec<f64> = Vec::new();
    let mut reloaded: Vec<f64> = (1..6)
        .map(|round| {
            std::fs::write(&file, text(round)).expect("written");
            while lines.try_recv().is_ok() {}
            let (began, since) = (Instant::now(), now());
            let request = ReconfigureRequest::default();
            let answer = world.runtime.block_on(control.reconfigure(request)).expect("followed");
            assert!(answer.into_inner().applied, "another text");
            let took = began.elapsed().as_secs_f64() * 1000.0;
            // Until a line comes that was printed after the reload: nothing of the pause is left out.
            let until = now();
            while let Some((came, printed)) = world.runtime.block_on(lines.recv()) {
                if printed >= since {
                    meanwhile.push((came - printed) * 1000.0);
                }
                if printed > until {
                    break;
                }
            }
            took
        })
        .collect();
    follower.abort();
    vec![
        Figure::at_most("1,000 builders evaluated", percentile(&mut evaluated, 50), "ms", 300.0),
        Figure::at_most(
            "  reloaded: asked -> followed",
            percentile(&mut reloaded, 50),
            "ms",
            1000.0,
        ),
        Figure::at_most(
            "  line printed meanwhile -> follower has it, p99",
            percentile(&mut meanwhile, 99),
            "ms",
            200.0,
        ),
    ]
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs_f64()
}

fn evaluate(file: &Path) -> f64 {
    let began = Instant::now();
    let loaded = config::load(Origin::File(file), None).expect("a good configuration");
    assert_eq!(loaded.config.builders.len(), BUILDERS + 2);
    began.elapsed().as_secs_f64() * 1000.0
}
