//! Workers: the way of a build, cuts, and who may speak of what.

use std::time::Duration;

use linn_proto::common::Results;
use linn_proto::console::{
    FollowLogRequest, ListReply, ListRequest, LogMarksRequest, RawLogRequest, ReadLogRequest,
    StatisticsRequest,
};
use linn_proto::control::{ForceRequest, WorkerControlRequest, WorkerVerb};
use linn_proto::entity::entity::Of;
use linn_proto::entity::{Entity, Kind};
use linn_proto::worker::{self as wire, from_worker, held_answer, to_worker};

use sha2::Digest as _;

use super::site::{FakeWorker, ONE, Site, build_of, hello, made, soon};

#[tokio::test(flavor = "multi_thread")]
async fn a_forced_build_goes_its_way() {
    let site = Site::start(ONE).await;
    let mut worker = FakeWorker::join(&site, "w1").await;
    let accepted = site.force_linux().await;
    assert_eq!(made(&accepted, Kind::Request), ["1"]);
    assert_eq!(made(&accepted, Kind::Buildset), ["1"]);
    assert!(accepted.entities.len() >= 2 && accepted.seq > 0);

    let start = worker.start().await;
    assert_eq!((start.build.as_str(), start.step.as_str()), ("linux#1", "test"));
    let command = start.command;
    worker.tell(from_worker::Msg::Started(wire::Started { command, at_ms: 1, pid: 7 })).await;
    let output = b"one\nwarning: two\nthree";
    worker.append(command, 0, output).await;
    let durable = loop {
        let acked = worker.durable().await;
        if acked.durable_to == output.len() as u64 {
            break acked;
        }
    };
    assert_eq!((durable.command, durable.log.as_str()), (command, "stdio"));
    let Some(wire::start::What::Shell(shell)) = start.what else { panic!("it runs a program") };
    let observe = shell.observe.expect("warnings are looked for where they are written");
    assert_eq!((observe.warning_pattern.as_str(), &*observe.warning_log), ("warning:", "warnings"));
    let said = wire::Said { warnings: 1, ..wire::Said::default() };
    worker.finish_saying(command, 0, output.len() as u64, Vec::new(), said).await;
    assert_eq!(worker.acked().await, command);

    let build = build_of(site.wait(Kind::Build, "linux#1").await);
    assert_eq!(build.steps[0].logs.len(), 1, "there is no log of warnings that were not copied");
    assert_eq!(build.results(), Results::Success);
    assert_eq!(build.steps[0].results(), Results::Warnings, "F19");
    assert_eq!(build.steps[0].logs[0].bytes, output.len() as u64);
    assert_eq!(build.steps[0].logs[0].lines, 3);
    assert_eq!(build.steps[0].statistics.get("warnings"), Some(&1.0));
    assert!(build.properties.iter().any(|property| property.name == "buildername"));
    site.stop().await;
}

