//! What the simulated master follows, and how long things go on.

use std::sync::{Arc, OnceLock};

use linn_core::config::Config;

/// Three workers of different sizes, builders that wait long or briefly for a lost one, locks of each kind, a parent that waits for
/// a child, every kind of scheduler, a source.
pub(crate) const CONFIG: &str = r#"
codebase("app", repository = "git://app", branch = "main")
git_poller("p", repository = "git://app", branches = ["main", "dev"], interval = "60s", codebase = "app")
worker("w0", max_builds = 1)
worker("w1", max_builds = 2)
worker("w2")
ALL = ["w0", "w1", "w2"]
RECIPE = [
    shell("build", command = "make", halt_on_failure = True),
    shell("test", command = "make check", warn_on_failure = True),
    shell("clean", command = "make clean", always_run = True),
]
db = lock("db", max_count = 2)
cpu = worker_lock("cpu", max_count = 2)
LOCKED = [RECIPE[0], shell("test", command = "make check", warn_on_failure = True, locks = [db.exclusive()]), RECIPE[2]]
builder("a", workers = ALL, factory = [git(codebase = "app")] + RECIPE, lost_after = "20s", locks = [cpu.counting(2)])
builder("b", workers = ["w0", "w1"], factory = LOCKED, lost_after = "3s", max_retries = 2, locks = [cpu.counting(1)])
builder("c", workers = ["w2"], factory = RECIPE[:1], lost_after = "60s", locks = [db.counting(1)])
builder("p", workers = ["w1", "w2"], factory = [trigger("t", schedulers = ["sub"], wait_for_finish = True), RECIPE[0]], lost_after = "10s")
builder("d", workers = ALL, factory = RECIPE[:2], lost_after = "5s", locks = [db.counting(1)])
builder("m", workers = ALL, factory = [git(codebase = "app"), master_shell("here", command = ["true"]), RECIPE[0]], lost_after = "5s")
builder("t", workers = ["w1", "w2"], factory = RECIPE[:1], lost_after = "5s")
cancel_old_builds(builders = ["t"])
triggerable_scheduler("sub", builders = ["d"])
force_scheduler("force", builders = ["a", "b", "c", "p", "m"])
try_scheduler("try", builders = ["a"])
periodic_scheduler("often", builders = ["m", "d"], interval = "6s")
nightly_scheduler("minute", builders = ["m"], at = "* * * * *", tz = "UTC")
any_branch_scheduler("each", builders = ["t"], change_filter = change_filter(branch = ["topic"]))
any_branch_scheduler("commits", builders = ["a", "b"], tree_stable_timer = "2s", max_wait = "5s", unimportant_files = ["doc/*"])
single_branch_scheduler("main", builders = ["c"], change_filter = change_filter(branch = ["main"]), unimportant_files = ["doc/*"])
dependent_scheduler("down", upstream = "main", builders = ["b"])
"#;

/// The repository of the one codebase.
pub(crate) const REPOSITORY: &str = "git://app";
/// The one source.
pub(crate) const SOURCE: &str = "p";
/// Builders that can be forced.
pub(crate) const BUILDERS: [&str; 5] = ["a", "b", "c", "p", "m"];
/// Schedulers that go by the clock.
pub(crate) const CLOCKS: [&str; 2] = ["often", "minute"];
/// Workers, by machine.
pub(crate) const WORKERS: [&str; 3] = ["w0", "w1", "w2"];

/// How long faults go on, in milliseconds of the world.
pub(crate) const TROUBLE: i64 = 40_000;
/// How long peace may take before it counts as a stall.
pub(crate) const PEACE: i64 = 600_000;

/// The configuration that is followed, and the other one that it is changed for now and then: a recipe differs, a builder and
/// who asks for it are gone until it changes back, which it does before the end. Evaluated once for all worlds.
pub(crate) fn configs() -> Result<[Arc<Config>; 2], String> {
    static CONFIGURATIONS: OnceLock<Result<[Arc<Config>; 2], String>> = OnceLock::new();
    let evaluate = |text: &str| {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        linn_tests::scenario::evaluate(folder.path(), text).map(|loaded| loaded.config)
    };
    CONFIGURATIONS.get_or_init(|| Ok([evaluate(CONFIG)?, evaluate(&other())?])).clone()
}

/// The other configuration.
fn other() -> String {
    let mut other =
        CONFIG.replace("make check", "make test").replace("interval = \"6s\"", "interval = \"9s\"");
    for gone in ["builder(\"t\"", "cancel_old_builds(", "any_branch_scheduler(\"each\""] {
        other = other
            .lines()
            .filter(|line| !line.starts_with(gone))
            .map(|line| format!("{line}\n"))
            .collect();
    }
    other
}
