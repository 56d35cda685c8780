//! What commands of several parts have at hand: programs with their words in the log, tries, folders made and removed.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::WaitStatus;

use super::failure::Failure;
use crate::exec::env::Env;
use crate::exec::folder;
use crate::exec::limits;
use crate::exec::program::Program;
use crate::exec::supervise::Job;
use crate::exec::watch::{NoEnd, Watch};

/// A try that failed, and how it goes on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Again {
    /// Until the next one.
    pub(crate) delay_ms: u64,
    /// Tries after that.
    pub(crate) left: u32,
}

/// A command under way.
pub(crate) struct Tools<'a, 'line> {
    pub(crate) watch: &'a mut Watch<'line>,
    pub(crate) job: &'a Job,
    pub(crate) env: Env,
}

impl Tools<'_, '_> {
    /// Runs a program to its end.
    pub(crate) fn run(&mut self, program: Program) -> Result<(WaitStatus, Vec<u8>), Failure> {
        match self.watch.run(program)? {
            Ok(end) => Ok((end.status, end.kept)),
            Err(NoEnd::Stopped) => Err(Failure::Stopped),
            Err(NoEnd::NotStarted(why)) => Err(Failure::Refused(why)),
        }
    }

    /// Runs a program with its words in the log; `why` is the sentence when it ends with anything but 0.
    pub(crate) fn other(&mut self, argv: &[&OsStr], why: &str) -> Result<(), Failure> {
        let words: Vec<_> = argv.iter().map(|arg| arg.to_string_lossy()).collect();
        self.watch.say(&format!("$ {}", words.join(" ")));
        let argv = argv.iter().map(|arg| (*arg).to_owned()).collect();
        let program = Program {
            argv,
            env: self.env.clone(),
            dir: self.job.dir.clone(),
            ..Program::default()
        };
        match code(self.run(program)?.0) {
            0 => Ok(()),
            code => Err(Failure::Failed { why: why.to_owned(), code }),
        }
    }

    /// Says that a try failed, and waits for the next one.
    pub(crate) fn again(&mut self, Again { delay_ms, left }: Again) -> Result<(), Failure> {
        self.watch
            .say(&format!("# that failed; again in {delay_ms} ms, {left} more tries after it"));
        let goes_on = self.watch.pause(Duration::from_millis(delay_ms))?;
        if goes_on { Ok(()) } else { Err(Failure::Stopped) }
    }

    /// Removes whatever lies at a path, a link as such; nothing being there is fine.
    pub(crate) fn remove(&mut self, path: &Path) -> Result<(), Failure> {
        if fs::symlink_metadata(path).is_err() {
            return Ok(());
        }
        let argv = [OsStr::new("rm"), OsStr::new("-rf"), OsStr::new("--"), path.as_os_str()];
        self.other(&argv, &format!("cannot remove {}", path.display()))
    }

    /// Copies a folder with all that is in it to where nothing is.
    pub(crate) fn copy(&mut self, source: &Path, dest: &Path, why: &str) -> Result<(), Failure> {
        let copy = ["cp", "-a", "--"].map(OsStr::new);
        self.other(&[&copy[..], &[source.as_os_str(), dest.as_os_str()]].concat(), why)
    }

    /// The builder's folder.
    pub(crate) fn base(&self) -> Result<PathBuf, Failure> {
        folder::of_builder(&self.job.dir, &self.job.start.builder).map_err(Failure::Refused)
    }
}

/// The exit code that a shell would show.
pub(crate) fn code(status: WaitStatus) -> i32 {
    limits::exit(status).code
}
