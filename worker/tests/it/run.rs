//! Commands that run and end by themselves: bytes, streams, environment, folders.

use linn_proto::worker::{Ending, EnvVar, LogLimits, Start, Stream};
use sha2::{Digest, Sha256};

use crate::master::{argv, of, sh, shell};
use crate::{World, code, ending, names, succeeded, why};

#[tokio::test]
async fn a_command_runs_reports_and_is_forgotten() {
    let world = World::new().await;
    let finished = world.master.run(sh(1, "echo hello; exit 3")).await;
    assert_eq!((ending(&finished), code(&finished)), (Ending::Exited, 3));
    assert_eq!(world.master.text(1), "hello\n");
    assert!(finished.started_ms > 0 && finished.at_ms >= finished.started_ms);
    world
        .master
        .until("started", |kept| kept.starts.get(&1).map(|started| assert!(started[0].pid > 1)))
        .await;
    // The next answer proves that the ack was handled; its spool may go in the background.
    world.master.run(sh(2, "true")).await;
    let gone = async {
        while world.spooled().contains(&"1".to_owned()) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), gone).await.unwrap();
}

#[tokio::test]
async fn one_supervisor_runs_many_commands() {
    let world = World::new().await;
    let mut parents = std::collections::BTreeSet::new();
    for id in 1..=20 {
        let finished = world.master.run(sh(id, "echo $PPID")).await;
        assert!(succeeded(&finished));
        parents.insert(world.master.text(id));
    }
    assert!(parents.len() <= 2, "{parents:?}");
}

#[tokio::test]
async fn many_commands_run_at_once_and_do_not_mix() {
    let world = World::new().await;
    for id in 1..=40 {
        let script = format!("for n in 1 2 3 4 5; do echo {id}; done; exit {id}");
        world.master.start(of(&format!("b{id}"), sh(id, &script)));
    }
    for id in 1..=40 {
        let finished = world.master.finished(id).await;
        assert_eq!(i64::from(code(&finished)), i64::try_from(id).unwrap());
        assert_eq!(world.master.text(id), format!("{id}\n").repeat(5));
    }
}

#[tokio::test]
async fn bytes_are_kept_exactly() {
    let world = World::new().await;
    let dir = world.dir.path().join("bytes");
    let mut bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    bytes.extend(vec![b'x'; 3_000_000]);
    bytes.extend(b"\r\n\0\xff\xfe no newline at the end");
    std::fs::write(&dir, &bytes).unwrap();
    let finished = world.master.run(sh(1, &format!("cat {}", dir.display()))).await;
    assert!(succeeded(&finished));
    assert!(world.master.log(1, "stdio") == bytes);
    assert_eq!(finished.logs[0].bytes, bytes.len() as u64);
    assert_eq!(finished.logs[0].sha256, Sha256::digest(&bytes).to_vec());
}

#[tokio::test]
async fn both_streams_on_one_pipe_keep_their_order() {
    let world = World::new().await;
    world.master.run(sh(1, "for n in 1 2 3; do echo out $n; echo err $n >&2; done")).await;
    assert_eq!(world.master.text(1), "out 1\nerr 1\nout 2\nerr 2\nout 3\nerr 3\n");
}

#[tokio::test]
async fn separate_streams_are_told_apart() {
    let world = World::new().await;
    let start = shell(sh(1, "echo out; echo err >&2"), |shell| shell.separate = true);
    let finished = world.master.run(start).await;
    assert!(succeeded(&finished));
    let log = world.master.log(1, "stdio");
    let spans = world.master.with(|kept| kept.spans[&(1, "stdio".to_owned())].clone());
    assert_eq!(log.len(), 8);
    for wanted in [Stream::Out, Stream::Err] {
        assert!(spans.iter().any(|(_, stream, _)| *stream == wanted), "{spans:?}");
    }
    for (offset, stream, at_ms) in spans {
        assert!(at_ms > 0);
        let expected = match stream {
            Stream::Err => b"err\n",
            _ => b"out\n",
        };
        assert_eq!(&log[usize::try_from(offset).unwrap()..][..4], expected);
    }
}

#[tokio::test]
async fn a_terminal_is_one_when_asked_for() {
    let world = World::new().await;
    let script = "test -t 0 && test -t 1 && test -t 2 && echo yes > /dev/tty";
    let finished = world.master.run(shell(sh(1, script), |shell| shell.pty = true)).await;
    assert!(succeeded(&finished), "{:?}", finished.exit);
    assert_eq!(world.master.text(1), "yes\r\n");
    let finished = world.master.run(sh(2, "test -t 1")).await;
    assert_eq!(code(&finished), 1);
}