/// A short list is made from what consoles are shown, and says what the rows say.
#[tokio::test(flavor = "multi_thread")]
async fn a_short_list_is_the_whole_one_without_properties() {
    let site = Site::start(ONE).await;
    let mut worker = FakeWorker::join(&site, "w1").await;
    // More than are remembered, and one that runs.
    for _ in 0..25 {
        site.force_linux().await;
        let command = worker.start().await.command;
        worker.finish(command, 0, 0).await;
        assert_eq!(worker.acked().await, command);
    }
    site.force_linux().await;
    worker.start().await;
    for (state, limit) in [("", 10), ("", 200), ("finished", 3)] {
        let ask = |brief| ListRequest {
            kind: Kind::Build.into(),
            state: state.to_owned(),
            limit,
            brief,
            ..ListRequest::default()
        };
        let listed = |brief| {
            let mut console = site.console();
            async move { soon(console.list(ask(brief))).await.unwrap().into_inner() }
        };
        let (short, mut whole) = (listed(true).await, listed(false).await);
        for entity in &mut whole.entities {
            let Some(Of::Build(build)) = &mut entity.of else { panic!("no build") };
            assert!(!build.properties.is_empty());
            build.properties.clear();
        }
        let known = |entity: &Entity| {
            let mut build = build_of(entity.clone());
            // What is usual is told of what is remembered alone, and the time goes on.
            (build.eta_ms, build.usual_ms) = (None, None);
            build.steps.iter_mut().for_each(|step| (step.eta_ms, step.usual_ms) = (None, None));
            build
        };
        let all = |reply: &ListReply| reply.entities.iter().map(known).collect::<Vec<_>>();
        assert_eq!(all(&short), all(&whole), "{state} {limit}");
        assert_eq!(short.next_before, whole.next_before);
    }
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_are_read_followed_and_stored_exactly() {
    let site = Site::start(ONE).await;
    let mut worker = FakeWorker::join(&site, "w1").await;
    site.force_linux().await;
    let command = worker.start().await.command;
    worker.append(command, 0, b"one\ntw").await;
    while worker.durable().await.durable_to < 6 {}

    let log = "linux#1/test".to_owned();
    let request = FollowLogRequest { log: log.clone(), from_line: 1 };
    let mut followed = soon(site.console().follow_log(request)).await.unwrap().into_inner();
    let head = soon(followed.message()).await.unwrap().unwrap();
    assert!(head.header.contains("make test") && head.header.contains("w1"), "{}", head.header);
    let first = soon(followed.message()).await.unwrap().unwrap();
    assert_eq!(first.lines.len(), 1, "a line that has not ended is not told");
    worker.append(command, 6, b"o\n\xff\0").await;
    let second = soon(followed.message()).await.unwrap().unwrap();
    assert_eq!((second.lines[0].number, second.lines[0].text.as_slice()), (2, &b"two"[..]));
    worker.finish(command, 3, 10).await;
    let mut last = soon(followed.message()).await.unwrap().unwrap();
    assert_eq!(last.lines[0].text, b"\xff\0");
    while !last.complete {
        last = soon(followed.message()).await.unwrap().unwrap();
    }
    assert!(last.footer.contains("exit code 3"), "{}", last.footer);
    assert!(soon(followed.message()).await.unwrap().is_none());

    let request = ReadLogRequest { log: log.clone(), from_line: -2, lines: 1, at_ms: None };
    let window = soon(site.console().read_log(request)).await.unwrap().into_inner();
    assert_eq!((window.total_lines, window.total_bytes, window.complete), (3, 10, true));
    assert_eq!(window.lines[0].text, b"two");
    let request = RawLogRequest { log: log.clone(), offset: 0, follow: true };
    let mut raw = soon(site.console().raw_log(request)).await.unwrap().into_inner();
    let mut bytes = Vec::new();
    while let Some(piece) = soon(raw.message()).await.unwrap() {
        bytes.extend(piece.data);
    }
    assert_eq!(bytes, b"one\ntwo\n\xff\0");
    let request = LogMarksRequest { log, limit: 0 };
    let marks = soon(site.console().log_marks(request)).await.unwrap().into_inner();
    assert_eq!(marks.total_lines, 3);
    site.stop().await;
}

/// architecture.md 7: the network goes, the process runs on, the log has no gap.
#[tokio::test(flavor = "multi_thread")]
async fn a_cut_link_is_taken_up_where_it_was() {
    let site = Site::start(ONE).await;
    let mut worker = FakeWorker::join(&site, "w1").await;
    site.force_linux().await;
    let command = worker.start().await.command;
    worker.append(command, 0, b"abc").await;
    while worker.durable().await.durable_to < 3 {}
    drop(worker);

    let held = wire::Held {
        command,
        state: wire::HeldState::Running.into(),
        spooled_to: [("stdio".to_owned(), 6)].into(),
    };
    let mut worker = FakeWorker::dial(&site, hello("w1", 1, vec![held])).await;
    let welcome = worker.welcome().await;
    let Some(held_answer::Answer::Resume(resume)) = &welcome.held[0].answer else {
        panic!("{welcome:?}")
    };
    assert_eq!(resume.acked_to.get("stdio"), Some(&3));
    // Sent again from the beginning: what is there is skipped.
    worker.append(command, 0, b"abcdef").await;
    while worker.durable().await.durable_to < 6 {}
    worker.finish(command, 0, 6).await;
    assert_eq!(worker.acked().await, command);
    let build = build_of(site.wait(Kind::Build, "linux#1").await);
    assert_eq!((build.results(), build.steps[0].logs[0].bytes), (Results::Success, 6));
    site.stop().await;
}

/// I7: the master goes and comes back; the same build goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_build_survives_its_master() {
    let site = Site::start(ONE).await;
    let mut worker = FakeWorker::join(&site, "w1").await;
    site.force_linux().await;
    let command = worker.start().await.command;
    worker.append(command, 0, b"abc").await;
    while worker.durable().await.durable_to < 3 {}
    let dir = site.stop().await;

    let site = Site::start_in(dir, ONE).await;
    assert!(site.build("linux#1").await.worker_lost);
    let held = wire::Held {
        command,
        state: wire::HeldState::Finished.into(),
        spooled_to: [("stdio".to_owned(), 5)].into(),
    };
    let mut worker = FakeWorker::dial(&site, hello("w1", 1, vec![held])).await;
    let welcome = worker.welcome().await;
    assert!(matches!(welcome.held[0].answer, Some(held_answer::Answer::Resume(_))), "{welcome:?}");
    // The end is told before the last bytes have come: it waits for them.
    worker.finish(command, 0, 5).await;
    worker.append(command, 3, b"de").await;
    assert_eq!(worker.acked().await, command);
    let build = build_of(site.wait(Kind::Build, "linux#1").await);
    assert_eq!((build.results(), build.attempt), (Results::Success, 1));
    site.stop().await;
}

