//! Steps of the master: programs on this machine, requests to servers, and what becomes of them at a stop or a restart.

use std::path::Path;

use linn_proto::common::Results;
use linn_proto::console::RawLogRequest;
use linn_proto::control::StopRequest;
use linn_proto::entity::{Build, Kind};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::site::{FakeWorker, Site, build_of, soon};

fn star(steps: &str) -> String {
    format!(
        "worker(\"w1\")\nbuilder(\"linux\", workers = [\"w1\"], env = {{\"OF_BUILDER\": \"1\"}}, factory = [{steps}])\nforce_scheduler(\"f\", builders = [\"linux\"])\n"
    )
}

/// One build of these steps to its end.
async fn built(steps: &str) -> (Site, Build) {
    let site = Site::start(&star(steps)).await;
    let worker = FakeWorker::join(&site, "w1").await;
    site.force_linux().await;
    let build = build_of(site.wait(Kind::Build, "linux#1").await);
    drop(worker);
    (site, build)
}

async fn log(site: &Site, build: &Build, step: usize) -> String {
    let log = format!("linux#1/{}", build.steps[step].name);
    let request = RawLogRequest { log, offset: 0, follow: false };
    let mut stream = soon(site.console().raw_log(request)).await.unwrap().into_inner();
    let mut text = Vec::new();
    while let Some(piece) = soon(stream.message()).await.unwrap() {
        text.extend_from_slice(&piece.data);
    }
    String::from_utf8(text).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_may_run_in_a_folder_beside_the_configuration() {
    let (site, build) = built(
        r#"master_shell("make", command = "mkdir -p tools/sub && echo here > tools/sub/x"),
           master_shell("below", workdir = "tools/sub", command = "cat x"),
           master_shell("none", workdir = "nowhere", command = "cat x"),
           master_shell("out", workdir = lambda build: "../..", command = "cat x")"#,
    )
    .await;
    assert_eq!(log(&site, &build, 1).await, "here\n");
    let said: Vec<_> = build.steps.iter().skip(1).map(|step| step.text.as_str()).collect();
    assert_eq!(
        said,
        [
            "done",
            "could not start: there is no folder `nowhere` beside master.star",
            "could not start: the work folder `../..` is not below the folder of master.star",
        ]
    );
    site.stop().await;
}

/// Waits until a file is there. Nobody tells of files, so it is looked for.
async fn appears(file: &Path) -> String {
    soon(async {
        loop {
            match std::fs::read_to_string(file) {
                Ok(text) if text.ends_with('\n') => return text,
                _ => tokio::time::sleep(std::time::Duration::from_millis(5)).await,
            }
        }
    })
    .await
}

fn is_alive(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    !stat.is_empty() && !stat.contains(") Z ")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_runs_beside_the_configuration_with_its_log_kept() {
    let (site, build) = built(
        r#"master_shell("ok", command = "ls master.star; cat; echo $OWN; echo builder=$OF_BUILDER; echo oops >&2", stdin = "given\n", env = {"OWN": "mine"}),
           master_shell("codes", command = ["sh", "-c", "exit 3"], decode_rc = {3: "WARNINGS"}),
           master_shell("fails", command = "exit 4"),
           master_shell("none", command = ["no-such-program-at-all"]),
           master_shell("silent", command = "sleep 600", timeout = "1s", sigterm_time = "1s"),
           master_shell("long", command = "trap '' TERM; while true; do echo x; sleep 0.05; done", max_time = "1s", sigterm_time = "0s"),
           master_shell("much", command = "yes", max_lines = 10, log_max_size = "1KiB")"#,
    )
    .await;
    let said: Vec<_> =
        build.steps.iter().map(|step| (step.results(), step.text.as_str())).collect();
    assert_eq!(
        said,
        [
            (Results::Success, "done"),
            (Results::Warnings, "warnings (exit 3)"),
            (Results::Failure, "failed (exit 4)"),
            (
                Results::Failure,
                "could not start: no program `no-such-program-at-all` on the master"
            ),
            (Results::Failure, "timed out: no output for 1s"),
            (Results::Failure, "timed out after 1s"),
            (Results::Failure, "more than 10 lines of output"),
        ]
    );
    assert_eq!(log(&site, &build, 0).await, "master.star\ngiven\nmine\nbuilder=\noops\n");
    let much = &build.steps[6].logs[0];
    assert_eq!(much.bytes, 1024);
    assert!(much.truncated);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_ends_a_program_and_all_that_it_started() {
    let site = Site::start(&star(
        r#"master_shell(command = "setsid sh -c 'echo $$ > far; sleep 600' & echo $$ > near; sleep 600", sigterm_time = "1s")"#,
    ))
    .await;
    let _worker = FakeWorker::join(&site, "w1").await;
    site.force_linux().await;
    let near = appears(&site.dir.path().join("near")).await;
    let far = appears(&site.dir.path().join("far")).await;
    let request = StopRequest {
        build: "linux#1".to_owned(),
        reason: "enough".to_owned(),
        ..StopRequest::default()
    };
    soon(site.control().stop(request)).await.unwrap();
    let build = build_of(site.wait(Kind::Build, "linux#1").await);
    assert_eq!(build.results(), Results::Cancelled);
    assert_eq!(build.steps[0].text, "cancelled: enough");
    assert!(!is_alive(&near) && !is_alive(&far));
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_ends_with_the_master_and_its_build_is_tried_again() {
    let steps =
        r#"master_shell(command = "if [ -e pid ]; then exit 0; fi; echo $$ > pid; sleep 600")"#;
    let site = Site::start(&star(steps)).await;
    let worker = FakeWorker::join(&site, "w1").await;
    site.force_linux().await;
    let pid = appears(&site.dir.path().join("pid")).await;
    drop(worker);
    let dir = site.stop().await;
    assert!(!is_alive(&pid));

    let site = Site::start_in(dir, &star(steps)).await;
    let first = build_of(site.wait(Kind::Build, "linux#1").await);
    assert_eq!(first.results(), Results::Retry);
    assert_eq!(first.steps[0].text, "lost: the master ended while it ran this step");
    let _worker = FakeWorker::join(&site, "w1").await;
    site.wait(Kind::Request, "1").await;
    let second = site.build("linux#2").await;
    assert_eq!((second.results(), second.attempt), (Results::Success, 2));
    site.stop().await;
}

/// A server that gives the same answer to whoever asks, and tells what it was asked.
async fn server(answer: &'static str) -> (String, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let task = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut asked = Vec::new();
        let mut buffer = [0; 4096];
        let done = |asked: &[u8]| {
            let text = String::from_utf8_lossy(asked).into_owned();
            let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
            let length = head.lines().find_map(|line| {
                line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse::<usize>().ok()
            });
            body.len() >= length.unwrap_or(0)
        };
        while !done(&asked) {
            let count = stream.read(&mut buffer).await.unwrap();
            asked.extend_from_slice(&buffer[..count]);
        }
        stream.write_all(answer.as_bytes()).await.unwrap();
        String::from_utf8(asked).unwrap()
    });
    (url, task)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_success_or_failure_and_none_an_exception() {
    let (good, asked) =
        server("HTTP/1.1 201 Created\r\nX-Id: 7\r\nContent-Length: 5\r\n\r\nhello").await;
    let (moved, _) =
        server("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")
            .await;
    let (bad, _) = server("HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno").await;
    // Bound, and never answering.
    let mute = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mute_url = format!("http://{}", mute.local_addr().unwrap());
    let (site, build) = built(&format!(
        r#"http_request("good", method = "POST", url = "{good}/x?y=1", headers = {{"X-From": "linn"}}, params = {{"n": prop("buildnumber"), "t": "a b"}}, auth = ("me", "it"), data = interpolate("n=%(prop:buildnumber)s")),
           http_request("moved", url = "{moved}"),
           http_request("bad", url = "{bad}"),
           http_request("mute", url = "{mute_url}", max_time = "1s", flunk_on_failure = False),"#
    ))
    .await;
    let results: Vec<_> = build.steps.iter().map(linn_proto::entity::Step::results).collect();
    use Results::{Exception, Failure, Success};
    assert_eq!(results, [Success, Success, Failure, Exception], "{:?}", build.steps);
    assert_eq!(build.steps[2].text, "404 Not Found");
    assert!(build.steps[3].text.starts_with("no answer: "), "{}", build.steps[3].text);
    let asked = soon(asked).await.unwrap();
    assert!(
        asked.starts_with("POST /x?y=1&n=1&t=a%20b HTTP/1.1\r\n") && asked.ends_with("\r\n\r\nn=1"),
        "{asked}"
    );
    assert!(asked.to_ascii_lowercase().contains("x-from: linn\r\n"), "{asked}");
    assert!(asked.contains(": Basic bWU6aXQ=\r\n"), "{asked}");
    let text = log(&site, &build, 0).await;
    assert!(text.starts_with(&format!("POST {good}/x?y=1\n201 Created\n")), "{text}");
    assert!(text.contains("x-id: 7\n") && text.ends_with("\n\nhello"), "{text}");
    site.stop().await;
}
