//! A real terminal: a PTY whose bytes go through a VT parser, so that a test sees the screen that a person would.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal, kill_process};
use rustix::termios::LocalModes;

use crate::site::{PATIENCE, binary};

/// What of the surroundings would change what a console draws or whom it rings.
const WISHES: [&str; 17] = [
    "CLICOLOR_FORCE",
    "COLORFGBG",
    "COLORTERM",
    "COLUMNS",
    "DBUS_SESSION_BUS_ADDRESS",
    "GHOSTTY_RESOURCES_DIR",
    "KITTY_WINDOW_ID",
    "LINES",
    "LINN_CONTEXT",
    "LINN_SERVER",
    "NO_COLOR",
    "STY",
    "TERM_PROGRAM",
    "TMUX",
    "WEZTERM_PANE",
    "WT_SESSION",
    "XDG_RUNTIME_DIR",
];

/// A program to be started in a folder, in surroundings of the test's own: an ordinary terminal with many colours, no
/// settings but those in `config/linn/console.toml` below `home`, no desktop.
#[must_use]
pub fn program(path: impl AsRef<OsStr>, home: &Path, folder: &Path) -> CommandBuilder {
    let mut command = CommandBuilder::new(path);
    command.cwd(folder);
    for name in WISHES {
        command.env_remove(name);
    }
    command.env("TERM", "xterm-256color");
    command.env("TZ", "UTC");
    command.env("XDG_CONFIG_HOME", home.join("config"));
    // Without an address a bus is sought in places that the test does not know.
    command.env("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={}/no-bus", home.display()));
    command
}

/// `linn` with these arguments as a [`program`].
#[must_use]
pub fn linn<S: AsRef<OsStr>>(
    home: &Path,
    folder: &Path,
    arguments: impl IntoIterator<Item = S>,
) -> CommandBuilder {
    let mut command = program(binary("linn"), home, folder);
    command.args(arguments);
    command
}

/// A program on a terminal.
pub struct Terminal {
    bytes: Receiver<Vec<u8>>,
    parser: vt100::Parser,
    /// Every byte the program wrote, for scans.
    pub raw: Vec<u8>,
    /// How many of them the screen shows.
    shown: usize,
    writer: Box<dyn Write + Send>,
    master: Box<dyn MasterPty + Send>,
    /// The program's side of it: what it leaves behind can be looked at when it is gone.
    slave: OwnedFd,
    child: Box<dyn Child + Send + Sync>,
}