/// LW-5: a worker on which builds go wrong is shown as paused, with the reason, until somebody resumes it.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_rests_says_why() {
    let star = r#"
worker("w1")
builder("linux", workers = ["w1"], factory = [shell("t", command = "t", decode_rc = {3: "EXCEPTION"})])
force_scheduler("force", builders = ["linux"])
"#;
    let site = Site::start(star).await;
    let mut worker = FakeWorker::join(&site, "w1").await;
    site.force_linux().await;
    let command = worker.start().await.command;
    worker.finish(command, 3, 0).await;
    site.wait(Kind::Build, "linux#1").await;
    let shown = async || match site.get(Kind::Worker, "w1").await.unwrap().of {
        Some(Of::Worker(worker)) => (worker.state, worker.paused_reason),
        other => panic!("no worker: {other:?}"),
    };
    let why = "rests for 10s: linux#1 went wrong on it: exception (exit 3)";
    assert_eq!(shown().await, ("paused".to_owned(), why.to_owned()));
    let resume = WorkerControlRequest {
        worker: "w1".to_owned(),
        verb: WorkerVerb::Resume.into(),
        ..WorkerControlRequest::default()
    };
    soon(site.control().worker_control(resume)).await.unwrap();
    assert_eq!(shown().await, ("online".to_owned(), String::new()));
    site.stop().await;
}