#[tokio::test]
async fn standard_input_is_the_text_or_nothing() {
    let world = World::new().await;
    let text = b"line\n".repeat(200_000);
    let start = shell(argv(1, &["cat"]), |shell| shell.stdin.clone_from(&text));
    assert!(succeeded(&world.master.run(start).await));
    assert!(world.master.log(1, "stdio") == text);
    let finished = world.master.run(argv(2, &["cat"])).await;
    assert!(succeeded(&finished));
    assert_eq!(world.master.log(2, "stdio"), b"");
    // Who does not read it may.
    let start = shell(sh(3, "exec true"), |shell| shell.stdin = text);
    assert!(succeeded(&world.master.run(start).await));
}

#[tokio::test]
async fn the_environment_is_the_workers_with_the_steps_over_it() {
    let world = World::new().await;
    let set = |name: &str, value: Option<&str>, prepend| EnvVar {
        name: name.into(),
        value: value.map(Into::into),
        prepend,
    };
    let start = shell(sh(77, "echo \"$LINN_COMMAND|$X|${HOME-none}|$PATH\""), |shell| {
        shell.env = vec![
            set("X", Some("<${PATH}>"), false),
            set("HOME", None, false),
            set("PATH", Some("/first"), true),
        ];
    });
    assert!(succeeded(&world.master.run(start).await));
    let path = std::env::var("PATH").unwrap();
    assert_eq!(world.master.text(77), format!("77|<{path}>|none|/first:{path}\n"));
}

#[tokio::test]
async fn what_cannot_start_says_why() {
    let world = World::new().await;
    let finished = world.master.run(argv(1, &["no-such-program", "x"])).await;
    assert_eq!(ending(&finished), Ending::NotStarted);
    assert!(
        why(&finished).contains("`no-such-program`") && why(&finished).contains("PATH="),
        "{finished:?}"
    );

    for (id, workdir) in [(2, "../x"), (3, "/etc"), (4, "a/../../b")] {
        let start = shell(sh(id, "true"), |shell| shell.workdir = workdir.into());
        let finished = world.master.run(start).await;
        assert_eq!(ending(&finished), Ending::NotStarted);
        assert!(why(&finished).contains("leaves the build folder"), "{finished:?}");
    }
    let finished = world.master.run(Start { builder: "..".into(), ..sh(5, "true") }).await;
    assert_eq!(ending(&finished), Ending::NotStarted);
    let finished = world.master.run(argv(6, &[])).await;
    assert_eq!(ending(&finished), Ending::NotStarted);
    let finished = world.master.run(Start { what: None, ..sh(7, "true") }).await;
    assert_eq!(ending(&finished), Ending::NotStarted);
    assert_eq!(names(&world.worker_dir().join("builds")), ["linux"]);
}

#[tokio::test]
async fn a_script_without_its_first_line_is_run_by_the_shell() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new().await;
    std::fs::create_dir_all(world.build_dir()).unwrap();
    let script = world.build_dir().join("s");
    std::fs::write(&script, "echo \"$1\"\n").unwrap();
    std::fs::set_permissions(&script, PermissionsExt::from_mode(0o755)).unwrap();
    let finished = world.master.run(argv(1, &["./s", "a b"])).await;
    assert!(succeeded(&finished), "{finished:?}");
    assert_eq!(world.master.text(1), "a b\n");
}

#[tokio::test]
async fn a_log_is_cut_at_its_limit_and_says_so() {
    let world = World::new().await;
    let mut start = sh(1, "head -c 1000000 /dev/zero | tr '\\0' x");
    start.log_limits = Some(LogLimits { max_bytes: 1000 });
    let finished = world.master.run(start).await;
    assert!(succeeded(&finished));
    assert_eq!((finished.logs[0].bytes, finished.logs[0].dropped), (1000, 999_000));
    assert_eq!(world.master.log(1, "stdio"), vec![b'x'; 1000]);
}

#[tokio::test]
async fn the_first_output_is_captured_when_asked_for() {
    let world = World::new().await;
    let start = Start { capture: true, ..sh(1, "echo value; head -c 100000 /dev/zero") };
    let finished = world.master.run(start).await;
    assert_eq!(finished.captured.len(), 64 << 10);
    assert!(finished.captured.starts_with(b"value\n"));
    let finished = world.master.run(sh(2, "echo value")).await;
    assert_eq!(finished.captured, b"");
}

