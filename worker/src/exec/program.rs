//! Starting one program: found, given its streams, in its own process group.
//!
//! Always by posix_spawn and never by a fork of this process: std takes that path when the program is named by an
//! absolute path and there is no `pre_exec`. Hence the search in PATH is done here, which also makes for a better
//! sentence when there is no such program.

use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use linn_proto::worker::Stream;
use rustix::fs::Access;
use rustix::io::Errno;
use rustix::pipe::PipeFlags;
use rustix::process::{Pid, PidfdFlags};

use crate::exec::env::Env;
use crate::exec::mask::Masker;
use crate::exec::pty;
use crate::exec::tail::Tail;

/// Where programs are looked for when the environment has no PATH.
const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// What to run.
#[derive(Debug, Default)]
pub(crate) struct Program {
    pub(crate) argv: Vec<OsString>,
    pub(crate) env: Env,
    pub(crate) dir: PathBuf,
    /// Written, then closed; nothing: it reads from the null device.
    pub(crate) stdin: Vec<u8>,
    /// Standard error on a pipe of its own.
    pub(crate) separate: bool,
    pub(crate) pty: bool,
    /// Its output is wanted here and not in the log.
    pub(crate) keep: bool,
    pub(crate) tails: Vec<Tail>,
}

/// A running program and our ends of its streams.
#[derive(Debug)]
pub(crate) struct Child {
    /// Also the id of its process group.
    pub(crate) pid: Pid,
    /// Readable when it has ended.
    pub(crate) pidfd: OwnedFd,
    pub(crate) sources: Vec<Source>,
    pub(crate) feed: Option<Feed>,
    pub(crate) tails: Vec<Tail>,
    /// Output that does not go to the log.
    pub(crate) kept: Option<Vec<u8>>,
}

/// Something to read output from.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) fd: OwnedFd,
    pub(crate) stream: Stream,
    pub(crate) masker: Masker,
    /// Its pipe has been made as large as it gets.
    pub(crate) grown: bool,
}

/// Text on its way to standard input.
#[derive(Debug)]
pub(crate) struct Feed {
    pub(crate) fd: OwnedFd,
    pub(crate) text: Vec<u8>,
    pub(crate) written: usize,
}

impl Program {
    /// Starts it. An error is a sentence for the user.
    pub(crate) fn start(mut self) -> Result<Child, String> {
        let name = self.argv.first().cloned().unwrap_or_default();
        if name.is_empty() {
            return Err("the command is empty: there is no program to run".to_owned());
        }
        if self.argv.iter().any(|argument| argument.as_bytes().contains(&0)) {
            return Err("an argument of the command holds a NUL".to_owned());
        }
        let file = find(&name, &self.env, &self.dir)?;
        let no_streams = |error: std::io::Error| format!("no pipe for the command: {error}");
        let mut streams = Streams::open(&mut self).map_err(no_streams)?;
        let mut command = self.command(&file);
        streams.give(&mut command).map_err(no_streams)?;
        let spawned = match command.spawn() {
            Err(error) if error.raw_os_error() == Some(Errno::NOEXEC.raw_os_error()) => {
                // A script without its first line: a shell would run it, so do we.
                self.argv.insert(1, file.clone().into_os_string());
                command = self.command(Path::new("/bin/sh"));
                streams.give(&mut command).map_err(no_streams)?;
                command.spawn()
            }
            spawned => spawned,
        };
        let mut child = spawned.map_err(|error| cannot_run(&file, &error))?;
        let pid = Pid::from_child(&child);
        let pidfd = rustix::process::pidfd_open(pid, PidfdFlags::empty()).map_err(|error| {
            // Nobody would see its end, so it must not go on.
            let _ = child.kill();
            let _ = child.wait();
            format!("lost sight of the command at its start: {error}")
        })?;
        Ok(Child {
            pid,
            pidfd,
            sources: streams.sources,
            feed: streams.feed,
            tails: self.tails,
            kept: self.keep.then(Vec::new),
        })
    }

    fn command(&self, file: &Path) -> Command {
        let mut command = if self.pty {
            pty::command(file, &self.argv[0])
        } else {
            let mut command = Command::new(file);
            command.arg0(&self.argv[0]).process_group(0);
            command
        };
        command.args(&self.argv[1..]).env_clear().envs(&self.env).current_dir(&self.dir);
        command
    }
}

/// Both ends of a program's streams, until it is started.
struct Streams {
    sources: Vec<Source>,
    feed: Option<Feed>,
    stdin: Option<OwnedFd>,
    stdout: OwnedFd,
    stderr: OwnedFd,
}

