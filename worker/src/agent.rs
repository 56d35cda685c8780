//! The worker's loop: performs what the session decides, between the link, the spool and the supervisors.
//!
//! One task owns everything; nothing here is shared or locked. Files are touched in line (they lie in the page cache
//! or are a few small writes); only what may take long is given to a blocking thread: removing a spool, and hashing
//! and hunting for the leftovers of a lost command.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::time::Duration;

use linn_proto::worker::{
    Ending, Exit, Finished, FromWorker, Start, StoredFile, from_worker, start,
};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::Code;
use tonic::transport::Channel;

use crate::backoff::Backoff;
use crate::clock::now_ms;
use crate::exec::frame::{Report, StopNow};
use crate::exec::leash::Told;
use crate::exec::limits::unfit;
use crate::exec::pool::Pool;
use crate::exec::proc;
use crate::exec::supervise::{COMMAND_VAR, MARK_VAR};
use crate::id::CommandId;
use crate::info;
use crate::link::{Heard, Link};
use crate::patience::Patience;
use crate::pusher::{Pusher, room};
use crate::session::{Greeting, Input, Output, Session, Stop};
use crate::settings::Settings;
use crate::spool::{self, FoundState, Spool};
use crate::transfer::{self, Wire};
use crate::worker::WorkerError;

/// Words of supervisors waiting to be heard.
const TOLD_QUEUE: usize = 256;

/// Back-off between attempts to reach the master: the first ceiling and the last.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(15));

/// A link that stood for so long was a good one: the next time, dialling begins at once. One that breaks after each welcome
/// must not be dialled ever and again.
const STEADY: Duration = Duration::from_secs(5);

/// How often idle supervisors are looked through.
const TRIM: Duration = Duration::from_secs(10);

/// How long goodbyes may take.
const LEAVE: Duration = Duration::from_millis(500);

/// How often a lost supervisor's leftovers are swept.
const SWEEPS: u32 = 500;

/// When a supervisor that lives does not answer a call, it is called again after so long.
const CALL_AGAIN: Duration = Duration::from_millis(200);

/// Everything a running worker is.
pub(crate) struct Agent {
    session: Session,
    spool: Spool,
    pool: Pool,
    mark: String,
    told: mpsc::Receiver<Told>,
    later: (mpsc::Sender<Later>, mpsc::Receiver<Later>),
    /// Forgotten by the master, but still being killed.
    doomed: BTreeSet<CommandId>,
    /// Held, with a result: nothing of theirs runs any more, also where the disk took no word of it.
    ended: BTreeSet<CommandId>,
    outputs: Vec<Output>,
    outbox: VecDeque<from_worker::Msg>,
    control: Option<mpsc::Sender<FromWorker>>,
    pusher: Pusher,
    /// Where files can go, while a session stands.
    wire: Option<Wire>,
    /// Uploads that ended here and that the master has not taken yet.
    uploads: BTreeMap<CommandId, Vec<StoredFile>>,
    /// Downloads whose file is not here yet.
    fetching: BTreeSet<CommandId>,
    /// Transfers under way on this link.
    transfers: BTreeMap<CommandId, AbortHandle>,
    /// What became of the link by the last outputs.
    verdict: Option<Verdict>,
}

/// What a task outside of the loop found out.
#[derive(Debug)]
enum Later {
    Lost(Box<Finished>),
    CallAgain(CommandId),
    /// What a download brings is in its spool, or why there is none.
    Fetched(CommandId),
    /// A download took longer than its step may.
    TooLate(CommandId),
}

/// The session wants the link gone.
#[derive(Debug)]
enum Verdict {
    Drop { why: String, after: Duration },
    End { why: String },
}

/// Where the link is.
enum Dial<F> {
    Waiting(Pin<Box<tokio::time::Sleep>>),
    Calling(Pin<Box<F>>),
    Up(Box<Link>, Instant),
}

#[expect(clippy::large_enum_variant, reason = "moved once and never kept in bulk")]
enum Event {
    Due,
    Called(Result<Channel, tonic::transport::Error>),
    Heard(Heard),
}

impl<F: Future<Output = Result<Channel, tonic::transport::Error>>> Dial<F> {
    fn after(wait: Duration) -> Self {
        Self::Waiting(Box::pin(tokio::time::sleep(wait)))
    }

    /// Whether a link has stood for so long.
    fn stands_for(&self, span: Duration) -> bool {
        matches!(self, Self::Up(_, since) if since.elapsed() >= span)
    }

