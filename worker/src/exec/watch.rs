//! Watching a command's programs: one loop that reads, keeps the time limits, hears the agent and stops the tree.
//!
//! A command is one program (shell) or several in turn (checkout); the limits and the logs are those of the command.
//! What must hold:
//!
//! - the end of a program is seen on its pidfd, never guessed from silence;
//! - output is read to its end before the command ends, unless somebody still holds the pipe [`HOLDERS`] later;
//! - **nothing outlives the command**: this process is the subreaper of all that it starts, so whoever daemonises is
//!   still below it and is swept when the program is over (I9);
//! - while more than the spool limit is unacknowledged the pipe is not read: the command blocks, memory does not grow.

use std::io::{self, ErrorKind};
use std::mem;
use std::time::{Duration, Instant};

use linn_proto::worker::{Exit, LinkFound, Progress, PropertyFound, Started, StoredFile, Stream};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus};

use crate::clock::now_ms;
use crate::exec::frame::StopNow;
use crate::exec::limits::{self, Limits, Stopped};
use crate::exec::line::Line;
use crate::exec::output::Logs;
use crate::exec::proc;
use crate::exec::program::{Child, Program};
use crate::observe::Entry;

/// How long descendants may hold a pipe after the program has ended.
const HOLDERS: Duration = Duration::from_secs(5);

/// How often a followed file is looked at.
const TAIL_EVERY: Duration = Duration::from_millis(50);

/// How often the lines that the command reports are looked for.
const REPORT_EVERY: Duration = Duration::from_millis(200);

/// The longest wait in one turn: orphans of the command that died meanwhile are reaped at the latest then.
const LONGEST_TURN: Duration = Duration::from_secs(5);

/// News for the agent wait so long for more, so that a flood of small writes is not a flood of messages.
const GATHER: Duration = Duration::from_millis(2);

/// Between two kills of a tree that grows while it is being killed.
const KILL_AGAIN: Duration = Duration::from_millis(20);

/// How long to sweep a tree of which something cannot be killed (a process stuck in the kernel).
const SWEEP: Duration = Duration::from_secs(10);

/// One read. The pipe is grown to [`PIPE_BYTES`] when reads come full.
const READ_BYTES: usize = 256 << 10;
const PIPE_BYTES: usize = 1 << 20;

/// The most kept of output that does not go to the log.
const KEEP_BYTES: usize = 1 << 20;

/// Why a program's end is not there to look at.
#[derive(Debug)]
pub(crate) enum NoEnd {
    /// It could not be started: a sentence.
    NotStarted(String),
    /// The command was stopped, before this program or during it.
    Stopped,
}

/// How a program ended that was left alone, and what of its output was kept.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) status: WaitStatus,
    pub(crate) kept: Vec<u8>,
}

/// A command being run.
#[derive(Debug)]
pub(crate) struct Watch<'line> {
    line: &'line mut Line,
    pub(crate) logs: Logs,
    command: u64,
    limits: Limits,
    began: Instant,
    last_output: Instant,
    lines: u64,
    stopped: Option<Stopped>,
    /// How far the stop has gone.
    stopping: StopNow,
    kill_at: Option<Instant>,
    killed: bool,
    news_since: Option<Instant>,
    current: Option<Current>,
    last_status: Option<WaitStatus>,
    next_report: Instant,
    /// What an upload keeps, in the order of its copies in the spool.
    pub(crate) files: Vec<StoredFile>,
    buffer: Vec<u8>,
}

#[derive(Debug)]
struct Current {
    child: Child,
    status: Option<WaitStatus>,
    ended: Option<Instant>,
    next_tail: Instant,
}

impl<'line> Watch<'line> {
    pub(crate) fn new(line: &'line mut Line, command: u64, limits: Limits, logs: Logs) -> Self {
        let now = Instant::now();
        Self {
            line,
            logs,
            command,
            limits,
            began: now,
            last_output: now,
            lines: 0,
            stopped: None,
            stopping: StopNow::No,
            kill_at: None,
            killed: false,
            news_since: None,
            current: None,
            last_status: None,
            next_report: now + REPORT_EVERY,
            files: Vec::new(),
            buffer: Vec::new(),
        }
    }

