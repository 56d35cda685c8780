//! CH-9, CH-12, DP-3, PN-1: whatever kills the master, no scheduler misses what came, and none forgets that it was switched.

use linn_tests::site::Site;

const STAR: &str = r#"
worker("w")
builder("b", workers = ["w"], factory = [shell("t", command = ["true"])])
builder("pkg", workers = ["w"], factory = [shell("t", command = ["true"])])
any_branch_scheduler("commits", builders = ["b"], tree_stable_timer = "8s")
dependent_scheduler("down", upstream = "commits", builders = ["pkg"])
periodic_scheduler("often", builders = ["pkg"], interval = "1000h")
nightly_scheduler("nightly", builders = ["pkg"], at = "0 3 29 2 *", tz = "UTC")
any_branch_scheduler("off", builders = ["b"])
"#;

/// A scheduler as `linn schedulers --json` shows it.
fn scheduler(site: &Site, name: &str) -> serde_json::Value {
    let all = site.json(["schedulers"]);
    all.into_iter().find(|it| it["name"] == name).expect("it is declared")
}

/// So many builds were asked for by a scheduler.
fn sets(site: &Site, name: &str) -> usize {
    site.json(["buildsets"]).iter().filter(|set| set["scheduler"] == name).count()
}

#[test]
fn schedulers_outlive_kill_9() {
    let site = Site::new(STAR);
    let mut master = site.master();
    site.ok(["scheduler", "disable", "off"]);
    site.ok(["change", "send", "--author", "Ana <ana@example.org>", "--branch", "main"]);
    assert_eq!(scheduler(&site, "commits")["waiting_changes"], serde_json::json!([1]));
    let next = scheduler(&site, "often")["next_fire_at"].clone();
    let leap = scheduler(&site, "nightly")["next_fire_at"].clone();
    assert!(leap.as_str().is_some_and(|at| at.contains("-02-29T03:00:00.000Z")), "{leap}");
    master.kill_9();

    let mut master = site.master();
    site.until("the kept change is asked for", || sets(&site, "commits") == 1);
    master.kill_9();

    let _master = site.master();
    let _worker = site.worker("w");
    site.until("what was built well is built on", || sets(&site, "down") == 1);
    assert_eq!(sets(&site, "commits"), 1, "once");
    assert_eq!(sets(&site, "often"), 1, "a restart is no time");
    assert_eq!(scheduler(&site, "often")["next_fire_at"], next, "to the millisecond");
    assert_eq!(sets(&site, "off"), 0);
    assert_eq!(scheduler(&site, "off")["enabled"], false);
    site.ok(["scheduler", "enable", "off"]);
    site.ok(["change", "send", "--author", "Ana <ana@example.org>", "--branch", "main"]);
    assert_eq!(sets(&site, "off"), 1, "what it dropped is not made up for");
}
