//! Sources as a whole, against an engine that keeps a cursor and nothing else.

use std::sync::{Arc, Mutex};

use linn_core::config::{Config, GitPoller, Source, SourceKind};
use linn_core::id::{ConfigDigest, SourceName, Token};
use linn_core::input::{Asking, Input};
use linn_core::state::SourceCursor;
use linn_core::time::{Span, Timestamp};
use tokio::sync::mpsc;

use super::git::testing::Repo;
use crate::secret::Secrets;

use super::look::{Pace, SLOWEST};
use super::task::pause;
use super::{Ended, Intake, PollError, SourceState, Sources, start};

/// An engine that writes down where the source is, as the core does.
#[derive(Clone)]
struct Engine {
    cursor: Arc<Mutex<SourceCursor>>,
    inputs: mpsc::UnboundedSender<Input>,
    disk: Arc<Mutex<Disk>>,
    turned_away: mpsc::UnboundedSender<(u64, String)>,
}

/// What the engine's disk is good for.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Disk {
    #[default]
    Well,
    Readable,
    Away,
}

impl Disk {
    fn full<T>() -> Result<T, Ended> {
        Err(Ended::NotWritten("the disk is full".to_owned()))
    }
}

impl Intake for Engine {
    async fn settle(&self, input: Input) -> Result<(), Ended> {
        if *self.disk.lock().unwrap() != Disk::Well {
            return Disk::full();
        }
        let mut cursor = self.cursor.lock().unwrap();
        match &input {
            Input::SourcePolled { tips, .. } => {
                *cursor = SourceCursor { tips: tips.clone(), looked: true, error: None };
            }
            Input::SourceFailed { error, .. } => cursor.error = Some(error.clone()),
            other => panic!("a source brings {other:?}"),
        }
        self.inputs.send(input).map_err(|_| Ended::Ending)
    }

    async fn cursor(&self, _: &SourceName) -> Result<SourceCursor, Ended> {
        if *self.disk.lock().unwrap() == Disk::Away {
            return Disk::full();
        }
        Ok(self.cursor.lock().unwrap().clone())
    }

    async fn picks(
        &self,
        _: &SourceName,
        refs: Vec<String>,
    ) -> Result<Result<Vec<bool>, String>, Ended> {
        Ok(Ok(vec![true; refs.len()]))
    }

    fn turn_away(&self, asking: &Asking, why: String) {
        self.turned_away.send((asking.token.0, why)).unwrap();
    }

    fn now(&self) -> Timestamp {
        Timestamp(5_000)
    }
}

struct Running {
    engine: Engine,
    inputs: mpsc::UnboundedReceiver<Input>,
    turned_away: mpsc::UnboundedReceiver<(u64, String)>,
    sources: Sources,
    folder: tempfile::TempDir,
}

