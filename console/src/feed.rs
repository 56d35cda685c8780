//! The plain feed: what a console would show, as one line an event, for pipes, dumb terminals and screen readers (N4).
//!
//! The link is the console's own, so a broken one loses nothing: what ended meanwhile is said when it is back. The line
//! at a build's end has `BUILDER#N` and the result word (C25), which scripts and people can look for.

use std::{
    future::Future,
    io::{self, Write},
};

use linn_proto::entity::{Build, BuildState, Entity, StepState, entity::Of};
use tokio_stream::StreamExt;

use crate::{
    glyph::State,
    link::{self, Dial, LinkEvent},
    options::{ConsoleError, ExitReason},
    replica::{BuildRef, Replica, reference},
    safe, time, words,
    zone::Zone,
};

/// How the feed is written.
#[derive(Clone, Debug, Default)]
pub struct FeedOptions {
    /// How the master is reached, in words for people.
    pub server: String,
    /// Nobody answers at first: keep trying instead of giving up.
    pub wait_for_master: bool,
    /// Also say what ended before the feed began, as far as the master shows it.
    pub from_start: bool,
}

/// Writes lines to standard output until `stop` is ready (a signal, a time limit), or the reader is gone.
///
/// # Errors
/// [`ConsoleError::Unreachable`] when nobody answers at first and the options do not say to wait;
/// [`ConsoleError::Feed`] when standard output fails for another reason than a closed pipe.
pub async fn run(
    options: FeedOptions,
    dial: Dial,
    stop: impl Future<Output = ()> + Send,
) -> Result<ExitReason, ConsoleError> {
    write_to(io::stdout(), options, dial, stop).await
}

/// As [`run`], to any writer.
///
/// # Errors
/// As [`run`].
pub async fn write_to(
    out: impl Write + Send,
    options: FeedOptions,
    dial: Dial,
    stop: impl Future<Output = ()> + Send,
) -> Result<ExitReason, ConsoleError> {
    let mut feed = Feed::new(out, &options);
    let mut link = link::start(dial);
    tokio::pin!(stop);
    loop {
        let event = tokio::select! {
            () = &mut stop => return Ok(ExitReason::Quit),
            event = link.events.recv() => event,
        };
        let Some(event) = event else { return Ok(ExitReason::Quit) };
        if let LinkEvent::Down { why, .. } = &event
            && feed.replica.is_empty()
            && !options.wait_for_master
        {
            return Err(ConsoleError::Unreachable { server: options.server, why: why.clone() });
        }
        match feed.take(event) {
            Ok(()) => {}
            // The reader has seen enough: that is no error, and nobody is left to be told.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(ExitReason::Quit),
            Err(error) => return Err(ConsoleError::Feed(error)),
        }
    }
}

/// A future that is ready at the first SIGINT, SIGTERM or SIGHUP.
///
/// # Errors
/// When the system refuses the signal handlers.
pub fn until_signal() -> Result<impl Future<Output = ()> + Send, ConsoleError> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut kinds = Vec::new();
    for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
        kinds.push(signal(kind).map_err(ConsoleError::Start)?);
    }
    Ok(async move {
        let mut signals = tokio_stream::StreamMap::new();
        for (index, mut kind) in kinds.into_iter().enumerate() {
            signals.insert(
                index,
                Box::pin(futures_util::stream::poll_fn(move |context| kind.poll_recv(context))),
            );
        }
        let _ = signals.next().await;
    })
}

struct Feed<W> {
    out: W,
    zone: Zone,
    replica: Replica,
    from_start: bool,
    /// When the feed began, by the local clock: what ended before is not news.
    began_ms: i64,
    down: bool,
    now_ms: i64,
}

impl<W: Write> Feed<W> {
    fn new(out: W, options: &FeedOptions) -> Self {
        let now_ms = jiff::Timestamp::now().as_millisecond();
        Self {
            out,
            zone: Zone::local(),
            replica: Replica::default(),
            from_start: options.from_start,
            began_ms: now_ms,
            down: false,
            now_ms,
        }
    }

    fn line(&mut self, at_ms: i64, text: &str) -> io::Result<()> {
        writeln!(self.out, "{} {}", self.zone.second(at_ms), safe::text(text))
    }

    fn take(&mut self, event: LinkEvent) -> io::Result<()> {
        self.now_ms = jiff::Timestamp::now().as_millisecond();
        match event {
            LinkEvent::Snapshot { epoch, seq, entities } => {
                let before = std::mem::take(&mut self.replica);
                self.replica.reset(epoch, seq, entities);
                let first = before.is_empty();
                if first {
                    self.greet()?;
                } else if self.down {
                    self.line(self.now_ms, "link: the master answers again")?;
                }
                self.down = false;
                let mut builds: Vec<Build> = self.replica.all_builds().cloned().collect();
                builds.sort_by_key(|build| (build.complete_at_ms.unwrap_or(i64::MAX), build.id));
                for build in builds {
                    let old = before.build(&reference(&build)).cloned();
                    let news = old.is_some()
                        || self.from_start
                        || !first
                        || build.complete_at_ms.is_none_or(|ended| ended >= self.began_ms);
                    if news {
                        self.build(old.as_ref(), &build)?;
                    }
                }
            }
            LinkEvent::Resumed => {
                if self.down {
                    self.line(self.now_ms, "link: the master answers again, nothing was missed")?;
                }
                self.down = false;
            }
            LinkEvent::Delta(delta) => {
                for notice in &delta.notices {
                    // Broken builds have their own line; other notices are said as they are.
                    if notice.build.is_empty() {
                        self.line(notice.at_ms, &format!("notice: {}", notice.text))?;
                    }
                }
                for entity in delta.upserts {
                    self.entity(delta.seq, entity)?;
                }
                self.replica.apply(delta.seq, Vec::new(), &delta.removals);
            }
            LinkEvent::Down { why, .. } => {
                if !self.down && !self.replica.is_empty() {
                    self.line(self.now_ms, &format!("link: lost ({why}); trying again"))?;
                    self.down = true;
                }
            }
            LinkEvent::Beat { .. } | LinkEvent::Latency(_) => {}
        }
        self.out.flush()
    }

