//! Commands that are stopped: by the master, by their limits, and with everything they started.

use linn_proto::worker::Ending;
use rustix::process::Pid;

use crate::master::{limits, sh};
use crate::{World, code, ending, succeeded, why};

/// Whether the process is there and not only waiting to be reaped.
fn lives(pid: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()))
        .is_ok_and(|stat| !stat.rsplit(')').next().unwrap().starts_with(" Z"))
}

#[tokio::test]
async fn interrupting_says_term_first() {
    let world = World::new().await;
    world
        .master
        .start(sh(1, "trap 'echo asked; exit 0' TERM; echo ready; while :; do sleep 0.05; done"));
    world.master.printed(1, "ready").await;
    world.master.interrupt(1, "stopped by ana");
    let finished = world.master.finished(1).await;
    // PR-2: a stopped command that says 0 did not succeed.
    assert_eq!((ending(&finished), code(&finished)), (Ending::Interrupted, -1));
    assert_eq!(why(&finished), "stopped by ana");
    assert!(world.master.text(1).contains("asked"));
}

#[tokio::test]
async fn the_steps_own_signal_is_used() {
    let world = World::new().await;
    let start = sh(1, "trap 'echo int; exit 7' INT; echo ready; while :; do sleep 0.05; done");
    world.master.start(limits(start, |limits| limits.interrupt_signal = "SIGINT".into()));
    world.master.printed(1, "ready").await;
    world.master.interrupt(1, "");
    let finished = world.master.finished(1).await;
    assert_eq!((ending(&finished), code(&finished)), (Ending::Interrupted, 7));
}

#[tokio::test]
async fn who_ignores_term_is_killed_after_the_grace() {
    let world = World::new().await;
    let start = sh(1, "trap '' TERM; echo ready; while :; do sleep 0.05; done");
    world.master.start(limits(start, |limits| limits.term_grace_ms = 200));
    world.master.printed(1, "ready").await;
    world.master.interrupt(1, "enough");
    let finished = world.master.finished(1).await;
    assert_eq!(ending(&finished), Ending::Interrupted);
    assert_eq!(finished.exit.unwrap().signal, 9);
}

#[tokio::test]
async fn killing_takes_the_whole_tree_with_daemons() {
    let world = World::new().await;
    // A child, one in a session of its own, and a daemon whose parent is gone and that holds no stream of ours.
    let script = "sleep 1000 & echo $!; \
        setsid sh -c 'trap \"\" TERM HUP; echo $$; while :; do sleep 1; done' & \
        (setsid sh -c 'trap \"\" TERM HUP; echo $$ > daemon; exec sleep 1000' > /dev/null 2>&1 < /dev/null &) ; \
        while ! test -s daemon; do sleep 0.01; done; cat daemon; echo ready; wait";
    world.master.start(sh(1, script));
    world.master.printed(1, "ready").await;
    let text = world.master.text(1);
    let pids: Vec<&str> = text.lines().filter(|line| *line != "ready").collect();
    assert_eq!(pids.len(), 3, "{text}");
    assert!(pids.iter().all(|pid| lives(pid)));
    world.master.kill(1, "stop");
    let finished = world.master.finished(1).await;
    assert_eq!(ending(&finished), Ending::Interrupted);
    assert!(!pids.iter().any(|pid| lives(pid)), "{pids:?}");
}

/// CA-4, LW-1: what is on its way to its end has its folder until then.
#[tokio::test]
async fn the_next_command_of_a_builder_waits_for_the_one_before() {
    let world = World::new().await;
    let first = "trap 'sleep 0.3; echo gone >> order; exit 0' TERM; echo ready; while :; do sleep 0.05; done";
    world.master.start(sh(1, first));
    world.master.printed(1, "ready").await;
    world.master.interrupt(1, "given up");
    world.master.start(sh(2, "echo came >> order; cat order"));
    world.master.start(sh(3, "echo never >> order"));
    world.master.printed(2, "waiting for it").await;
    world.master.kill(3, "stop");
    assert_eq!(ending(&world.master.finished(3).await), Ending::Interrupted);
    assert!(succeeded(&world.master.finished(2).await));
    assert!(world.master.text(2).ends_with("gone\ncame\n"), "{}", world.master.text(2));
}

#[tokio::test]
async fn nothing_outlives_a_command_that_ends_by_itself() {
    let world = World::new().await;
    let script = "(setsid sleep 1000 > /dev/null 2>&1 < /dev/null & echo $! > pid); cat pid";
    let finished = world.master.run(sh(1, script)).await;
    assert!(succeeded(&finished));
    assert!(!lives(&world.master.text(1)));
}

