//! Workers come, go and come back, by transcripts (LW-*, F2, F3, F24, F27, C27, I4, I5).

use std::sync::Arc;

use crate::config::{Config, StepSpec};
use crate::id::{CommandId, SessionId};
use crate::input::{Input, WorkerVerb};
use crate::model::{Exit, Finished, Quarantine, WorkerInfo};
use crate::testing::{Harness, builder, config, force, shell, stamp, worker};
use crate::time::{Span, Timestamp};

fn site_of(workers: Vec<crate::config::Worker>, builders: &[(&str, &[&str])]) -> Config {
    let names: Vec<_> = builders.iter().map(|(name, _)| *name).collect();
    let made = builders.iter().map(|(name, workers)| builder(name, workers, steps())).collect();
    config("c1", workers, made, vec![force("force", &names)])
}

fn steps() -> Vec<StepSpec> {
    vec![shell("make")]
}

fn one() -> Harness {
    Harness::new(site_of(vec![worker("w1", 1)], &[("linux", &["w1"])]))
}

/// C39: an unknown name is refused for good, with what to write; a name in use too.
#[test]
fn strangers_are_refused() {
    let mut site = one();
    let (_, said) = site.attach("w2", "x", Vec::new());
    assert_eq!(
        said.lines(),
        [
            "-> refuse session 1: master.star declares no worker `w2` (did you mean `w1`?); add worker(\"w2\") to it"
        ]
    );
    site.connect("w1");
    let (_, said) = site.attach("w1", "another folder", Vec::new());
    assert!(said.lines()[0].starts_with("-> refuse session 3: the name `w1` is in use"));
    assert!(said.records.is_empty());
}

/// LW-8 better: the newest session of the same folder wins, and its commands go on.
#[test]
fn the_newest_session_wins() {
    let mut site = one();
    let old = site.connect("w1");
    site.force("linux");
    let (new, said) = site.attach("w1", "w1", vec![(CommandId(1), false)]);
    assert_eq!(
        said.lines(),
        ["worker_connected w1", "-> close session 1", "-> welcome session 2 1:resume"]
    );
    assert!(site.detach(old).records.is_empty(), "the old session has nothing to say any more");
    site.exit(new, "linux#1", 0);
    assert_eq!(site.master.state().unfinished().count(), 0);
}

/// LW-4 better, I7: a lost link is waited for; what the worker holds goes on.
#[test]
fn a_build_survives_its_link() {
    let mut site = one();
    let w1 = site.connect("w1");
    site.force("linux");
    site.transcript();
    site.detach(w1);
    site.pass(Span::minutes(14));
    let (w1, _) = site.attach("w1", "w1", vec![(CommandId(1), true)]);
    site.exit(w1, "linux#1", 0);
    assert_eq!(
        site.transcript(),
        [
            "worker_lost w1",
            "build_orphaned linux#1",
            "worker_connected w1",
            "build_resumed linux#1",
            "-> welcome session 2 1:resume",
            "step_finished linux#1/make SUCCESS: done",
            "build_finished linux#1 SUCCESS: build successful",
            "request_finished 1 SUCCESS",
            "buildset_finished 1 SUCCESS",
            "-> ack command 1",
        ]
    );
}

/// A command that the worker never got is sent again with the same id (m10-m12).
#[test]
fn a_command_never_received_is_sent_again() {
    let mut site = one();
    let w1 = site.connect("w1");
    site.force("linux");
    site.detach(w1);
    let (_, said) = site.attach("w1", "w1", Vec::new());
    assert_eq!(
        said.lines().last().map(String::as_str),
        Some("-> send command 1 to session 2: /bin/sh -c make")
    );
}

