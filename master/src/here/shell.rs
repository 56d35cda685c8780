//! A program on the master: a child of this process in a group of its own, with the limits of its step (PR-2).

use std::os::fd::OwnedFd;
use std::path::{Component, Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use linn_core::model::{CommandSpec, Exit, ShellCommand};
use linn_core::time::Span;
use rustix::pipe::PipeFlags;
use rustix::process::{Pid, Signal};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::Instant;

use super::output::Output;
use super::{COMMAND_VAR, Ending, Here, MASTER_VAR, env};

/// How long descendants may hold the pipe after the program has ended.
const HOLDERS: Duration = Duration::from_secs(5);
/// One read.
const READ_BYTES: usize = 64 * 1024;

/// Runs the program to its end and says how that was.
pub(super) async fn run(
    here: &Here,
    spec: &CommandSpec,
    command: &ShellCommand,
    output: &mut Output,
    ending: watch::Receiver<Ending>,
) -> Exit {
    let (child, pipe) = match start(here, spec, command) {
        Ok(started) => started,
        Err(why) => return Exit::NotStarted(why),
    };
    let marks = vec![format!("{COMMAND_VAR}={}", spec.id), format!("{MASTER_VAR}={}", here.mark)];
    let exit = Watch::new(spec, child, pipe, ending).finish(output).await;
    // Nothing outlives a step: what left the program's group is found by its marks.
    drop(tokio::task::spawn_blocking(move || linn_worker::kill_marked(&marks)).await);
    exit
}

fn start(
    here: &Here,
    spec: &CommandSpec,
    command: &ShellCommand,
) -> Result<(Child, pipe::Receiver), String> {
    let mut env = env::compose(&env::own(), &command.env)?;
    env.insert(COMMAND_VAR.into(), spec.id.to_string().into());
    env.insert(MASTER_VAR.into(), here.mark.clone().into());
    let [program, arguments @ ..] = command.argv.as_slice() else {
        return Err("the command is empty: there is no program to run".to_owned());
    };
    let no_pipe = |error: std::io::Error| format!("no pipe for the command: {error}");
    let (ours, theirs) =
        rustix::pipe::pipe_with(PipeFlags::CLOEXEC).map_err(|error| no_pipe(error.into()))?;
    rustix::io::ioctl_fionbio(&ours, true).map_err(|error| no_pipe(error.into()))?;
    // One pipe for both keeps their order exactly.
    let errors: OwnedFd = theirs.try_clone().map_err(no_pipe)?;
    let mut child = Command::new(program);
    child
        .args(arguments)
        .env_clear()
        .envs(&env)
        .current_dir(folder(here, command)?)
        .process_group(0)
        .stdin(if command.stdin.is_some() { Stdio::piped() } else { Stdio::null() })
        .stdout(theirs)
        .stderr(errors)
        .kill_on_drop(true);
    let mut child = child.spawn().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => format!("no program `{program}` on the master"),
        _ => format!("cannot run `{program}` on the master: {error}"),
    })?;
    if let (Some(text), Some(mut stdin)) = (command.stdin.clone(), child.stdin.take()) {
        // One that does not want to read has the right not to.
        tokio::spawn(async move { drop(stdin.write_all(text.as_bytes()).await) });
    }
    let pipe = pipe::Receiver::from_owned_fd(ours).map_err(no_pipe)?;
    Ok((child, pipe))
}

/// Where it runs: below the folder of `master.star`.
fn folder(here: &Here, command: &ShellCommand) -> Result<PathBuf, String> {
    let workdir = &command.workdir;
    let inside = Path::new(workdir)
        .components()
        .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if !inside || workdir.contains('\0') {
        let shown = workdir.escape_debug();
        return Err(format!("the work folder `{shown}` is not below the folder of master.star"));
    }
    let folder = here.folder.join(workdir);
    if folder.is_dir() {
        Ok(folder)
    } else {
        Err(format!("there is no folder `{workdir}` beside master.star"))
    }
}

/// A program being watched.
struct Watch<'a> {
    spec: &'a CommandSpec,
    child: Child,
    pipe: pipe::Receiver,
    ending: watch::Receiver<Ending>,
    group: Option<Pid>,
    began: Instant,
    heard: Instant,
    /// Why it is being stopped; the first reason stays.
    stopped: Option<Exit>,
    /// How far the stop has gone.
    stopping: Ending,
    kill_at: Option<Instant>,
}

