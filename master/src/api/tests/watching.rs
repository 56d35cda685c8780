//! Watching: a snapshot, then what changes; cut off and back without a gap.

use linn_proto::console::watch_reply;
use linn_proto::entity::entity::Of;
use linn_proto::entity::{BuildState, Entity};

use super::site::{FakeWorker, ONE, Site};

fn finished(of: &Of) -> bool {
    matches!(of, Of::Build(build) if build.state() == BuildState::Finished)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watcher_sees_a_build_from_queue_to_end() {
    let site = Site::start(ONE).await;
    let mut watching = site.watch(Vec::new(), 0).await;
    let (_, _, all) = watching.snapshot().await;
    let has = |wanted: &dyn Fn(&Of) -> bool| {
        all.iter().filter_map(|entity| entity.of.as_ref()).any(wanted)
    };
    assert!(has(&|of| matches!(of, Of::Builder(builder) if builder.state == "offline")));
    assert!(has(&|of| matches!(of, Of::Worker(worker) if worker.state == "missing")));
    assert!(has(&|of| matches!(of, Of::Master(master) if master.pid == std::process::id())));

    let accepted = site.force_linux().await;
    let waits =
        watching.until(|of| matches!(of, Of::Request(request) if !request.waits.is_empty())).await;
    assert!(waits.seq >= accepted.seq, "reasons to wait come for who watches");
    let mut worker = FakeWorker::join(&site, "w1").await;
    let command = worker.start().await.command;
    watching.until(|of| matches!(of, Of::Builder(builder) if builder.state == "building")).await;
    worker.finish(command, 1, 0).await;
    let end = watching.until(finished).await;
    let ended = |wanted: &dyn Fn(&Of) -> bool| {
        end.upserts.iter().filter_map(|entity| entity.of.as_ref()).any(wanted)
    };
    // One commit, one delta: the build, its request, its buildset, its builder's row.
    assert!(ended(&|of| matches!(of, Of::Request(request) if request.complete_at_ms.is_some())));
    assert!(ended(&|of| matches!(of, Of::Buildset(buildset) if buildset.complete_at_ms.is_some())));
    assert!(ended(&|of| {
        matches!(of, Of::Builder(builder) if builder.recent.first().is_some_and(|it| it.complete_at_ms.is_some()))
    }));
    let build = end.upserts.iter().find_map(|entity| match &entity.of {
        Some(Of::Build(build)) => Some(build),
        _ => None,
    });
    assert!(build.is_some_and(|build| build.properties.is_empty()), "never on Watch");
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_hears_what_was_missed_and_no_more() {
    let site = Site::start(ONE).await;
    let mut watching = site.watch(Vec::new(), 0).await;
    let (epoch, seq, _) = watching.snapshot().await;
    drop(watching);
    let accepted = site.force_linux().await;

    let mut watching = site.watch(epoch.clone(), seq).await;
    assert!(
        matches!(watching.next().await, watch_reply::Msg::Resumed(resumed) if resumed.seq == seq)
    );
    let missed = watching.until(|of| matches!(of, Of::Buildset(_))).await;
    assert!(missed.seq >= accepted.seq);
    let is_worker = |entity: &Entity| matches!(entity.of, Some(Of::Worker(_)));
    assert!(!missed.upserts.iter().any(is_worker), "what did not change is not told again");

    // Another database, or a number from the future: everything anew.
    let mut other = site.watch(vec![1, 2, 3], seq).await;
    assert_eq!(other.snapshot().await.0, epoch);
    let mut future = site.watch(epoch, 1 << 40).await;
    assert!(!future.snapshot().await.2.is_empty());
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_problem_is_told_as_a_notice() {
    let site = Site::start(ONE).await;
    let mut watching = site.watch(Vec::new(), 0).await;
    watching.snapshot().await;
    let mut worker = FakeWorker::join(&site, "w1").await;
    site.force_linux().await;
    let command = worker.start().await.command;
    worker.finish(command, 1, 0).await;
    let notice = loop {
        if let watch_reply::Msg::Delta(delta) = watching.next().await
            && let Some(notice) = delta.notices.into_iter().find(|notice| notice.kind == "problem")
        {
            break notice;
        }
    };
    assert_eq!((notice.build.as_str(), notice.log.as_str()), ("linux#1", "linux#1/test/stdio"));
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_longer_past_comes_from_history() {
    let site = Site::start(ONE).await;
    let mut worker = FakeWorker::join(&site, "w1").await;
    for number in 1..=25 {
        site.force_linux().await;
        let command = worker.start().await.command;
        worker.finish(command, 0, 0).await;
        worker.acked().await;
        site.wait(linn_proto::entity::Kind::Build, &format!("linux#{number}")).await;
    }
    let builds = async |builds_back: u32| {
        let request = linn_proto::console::WatchRequest { builds_back, ..Default::default() };
        let stream = site.console().watch(request).await.unwrap().into_inner();
        let (_, _, all) = super::site::Watching(stream).snapshot().await;
        let is_build = |entity: &&Entity| matches!(entity.of, Some(Of::Build(_)));
        all.iter().filter(is_build).count()
    };
    assert_eq!((builds(0).await, builds(3).await, builds(24).await), (20, 3, 24));
    assert_eq!(builds(500).await, 25);
    site.stop().await;
}
