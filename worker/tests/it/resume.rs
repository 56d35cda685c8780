//! Links that break, masters and agents that die: nothing is lost and nothing runs twice.

use std::process::{Child, Command, Stdio};

use linn_proto::worker::{Ending, Refused, start};
use linn_worker::WorkerError;

use crate::master::{of, sh, shell};
use crate::{World, ending, succeeded};

/// The worker as a process of its own, for those that kill it.
fn agent(world: &World) -> Child {
    Command::new(env!("CARGO_BIN_EXE_linn-worker"))
        .args(["run", "--name", "w1", "--server", &world.master.server(), "--dir"])
        .arg(world.worker_dir())
        .stdin(Stdio::null())
        .spawn()
        .unwrap()
}

/// Waits for the process without keeping the master from its work.
async fn ended(mut child: Child) -> std::process::ExitStatus {
    tokio::task::spawn_blocking(move || child.wait().unwrap()).await.unwrap()
}

/// Prints numbers until the file `go` is there, then the last one.
const COUNT: &str =
    "n=0; while ! test -e go; do n=$((n+1)); echo line $n; sleep 0.005; done; echo total $n";

/// The log must be exactly the lines 1 to the total.
fn assert_counted(text: &str) {
    let mut lines: Vec<&str> = text.lines().collect();
    let total: usize = lines.pop().unwrap().strip_prefix("total ").unwrap().parse().unwrap();
    assert_eq!(lines.len(), total);
    for (n, line) in lines.iter().enumerate() {
        assert_eq!(*line, format!("line {}", n + 1));
    }
}

#[tokio::test]
async fn a_cut_link_leaves_no_gap() {
    let world = World::new().await;
    world.master.start(sh(1, COUNT));
    for session in 2..=6 {
        world.master.printed(1, &format!("line {}\n", session * 20)).await;
        world.master.drop_link();
        world.master.session(session).await;
    }
    std::fs::write(world.build_dir().join("go"), "").unwrap();
    assert!(succeeded(&world.master.finished(1).await));
    assert_counted(&world.master.text(1));
    let held = world.master.with(|kept| kept.hellos.last().unwrap().held.clone());
    assert_eq!(held[0].command, 1);
    assert!(held[0].spooled_to["stdio"] > 0);
}

#[tokio::test]
async fn a_result_is_said_in_every_session_until_acked() {
    let world = World::new().await;
    world.master.start(sh(1, "echo x; exit 4"));
    world.master.finished(1).await;
    for session in 2..=3 {
        world.master.drop_link();
        world.master.session(session).await;
        world
            .master
            .until("again", |kept| (kept.finish_count[&1] as u64 >= session).then_some(()))
            .await;
    }
    world.master.ack(1);
    // A start that is said twice runs once, also after the command is forgotten.
    world.master.start(sh(2, "echo run >> ../count"));
    world.master.start(sh(2, "echo run >> ../count"));
    world.master.finished(2).await;
    world.master.ack(2);
    world.master.start(sh(2, "echo run >> ../count"));
    world.master.run(sh(3, "true")).await;
    assert_eq!(
        std::fs::read_to_string(world.worker_dir().join("builds/linux/count")).unwrap(),
        "run\n"
    );
    world.master.drop_link();
    world.master.session(4).await;
    // The ack of 3 may have been lost with the link; those of 1 and 2 were heard.
    let held = world.master.with(|kept| kept.hellos.last().unwrap().held.clone());
    assert!(held.iter().all(|held| held.command == 3), "{held:?}");
}

#[tokio::test]
async fn a_master_that_comes_back_finds_everything() {
    let mut world = World::new().await;
    world.master.start(sh(1, COUNT));
    world.master.printed(1, "line 5\n").await;
    world.master.stop();
    std::fs::write(world.build_dir().join("go"), "").unwrap();
    // It ends while nobody is there to hear it.
    let exit = world.worker_dir().join("spool/1/exit");
    world.until_file(&exit, true).await;
    world.master.listen_again();
    assert!(succeeded(&world.master.finished(1).await));
    assert_counted(&world.master.text(1));
}

