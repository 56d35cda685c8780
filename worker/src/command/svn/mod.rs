//! Brings a build folder to a revision with Subversion, in its usual layout: `trunk`, `branches/X` (F48).
//!
//! `update` when the tree is of the same branch, `switch` when it is of another, `checkout` when there is none or it cannot
//! be used. What names something has passed [`super::place`]; an `@` in a name is no peg, for one always follows.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
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

/// Where a build without a branch is.
const TRUNK: &str = "trunk";

/// A checkout under way.
struct Svn<'a, 'line> {
    tools: Tools<'a, 'line>,
    what: &'a Checkout,
    /// Of the branch, without a peg.
    url: String,
}

/// Runs the checkout to its end and says how that was.
pub(super) fn run(watch: &mut Watch<'_>, job: &Job, what: &Checkout) -> io::Result<Exit> {
    let outcome = begin(watch, job, what).and_then(|mut svn| svn.check_out());
    Ok(failure::exit(watch, outcome, "the checkout"))
}

fn begin<'a, 'line>(
    watch: &'a mut Watch<'line>,
    job: &'a Job,
    what: &'a Checkout,
) -> Result<Svn<'a, 'line>, Failure> {
    place::check(what).map_err(Failure::Refused)?;
    let mut env = step_env(job, &what.env).map_err(Failure::Refused)?;
    let batch = || OsString::from("ssh -oBatchMode=yes");
    env.entry("SVN_SSH".into()).or_insert_with(batch);
    let repository = what.repository.trim_end_matches('/');
    let mut url = if repository.starts_with('/') {
        format!("file://{}", escaped(repository))
    } else {
        repository.to_owned()
    };
    url.push('/');
    url.push_str(&escaped(what.branch.as_deref().unwrap_or(TRUNK)));
    Ok(Svn { tools: Tools { watch, job, env }, what, url })
}

