//! The loop: everything that happens is put into one order, taken by `update`, and drawn when it shows.
//!
//! The loop has a thread of its own, so a slow terminal never holds up the runtime in which a master may live. Keys are
//! drawn at once (at most 60 frames a second), data at most 15 times a second; when nothing changes, nothing runs but
//! the clock.

use std::{
    io,
    time::{Duration, Instant},
};

use crossterm::event::{Event, EventStream, KeyEventKind};
use futures_util::FutureExt;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::{mpsc, oneshot},
};
use tokio_stream::StreamExt;

use crate::{
    command::Command,
    link::{self, Dial, Link, LinkEvent},
    message::Message,
    model::Model,
    notify::TerminalKind,
    options::{ConsoleError, ExitReason, Options},
    perform::Performer,
    terminal::{self, Screen},
    theme::Surroundings,
    update::update,
    view::view,
    zone::Zone,
};

/// Between frames that answer a key.
const KEY_FRAME: Duration = Duration::from_millis(16);
/// Between frames that show new data.
const DATA_FRAME: Duration = Duration::from_millis(66);
/// The same while the terminal says that nobody is at it: seen from afar, half a second is at once.
const DATA_FRAME_UNFOCUSED: Duration = Duration::from_millis(500);
/// The clock, while somebody may look, and while nobody does.
const TICK: Duration = Duration::from_secs(1);
const TICK_UNFOCUSED: Duration = Duration::from_secs(5);
/// A stop that has not come by then does not come: some shells refuse it.
const STOP_LIMIT: Duration = Duration::from_secs(1);
/// A suspend sends its own signal to the whole group, us included; it is not taken for another one.
const OWN_SUSPEND: Duration = Duration::from_millis(500);

/// Runs the console in this terminal until the person leaves.
///
/// Must be called inside a tokio runtime; the calls to the master run there.
///
/// # Errors
/// [`ConsoleError`] when the terminal cannot be used. A master that does not answer is no error: the console waits for
/// it and says so.
pub async fn run(options: Options, dial: Dial) -> Result<ExitReason, ConsoleError> {
    terminal::heal();
    let link = link::start(dial);
    let (answers, receiver) = mpsc::channel(64);
    let performer =
        Performer::new(link.channel.clone(), answers, tokio::runtime::Handle::current());
    let (done, ended) = oneshot::channel();
    std::thread::Builder::new()
        .name("console".into())
        .spawn(move || {
            let _ = done.send(thread(options, link, receiver, performer));
        })
        .map_err(ConsoleError::Start)?;
    match ended.await {
        Ok(result) => result,
        // The thread panicked: its hook gave the terminal back and said what happened.
        Err(_) => Err(ConsoleError::Terminal(io::Error::other("the console's thread ended"))),
    }
}

fn thread(
    options: Options,
    link: Link,
    answers: mpsc::Receiver<Message>,
    performer: Performer,
) -> Result<ExitReason, ConsoleError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(ConsoleError::Start)?;
    runtime.block_on(async {
        let mut console = Console::new(options, link, answers, performer)?;
        let ended = console.run().await;
        // Before anything else is printed.
        drop(console);
        ended
    })
}

struct Signals {
    terminate: Signal,
    hangup: Signal,
    suspend: Signal,
    resume: Signal,
}

struct Console {
    model: Model,
    screen: Screen,
    events: Option<EventStream>,
    link: Link,
    answers: mpsc::Receiver<Message>,
    performer: Performer,
    signals: Signals,
    kind: TerminalKind,
    drawn: Instant,
    /// A key waits to be answered by a frame.
    urgent: bool,
    suspended: Option<Instant>,
    /// Asked to give the terminal to the shell.
    suspend: bool,
    exit: Option<ExitReason>,
}

