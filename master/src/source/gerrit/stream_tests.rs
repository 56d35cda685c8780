//! A Gerrit source over a program that stands for ssh, against an engine that keeps an error and nothing else.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use linn_core::config::{Config, GerritStream, Source, SourceKind, TextPattern};
use linn_core::id::{ConfigDigest, SourceName, Token};
use linn_core::input::{Asking, Input};
use linn_core::state::SourceCursor;
use linn_core::time::Timestamp;
use tokio::sync::mpsc;

use super::ssh::Ssh;
use super::stream::Stream;
use crate::source::intake::{Ended, Intake};
use crate::source::status::{Board, SourceState};

#[derive(Clone)]
struct Engine {
    error: Arc<Mutex<Option<String>>>,
    inputs: mpsc::UnboundedSender<Input>,
}

impl Intake for Engine {
    async fn settle(&self, input: Input) -> Result<(), Ended> {
        *self.error.lock().unwrap() = match &input {
            Input::SourceFailed { error, .. } => Some(error.clone()),
            _ => None,
        };
        self.inputs.send(input).map_err(|_| Ended::Ending)
    }

    async fn cursor(&self, _: &SourceName) -> Result<SourceCursor, Ended> {
        let error = self.error.lock().unwrap().clone();
        Ok(SourceCursor { error, ..SourceCursor::default() })
    }

    async fn picks(
        &self,
        _: &SourceName,
        refs: Vec<String>,
    ) -> Result<Result<Vec<bool>, String>, Ended> {
        Ok(Ok(vec![true; refs.len()]))
    }

    fn turn_away(&self, _: &Asking, _: String) {}

    fn now(&self) -> Timestamp {
        Timestamp(5_000)
    }
}

struct Running {
    inputs: mpsc::UnboundedReceiver<Input>,
    asks: mpsc::Sender<Option<Asking>>,
    board: Arc<Board>,
    folder: tempfile::TempDir,
}

impl Running {
    /// A source whose ssh is this script.
    fn start(script: &str, projects: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("ssh");
        let script = format!("#!/bin/sh\ncd {}\n{script}\n", folder.path().display());
        std::fs::write(&program, script).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
        for (name, body) in [
            ("patchset", include_str!("../webhook/bodies/gerrit-patchset.json")),
            ("merged", include_str!("../webhook/bodies/gerrit-merged.json")),
            ("ref", include_str!("../webhook/bodies/gerrit-ref.json")),
        ] {
            let event: serde_json::Value = serde_json::from_str(body).unwrap();
            std::fs::write(folder.path().join(name), format!("{event}\n")).unwrap();
        }
        let server = GerritStream {
            server: "gerrit.frobozz.example".to_owned(),
            port: 29418,
            user: "linn".to_owned(),
            identity_file: None,
            projects: projects.iter().map(|name| TextPattern((*name).to_owned())).collect(),
        };
        let source = Source {
            name: "gerrit".into(),
            codebase: None,
            project: String::new(),
            category: String::new(),
            kind: SourceKind::Gerrit(server.clone()),
        };
        let (sender, inputs) = mpsc::unbounded_channel();
        let engine = Engine { error: Arc::default(), inputs: sender };
        let (asks, asked) = mpsc::channel(8);
        let board = Arc::new(Board::default());
        let config = Arc::new(Config::empty(ConfigDigest::new("d")));
        let mut stream = Stream::new(&source, &server, &config, &engine, asked, board.clone());
        stream.ssh = Ssh::program(program);
        stream.stands_after = Duration::from_millis(200);
        tokio::spawn(stream.run());
        Self { inputs, asks, board, folder }
    }

    async fn next(&mut self) -> Input {
        let next = tokio::time::timeout(Duration::from_secs(60), self.inputs.recv());
        next.await.unwrap().unwrap()
    }

    /// The keys of the next changes, and who is answered.
    async fn polled(&mut self) -> (Vec<String>, Option<u64>) {
        match self.next().await {
            Input::SourcePolled { changes, asking, .. } => (
                changes.into_iter().filter_map(|change| change.key).collect(),
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

    async fn ask(&self, token: u64) {
        let asking = Asking { token: Token(token), request_id: String::new(), who: "ana".into() };
        self.asks.send(Some(asking)).await.unwrap();
    }
}

const PATCH_SET: &str = "git ssh://linn@gerrit.frobozz.example:29418/zork refs/changes/42/1042/3 \
                         9f0c2bb3c1d4e5f60718293a4b5c6d7e8f901234";
const MERGED: &str = "git ssh://linn@gerrit.frobozz.example:29418/zork main c441029cf673f84c8b7db52d0a5944ee5c52ff89";

#[tokio::test]
async fn events_are_told_and_a_lost_connection_is_made_again() {
    let script = "if [ -e second ]; then cat patchset merged ref; exec sleep 600; fi\n\
        touch second; echo garbage; echo '{\"type\": 7}'; cat patchset\n\
        echo 'Connection to gerrit closed by remote host.' >&2; exit 255";
    let mut running = Running::start(script, &["zo*"]);
    assert_eq!(running.polled().await, (vec![PATCH_SET.to_owned()], None));
    let (why, _) = running.failed().await;
    assert_eq!(
        why,
        "the connection to Gerrit at gerrit.frobozz.example:29418 has ended: Connection to gerrit closed by remote host."
    );
    // Whoever asks does not wait for the pause.
    running.ask(1).await;
    assert_eq!(running.polled().await, (vec![], Some(1)), "it stands again");
    assert_eq!(running.polled().await.0, [PATCH_SET], "the same event has the same key");
    assert_eq!(running.polled().await.0, [MERGED]);
    assert_eq!(running.polled().await.0, [MERGED], "whichever way Gerrit tells of it");
    running.ask(2).await;
    assert_eq!(running.polled().await, (vec![], Some(2)));
    assert_eq!(running.board.read().state, SourceState::Idle);
}

#[tokio::test]
async fn a_silent_connection_stands_after_a_while() {
    let mut running = Running::start("echo \"$@\" > arguments; exec sleep 600", &[]);
    running.ask(1).await;
    assert_eq!(running.polled().await, (vec![], Some(1)));
    let arguments = std::fs::read_to_string(running.folder.path().join("arguments")).unwrap();
    let end = "-l linn -- gerrit.frobozz.example gerrit stream-events -s patchset-created -s change-merged -s ref-updated\n";
    assert!(arguments.ends_with(end), "{arguments}");
}

#[tokio::test]
async fn who_asks_while_it_fails_is_told_why() {
    let script = "echo 'linn@gerrit: Permission denied (publickey).' >&2; exit 255";
    let mut running = Running::start(script, &[]);
    assert!(
        running
            .failed()
            .await
            .0
            .ends_with("has ended: linn@gerrit: Permission denied (publickey).")
    );
    running.ask(7).await;
    assert_eq!(running.failed().await.1, Some(7));
    assert_ne!(running.board.read().state, SourceState::Idle);
}

#[tokio::test]
async fn other_projects_are_not_listened_to() {
    let mut running = Running::start("cat patchset; exit 1", &["other", "zorkmid"]);
    assert!(running.failed().await.0.contains("has ended: it did not say why"));
}
