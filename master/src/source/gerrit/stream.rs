//! The life of a Gerrit source: connect, listen, tell each event, and connect again when that has ended.
//!
//! An event is read from the server only when the one before it is durable, so a disk that is full for a while costs none.
//! What happens while nobody listens is lost to this source, for Gerrit does not tell it again.

use std::sync::Arc;
use std::time::Duration;

use linn_core::change::NewChange;
use linn_core::config::{Config, GerritStream, Source, TextPattern};
use linn_core::input::{Asking, Input};
use linn_core::time::Span;
use tokio::io::AsyncReadExt as _;
use tokio::process::Child;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

use super::event::Event;
use super::lines::{Line, Lines};
use super::ssh::Ssh;
use crate::fit;
use crate::seldom::Seldom;
use crate::source::git::{last_words, shown};
use crate::source::intake::{Ended, Intake};
use crate::source::look::Pace;
use crate::source::status::{Board, SourceState};
use crate::source::task::pause;
use crate::source::webhook::{codebase_of, spelled};

/// A connection that has lasted so long stands, though nothing was said: longer than ssh tries to connect.
const STANDS_AFTER: Duration = Duration::from_secs(30);
/// After a connection ended, the next is tried so soon; later and later while none stands.
const FIRST_PAUSE: Span = Span::seconds(1);
/// While none stands, one is tried at least so often.
const SLOWEST: Duration = Duration::from_mins(5);
/// What could not be written down is tried again after so long.
const WRITE_AGAIN: Duration = Duration::from_secs(2);
/// Of standard error only the beginning is of use.
const STDERR_MAX_BYTES: u64 = 16 << 10;
/// How long ssh may take to say its last words when its output has ended.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// A Gerrit source's task.
pub(in crate::source) struct Stream<I> {
    pub(in crate::source) source: Source,
    pub(in crate::source) server: GerritStream,
    pub(in crate::source) config: Arc<Config>,
    pub(in crate::source) ssh: Ssh,
    pub(in crate::source) intake: I,
    pub(in crate::source) asked: mpsc::Receiver<Option<Asking>>,
    pub(in crate::source) board: Arc<Board>,
    /// How long a silent connection must last to stand.
    pub(in crate::source) stands_after: Duration,
}

impl<I: Intake> Stream<I> {
    /// A source as configured.
    pub(in crate::source) fn new(
        source: &Source,
        server: &GerritStream,
        config: &Arc<Config>,
        intake: &I,
        asked: mpsc::Receiver<Option<Asking>>,
        board: Arc<Board>,
    ) -> Self {
        Self {
            source: source.clone(),
            server: server.clone(),
            config: config.clone(),
            ssh: Ssh::default(),
            intake: intake.clone(),
            asked,
            board,
            stands_after: STANDS_AFTER,
        }
    }

    /// Goes on until the engine ends or nobody holds the source any more.
    pub(in crate::source) async fn run(mut self) {
        // The engine is ending, and so does this.
        let Err(Ended::Ending | Ended::NotWritten(_)) = self.live().await;
    }

    async fn live(&mut self) -> Result<std::convert::Infallible, Ended> {
        let mut failures = 0_u32;
        let mut waiting = Vec::new();
        loop {
            self.board.polling();
            let (stood, why) = self.connection(&mut waiting).await?;
            failures = if stood { 1 } else { failures.saturating_add(1) };
            if stood || failures == 1 {
                tracing::warn!(source = %self.source.name, why, "a Gerrit server is not listened to");
            }
            self.failed(&why, &mut waiting).await?;
            let pace = Pace { remote: true, slowest: SLOWEST };
            let pause = pause(FIRST_PAUSE, failures, pace, self.source.name.as_str());
            let pause_ms = i64::try_from(pause.as_millis()).unwrap_or(i64::MAX);
            let now = self.intake.now();
            self.board.waiting(SourceState::Failing, now, now + Span(pause_ms));
            match timeout(pause, self.asked.recv()).await {
                Ok(Some(asked)) => waiting.extend(asked),
                Ok(None) => return Err(Ended::Ending),
                Err(_) => {}
            }
        }
    }

    /// One connection, from its beginning to its end: whether it ever stood, and why it ended.
    async fn connection(&mut self, waiting: &mut Vec<Asking>) -> Result<(bool, String), Ended> {
        let mut child = match self.ssh.start(&self.server) {
            Ok(child) => child,
            Err(why) => return Ok((false, why)),
        };
        let Some(out) = child.stdout.take() else {
            return Ok((false, "ssh was started without its output".to_owned()));
        };
        let words = words_of(&mut child);
        let mut lines = Lines::of(out);
        let mut stands = false;
        let certain = Instant::now() + self.stands_after;
        let ended = loop {
            tokio::select! {
                line = lines.next() => match line {
                    Ok(Some(line)) => {
                        if !std::mem::replace(&mut stands, true) {
                            self.stands(waiting).await?;
                        }
                        self.hear(line).await?;
                        self.board.listening(self.intake.now());
                    }
                    Ok(None) => break String::new(),
                    Err(error) => break error.to_string(),
                },
                () = sleep_until(certain), if !stands => {
                    stands = true;
                    self.stands(waiting).await?;
                }
                asked = self.asked.recv() => match asked {
                    None => return Err(Ended::Ending),
                    Some(asked) => {
                        waiting.extend(asked);
                        if stands {
                            self.stands(waiting).await?;
                        }
                    }
                },
            }
        };
        let said = timeout(LAST_WORDS, words).await.ok().and_then(Result::ok).unwrap_or_default();
        let why = if ended.is_empty() { last_words(&said) } else { ended };
        let (server, port) = (shown(&self.server.server), self.server.port);
        Ok((stands, format!("the connection to Gerrit at {server}:{port} has ended: {why}")))
    }