impl<'a> Watch<'a> {
    fn new(
        spec: &'a CommandSpec,
        child: Child,
        pipe: pipe::Receiver,
        ending: watch::Receiver<Ending>,
    ) -> Self {
        let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        let now = Instant::now();
        let (stopped, stopping, kill_at) = (None, Ending::No, None);
        Self {
            spec,
            child,
            pipe,
            ending,
            group,
            began: now,
            heard: now,
            stopped,
            stopping,
            kill_at,
        }
    }

    async fn finish(mut self, output: &mut Output) -> Exit {
        let mut buffer = vec![0; READ_BYTES];
        let mut status: Option<ExitStatus> = None;
        let mut open = true;
        let mut holders: Option<Instant> = None;
        while status.is_none() || open {
            let due = [self.due(status.is_none()), holders].into_iter().flatten().min();
            let never = Instant::now() + Duration::from_secs(3600);
            tokio::select! {
                read = self.pipe.read(&mut buffer), if open => match read {
                    Ok(count @ 1..) => {
                        output.write(&buffer[..count]).await;
                        self.heard = Instant::now();
                        let most = self.spec.timeouts.max_lines;
                        if most.is_some_and(|most| output.lines() > u64::from(most)) {
                            self.stop(Exit::MaxLines, Ending::Interrupt);
                        }
                    }
                    _ => open = false,
                },
                ended = self.child.wait(), if status.is_none() => {
                    status = Some(ended.unwrap_or_default());
                    holders = Some(Instant::now() + HOLDERS);
                    // What is left of its group would go on in the background.
                    self.signal(Signal::KILL);
                }
                Ok(()) = self.ending.changed() => {
                    let asked = *self.ending.borrow_and_update();
                    if asked > Ending::No {
                        self.stop(Exit::Interrupted, asked);
                    }
                }
                () = tokio::time::sleep_until(due.unwrap_or(never)) => {
                    let now = Instant::now();
                    if holders.is_some_and(|at| now >= at) {
                        break;
                    }
                    self.heed_time(now);
                }
            }
        }
        self.stopped.take().unwrap_or_else(|| exit_of(status))
    }

    /// The next moment at which something is to be looked at.
    fn due(&self, runs: bool) -> Option<Instant> {
        if !runs {
            return None;
        }
        let limits = &self.spec.timeouts;
        let unless_stopped = |at| if self.stopped.is_none() { at } else { None };
        let silence = limits.silence.map(|limit| self.heard + duration(limit));
        let total = limits.total.map(|limit| self.began + duration(limit));
        [unless_stopped(silence), unless_stopped(total), self.kill_at].into_iter().flatten().min()
    }

    fn heed_time(&mut self, now: Instant) {
        let limits = &self.spec.timeouts;
        if limits.total.is_some_and(|limit| now >= self.began + duration(limit)) {
            self.stop(Exit::TimedOut, Ending::Interrupt);
        } else if limits.silence.is_some_and(|limit| now >= self.heard + duration(limit)) {
            self.stop(Exit::TimedOutSilent, Ending::Interrupt);
        }
        if self.kill_at.is_some_and(|at| now >= at) {
            self.signal(Signal::KILL);
            self.kill_at = None;
        }
    }

    fn stop(&mut self, why: Exit, how: Ending) {
        self.stopped.get_or_insert(why);
        if how <= self.stopping {
            return;
        }
        self.stopping = how;
        let grace = duration(self.spec.timeouts.term_grace);
        if how == Ending::Kill || grace.is_zero() {
            self.signal(Signal::KILL);
        } else {
            self.signal(by_name(&self.spec.timeouts.interrupt_signal));
            self.kill_at = Some(Instant::now() + grace);
        }
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.group {
            // A group that is gone needs no signal.
            let _: Result<(), _> = rustix::process::kill_process_group(group, signal);
        }
    }
}

/// The signals that the configuration takes.
fn by_name(name: &str) -> Signal {
    match name {
        "INT" => Signal::INT,
        "HUP" => Signal::HUP,
        "QUIT" => Signal::QUIT,
        "USR1" => Signal::USR1,
        "USR2" => Signal::USR2,
        "ABRT" => Signal::ABORT,
        "KILL" => Signal::KILL,
        _ => Signal::TERM,
    }
}

fn exit_of(status: Option<ExitStatus>) -> Exit {
    use std::os::unix::process::ExitStatusExt as _;
    match status.map(|status| (status.code(), status.signal())) {
        Some((Some(code), _)) => Exit::Exited(code),
        Some((None, Some(signal))) => Exit::Signalled(signal),
        _ => Exit::Lost("nobody saw how it ended".to_owned()),
    }
}

fn duration(span: Span) -> Duration {
    Duration::from_millis(u64::try_from(span.millis()).unwrap_or(0))
}
