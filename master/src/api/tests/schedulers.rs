//! Schedulers from outside: what is known of them, and switching them at run time (CH-12).

use linn_proto::change::{NewChange, SubmitRequest};
use linn_proto::control::SchedulerControlRequest;
use linn_proto::entity::Kind;
use linn_proto::entity::Scheduler;
use linn_proto::entity::entity::Of;
use tonic::Code;

use super::site::{Site, soon};

const STAR: &str = r#"
worker("w1")
builder("linux", workers = ["w1"], factory = [shell("t", command = ["true"])])
any_branch_scheduler("commits", builders = ["linux"], tree_stable_timer = "1h")
nightly_scheduler("nightly", builders = ["linux"], at = "0 3 * * *", tz = "Europe/Berlin")
dependent_scheduler("down", upstream = "commits", builders = ["linux"])
force_scheduler("f", builders = ["linux"])
"#;

async fn scheduler(site: &Site, name: &str) -> Scheduler {
    match site.get(Kind::Scheduler, name).await.unwrap().of {
        Some(Of::Scheduler(scheduler)) => scheduler,
        other => panic!("no scheduler: {other:?}"),
    }
}

async fn submit(site: &Site, key: &str) {
    let change = NewChange {
        key: key.to_owned(),
        author: "Ana <ana@example.org>".to_owned(),
        ..NewChange::default()
    };
    soon(site.hooks().submit(SubmitRequest { changes: vec![change] })).await.unwrap();
}

async fn forms(site: &Site) -> usize {
    match site.get(Kind::Builder, "linux").await.unwrap().of {
        Some(Of::Builder(builder)) => builder.forms.len(),
        other => panic!("no builder: {other:?}"),
    }
}

/// C11, CH-12: what waits and when it fires is known; a switch outlives the master.
#[tokio::test(flavor = "multi_thread")]
async fn they_are_switched_and_stay_so() {
    let site = Site::start(STAR).await;
    let switch = |scheduler: &str, enabled: bool| SchedulerControlRequest {
        scheduler: scheduler.to_owned(),
        enabled,
        ..SchedulerControlRequest::default()
    };
    let nightly = scheduler(&site, "nightly").await;
    assert_eq!((nightly.kind.as_str(), nightly.enabled), ("nightly", true));
    assert!(nightly.next_fire_at_ms.is_some());
    assert_eq!(scheduler(&site, "down").await.kind, "dependent");
    submit(&site, "a").await;
    let commits = scheduler(&site, "commits").await;
    assert_eq!(commits.waiting_changes, [1]);
    assert!(commits.next_fire_at_ms.is_some());
    assert_eq!(forms(&site).await, 1);

    for name in ["nightly", "commits", "f"] {
        let accepted = soon(site.control().scheduler_control(switch(name, false))).await.unwrap();
        assert_eq!(super::site::made(&accepted.into_inner(), Kind::Scheduler), [name]);
    }
    assert_eq!(forms(&site).await, 0, "what is switched off is not offered");
    submit(&site, "b").await;
    let unknown = soon(site.control().scheduler_control(switch("nihgtly", true))).await;
    assert_eq!(unknown.unwrap_err().code(), Code::NotFound);

    let site = Site::start_in(site.stop().await, STAR).await;
    for name in ["nightly", "commits", "f"] {
        let it = scheduler(&site, name).await;
        assert_eq!((it.enabled, it.next_fire_at_ms), (false, None), "{name}");
    }
    assert_eq!(scheduler(&site, "commits").await.waiting_changes, [1]);
    soon(site.control().scheduler_control(switch("nightly", true))).await.unwrap();
    assert!(scheduler(&site, "nightly").await.next_fire_at_ms.is_some());
    site.stop().await;
}
