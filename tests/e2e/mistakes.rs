//! Bad input: one clear sentence, the right exit code (cli.md), and nothing lost.

use std::fs;

use linn_tests::site::{Site, binary};

const CONFIG: &str = r#"
local_worker("w")
builder("b", workers = ["w"], factory = [shell("t", command = ["true"])])
force_scheduler("force", builders = ["b"], parameters = [
    int_param("jobs", default = 1),
    choice_param("profile", choices = ["debug", "release"], default = "debug"),
])
"#;

/// What is typed, the exit code, and words that the answer must have.
const TYPED: [(&[&str], i32, &[&str]); 17] = [
    (&["force", "c"], 3, &["builder", "`c`"]),
    (&["force", "b", "--property", "jobs=many"], 2, &["jobs", "many"]),
    (
        &["force", "b", "--property", "jobs=many", "--property", "profile=fast"],
        2,
        &["jobs", "profile"],
    ),
    (&["force", "b", "--property", "colour=red"], 2, &["colour"]),
    (&["build", "b#7"], 3, &["b#7"]),
    (&["build", "b#x"], 2, &["b#x"]),
    (&["build", "#3"], 2, &["#3"]),
    (&["log", "b#7/t"], 3, &["b#7"]),
    (&["rebuild", "b#7"], 3, &["b#7"]),
    (&["stop", "b#7", "--reason", "r"], 3, &["b#7"]),
    (&["stop", "b#7"], 2, &["--reason"]),
    (&["cancel", "99", "--reason", "r"], 3, &["99"]),
    (&["cancel", "99"], 2, &["--reason"]),
    (&["worker", "pause", "nobody"], 3, &["nobody"]),
    (&["source", "poll", "nothing"], 3, &["nothing"]),
    (&["wait", "99"], 3, &["99"]),
    (&["frobnicate"], 2, &["frobnicate"]),
];