/// F3, LW-1, I4: beyond the grace the build is tried again under the same request; the late result is refused and acked.
#[test]
fn beyond_the_grace_it_is_tried_again() {
    let mut site =
        Harness::new(site_of(vec![worker("w1", 1), worker("w2", 1)], &[("linux", &["w1", "w2"])]));
    let w1 = site.connect("w1");
    site.force("linux");
    site.connect("w2");
    site.transcript();
    site.detach(w1);
    site.pass(Span::minutes(15));
    assert_eq!(
        site.transcript(),
        [
            "worker_lost w1",
            "build_orphaned linux#1",
            "notice_raised w1 worker: the worker w1 has been away for 15m; its build linux#1 is given up []",
            "worker_troubled w1 linux#1 went wrong on it: the worker w1 has been away for 15m",
            "step_finished linux#1/make RETRY: lost: the worker w1 has been away for 15m",
            "build_finished linux#1 RETRY: retry 'make' (retry)",
            "request_returned 1",
            "build_started linux#2 request 1 on w2 attempt 2",
            "step_started linux#2/make command 2: make",
            "-> send command 2 to session 2: /bin/sh -c make",
        ]
    );
    let (w1, said) = site.attach("w1", "w1", vec![(CommandId(1), false)]);
    assert_eq!(said.lines().last().map(String::as_str), Some("-> welcome session 3 1:kill"));
    let finished = Finished::bare(CommandId(1), Exit::Exited(0), site.now);
    assert_eq!(
        site.finish(w1, finished).lines(),
        ["stale_result_refused w1 command 1", "-> ack command 1"]
    );
}

/// F2, LW-2 better: after max_retries retries the last one is an exception, and so is the request.
#[test]
fn retries_end() {
    let mut site = one();
    let w1 = site.connect("w1");
    site.force("linux");
    for nth in 1..=4 {
        site.end(w1, &format!("linux#{nth}"), Exit::Lost("killed".into()), Vec::new());
        site.pass(Quarantine::LONGEST);
    }
    let ends: Vec<_> = site
        .transcript()
        .into_iter()
        .filter(|line| line.starts_with("build_finished") || line.starts_with("request_finished"))
        .collect();
    assert_eq!(
        ends[3..],
        [
            "build_finished linux#4 EXCEPTION new: exception 'make' (retry); given up after 4 attempts",
            "request_finished 1 EXCEPTION",
        ]
    );
}

/// I5, F3: another folder has no spool of the old commands, which may still run; it comes in when they are given up.
#[test]
fn another_folder_waits_for_the_builds() {
    let mut site = one();
    let w1 = site.connect("w1");
    site.force("linux");
    site.detach(w1);
    site.transcript();
    let (_, said) = site.attach("w1", "reinstalled", Vec::new());
    let lines = said.lines();
    assert!(lines[0].contains("the build linux#1 of a worker `w1`"), "{lines:?}");
    assert!(lines[0].contains("linn stop linux#1"), "{lines:?}");
    assert!(said.records.is_empty());
    site.stop("linux#1", "it will not come back", false);
    let (_, said) = site.attach("w1", "reinstalled", Vec::new());
    assert_eq!(said.lines()[0], "worker_connected w1");
}

/// F22: a copied folder on another machine does not take the place of the worker that is there.
#[test]
fn a_copied_folder_stays_outside() {
    let mut site = one();
    let hello = |site: &mut Harness, session, boot_id: &str| {
        let info = WorkerInfo { boot_id: boot_id.into(), ..WorkerInfo::default() };
        let (name, instance) = ("w1".into(), "w1".to_owned());
        let session = SessionId(session);
        site.say(Input::WorkerAttached { session, name, instance, info, held: Vec::new() })
    };
    hello(&mut site, 1, "here");
    site.force("linux");
    let said = hello(&mut site, 2, "there");
    assert!(said.lines()[0].starts_with("-> refuse session 2: the worker `w1` is connected"));
    let said = hello(&mut site, 3, "here");
    assert_eq!(said.lines()[0], "worker_connected w1");
    site.detach(SessionId(3));
    let said = hello(&mut site, 4, "there");
    assert_eq!(said.lines()[0], "worker_connected w1", "the machine was started anew");
}

/// SD-3 better, I7: a restarted master presumes its workers gone, waits anew, and goes on with what they hold.
#[test]
fn a_build_survives_its_master() {
    let mut site = one();
    site.connect("w1");
    site.force("linux");
    site.pass(Span::minutes(5));
    site.transcript();
    assert_eq!(site.restart(Vec::new()).lines(), ["worker_lost w1", "build_orphaned linux#1"]);
    assert_eq!(site.master.next_timeout(), Some(Timestamp(0) + Span::minutes(20)));
    let (w1, _) = site.attach("w1", "w1", vec![(CommandId(1), false)]);
    site.exit(w1, "linux#1", 0);
    assert_eq!(site.master.state().unfinished().count(), 0);
}