    /// Runs one program to its end.
    pub(crate) fn run(&mut self, program: Program) -> io::Result<Result<End, NoEnd>> {
        self.heed_agent();
        if self.stopped.is_some() {
            return Ok(Err(NoEnd::Stopped));
        }
        let child = match program.start() {
            Ok(child) => child,
            Err(why) => return Ok(Err(NoEnd::NotStarted(why))),
        };
        if self.line.started_ms() == 0 {
            let pid = child.pid.as_raw_nonzero().get().unsigned_abs();
            self.line.started(Started { command: self.command, at_ms: now_ms(), pid });
        }
        let now = Instant::now();
        self.last_output = now;
        self.current = Some(Current { child, status: None, ended: None, next_tail: now });
        while !self.is_over() {
            self.turn(LONGEST_TURN)?;
        }
        self.sweep()?;
        let Some(current) = self.current.take() else { return Ok(Err(NoEnd::Stopped)) };
        self.last_status = current.status;
        Ok(match (current.status, &self.stopped) {
            (Some(status), None) => {
                Ok(End { status, kept: current.child.kept.unwrap_or_default() })
            }
            _ => Err(NoEnd::Stopped),
        })
    }

    /// Waits, hearing the agent; false when the command was stopped meanwhile.
    pub(crate) fn pause(&mut self, span: Duration) -> io::Result<bool> {
        let until = Instant::now() + span;
        self.heed_agent();
        loop {
            // Waiting is our own doing: it must not count as the program's silence.
            self.last_output = Instant::now();
            let left = until.saturating_duration_since(self.last_output);
            if self.stopped.is_some() || left.is_zero() {
                return Ok(self.stopped.is_none());
            }
            self.turn(left)?;
        }
    }

    /// Hears the agent between two pieces of work of our own; false when the command was stopped. Work is no silence.
    pub(crate) fn breathe(&mut self) -> io::Result<bool> {
        self.last_output = Instant::now();
        self.turn(Duration::ZERO)?;
        Ok(self.stopped.is_none())
    }

    /// Writes a line of our own into the log, as a terminal user would see it.
    pub(crate) fn say(&mut self, line: &str) {
        let mut masker = crate::exec::mask::Masker::default();
        let text = format!("{line}\n");
        let fed = self.logs.feed(0, Stream::Out, &mut masker, text.as_bytes());
        let fed = fed.and_then(|()| self.logs.end(0, Stream::Out, &mut masker));
        self.wrote(0, fed);
    }

    /// Reports a property.
    pub(crate) fn found(&mut self, name: &str, json: String) {
        let command = self.command;
        self.line.property(PropertyFound { command, name: name.to_owned(), json });
    }

    pub(crate) fn properties(&self) -> &[PropertyFound] {
        self.line.properties()
    }

    pub(crate) fn links(&self) -> &[LinkFound] {
        self.line.links()
    }

    /// The command is over: what it reported and was not read, its test results, its last line. How it ended instead, if what
    /// came of that could not be kept.
    pub(crate) fn end_observing(&mut self) -> Option<Exit> {
        self.read_report(true);
        let ended = self.logs.end_observing(self.line.started_ms());
        if let Some(log) = self.logs.warnings() {
            self.wrote(log, ended);
        }
        self.stopped_exit()
    }

    /// Takes what the command has reported since the look before (F21).
    fn read_report(&mut self, last: bool) {
        let Logs { observer, words, .. } = &mut self.logs;
        let command = self.command;
        for entry in observer.reported(last, &|text| words.mask(text)) {
            match entry {
                Entry::Property(name, json) => {
                    self.line.property(PropertyFound { command, name, json });
                }
                Entry::Link(name, url) => self.line.link(LinkFound { command, name, url }),
                Entry::Progress(share) => self.line.progress(Progress { command, share }),
                // Only the whole of them counts, at the end.
                Entry::Statistic(..) | Entry::Test(..) => {}
            }
        }
    }

