//! How long the core takes to decide, at the size of a large site, and what a function of `master.star` costs at run time.

use std::sync::Arc;
use std::time::Instant;

use linn_core::change::NewChange;
use linn_core::config::Config;
use linn_core::hooks::{Argument, Hooks};
use linn_core::input::Input;
use linn_core::testing::{
    Harness, any_branch, builder, config, force, shell, stamp, timer, worker,
};
use linn_core::view::change_view;
use linn_master::config::{self, Library, Origin};

use crate::Figure;
use crate::world::percentile;

const BUILDERS: usize = 1_000;
const WORKERS: usize = 300;
const WAITING: usize = 25_000;

fn site() -> Config {
    let workers: Vec<_> = (0..WORKERS).map(|nth| worker(&format!("w{nth}"), 1)).collect();
    let names: Vec<String> = (0..BUILDERS).map(|nth| format!("b{nth}")).collect();
    let builders = names.iter().enumerate().map(|(nth, name)| {
        // Each may run on three workers, each worker serves ten builders.
        let on: Vec<String> = (0..3).map(|k| format!("w{}", (nth + k * 97) % WORKERS)).collect();
        let on: Vec<&str> = on.iter().map(String::as_str).collect();
        builder(name, &on, vec![shell("make")])
    });
    let refs: Vec<&str> = names.iter().map(String::as_str).collect();
    let schedulers =
        vec![force("force", &refs), any_branch("commits", &refs[..50], timer(Some(30)))];
    config("c1", workers, builders.collect(), schedulers)
}

/// One event with everything that follows from it, while 25,000 requests of 1,000 builders wait for 300 workers.
pub(crate) fn distribution() -> Vec<Figure> {
    let mut site = Harness::new(site()).unchecked();
    for nth in 0..WAITING {
        let revision = format!("r{nth}");
        let name = format!("b{}", nth % BUILDERS);
        site.force_with(&name, vec![stamp("main", Some(&revision))], &[]);
    }
    let sessions: Vec<_> = (0..WORKERS).map(|nth| site.connect(&format!("w{nth}"))).collect();
    let (mut ends, mut adds) = (Vec::new(), Vec::new());
    for nth in 0..2_000_usize {
        let state = site.master.state();
        let Some(build) = state.unfinished().nth(nth % WORKERS) else { break };
        let (reference, worker) = (build.reference().to_string(), build.worker.to_string());
        let at = worker[1..].parse::<usize>().unwrap_or_default();
        let began = Instant::now();
        site.exit(sessions[at], &reference, 0);
        ends.push(began.elapsed().as_secs_f64() * 1000.0);
        let change = NewChange {
            author: "ana <ana@example.org>".to_owned(),
            branch: Some("main".to_owned()),
            revision: Some(format!("c{nth}")),
            repository: "repo".to_owned(),
            ..NewChange::default()
        };
        let began = Instant::now();
        site.submit(vec![change]);
        adds.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    vec![
        Figure::at_most(
            "the end of a build, 25,000 requests waiting, p50",
            percentile(&mut ends, 50),
            "ms",
            1.0,
        ),
        Figure::at_most("  p99", percentile(&mut ends, 99), "ms", 1.0),
        Figure::at_most(
            "a change, 25,000 requests waiting, p50",
            percentile(&mut adds, 50),
            "ms",
            1.0,
        ),
        Figure::at_most("  p99", percentile(&mut adds, 99), "ms", 1.0),
    ]
}

const FUNCTIONS: &str = r#"
def is_code(change):
    return any([not f.startswith("doc/") for f in change.files])

worker("w")
builder("b", workers = ["w"], factory = [shell("t", command = "true")])
any_branch_scheduler("s", builders = ["b"], file_is_important = is_code, tree_stable_timer = "30s")
"#;

/// A function of the configuration, called as the core calls it.
pub(crate) fn function() -> Vec<Figure> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("master.star");
    std::fs::write(&file, FUNCTIONS).expect("written");
    let loaded = config::load(Origin::File(&file), None).expect("it loads");
    let library = Library::new();
    library.insert(Arc::clone(&loaded.generation));
    let linn_core::config::SchedulerKind::AnyBranch(timer) = &loaded.config.schedulers[0].kind
    else {
        return Vec::new();
    };
    let hook = timer.importance.hook.clone().expect("it has a function");
    let mut site = Harness::new(Config::empty("c".into()));
    let files = (0..8).map(|nth| format!("src/file{nth}.c")).collect();
    site.submit(vec![NewChange { author: "ana".into(), files, ..NewChange::default() }]);
    let change = site.master.state().changes().next().cloned().expect("it was taken in");
    let mut took = Vec::new();
    for _ in 0..20_000 {
        let began = Instant::now();
        let answer = library.call(&hook, &[Argument::Object(change_view(&change))]);
        took.push(began.elapsed().as_secs_f64() * 1_000_000.0);
        assert!(answer.is_ok());
    }
    site.say(Input::Timeout);
    vec![Figure::at_most(
        "a function of the configuration, p50",
        percentile(&mut took, 50),
        "us",
        20.0,
    )]
}