/// F3: the grace begins anew at a restart, even when it ended while the master was away.
#[test]
fn a_restart_begins_the_grace_anew() {
    let mut site = one();
    let w1 = site.connect("w1");
    site.force("linux");
    site.detach(w1);
    site.now = site.now + Span::minutes(60);
    site.restart(Vec::new());
    assert_eq!(site.master.next_timeout(), Some(site.now + Span::minutes(15)));
    assert_eq!(site.master.state().unfinished().count(), 1);
}

/// F07, F20: time that nobody saw makes nothing due. Who is away is waited for anew, and a build may take so much longer.
#[test]
fn unseen_time_counts_against_nobody() {
    let mut config =
        site_of(vec![worker("w1", 1), worker("w2", 1)], &[("linux", &["w1"]), ("mac", &["w2"])]);
    config.builders.get_mut("mac").expect("declared").policy.max_time = Some(Span::minutes(30));
    let mut site = Harness::new(config);
    let w1 = site.connect("w1");
    site.connect("w2");
    site.force("linux");
    site.force("mac");
    site.detach(w1);
    site.transcript();
    let slept = Span::minutes(8 * 60);
    site.now = site.now + slept;
    assert_eq!(site.say(Input::TimeSkipped(slept)).lines(), ["build_orphaned linux#1"]);
    assert_eq!(site.master.next_timeout(), Some(site.now + Span::minutes(15)));
    site.attach("w1", "w1", vec![(CommandId(1), false)]);
    site.transcript();
    site.pass(Span::minutes(29));
    assert!(site.transcript().is_empty());
    site.pass(Span::minutes(2));
    assert_eq!(site.transcript()[0], "build_stopping mac#1 by the master: it took longer than 30m");
}

/// CA-4: a build whose worker is away is stopped at once; a late return is told to kill.
#[test]
fn an_orphan_can_be_stopped() {
    let mut site = one();
    let w1 = site.connect("w1");
    site.force("linux");
    site.detach(w1);
    let lines = site.stop("linux#1", "enough", false).lines();
    assert!(
        lines.contains(&"build_finished linux#1 CANCELLED: build cancelled: enough".to_owned())
    );
    let (_, said) = site.attach("w1", "w1", vec![(CommandId(1), false)]);
    assert_eq!(said.lines().last().map(String::as_str), Some("-> welcome session 2 1:kill"));
}

/// LW-7, C27: a held worker takes nothing new, over a restart too; resume ends either hold.
#[test]
fn a_held_worker_takes_nothing() {
    let mut site = one();
    site.connect("w1");
    let say = |site: &mut Harness, verb| {
        let asking = site.asking();
        let (worker, reason) = ("w1".into(), "disk".to_owned());
        site.say(Input::WorkerControlled { asking, worker, verb, reason })
    };
    say(&mut site, WorkerVerb::Drain);
    site.force("linux");
    site.restart(Vec::new());
    site.connect("w1");
    assert_eq!(site.master.state().unfinished().count(), 0);
    let waits = site.master.waits(crate::id::RequestId(1));
    assert_eq!((waits[0].kind.word(), waits[0].detail.as_str()), ("worker_draining", "w1: disk"));
    say(&mut site, WorkerVerb::Resume);
    assert_eq!(site.master.state().unfinished().count(), 1);
    let asking = site.asking();
    let worker = "w9".into();
    let said = site.say(Input::WorkerControlled {
        asking,
        worker,
        verb: WorkerVerb::Pause,
        reason: String::new(),
    });
    assert!(said.lines()[1].ends_with("there is no worker `w9` | did you mean `w1`?"));
}

/// RQ-3 better, F24: fewest running, then longest idle, then name; one build of a builder at a time on a worker.
#[test]
fn workers_are_chosen_in_order() {
    let mut site = Harness::new(site_of(
        vec![worker("w1", 0), worker("w2", 2)],
        &[("a", &["w1", "w2"]), ("b", &["w1", "w2"])],
    ));
    site.connect("w1");
    let w2 = site.connect("w2");
    for name in ["a", "b", "a", "b", "a"] {
        site.force(name);
    }
    let on = |site: &Harness| -> Vec<String> {
        let builds = site.master.state().unfinished();
        builds.map(|build| format!("{} {}", build.reference(), build.worker)).collect()
    };
    assert_eq!(on(&site), ["a#1 w1", "b#1 w2", "a#2 w2", "b#2 w1"]);
    site.exit(w2, "a#2", 0);
    assert_eq!(on(&site), ["a#1 w1", "b#1 w2", "b#2 w1", "a#3 w2"]);
}

