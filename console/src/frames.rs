//! What is written to the terminal goes out in whole frames: each in one write, inside one synchronized update.
//!
//! Bytes are collected until they are flushed; what was never flushed is never sent. A panic while a frame is being drawn
//! therefore cannot leave the terminal waiting for the end of an update, and nothing goes to a terminal that has been
//! given back.

use std::{
    io::{self, Write},
    sync::atomic::{AtomicBool, Ordering},
};

/// A frame is some kilobytes; a larger one grows the buffer once.
const FRAME_BYTES: usize = 64 * 1024;
const BEGIN: &[u8] = b"\x1b[?2026h";
const END: &[u8] = b"\x1b[?2026l";

/// Collects a frame and sends it whole.
pub(crate) struct Frames<W> {
    to: W,
    frame: Vec<u8>,
    /// Whether the terminal is ours. ratatui shows the cursor when it is dropped, after the terminal was given back: that
    /// would send the half frame before it, too.
    ours: &'static AtomicBool,
}

impl<W: Write> Frames<W> {
    pub(crate) fn new(to: W, ours: &'static AtomicBool) -> Self {
        Self { to, frame: fresh(), ours }
    }
}

/// A buffer with room for a frame between the marks of an update.
fn fresh() -> Vec<u8> {
    let mut frame = Vec::with_capacity(FRAME_BYTES);
    frame.extend_from_slice(BEGIN);
    frame
}

impl<W: Write> Write for Frames<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.frame.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let sent = if self.frame.len() > BEGIN.len() && self.ours.load(Ordering::SeqCst) {
            self.frame.extend_from_slice(END);
            self.to.write_all(&self.frame).and_then(|()| self.to.flush())
        } else {
            Ok(())
        };
        // Also after an error: half of it may have gone out, and the other half means nothing later.
        self.frame.truncate(BEGIN.len());
        sent
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use ratatui::{Terminal, TerminalOptions, Viewport, backend::CrosstermBackend, layout::Rect};

    use super::*;

    #[derive(Clone, Default)]
    struct Wire(Arc<Mutex<Vec<u8>>>);

    impl Wire {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Wire {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_frame_goes_out_whole() {
        static OURS: AtomicBool = AtomicBool::new(true);
        let wire = Wire::default();
        let mut frames = Frames::new(wire.clone(), &OURS);
        frames.write_all(b"one ").unwrap();
        frames.write_all(b"two").unwrap();
        assert_eq!(wire.text(), "");
        frames.flush().unwrap();
        frames.flush().unwrap();
        assert_eq!(wire.text(), "\x1b[?2026hone two\x1b[?2026l");
    }

    #[test]
    fn a_panic_while_drawing_sends_nothing_of_its_frame() {
        static OURS: AtomicBool = AtomicBool::new(true);
        let wire = Wire::default();
        let backend = CrosstermBackend::new(Frames::new(wire.clone(), &OURS));
        let viewport = Viewport::Fixed(Rect::new(0, 0, 4, 2));
        let mut terminal = Terminal::with_options(backend, TerminalOptions { viewport }).unwrap();
        terminal
            .draw(|frame| {
                frame.buffer_mut().set_string(0, 0, "ab", ratatui::style::Style::new());
            })
            .unwrap();
        let before = wire.text();
        assert!(before.contains("ab") && before.ends_with("\x1b[?2026l"));
        let drawn = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
            terminal.backend_mut().write_all(b"half").unwrap();
            // As the hook does, before anything is dropped.
            OURS.store(false, Ordering::SeqCst);
            let _ = terminal.draw(|_| panic!("in the view"));
        }));
        assert!(drawn.is_err());
        assert_eq!(wire.text(), before, "neither the half frame nor ratatui's own farewell");
    }
}
