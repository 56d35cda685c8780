//! The console in a real terminal, as a person has it: what is seen, what keys do, and what is left behind (console.md).

use linn_tests::site::Running;

use crate::farm::{LARGE, SMALL, console, farm, look, open, said, walk};

/// C1, C5, E1: a build goes from queued to running to red before one's eyes, and two keys open its log where it fails.
fn goes_red(size: (u16, u16)) {
    let site = farm("local_worker(\"w\", max_builds = 1)");
    let _master = site.master();
    let mut terminal = console(&site, size);
    assert!(terminal.alternate());
    // The only place is taken.
    site.ok(["force", "talk"]);
    terminal.until_shows("►001");
    site.ok(["force", "linux"]);
    terminal.until("it is queued", |screen| screen.contains("◦queued 1"));
    for gate in ["a", "b", "c"] {
        open(&site, gate);
    }
    terminal.until("it runs, with its step in the bar", |screen| {
        screen.contains("✓001") && screen.contains("║compile")
    });
    open(&site, "compiled");
    terminal.until("the next step is in the bar", |screen| screen.contains("║test"));
    open(&site, "tested");
    terminal.until("it is red, and so is the step", |screen| {
        screen.contains("✗001") && screen.contains("█test ✗")
    });
    walk(&mut terminal, &[("e", "✗"), ("l", "error 1 of 1")]);
    let screen = terminal.until_shows("150 │Eerror: the lexer dropped a token");
    assert!(screen.contains("linux#1 ▸ stdio") || screen.contains("linux ▸ #1"), "{screen}");
    terminal.keys("qq");
    assert_eq!(terminal.wait(), 0);
}

#[test]
fn a_build_goes_red_before_ones_eyes_at_80x24() {
    goes_red(SMALL);
}

#[test]
fn a_build_goes_red_before_ones_eyes_at_120x36() {
    goes_red(LARGE);
}

/// C3, C14, N2: force with parameters, stop and rebuild without leaving the keyboard.
#[test]
fn force_stop_and_rebuild_from_the_keyboard() {
    let site = farm("local_worker(\"w\")");
    let _master = site.master();
    let mut terminal = console(&site, SMALL);
    terminal.keys("3/docs\r");
    terminal.until("the filter shows one builder", |screen| {
        screen.contains("3 Builders") && screen.contains("docs") && !screen.contains("linux")
    });
    terminal.keys("f");
    terminal.until_shows("force docs");
    // Branch, revision, then what the scheduler declares.
    terminal.keys("\t\t ");
    terminal.until_shows("[release]");
    terminal.keys("\tmanual\t");
    terminal.until_shows("--property profile=release --property target=");
    terminal.keys("\x13");
    terminal.until_shows("force docs: request 1");
    terminal.until("it runs", |screen| screen.contains("docs #1  in render"));
    let build = site.build("docs#1");
    assert_eq!(build["properties"]["profile"]["value"], "release", "{build}");
    assert_eq!(build["properties"]["target"]["value"], "manual", "{build}");

    terminal.keys("x");
    terminal.until_shows("stop docs#1 ?");
    terminal.keys("s");
    site.until_event("the build ends", |event| {
        event["kind"] == "build_finished" && event["subject"] == "docs#1"
    });
    let build = site.build("docs#1");
    assert_eq!(build["results"], "CANCELLED", "{build}");
    assert!(build.to_string().contains("stopped from the console"), "N2: {build}");
    terminal.until_gone("docs #1  in render");

    terminal.keys("r");
    terminal.until_shows("rebuild docs#1 ?");
    terminal.keys("y");
    terminal.until("it runs again", |screen| screen.contains("docs #2  in render"));
    open(&site, "rendered");
    terminal.until("it is done", |screen| screen.contains("✓ docs #2"));
    let build = site.build("docs#2");
    assert_eq!(build["results"], "SUCCESS", "{build}");
    assert_eq!(build["properties"]["target"]["value"], "manual", "the same again: {build}");
    terminal.keys("q");
    terminal.wait();
}