#[test]
fn mistakes_get_a_sentence_and_the_right_exit_code() {
    let site = Site::new(CONFIG);
    let _master = site.master();
    let mut wrong = Vec::new();
    for (typed, code, words) in TYPED {
        let ran = site.linn(typed);
        let said = String::from_utf8_lossy(&ran.stderr).into_owned();
        let fine = ran.status.code() == Some(code)
            && said.starts_with("error: ")
            && words.iter().all(|word| said.contains(word))
            && ran.stdout.is_empty()
            && !said.contains("panicked");
        if !fine {
            wrong.push(format!(
                "{typed:?} gave {:?}, not {code} with {words:?}:\n{said}",
                ran.status.code()
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nobody_listens() {
    let site = Site::new(CONFIG);
    let ran = site.linn(["builders"]);
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert_eq!(ran.status.code(), Some(4), "{said}");
    assert!(said.contains("linn.sock") && said.contains("try:"), "{said}");
}

#[test]
fn a_second_master_on_the_folder_is_refused_with_the_first_ones_pid() {
    let site = Site::new(CONFIG);
    let master = site.master();
    let mut second = std::process::Command::new(binary("linn"));
    second.arg("master").arg("--dir").arg(site.state());
    let ran =
        second.arg("--config").arg(site.path().join("master.star")).output().expect("linn runs");
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert_eq!(ran.status.code(), Some(3), "C19: {said}");
    let first = said.lines().next().expect("a line");
    assert!(first.contains(&master.pid().to_string()) && first.contains("state"), "C19: {said}");
    assert!(site.linn(["builders"]).status.success(), "the first goes on");
}

#[test]
fn ten_mistakes_in_a_configuration_are_told_at_once() {
    let site = Site::new(
        r#"
worker("w")
worker("w")
builder("a", workers = ["nope"], factory = [])
builder("b", workers = ["w"], factory = [shell("t", comand = ["true"])])
builder("c/d", workers = ["w"], factory = [shell("t", command = ["true"])])
builder("e", workers = ["w"], factory = [shell("t", command = ["true"], timeout = 30)])
builder("f", workers = ["w"], factory = [shell("t", command = interpolate("%(prop:x"))])
any_branch_scheduler("s", builders = ["zzz"], tree_stable_timer = "soon")
git_poller("p", repository = "", interval = "1s")
change_filter(branch_re = "(")
force_scheduler("force", builders = ["b"], parameters = [choice_param("x", choices = [], default = "y")])
"#,
    );
    let ran = site.linn(["check", "master.star"]);
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert_eq!(ran.status.code(), Some(2), "{said}");
    let places: std::collections::BTreeSet<_> = said
        .lines()
        .filter(|line| line.starts_with("master.star:"))
        .filter_map(|line| line.split(':').nth(1))
        .collect();
    assert!(places.len() >= 10, "{} lines are blamed:\n{said}", places.len());
    assert!(said.trim_end().ends_with("errors"), "C31: the last line counts: {said}");
    let master = site.linn(["master", "--dir", "state"]);
    assert_eq!(master.status.code(), Some(2), "C36");
}

#[test]
fn a_damaged_database_and_one_from_the_future_are_refused_and_kept() {
    let site = Site::new(CONFIG);
    drop(site.master());
    let database = fs::read_dir(site.state())
        .expect("the state folder")
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|ending| ending == "db" || ending == "sqlite"))
        .expect("a database");
    for ending in ["-wal", "-shm"] {
        drop(fs::remove_file(format!("{}{ending}", database.display())));
    }
    fs::write(&database, "this is no database, but somebody's letter").expect("damaged");
    let ran = site.linn(["master", "--dir", "state"]);
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert_eq!(ran.status.code(), Some(3), "{said}");
    assert!(said.starts_with("error: ") && said.contains("try:"), "{said}");
    let kept = fs::read_to_string(&database).expect("still there");
    assert!(kept.contains("somebody's letter"), "nothing was overwritten");
}

/// Ids of builds name the folders of their logs: a database that counts from 1 again would write into old logs.
#[test]
fn a_database_that_is_not_the_logs_own_is_refused() {
    let site = Site::new(CONFIG);
    let logs = site.state().join("logs");
    std::fs::create_dir_all(logs.join("0/7")).expect("a folder");
    let mut master = std::process::Command::new(binary("linn"));
    master.arg("master").arg("--dir").arg(site.state());
    let ran =
        master.arg("--config").arg(site.path().join("master.star")).output().expect("linn runs");
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert_eq!(ran.status.code(), Some(3), "{said}");
    assert!(said.contains("builds up to id 7") && said.contains("no build"), "{said}");
    assert!(said.contains("try: "), "{said}");
    std::fs::remove_dir_all(&logs).expect("moved away");
    drop(site.master());
}

/// I6: a log whose file is gone is no empty log.
#[test]
fn a_log_that_was_deleted_behind_our_back_is_told() {
    let site = Site::new(
        r#"
local_worker("w")
builder("b", workers = ["w"], factory = [shell("t", command = ["echo", "words"]), shell("quiet", command = ["true"])])
force_scheduler("force", builders = ["b"])
"#,
    );
    let mut master = site.master();
    site.ok(["force", "b", "--wait"]);
    assert_eq!(master.terminate(), Some(0));
    fs::remove_dir_all(site.state().join("logs/0/1")).expect("the logs are deleted");
    let _again = site.master();
    let ran = site.linn(["log", "b#1/t", "--raw"]);
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert_eq!((ran.status.code(), ran.stdout.as_slice()), (Some(3), &b""[..]), "{said}");
    assert!(said.contains("b#1/t") && said.contains("0 of its 6 bytes"), "{said}");
    assert!(
        site.linn(["log", "b#1/quiet", "--raw"]).status.success(),
        "one without bytes has no file"
    );
}

/// After an orderly end the database is one file: who copies it has all of it.
#[test]
fn an_orderly_end_leaves_one_file() {
    let site = Site::new(CONFIG);
    let mut master = site.master();
    site.ok(["force", "b", "--wait"]);
    assert_eq!(master.terminate(), Some(0));
    let beside = fs::metadata(site.state().join("linn.db-wal")).map_or(0, |file| file.len());
    assert_eq!(beside, 0);
}

/// C22, SS-3: also where only the poller knows the repository, as in the built-in configuration.
#[test]
fn a_branch_or_revision_that_is_not_there_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let repository = linn_tests::repository::Repository::new(&folder.path().join("repo"));
    let tip = repository.commit("file", "one\n", "one");
    let site = Site::new(&format!(
        r#"
local_worker("w")
git_poller("checkout", repository = "{}", interval = "1h")
builder("b", workers = ["w"], factory = [git(), shell("t", command = ["true"])])
force_scheduler("force", builders = ["b"])
"#,
        folder.path().join("repo").display()
    ));
    let _master = site.master();
    for typed in [
        &["force", "b", "--branch", "nobranch"][..],
        &["force", "b", "--revision", "zzzz"],
        &["force", "b", "--branch", "nobranch", "--revision", "zzzz"],
    ] {
        let ran = site.linn(typed);
        let said = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert_eq!(ran.status.code(), Some(3), "{typed:?}: {said}");
        assert!(said.contains("nobranch") || said.contains("zzzz"), "{typed:?}: {said}");
    }
    site.ok(["force", "b", "--wait"]);
    let build = site.build("b#1");
    assert_eq!(build["sourcestamps"][0]["revision"].as_str(), Some(tip.as_str()), "{build}");
}
