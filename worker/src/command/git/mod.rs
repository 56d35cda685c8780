//! Brings a build folder to a revision, with git: one compound command, so that its many short steps cost no round
//! trips and the mirror can be shared.
//!
//! The network is asked once: into a mirror of the repository that all builders of this worker share ([`mirror`]);
//! the work tree ([`tree`]) takes from there. A [`patch`] is laid over at the end.
//!
//! Everything that names something to git has passed [`super::place`]; git runs no hooks, asks nobody, and never looks for
//! a repository above the build folder (the worker's folder may lie inside the user's own checkout).

mod mirror;
mod patch;
mod tree;

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

use linn_proto::worker::{Checkout, Exit};

use super::checkout::{self, Method};
use super::failure::{self, Failure};
use super::place;
use super::shell::step_env;
use super::tools::{Tools, code};
use crate::exec::program::Program;
use crate::exec::supervise::Job;
use crate::exec::watch::Watch;

/// Given to every git, before its command.
const OPTIONS: &[&str] = &[
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "protocol.ext.allow=never",
    "advice.detachedHead=false",
    // What git starts in the background would be swept away with the command: it tidies up while we wait, or not.
    "gc.autoDetach=false",
    "maintenance.autoDetach=false",
];

/// Variables that would lead git astray when the worker was started from one of its hooks.
const ASTRAY: &[&str] = &[
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
    "GIT_CONFIG_PARAMETERS",
    "GIT_CONFIG_COUNT",
    "GIT_QUARANTINE_PATH",
];

/// A checkout under way.
struct Git<'a, 'line> {
    tools: Tools<'a, 'line>,
    what: &'a Checkout,
    /// The repository is a folder of this machine.
    local: bool,
}

/// Runs the checkout to its end and says how that was.
pub(crate) fn run(watch: &mut Watch<'_>, job: &Job, what: &Checkout) -> io::Result<Exit> {
    let outcome = begin(watch, job, what).and_then(|mut git| git.check_out());
    Ok(failure::exit(watch, outcome, "the checkout"))
}

fn begin<'a, 'line>(
    watch: &'a mut Watch<'line>,
    job: &'a Job,
    what: &'a Checkout,
) -> Result<Git<'a, 'line>, Failure> {
    let local = place::check(what).map_err(Failure::Refused)?;
    let mut env = step_env(job, &what.env).map_err(Failure::Refused)?;
    for name in ASTRAY {
        env.remove(OsStr::new(name));
    }
    for (name, value) in [("GIT_TERMINAL_PROMPT", "0"), ("GIT_CONFIG_NOSYSTEM", "1")] {
        env.insert(name.into(), value.into());
    }
    let batch = || OsString::from("ssh -oBatchMode=yes");
    env.entry("GIT_SSH_COMMAND".into()).or_insert_with(batch);
    Ok(Git { tools: Tools { watch, job, env }, what, local })
}

impl Git<'_, '_> {
    fn check_out(&mut self) -> Result<(), Failure> {
        let tree = checkout::tree(&self.tools, &self.what.workdir)?;
        let method = Method::read(self.what).map_err(Failure::Refused)?;
        let revision = self.bring(&tree, method)?;
        checkout::tell(self.tools.watch, self.what, &revision);
        match &self.what.patch {
            Some(patch) if !patch.diff.is_empty() => self.apply(&tree, patch),
            _ => Ok(()),
        }
    }

    /// Does `work` again as often as the step allows while it fails.
    fn retried<T>(
        &mut self,
        work: impl FnMut(&mut Self) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        checkout::retried(self, |git, span| git.tools.again(span), self.what, work)
    }

    /// Runs git with its words in the log; its exit code.
    fn git(&mut self, dir: &Path, args: &[&OsStr]) -> Result<i32, Failure> {
        let words: Vec<_> = args.iter().map(|arg| arg.to_string_lossy()).collect();
        self.tools.watch.say(&format!("$ git {}", words.join(" ")));
        let program = self.program(dir, args, false);
        Ok(code(self.tools.run(program)?.0))
    }

    /// As [`Git::git`], but anything except 0 is a failure that `why` explains.
    fn must(&mut self, dir: &Path, args: &[&OsStr], why: &str) -> Result<(), Failure> {
        match self.git(dir, args)? {
            0 => Ok(()),
            code => Err(Failure::Failed { why: format!("{why} (git ended with {code})"), code }),
        }
    }

    /// Asks git something that nobody needs to see; nothing when it ends with anything but 0.
    fn ask(&mut self, dir: &Path, args: &[&OsStr]) -> Result<Option<String>, Failure> {
        let program = self.program(dir, args, true);
        let (status, kept) = self.tools.run(program)?;
        Ok((code(status) == 0).then(|| String::from_utf8_lossy(&kept).trim().to_owned()))
    }

    fn program(&self, dir: &Path, args: &[&OsStr], keep: bool) -> Program {
        let mut argv: Vec<OsString> = vec!["git".into()];
        // A local repository may have local submodules; one from elsewhere must not name folders of this machine.
        let file = self.local.then_some("protocol.file.allow=always");
        for option in OPTIONS.iter().copied().chain(file) {
            argv.extend(["-c".into(), option.into()]);
        }
        argv.extend(args.iter().map(|arg| (*arg).to_owned()));
        let mut env = self.tools.env.clone();
        if let Some(above) = dir.parent() {
            env.insert("GIT_CEILING_DIRECTORIES".into(), above.into());
        }
        Program { argv, env, dir: dir.to_owned(), keep, ..Program::default() }
    }

    /// The commit that `name` means in the repository at `dir`.
    fn commit(&mut self, dir: &Path, name: &str) -> Result<Option<String>, Failure> {
        let peeled = format!("{name}^{{commit}}");
        let args = ["rev-parse", "--verify", "--quiet", "--end-of-options", &peeled];
        let said = self.ask(dir, &args.map(OsStr::new))?;
        // Before git 2.30 the marker itself is printed first.
        Ok(said.and_then(|said| said.lines().last().map(str::to_owned)))
    }

    /// The text for people: what is checked out from where.
    fn wanted(&self) -> String {
        let of = &self.what.repository;
        match (&self.what.revision, &self.what.branch) {
            (Some(revision), Some(branch)) => {
                format!("revision {revision} of branch `{branch}` of {of}")
            }
            (Some(revision), None) => format!("revision {revision} of {of}"),
            (None, Some(branch)) => format!("branch `{branch}` of {of}"),
            (None, None) => format!("the default branch of {of}"),
        }
    }
}

impl<'a> Git<'a, '_> {
    fn repository(&self) -> &'a OsStr {
        OsStr::new(&self.what.repository)
    }
}

/// The words of a command line.
fn args<const N: usize>(args: [&str; N]) -> [&OsStr; N] {
    args.map(OsStr::new)
}

/// Where mirrors lie.
fn mirrors(dir: &Path) -> PathBuf {
    dir.join("mirrors")
}
