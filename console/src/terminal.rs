//! The terminal: taken in one place, given back in every way the console can end (console.md G, I31).
//!
//! This is the one module that writes to it. Frames go out whole (see `frames`), so a slow line never shows half of one.

use std::{
    io::{self, IsTerminal, Stdout, Write},
    sync::{
        Once,
        atomic::{AtomicBool, Ordering},
    },
};

use crossterm::{
    cursor::{Hide, Show},
    event::{
        DisableBracketedPaste, DisableFocusChange, DisableMouseCapture, EnableBracketedPaste,
        EnableFocusChange,
    },
    execute,
    terminal::{
        Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
        disable_raw_mode, enable_raw_mode,
    },
};
use ratatui::{Frame, Terminal, backend::CrosstermBackend, layout::Rect};
use rustix::termios::{InputModes, LocalModes, OptionalActions, OutputModes};

use crate::frames::Frames;

/// Whether the terminal is ours at the moment: what the panic hook looks at, and what frames are sent by.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// The terminal while it is ours. Dropping it gives it back.
pub(crate) struct Screen {
    terminal: Terminal<CrosstermBackend<Frames<Stdout>>>,
}

impl Screen {
    /// Takes the terminal.
    pub(crate) fn take() -> io::Result<Self> {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                // First the terminal, so that the message of the panic can be read.
                give_back();
                before(panic);
            }));
        });
        enter()?;
        let backend = CrosstermBackend::new(Frames::new(io::stdout(), &TAKEN));
        match Terminal::new(backend) {
            Ok(terminal) => Ok(Self { terminal }),
            Err(error) => {
                give_back();
                Err(error)
            }
        }
    }

    /// Columns and rows.
    pub(crate) fn size(&self) -> io::Result<(u16, u16)> {
        let size = self.terminal.size()?;
        Ok((size.width, size.height))
    }

    /// Draws what differs from the last frame.
    pub(crate) fn draw(&mut self, view: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        self.terminal.draw(view)?;
        Ok(())
    }

    /// Forgets what is on the screen, so that the next frame is a whole one.
    pub(crate) fn repaint(&mut self) -> io::Result<()> {
        // Not `clear`: that asks the terminal where its cursor is, and the answer is read by the stream of keys.
        let size = self.terminal.size()?;
        self.terminal.resize(Rect::new(0, 0, size.width, size.height))
    }

    /// Writes a sequence of our own making: a ring.
    pub(crate) fn ring(&mut self, sequence: &str) -> io::Result<()> {
        let backend = self.terminal.backend_mut();
        backend.write_all(sequence.as_bytes())?;
        Write::flush(backend)
    }

    /// Gives the terminal to the shell and asks this process, and its group, to stop. Behind `cargo run` the shell waits
    /// for the parent, too.
    ///
    /// The stop may come a moment after this returns: the caller waits for SIGCONT, then calls [`Self::retake`].
    pub(crate) fn stop(&mut self) -> io::Result<()> {
        use rustix::process::{Signal, getpid, kill_current_process_group, kill_process};
        give_back();
        // TSTP for the others of the group (we take it as a message and ignore it), STOP for ourselves.
        let _ = kill_current_process_group(Signal::TSTP);
        Ok(kill_process(getpid(), Signal::STOP)?)
    }

    /// Takes the terminal again after [`Self::stop`].
    pub(crate) fn retake(&mut self) -> io::Result<()> {
        enter()?;
        self.repaint()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

fn enter() -> io::Result<()> {
    enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    // A terminal that a killed console left on the alternate screen is not emptied by going there again, and a shell that
    // has made it whole-lined hides that from `heal`.
    let entered = execute!(
        io::stdout(),
        EnterAlternateScreen,
        Clear(ClearType::All),
        EnableBracketedPaste,
        EnableFocusChange,
        Hide
    );
    if entered.is_err() {
        give_back();
    }
    entered
}

/// Gives the terminal back, once. Errors are of no use here: there is nobody left to tell.
fn give_back() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        let _ = execute!(
            io::stdout(),
            EndSynchronizedUpdate,
            DisableFocusChange,
            DisableBracketedPaste,
            Show,
            LeaveAlternateScreen
        );
        let _ = disable_raw_mode();
    }
}

/// Restores a terminal that a killed console left behind (contract.md C37); does nothing to any other.
///
/// To be called when a `linn` command starts. A terminal that does not hand over whole lines when nobody has it in raw
/// mode is such a one: shells set it to whole lines before they start a program.
pub fn heal() {
    let stdin = io::stdin();
    // Whose output goes elsewhere may have been started by a program that draws, and has the terminal raw rightly.
    let ours = stdin.is_terminal() && io::stdout().is_terminal();
    if !ours || TAKEN.load(Ordering::SeqCst) {
        return;
    }
    let Ok(mut modes) = rustix::termios::tcgetattr(&stdin) else { return };
    if modes.local_modes.contains(LocalModes::ICANON) {
        return;
    }
    modes.local_modes |=
        LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG | LocalModes::IEXTEN;
    modes.input_modes |= InputModes::ICRNL | InputModes::BRKINT | InputModes::IXON;
    modes.output_modes |= OutputModes::OPOST | OutputModes::ONLCR;
    let _ = rustix::termios::tcsetattr(&stdin, OptionalActions::Now, &modes);
    let _ = execute!(
        io::stdout(),
        EndSynchronizedUpdate,
        DisableFocusChange,
        DisableBracketedPaste,
        DisableMouseCapture,
        Show,
        LeaveAlternateScreen
    );
}
