//! A commit becomes a build: pollers, hooks, pinned revisions and blame on a real repository.

use std::fs;

use linn_tests::repository::Repository;
use linn_tests::site::Site;

fn config(repository: &Repository) -> String {
    let path = repository.path().display();
    format!(
        r#"
codebase("app", repository = "{path}")
git_poller("app", repository = "{path}", branches = ["main", "release/*"], interval = "1s", codebase = "app")
local_worker("w")
builder("test", workers = ["w"], factory = [git(codebase = "app"), shell("check", command = "sh ./check.sh")])
any_branch_scheduler("commits", builders = ["test"], codebases = ["app"])
force_scheduler("force", builders = ["test"])
"#
    )
}

fn site() -> (Site, Repository) {
    let site = Site::new("");
    let repository = Repository::new(&site.path().join("app"));
    repository.commit("check.sh", "exit 0\n", "begin");
    fs::write(site.path().join("master.star"), config(&repository)).expect("written");
    (site, repository)
}

/// Waits until the poller has looked once, so that the next commit is news (GP-1).
fn looked(site: &Site) {
    site.until("the poller has looked", || {
        site.json(["sources"])
            .iter()
            .any(|source| !source["tips"].as_object().is_none_or(serde_json::Map::is_empty))
    });
}

#[test]
fn commits_are_built_at_their_revision_and_blamed() {
    let (site, repository) = site();
    let _master = site.master();
    looked(&site);
    assert_eq!(site.json(["changes"]).len(), 0, "GP-1: the first look emits nothing");
    let good = repository.commit("a.txt", "one\n", "first: add a");
    site.until_event("the first build ends", |event| {
        event["kind"] == "build_finished" && event["subject"] == "test#1"
    });
    let build = site.build("test#1");
    assert_eq!(build["results"], "SUCCESS", "{build}");
    assert_eq!(build["got_revision"]["app"], good.as_str(), "{build}");
    assert_eq!(build["blamelist"][0], "Ana Test <ana@example.org>", "{build}");

    repository.git(&["config", "user.name", "Ben Test"]);
    repository.git(&["config", "user.email", "ben@example.org"]);
    let bad = repository.commit("check.sh", "echo broken; exit 3\n", "break it");
    site.until_event("the second build ends", |event| {
        event["kind"] == "build_finished" && event["subject"] == "test#2"
    });
    let build = site.build("test#2");
    assert_eq!(build["results"], "FAILURE", "{build}");
    assert_eq!(build["sourcestamps"][0]["revision"], bad.as_str(), "SS-3: pinned: {build}");
    assert_eq!(build["blamelist"], serde_json::json!(["Ben Test <ben@example.org>"]), "{build}");
    assert_eq!(build["since_good"]["build"], "test#1", "{build}");

    // CA-5: the same revision again, though the branch has moved on.
    repository.commit("check.sh", "exit 0\n", "mend it");
    site.until_event("the third build ends", |event| {
        event["kind"] == "build_finished" && event["subject"] == "test#3"
    });
    let rebuilt = site.linn(["rebuild", "test#2", "--wait", "--json"]);
    assert_eq!(rebuilt.status.code(), Some(1), "waited for a red one");
    let build = site.build("test#4");
    assert_eq!(build["got_revision"]["app"], bad.as_str(), "{build}");
    assert_eq!(build["blamelist"], serde_json::json!([]), "C7: nothing new in it: {build}");
    let latest = site.linn(["rebuild", "test#2", "--latest", "--wait"]);
    assert_eq!(latest.status.code(), Some(0), "{}", String::from_utf8_lossy(&latest.stderr));
}

