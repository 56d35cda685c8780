//! Brings a build folder to a revision with Mercurial.
//!
//! Each tree is a clone of its own: `pull`, `update --clean`, and `purge` where the method asks for it. What names something
//! has passed [`super::place`] and goes to hg in quotes, so that no name is taken for an expression.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::Path;

use linn_proto::worker::{Checkout, Exit};

use super::checkout::{self, Method, PATCHED, source_of};
use super::failure::{self, Failure};
use super::place;
use super::shell::step_env;
use super::tools::{Tools, code};
use crate::exec::program::Program;
use crate::exec::supervise::Job;
use crate::exec::watch::Watch;

/// Given to every hg, before its command: it asks nobody, neither itself nor by its ssh.
const OPTIONS: [&str; 5] =
    ["--noninteractive", "--config", "extensions.purge=", "--config", "ui.ssh=ssh -oBatchMode=yes"];

/// Where a build without a branch is.
const DEFAULT_BRANCH: &str = "default";

/// A checkout under way.
struct Hg<'a, 'line> {
    tools: Tools<'a, 'line>,
    what: &'a Checkout,
}

/// Runs the checkout to its end and says how that was.
pub(super) fn run(watch: &mut Watch<'_>, job: &Job, what: &Checkout) -> io::Result<Exit> {
    let outcome = begin(watch, job, what).and_then(|mut hg| hg.check_out());
    Ok(failure::exit(watch, outcome, "the checkout"))
}

fn begin<'a, 'line>(
    watch: &'a mut Watch<'line>,
    job: &'a Job,
    what: &'a Checkout,
) -> Result<Hg<'a, 'line>, Failure> {
    place::check(what).map_err(Failure::Refused)?;
    let mut env = step_env(job, &what.env).map_err(Failure::Refused)?;
    // Plain words, whatever the user's own settings and language.
    for (name, value) in [("HGPLAIN", "1"), ("HGENCODING", "UTF-8")] {
        env.insert(name.into(), value.into());
    }
    Ok(Hg { tools: Tools { watch, job, env }, what })
}

impl Hg<'_, '_> {
    fn check_out(&mut self) -> Result<(), Failure> {
        let tree = checkout::tree(&self.tools, &self.what.workdir)?;
        let method = Method::read(self.what).map_err(Failure::Refused)?;
        let revision = self.bring(&tree, method)?;
        checkout::tell(self.tools.watch, self.what, &revision);
        match &self.what.patch {
            Some(patch) if !patch.diff.is_empty() => {
                checkout::apply(&mut self.tools, &tree, &tree.join(".hg"), patch)
            }
            _ => Ok(()),
        }
    }

    fn bring(&mut self, tree: &Path, method: Method) -> Result<String, Failure> {
        if tree.is_symlink() {
            // A build could have laid it, to have what lies behind it cleaned.
            fs::remove_file(tree)?;
        }
        match method {
            Method::Clobber => {
                self.tools.remove(tree)?;
                self.bring_once(tree, method)
            }
            Method::Copy => {
                let source = source_of(tree);
                let revision = self.bring(&source, Method::Incremental)?;
                self.tools.remove(tree)?;
                let why = "cannot copy the source tree into the build folder";
                self.tools.copy(&source, tree, why)?;
                Ok(revision)
            }
            Method::Incremental | Method::Fresh | Method::Clean => {
                let was_there = is_tree(tree);
                match self.bring_once(tree, method) {
                    Err(Failure::Failed { why, .. })
                        if was_there && !why.starts_with("there is no") =>
                    {
                        self.tools.watch.say("# the work tree cannot be used; it is made anew");
                        self.tools.remove(tree)?;
                        self.bring_once(tree, method)
                    }
                    outcome => outcome,
                }
            }
        }
    }

    fn bring_once(&mut self, tree: &Path, method: Method) -> Result<String, Failure> {
        let revision = checkout::retried(
            self,
            |hg, again| hg.tools.again(again),
            self.what,
            |hg| hg.fetch(tree),
        )?;
        let why = format!("cannot check out {revision}");
        self.must(tree, &["update", "--clean", "--rev", &revision], &why)?;
        let cleaned = "cannot remove what an earlier build left";
        let patched = tree.join(".hg").join(PATCHED);
        if patched.exists() {
            self.tools.watch.say("# the tree was patched by an earlier build; cleaned first");
            self.must(tree, &["purge", "--all"], cleaned)?;
            fs::remove_file(&patched)?;
        }
        match method {
            Method::Fresh => self.must(tree, &["purge", "--all"], cleaned)?,
            Method::Clean => self.must(tree, &["purge"], cleaned)?,
            Method::Incremental | Method::Clobber | Method::Copy => {}
        }
        Ok(revision)
    }