#[tokio::test]
async fn who_holds_the_pipe_is_waited_for_but_not_for_ever() {
    let world = World::new().await;
    let finished = world.master.run(sh(1, "(sleep 0.5; echo late) & echo early")).await;
    assert!(succeeded(&finished));
    assert_eq!(world.master.text(1), "early\nlate\n");

    let since = std::time::Instant::now();
    let finished = world.master.run(sh(2, "sleep 1000 & echo $!")).await;
    assert!(succeeded(&finished));
    assert!((4..20).contains(&since.elapsed().as_secs()), "{:?}", since.elapsed());
    assert!(!lives(&world.master.text(2)));
}

#[tokio::test]
async fn silence_and_time_and_lines_have_limits() {
    let world = World::new().await;
    let start = limits(sh(1, "echo x; sleep 1000"), |limits| limits.silence_ms = 200);
    let finished = world.master.run(limits(start, |limits| limits.term_grace_ms = 0)).await;
    assert_eq!(ending(&finished), Ending::TimedOutSilent);
    assert_eq!(why(&finished), "no output for 0.2 s");

    let start = sh(2, "while :; do echo x; sleep 0.02; done");
    let start = limits(start, |limits| (limits.silence_ms, limits.total_ms) = (10_000, 300));
    let finished = world.master.run(start).await;
    assert_eq!(ending(&finished), Ending::TimedOut);

    let finished = world.master.run(limits(sh(3, "yes"), |limits| limits.max_lines = 100)).await;
    assert_eq!(ending(&finished), Ending::MaxLines);
    assert_ne!(code(&finished), 0);

    let start = limits(sh(4, "seq 100"), |limits| limits.max_lines = 100);
    assert!(succeeded(&world.master.run(start).await));
}

#[tokio::test]
async fn a_command_that_kills_itself_was_signalled() {
    let world = World::new().await;
    let finished = world.master.run(sh(1, "kill -ABRT $$")).await;
    assert_eq!((ending(&finished), code(&finished)), (Ending::Signalled, -1));
    assert_eq!(finished.exit.unwrap().signal, 6);
}

#[tokio::test]
async fn a_full_spool_blocks_the_pipe_and_is_not_silence() {
    let world = {
        let mut world = World::without_worker();
        world.master.set_spool_limit(1 << 20);
        world.master.hold_acks();
        world.worker();
        world.master.session(1).await;
        world
    };
    let start = sh(1, "head -c 8000000 /dev/zero; echo > written; echo done");
    world.master.start(limits(start, |limits| limits.silence_ms = 700));
    world.master.until("a megabyte", |kept| (kept.received >= 1 << 20).then_some(())).await;
    // Longer than the allowed silence: the command is blocked, not silent.
    tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
    let spooled = std::fs::metadata(world.worker_dir().join("spool/1/0.log")).unwrap().len();
    assert!(spooled < 2 << 20, "{spooled}");
    assert!(!world.build_dir().join("written").exists());
    world.master.release_acks();
    let finished = world.master.finished(1).await;
    assert!(succeeded(&finished), "{finished:?}");
    assert_eq!(world.master.log(1, "stdio").len(), 8_000_005);
}

#[tokio::test]
async fn leftovers_of_a_killed_supervisor_are_hunted_down() {
    let world = World::new().await;
    world.master.start(sh(1, "echo $$ $PPID; exec sleep 1000"));
    world.master.printed(1, "\n").await;
    let text = world.master.text(1);
    let (child, supervisor) = text.trim().split_once(' ').unwrap();
    let supervisor = Pid::from_raw(supervisor.parse().unwrap()).unwrap();
    rustix::process::kill_process(supervisor, rustix::process::Signal::KILL).unwrap();
    let finished = world.master.finished(1).await;
    assert_eq!(ending(&finished), Ending::Lost);
    assert!(!lives(child));
    assert_eq!(finished.logs[0].bytes, text.len() as u64);
    // The worker goes on.
    assert!(succeeded(&world.master.run(sh(2, "true")).await));
}

#[tokio::test]
async fn a_command_with_a_full_spool_can_be_killed() {
    let mut world = World::without_worker();
    world.master.set_spool_limit(1 << 20);
    world.master.hold_acks();
    world.worker();
    world.master.session(1).await;
    world.master.start(sh(1, "yes"));
    world.master.until("a megabyte", |kept| (kept.received >= 1 << 20).then_some(())).await;
    world.master.kill(1, "enough");
    assert_eq!(ending(&world.master.finished(1).await), Ending::Interrupted);
}

#[tokio::test]
async fn the_time_limit_counts_while_a_checkout_waits_too() {
    use linn_proto::worker::{Checkout, start};
    let world = World::new().await;
    let checkout = Checkout {
        repository: "/no/such/repository".into(),
        workdir: "build".into(),
        retries: 9,
        retry_delay_ms: 600_000,
        ..Checkout::default()
    };
    let start = crate::master::with(1, start::What::Checkout(checkout));
    let finished = world.master.run(limits(start, |limits| limits.total_ms = 500)).await;
    assert_eq!(ending(&finished), Ending::TimedOut);
}