/// F27: with equal priorities no waiting builder is served twice before another is served once.
#[test]
fn builders_take_turns() {
    let mut site = Harness::new(site_of(vec![worker("w1", 1)], &[("a", &["w1"]), ("b", &["w1"])]));
    for (name, revision) in [("a", "r1"), ("a", "r2"), ("a", "r3"), ("b", "r1"), ("b", "r2")] {
        site.force_with(name, vec![crate::testing::stamp("main", Some(revision))], &[]);
    }
    let w1 = site.connect("w1");
    let mut served = Vec::new();
    loop {
        let next = site.master.state().unfinished().next().map(crate::model::Build::reference);
        let Some(build) = next else { break };
        served.push(build.to_string());
        site.exit(w1, &build.to_string(), 0);
    }
    assert_eq!(served, ["a#1", "b#1", "a#2", "b#2", "a#3"]);
}

/// A full disk starts nothing new, lets what runs end, and loses nothing.
#[test]
fn a_full_disk_starts_nothing() {
    let mut site = one();
    let w1 = site.connect("w1");
    site.force("linux");
    site.force("linux");
    site.say(Input::DiskState(Some("the disk under /srv is nearly full".into())));
    site.exit(w1, "linux#1", 0);
    assert_eq!(site.master.state().unfinished().count(), 0);
    assert_eq!(site.master.waits(crate::id::RequestId(2))[0].kind.word(), "limit");
    site.say(Input::DiskState(None));
    assert_eq!(site.master.state().unfinished().count(), 1);
}

/// D9: a running build keeps its recipe; requests of a removed builder are held until it returns.
#[test]
fn another_configuration_leaves_builds_alone() {
    let with = |digest: &str, names: &[&str], step: &str| {
        let made = names
            .iter()
            .map(|name| builder(name, &["w1"], vec![shell("make"), shell(step)]))
            .collect();
        Arc::new(config(digest, vec![worker("w1", 1)], made, vec![force("force", names)]))
    };
    let first = with("c1", &["linux", "mac"], "old");
    let mut site = Harness::new((*first).clone());
    let w1 = site.connect("w1");
    site.force("linux");
    site.force("mac");
    site.say(Input::Reconfigured(with("c2", &["linux"], "new")));
    let waits = site.master.waits(crate::id::RequestId(2));
    assert_eq!(waits[0].kind.word(), "orphaned");
    site.restart(vec![Arc::clone(&first)]);
    site.detach(w1);
    let (w1, _) = site.attach("w1", "w1", vec![(CommandId(1), false)]);
    let said = site.exit(w1, "linux#1", 0);
    assert!(said.lines().iter().any(|line| line.ends_with("/bin/sh -c old")), "{said:?}");
    site.exit(w1, "linux#1", 0);
    assert_eq!(site.master.state().unfinished().count(), 0);
    site.say(Input::Reconfigured(with("c3", &["linux", "mac"], "new")));
    assert_eq!(site.master.state().unfinished().count(), 1);
}

/// D9: a build whose configuration is not at hand is tried again with the current one.
#[test]
fn a_missing_generation_means_again() {
    let mut site = one();
    site.connect("w1");
    site.force("linux");
    let next = site_of(vec![worker("w1", 1)], &[("linux", &["w1"])]);
    let next = Config { digest: "c2".into(), ..next };
    site.say(Input::Reconfigured(Arc::new(next)));
    site.transcript();
    site.restart(Vec::new());
    let lines = site.transcript();
    assert!(
        lines.contains(&"build_finished linux#1 RETRY: retry 'make' (retry)".to_owned()),
        "{lines:?}"
    );
    assert!(lines.contains(&"request_returned 1".to_owned()));
}

/// A stamp given for a force is kept as it is; the reply names what was made.
#[test]
fn a_force_takes_its_stamp() {
    let mut site = one();
    let said = site.force_with("linux", vec![stamp("main", Some("r1"))], &[]);
    assert_eq!(
        said.lines(),
        [
            "buildset_added 1 by force of main@r1: A build was forced by 'ana'",
            "request_added 1 for linux",
            "-> reply 1: buildset 1, request 1",
        ]
    );
    let waits = site.master.waits(crate::id::RequestId(1));
    assert_eq!(
        (waits[0].kind.word(), waits[0].detail.as_str()),
        ("no_worker", "w1 has never been connected")
    );
}
