//! The terminal: taken in one place, given back in every way the console can end (console.md G, I31).
//!
//! This is the one module that writes to it. Frames go out whole (see `frames`), so a slow line never shows half of one.

use std::{
    io::{self, IsTerminal, Stdout, Write},
    sync::{
        Mutex, MutexGuard, Once, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, ThreadId},
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

use crate::{frames::Frames, safe};

/// Whether the terminal is ours at the moment: what the panic hook looks at, and what frames are sent by.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// What tasks of the runtime said when they panicked while the terminal was ours.
static PANICS: Mutex<Panics> = Mutex::new(Panics { draws: None, said: Vec::new() });

/// Panics kept; what panics again and again says nothing new.
const PANICS_KEPT: usize = 16;

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
                let here = thread::current();
                let taken = || TAKEN.load(Ordering::SeqCst);
                let said = || format!("thread '{}' {panic}", here.name().unwrap_or("?"));
                if !panics().keep(here.id(), taken, said) {
                    // First the terminal, so that the message of the panic can be read.
                    give_back();
                    before(panic);
                }
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

/// Panics of threads that do not draw: the console goes on, so its terminal must stay, and the message waits.
struct Panics {
    /// The thread that draws.
    draws: Option<ThreadId>,
    said: Vec<String>,
}

impl Panics {
    /// Keeps a message for later; `false`: it is to be said now.
    ///
    /// `taken` is asked under the lock: what is kept is then always found by the giving back.
    fn keep(
        &mut self,
        thread: ThreadId,
        taken: impl Fn() -> bool,
        said: impl Fn() -> String,
    ) -> bool {
        if !taken() || self.draws == Some(thread) {
            return false;
        }
        if self.said.len() < PANICS_KEPT {
            self.said.push(said());
        }
        true
    }
}

fn panics() -> MutexGuard<'static, Panics> {
    PANICS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn enter() -> io::Result<()> {
    panics().draws = Some(thread::current().id());
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
        let said = std::mem::take(&mut panics().said);
        for line in said.iter().flat_map(|said| said.lines()) {
            let _ = writeln!(io::stderr(), "{}", safe::text(line));
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_elsewhere_waits_until_the_terminal_is_given_back() {
        let draws = thread::current().id();
        let other = thread::spawn(|| thread::current().id()).join().unwrap();
        let mut panics = Panics { draws: Some(draws), said: Vec::new() };
        let said = || "thread 'runtime' panicked".to_owned();
        assert!(!panics.keep(draws, || true, said), "nobody draws any more");
        assert!(!panics.keep(other, || false, said), "nothing is in the way");
        assert_eq!(panics.said, Vec::<String>::new());
        for _ in 0..100 {
            assert!(panics.keep(other, || true, said));
        }
        assert_eq!(panics.said.len(), PANICS_KEPT);
    }
}
