//! The order of things: nothing is answered or shown before the commit, and a failed commit takes nothing back that was
//! acknowledged.

use std::sync::mpsc as gate;
use std::time::Duration;

use linn_core::action::Answer;
use linn_core::change::NewChange;
use linn_core::hooks::NoHooks;
use linn_core::id::{ConfigDigest, Token};
use linn_core::input::Asking;
use linn_core::model::WorkerInfo;

use super::*;
use crate::api::{Facts, Order};
use crate::store::{MemoryStore, SeqRange};

/// What the store does with a commit.
#[derive(Debug)]
enum Will {
    /// Writes it.
    Write,
    /// Fails it: the disk is full.
    Full,
}

/// A store whose every commit waits to be told what to do; its contents outlive it, as a disk's do.
struct Gated {
    disk: Arc<std::sync::Mutex<MemoryStore>>,
    wills: Arc<std::sync::Mutex<gate::Receiver<Will>>>,
}

impl Store for Gated {
    fn commit(&mut self, at: Timestamp, records: &[Record]) -> Result<SeqRange, StoreError> {
        if records.is_empty() {
            return self.disk.lock().unwrap().commit(at, records);
        }
        let will = self.wills.lock().unwrap().recv_timeout(Duration::from_secs(10)).unwrap();
        match will {
            Will::Write => self.disk.lock().unwrap().commit(at, records),
            Will::Full => Err(StoreError::Full { file: "linn.db".to_owned() }),
        }
    }

    fn load(&mut self) -> Result<Tables, StoreError> {
        self.disk.lock().unwrap().load()
    }

    fn keep_config(&mut self, _: &ConfigDigest, _: &[(String, String)]) -> Result<(), StoreError> {
        Ok(())
    }

    fn tidy(&mut self, _: Timestamp) -> Result<bool, StoreError> {
        Ok(false)
    }
}

/// An engine on a gated store.
struct Rig {
    running: Running,
    hub: Arc<Hub>,
    sessions: Arc<Sessions>,
    metrics: Arc<Metrics>,
    wills: gate::Sender<Will>,
    disk: Arc<std::sync::Mutex<MemoryStore>>,
    _folder: tempfile::TempDir,
}

fn rig() -> Rig {
    let disk = Arc::new(std::sync::Mutex::new(MemoryStore::new()));
    let (wills, told) = gate::channel();
    let told = Arc::new(std::sync::Mutex::new(told));
    let open = {
        let (disk, told) = (disk.clone(), told.clone());
        move || Ok(Box::new(Gated { disk: disk.clone(), wills: told.clone() }) as Box<dyn Store>)
    };
    let folder = tempfile::tempdir().unwrap();
    let hub = Arc::new(Hub::new(vec![1], 0, 20));
    let sessions = Arc::new(Sessions::default());
    let metrics = Arc::new(Metrics::default());
    let mut config = Config::empty(ConfigDigest::new("d"));
    let worker = linn_core::config::Worker {
        name: "w1".into(),
        max_builds: None,
        properties: std::collections::BTreeMap::new(),
        defaults: std::collections::BTreeMap::new(),
        locks: Vec::new(),
        local: false,
    };
    config.workers.insert("w1".into(), worker);
    let mut open: Opener = Box::new(open);
    let mut store = open().unwrap();
    let tables = store.load().unwrap();
    let parts = Parts {
        open,
        store,
        configs: vec![Arc::new(config)],
        hooks: Arc::new(NoHooks),
        folder: folder.path().to_owned(),
        clock: Clock::default(),
        hub: hub.clone(),
        view: View::new(Facts::default()),
        act: Act {
            sessions: sessions.clone(),
            here: crate::here::Orders::new().0,
            resolving: crate::resolving::Orders::new().0,
            replies: Arc::new(Replies::default()),
            logs: None,
            artifacts: None,
            retention: Arc::default(),
        },
        metrics: metrics.clone(),
    };
    // The configuration that is followed is the first fact.
    wills.send(Will::Write).unwrap();
    let running = start(parts, tables, 0).unwrap();
    Rig { running, hub, sessions, metrics, wills, disk, _folder: folder }
}

fn submit(key: &str) -> impl FnOnce(Token) -> Input + use<> {
    let change = NewChange { key: Some(key.to_owned()), ..NewChange::default() };
    move |token| Input::ChangesSubmitted {
        asking: Asking { token, request_id: String::new(), who: "ana".to_owned() },
        changes: vec![change],
        commits: Vec::new(),
    }
}

