//! Uploads as the master takes them: only what the command may send, and the end of the step when everything is durable.

use linn_proto::common::Results;
use linn_proto::console::{ArtifactRequest, ArtifactsRequest};
use linn_proto::control::StopRequest;
use linn_proto::entity::Kind;
use linn_proto::worker::{self as wire, from_worker, start};
use sha2::{Digest as _, Sha256};

use super::site::{FakeWorker, Site, build_of, soon};

const STAR: &str = r#"
worker("w1")
worker("w2")
builder("linux", workers = ["w1"], factory = [
    upload(source = "dist/*", max_bytes = "1KiB", when = ["SUCCESS"]),
    download(source = "dist/a", dest = "x"),
    download(source = "beside.txt", dest = "y"),
])
force_scheduler("f", builders = ["linux"])
"#;

fn file(name: &str, data: &[u8]) -> wire::StoredFile {
    wire::StoredFile {
        name: name.to_owned(),
        bytes: data.len() as u64,
        sha256: Sha256::digest(data).to_vec(),
    }
}

fn chunk(command: u64, of: &[u8], offset: u64, data: &[u8]) -> wire::FileChunk {
    wire::FileChunk {
        command,
        sha256: Sha256::digest(of).to_vec(),
        size: of.len() as u64,
        offset,
        data: bytes::Bytes::copy_from_slice(data),
    }
}

async fn end(worker: &FakeWorker, command: u64, files: Vec<wire::StoredFile>) {
    let exit = wire::Exit { ending: wire::Ending::Exited.into(), ..wire::Exit::default() };
    worker
        .tell(from_worker::Msg::Finished(wire::Finished {
            command,
            exit: Some(exit),
            files,
            at_ms: 2,
            started_ms: 1,
            ..wire::Finished::default()
        }))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_ends_when_all_of_it_is_durable() {
    let site = Site::start(STAR).await;
    std::fs::write(site.dir.path().join("beside.txt"), "here").unwrap();
    let mut worker = FakeWorker::join(&site, "w1").await;
    let other = FakeWorker::join(&site, "w2").await;
    site.force_linux().await;
    let start = worker.start().await;
    assert!(matches!(start.what, Some(start::What::Upload(_))));
    let command = start.command;
    end(&worker, command, vec![file("dist/a", b"hello"), file("b", b"")]).await;

    let stolen = other.store(vec![chunk(command, b"hello", 0, b"hello")]).await.unwrap_err();
    assert!(stolen.message().contains("no upload of this worker"), "{stolen:?}");
    let large = worker.store(vec![chunk(command, &[0; 2000], 0, b"")]).await.unwrap_err();
    assert!(large.message().contains("larger than its upload may be"), "{large:?}");
    // Cut halfway, and wrong bytes: neither is the file.
    worker.store(vec![chunk(command, b"hello", 0, b"he")]).await.unwrap_err();
    worker.store(vec![chunk(command, b"hello", 2, b"LLO")]).await.unwrap_err();
    assert_eq!(site.build("linux#1").await.steps[0].results(), Results::Unspecified);
    let whole = worker.store(vec![chunk(command, b"hello", 0, b"hello")]).await.unwrap();
    assert!(whole);
    assert!(worker.store(vec![chunk(command, b"", 0, b"")]).await.unwrap());
    assert_eq!(worker.acked().await, command);

    // What was uploaded comes back, and so does what lies beside the configuration.
    let start = worker.start().await;
    assert_eq!(worker.fetch(start.command, 2, b"hello").await.unwrap(), b"llo");
    assert_eq!(worker.fetch(start.command, 2, b"other").await.unwrap(), b"hello");
    let stolen = other.fetch(start.command, 0, b"").await.unwrap_err();
    assert!(stolen.message().contains("no download of this worker"), "{stolen:?}");
    end(&worker, start.command, Vec::new()).await;
    assert_eq!(worker.acked().await, start.command);
    let start = worker.start().await;
    assert_eq!(worker.fetch(start.command, 0, b"").await.unwrap(), b"here");
    end(&worker, start.command, Vec::new()).await;
    let build = build_of(site.wait(Kind::Build, "linux#1").await);
    assert_eq!(build.results(), Results::Success);

    let request = ArtifactsRequest { build: "linux".to_owned() };
    let list = soon(site.console().artifacts(request)).await.unwrap().into_inner().artifacts;
    let names: Vec<_> = list.iter().map(|it| (it.name.as_str(), it.bytes, &*it.step)).collect();
    assert_eq!(names, [("b", 0, "upload"), ("dist/a", 5, "upload")]);
    let request =
        ArtifactRequest { build: "linux#1".to_owned(), name: "dist/a".to_owned(), offset: 1 };
    let mut bytes = soon(site.console().artifact(request.clone())).await.unwrap().into_inner();
    assert_eq!(soon(bytes.message()).await.unwrap().unwrap().data, b"ello".as_slice());
    let none = ArtifactRequest { name: "c".to_owned(), ..request };
    let mut bytes = soon(site.console().artifact(none)).await.unwrap().into_inner();
    assert!(soon(bytes.message()).await.unwrap_err().message().contains("kept no file `c`"));
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_names_and_sizes_end_the_step() {
    let site = Site::start(STAR).await;
    let mut worker = FakeWorker::join(&site, "w1").await;
    let cases = [
        (vec![file("../x", b"")], "cannot be the name of an upload"),
        (vec![file("/etc/x", b"")], "cannot be the name of an upload"),
        (vec![file("a", &[0; 600]), file("b", &[0; 600])], "larger than 1024 bytes"),
        (vec![wire::StoredFile { name: "a".to_owned(), ..Default::default() }], "no digest"),
    ];
    for (number, (files, why)) in (1..).zip(cases) {
        site.force_linux().await;
        let start = worker.start().await;
        end(&worker, start.command, files).await;
        assert_eq!(worker.acked().await, start.command);
        for _ in 0..2 {
            let start = worker.start().await;
            end(&worker, start.command, Vec::new()).await;
            worker.acked().await;
        }
        let build = build_of(site.wait(Kind::Build, &format!("linux#{number}")).await);
        assert_eq!(build.steps[0].results(), Results::Failure);
        assert!(build.steps[0].text.contains(why), "{}", build.steps[0].text);
    }
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_does_not_wait_for_files() {
    let site = Site::start(STAR).await;
    let mut worker = FakeWorker::join(&site, "w1").await;
    site.force_linux().await;
    let start = worker.start().await;
    end(&worker, start.command, vec![file("a", b"never comes")]).await;
    // The master has heard of the end when it asks for the file.
    worker.store(vec![chunk(start.command, b"never comes", 0, b"ne")]).await.unwrap_err();
    let request = StopRequest {
        build: "linux#1".to_owned(),
        reason: "enough".to_owned(),
        ..StopRequest::default()
    };
    soon(site.control().stop(request)).await.unwrap();
    assert_eq!(worker.acked().await, start.command);
    let build = build_of(site.wait(Kind::Build, "linux#1").await);
    assert_eq!(build.results(), Results::Cancelled);
    site.stop().await;
}
