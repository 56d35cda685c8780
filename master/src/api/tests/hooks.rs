//! Changes from outside.

use linn_proto::change::{NewChange, SubmitRequest};
use linn_proto::console::{EventsRequest, ListRequest};
use linn_proto::entity::Kind;
use linn_proto::entity::entity::Of;
use tonic::Code;

use super::site::{ONE, Site, soon};

fn change(key: &str) -> NewChange {
    NewChange {
        key: key.to_owned(),
        author: "Ana <ana@example.org>".to_owned(),
        comments: "more".to_owned(),
        ..NewChange::default()
    }
}

/// I2.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_taken_once_by_its_key() {
    let site = Site::start(ONE).await;
    let submit = async |changes: Vec<NewChange>| {
        soon(site.hooks().submit(SubmitRequest { changes })).await.map(tonic::Response::into_inner)
    };
    let first = submit(vec![change("a"), change("b")]).await.unwrap();
    let again = submit(vec![change("b")]).await.unwrap();
    assert_eq!((first.ids.as_slice(), again.ids.as_slice()), (&[1, 2][..], &[2][..]));
    assert_eq!(submit(Vec::new()).await.unwrap_err().code(), Code::InvalidArgument);
    let bad = NewChange { branch: Some("-x".to_owned()), ..change("c") };
    let refused = submit(vec![change("d"), bad]).await.unwrap_err();
    assert!(refused.message().starts_with("change 2: branch starts"), "{refused:?}");

    let request = ListRequest { kind: Kind::Change.into(), ..ListRequest::default() };
    let listed = soon(site.console().list(request)).await.unwrap().into_inner().entities;
    let ids: Vec<u64> = listed
        .iter()
        .map(|entity| match &entity.of {
            Some(Of::Change(change)) => change.id,
            _ => 0,
        })
        .collect();
    assert_eq!(ids, [2, 1], "newest first; nothing of what was refused");
    site.stop().await;
}

/// However deep a value is nested, it is the function that fails and not the master.
#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_nests_deep_is_no_danger() {
    let star = r#"
worker("w1")
def judge(change):
    x = []
    for _ in range(190000):
        x = [x]
    return len(str(x)) > 0
builder("linux", workers = ["w1"], factory = [shell("t", command = ["true"])])
any_branch_scheduler("a", builders = ["linux"], file_is_important = judge)
"#;
    let site = Site::start(star).await;
    let changes = vec![NewChange { files: vec!["a".to_owned()], ..change("a") }];
    let said = soon(site.hooks().submit(SubmitRequest { changes })).await.unwrap().into_inner();
    assert_eq!(said.ids, [1]);
    site.stop().await;
}

/// C14.
#[tokio::test(flavor = "multi_thread")]
async fn events_are_followed_without_a_gap() {
    let site = Site::start(ONE).await;
    let follow =
        EventsRequest { kind: "change_added".to_owned(), follow: true, ..Default::default() };
    let mut events = soon(site.console().events(follow)).await.unwrap().into_inner();
    for key in ["a", "b", "c"] {
        let request = SubmitRequest { changes: vec![change(key)] };
        let seq = soon(site.hooks().submit(request)).await.unwrap().into_inner().seq;
        let event = soon(events.message()).await.unwrap().unwrap();
        assert_eq!((event.kind.as_str(), event.json.contains("more")), ("change_added", true));
        assert!(event.seq <= seq);
    }
    drop(events);
    let since = EventsRequest { since: Some(1), limit: 2, ..EventsRequest::default() };
    let mut events = soon(site.console().events(since)).await.unwrap().into_inner();
    let mut seqs = Vec::new();
    while let Some(event) = soon(events.message()).await.unwrap() {
        seqs.push(event.seq);
    }
    assert_eq!(seqs, [2, 3]);
    site.stop().await;
}
