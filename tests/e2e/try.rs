//! `linn try`: what is not published reaches a build as a patch, on real checkouts with a real master and worker (TY-*).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use linn_tests::repository::Repository;
use linn_tests::site::Site;

fn config(repository: &Path) -> String {
    let path = repository.display();
    format!(
        r#"
codebase("app", repository = "{path}")
local_worker("w")
builder("test", workers = ["w"], factory = [git(codebase = "app", mode = "incremental"), shell("check", command = "cat a.txt new.txt; sh ./check.sh")])
builder("other", workers = ["w"], factory = [git(codebase = "app")])
try_scheduler("try", builders = ["test"])
force_scheduler("force", builders = ["test", "other"])
"#
    )
}

/// A site, what is published, and a clone of it.
fn site() -> (Site, Repository, PathBuf) {
    let site = Site::new("");
    let published = Repository::new(&site.path().join("app"));
    published.commit("check.sh", "exit 0\n", "begin");
    published.commit("a.txt", "published\n", "add a");
    fs::write(site.path().join("master.star"), config(published.path())).expect("written");
    let clone = site.path().join("mine");
    published.git(&["clone", "--quiet", ".", clone.to_str().expect("a path")]);
    (site, published, clone)
}

fn git(folder: &Path, arguments: &[&str]) {
    let ran = Command::new("git")
        .args(["-c", "user.name=Ben Test", "-c", "user.email=ben@example.org"])
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("git runs");
    assert!(ran.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&ran.stderr));
}