impl Streams {
    fn open(program: &mut Program) -> std::io::Result<Self> {
        let mut sources = Vec::with_capacity(2);
        let mut source = |fd: OwnedFd, stream| -> std::io::Result<()> {
            rustix::io::ioctl_fionbio(&fd, true)?;
            sources.push(Source { fd, stream, masker: Masker::default(), grown: false });
            Ok(())
        };
        let mut terminal = None;
        let (stdout, stderr) = if program.pty {
            let (ours, theirs) = pty::open()?;
            source(ours, Stream::Out)?;
            terminal = Some(theirs.try_clone()?);
            (theirs.try_clone()?, theirs)
        } else {
            let (ours, stdout) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
            source(ours, Stream::Out)?;
            if program.separate {
                let (ours, stderr) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
                source(ours, Stream::Err)?;
                (stdout, stderr)
            } else {
                // One pipe for both keeps their order exactly.
                (stdout.try_clone()?, stdout)
            }
        };
        let mut feed = None;
        let mut stdin = terminal;
        if !program.stdin.is_empty() {
            let (theirs, ours) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
            rustix::io::ioctl_fionbio(&ours, true)?;
            let text = std::mem::take(&mut program.stdin);
            feed = Some(Feed { fd: ours, text, written: 0 });
            stdin = Some(theirs);
        }
        Ok(Self { sources, feed, stdin, stdout, stderr })
    }

    fn give(&mut self, command: &mut Command) -> std::io::Result<()> {
        command.stdin(match &self.stdin {
            Some(fd) => Stdio::from(fd.try_clone()?),
            None => Stdio::null(),
        });
        command.stdout(self.stdout.try_clone()?).stderr(self.stderr.try_clone()?);
        Ok(())
    }
}

/// The file of a program: as named when there is a slash, else the first in PATH that may be run.
fn find(name: &OsStr, env: &Env, dir: &Path) -> Result<PathBuf, String> {
    let shown = name.to_string_lossy();
    if name.as_bytes().contains(&b'/') {
        let file = dir.join(name);
        return if file.exists() {
            Ok(file)
        } else {
            Err(format!("no program `{shown}` on this worker (looked from {})", dir.display()))
        };
    }
    let default = OsString::from(DEFAULT_PATH);
    let path = env.get(OsStr::new("PATH")).unwrap_or(&default);
    let mut forbidden = None;
    for folder in std::env::split_paths(path) {
        let file = dir.join(folder).join(name);
        if file.is_file() {
            if rustix::fs::access(&file, Access::EXEC_OK).is_ok() {
                return Ok(file);
            }
            forbidden = forbidden.or(Some(file));
        }
    }
    Err(match forbidden {
        Some(file) => format!("{} is there but may not be executed", file.display()),
        None => format!(
            "no program `{shown}` on this worker: it is in none of the folders of PATH={}",
            path.to_string_lossy()
        ),
    })
}

fn cannot_run(file: &Path, error: &std::io::Error) -> String {
    let file = file.display();
    match error.kind() {
        std::io::ErrorKind::NotFound => {
            format!("cannot run {file}: the interpreter that it names does not exist")
        }
        std::io::ErrorKind::ArgumentListTooLong => {
            format!("cannot run {file}: its arguments and environment are too long for this system")
        }
        _ => format!("cannot run {file}: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(path: &str) -> Env {
        [(OsString::from("PATH"), OsString::from(path))].into()
    }

    #[test]
    fn a_missing_program_is_named_with_the_path_that_was_searched() {
        let why =
            find(OsStr::new("no-such-thing"), &env("/bin:/usr/bin"), Path::new("/")).unwrap_err();
        assert!(why.contains("`no-such-thing`") && why.contains("PATH=/bin:/usr/bin"), "{why}");
        let why = find(OsStr::new("./no-such-thing"), &env(""), Path::new("/tmp")).unwrap_err();
        assert!(why.contains("./no-such-thing") && why.contains("/tmp"), "{why}");
    }

    #[test]
    fn a_file_that_may_not_run_is_passed_over_and_told() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("tool"), "").unwrap();
        let path = dir.path().to_str().unwrap();
        let why = find(OsStr::new("tool"), &env(path), Path::new("/")).unwrap_err();
        assert!(why.contains("may not be executed"), "{why}");
    }

    #[test]
    fn relative_names_count_from_the_work_folder() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("tool"), "").unwrap();
        assert_eq!(
            find(OsStr::new("./tool"), &env(""), dir.path()).unwrap(),
            dir.path().join("./tool")
        );
    }
}
