//! RC-1 to RC-6, C30, C31, D9: another configuration is followed while everything runs.

use std::fs;

use linn_tests::site::Site;

fn write(site: &Site, config: &str) {
    fs::write(site.path().join("master.star"), config).expect("written");
}

fn lines(text: &str) -> Vec<&str> {
    text.lines().collect()
}

/// Counts until the gate opens; whether the last step runs is a function's to say.
fn recipe(site: &Site, says: &str, verdict: &str) -> String {
    let gate = site.path().join("go").display().to_string();
    format!(
        r#"
def wanted(build):
    return {verdict}

worker("w")
builder("b", workers = ["w"], factory = [
    shell("count", command = "i=0; while [ ! -e {gate} ]; do echo $i; i=$((i+1)); sleep 0.01; done; echo end $i"),
    shell("say", command = ["echo", "{says}"], do_step_if = wanted),
])
force_scheduler("force", builders = ["b"])
"#
    )
}

fn counted(site: &Site) -> u64 {
    let tail = site.linn(["log", "b#1/count", "--tail", "1"]).stdout;
    String::from_utf8_lossy(&tail).trim().parse().unwrap_or(0)
}

/// D9, RC-3: a running build keeps recipe and functions over reloads and a crash; its log goes on all the while.
#[test]
fn a_running_build_keeps_its_recipe_and_functions() {
    let site = Site::new("");
    write(&site, &recipe(&site, "old", "True"));
    let mut master = site.master();
    let _worker = site.worker("w");
    site.ok(["force", "b"]);
    site.until("it counts", || counted(&site) > 0);

    write(&site, &recipe(&site, "new", "False"));
    let expected = "~ builder b: steps ~say; 1 running build keeps its recipe\n";
    assert_eq!(site.ok(["plan"]), expected);
    assert_eq!(site.ok(["plan"]), expected, "looking changes nothing");
    let before = counted(&site);
    assert_eq!(site.ok(["reload"]), expected);
    assert_eq!(site.ok(["reload"]), "no changes\n");
    site.until("the log goes on", || counted(&site) > before);

    // Another text of the same meaning is followed without a word; what runs is not disturbed by that either.
    write(&site, &(recipe(&site, "new", "False") + "# a comment\n"));
    assert_eq!(site.ok(["reload"]), "no changes\n");
    let before = counted(&site);
    site.until("the log goes on", || counted(&site) > before);

    master.kill_9();
    let _again = site.master();
    fs::write(site.path().join("go"), "").expect("the gate opens");
    site.ok(["wait", "b#1"]);
    assert_eq!(site.build("b#1")["results"], "SUCCESS");
    assert_eq!(site.linn(["log", "b#1/say", "--raw"]).stdout, b"old\n");
    let log = site.linn(["log", "b#1/count", "--raw"]).stdout;
    let log = String::from_utf8(log).expect("numbers");
    let numbers = lines(&log);
    let (last, numbers) = numbers.split_last().expect("lines");
    assert_eq!(*last, format!("end {}", numbers.len()), "nothing is missing");
    assert!(numbers.iter().enumerate().all(|(n, line)| line.parse() == Ok(n)), "in order");

    site.ok(["force", "b", "--wait"]);
    let build = site.build("b#2");
    assert_eq!(build["steps"][1]["results"], "SKIPPED", "the new function says no: {build}");
}