/// F17: standard error is kept apart where that is asked for, and both are in the log.
#[tokio::test]
async fn standard_error_is_captured_apart() {
    let world = World::new().await;
    let start = shell(sh(1, "echo value; echo careful >&2"), |shell| shell.separate = true);
    let finished = world.master.run(Start { capture: true, ..start }).await;
    assert_eq!(finished.captured, b"value\n");
    assert_eq!(finished.said.unwrap().captured_err, b"careful\n");
    let mut lines: Vec<_> = world.master.text(1).lines().map(str::to_owned).collect();
    lines.sort();
    assert_eq!(lines, ["careful", "value"]);
}

#[tokio::test]
async fn secrets_leave_neither_in_output_nor_in_reasons() {
    let world = World::new().await;
    let start = shell(sh(1, "printf hun; sleep 0.1; echo ter2 hunter"), |shell| {
        shell.masked = vec!["hunter2".into()];
    });
    world.master.run(Start { capture: true, ..start }).await;
    assert_eq!(world.master.text(1), "*** hunter\n");
    let start = shell(argv(2, &["/no/hunter2"]), |shell| shell.masked = vec!["hunter2".into()]);
    let finished = world.master.run(start).await;
    assert!(!why(&finished).contains("hunter2") && why(&finished).contains("***"), "{finished:?}");
}

#[tokio::test]
async fn files_are_followed_into_logs_of_their_own() {
    let world = World::new().await;
    let script = "mkdir -p sub; echo one > sub/x.log; sleep 0.2; echo two >> sub/x.log; echo done";
    let start = shell(sh(1, script), |shell| {
        shell.logfiles =
            [("x".to_owned(), "sub/x.log".to_owned()), ("y".to_owned(), "never".to_owned())].into();
    });
    let finished = world.master.run(start).await;
    assert!(succeeded(&finished));
    assert_eq!(world.master.log(1, "x"), b"one\ntwo\n");
    assert_eq!(world.master.text(1), "done\n");
    let logs: Vec<_> = finished.logs.iter().map(|log| (log.name.as_str(), log.bytes)).collect();
    assert_eq!(logs, [("stdio", 5), ("x", 8), ("y", 0)]);

    let start = shell(sh(2, "true"), |shell| {
        shell.logfiles = [("x".to_owned(), "../x".to_owned())].into();
    });
    assert_eq!(ending(&world.master.run(start).await), Ending::NotStarted);
}

/// PR-5: what an earlier build left in the file is no part of this one's log.
#[tokio::test]
async fn a_file_may_be_followed_from_its_end() {
    let world = World::new().await;
    assert!(succeeded(&world.master.run(sh(1, "echo old > x.log; echo old > y.log")).await));
    let start = shell(sh(2, "echo new >> x.log; echo new >> y.log"), |shell| {
        let log = |name: &str| (name.to_owned(), format!("{name}.log"));
        shell.logfiles = [log("x"), log("y")].into();
        shell.followed = vec!["x".to_owned()];
    });
    assert!(succeeded(&world.master.run(start).await));
    assert_eq!(world.master.log(2, "x"), b"new\n");
    assert_eq!(world.master.log(2, "y"), b"old\nnew\n");
}

#[tokio::test]
async fn a_line_is_heard_while_the_command_runs() {
    let world = World::new().await;
    world.master.start(sh(1, "echo now; read never < fifo || mkfifo fifo; read never < fifo"));
    world.master.printed(1, "now\n").await;
    assert!(world.master.with(|kept| kept.finishes.is_empty()));
    world.master.kill(1, "enough");
    world.master.finished(1).await;
}

/// F15: where the disk takes no word of a result, the spool goes all the same once the master has it. Otherwise the disk
/// would stay full for ever.
#[tokio::test]
async fn a_result_that_cannot_be_kept_does_not_keep_its_spool() {
    let world = World::new().await;
    let spool = world.worker_dir().join("spool/1");
    // A folder in the place of the file: it cannot be written, as on a full disk.
    let script = format!("mkdir {}/exit.new && echo done", spool.display());
    let finished = world.master.run(sh(1, &script)).await;
    assert!(succeeded(&finished), "{}", why(&finished));
    assert!(spool.exists());
    world.master.ack(1);
    // The next command is told after the ack, and so is its end.
    assert!(succeeded(&world.master.run(sh(2, "true")).await));
    world.until_file(&spool, false).await;
}

/// F15: that this worker cannot write is its own trouble, not the command's.
#[tokio::test]
async fn a_worker_that_cannot_begin_says_that_it_is_to_blame() {
    let world = World::new().await;
    std::fs::write(world.worker_dir().join("spool/1"), "in the way").unwrap();
    let finished = world.master.run(sh(1, "true")).await;
    assert_eq!(ending(&finished), Ending::Unfit);
    assert!(why(&finished).contains("cannot write to its spool"), "{}", why(&finished));
}