    /// May be dropped and called again.
    async fn next(&mut self) -> Event {
        match self {
            Self::Waiting(sleep) => {
                sleep.await;
                Event::Due
            }
            Self::Calling(call) => Event::Called(call.await),
            Self::Up(link, _) => Event::Heard(link.hear().await),
        }
    }
}

impl Agent {
    pub(crate) fn new(
        settings: &Settings,
        spool: Spool,
        greeting: Greeting,
        mark: String,
    ) -> io::Result<Self> {
        let (tell, told) = mpsc::channel(TOLD_QUEUE);
        Ok(Self {
            session: Session::new(greeting, settings.log_window_bytes),
            spool,
            pool: Pool::new(&settings.dir, mark.clone(), &settings.supervisor, tell)?,
            mark,
            told,
            later: mpsc::channel(TOLD_QUEUE),
            doomed: BTreeSet::new(),
            ended: BTreeSet::new(),
            outputs: Vec::new(),
            outbox: VecDeque::new(),
            control: None,
            pusher: Pusher::default(),
            wire: None,
            uploads: BTreeMap::new(),
            fetching: BTreeSet::new(),
            transfers: BTreeMap::new(),
            verdict: None,
        })
    }

    /// Takes up what an earlier agent of the folder left.
    pub(crate) fn take_up(&mut self) -> io::Result<()> {
        let boot = info::boot_id();
        for found in self.spool.found(&boot)? {
            let id = CommandId(found.start.command);
            let names = spool::log_names(&found.start);
            self.input(Input::Adopted(id));
            // The sizes are told before the first hello: the master's answer counts from them.
            for (index, log) in names.iter().enumerate() {
                let path = spool::log_path(&self.spool.folder(id), index);
                let to = std::fs::metadata(path).map_or(0, |file| file.len());
                if to > 0 {
                    self.input(Input::Spooled { command: id, log: log.clone(), to });
                }
            }
            self.pusher.hold(id, names);
            match found.state {
                FoundState::Finished(finished) => self.over(id, *finished),
                FoundState::Running => {
                    tracing::info!("command {id} still runs; taken over");
                    self.call(id);
                }
                FoundState::Unclaimed => self.begin(id, &found.start),
                FoundState::Lost { this_boot } => {
                    tracing::warn!("command {id} lost its supervisor");
                    self.lose(id, found.start, this_boot);
                }
            }
        }
        Ok(())
    }