impl Terminal {
    /// Starts a program on a terminal of this size.
    ///
    /// # Panics
    /// When there is no PTY, or the program does not start.
    #[must_use]
    pub fn start(command: CommandBuilder, columns: u16, rows: u16) -> Self {
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).expect("a PTY");
        let name = pair.master.tty_name().expect("a PTY has a name");
        let slave = rustix::fs::open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty())
            .expect("a PTY can be opened again");
        let child = pair.slave.spawn_command(command).expect("the program starts");
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().expect("a reader");
        let writer = pair.master.take_writer().expect("a writer");
        let (say, bytes) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 8192];
            while let Ok(n) = reader.read(&mut buffer) {
                if n == 0 || say.send(buffer[..n].to_vec()).is_err() {
                    return;
                }
            }
        });
        let parser = vt100::Parser::new(
            rows.try_into().expect("some rows"),
            columns.try_into().expect("some columns"),
            0,
        );
        Self { bytes, parser, raw: Vec::new(), shown: 0, writer, master: pair.master, slave, child }
    }

    /// Types.
    ///
    /// # Panics
    /// When the terminal is gone.
    pub fn keys(&mut self, keys: &str) {
        self.writer.write_all(keys.as_bytes()).expect("typed");
        self.writer.flush().expect("typed");
    }

    /// Takes in what has come, for at most so long; whether anything came.
    fn take(&mut self, most: Duration) -> bool {
        match self.bytes.recv_timeout(most) {
            Ok(bytes) => {
                self.raw.extend(bytes);
                let whole = self.whole();
                self.show(whole);
                true
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => false,
        }
    }

    /// Where the synchronized update begins that has not ended yet, else the end: no terminal shows half a frame.
    fn whole(&self) -> usize {
        const BEGIN: &[u8] = b"\x1b[?2026h";
        const END: &[u8] = b"\x1b[?2026l";
        // What was cut may have been cut inside of the sequence.
        let from = self.shown.saturating_sub(BEGIN.len());
        let fresh = &self.raw[from..];
        let last = |text: &[u8]| fresh.windows(text.len()).rposition(|window| window == text);
        match last(BEGIN) {
            Some(begin) if last(END) < Some(begin) => self.shown.max(from + begin),
            _ => self.raw.len(),
        }
    }

    fn show(&mut self, upto: usize) {
        self.parser.process(&self.raw[self.shown..upto]);
        self.shown = upto;
    }

    /// The screen as text.
    #[must_use]
    pub fn screen(&self) -> String {
        self.parser.screen().contents()
    }

    /// The screen as cells with their colours.
    #[must_use]
    pub fn cells(&self) -> &vt100::Screen {
        self.parser.screen()
    }

    /// Whether the program has the alternate screen.
    #[must_use]
    pub fn alternate(&self) -> bool {
        self.parser.screen().alternate_screen()
    }

    /// What is wrong with the terminal for whoever uses it next; empty: it is as it was given.
    ///
    /// # Panics
    /// When the terminal cannot be asked.
    #[must_use]
    pub fn ruins(&self) -> Vec<&'static str> {
        let screen = self.parser.screen();
        let modes = rustix::termios::tcgetattr(&self.slave).expect("a PTY has modes").local_modes;
        let mouse = screen.mouse_protocol_mode() != vt100::MouseProtocolMode::None;
        let lines = LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG;
        // The parser does not know the reports of focus: what was switched last counts.
        let last = |text: &[u8]| self.raw.windows(text.len()).rposition(|window| window == text);
        [
            (screen.alternate_screen(), "the alternate screen is still there"),
            (screen.hide_cursor(), "the cursor is hidden"),
            (screen.bracketed_paste(), "pasted text is bracketed"),
            (mouse, "the mouse is caught"),
            (last(b"\x1b[?1004h") > last(b"\x1b[?1004l"), "focus is reported"),
            (last(b"\x1b[?2026h") > last(b"\x1b[?2026l"), "a synchronized update is open"),
            (!modes.contains(lines), "it is in raw mode"),
        ]
        .into_iter()
        .filter_map(|(wrong, what)| wrong.then_some(what))
        .collect()
    }

    /// Waits until something holds that depends on what the program wrote.
    ///
    /// # Panics
    /// When it never does: with the screen as it then is.
    pub fn until_holds(&mut self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !holds(self) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "never in the terminal: {what}\n{}", self.screen());
            self.take(left.min(Duration::from_millis(200)));
        }
    }

    /// Waits until the screen satisfies a condition, and answers it.
    ///
    /// # Panics
    /// When it never does: with the screen as it then is.
    pub fn until(&mut self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        self.until_holds(what, |terminal| wanted(&terminal.screen()));
        self.screen()
    }

    /// Waits until the screen shows a text.
    pub fn until_shows(&mut self, text: &str) -> String {
        self.until(text, |screen| screen.contains(text))
    }

    /// Waits until the screen does not show a text any more.
    pub fn until_gone(&mut self, text: &str) -> String {
        self.until(&format!("no more: {text}"), |screen| !screen.contains(text))
    }

    /// Waits until the program has ended and everything it wrote is taken in; answers its exit code.
    ///
    /// # Panics
    /// When it does not end.
    pub fn wait(&mut self) -> u32 {
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.take(Duration::from_millis(20));
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                while self.take(Duration::from_millis(100)) {}
                self.show(self.raw.len());
                return status.exit_code();
            }
            assert!(Instant::now() < deadline, "the program does not end:\n{}", self.screen());
        }
    }

    /// Sends the program a signal.
    ///
    /// # Panics
    /// When it is not there.
    pub fn signal(&self, signal: Signal) {
        let pid = self.child.process_id().and_then(|pid| i32::try_from(pid).ok());
        let pid = pid.and_then(Pid::from_raw).expect("the program has a process id");
        kill_process(pid, signal).expect("a child that was not waited for can be signalled");
    }

    /// The program's process id.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.child.process_id()
    }

    /// Makes the window another size.
    ///
    /// # Panics
    /// When the terminal is gone.
    pub fn resize(&mut self, columns: u16, rows: u16) {
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        self.master.resize(size).expect("resized");
        self.parser.screen_mut().set_size(
            rows.try_into().expect("some rows"),
            columns.try_into().expect("some columns"),
        );
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