#[test]
fn forcing_an_unknown_branch_or_revision_is_refused() {
    let (site, _repository) = site();
    let _master = site.master();
    for arguments in [
        ["force", "test", "--branch", "no-such-branch"],
        ["force", "test", "--revision", "0123456789012345678901234567890123456789"],
    ] {
        let refused = site.linn(arguments);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(3), "C22: {said}");
        assert!(said.starts_with("error: "), "{said}");
        assert!(said.contains(arguments[3]), "it names what is unknown: {said}");
    }
    assert_eq!(site.json(["requests", "--all"]).len(), 0, "nothing was queued");
}

#[test]
fn the_hook_and_the_poller_do_not_double_a_change() {
    let (site, repository) = site();
    let _master = site.master();
    looked(&site);
    let old = repository.git(&["rev-parse", "HEAD"]);
    let new = repository.commit("b.txt", "b\n", "second");
    let mut hook = site.command(["hook", "git", "--codebase", "app"]);
    hook.current_dir(repository.path()).stdin(std::process::Stdio::piped());
    hook.args(["--repository", &repository.path().display().to_string()]);
    let mut child = hook.spawn().expect("linn runs");
    {
        use std::io::Write as _;
        let mut input = child.stdin.take().expect("piped");
        writeln!(input, "{old} {new} refs/heads/main").expect("written");
    }
    assert!(child.wait().expect("it ends").success());
    site.until_event("the build ends", |event| event["kind"] == "build_finished");
    site.ok(["source", "poll", "app"]);
    let changes = site.json(["changes"]);
    assert_eq!(changes.len(), 1, "I2: {changes:?}");
    assert_eq!(changes[0]["revision"], new.as_str());
}

#[test]
fn a_vanished_repository_is_told_and_comes_back() {
    let (site, repository) = site();
    let _master = site.master();
    looked(&site);
    let away = site.path().join("away");
    fs::rename(repository.path(), &away).expect("moved");
    let poll = site.linn(["source", "poll", "app"]);
    assert_eq!(poll.status.code(), Some(3), "C40: {}", String::from_utf8_lossy(&poll.stderr));
    let source = site.json(["sources"]).pop().expect("one source");
    assert!(source["last_error"].as_str().is_some_and(|error| !error.is_empty()), "{source}");
    fs::rename(&away, repository.path()).expect("moved back");
    repository.commit("c.txt", "c\n", "back again");
    site.ok(["source", "poll", "app"]);
    assert_eq!(site.json(["changes"]).len(), 1, "nothing was lost");
}

/// SS-3: no source watches the repository, and yet both builders of the triggered buildset build one revision, though the
/// branch moves on while the first of them builds.
#[test]
fn what_no_source_watches_is_pinned_when_it_is_asked_for() {
    let site = Site::new("");
    let repository = Repository::new(&site.path().join("app"));
    let pinned = repository.commit("a.txt", "one\n", "begin");
    let path = repository.path().display();
    let config = format!(
        r#"
codebase("app", repository = "{path}", branch = "main")
local_worker("w", max_builds = 1)
builder("all", workers = ["w"], factory = [
    trigger(schedulers = ["parts"], source_stamps = [{{"codebase": "app"}}], wait_for_finish = True),
])
builder("first", workers = ["w"], factory = [
    git(codebase = "app"),
    shell("move on", command = ["git", "-C", "{path}", "commit", "--quiet", "--allow-empty", "-m", "later"]),
])
builder("second", workers = ["w"], factory = [git(codebase = "app")])
triggerable_scheduler("parts", builders = ["first", "second"])
force_scheduler("force", builders = ["all"])
"#
    );
    fs::write(site.path().join("master.star"), config).expect("written");
    let _master = site.master();
    site.until_worker("w", "online");
    site.ok(["force", "all", "--wait"]);
    assert_ne!(repository.git(&["rev-parse", "HEAD"]), pinned, "it has moved on");
    for build in ["first#1", "second#1"] {
        let build = site.build(build);
        assert_eq!(build["sourcestamps"][0]["revision"], pinned.as_str(), "{build}");
        assert_eq!(build["got_revision"]["app"], pinned.as_str(), "{build}");
    }
}
