//! I7, I6, I4: a build survives its master, its worker and the network between, and its log is exact to the byte.

use std::fs;
use std::time::{Duration, Instant};

use linn_tests::digest::sha256;
use linn_tests::site::{Running, Site};
use linn_tests::wire::Wire;

/// Prints, waits for a file, prints again: so a test can break things in between, without a race.
fn config(worker: &str, folder: &Site) -> String {
    let gate = folder.path().join("go").display().to_string();
    format!(
        r#"
{worker}
builder("b", workers = ["w"], factory = [
    shell("gate", command = "i=0; while [ $i -lt 5000 ]; do echo before $i; i=$((i+1)); done; " +
        "while [ ! -e {gate} ]; do sleep 0.02; done; " +
        "i=0; while [ $i -lt 5000 ]; do echo after $i; i=$((i+1)); done"),
    shell("last", command = ["echo", "the end"]),
])
force_scheduler("force", builders = ["b"])
"#
    )
}

fn expected() -> String {
    let lines = |word: &str| {
        (0..5000).fold(String::new(), |text, n| text + word + " " + &n.to_string() + "\n")
    };
    lines("before") + &lines("after")
}

fn site(worker: &str) -> Site {
    let site = Site::new("");
    fs::write(site.path().join("master.star"), config(worker, &site)).expect("written");
    site
}

/// Forces the build and waits until its first half is in the log.
fn begin(site: &Site) {
    site.ok(["force", "b"]);
    site.until("the first half is logged", || {
        let build = site.linn(["log", "b#1/gate", "--tail", "1"]);
        String::from_utf8_lossy(&build.stdout).contains("before 4999")
    });
}

/// Opens the gate and checks that the very same build ends well, once, with an exact log.
fn end(site: &Site) {
    fs::write(site.path().join("go"), "").expect("the gate opens");
    site.ok(["wait", "b#1"]);
    let build = site.build("b#1");
    assert_eq!(build["results"], "SUCCESS", "{build}");
    assert_eq!(build["attempt"], 1, "{build}");
    assert_eq!(site.json(["builds"]).len(), 1, "no second build was made");
    let log = site.linn(["log", "b#1/gate", "--raw"]).stdout;
    assert_eq!(
        sha256(&log),
        sha256(expected().as_bytes()),
        "the log is exact: {} bytes",
        log.len()
    );
    assert_eq!(site.linn(["log", "b#1/last", "--raw"]).stdout, b"the end\n");
}

#[test]
fn a_build_survives_kill_9_of_its_master() {
    let site = site("worker(\"w\")");
    let mut master = site.master();
    let _worker = site.worker("w");
    begin(&site);
    master.kill_9();
    let _again = site.master();
    end(&site);
}

#[test]
fn a_build_survives_kill_9_of_its_worker() {
    let site = site("worker(\"w\")");
    let _master = site.master();
    let mut worker = site.worker("w");
    begin(&site);
    worker.kill_9();
    site.until_worker("w", "offline");
    let _again = site.worker("w");
    end(&site);
}

#[test]
fn a_build_survives_kill_9_of_both() {
    let site = site("worker(\"w\")");
    let mut master = site.master();
    let mut worker = site.worker("w");
    begin(&site);
    worker.kill_9();
    master.kill_9();
    // It ends while nobody looks.
    fs::write(site.path().join("go"), "").expect("the gate opens");
    let _master = site.master();
    let _worker = site.worker("w");
    end(&site);
}

/// D14: a local worker lives in the master's process, but its commands do not.
#[test]
fn a_build_on_a_local_worker_survives_kill_9_of_the_master() {
    let site = site("local_worker(\"w\")");
    let mut master: Running = site.master();
    begin(&site);
    master.kill_9();
    let _again = site.master();
    end(&site);
}

#[test]
fn a_build_survives_twenty_seconds_without_a_link() {
    let site = site("worker(\"w\")");
    let _master = site.master();
    let wire = Wire::new(&site.path().join("wire.sock"), &site.socket());
    let _worker = site.worker_at("w", wire.path());
    site.until_worker("w", "online");
    begin(&site);
    wire.cut();
    site.until_worker("w", "offline");
    let cut = Instant::now();
    fs::write(site.path().join("go"), "").expect("the gate opens");
    // The length of the cut is the thing under test, so this waits by the clock.
    std::thread::sleep(Duration::from_secs(20).saturating_sub(cut.elapsed()));
    assert_eq!(
        site.build("b#1")["results"],
        serde_json::Value::Null,
        "it still runs, as far as the master knows"
    );
    wire.mend();
    end(&site);
}