/// A request that waits is cancelled from the queue.
#[test]
fn cancel_and_why_from_the_keyboard() {
    let site = farm("worker(\"w\")");
    let _master = site.master();
    site.ok(["force", "linux"]);
    let mut terminal = console(&site, SMALL);
    walk(&mut terminal, &[("4", "no worker can build it")]);
    look(&mut terminal, "w", "why is it not running?");
    walk(&mut terminal, &[("x", "cancel request 1 ?")]);
    terminal.keys("\r");
    terminal.until_gone("cancel request 1 ?");
    assert_eq!(site.json(["requests"]).len(), 1, "enter presses Cancel, the first button");
    terminal.keys("x");
    terminal.until_shows("cancel request 1 ?");
    terminal.keys("y");
    site.until("the request is gone", || site.json(["requests"]).is_empty());
    let all = site.json(["requests", "--all"]);
    assert_eq!(all[0]["results"], "CANCELLED", "{all:?}");
}

/// C5: lines are seen as they are printed, and a search runs on the master.
#[test]
fn a_log_is_followed_and_searched() {
    let site = farm("local_worker(\"w\")");
    let _master = site.master();
    site.ok(["force", "talk"]);
    let mut terminal = console(&site, SMALL);
    walk(&mut terminal, &[("e", "nothing is red"), ("/talk\r", "talk #1  in say")]);
    terminal.keys("l");
    terminal.until("the first lines, followed", |screen| {
        screen.contains("FOLLOW") && screen.contains(" 100 │ line 100")
    });
    open(&site, "a");
    terminal.until_shows(" 200 │ line 200");
    // Up is reading: what comes is counted.
    terminal.keys("\x15");
    terminal.until_shows("PAUSED");
    open(&site, "b");
    terminal.until_shows("+100 new");
    terminal.keys("G");
    terminal.until_shows(" 300 │ line 300");
    open(&site, "c");
    terminal.until_shows("program finished with exit code 0");
    terminal.until_gone("FOLLOW");

    // Far above what is shown.
    terminal.keys("/line 17\r");
    terminal.until_shows("searched on the master");
    // None is below: it went to the nearest above.
    let screen = terminal.until_shows("match 11 of 11");
    assert!(screen.contains("179 │*line 179"), "{screen}");
    terminal.keys("n");
    let screen = terminal.until_shows("match 1 of 11");
    assert!(screen.contains("17 │*line 17"), "{screen}");
    terminal.keys("/no such words\r");
    terminal.until_shows("no line matches");
    terminal.keys(":42\r");
    terminal.until_shows(" 42 │ line 42");
    let saved = site.path().join("saved.log");
    terminal.keys("\x13\x15");
    terminal.keys(&format!("{}\r", saved.display()));
    terminal.until_shows("saved ");
    assert_eq!(std::fs::read_to_string(saved).expect("saved"), said(300));
}

/// C15, E2: the console outlives its master and goes on where it was, without a gap.
#[test]
fn the_console_goes_on_when_its_master_comes_back() {
    let site = farm("local_worker(\"w\")");
    let mut master: Running = site.master();
    site.ok(["force", "talk"]);
    let mut terminal = console(&site, LARGE);
    terminal.keys("/talk\r");
    terminal.until_shows("talk #1  in say");
    terminal.keys("l");
    terminal.until_shows(" 100 │ line 100");
    master.kill_9();
    terminal.until_shows("NO LINK");
    // The command goes on without a master (D14).
    open(&site, "a");
    let _again = site.master();
    terminal.until_gone("NO LINK");
    terminal.until_shows(" 200 │ line 200");
    open(&site, "b");
    terminal.until_shows("300 lines");
    open(&site, "c");
    // Around the break each line stands at its number.
    terminal.keys(":105\r");
    let screen = terminal.until_shows(" 105 │ line 105");
    for line in 95..=110 {
        assert!(screen.contains(&format!("{line} │ line {line}")), "line {line}:\n{screen}");
    }
    terminal.keys("q");
    terminal.until_shows("✓001");
    assert_eq!(site.json(["builds"]).len(), 1, "it is the same build");
    terminal.keys("f");
    terminal.until_shows("force talk");
    terminal.keys("\x13");
    terminal.until_shows("talk #2");
}