#[tokio::test]
async fn a_killed_agent_ends_nothing() {
    let world = World::without_worker();
    let mut first = agent(&world);
    world.master.session(1).await;
    world.master.start(sh(1, COUNT));
    let other = sh(2, "while ! test -e ended; do sleep 0.01; done; echo over");
    world.master.start(of("mac", other));
    world.master.printed(1, "line 10\n").await;
    world.master.until("both run", |kept| kept.starts.contains_key(&2).then_some(())).await;
    first.kill().unwrap();
    first.wait().unwrap();

    // One ends while there is no agent, one goes on.
    std::fs::write(world.worker_dir().join("builds/mac/build/ended"), "").unwrap();
    world.until_file(&world.worker_dir().join("spool/2/exit"), true).await;
    let mut second = agent(&world);
    world.master.session(2).await;
    assert!(succeeded(&world.master.finished(2).await));
    assert_eq!(world.master.text(2), "over\n");

    let so_far = world.master.text(1).len();
    world
        .master
        .until("new lines", |kept| {
            (kept.logs[&(1, "stdio".to_owned())].len() > so_far).then_some(())
        })
        .await;
    std::fs::write(world.build_dir().join("go"), "").unwrap();
    assert!(succeeded(&world.master.finished(1).await));
    assert_counted(&world.master.text(1));
    let started = world.master.with(|kept| kept.starts[&1].clone());
    assert!(started.iter().all(|again| again.pid == started[0].pid), "{started:?}");
    second.kill().unwrap();
    second.wait().unwrap();
}

#[tokio::test]
async fn an_adopted_command_can_be_stopped() {
    let world = World::without_worker();
    let mut first = agent(&world);
    world.master.session(1).await;
    world.master.start(sh(1, "echo ready; while :; do sleep 0.05; done"));
    world.master.printed(1, "ready").await;
    first.kill().unwrap();
    first.wait().unwrap();
    let mut second = agent(&world);
    world.master.session(2).await;
    world.master.interrupt(1, "stop");
    assert_eq!(ending(&world.master.finished(1).await), Ending::Interrupted);
    second.kill().unwrap();
    second.wait().unwrap();
}

#[tokio::test]
async fn an_ended_agent_says_goodbye_and_its_commands_go_on() {
    let world = World::without_worker();
    let first = agent(&world);
    world.master.session(1).await;
    world.master.start(sh(1, COUNT));
    world.master.printed(1, "line 3\n").await;
    let pid = rustix::process::Pid::from_child(&first);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert!(ended(first).await.success());
    world.master.until("goodbye", |kept| (kept.left == 1).then_some(())).await;
    let mut second = agent(&world);
    world.master.session(2).await;
    std::fs::write(world.build_dir().join("go"), "").unwrap();
    assert!(succeeded(&world.master.finished(1).await));
    assert_counted(&world.master.text(1));
    second.kill().unwrap();
    second.wait().unwrap();
}

#[tokio::test]
async fn killed_supervisor_and_agent_are_found_out_at_the_next_start() {
    let world = World::without_worker();
    let mut first = agent(&world);
    world.master.session(1).await;
    world.master.start(sh(1, "echo $PPID; exec sleep 1000"));
    world.master.printed(1, "\n").await;
    first.kill().unwrap();
    first.wait().unwrap();
    let supervisor = world.master.text(1).trim().parse().unwrap();
    let supervisor = rustix::process::Pid::from_raw(supervisor).unwrap();
    rustix::process::kill_process(supervisor, rustix::process::Signal::KILL).unwrap();
    let mut second = agent(&world);
    let finished = world.master.finished(1).await;
    assert_eq!(ending(&finished), Ending::Lost);
    second.kill().unwrap();
    second.wait().unwrap();
}

#[tokio::test]
async fn a_command_of_another_boot_is_lost_with_its_log() {
    let mut world = World::without_worker();
    let folder = world.worker_dir().join("spool/5");
    std::fs::create_dir_all(&folder).unwrap();
    let start = sh(5, "true");
    std::fs::write(folder.join("start"), prost::Message::encode_length_delimited_to_vec(&start))
        .unwrap();
    std::os::unix::fs::symlink("1.1.another-boot", folder.join("pid")).unwrap();
    std::fs::write(folder.join("0.log"), "so far\n").unwrap();
    world.worker();
    let finished = world.master.finished(5).await;
    assert_eq!(ending(&finished), Ending::Lost);
    assert_eq!(world.master.text(5), "so far\n");
}

#[tokio::test]
async fn a_command_that_nobody_had_taken_is_run() {
    let mut world = World::without_worker();
    let folder = world.worker_dir().join("spool/5");
    std::fs::create_dir_all(&folder).unwrap();
    let start = sh(5, "echo run");
    std::fs::write(folder.join("start"), prost::Message::encode_length_delimited_to_vec(&start))
        .unwrap();
    // And one whose start was cut short was never ours.
    let torn = world.worker_dir().join("spool/6");
    std::fs::create_dir_all(&torn).unwrap();
    std::fs::write(torn.join("start"), [8]).unwrap();
    world.worker();
    assert!(succeeded(&world.master.finished(5).await));
    assert_eq!(world.master.text(5), "run\n");
    assert_eq!(world.spooled(), ["5"]);
}

#[tokio::test]
async fn a_fenced_command_is_killed_and_its_bytes_still_come() {
    let world = World::new().await;
    world.master.start(sh(1, "echo before; while :; do sleep 0.05; done"));
    world.master.printed(1, "before").await;
    world.master.fence(1);
    world.master.drop_link();
    world.master.session(2).await;
    let finished = world.master.finished(1).await;
    assert_eq!(ending(&finished), Ending::Interrupted);
    assert_eq!(world.master.text(1), "before\n");
}

