//! A real terminal: a PTY whose bytes go through a VT parser, so that a test sees the screen that a person would.

use std::io::{Read, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use crate::site::PATIENCE;

/// A program on a terminal.
pub struct Terminal {
    bytes: Receiver<Vec<u8>>,
    parser: vt100::Parser,
    /// Every byte the program wrote, for scans.
    pub raw: Vec<u8>,
    writer: Box<dyn Write + Send>,
    master: Box<dyn MasterPty + Send>,
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
        Self { bytes, parser, raw: Vec::new(), writer, master: pair.master, child }
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
                self.parser.process(&bytes);
                self.raw.extend(bytes);
                true
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => false,
        }
    }

    /// The screen as text.
    #[must_use]
    pub fn screen(&self) -> String {
        self.parser.screen().contents()
    }

    /// Whether the program has the alternate screen.
    #[must_use]
    pub fn alternate(&self) -> bool {
        self.parser.screen().alternate_screen()
    }

    /// Waits until the screen satisfies a condition, and answers it.
    ///
    /// # Panics
    /// When it never does: with the screen as it then is.
    pub fn until(&mut self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let screen = self.screen();
            if wanted(&screen) {
                return screen;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "never on the screen: {what}\n{screen}");
            self.take(left.min(Duration::from_millis(200)));
        }
    }

    /// Waits until the screen shows a text.
    pub fn until_shows(&mut self, text: &str) -> String {
        self.until(text, |screen| screen.contains(text))
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
                return status.exit_code();
            }
            assert!(Instant::now() < deadline, "the program does not end:\n{}", self.screen());
        }
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