fn in_folder(site: &Site, folder: &Path, arguments: &[&str]) -> Output {
    let mut command = site.command(arguments);
    command.current_dir(folder).output().expect("linn runs")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn what_is_not_published_is_built_and_leaves_nothing() {
    let (site, published, clone) = site();
    let _master = site.master();
    // One commit that nobody else has, one change that is added, and one that is not.
    fs::write(clone.join("a.txt"), "committed\n").expect("written");
    git(&clone, &["commit", "--quiet", "--all", "-m", "mine"]);
    fs::write(clone.join("new.txt"), "added\n").expect("written");
    git(&clone, &["add", "new.txt"]);
    fs::write(clone.join("stray.txt"), "stray\n").expect("written");

    let dry = in_folder(&site, &clone, &["try", "--dry-run"]);
    assert_eq!(dry.status.code(), Some(0), "{}", said(&dry));
    assert!(printed(&dry).contains("builders   test"), "{}", printed(&dry));
    assert!(printed(&dry).contains("+committed"), "{}", printed(&dry));
    assert!(said(&dry).contains("left out, as nobody added it: stray.txt"), "{}", said(&dry));
    assert_eq!(site.json(["buildsets"]).len(), 0, "a dry run asks for nothing");

    let tried = in_folder(&site, &clone, &["try", "--comment", "see it", "--wait"]);
    assert_eq!(tried.status.code(), Some(0), "{}", said(&tried));
    assert_eq!(printed(&tried), "request 1 test\n");
    assert!(
        site.ok(["log", "test#1/check"]).contains("committed\nadded"),
        "{}",
        site.ok(["log", "test#1/check"])
    );
    let build = site.build("test#1");
    let base = published.git(&["rev-parse", "HEAD"]);
    assert_eq!(build["sourcestamps"][0]["revision"], base.as_str(), "{build}");
    assert_eq!(build["sourcestamps"][0]["patch"]["level"], 1, "{build}");
    let reason = build["reason"].as_str().expect("a text");
    assert!(
        reason.starts_with("'try' job by user ") && reason.ends_with(": see it"),
        "TY-3: {reason}"
    );
    // BM-7: whoever tries is to blame, and nobody else.
    assert_eq!(build["blamelist"].as_array().map(Vec::len), Some(1), "{build}");
    assert_eq!(build["blamelist"][0], build["sourcestamps"][0]["patch"]["author"], "{build}");
    let set = &site.json(["buildsets"])[0];
    assert_ne!(set["external_id"], "", "TY-3: {set}");

    // TY-5: the tree is clean again for whoever comes next.
    let after = site.linn(["force", "test", "--wait"]);
    assert_eq!(after.status.code(), Some(0), "{}", said(&after));
    let log = site.ok(["log", "test#2/check"]);
    assert!(log.contains("published") && !log.contains("added"), "{log}");

    // Files that nobody added come along when they are asked for, and the index stays the user's.
    let all = in_folder(&site, &clone, &["try", "--untracked", "--dry-run", "--json"]);
    assert_eq!(all.status.code(), Some(0), "{}", said(&all));
    let all = in_folder(&site, &clone, &["try", "--untracked", "--dry-run"]);
    assert!(printed(&all).contains("+stray"), "{}", printed(&all));
    let again = in_folder(&site, &clone, &["try", "--dry-run"]);
    assert!(!printed(&again).contains("+stray"), "{}", printed(&again));
}

#[test]
fn what_does_not_apply_fails_the_source_step() {
    let (site, _published, clone) = site();
    let _master = site.master();
    let diff = "--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-something else\n+mine\n";
    fs::write(clone.join("my.diff"), diff).expect("written");
    let tried = in_folder(&site, &clone, &["try", "--diff", "my.diff", "--wait"]);
    assert_eq!(tried.status.code(), Some(1), "{}", said(&tried));
    let build = site.build("test#1");
    assert_eq!(build["steps"][0]["results"], "FAILURE", "{build}");
    let text = build["steps"][0].to_string() + &site.ok(["log", "test#1/1"]);
    assert!(text.contains("the patch does not apply"), "{text}");
    let after = site.linn(["force", "other", "--wait"]);
    assert_eq!(after.status.code(), Some(0), "{}", said(&after));
}

#[test]
fn what_cannot_be_tried_is_refused_at_the_door() {
    let (site, _published, clone) = site();
    let _master = site.master();
    let nothing = in_folder(&site, &clone, &["try"]);
    assert_eq!(nothing.status.code(), Some(3), "{}", said(&nothing));
    assert!(said(&nothing).contains("there is nothing to try"), "{}", said(&nothing));

    let diff = "--- a/x\n+++ b/../../x\n@@ -0,0 +1 @@\n+x\n";
    fs::write(clone.join("my.diff"), diff).expect("written");
    let outside = in_folder(&site, &clone, &["try", "--diff", "my.diff"]);
    assert_eq!(outside.status.code(), Some(2), "{}", said(&outside));
    assert!(said(&outside).contains("`b/../../x`, which leaves the tree"), "{}", said(&outside));

    fs::write(clone.join("a.txt"), "mine\n").expect("written");
    for (builder, words) in
        [("other", "no try scheduler has the builder other"), ("tset", "`tset`")]
    {
        let refused = in_folder(&site, &clone, &["try", "--builder", "test", "--builder", builder]);
        assert_eq!(refused.status.code(), Some(3), "TY-2: {}", said(&refused));
        assert!(said(&refused).contains(words), "{}", said(&refused));
    }
    // A base that was never published is unknown to the repository.
    git(&clone, &["commit", "--quiet", "--all", "-m", "mine"]);
    fs::write(clone.join("a.txt"), "more\n").expect("written");
    let private = in_folder(&site, &clone, &["try", "--base", "HEAD"]);
    assert_eq!(private.status.code(), Some(3), "C22: {}", said(&private));

    fs::write(clone.join("p.png"), b"\x89PNG\0\0").expect("written");
    git(&clone, &["add", "p.png"]);
    let binary = in_folder(&site, &clone, &["try"]);
    assert_eq!(binary.status.code(), Some(3), "{}", said(&binary));
    assert!(said(&binary).starts_with("error: p.png is no text"), "{}", said(&binary));
    assert_eq!(site.json(["buildsets"]).len(), 0, "nothing was asked for");
}

/// Runs a program in a folder.
fn run(folder: &Path, program: &str, arguments: &[&str]) {
    let ran = Command::new(program).args(arguments).current_dir(folder).output();
    let ran = ran.expect("it runs");
    assert!(ran.status.success(), "{program} {arguments:?}: {}", said(&ran));
}

/// A site that knows no repository, so that any revision is taken as it is.
fn bare_site() -> Site {
    Site::new(
        "local_worker(\"w\")\nbuilder(\"test\", workers = [\"w\"], factory = [])\ncodebase(\"app\")\n\
         try_scheduler(\"try\", builders = [\"test\"], codebases = [\"app\"])\n",
    )
}

/// TY-4: the last public ancestor, and what lies beyond.
#[test]
fn a_checkout_of_mercurial() {
    let site = bare_site();
    let _master = site.master();
    let folder = site.path().join("hg");
    fs::create_dir(&folder).expect("a folder");
    let hg = |arguments: &[&str]| {
        run(&folder, "hg", &[&["--config", "ui.username=ben"], arguments].concat());
    };
    hg(&["init"]);
    fs::write(folder.join("a.txt"), "published\n").expect("written");
    hg(&["commit", "--addremove", "-m", "one"]);
    fs::write(folder.join("a.txt"), "mine\n").expect("written");
    let private = in_folder(&site, &folder, &["try", "--dry-run"]);
    assert!(
        said(&private).contains("nothing of this repository is published"),
        "{}",
        said(&private)
    );
    hg(&["phase", "--public", "."]);
    hg(&["commit", "-m", "two"]);
    let dry = in_folder(&site, &folder, &["try", "--dry-run"]);
    assert_eq!(dry.status.code(), Some(0), "{}", said(&dry));
    assert!(printed(&dry).contains("-published\n+mine"), "{}", printed(&dry));
    assert!(printed(&dry).contains(" on default"), "{}", printed(&dry));
}

/// TY-4: a working copy of one revision; one of several is refused.
#[test]
fn a_checkout_of_subversion() {
    let site = bare_site();
    let _master = site.master();
    run(site.path(), "svnadmin", &["create", "repo"]);
    let url = format!("file://{}", site.path().join("repo").display());
    run(site.path(), "svn", &["mkdir", "-q", "-m", "trunk", &format!("{url}/trunk")]);
    run(site.path(), "svn", &["checkout", "-q", &format!("{url}/trunk"), "wc"]);
    let folder = site.path().join("wc");
    fs::write(folder.join("a.txt"), "published\n").expect("written");
    run(&folder, "svn", &["add", "-q", "a.txt"]);
    run(&folder, "svn", &["commit", "-q", "-m", "two"]);
    fs::write(folder.join("a.txt"), "mine\n").expect("written");
    let mixed = in_folder(&site, &folder, &["try", "--dry-run"]);
    assert_eq!(mixed.status.code(), Some(3), "{}", said(&mixed));
    assert!(said(&mixed).contains("`svn update` first"), "{}", said(&mixed));
    run(&folder, "svn", &["update", "-q"]);
    let dry = in_folder(&site, &folder, &["try", "--dry-run"]);
    assert_eq!(dry.status.code(), Some(0), "{}", said(&dry));
    assert!(printed(&dry).contains("base       2 on the default branch"), "{}", printed(&dry));
    assert!(printed(&dry).contains("-published\n+mine"), "{}", printed(&dry));
}
