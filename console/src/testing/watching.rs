//! The link on a real gRPC service: snapshot, deltas, cut, resume; nothing lost, nothing twice.

use std::sync::Arc;

use linn_proto::{
    common::Results,
    entity::{Kind, Notice, entity::Of},
};

use super::{Driver, fake::Fake, world};
use crate::{
    feed::{self, FeedOptions},
    link::Dial,
    model::{LinkState, Model},
    options::ConsoleError,
    replica::BuildRef,
};

#[tokio::test]
async fn a_snapshot_then_deltas() {
    let master = Fake::start(world::NOW, world::farm());
    let mut driver = Driver::start(&master, 80, 24);
    driver.until_shown("live").await;
    driver.until("the snapshot", |model| model.replica.builders.len() == 9).await;
    master.remove(Kind::Builder, "riscv");
    driver.until("the removal", |model| model.replica.builders.len() == 8).await;
}

#[tokio::test]
async fn a_cut_link_resumes_without_a_gap() {
    let master = Fake::start(world::NOW, world::farm());
    let mut driver = Driver::start(&master, 80, 24);
    driver.until("a live link", Model::is_live).await;
    for number in 1000..1010_u32 {
        master.set_down(true);
        driver.until("the loss", |model| matches!(model.link, LinkState::Down { .. })).await;
        assert!(driver.text().contains("NO LINK since"), "{}", driver.text());
        let build = world::build(
            "linux-rel",
            number,
            world::NOW - 5000,
            Some(world::NOW),
            Results::Success,
        );
        master.upsert(vec![world::entity(Of::Build(build))]);
        master.set_down(false);
        driver
            .until("the build", |model| {
                model.replica.build(&BuildRef::new("linux-rel", number)).is_some()
            })
            .await;
    }
    let watches = master.state().watches.clone();
    assert!(watches[0].0.is_empty(), "the first asks for a snapshot");
    assert!(
        watches[1..].iter().all(|(epoch, since)| epoch == &[7] && *since > 0),
        "the others resume: {watches:?}"
    );
}

#[tokio::test]
async fn another_epoch_starts_over() {
    let master = Fake::start(world::NOW, world::farm());
    let mut driver = Driver::start(&master, 80, 24);
    driver.until("a live link", Model::is_live).await;
    master.set_down(true);
    driver.until("the loss", |model| !model.is_live()).await;
    master.state().epoch = vec![8];
    master.set_down(false);
    driver.until("the new history", |model| model.replica.epoch == [8]).await;
}

#[tokio::test]
async fn a_notice_told_again_after_a_cut_rings_once() {
    let master = Fake::start(world::NOW, world::farm());
    let mut driver = Driver::start(&master, 80, 24);
    driver.model.options.no_notify = true;
    driver.until("a live link", Model::is_live).await;
    let text = "linux-dbg #377 failed in test".to_owned();
    let build = "linux-dbg#377".to_owned();
    master.notice(Notice {
        kind: "problem".into(),
        key: "k".into(),
        text,
        build,
        ..Notice::default()
    });
    driver.until_shown("failed in test   ! opens it").await;
    master.cut();
    driver.until("the loss", |model| !model.is_live()).await;
    driver.until("the link", Model::is_live).await;
    assert_eq!(driver.model.toasts.len(), 1);
}

#[tokio::test]
async fn the_feed_says_how_builds_end() {
    let master = Fake::start(world::NOW, world::farm());
    let copy = master.clone();
    let dial: Dial = Arc::new(move || Box::pin(copy.clone().dial()));
    let (mut reader, writer) = std::io::pipe().unwrap();
    let options = FeedOptions { wait_for_master: true, ..FeedOptions::default() };
    let feeding = tokio::spawn(feed::write_to(writer, options, dial, std::future::pending()));
    let (lines, mut said) = tokio::sync::mpsc::channel(64);
    std::thread::spawn(move || {
        use std::io::BufRead;
        for line in std::io::BufReader::new(&mut reader).lines() {
            if line.is_err() || lines.blocking_send(line.unwrap_or_default()).is_err() {
                return;
            }
        }
    });
    assert!(said.recv().await.unwrap().contains("watching prod: 9 builders, 5 workers"));
    let build =
        world::build("linux-rel", 914, world::NOW - 300_000, Some(world::NOW), Results::Failure);
    master.upsert(vec![world::entity(Of::Build(build))]);
    let found = async {
        while let Some(line) = said.recv().await {
            if line.contains("linux-rel#914 FAILURE 5:00") {
                return;
            }
        }
        panic!("the feed ended");
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), found).await.unwrap();
    feeding.abort();
}

#[tokio::test]
async fn a_feed_from_nobody_is_an_error_with_the_place() {
    let dial: Dial = Arc::new(|| Box::pin(async { Err("there is no such socket".to_owned()) }));
    let options = FeedOptions { server: "unix:/nowhere".into(), ..FeedOptions::default() };
    let error =
        feed::write_to(Vec::new(), options, dial, std::future::pending()).await.unwrap_err();
    assert!(matches!(&error, ConsoleError::Unreachable { .. }));
    assert_eq!(error.to_string(), "no master answers at unix:/nowhere: there is no such socket");
}
