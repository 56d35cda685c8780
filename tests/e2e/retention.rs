//! JN-1, JN-2: history that is old by the rules is shown before it goes, goes with its files, and what is pinned stays.

use std::fs;
use std::path::{Path, PathBuf};

use linn_tests::site::Site;
use serde_json::Value;

const STAR: &str = r#"
local_worker("w")
builder("b", workers = ["w"], factory = [
    shell("make", command = "head -c 300000 /dev/urandom > out.bin; base64 out.bin"),
    upload(source = "out.bin", dest = "out.bin"),
])
force_scheduler("force", builders = ["b"])
"#;

const RULES: &str = "retention(builds_kept = 3, logs_kept = 2, artifacts_kept = 1)\n";

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

fn bytes(folder: &Path) -> u64 {
    files(folder).iter().filter_map(|file| file.metadata().ok()).map(|file| file.len()).sum()
}

/// What a refused command said.
fn refused(site: &Site, arguments: &[&str]) -> String {
    let ran = site.linn(arguments);
    assert_eq!(ran.status.code(), Some(3), "{arguments:?}: {ran:?}");
    String::from_utf8(ran.stderr).expect("linn prints UTF-8")
}

/// What goes, or would: kind and number.
fn goes(shown: &[Value]) -> Vec<(&str, u64)> {
    let lines = shown.iter().filter(|line| line["goes"] == true);
    lines
        .map(|line| {
            (line["kind"].as_str().expect("a kind"), line["count"].as_u64().expect("a number"))
        })
        .collect()
}

#[test]
fn old_history_is_shown_and_then_goes_with_its_files() {
    let site = Site::new(STAR);
    let mut master = site.master();
    for _ in 0..6 {
        site.ok(["force", "b", "--wait"]);
    }
    assert!(site.linn(["retention"]).stderr.starts_with(b"nothing is ever deleted"));
    site.ok(["pin", "b#1", "--reason", "shipped as 2.1"]);
    fs::write(site.path().join("master.star"), format!("{STAR}{RULES}")).expect("written");
    site.ok(["reload"]);
    site.until_event("people are told before anything goes", |event| {
        event["kind"] == "notice_raised" && event["subject"] == "retention"
    });

    // A large log is packed a moment after the end of its build.
    let (logs, artifacts) = (site.state().join("logs"), site.state().join("artifacts"));
    let is_packed = |file: &&PathBuf| file.extension().is_some_and(|ending| ending == "zst");
    site.until("all large logs are packed", || files(&logs).iter().filter(is_packed).count() == 6);
    let before = (bytes(&logs), bytes(&artifacts));
    assert_eq!(before.1, 6 * 300_000);

    // Looking changes nothing. Two builds go with everything, of one more the log, of two the artifacts.
    let wanted = [("builds", 2), ("logs", 1), ("artifacts", 2), ("buildsets", 2)];
    let shown = site.json(["retention"]);
    assert_eq!(goes(&shown), wanted);
    let builds = &shown[0];
    assert_eq!((&builds["oldest"], &builds["newest"]), (&"b#2".into(), &"b#3".into()));
    assert!(builds["bytes"].as_u64() > Some(2 * (300_000 + 400_000)), "{builds}");
    assert_eq!(builds["done"], false);
    let stays: Vec<_> = shown.iter().filter(|line| line["goes"] == false).collect();
    assert_eq!((&stays[0]["why"], &stays[0]["count"]), (&"pinned".into(), &1.into()));
    assert_eq!(goes(&site.json(["retention"])), wanted);
    assert_eq!((bytes(&logs), bytes(&artifacts)), before);

    assert_eq!(goes(&site.json(["retention", "--now"])), wanted);
    assert_eq!(site.ok(["retention"]).lines().next(), Some("nothing would go now"));
    assert_eq!(bytes(&artifacts), 2 * 300_000, "of the newest, and of what is pinned");
    assert!(bytes(&logs) * 5 < before.0 * 3, "the logs of three builds of six stay");

    // What is gone is told, with the time and the rule, and not as something that never was.
    let newest = site.build("b#6");
    let today = &newest["complete_at"].as_str().expect("a time")[..10];
    let said = refused(&site, &["build", "b#2"]);
    assert!(said.contains(&format!("`b#2` was deleted by retention on {today}")), "{said}");
    assert!(refused(&site, &["build", "b#99"]).contains("there is no build"), "never was");
    let said = refused(&site, &["log", "b#4/make"]);
    let gone =
        format!("the log `b#4/make/stdio` was deleted on {today} by retention (logs_kept = 2)");
    assert!(said.contains(&gone), "{said}");
    let said = refused(&site, &["artifact", "b#5/out.bin"]);
    let gone =
        format!("the files of b#5 were deleted on {today} by retention (artifacts_kept = 1)");
    assert!(said.contains(&gone), "{said}");
    let kept = site.build("b#4");
    assert_eq!(kept["logs_deleted"]["rule"], "logs_kept = 2");
    assert_eq!(kept["results"], "SUCCESS");
    assert!(refused(&site, &["rebuild", "b#2"]).contains("b#2"));

    // What is pinned is all there, over a crash too, until it is let go.
    master.kill_9();
    let _master = site.master();
    assert_eq!(site.build("b#1")["pin"]["reason"], "shipped as 2.1");
    assert_eq!(site.ok(["log", "b#1/make"]).len() / 1000, 405);
    let to = site.path().join("got.bin");
    site.ok(["artifact", "b#1/out.bin", "-o", to.to_str().expect("UTF-8")]);
    assert_eq!(fs::metadata(to).expect("there").len(), 300_000);
    assert!(goes(&site.json(["retention", "--now"])).is_empty());
    site.ok(["unpin", "b#1"]);
    assert_eq!(goes(&site.json(["retention", "--now"])), [("builds", 1), ("buildsets", 1)]);
    assert_eq!(bytes(&artifacts), 300_000);
    site.until_event("who let it go is told", |event| {
        event["kind"] == "build_unpinned" && event["subject"] == "b#1"
    });

    // Numbers are never given again.
    site.ok(["force", "b", "--wait"]);
    assert_eq!(site.build("b")["number"], 7);
}