    /// Works until told to stop.
    pub(crate) async fn run<C, F>(
        &mut self,
        connect: &C,
        stop: &CancellationToken,
    ) -> Result<(), WorkerError>
    where
        C: Fn() -> F + Send,
        F: Future<Output = Result<Channel, tonic::transport::Error>> + Send + 'static,
    {
        let mut dial = Dial::after(Duration::ZERO);
        let mut backoff = Backoff::new(BACKOFF.0, BACKOFF.1);
        let mut patience = Patience::default();
        let mut trim = tokio::time::interval(TRIM);
        trim.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            self.perform(&mut dial);
            if dial.stands_for(STEADY) && self.session.is_up() {
                backoff.reset();
            }
            self.send();
            if !self.outputs.is_empty() {
                continue;
            }
            match self.verdict.take() {
                Some(Verdict::End { why }) => return Err(WorkerError::Refused(why)),
                Some(Verdict::Drop { why, after }) => {
                    let wait = backoff.next(random(), after);
                    tracing::warn!("no session with the master: {why}; again in {wait:?}");
                    self.link_down();
                    patience = Patience::default();
                    dial = Dial::after(wait);
                    continue;
                }
                None => {}
            }
            let wants_control = !self.outbox.is_empty();
            let wants_push = self.pusher.wants_room();
            tokio::select! {
                () = stop.cancelled() => {
                    self.leave(&mut dial).await;
                    return Ok(());
                }
                event = dial.next() => match event {
                    Event::Due => dial = Dial::Calling(Box::pin(connect())),
                    Event::Called(Ok(channel)) => {
                        let (link, control) = Link::begin(channel);
                        self.control = Some(control);
                        self.input(Input::LinkUp);
                        patience = Patience::of_new_link(Instant::now());
                        dial = Dial::Up(Box::new(link), Instant::now());
                    }
                    Event::Called(Err(error)) => {
                        self.drop_link(format!("cannot reach it: {}", chain(&error)));
                    }
                    Event::Heard(Heard::Control(message)) => if let Some(msg) = message.msg {
                        patience.heard(&msg, Instant::now());
                        self.input(Input::FromMaster(msg));
                    },
                    Event::Heard(Heard::Acked(acked)) => {
                        patience.refresh(Instant::now());
                        self.input(Input::LogAcked(acked));
                    }
                    Event::Heard(Heard::Ended(status)) => self.ended(&status),
                },
                Some(told) = self.told.recv() => self.hear(told),
                Some(later) = self.later.1.recv() => match later {
                    Later::Lost(finished) => self.over(CommandId(finished.command), *finished),
                    Later::CallAgain(id) => self.call(id),
                    Later::Fetched(id) => {
                        if self.fetching.remove(&id) {
                            self.transfers.remove(&id);
                            self.hand_over(id);
                        }
                    }
                    Later::TooLate(id) => {
                        self.give_up(id, Ending::TimedOut, "its file took too long to come");
                    }
                },
                // Room on the wire: `send` uses it in the next turn.
                () = room(self.control.as_ref()), if wants_control => {}
                () = self.pusher.room(), if wants_push => {}
                () = patience.over() => self.drop_link("it has been silent for too long".to_owned()),
                _ = trim.tick() => self.pool.trim(),
            }
        }
    }

    fn input(&mut self, input: Input) {
        self.session.handle(input, &mut self.outputs);
    }

    /// Does what the session has decided.
    fn perform<F>(&mut self, dial: &mut Dial<F>) {
        // Doing may bring new decisions (a command that cannot start has finished).
        while !self.outputs.is_empty() {
            for output in std::mem::take(&mut self.outputs) {
                match output {
                    Output::Send(msg) => self.outbox.push_back(msg),
                    Output::Start(start) => self.start(&start),
                    Output::Stop { command, reason, .. } if self.fetching.contains(&command) => {
                        self.give_up(command, Ending::Interrupted, &reason);
                    }
                    Output::Stop { command, how, reason } => {
                        let how = match how {
                            Stop::Interrupt => StopNow::Interrupt,
                            Stop::Kill => StopNow::Kill,
                        };
                        self.pool.steer(command, |steer| {
                            if how > steer.stop() {
                                steer.set_stop(how);
                                steer.reason = reason;
                            }
                        });
                    }
                    Output::Acked { command, bytes } => {
                        self.pool.steer(command, |steer| steer.acked = bytes);
                    }
                    Output::SpoolLimit(bytes) => self.pool.set_limit(bytes),
                    Output::Forget(command) => self.forget(command),
                    Output::Welcomed { session } => {
                        tracing::info!("connected: session {session}");
                        if let Dial::Up(link, _) = dial {
                            self.pusher.open(link.open_push(session));
                            self.wire = Some(Wire { client: link.client(), session });
                            self.transfer_all();
                        }
                    }
                    Output::Retry { why, after } => {
                        self.verdict = Some(Verdict::Drop { why, after });
                    }
                    Output::End { why } => self.verdict = Some(Verdict::End { why }),
                    Output::Draining => {
                        tracing::info!("draining: the master starts nothing more here");
                    }
                    Output::Note(note) => tracing::warn!("{note}"),
                }
            }
        }
    }

    /// Gives the wire what it takes at this moment.
    fn send(&mut self) {
        if let Some(control) = &self.control {
            while let Ok(permit) = control.try_reserve()
                && let Some(msg) = self.outbox.pop_front()
            {
                permit.send(FromWorker { msg: Some(msg) });
            }
        }
        if let Err((push, why)) = self.pusher.send(&mut self.session, &self.spool) {
            tracing::error!("command {}: {why}", push.command);
            self.input(Input::Unreadable { push, why });
        }
    }

    fn start(&mut self, start: &Start) {
        let id = CommandId(start.command);
        tracing::debug!("command {id}: {} of {}", start.step, start.build);
        self.pusher.hold(id, spool::log_names(start));
        match self.spool.create(start) {
            Ok(()) => self.begin(id, start),
            Err(error) => {
                let why = format!("the worker cannot write to its spool: {error}");
                self.over(id, finished(id, unfit(why)));
            }
        }
    }

    /// Hands a command over; one that brings a file has it fetched first.
    fn begin(&mut self, id: CommandId, start: &Start) {
        if !matches!(start.what, Some(start::What::Download(_))) {
            return self.hand_over(id);
        }
        let total = start.timeouts.as_ref().map_or(0, |timeouts| timeouts.total_ms);
        let total = u64::try_from(total).ok().filter(|ms| *ms > 0).map(Duration::from_millis);
        if let Some(total) = total {
            let later = self.later.0.clone();
            tokio::spawn(async move {
                tokio::time::sleep(total).await;
                let _ = later.send(Later::TooLate(id)).await;
            });
        }
        self.fetching.insert(id);
        self.transfer(id);
    }

    /// Begins every transfer that waits for a link.
    fn transfer_all(&mut self) {
        let waiting: Vec<_> = self.uploads.keys().chain(&self.fetching).copied().collect();
        for id in waiting {
            self.transfer(id);
        }
    }

    fn transfer(&mut self, id: CommandId) {
        let Some(wire) = self.wire.clone() else { return };
        let folder = self.spool.folder(id);
        let task = if let Some(files) = self.uploads.get(&id) {
            tokio::spawn(transfer::send(wire, id, files.clone(), folder))
        } else {
            let later = self.later.0.clone();
            tokio::spawn(async move {
                transfer::fetch(wire, id, folder).await;
                let _ = later.send(Later::Fetched(id)).await;
            })
        };
        if let Some(before) = self.transfers.insert(id, task.abort_handle()) {
            before.abort();
        }
    }

    /// A download ends before its command was begun.
    fn give_up(&mut self, id: CommandId, ending: Ending, why: &str) {
        if !self.fetching.remove(&id) {
            return;
        }
        self.end_transfer(id);
        let exit = Exit { ending: ending.into(), code: -1, signal: 0, why: why.to_owned() };
        let finished = finished(id, exit);
        if let Err(error) = self.spool.write_exit(&finished) {
            tracing::error!("cannot keep the result of command {id}: {error}");
        }
        self.over(id, finished);
    }

    fn end_transfer(&mut self, id: CommandId) {
        if let Some(task) = self.transfers.remove(&id) {
            task.abort();
        }
    }

    fn hand_over(&mut self, id: CommandId) {
        if let Err(error) = self.pool.run(id) {
            let why = format!("the worker cannot start a supervisor: {error}");
            let finished = finished(id, unfit(why));
            if let Err(error) = self.spool.write_exit(&finished) {
                tracing::error!("cannot keep the result of command {id}: {error}");
            }
            self.over(id, finished);
        }
    }

    /// Calls the supervisor of a command that runs, or finds out what became of it.
    fn call(&mut self, id: CommandId) {
        if self.pool.adopt(id, &self.spool.folder(id)).is_err() {
            self.gone(id);
        }
    }

    fn hear(&mut self, told: Told) {
        match told {
            Told::Report { leash, report } => {
                if self.pool.has(leash, CommandId(report.command)) {
                    self.report(report);
                }
            }
            Told::Gone { leash } => {
                if let Some(id) = self.pool.gone(leash) {
                    self.gone(id);
                }
            }
        }
    }

    fn report(&mut self, report: Report) {
        let id = CommandId(report.command);
        if report.taken {
            self.pool.release(id);
            return self.call(id);
        }
        if let Some(started) = report.started {
            self.input(Input::Started(started));
        }
        for (log, to) in report.spooled {
            self.input(Input::Spooled { command: id, log, to });
        }
        for property in report.properties {
            self.input(Input::Property(property));
        }
        for link in report.links {
            self.input(Input::Link(link));
        }
        if let Some(progress) = report.progress {
            self.input(Input::Progress(progress));
        }
        if let Some(finished) = report.finished {
            self.pool.release(id);
            self.over(id, finished);
        }
    }

    /// A command has its result.
    fn over(&mut self, id: CommandId, finished: Finished) {
        if self.doomed.remove(&id) {
            self.remove(id);
        } else {
            self.ended.insert(id);
            let files = finished.files.clone();
            self.input(Input::Finished(finished));
            if !files.is_empty() {
                self.uploads.insert(id, files);
                self.transfer(id);
            }
        }
    }

    /// The line to a command's supervisor was cut.
    fn gone(&mut self, id: CommandId) {
        let folder = self.spool.folder(id);
        let boot = info::boot_id();
        let alive = spool::claimant(&folder).is_some_and(|supervisor| supervisor.is_alive(&boot));
        // In this order: a supervisor that ended between the two looks has left its result.
        if let Some(finished) = self.spool.finished(id) {
            self.over(id, finished);
        } else if alive {
            let again = self.later.0.clone();
            tokio::spawn(async move {
                tokio::time::sleep(CALL_AGAIN).await;
                let _ = again.send(Later::CallAgain(id)).await;
            });
        } else if let Ok(start) = spool::read_start(&folder) {
            tracing::warn!("the supervisor of command {id} died");
            self.lose(id, start, true);
        } else {
            let why = "its supervisor died, and its spool cannot be read".to_owned();
            let exit = Exit { ending: Ending::Lost.into(), code: -1, signal: 0, why };
            self.over(id, finished(id, exit));
        }
    }

    /// A command's supervisor is dead: ends what is left of it and says so.
    fn lose(&mut self, id: CommandId, start: Start, this_boot: bool) {
        let marks = [format!("{COMMAND_VAR}={id}"), format!("{MARK_VAR}={}", self.mark)];
        let (spool, done) = (self.spool.clone(), self.later.0.clone());
        tokio::task::spawn_blocking(move || {
            let left = if this_boot { proc::kill_marked(&marks, SWEEPS) } else { 0 };
            let mut why = if this_boot {
                "its supervisor process died; what was left of it has been killed".to_owned()
            } else {
                "the worker's machine was restarted".to_owned()
            };
            if left > 0 {
                why = format!("{why}; {left} processes could not be killed");
            }
            let exit = Exit { ending: Ending::Lost.into(), code: -1, signal: 0, why };
            let finished = Finished { logs: spool.final_logs(&start), ..finished(id, exit) };
            let _ = spool.write_exit(&finished);
            let _ = done.blocking_send(Later::Lost(Box::new(finished)));
        });
    }

    fn forget(&mut self, id: CommandId) {
        self.pusher.forget(id);
        self.uploads.remove(&id);
        self.fetching.remove(&id);
        self.end_transfer(id);
        let claimed = || spool::claimant(&self.spool.folder(id)).is_some();
        if self.ended.remove(&id) || self.spool.finished(id).is_some() || !claimed() {
            self.pool.release(id);
            self.remove(id);
        } else {
            self.doomed.insert(id);
            self.pool.steer(id, |steer| {
                steer.set_stop(StopNow::Kill);
                "the master has forgotten it".clone_into(&mut steer.reason);
            });
        }
    }

    fn remove(&self, id: CommandId) {
        let spool = self.spool.clone();
        tokio::task::spawn_blocking(move || spool.remove(id));
    }

    fn ended(&mut self, status: &tonic::Status) {
        let why = status.message().to_owned();
        self.verdict = Some(match status.code() {
            Code::Unauthenticated | Code::PermissionDenied | Code::Unimplemented => {
                Verdict::End { why }
            }
            _ => Verdict::Drop { why, after: Duration::ZERO },
        });
    }

    fn drop_link(&mut self, why: String) {
        self.verdict = Some(Verdict::Drop { why, after: Duration::ZERO });
    }

    fn link_down(&mut self) {
        self.input(Input::LinkDown);
        self.control = None;
        self.outbox.clear();
        self.pusher.close();
        self.wire = None;
        for task in std::mem::take(&mut self.transfers).into_values() {
            task.abort();
        }
    }

    /// Says goodbye, if there is somebody to hear it.
    async fn leave<F>(&mut self, dial: &mut Dial<F>)
    where
        F: Future<Output = Result<Channel, tonic::transport::Error>>,
    {
        self.input(Input::Leaving("the worker is being ended".to_owned()));
        self.perform(dial);
        self.send();
        self.control = None;
        self.pusher.close();
        if let Dial::Up(link, _) = dial {
            let until_the_end = async { while !matches!(link.hear().await, Heard::Ended(_)) {} };
            let _ = tokio::time::timeout(LEAVE, until_the_end).await;
        }
    }
}

fn finished(id: CommandId, exit: Exit) -> Finished {
    Finished { command: id.0, exit: Some(exit), at_ms: now_ms(), ..Finished::default() }
}

fn random() -> u64 {
    let mut bytes = [0; 8];
    // Without randomness the back-off is still a back-off.
    let _ = rustix::rand::getrandom(&mut bytes[..], rustix::rand::GetRandomFlags::NONBLOCK);
    u64::from_le_bytes(bytes)
}

/// An error with its causes, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