impl Console {
    fn new(
        options: Options,
        link: Link,
        answers: mpsc::Receiver<Message>,
        performer: Performer,
    ) -> Result<Self, ConsoleError> {
        let signals = Signals {
            terminate: signal(SignalKind::terminate()).map_err(ConsoleError::Start)?,
            hangup: signal(SignalKind::hangup()).map_err(ConsoleError::Start)?,
            suspend: signal(SignalKind::from_raw(rustix::process::Signal::TSTP.as_raw()))
                .map_err(ConsoleError::Start)?,
            resume: signal(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw()))
                .map_err(ConsoleError::Start)?,
        };
        let mut model = Model::new(options, &Surroundings::read(), Zone::local(), seed());
        let screen = Screen::take().map_err(ConsoleError::Terminal)?;
        model.size = screen.size().map_err(ConsoleError::Terminal)?;
        Ok(Self {
            model,
            screen,
            events: Some(EventStream::new()),
            link,
            answers,
            performer,
            signals,
            kind: TerminalKind::read(),
            drawn: Instant::now(),
            urgent: true,
            suspended: None,
            suspend: false,
            exit: None,
        })
    }

    async fn run(&mut self) -> Result<ExitReason, ConsoleError> {
        self.take(Message::Tick(now_ms()))?;
        self.draw()?;
        loop {
            let message = self.next().await?;
            self.take(Message::Tick(now_ms()))?;
            if let Some(message) = message {
                self.take(message)?;
                self.drain()?;
            }
            if let Some(reason) = self.exit {
                return Ok(reason);
            }
            if std::mem::take(&mut self.suspend) {
                self.suspend().await?;
            }
            let gap = self.gap();
            if self.model.dirty && self.drawn.elapsed() >= gap {
                self.draw()?;
            }
        }
    }

    /// Between two frames, now.
    fn gap(&self) -> Duration {
        match (self.urgent, self.model.focus) {
            (true, _) => KEY_FRAME,
            (false, Some(false)) => DATA_FRAME_UNFOCUSED,
            (false, _) => DATA_FRAME,
        }
    }

    /// The next thing that happens; `None` when it is only time to draw or to move the clock.
    async fn next(&mut self) -> Result<Option<Message>, ConsoleError> {
        let gap = self.gap();
        let tick = if self.model.focus == Some(false) { TICK_UNFOCUSED } else { TICK };
        let wait = if self.model.dirty {
            gap.saturating_sub(self.drawn.elapsed())
        } else {
            // The clock moves at the second's edge.
            let past = u64::try_from(now_ms().rem_euclid(1000)).unwrap_or(0);
            tick - Duration::from_millis(past)
        };
        let events = self.events.get_or_insert_with(EventStream::new);
        Ok(tokio::select! {
            biased;
            event = events.next() => match event {
                Some(Ok(event)) => self.input(event),
                // The terminal is gone.
                Some(Err(_)) | None => Some(Message::Terminate),
            },
            _ = self.signals.terminate.recv() => Some(Message::Terminate),
            _ = self.signals.hangup.recv() => Some(Message::Terminate),
            _ = self.signals.suspend.recv() => {
                self.suspend |= self.suspended.is_none_or(|at| at.elapsed() > OWN_SUSPEND);
                None
            }
            Some(event) = self.link.events.recv() => Some(Message::Link(event)),
            Some(answer) = self.answers.recv() => Some(answer),
            () = tokio::time::sleep(wait) => None,
        })
    }

    fn input(&mut self, event: Event) -> Option<Message> {
        self.urgent = true;
        match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => Some(Message::Key(key)),
            Event::Paste(text) => Some(Message::Paste(text)),
            Event::Resize(columns, rows) => Some(Message::Resize(columns, rows)),
            Event::FocusGained => Some(Message::Focus(true)),
            Event::FocusLost => Some(Message::Focus(false)),
            // Mouse events are not asked for: selecting text stays the terminal's.
            Event::Key(_) | Event::Mouse(_) => None,
        }
    }

    /// Everything else that has happened already: one frame shows it all.
    fn drain(&mut self) -> Result<(), ConsoleError> {
        for _ in 0..256 {
            if self.exit.is_some() {
                return Ok(());
            }
            let next = match self.link.events.try_recv() {
                Ok(event) => Some(Message::Link(event)),
                Err(_) => self.answers.try_recv().ok(),
            };
            match next {
                Some(message) => self.take(message)?,
                None => return Ok(()),
            }
        }
        Ok(())
    }

    fn take(&mut self, message: Message) -> Result<(), ConsoleError> {
        if matches!(message, Message::Link(LinkEvent::Snapshot { .. })) {
            self.urgent = true;
        }
        for command in update(&mut self.model, message) {
            match self.performer.perform(command) {
                None => {}
                Some(Command::RingTerminal(ring)) => {
                    let sequence = self.kind.sequence(&ring);
                    self.screen.ring(&sequence).map_err(ConsoleError::Terminal)?;
                }
                Some(Command::Link(order)) => {
                    // A full queue means a link that is busy: the order would come too late to matter.
                    let _ = self.link.orders.try_send(order);
                }
                Some(Command::Repaint) => {
                    self.screen.repaint().map_err(ConsoleError::Terminal)?;
                    self.model.dirty = true;
                }
                Some(Command::Suspend) => self.suspend = true,
                Some(Command::Exit(reason)) => self.exit = Some(reason),
                Some(_) => {}
            }
        }
        Ok(())
    }

    async fn suspend(&mut self) -> Result<(), ConsoleError> {
        // The stream reads the terminal in a thread of its own: it must not while the shell has it.
        self.events = None;
        // An earlier continuation that nobody waited for.
        let _ = self.signals.resume.recv().now_or_never();
        self.screen.stop().map_err(ConsoleError::Terminal)?;
        let _ = tokio::time::timeout(STOP_LIMIT, self.signals.resume.recv()).await;
        self.screen.retake().map_err(ConsoleError::Terminal)?;
        self.suspended = Some(Instant::now());
        self.model.size = self.screen.size().map_err(ConsoleError::Terminal)?;
        self.model.dirty = true;
        self.urgent = true;
        Ok(())
    }

    fn draw(&mut self) -> Result<(), ConsoleError> {
        let model = &self.model;
        let drawn = self.screen.draw(|frame| {
            let area = frame.area();
            view(model, frame.buffer_mut(), area);
        });
        self.drawn = Instant::now();
        self.model.dirty = false;
        self.urgent = false;
        drawn.map_err(ConsoleError::Terminal)
    }
}

fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// Sixteen random hex digits; the time of start where the system gives none.
fn seed() -> String {
    let mut bytes = [0_u8; 8];
    let _ = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
    format!("console-{:016x}-{:x}", u64::from_ne_bytes(bytes), now_ms())
}