    /// Makes sure that the tree's repository has the wanted revision, and tells its id.
    fn fetch(&mut self, tree: &Path) -> Result<String, Failure> {
        let what = self.what;
        let from = what.repository.as_str();
        let why = format!("cannot fetch from {from}");
        if is_tree(tree) {
            release(tree);
            if tree.join(".hg/store/journal").exists() {
                self.must(tree, &["recover"], "cannot mend what a fetch left that was cut off")?;
            }
            let known = what.revision.as_deref().filter(|text| place::is_commit_id(text));
            if let Some(known) = known
                && let Some(found) = self.find(tree, &quoted(known))?
            {
                return Ok(found);
            }
            self.must(tree, &["pull", "--", from], &why)?;
        } else {
            self.tools.remove(tree)?;
            let above = tree.parent().unwrap_or(tree);
            let clone = ["clone", "--noupdate", "--", from].map(OsStr::new);
            self.must_os(above, &[&clone[..], &[tree.as_os_str()]].concat(), &why)?;
        }
        let found = match &what.revision {
            Some(revision) => self.find(tree, &quoted(revision))?,
            None => {
                let branch = what.branch.as_deref().unwrap_or(DEFAULT_BRANCH);
                let branch = format!("branch(\"literal:{branch}\")");
                match self.find(tree, &format!("max(head() and {branch} and not closed())"))? {
                    // One whose heads are all closed still has a newest revision.
                    None => self.find(tree, &format!("max({branch})"))?,
                    found => found,
                }
            }
        };
        found.ok_or_else(|| Failure::failed(format!("there is no {}", self.wanted())))
    }

    /// The full id of the one revision that an expression selects.
    fn find(&mut self, tree: &Path, expression: &str) -> Result<Option<String>, Failure> {
        let args = ["log", "--rev", expression, "--limit", "1", "--template", "{node}"];
        let mut program = self.program(tree, &args.map(OsStr::new));
        program.keep = true;
        let (status, kept) = self.tools.run(program)?;
        let said = String::from_utf8_lossy(&kept);
        // What hg says when it knows no such name goes the same way, and is no id.
        Ok((code(status) == 0 && place::is_commit_id(said.trim())).then(|| said.trim().to_owned()))
    }

    fn must(&mut self, dir: &Path, args: &[&str], why: &str) -> Result<(), Failure> {
        let args: Vec<&OsStr> = args.iter().map(OsStr::new).collect();
        self.must_os(dir, &args, why)
    }

    /// Runs hg with its words in the log.
    fn must_os(&mut self, dir: &Path, args: &[&OsStr], why: &str) -> Result<(), Failure> {
        let words: Vec<_> = args.iter().map(|arg| arg.to_string_lossy()).collect();
        self.tools.watch.say(&format!("$ hg {}", words.join(" ")));
        let program = self.program(dir, args);
        match code(self.tools.run(program)?.0) {
            0 => Ok(()),
            code => Err(Failure::Failed { why: format!("{why} (hg ended with {code})"), code }),
        }
    }

    fn program(&self, dir: &Path, args: &[&OsStr]) -> Program {
        let mut argv: Vec<OsString> = vec!["hg".into()];
        argv.extend(OPTIONS.map(OsString::from));
        argv.extend(args.iter().map(|arg| (*arg).to_owned()));
        Program { argv, env: self.tools.env.clone(), dir: dir.to_owned(), ..Program::default() }
    }

    /// The text for people: what is checked out from where.
    fn wanted(&self) -> String {
        let of = &self.what.repository;
        match &self.what.revision {
            Some(revision) => format!("revision {revision} in {of}"),
            None => {
                let branch = self.what.branch.as_deref().unwrap_or(DEFAULT_BRANCH);
                format!("branch `{branch}` in {of}")
            }
        }
    }
}

/// A name as hg's expressions have it; quotes and backslashes are in none.
fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}

/// Whether there is a repository of its own in `tree`: without one hg would look further up.
fn is_tree(tree: &Path) -> bool {
    tree.join(".hg/store").is_dir()
}

/// Removes the locks of an hg that was killed. Nobody else works in this tree.
fn release(tree: &Path) {
    for lock in ["wlock", "store/lock"] {
        // Most often there is none.
        let _ = fs::remove_file(tree.join(".hg").join(lock));
    }
}