/// LW-1: a worker that was given up comes late. The old build's log gets the rest, and the worker may forget it.
#[tokio::test(flavor = "multi_thread")]
async fn a_late_worker_brings_the_rest_of_its_log() {
    let other = r#"
master(lost_after = "0s")
worker("w2")
builder("mac", workers = ["w2"], factory = [shell("test", command = "true")])
force_scheduler("g", builders = ["mac"])
"#;
    let site = Site::start(&format!("{ONE}{other}")).await;
    let mut worker = FakeWorker::join(&site, "w1").await;
    site.force_linux().await;
    let command = worker.start().await.command;
    // Long enough to be packed when the build is over.
    let bytes = b"0123456789\n".repeat(20_000);
    let here = bytes.len() / 2;
    worker.append(command, 0, &bytes[..here]).await;
    while worker.durable().await.durable_to < here as u64 {}
    drop(worker);
    let lost = build_of(site.wait(Kind::Build, "linux#1").await);
    assert_eq!(lost.results(), Results::Retry);
    // Its log has number 3: the lost build had one for warnings too. One log is packed after the other: when that of a later build is, this one would be, were it taken for over.
    let mut next = FakeWorker::join(&site, "w2").await;
    let force = ForceRequest { builders: vec!["mac".to_owned()], ..ForceRequest::default() };
    site.force(force).await.unwrap();
    let later = next.start().await.command;
    next.append(later, 0, &bytes).await;
    next.finish(later, 0, bytes.len() as u64).await;
    assert_eq!(next.acked().await, later);
    let packed = site.dir.path().join("state/logs/0/2/3-stdio.log.zst");
    soon(async {
        while !packed.exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;

    let length = bytes.len() as u64;
    let held = wire::Held {
        command,
        state: wire::HeldState::Finished.into(),
        spooled_to: [("stdio".to_owned(), length)].into(),
    };
    let mut worker = FakeWorker::dial(&site, hello("w1", 1, vec![held])).await;
    let welcome = worker.welcome().await;
    assert!(matches!(welcome.held[0].answer, Some(held_answer::Answer::Kill(_))), "{welcome:?}");
    worker.finish(command, 0, length).await;
    worker.append(command, 0, &bytes[..here]).await;
    worker.append(command, here as u64, &bytes[here..]).await;
    loop {
        match worker.hear().await {
            to_worker::Msg::Acked(acked) => break assert_eq!(acked.command, command),
            // The next attempt.
            to_worker::Msg::Start(start) => assert_eq!(start.build, "linux#2"),
            other => panic!("neither ack nor start: {other:?}"),
        }
    }
    let request = RawLogRequest { log: "linux#1/test".to_owned(), offset: 0, follow: false };
    let mut raw = soon(site.console().raw_log(request)).await.unwrap().into_inner();
    let mut stored = Vec::new();
    while let Some(piece) = soon(raw.message()).await.unwrap() {
        stored.extend(piece.data);
    }
    assert!(stored == bytes, "{} bytes of {}", stored.len(), bytes.len());
    site.stop().await;
}

/// I6: the master's machine lost its power, and what was not synced is not what it was.
#[tokio::test(flavor = "multi_thread")]
async fn a_spoilt_log_is_sent_again_from_its_beginning() {
    let site = Site::start(ONE).await;
    let mut worker = FakeWorker::join(&site, "w1").await;
    site.force_linux().await;
    let command = worker.start().await.command;
    worker.append(command, 0, b"abcdef").await;
    while worker.durable().await.durable_to < 6 {}
    let dir = site.stop().await;
    std::fs::write(dir.path().join("state/logs/0/1/1-stdio.log"), b"abc\0\0\0").unwrap();

    let site = Site::start_in(dir, ONE).await;
    let held = wire::Held {
        command,
        state: wire::HeldState::Finished.into(),
        spooled_to: [("stdio".to_owned(), 6)].into(),
    };
    let sha256 = sha2::Sha256::digest(b"abcdef").to_vec();
    for durable in [6, 0] {
        let mut worker = FakeWorker::dial(&site, hello("w1", 1, vec![held.clone()])).await;
        let welcome = worker.welcome().await;
        let Some(held_answer::Answer::Resume(resume)) = &welcome.held[0].answer else {
            panic!("{welcome:?}")
        };
        assert_eq!(resume.acked_to.get("stdio"), Some(&durable));
        worker.append(command, durable, &b"abcdef"[usize::try_from(durable).unwrap()..]).await;
        worker.finish_with(command, 0, 6, sha256.clone()).await;
        match worker.try_hear().await {
            None => assert_eq!(durable, 6, "the session ends, so that it comes again"),
            Some(to_worker::Msg::Acked(_)) => assert_eq!(durable, 0),
            Some(other) => panic!("{other:?}"),
        }
    }
    let build = build_of(site.wait(Kind::Build, "linux#1").await);
    assert_eq!((build.results(), build.attempt), (Results::Success, 1));
    let request = RawLogRequest { log: "linux#1/test".to_owned(), offset: 0, follow: false };
    let mut raw = soon(site.console().raw_log(request)).await.unwrap().into_inner();
    assert_eq!(soon(raw.message()).await.unwrap().unwrap().data, b"abcdef".as_slice());
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_wanted_is_told_why() {
    let site = Site::start(ONE).await;
    let refused = async |hello| match FakeWorker::dial(&site, hello).await.hear().await {
        to_worker::Msg::Refused(refused) => refused,
        other => panic!("taken in: {other:?}"),
    };
    let unknown = refused(hello("nobody", 1, Vec::new())).await;
    assert!(unknown.r#final && unknown.why.contains("nobody"), "{unknown:?}");
    let mut old = hello("w1", 1, Vec::new());
    old.protocol = 99;
    assert!(refused(old).await.why.contains("upgrade the master"));
    let _here = FakeWorker::join(&site, "w1").await;
    let other = refused(hello("w1", 2, Vec::new())).await;
    assert!(other.why.contains("w1"), "another folder by the same name: {other:?}");
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gap_in_a_log_is_asked_for_again() {
    let site = Site::start(ONE).await;
    let mut worker = FakeWorker::join(&site, "w1").await;
    site.force_linux().await;
    let command = worker.start().await.command;
    worker.append(command, 4, b"late").await;
    let acked = worker.durable().await;
    assert_eq!((acked.durable_to, acked.expected), (0, Some(0)));
    // Bytes of a command that is not there are not acknowledged, and break nothing.
    worker.append(9_999, 0, b"x").await;
    worker.append(command, 0, b"in time").await;
    while worker.durable().await.durable_to < 7 {}
    site.stop().await;
}

/// I4: the end of a command that is nobody's is acknowledged at once, and leaves nothing behind.
#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_waits_for_is_acknowledged() {
    let site = Site::start(ONE).await;
    let mut worker = FakeWorker::join(&site, "w1").await;
    for command in 1_000..1_100 {
        worker.finish(command, 0, 3).await;
        assert_eq!(worker.acked().await, command);
    }
    site.force_linux().await;
    assert_eq!(worker.start().await.build, "linux#1");
    site.stop().await;
}

/// F16: the disk loses what a command wrote last, when its worker has sent everything and told its end.
#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_the_disk_lost_are_asked_for_again() {
    let site = Site::start(ONE).await;
    let mut worker = FakeWorker::join(&site, "w1").await;
    site.force_linux().await;
    let command = worker.start().await.command;
    let logs = site.dir.path().join("state/logs/0/1");
    std::fs::create_dir_all(&logs).unwrap();
    // Writing there succeeds, syncing does not.
    std::os::unix::fs::symlink("/dev/null", logs.join("1-stdio.log")).unwrap();
    worker.append(command, 0, b"abc").await;
    worker.finish(command, 0, 3).await;
    let asked = worker.durable().await;
    assert_eq!((asked.command, asked.durable_to, asked.expected), (command, 0, Some(0)));
    std::fs::remove_file(logs.join("1-stdio.log")).unwrap();
    worker.append(command, 0, b"abc").await;
    assert_eq!(worker.acked().await, command);
    let build = build_of(site.wait(Kind::Build, "linux#1").await);
    assert_eq!((build.results(), build.steps[0].logs[0].bytes), (Results::Success, 3));
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_workers_come_at_once() {
    let names: Vec<String> = (0..200).map(|number| format!("w{number}")).collect();
    let declared: String = names.iter().map(|name| format!("worker(\"{name}\")\n")).collect();
    let site = Site::start(&declared).await;
    let mut joining = tokio::task::JoinSet::new();
    let site = std::sync::Arc::new(site);
    for name in names {
        let site = site.clone();
        joining.spawn(async move { FakeWorker::join(&site, &name).await });
    }
    let workers = joining.join_all().await;
    assert_eq!(workers.len(), 200);
    drop(workers);
    std::sync::Arc::into_inner(site).expect("nobody else has it").stop().await;
}

/// F20, F21: progress and links are seen while a step runs; failed tests are told to whoever asks for the build.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_step_says_is_seen() {
    let site = Site::start(ONE).await;
    let mut worker = FakeWorker::join(&site, "w1").await;
    site.force_linux().await;
    let command = worker.start().await.command;
    worker.tell(from_worker::Msg::Progress(wire::Progress { command, share: 0.5 })).await;
    let link = |name: &str, url: &str| wire::LinkFound {
        command,
        name: name.to_owned(),
        url: url.to_owned(),
    };
    worker.tell(from_worker::Msg::Link(link("evil", "javascript:alert(1)"))).await;
    worker.tell(from_worker::Msg::Link(link("docs", "https://docs.example/1"))).await;
    let seen = loop {
        let build = site.build("linux#1").await;
        if !build.steps[0].urls.is_empty() {
            break build;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(seen.steps[0].progress, Some(0.5));
    assert_eq!((seen.steps[0].urls.len(), seen.steps[0].urls[0].name.as_str()), (1, "docs"));
    let tests = wire::TestResults {
        total: 3,
        passed: 1,
        failed: 1,
        skipped: 1,
        failures: vec![wire::FailedTest { name: "a::b".to_owned(), seconds: Some(0.25) }],
        trouble: String::new(),
    };
    let said = wire::Said {
        tests: Some(tests),
        links: vec![link("docs", "https://docs.example/1"), link("more", "http://x")],
        statistics: [("size".to_owned(), 12.0)].into(),
        ..wire::Said::default()
    };
    worker.finish_saying(command, 0, 0, Vec::new(), said).await;
    assert_eq!(worker.acked().await, command);
    let build = build_of(site.wait(Kind::Build, "linux#1").await);
    let step = &build.steps[0];
    assert_eq!((step.results(), step.text.as_str()), (Results::Failure, "1 of 3 tests failed"));
    assert_eq!(step.progress, None);
    assert_eq!(step.urls.iter().map(|url| url.name.as_str()).collect::<Vec<_>>(), ["docs", "more"]);
    assert_eq!((step.statistics["size"], step.statistics["tests-skipped"]), (12.0, 1.0));
    let build = site.build("linux#1").await;
    let tests: Vec<_> = build.steps[0].tests.iter().map(|it| (&*it.name, &*it.result)).collect();
    assert_eq!(tests, [("a::b", "failed")]);
    // C33: the same over time.
    let ask = |builder: &str, name: &str| StatisticsRequest {
        builder: builder.to_owned(),
        name: name.to_owned(),
        ..StatisticsRequest::default()
    };
    let mut console = site.console();
    let values = console.statistics(ask("linux", "")).await.unwrap().into_inner().values;
    let values: Vec<_> = values.iter().map(|it| (it.number, &*it.name, it.value)).collect();
    let told = |prefix: &str| values.iter().filter(|it| it.1.starts_with(prefix)).count();
    assert!(values.contains(&(1, "size", 12.0)), "{values:?}");
    // How long the build and its step took is worked out.
    assert_eq!((values.len(), told("seconds")), (8, 2), "{values:?}");
    let one = console.statistics(ask("linux", "tests-failed")).await.unwrap().into_inner().values;
    assert_eq!(one.len(), 1);
    let said = console.statistics(ask("linx", "")).await.unwrap_err();
    assert_eq!(said.code(), tonic::Code::NotFound);
    site.stop().await;
}