    fn greet(&mut self) -> io::Result<()> {
        let master = self.replica.master.clone().unwrap_or_default();
        let builders = words::count(self.replica.builders.len(), "builder");
        let workers = words::count(self.replica.workers.len(), "worker");
        let title = if master.title.is_empty() { "linn" } else { &master.title };
        let mut text = format!("watching {title}: {builders}, {workers}");
        if !master.trouble.is_empty() {
            text = format!("{text}; {}", master.trouble);
        }
        self.line(self.now_ms, &text)
    }

    fn entity(&mut self, seq: u64, entity: Entity) -> io::Result<()> {
        match &entity.of {
            Some(Of::Build(build)) => {
                let old = self.replica.build(&reference(build)).cloned();
                let build = build.clone();
                self.build(old.as_ref(), &build)?;
            }
            Some(Of::Change(change)) if !self.replica.changes.contains_key(&change.id) => {
                let revision = words::revision(change.revision.as_deref().unwrap_or_default());
                let branch = change.branch.as_deref().unwrap_or("default branch");
                let text = format!(
                    "change {} {revision} {branch} {}: {}",
                    change.id,
                    words::person(&change.author),
                    words::subject(change)
                );
                self.line(change.received_at_ms.max(0), &text)?;
            }
            Some(Of::Worker(worker)) => {
                let before =
                    self.replica.workers.get(&worker.name).map(|worker| worker.state.clone());
                if before.as_ref() != Some(&worker.state) {
                    let text = format!("worker {} {}", worker.name, worker.state);
                    self.line(self.now_ms, &text)?;
                }
            }
            Some(Of::Request(request)) => {
                let known = self.replica.requests.get(&request.id);
                let cancelled = request.complete_at_ms.is_some() && request.builds.is_empty();
                if known.is_none() && request.claimed_at_ms.is_none() && !cancelled {
                    let text = format!(
                        "request {} {} waits: {}",
                        request.id, request.builder, request.reason
                    );
                    self.line(request.submitted_at_ms, &text)?;
                } else if cancelled && known.is_some_and(|known| known.complete_at_ms.is_none()) {
                    let result = words::result(request.results());
                    let text = format!("request {} {} {result}", request.id, request.builder);
                    self.line(request.complete_at_ms.unwrap_or(self.now_ms), &text)?;
                }
            }
            _ => {}
        }
        self.replica.apply(seq, vec![entity], &[]);
        Ok(())
    }

    /// What changed in a build since it was last seen.
    fn build(&mut self, old: Option<&Build>, new: &Build) -> io::Result<()> {
        let id = BuildRef::new(new.builder.clone(), new.number);
        if old.is_some_and(|old| old.state() == BuildState::Finished) {
            return Ok(());
        }
        if old.is_none() {
            let source = words::source(&new.sourcestamps, Some(new));
            let source = if source.is_empty() { String::new() } else { format!(", {source}") };
            self.line(new.started_at_ms, &format!("{id} started on {}{source}", new.worker))?;
        }
        for step in
            new.steps.iter().filter(|step| !step.hidden && step.state() == StepState::Finished)
        {
            let before =
                old.and_then(|old| old.steps.iter().find(|before| before.number == step.number));
            if before.is_none_or(|before| before.state() != StepState::Finished) {
                let took = words::step_duration_ms(step, self.now_ms)
                    .map(time::step_span)
                    .unwrap_or_default();
                let result = words::result(step.results()).to_lowercase();
                let at = step.complete_at_ms.unwrap_or(self.now_ms);
                self.line(at, &format!("{id}/{} {result} {took}", step.name))?;
            }
        }
        if new.state() == BuildState::Finished {
            let state = State::of_build(new);
            let mut text = format!(
                "{id} {} {}",
                words::result(new.results()),
                time::span(words::duration_ms(new, self.now_ms))
            );
            text = format!("{text}: {}", words::outcome(new, self.now_ms));
            if state.is_red() {
                for part in [words::blame(new), words::last_green(new).unwrap_or_default()] {
                    if !part.is_empty() {
                        text = format!("{text}, {part}");
                    }
                }
            }
            self.line(new.complete_at_ms.unwrap_or(self.now_ms), &text)?;
        } else if old.is_some_and(|old| old.worker_lost != new.worker_lost) {
            let what = if new.worker_lost {
                "its worker is away, reconnecting"
            } else {
                "its worker is back"
            };
            self.line(self.now_ms, &format!("{id} {what}"))?;
        }
        Ok(())
    }
}