/// A path as it stands in a URL.
fn escaped(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.~@+!$&()*,;=".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a text cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

impl Svn<'_, '_> {
    fn check_out(&mut self) -> Result<(), Failure> {
        let tree = checkout::tree(&self.tools, &self.what.workdir)?;
        let method = Method::read(self.what).map_err(Failure::Refused)?;
        let revision = self.bring(&tree, method)?;
        checkout::tell(self.tools.watch, self.what, &revision);
        match &self.what.patch {
            Some(patch) if !patch.diff.is_empty() => {
                checkout::apply(&mut self.tools, &tree, &tree.join(".svn"), patch)
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
                self.bring_once(tree)?;
            }
            Method::Copy => {
                let source = source_of(tree);
                let revision = self.bring(&source, Method::Incremental)?;
                self.tools.remove(tree)?;
                let why = "cannot copy the source tree into the build folder";
                self.tools.copy(&source, tree, why)?;
                return Ok(revision);
            }
            Method::Incremental | Method::Fresh | Method::Clean => {
                let was_there = is_tree(tree);
                match self.bring_once(tree) {
                    Err(Failure::Failed { why, .. })
                        if was_there && !why.starts_with("there is no") =>
                    {
                        self.tools.watch.say("# the work tree cannot be used; it is made anew");
                        self.tools.remove(tree)?;
                        self.bring_once(tree)?;
                    }
                    outcome => outcome?,
                }
                self.clean(tree, method)?;
            }
        }
        let revision = self.ask(tree, &["info", "--show-item", "revision", "."])?;
        revision.ok_or_else(|| Failure::failed("svn does not tell which revision it checked out"))
    }

    fn bring_once(&mut self, tree: &Path) -> Result<(), Failure> {
        let outcome = checkout::retried(
            self,
            |svn, again| svn.tools.again(again),
            self.what,
            |svn| svn.once(tree),
        );
        match outcome {
            // The sentence for people; what svn said is in the log.
            Err(Failure::Failed { code, .. }) if !self.is_there()? => {
                Err(Failure::Failed { why: format!("there is no {}", self.wanted()), code })
            }
            outcome => outcome,
        }
    }

    fn once(&mut self, tree: &Path) -> Result<(), Failure> {
        let what = self.what;
        let revision = what.revision.as_deref().unwrap_or("HEAD");
        let pegged = self.pegged();
        let why = format!("cannot check out {}", self.wanted());
        if !is_tree(tree) {
            self.tools.remove(tree)?;
            let above = tree.parent().unwrap_or(tree);
            let words = ["checkout", "--quiet", "--revision", revision, "--", &pegged];
            let words = words.map(OsStr::new);
            return self.must_os(above, &[&words[..], &[tree.as_os_str()]].concat(), &why);
        }
        // Frees what an svn held that was killed.
        self.must(tree, &["cleanup", "."], "cannot free the locks of the work tree")?;
        let dirty = "cannot undo what an earlier build changed";
        self.must(tree, &["revert", "--quiet", "--recursive", "."], dirty)?;
        let patched = tree.join(".svn").join(PATCHED);
        if patched.exists() {
            self.tools.watch.say("# the tree was patched by an earlier build; cleaned first");
            self.clean(tree, Method::Fresh)?;
            fs::remove_file(&patched)?;
        }
        let present = self.ask(tree, &["info", "--show-item", "url", "."])?;
        let accept = ["--quiet", "--force", "--accept", "theirs-full", "--revision", revision];
        if present.as_deref() == Some(self.url.as_str()) {
            self.must(tree, &[&["update"], &accept[..], &["."]].concat(), &why)
        } else {
            let rest = ["--ignore-ancestry", "--", &pegged, "."];
            self.must(tree, &[&["switch"], &accept[..], &rest[..]].concat(), &why)
        }
    }

    fn clean(&mut self, tree: &Path, method: Method) -> Result<(), Failure> {
        let why = "cannot remove what an earlier build left";
        let unversioned = ["cleanup", "--quiet", "--remove-unversioned"];
        match method {
            Method::Fresh => {
                let words = [&unversioned[..], &["--remove-ignored", "."]].concat();
                self.must(tree, &words, why)
            }
            Method::Clean => self.must(tree, &[&unversioned[..], &["."]].concat(), why),
            Method::Incremental | Method::Clobber | Method::Copy => Ok(()),
        }
    }

    /// Whether the repository has what is wanted.
    fn is_there(&mut self) -> Result<bool, Failure> {
        let what = self.what;
        let pegged = self.pegged();
        let dir = self.tools.job.dir.clone();
        let revision = what.revision.as_deref().unwrap_or("HEAD");
        let words = ["info", "--revision", revision, "--show-item", "revision", "--", &pegged];
        Ok(self.ask(&dir, &words)?.is_some())
    }

    /// The URL with the revision in which it is looked up: a branch that is gone by now was there then.
    fn pegged(&self) -> String {
        format!("{}@{}", self.url, self.what.revision.as_deref().unwrap_or(""))
    }

    /// Asks svn something that nobody needs to see; nothing when it ends with anything but 0.
    fn ask(&mut self, dir: &Path, args: &[&str]) -> Result<Option<String>, Failure> {
        let args: Vec<&OsStr> = args.iter().map(OsStr::new).collect();
        let mut program = self.program(dir, &args);
        program.keep = true;
        let (status, kept) = self.tools.run(program)?;
        Ok((code(status) == 0).then(|| String::from_utf8_lossy(&kept).trim().to_owned()))
    }

    fn must(&mut self, dir: &Path, args: &[&str], why: &str) -> Result<(), Failure> {
        let args: Vec<&OsStr> = args.iter().map(OsStr::new).collect();
        self.must_os(dir, &args, why)
    }

    /// Runs svn with its words in the log.
    fn must_os(&mut self, dir: &Path, args: &[&OsStr], why: &str) -> Result<(), Failure> {
        let words: Vec<_> = args.iter().map(|arg| arg.to_string_lossy()).collect();
        self.tools.watch.say(&format!("$ svn {}", words.join(" ")));
        let program = self.program(dir, args);
        match code(self.tools.run(program)?.0) {
            0 => Ok(()),
            code => Err(Failure::Failed { why: format!("{why} (svn ended with {code})"), code }),
        }
    }

    fn program(&self, dir: &Path, args: &[&OsStr]) -> Program {
        let mut argv: Vec<OsString> = vec!["svn".into(), "--non-interactive".into()];
        argv.extend(args.iter().map(|arg| (*arg).to_owned()));
        Program { argv, env: self.tools.env.clone(), dir: dir.to_owned(), ..Program::default() }
    }

    /// The text for people: what is checked out from where.
    fn wanted(&self) -> String {
        let of = &self.what.repository;
        let branch = self.what.branch.as_deref().unwrap_or(TRUNK);
        match &self.what.revision {
            Some(revision) => format!("revision {revision} of `{branch}` in {of}"),
            None => format!("`{branch}` in {of}"),
        }
    }
}

/// Whether there is a work tree of its own in `tree`: without one svn would look further up.
fn is_tree(tree: &Path) -> bool {
    tree.join(".svn/wc.db").is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stand_in_urls() {
        assert_eq!(escaped("branches/1.0 x"), "branches/1.0%20x");
        assert_eq!(escaped("/srv/ä%"), "/srv/%C3%A4%25");
    }
}