impl Running {
    /// One source named `code`, over `repository` in a new folder, that looks by itself only at the start.
    fn start(repository: impl FnOnce(&std::path::Path) -> String) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (sender, inputs) = mpsc::unbounded_channel();
        let (turning, turned_away) = mpsc::unbounded_channel();
        let engine = Engine {
            cursor: Arc::default(),
            inputs: sender,
            disk: Arc::default(),
            turned_away: turning,
        };
        let source = Source {
            name: "code".into(),
            codebase: None,
            project: String::new(),
            category: String::new(),
            kind: SourceKind::Git(GitPoller {
                repository: repository(folder.path()),
                branches: Vec::new(),
                only: None,
                interval: Span::minutes(60),
                build_pushes_with_no_commits: false,
                build_first_tip: false,
                tags: false,
                history: linn_core::config::GitHistory::FirstParent,
            }),
        };
        let mut config = Config::empty(ConfigDigest::new("d"));
        config.sources.insert(source.name.clone(), source);
        let state = folder.path().join("state");
        let sources = start(&Arc::new(config), &state, &Secrets::of(&state), &engine);
        Self { engine, inputs, turned_away, sources, folder }
    }

    fn ask(&self, token: u64) {
        let asking = Asking { token: Token(token), request_id: String::new(), who: "ana".into() };
        self.sources.poll(&"code".into(), Some(asking)).unwrap();
    }

    async fn next(&mut self) -> Input {
        self.inputs.recv().await.unwrap()
    }

    /// The next look's changes, and who is answered.
    async fn polled(&mut self) -> (Vec<String>, Option<u64>) {
        match self.next().await {
            Input::SourcePolled { changes, asking, .. } => (
                changes.into_iter().map(|change| change.comments).collect(),
                asking.map(|asking| asking.token.0),
            ),
            other => panic!("{other:?}"),
        }
    }

    async fn failed(&mut self) -> (String, Option<u64>) {
        match self.next().await {
            Input::SourceFailed { error, asking, .. } => {
                (error, asking.map(|asking| asking.token.0))
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn asked_for_a_look_it_answers_when_it_has_ended_c40() {
    let mut running = Running::start(|folder| Repo::init(folder.join("r")).name());
    let repo = Repo::init(running.folder.path().join("r"));
    assert_eq!(running.polled().await, (vec![], None), "the first look, by itself");
    running.ask(1);
    assert_eq!(running.polled().await, (vec![], Some(1)), "nothing new is an answer too");
    repo.commit("a", "one");
    running.ask(2);
    running.ask(3);
    assert_eq!(running.polled().await, (vec!["one".to_owned()], Some(2)));
    assert_eq!(running.polled().await, (vec![], Some(3)), "each who asks is answered");
    running.sources.stop().await;
    let ending = running.sources.poll(&"code".into(), None);
    assert_eq!(ending, Err(PollError::Ending("code".into())));
    let unknown = running.sources.poll(&"other".into(), None);
    assert_eq!(unknown, Err(PollError::Unknown("other".into())));
}

/// A source of a repository with one commit, which has looked once.
async fn of_one_commit() -> (Running, Repo) {
    let mut running = Running::start(|folder| {
        let repo = Repo::init(folder.join("r"));
        repo.commit("a", "one");
        repo.name()
    });
    let repo = Repo::init(running.folder.path().join("r"));
    running.polled().await;
    (running, repo)
}

#[tokio::test]
async fn who_asks_for_a_large_look_is_answered_with_its_last_portion() {
    let (mut running, repo) = of_one_commit().await;
    repo.import("main", &repo.tip("main"), 600);
    running.ask(7);
    let answers = [running.polled().await.1, running.polled().await.1, running.polled().await.1];
    assert_eq!(answers, [None, None, Some(7)]);
}

#[tokio::test]
async fn who_asks_for_a_look_that_cannot_be_written_down_is_told() {
    let (mut running, repo) = of_one_commit().await;
    let full = |token| Some((token, "the disk is full".to_owned()));
    // The engine has nothing to look at.
    *running.engine.disk.lock().unwrap() = Disk::Away;
    running.ask(1);
    assert_eq!(running.turned_away.recv().await, full(1));
    // A portion that is not the last, so that it carries no asking.
    *running.engine.disk.lock().unwrap() = Disk::Readable;
    repo.import("main", &repo.tip("main"), 300);
    running.ask(2);
    assert_eq!(running.turned_away.recv().await, full(2));
    // Handed in: now the engine answers, and nobody else.
    *running.engine.disk.lock().unwrap() = Disk::Well;
    running.ask(3);
    assert_eq!(running.polled().await.1, None);
    assert_eq!(running.polled().await.1, Some(3));
    running.turned_away.try_recv().unwrap_err();
}

#[tokio::test]
async fn a_repository_that_vanishes_is_told_once_and_its_return_too() {
    let mut running = Running::start(|folder| Repo::init(folder.join("r")).name());
    let repo = Repo::init(running.folder.path().join("r"));
    running.polled().await;
    let away = running.folder.path().join("away");
    std::fs::rename(repo.path(), &away).unwrap();
    running.ask(1);
    let (why, answered) = running.failed().await;
    assert!(why.starts_with("there is no repository at "), "{why}");
    assert_eq!(answered, Some(1));
    // The same failure again is no news; nobody asked, so nothing comes before the answer to the next who asks.
    running.sources.poll(&"code".into(), None).unwrap();
    running.ask(2);
    assert_eq!(running.failed().await.1, Some(2));
    assert_eq!(running.engine.cursor.lock().unwrap().error.as_ref(), Some(&why));
    std::fs::rename(&away, repo.path()).unwrap();
    running.sources.poll(&"code".into(), None).unwrap();
    assert_eq!(running.polled().await, (vec![], None), "it works again, which clears the error");
    assert_eq!(running.engine.cursor.lock().unwrap().error, None);
}

#[tokio::test]
async fn an_address_that_git_never_gets_to_see() {
    let mut running = Running::start(|_| "ext::sh -c id".to_owned());
    let (why, _) = running.failed().await;
    assert!(why.contains("helper program"), "{why}");
    running.ask(1);
    assert_eq!(running.failed().await.1, Some(1));
    let status = running.sources.status(&"code".into()).unwrap();
    assert_ne!(status.state, SourceState::Idle);
    assert_eq!(running.sources.status(&"other".into()), None);
}

#[test]
fn a_source_of_another_machine_has_a_pause_of_its_own_by_its_name() {
    let minute = Span::seconds(60);
    let remote = Pace { remote: true, slowest: SLOWEST };
    let of = |name: &str| pause(minute, 0, remote, name).as_millis();
    let pauses: std::collections::BTreeSet<_> = ["a", "b", "c", "d", "e"].map(of).into();
    assert!(pauses.len() > 3, "{pauses:?}");
    assert!(pauses.iter().all(|pause| (54_000..=66_000).contains(pause)), "{pauses:?}");
    assert_eq!(of("a"), of("a"));
    let local = Pace { remote: false, slowest: SLOWEST };
    assert_eq!(pause(minute, 0, local, "a").as_millis(), 60_000);
    assert_eq!(pause(minute, 1, local, "a").as_millis(), 120_000);
    assert_eq!(pause(minute, 9, local, "a"), SLOWEST);
}