/// RC-1, RC-6, C31: mistakes are told with their places, and the old configuration goes on.
#[test]
fn a_bad_file_changes_nothing() {
    let good = "worker(\"w\")\nbuilder(\"b\", workers = [\"w\"], factory = [shell(\"t\", command = \"true\")])\n\
                force_scheduler(\"force\", builders = [\"b\"])\n";
    let site = Site::new(good);
    let master = site.master();
    let _worker = site.worker("w");
    write(&site, &(good.to_owned() + "builder(\"c\", workers = [\"x\"])\nbildr(\"d\")\n"));
    let file = site.path().join("master.star").display().to_string();
    for command in ["plan", "reload"] {
        let output = site.linn([command]);
        assert_eq!(output.status.code(), Some(2), "{command}");
        assert!(output.stdout.is_empty(), "{command}");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(&format!("{file}:5:1: `bildr` is not defined")), "{command}: {said}");
        assert!(lines(&said).last().is_some_and(|line| line.ends_with("errors")), "{said}");
    }
    let json = site.linn(["plan", "--json"]);
    let first = String::from_utf8_lossy(&json.stdout).into_owned();
    let first: serde_json::Value = serde_json::from_str(lines(&first)[0]).expect("an object");
    assert_eq!(first["file"], file.as_str());
    assert!(first["line"].is_u64() && first["message"].is_string(), "{first}");
    site.until_event("a notice tells of it", |event| {
        event.to_string().contains("is still followed") && event.to_string().contains("master.star")
    });
    site.ok(["force", "b", "--wait"]);

    // A signal is a reload too, and tells in the log.
    let pid = rustix::process::Pid::from_raw(i32::try_from(master.pid()).expect("a pid"));
    let hang_up = || {
        rustix::process::kill_process(pid.expect("not zero"), rustix::process::Signal::HUP)
            .expect("signalled");
    };
    hang_up();
    site.until("the signal is answered", || {
        site.said("master.err").contains("the configuration from before is still followed")
    });
    let more = "builder(\"c\", workers = [\"w\"], factory = [shell(\"t\", command = \"true\")])\n";
    write(&site, &(good.to_owned() + more));
    hang_up();
    site.until("it is followed", || site.said("master.err").contains("+ builder c"));
    site.until("it is shown", || site.json(["builders"]).len() == 2);
}

/// RC-2, RC-3: everybody who acts by the configuration follows; what is gone leaves the lists but not the history.
#[test]
fn workers_sources_and_lists_follow() {
    let text = |builder: &str, worker: &str, rest: &str| {
        format!(
            "local_worker(\"{worker}\")\nbuilder(\"{builder}\", workers = [\"{worker}\"], \
             factory = [shell(\"t\", command = \"true\")])\n{rest}\n\
             force_scheduler(\"force\", builders = [\"{builder}\"])\n"
        )
    };
    let site = Site::new(&text("old", "one", "webhook(\"mail\")"));
    let _master = site.master();
    site.ok(["force", "old", "--wait"]);

    write(&site, &text("new", "two", "webhook(\"post\")"));
    let file = site.path().join("master.star").display().to_string();
    let expected = [
        "- source mail: what it has seen is kept under its name",
        "+ source post",
        "- worker one",
        "+ worker two",
        "+ builder new",
        "- builder old",
        "~ scheduler force: builders +new -old",
    ];
    assert_eq!(lines(&site.ok(["plan", &file])), expected, "a file of the asker's");
    assert_eq!(lines(&site.ok(["reload"])), expected);
    site.ok(["force", "new", "--wait"]);
    let names = |list: &str| -> Vec<String> {
        let of = |thing: &serde_json::Value| thing["name"].as_str().unwrap_or_default().to_owned();
        site.json([list]).iter().map(of).collect()
    };
    assert_eq!(names("builders"), ["new"]);
    assert_eq!(names("sources"), ["post"]);
    site.until("the worker has left", || names("workers") == ["two"]);
    assert_eq!(site.json(["builds", "--builder", "old"]).len(), 1, "history is found by name");
    assert_eq!(site.linn(["force", "old"]).status.code(), Some(3));
    let plan = site.json(["plan"]);
    assert!(plan.is_empty(), "{plan:?}");

    // What comes back is run again by a worker that was shown out.
    write(&site, &text("old", "one", ""));
    let plan = site.json(["reload"]);
    assert_eq!(plan[0]["sign"], "-", "{plan:?}");
    site.ok(["force", "old", "--wait"]);
}

/// RC-6: a crash in the middle of a reload leaves the old configuration or the new one.
#[test]
fn a_crash_in_the_middle_leaves_one_or_the_other() {
    let text = |title: &str, builders: usize| {
        let builders = (0..builders).map(|n| {
            format!("builder(\"b{n}\", workers = [\"w\"], factory = [shell(\"t\", command = \"{title}\")])\n")
        });
        format!("master(title = \"{title}\")\nworker(\"w\")\n{}", builders.collect::<String>())
    };
    let site = Site::new(&text("one", 40));
    let mut master = site.master();
    for round in 0..4_u64 {
        let builders = if round % 2 == 0 { 80 } else { 40 };
        write(&site, &text(&format!("round {round}"), builders));
        let mut reload = site.command(["reload"]);
        let mut reload = reload.spawn().expect("it starts");
        // Somewhere in it: the outcome must be right wherever that is.
        std::thread::yield_now();
        master.kill_9();
        drop(reload.wait());
        master = site.master();
        assert_eq!(site.json(["builders"]).len(), builders, "the start follows the file");
        assert_eq!(site.ok(["plan"]), "no changes\n");
    }
}
