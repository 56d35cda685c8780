//! A terminal for a step that wants one.
//!
//! The supervisor opens the pair; the step gets the other end as its three streams. To make it the step's
//! *controlling* terminal (so that `/dev/tty` and job control work) somebody must call setsid and TIOCSCTTY between
//! fork and exec. That is done by a shim, this same program with a hidden argument, and not by `pre_exec`.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use rustix::pty::OpenptFlags;
use rustix::termios::Winsize;

/// The hidden first argument of the shim.
pub(crate) const CTTY: &str = "__ctty";

/// What most programs expect of a terminal that nobody looks at.
const SIZE: Winsize = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };

/// Our end and the step's end of a new terminal.
pub(crate) fn open() -> io::Result<(OwnedFd, OwnedFd)> {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let ours = rustix::pty::openpt(flags)?;
    rustix::pty::grantpt(&ours)?;
    rustix::pty::unlockpt(&ours)?;
    let theirs = rustix::pty::ioctl_tiocgptpeer(&ours, flags)?;
    rustix::termios::tcsetwinsize(&theirs, SIZE)?;
    Ok((ours, theirs))
}

/// The shim that will run `file` under the name `arg0`; the program's arguments are to be added.
pub(crate) fn command(file: &Path, arg0: &OsStr) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.arg(CTTY).arg(file).arg(arg0);
    command
}

/// The shim itself: takes the terminal on standard output as its own and becomes the program.
pub(crate) fn become_program(mut args: impl Iterator<Item = OsString>) -> ! {
    let (file, arg0) = (args.next().unwrap_or_default(), args.next().unwrap_or_default());
    let taken = rustix::process::setsid()
        .and_then(|_| rustix::process::ioctl_tiocsctty(io::stdout().as_fd()));
    let error = match taken {
        Ok(()) => Command::new(&file).arg0(arg0).args(args).exec(),
        Err(error) => error.into(),
    };
    eprintln!("linn: cannot run {}: {error}", file.to_string_lossy());
    std::process::exit(127);
}
