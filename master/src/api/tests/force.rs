//! Forcing, stopping, cancelling: what is refused and how, and that the same asking does nothing twice.

use linn_proto::console::ListRequest;
use linn_proto::control::{
    CancelRequest, ForceRequest, PollSourceRequest, StopRequest, WorkerControlRequest, WorkerVerb,
};
use linn_proto::entity::Kind;
use linn_proto::entity::entity::Of;
use linn_proto::worker::to_worker;
use tonic::Code;

use super::site::{FakeWorker, ONE, Site, made, soon};
use crate::Ended;

fn force(builder: &str) -> ForceRequest {
    ForceRequest { builders: vec![builder.to_owned()], ..ForceRequest::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_have_their_codes_and_sentences() {
    let site = Site::start(ONE).await;
    let none = site.force(ForceRequest::default()).await.unwrap_err();
    assert_eq!(none.code(), Code::InvalidArgument);
    let unknown = site.force(force("linus")).await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
    assert!(unknown.message().contains("linus"), "{unknown:?}");
    let hint = unknown.metadata().get("linn-hint").expect("a hint").to_str().unwrap();
    assert!(hint.contains("linux"), "{hint}");

    let mut control = site.control();
    let stop = |build: &str, reason: &str| StopRequest {
        build: build.to_owned(),
        reason: reason.to_owned(),
        ..StopRequest::default()
    };
    let code = |refused: Result<_, tonic::Status>| refused.map(|_| ()).unwrap_err().code();
    assert_eq!(
        code(soon(control.stop(stop("linux#x", "why"))).await),
        Code::InvalidArgument,
        "C18"
    );
    assert_eq!(code(soon(control.stop(stop("linux#9", "why"))).await), Code::NotFound);
    assert_eq!(code(soon(control.stop(stop("linux#9", " "))).await), Code::InvalidArgument, "C23");
    let cancel = CancelRequest { request: 7, reason: "why".to_owned(), ..CancelRequest::default() };
    assert_eq!(code(soon(control.cancel(cancel)).await), Code::NotFound);
    let poll = PollSourceRequest { source: "git".to_owned() };
    assert_eq!(code(soon(control.poll_source(poll)).await), Code::NotFound);
    for (kind, named, expected) in [
        (Kind::Build, "#3", Code::InvalidArgument),
        (Kind::Build, "linux#3", Code::NotFound),
        (Kind::Build, "linux", Code::NotFound),
        (Kind::Builder, "linus", Code::NotFound),
        (Kind::Request, "x", Code::InvalidArgument),
        (Kind::Request, "3", Code::NotFound),
        (Kind::Change, "3", Code::NotFound),
    ] {
        let refused = site.get(kind, named).await.unwrap_err();
        assert_eq!(refused.code(), expected, "{named}: {refused:?}");
    }
    site.stop().await;
}

/// What nobody can have meant is named.
#[tokio::test(flavor = "multi_thread")]
async fn a_property_has_a_name_that_could_be_declared() {
    let site = Site::start(ONE).await;
    for (name, shown) in [("a b", "`a b`"), ("x\ny", "`x\\ny`"), ("a=b", "`a=b`"), ("", "``")] {
        let properties = [(name.to_owned(), "1".to_owned())].into();
        let refused = site.force(ForceRequest { properties, ..force("linux") }).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        let expected = format!("{shown} cannot be the name of a property");
        assert!(refused.message().contains(&expected), "{refused:?}");
    }
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_asking_does_nothing_twice() {
    let site = Site::start(ONE).await;
    let asked = ForceRequest { request_id: "r-1".to_owned(), ..force("linux") };
    let first = site.force(asked.clone()).await.unwrap();
    let second = site.force(asked).await.unwrap();
    assert_eq!(made(&first, Kind::Request), made(&second, Kind::Request));
    let third = site.force(force("linux")).await.unwrap();
    assert_ne!(made(&first, Kind::Request), made(&third, Kind::Request));
    site.stop().await;
}

/// C22: what a repository says there is not, is refused; without a repository the text is taken as it is.
#[tokio::test(flavor = "multi_thread")]
async fn a_branch_is_looked_up_where_there_is_a_repository() {
    let (repository, head) = repository_with_a_tag();
    let star =
        format!("codebase(\"app\", repository = \"{}\")\n{ONE}", repository.path().display());
    let site = Site::start(&star).await;
    let on = |branch: &str| ForceRequest { branch: Some(branch.to_owned()), ..force("linux") };
    let refused = site.force(on("no-such")).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound, "{refused:?}");
    assert!(refused.message().contains("no-such"), "{refused:?}");
    let accepted = site.force(on("main")).await.unwrap();
    let pinned = accepted.entities.iter().find_map(|entity| match &entity.of {
        Some(Of::Buildset(buildset)) => buildset.sourcestamps[0].revision.clone(),
        _ => None,
    });
    assert_eq!(pinned, Some(head), "SS-3");
    site.stop().await;

    let site = Site::start(ONE).await;
    assert!(site.force(on("no-such")).await.is_ok());
    site.stop().await;
}

/// FO-2: a scheduler without builders stands for all of its own, and their codebases are pinned; what was typed is kept
/// (SS-3 better), and the id of whoever asked finds it again (BS-7).
#[tokio::test(flavor = "multi_thread")]
async fn a_form_alone_forces_all_its_builders() {
    let (repository, head) = repository_with_a_tag();
    let star = format!(
        "codebase(\"app\", repository = \"{}\")\nworker(\"w\")\n\
         builder(\"linux\", workers = [\"w\"], factory = [git(codebase = \"app\")])\n\
         builder(\"mac\", workers = [\"w\"], factory = [git(codebase = \"app\")])\n\
         force_scheduler(\"all\", builders = [\"linux\", \"mac\"])\n",
        repository.path().display()
    );
    let site = Site::start(&star).await;
    let asked = ForceRequest {
        scheduler: "all".to_owned(),
        revision: Some("v1.2".to_owned()),
        external_id: "release 7".to_owned(),
        ..ForceRequest::default()
    };
    let accepted = site.force(asked).await.unwrap();
    let sets = accepted.entities.iter().filter_map(|entity| match &entity.of {
        Some(Of::Buildset(buildset)) => Some(buildset),
        _ => None,
    });
    let sets: Vec<_> = sets.collect();
    assert_eq!(sets.len(), 1);
    assert_eq!(sets[0].requests.len(), 2, "FO-2");
    let stamp = &sets[0].sourcestamps[0];
    assert_eq!(stamp.revision.as_deref(), Some(head.as_str()));
    assert_eq!(stamp.requested, "v1.2");

    let list = |external_id: &str| ListRequest {
        kind: Kind::Buildset.into(),
        external_id: external_id.to_owned(),
        ..ListRequest::default()
    };
    let mut console = site.console();
    let found = soon(console.list(list("release 7"))).await.unwrap().into_inner();
    assert_eq!(found.entities.len(), 1);
    let none = soon(console.list(list("release 8"))).await.unwrap().into_inner();
    assert_eq!(none.entities.len(), 0);
    let long = ForceRequest { external_id: "x".repeat(201), ..force("linux") };
    assert_eq!(site.force(long).await.unwrap_err().code(), Code::InvalidArgument);
    site.stop().await;
}

/// A repository with one commit, which is its tag `v1.2`, and the commit.
fn repository_with_a_tag() -> (tempfile::TempDir, String) {
    let repository = tempfile::tempdir().unwrap();
    let git = |arguments: &[&str]| {
        let run = std::process::Command::new("git")
            .current_dir(repository.path())
            .args(["-c", "user.name=Ana", "-c", "user.email=ana@example.org"])
            .args(arguments)
            .output()
            .unwrap();
        assert!(run.status.success(), "{run:?}");
        String::from_utf8(run.stdout).unwrap().trim().to_owned()
    };
    git(&["init", "-q", "-b", "main"]);
    git(&["commit", "-q", "--allow-empty", "-m", "first"]);
    git(&["tag", "v1.2"]);
    let head = git(&["rev-parse", "HEAD"]);
    (repository, head)
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_and_holding_reach_the_worker() {
    let site = Site::start(ONE).await;
    let mut worker = FakeWorker::join(&site, "w1").await;
    site.force_linux().await;
    let command = worker.start().await.command;
    let stop = StopRequest {
        build: "linux".to_owned(),
        reason: "wrong branch".to_owned(),
        ..StopRequest::default()
    };
    soon(site.control().stop(stop)).await.unwrap();
    match worker.hear().await {
        to_worker::Msg::Interrupt(interrupt) => assert_eq!(interrupt.command, command),
        other => panic!("no interrupt: {other:?}"),
    }
    let pause = WorkerControlRequest {
        worker: "w1".to_owned(),
        verb: WorkerVerb::Pause.into(),
        reason: "new disk".to_owned(),
        ..WorkerControlRequest::default()
    };
    soon(site.control().worker_control(pause)).await.unwrap();
    let Some(Of::Worker(held)) = site.get(Kind::Worker, "w1").await.unwrap().of else {
        panic!("no worker")
    };
    assert_eq!((held.state.as_str(), held.paused_reason.as_str()), ("paused", "new disk"));
    assert_eq!(held.running, ["linux#1"]);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_may_ask_it_to_end() {
    let site = Site::start(ONE).await;
    let shutdown = linn_proto::control::ShutdownRequest::default();
    soon(site.control().shutdown(shutdown)).await.unwrap();
    assert_eq!(soon(site.running.wait()).await, Ended::Asked);
    let socket = site.running.socket().to_owned();
    assert!(socket.exists());
    let _dir = site.stop().await;
    assert!(!socket.exists());
}

/// C19.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_master_is_turned_away() {
    let site = Site::start(ONE).await;
    let file = site.dir.path().join("master.star");
    let config = crate::config::load(crate::config::Origin::File(&file), None).unwrap();
    let dir = site.dir.path().join("state");
    let options = crate::Options {
        dir,
        config,
        config_file: None,
        checkout: None,
        listen: None,
        listen_http: None,
    };
    let refused = soon(crate::Master::start(options)).await.unwrap_err();
    assert_eq!(refused.exit_code(), 3);
    assert!(refused.to_string().contains(&std::process::id().to_string()), "{refused}");
    assert!(site.running.socket().exists(), "the first one's socket stays");
    site.stop().await;
}