    /// The connection stands: who waits to hear that does, and a failure before it is over.
    async fn stands(&self, waiting: &mut Vec<Asking>) -> Result<(), Ended> {
        self.board.listening(self.intake.now());
        let cursor = match self.intake.cursor(&self.source.name).await {
            Ok(cursor) => cursor,
            Err(Ended::Ending) => return Err(Ended::Ending),
            Err(Ended::NotWritten(why)) => {
                for asking in waiting.drain(..) {
                    self.intake.turn_away(&asking, why.clone());
                }
                return Ok(());
            }
        };
        if cursor.error.is_some() && waiting.is_empty() {
            self.tell(Vec::new(), None).await?;
        }
        for asking in waiting.drain(..) {
            // Not written down, the engine has told who asked.
            ended_only(self.settle(Vec::new(), Some(asking)).await)?;
        }
        Ok(())
    }

    /// It does not stand: told once, until it fails otherwise or stands again.
    async fn failed(&self, why: &str, waiting: &mut Vec<Asking>) -> Result<(), Ended> {
        let source = self.source.name.clone();
        let mut askings: Vec<_> = waiting.drain(..).map(Some).collect();
        if askings.is_empty() {
            askings.push(None);
        }
        for asking in askings {
            // The core knows when the same sentence is no news.
            let (source, error) = (source.clone(), why.to_owned());
            let input = Input::SourceFailed { source, asking, error };
            ended_only(self.intake.settle(input).await)?;
        }
        Ok(())
    }

    /// Takes one event in.
    async fn hear(&self, line: Line) -> Result<(), Ended> {
        static ODD: Seldom = Seldom::new();
        let odd = |why: &str| {
            ODD.say(|more| {
                tracing::warn!(source = %self.source.name, why, more, "an event of Gerrit's is left out");
            });
        };
        let Line::Whole(line) = line else {
            odd("it is too long");
            return Ok(());
        };
        if line.iter().all(u8::is_ascii_whitespace) {
            return Ok(());
        }
        match serde_json::from_slice::<Event>(&line) {
            Err(error) => odd(&shown(&error.to_string())),
            Ok(event) => {
                if let Some(change) = self.change_of(&event) {
                    let mistakes = fit::mistakes(&change);
                    if mistakes.is_empty() {
                        return self.tell(vec![change], None).await;
                    }
                    odd(&mistakes.join(", "));
                }
            }
        }
        Ok(())
    }

    /// The change of an event, if its project is listened to.
    fn change_of(&self, event: &Event) -> Option<NewChange> {
        let project = event.project();
        let projects = &self.server.projects;
        if project.is_empty()
            || !(projects.is_empty() || projects.iter().any(|of| fits(of, project)))
        {
            return None;
        }
        let change = event.change()?;
        let repository = spelled(&self.config, &[self.server.repository(project)]);
        let (branch, revision) = (change.branch.as_deref()?, change.revision.as_deref()?);
        let category = Some(&self.source.category).filter(|category| !category.is_empty());
        Some(fit::tidied(NewChange {
            // A git poller and a webhook make the same key, so whoever comes second is recognised (I2).
            key: Some(format!("git {repository} {branch} {revision}")),
            codebase: self
                .source
                .codebase
                .clone()
                .or_else(|| codebase_of(&self.config, &repository)),
            project: self.source.project.clone(),
            category: category.unwrap_or(&change.category).clone(),
            repository,
            ..change
        }))
    }

    /// Tells it until it is durable.
    async fn tell(&self, changes: Vec<NewChange>, asking: Option<Asking>) -> Result<(), Ended> {
        loop {
            match self.settle(changes.clone(), asking.clone()).await {
                Err(Ended::NotWritten(why)) => {
                    tracing::warn!(source = %self.source.name, why, "an event could not be written down yet");
                    tokio::time::sleep(WRITE_AGAIN).await;
                }
                settled => return settled,
            }
        }
    }

    async fn settle(&self, changes: Vec<NewChange>, asking: Option<Asking>) -> Result<(), Ended> {
        let input = Input::SourcePolled {
            source: self.source.name.clone(),
            asking,
            changes,
            tips: std::collections::BTreeMap::new(),
            commits: (String::new(), Vec::new()),
        };
        self.intake.settle(input).await
    }
}

/// Only the end of the engine ends a source.
fn ended_only(settled: Result<(), Ended>) -> Result<(), Ended> {
    match settled {
        Err(Ended::NotWritten(_)) => Ok(()),
        settled => settled,
    }
}

/// Whether a pattern means a project (F6).
fn fits(TextPattern(pattern): &TextPattern, project: &str) -> bool {
    let is_glob = pattern.contains(['*', '?', '[']);
    let glob = || globset::Glob::new(pattern).map(|glob| glob.compile_matcher());
    if is_glob { glob().is_ok_and(|glob| glob.is_match(project)) } else { pattern == project }
}

/// The beginning of what a child says on standard error.
fn words_of(child: &mut Child) -> tokio::task::JoinHandle<Vec<u8>> {
    let stderr = child.stderr.take();
    tokio::spawn(async move {
        let mut said = Vec::new();
        if let Some(stderr) = stderr {
            let mut stderr = stderr.take(STDERR_MAX_BYTES);
            let _ = stderr.read_to_end(&mut said).await;
            // Whoever says more must not be held up by it.
            let _ = tokio::io::copy(&mut stderr.into_inner(), &mut tokio::io::sink()).await;
        }
        said
    })
}