#[tokio::test]
async fn a_forgotten_command_is_killed_and_dropped() {
    let world = World::new().await;
    world.master.start(sh(1, "echo $$; exec sleep 1000"));
    world.master.printed(1, "\n").await;
    let pid = world.master.text(1);
    world.master.ack(1);
    world.master.drop_link();
    world.master.session(2).await;
    let gone = async {
        while !world.spooled().is_empty()
            || std::path::Path::new(&format!("/proc/{}", pid.trim())).exists()
        {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), gone).await.unwrap();
}

#[tokio::test]
async fn a_final_refusal_ends_the_worker() {
    let mut world = World::without_worker();
    let refused =
        Refused { why: "no worker is called w1".into(), r#final: true, retry_after_ms: 0 };
    world.master.refuse(Some(refused));
    world.worker();
    let error = world.worker.take().unwrap().await.unwrap().unwrap_err();
    assert!(
        matches!(&error, WorkerError::Refused(why) if why == "no worker is called w1"),
        "{error}"
    );
    let status = ended(agent(&world)).await;
    assert_eq!(status.code(), Some(3));
}

#[tokio::test]
async fn a_refusal_for_now_is_tried_again() {
    let mut world = World::without_worker();
    let refused = Refused { why: "too many at once".into(), r#final: false, retry_after_ms: 10 };
    world.master.refuse(Some(refused));
    world.worker();
    world.master.until("two tries", |kept| (kept.hellos.len() >= 2).then_some(())).await;
    world.master.refuse(None);
    world.master.session(1).await;
}

#[tokio::test]
async fn a_second_agent_of_a_folder_is_refused_with_the_pid() {
    let world = World::new().await;
    let out = tokio::process::Command::new(env!("CARGO_BIN_EXE_linn-worker"))
        .args(["run", "--name", "w1", "--server", &world.master.server(), "--dir"])
        .arg(world.worker_dir())
        .output()
        .await
        .unwrap();
    assert_eq!(out.status.code(), Some(3));
    let words = String::from_utf8(out.stderr).unwrap();
    assert!(words.contains(&format!("pid {}", std::process::id())), "{words}");
}

#[tokio::test]
async fn a_very_long_folder_is_no_obstacle() {
    let mut world = World::without_worker();
    let deep = world.dir.path().join("d".repeat(200));
    std::fs::create_dir_all(&deep).unwrap();
    std::os::unix::fs::symlink(&deep, world.worker_dir()).unwrap();
    world.worker();
    world.master.session(1).await;
    let start = shell(sh(1, "pwd"), |shell| shell.workdir = String::new());
    assert!(matches!(start.what, Some(start::What::Shell(_))));
    assert!(succeeded(&world.master.run(start).await));
    assert!(world.master.text(1).contains("dddd"));
}

#[tokio::test]
async fn an_agent_that_is_killed_again_and_again_runs_each_command_once() {
    let world = World::without_worker();
    let mut id = 0;
    for round in 1..=10 {
        let mut agent = agent(&world);
        world.master.session(round).await;
        // Killed with some commands ended, some running and some perhaps not even handed over.
        for _ in 0..6 {
            id += 1;
            let script = format!("echo {id} >> ../../runs; sleep 0.0{}; echo out {id}", id % 7);
            world.master.start(of(&format!("b{id}"), sh(id, &script)));
        }
        world
            .master
            .until("one of them", |kept| kept.starts.contains_key(&(id - 5)).then_some(()))
            .await;
        agent.kill().unwrap();
        agent.wait().unwrap();
        world.master.drop_link();
    }
    let mut last = agent(&world);
    world.master.session(11).await;
    // What an agent never read from its socket was never held: a master sends it again (under the same id).
    let held = world.master.with(|kept| kept.hellos.last().unwrap().held.clone());
    for id in 1..=id {
        let known = held.iter().any(|held| held.command == id)
            || world.master.with(|kept| kept.finishes.contains_key(&id));
        if !known {
            let script = format!("echo {id} >> ../../runs; echo out {id}");
            world.master.start(of(&format!("b{id}"), sh(id, &script)));
        }
        assert!(succeeded(&world.master.finished(id).await));
        assert_eq!(world.master.text(id), format!("out {id}\n"));
    }
    let runs = std::fs::read_to_string(world.worker_dir().join("builds/runs")).unwrap();
    let mut runs: Vec<u64> = runs.lines().map(|line| line.parse().unwrap()).collect();
    runs.sort_unstable();
    assert_eq!(runs, (1..=id).collect::<Vec<_>>());
    last.kill().unwrap();
    last.wait().unwrap();
}
