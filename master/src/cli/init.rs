//! `linn init`: a commented master.star for this checkout, to be changed by hand.
//!
//! The recipe is the one that `linn up` would follow without a file: cut out of the built-in configuration, so that there is
//! one recipe of each kind and both say the same.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use super::configuration::{self, Unusable};
use super::daemon::DEFAULT_WORKERS;
use super::failure::{Failure, print, say};
use super::up::Checkout;
use crate::config::{BUILT_IN, Facts};

pub(super) const EXAMPLE: &str = "Example:
  linn init && linn check && linn up";

/// The file that is written.
const FILE: &str = "master.star";

/// Writes `master.star` at the top of the checkout; one that is there stays as it is.
///
/// # Errors
/// When this is no checkout, there is such a file already, or it cannot be written.
pub(super) fn run(json: bool) -> Result<ExitCode, Failure> {
    let checkout = Checkout::here()?;
    let facts = Facts::read(checkout.top(), DEFAULT_WORKERS);
    let kind = match configuration::built_in(&facts) {
        Ok(chosen) => chosen.loaded.config.builders.keys().next().map(ToString::to_string),
        Err(Unusable::Told) => return Ok(ExitCode::from(2)),
        Err(Unusable::Failed(failure)) => return Err(failure),
    };
    let file = checkout.top().join(FILE);
    write_new(&file, &text(&facts, kind.as_deref()))?;
    if json {
        let told = serde_json::json!({ "file": file.display().to_string(), "builder": kind });
        let _ = print(&told.to_string());
    } else {
        let what = match &kind {
            Some(kind) => format!("it builds with the recipe for {kind}"),
            None => {
                "linn cannot tell how this is built: say so where the file says TODO".to_owned()
            }
        };
        say(&format!("wrote {}: {what}; then: linn check, linn up", file.display()));
    }
    Ok(ExitCode::SUCCESS)
}

fn write_new(file: &Path, text: &str) -> Result<(), Failure> {
    let made = std::fs::File::options().write(true).create_new(true).open(file);
    made.and_then(|mut made| made.write_all(text.as_bytes())).map_err(|error| {
        if error.kind() == std::io::ErrorKind::AlreadyExists {
            Failure::new(3, format!("{} is there already", file.display()))
                .hint("`linn check` tells what is wrong with it; move it away to begin anew")
        } else {
            Failure::new(3, format!("cannot write {}", file.display())).why(error.to_string())
        }
    })
}

/// The configuration of a checkout of this kind.
fn text(facts: &Facts, kind: Option<&str>) -> String {
    let branches =
        if facts.branch.is_empty() { String::new() } else { format!("{:?}", facts.branch) };
    let mut out = String::from(
        "# How this checkout is built. It is Starlark: Python's syntax, functions and loops, no side effects.\n\
         # `linn check` tells every mistake at once, `linn up` follows it from its next start on, `linn man config` has all the functions.\n\
         #\n\
         # `checkout` is what linn saw of the checkout when it was started: `path`, `branch`, `files`, ...\n\n\
         # Where builds run: workers on this machine. One that dials in from another machine is `worker(\"name\")`.\n\
         WORKERS = [local_worker(\"local-1\"), local_worker(\"local-2\")]\n\n\
         # Where changes come from. For a repository elsewhere write its URL, and a longer interval.\n",
    );
    // Writing to a text cannot fail, here and below.
    let _ = write!(
        out,
        "git_poller(\"checkout\", repository = checkout.path, branches = [{branches}], interval = \"1s\", build_first_tip = True)\n\n\
         # How to build.\n"
    );
    let builder = match kind.and_then(|kind| Some((kind, recipe(kind)?))) {
        Some((kind, recipe)) => {
            let _ = write!(
                out,
                "{recipe}\n\nbuilder(\"{kind}\", workers = WORKERS, factory = [git()] + {kind}())\n\n"
            );
            kind
        }
        None => {
            out.push_str(
                "# TODO: the commands that build and test it, one step each.\n\
                 builder(\"all\", workers = WORKERS, factory = [\n    git(),\n    shell(\"build\", command = \"./build.sh\"),\n])\n\n",
            );
            "all"
        }
    };
    let _ = write!(
        out,
        "# When to build: each commit at once. `tree_stable_timer = \"30s\"` would wait until nobody commits for so long.\n\
         any_branch_scheduler(\"commits\", builders = [\"{builder}\"])\n\n\
         # People, with `linn force {builder}` or the key `f`.\n\
         force_scheduler(\"force\", builders = [\"{builder}\"])\n"
    );
    out
}

/// The function of the built-in configuration that makes the steps of a kind.
fn recipe(kind: &str) -> Option<&'static str> {
    let begin = BUILT_IN.find(&format!("\ndef {kind}():"))? + 1;
    let rest = &BUILT_IN[begin..];
    // It ends where the next thing begins at the left margin.
    let end = rest
        .match_indices('\n')
        .map(|(at, _)| at + 1)
        .find(|at| rest[*at..].starts_with(|first: char| !first.is_whitespace()))
        .unwrap_or(rest.len());
    Some(rest[..end].trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    #[test]
    fn what_is_written_for_each_kind_is_good() {
        for (file, kind) in [
            ("Cargo.toml", Some("cargo")),
            ("go.mod", Some("go")),
            ("CMakeLists.txt", Some("cmake")),
            ("meson.build", Some("meson")),
            ("pyproject.toml", Some("python")),
            ("package.json", Some("node")),
            ("Makefile", Some("make")),
            ("read.me", None),
        ] {
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(folder.path().join(file), "").unwrap();
            let facts = Facts::read(folder.path(), 2);
            let found = configuration::built_in(&facts).ok().unwrap();
            let names: Vec<_> =
                found.loaded.config.builders.keys().map(ToString::to_string).collect();
            assert_eq!(names.first().map(String::as_str), kind, "{file}");
            let star = folder.path().join(FILE);
            write_new(&star, &text(&facts, kind)).unwrap();
            let summary = config::check(&star).unwrap_or_else(|bad| panic!("{file}: {bad}"));
            assert_eq!((summary.builders, summary.workers, summary.sources), (1, 2, 1), "{file}");
            assert!(write_new(&star, "").unwrap_err().to_string().contains("is there already"));
        }
    }
}