    pub(crate) fn started_ms(&self) -> i64 {
        self.line.started_ms()
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// How the command ended if it was stopped.
    pub(crate) fn stopped_exit(&self) -> Option<Exit> {
        self.stopped.as_ref().map(|stopped| stopped.exit(self.last_status))
    }

    fn is_over(&self) -> bool {
        self.current.as_ref().is_none_or(|current| {
            let child = &current.child;
            current.status.is_some() && child.sources.is_empty() && child.tails.is_empty()
        })
    }

    /// One wait and all that came of it.
    fn turn(&mut self, longest: Duration) -> io::Result<()> {
        let now = Instant::now();
        let blocked = self.is_blocked();
        let timeout = self.timeout(now, longest, blocked);
        let ready = self.wait(timeout, blocked)?;
        if blocked {
            self.excuse(Instant::now());
        }
        self.line.serve(&ready.line);
        self.heed_agent();
        if ready.stdin {
            self.write_stdin();
        }
        for index in (0..ready.sources.len()).rev() {
            if ready.sources[index] {
                self.read_source(index);
            }
        }
        if !blocked {
            self.read_tails();
        }
        if Instant::now() >= self.next_report {
            self.read_report(false);
            self.next_report = Instant::now() + REPORT_EVERY;
        }
        self.reap()?;
        // Last, so that what was read in this turn counts, and so that a stop is known when the turn is over.
        self.heed_time(Instant::now());
        self.flush_news();
        Ok(())
    }

    /// Whether the spool is full: the agent must first hear that the master has something of it. What is left in the
    /// pipe of a killed tree is taken in any case: the master may want to hear no more of it.
    fn is_blocked(&self) -> bool {
        let steer = self.line.steer();
        !self.killed
            && steer.limit > 0
            && self.logs.total().saturating_sub(steer.acked) >= steer.limit
    }

    fn heed_agent(&mut self) {
        let steer = self.line.steer();
        let asked = steer.stop();
        if asked > self.stopping {
            let reason = steer.reason.clone();
            self.stop(Stopped::Interrupted(reason), asked);
        }
    }

    fn heed_time(&mut self, now: Instant) {
        if self.is_blocked() {
            self.excuse(now);
        }
        if self.stopped.is_none() {
            if let Some(limit) = self.limits.total.filter(|limit| now >= self.began + *limit) {
                self.stop(Stopped::TooLong(limit), StopNow::Interrupt);
            } else if let Some(limit) =
                self.limits.silence.filter(|limit| now >= self.last_output + *limit)
            {
                self.stop(Stopped::Silent(limit), StopNow::Interrupt);
            }
        }
        if self.kill_at.is_some_and(|at| now >= at) {
            self.kill_tree();
            self.killed = true;
            self.kill_at = Some(now + KILL_AGAIN);
        }
        let held_long =
            |current: &Current| current.ended.is_some_and(|ended| now >= ended + HOLDERS);
        if self.current.as_ref().is_some_and(held_long) {
            self.kill_tree();
            self.let_go();
        }
    }

    /// While the spool was full nobody could write: that was not silence, nor was a pipe held for no reason.
    fn excuse(&mut self, now: Instant) {
        self.last_output = now;
        if let Some(current) = &mut self.current
            && let Some(ended) = &mut current.ended
        {
            *ended = now;
        }
    }

    /// Stops the command; the first reason stays.
    fn stop(&mut self, why: Stopped, how: StopNow) {
        self.stopped.get_or_insert(why);
        let first = self.stopping == StopNow::No;
        self.stopping = self.stopping.max(how);
        let now = Instant::now();
        if self.stopping == StopNow::Kill || self.limits.grace.is_zero() {
            self.kill_at = Some(now);
        } else if first {
            self.signal(self.limits.signal);
            self.kill_at = Some(now + self.limits.grace);
        }
    }

    fn signal(&self, signal: Signal) {
        let Some(current) = self.current.as_ref().filter(|current| current.status.is_none()) else {
            return;
        };
        // A program with a terminal is a group only once its shim has said so.
        if rustix::process::kill_process_group(current.child.pid, signal).is_err() {
            let _ = rustix::process::kill_process(current.child.pid, signal);
        }
    }

    fn kill_tree(&self) {
        self.signal(Signal::KILL);
        for pid in proc::descendants(rustix::process::getpid()) {
            let _ = rustix::process::kill_process(pid, Signal::KILL);
        }
    }

    /// Takes what is in the pipes at this moment and closes them.
    fn let_go(&mut self) {
        // Whoever still holds a pipe may fill it as fast as it is emptied: what fits into it at once is enough.
        for _ in 0..2 * PIPE_BYTES / READ_BYTES {
            let (err, out) = (self.read_source(1), self.read_source(0));
            if !err && !out {
                break;
            }
        }
        self.end_source(1);
        self.end_source(0);
    }

    fn timeout(&self, now: Instant, longest: Duration, blocked: bool) -> Duration {
        let mut at = now + longest;
        let mut no_later = |other: Option<Instant>| at = at.min(other.unwrap_or(at));
        no_later(self.kill_at.filter(|_| self.current.is_some()));
        no_later(self.news_since.map(|since| since + GATHER));
        if self.stopped.is_none() {
            no_later(self.limits.total.map(|limit| self.began + limit));
        }
        if let Some(current) = &self.current {
            no_later(current.ended.filter(|_| !blocked).map(|ended| ended + HOLDERS));
            if self.stopped.is_none() {
                let silence = self.limits.silence.filter(|_| !blocked);
                no_later(silence.map(|limit| self.last_output + limit));
            }
            if current.status.is_none() {
                no_later(Some(self.next_report));
            }
            if !current.child.tails.is_empty() && !blocked {
                no_later(Some(current.next_tail));
            }
        }
        at.saturating_duration_since(now)
    }

    fn wait(&self, timeout: Duration, blocked: bool) -> io::Result<Ready> {
        let mut fds = self.line.poll_fds();
        let of_line = fds.len();
        let mut sources = 0;
        let mut stdin = false;
        if let Some(current) = &self.current {
            let child = &current.child;
            if !blocked {
                sources = child.sources.len();
                fds.extend(
                    child.sources.iter().map(|source| PollFd::new(&source.fd, PollFlags::IN)),
                );
            }
            if let Some(feed) = &child.feed {
                stdin = true;
                fds.push(PollFd::new(&feed.fd, PollFlags::OUT));
            }
            if current.status.is_none() {
                fds.push(PollFd::new(&child.pidfd, PollFlags::IN));
            }
        }
        match rustix::event::poll(&mut fds, Some(&timespec(timeout))) {
            Ok(_) => {}
            Err(Errno::INTR) => return Ok(Ready::default()),
            Err(error) => return Err(error.into()),
        }
        let mut ready = fds.iter().map(|fd| !fd.revents().is_empty());
        Ok(Ready {
            line: ready.by_ref().take(of_line).collect(),
            sources: ready.by_ref().take(sources).collect(),
            stdin: stdin && ready.next() == Some(true),
        })
    }

    /// One read of a source; false when there is nothing now. An ended source is removed.
    fn read_source(&mut self, index: usize) -> bool {
        let Some(current) = &mut self.current else { return false };
        let Some(source) = current.child.sources.get_mut(index) else { return false };
        if self.buffer.is_empty() {
            self.buffer.resize(READ_BYTES, 0);
        }
        let count = match rustix::io::read(&source.fd, &mut self.buffer[..]) {
            Ok(0) => {
                self.end_source(index);
                return true;
            }
            Ok(count) => count,
            Err(Errno::AGAIN | Errno::INTR) => return false,
            // A terminal answers so when the last one on its other end has gone.
            Err(_) => {
                self.end_source(index);
                return true;
            }
        };
        if !source.grown && count >= 48 << 10 {
            // It prints a lot: fewer, larger reads. When the system grants no more, the pipe stays as it is.
            source.grown = true;
            let _ = rustix::pipe::fcntl_setpipe_size(&source.fd, PIPE_BYTES);
        }
        self.last_output = Instant::now();
        let bytes = &self.buffer[..count];
        if let Some(kept) = &mut current.child.kept {
            kept.extend_from_slice(&bytes[..count.min(KEEP_BYTES - kept.len())]);
            return true;
        }
        let fed = self.logs.feed(0, source.stream, &mut source.masker, bytes);
        let newlines = match self.limits.max_lines {
            Some(_) => bytes.iter().filter(|byte| **byte == b'\n').count() as u64,
            None => 0,
        };
        self.wrote(0, fed);
        self.lines += newlines;
        if let Some(limit) = self.limits.max_lines.filter(|limit| self.lines > *limit)
            && self.stopped.is_none()
        {
            self.stop(Stopped::TooManyLines(limit), StopNow::Interrupt);
        }
        true
    }

    fn end_source(&mut self, index: usize) {
        let Some(current) = &mut self.current else { return };
        if index >= current.child.sources.len() {
            return;
        }
        let mut source = current.child.sources.remove(index);
        if current.child.kept.is_none() {
            let ended = self.logs.end(0, source.stream, &mut source.masker);
            self.wrote(0, ended);
        }
    }

    /// Reads what the followed files have grown by. After the end of the program they are read once more to their
    /// end, and are then done with.
    fn read_tails(&mut self) {
        let now = Instant::now();
        let Some(current) = &mut self.current else { return };
        let ended = current.status.is_some() && current.child.sources.is_empty();
        if current.child.tails.is_empty() || (!ended && now < current.next_tail) {
            return;
        }
        current.next_tail = now + TAIL_EVERY;
        if self.buffer.is_empty() {
            self.buffer.resize(READ_BYTES, 0);
        }
        let mut tails = mem::take(&mut current.child.tails);
        tails.retain_mut(|tail| match tail.read(&mut self.buffer) {
            Ok(count @ 1..) => {
                let bytes = &self.buffer[..count];
                let fed = self.logs.feed(tail.log, Stream::Out, &mut tail.masker, bytes);
                self.last_output = now;
                if let Some(current) = &mut self.current {
                    // More may be there already.
                    current.next_tail = now;
                }
                self.wrote(tail.log, fed);
                true
            }
            _ if ended => {
                let fed = self.logs.end(tail.log, Stream::Out, &mut tail.masker);
                self.wrote(tail.log, fed);
                false
            }
            _ => true,
        });
        if let Some(current) = &mut self.current {
            current.child.tails = tails;
        }
    }

    /// A log was written to, or could not be.
    fn wrote(&mut self, log: usize, result: io::Result<()>) {
        if let Err(error) = result {
            let why = format!("the worker could not keep the output on its disk: {error}");
            let full = matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded);
            let stopped = if full { Stopped::Unfit(why) } else { Stopped::Failed(why) };
            if self.stopped.is_none() {
                self.stop(stopped, StopNow::Kill);
            }
        }
        self.line.spooled(self.logs.name(log), self.logs.length(log));
        if let Some(warnings) = self.logs.warnings().filter(|log| self.logs.length(*log) > 0) {
            self.line.spooled(self.logs.name(warnings), self.logs.length(warnings));
        }
    }