async fn stop(rig: Rig) {
    rig.running.handle.stop().await;
    tokio::task::spawn_blocking(move || rig.running.thread.join()).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_comes_after_the_commit_and_not_before() {
    let rig = rig();
    let seq = rig.hub.seq();
    let handle = rig.running.handle.clone();
    let mut asked = tokio::spawn(async move { handle.request(submit("a")).await });
    // The commit waits, so nothing may be answered or shown, however long that takes.
    let early = tokio::time::timeout(Duration::from_millis(50), &mut asked).await;
    assert!(early.is_err(), "answered before the commit");
    assert_eq!(rig.hub.seq(), seq, "shown before the commit");
    assert_eq!(rig.disk.lock().unwrap().events().len() as u64, seq);
    rig.wills.send(Will::Write).unwrap();
    let answered = asked.await.unwrap().unwrap();
    assert!(matches!(&answered.answer, Answer::Changes(ids) if ids.len() == 1));
    assert!(rig.hub.seq() >= answered.seq);
    assert!(rig.disk.lock().unwrap().events().iter().any(|event| event.kind == "change_added"));
    stop(rig).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_gathers_during_a_commit_is_committed_together() {
    let rig = rig();
    let mut asked = tokio::task::JoinSet::new();
    let handle = rig.running.handle.clone();
    asked.spawn(async move { handle.request(submit("first")).await });
    // The first commit begins and waits; forty more gather behind it.
    while rig.running.handle.promise().token.0 < 2 {
        tokio::task::yield_now().await;
    }
    for number in 0..40 {
        let handle = rig.running.handle.clone();
        asked.spawn(async move { handle.request(submit(&number.to_string())).await });
    }
    for _ in 0..41 {
        rig.wills.send(Will::Write).unwrap();
    }
    while let Some(answered) = asked.join_next().await {
        answered.unwrap().unwrap();
    }
    assert_eq!(rig.metrics.read().inputs, 41);
    assert!(rig.metrics.read().batches <= 41);
    stop(rig).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_commit_is_told_and_the_state_is_what_the_disk_says() {
    let rig = rig();
    let handle = &rig.running.handle;
    rig.wills.send(Will::Write).unwrap();
    handle.request(submit("kept")).await.unwrap();
    let (_session, mut orders) = rig.sessions.open();

    rig.wills.send(Will::Full).unwrap();
    let lost = handle.request(submit("lost")).await.unwrap_err();
    assert!(matches!(&lost, Gone::NotWritten(why) if why.contains("full")), "{lost}");
    assert!(orders.recv().await.is_none(), "sessions end, so that workers come again");

    // The same again is a new deed: the first never happened. The one before it did.
    rig.wills.send(Will::Write).unwrap();
    let again = loop {
        match handle.request(submit("lost")).await {
            Ok(answered) => break answered,
            Err(Gone::NotWritten(_)) => tokio::task::yield_now().await,
            Err(gone) => panic!("{gone}"),
        }
    };
    let Answer::Changes(ids) = again.answer else { panic!("no change") };
    assert_eq!(ids[0].0, 2);
    let seen = handle.ask(|master| master.state().changes().count()).await.unwrap();
    assert_eq!(seen, 2);
    assert_eq!(rig.metrics.read().reloads, 1);
    stop(rig).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_is_welcomed_after_the_commit() {
    let rig = rig();
    let (session, mut orders) = rig.sessions.open();
    let attached = Input::WorkerAttached {
        session,
        name: "w1".into(),
        instance: "i".to_owned(),
        info: WorkerInfo::default(),
        held: Vec::new(),
    };
    rig.running.handle.send(attached).await.unwrap();
    let early = tokio::time::timeout(Duration::from_millis(50), orders.recv()).await;
    assert!(early.is_err(), "welcomed before the commit");
    rig.wills.send(Will::Write).unwrap();
    assert!(matches!(orders.recv().await, Some(Order::Welcome(held)) if held.is_empty()));
    // Its end is a fact too.
    rig.wills.send(Will::Write).unwrap();
    rig.running.handle.settle(Input::WorkerDetached { session }).await.unwrap();
    stop(rig).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_an_engine_that_has_ended_is_told() {
    let rig = rig();
    let handle = rig.running.handle.clone();
    let promise = handle.promise();
    stop(rig).await;
    assert_eq!(promise.answer().await, Err(Gone::Ending));
    assert_eq!(handle.request(submit("late")).await, Err(Gone::Ending));
    assert_eq!(handle.ask(|_| ()).await, Err(Gone::Ending));
}
