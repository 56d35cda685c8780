//! How long it takes to follow another configuration of a thousand builders, and to evaluate one.

use std::path::Path;
use std::time::Instant;

use linn_master::config::{self, Origin};
use linn_proto::control::ReconfigureRequest;

use crate::Figure;
use crate::peer::Peer;
use crate::world::{World, percentile};

const BUILDERS: usize = 1_000;

/// A loop as people write it, with a function, and one builder that differs.
fn text(round: usize) -> String {
    format!(
        "def wanted(build):\n    return build.properties.get(\"skip\") == None\n\n\
         worker(\"w0\")\n\
         [builder(\"b%d\" % n, workers = [\"w0\"], factory = [shell(\"s%d\" % i, command = [\"echo\", str(n)], \
         do_step_if = wanted) for i in range(5)]) for n in range({BUILDERS})]\n\
         builder(\"other\", workers = [\"w0\"], factory = [shell(\"t\", command = [\"echo\", \"{round}\"])])\n"
    )
}

/// Evaluation alone, then a whole reload as a script waits for it.
pub(crate) fn thousand_builders(_: &Peer) -> Vec<Figure> {
    let mut world = World::new(&text(0));
    let file = world.path().join("master.star");
    let mut evaluated: Vec<f64> = (0..5).map(|_| evaluate(&file)).collect();
    world.start_master();
    let mut control = world.control();
    let mut reloaded: Vec<f64> = (1..6)
        .map(|round| {
            std::fs::write(&file, text(round)).expect("written");
            let began = Instant::now();
            let request = ReconfigureRequest::default();
            let answer = world.runtime.block_on(control.reconfigure(request)).expect("followed");
            assert!(answer.into_inner().applied, "another text");
            began.elapsed().as_secs_f64() * 1000.0
        })
        .collect();
    vec![
        Figure::at_most("1,000 builders evaluated", percentile(&mut evaluated, 50), "ms", 1000.0),
        Figure::at_most(
            "  reloaded: asked -> followed",
            percentile(&mut reloaded, 50),
            "ms",
            2000.0,
        ),
    ]
}

fn evaluate(file: &Path) -> f64 {
    let began = Instant::now();
    let loaded = config::load(Origin::File(file), None).expect("a good configuration");
    assert_eq!(loaded.config.builders.len(), BUILDERS + 1);
    began.elapsed().as_secs_f64() * 1000.0
}