    fn write_stdin(&mut self) {
        let Some(current) = &mut self.current else { return };
        let Some(feed) = &mut current.child.feed else { return };
        match rustix::io::write(&feed.fd, &feed.text[feed.written..]) {
            Ok(count) => feed.written += count,
            Err(Errno::AGAIN | Errno::INTR) => return,
            // It does not want to read any more, which is its right.
            Err(_) => feed.written = feed.text.len(),
        }
        if feed.written == feed.text.len() {
            current.child.feed = None;
        }
    }

    /// Takes the statuses of all that died below this process; false when nothing is left there.
    fn reap(&mut self) -> io::Result<bool> {
        let Some(current) = &mut self.current else { return Ok(false) };
        loop {
            match rustix::process::wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) => {
                    if pid == current.child.pid {
                        current.status = Some(status);
                        current.ended = Some(Instant::now());
                        current.child.feed = None;
                    }
                }
                Ok(None) => return Ok(true),
                Err(Errno::CHILD) => return Ok(false),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Kills what is left of the tree until there is nothing.
    fn sweep(&mut self) -> io::Result<()> {
        let until = Instant::now() + SWEEP;
        while self.reap()? && Instant::now() < until {
            for pid in proc::descendants(rustix::process::getpid()) {
                let _: Result<(), Errno> = kill(pid);
            }
            let ready = self.wait(Duration::from_millis(1), true)?;
            self.line.serve(&ready.line);
        }
        Ok(())
    }

    /// Tells the agent, not more often than every [`GATHER`].
    fn flush_news(&mut self) {
        if !self.line.has_unsaid() {
            self.news_since = None;
            return;
        }
        let now = Instant::now();
        let since = *self.news_since.get_or_insert(now);
        if now >= since + GATHER {
            self.line.flush();
            // What the socket did not take is sent when it can take more: the wait is on the socket then.
            self.news_since = self.line.has_unsaid().then_some(now);
        }
    }
}

#[derive(Debug, Default)]
struct Ready {
    line: Vec<bool>,
    sources: Vec<bool>,
    stdin: bool,
}

fn kill(pid: Pid) -> Result<(), Errno> {
    rustix::process::kill_process(pid, Signal::KILL)
}

fn timespec(span: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(span.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(span.subsec_nanos()),
    }
}

/// The exit of a program that was left alone, or of a command that was stopped, or that could not start.
pub(crate) fn exit_of(watch: &Watch<'_>, end: &Result<End, NoEnd>) -> Exit {
    if let Some(exit) = watch.stopped_exit() {
        return exit;
    }
    match end {
        Ok(end) => limits::exit(end.status),
        Err(NoEnd::NotStarted(why)) => limits::not_started(watch.logs.words().mask(why)),
        // Only a stopped command has no end: answered above.
        Err(NoEnd::Stopped) => limits::not_started("stopped".to_owned()),
    }
}
