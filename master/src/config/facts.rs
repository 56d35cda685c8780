//! What the built-in configuration may know of a checkout: a few facts, captured once, so that evaluation stays hermetic.
//!
//! The facts are kept among the sources of a generation (decision D9), so evaluating them again needs no folder and no git.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use super::problem::harmless;

/// A checkout as `checkout` shows it to Starlark; each field is an attribute of that name.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Facts {
    /// The folder, absolute.
    pub path: String,
    /// What git has checked out; empty for a detached head or no git.
    pub branch: String,
    /// The folder's name, for people.
    pub title: String,
    /// Names at the top, sorted; folders end with `/`. At most [`MAX_FILES`].
    pub files: Vec<String>,
    /// Targets of the makefile, sorted. At most [`MAX_NAMES`].
    pub make_targets: Vec<String>,
    /// Scripts of `package.json`, sorted. At most [`MAX_NAMES`].
    pub npm_scripts: Vec<String>,
    /// How many local workers the caller wants.
    pub workers: u32,
}

/// The most names of files that are kept.
pub const MAX_FILES: usize = 1000;
/// The most names of targets or scripts that are kept.
pub const MAX_NAMES: usize = 500;
/// The largest makefile or `package.json` that is looked into, in bytes.
const MAX_READ: u64 = 1024 * 1024;

impl Facts {
    /// Looks at a folder. What cannot be read is left empty: a guess may fail, `linn up` may not.
    #[must_use]
    pub fn read(folder: &Path, workers: u32) -> Self {
        let folder = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_path_buf());
        let title = folder
            .file_name()
            .map_or_else(|| "checkout".to_owned(), |name| harmless(&name.to_string_lossy(), 100));
        let files = names_in(&folder);
        let make_targets = ["GNUmakefile", "makefile", "Makefile"]
            .iter()
            .find_map(|name| read_bounded(&folder.join(name)))
            .map(|text| targets_of(&text))
            .unwrap_or_default();
        let npm_scripts = read_bounded(&folder.join("package.json"))
            .map(|text| scripts_of(&text))
            .unwrap_or_default();
        Self {
            branch: branch_of(&folder),
            path: folder.to_string_lossy().into_owned(),
            title,
            files,
            make_targets,
            npm_scripts,
            workers,
        }
    }
}

fn names_in(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let is_folder = fs::metadata(entry.path()).is_ok_and(|meta| meta.is_dir());
            Some(if is_folder { format!("{name}/") } else { name })
        })
        .filter(|name| name != ".git/" && name != ".linn/")
        .collect();
    names.sort();
    names.truncate(MAX_FILES);
    names
}

fn read_bounded(path: &Path) -> Option<String> {
    let size = fs::metadata(path).ok().filter(fs::Metadata::is_file)?.len();
    (size <= MAX_READ).then(|| fs::read_to_string(path).ok()).flatten()
}

/// The branch that `git rev-parse` names; a fresh repository's unborn branch counts too.
fn branch_of(folder: &Path) -> String {
    let ask = |arguments: &[&str]| {
        let output = Command::new("git")
            .arg("-C")
            .arg(folder)
            .args(arguments)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output()
            .ok()?;
        let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
        (output.status.success() && !text.is_empty()).then_some(text)
    };
    ask(&["rev-parse", "--abbrev-ref", "HEAD"])
        .filter(|branch| branch != "HEAD")
        .or_else(|| ask(&["symbolic-ref", "--short", "HEAD"]))
        .unwrap_or_default()
}

/// The plain targets of a makefile: names before a colon at the start of a line.
fn targets_of(text: &str) -> Vec<String> {
    let mut targets: Vec<String> = text
        .lines()
        .filter(|line| line.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_'))
        .filter_map(|line| line.split_once(':'))
        .filter(|(_, after)| !after.starts_with('='))
        .flat_map(|(names, _)| names.split_whitespace())
        .filter(|name| name.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c)))
        .map(str::to_owned)
        .collect();
    targets.sort();
    targets.dedup();
    targets.truncate(MAX_NAMES);
    targets
}

/// The names of a `package.json`'s scripts; npm's own placeholder for "no test" does not count.
fn scripts_of(text: &str) -> Vec<String> {
    let Ok(json) = serde_json::from_str::<serde_json::Value>(text) else { return Vec::new() };
    let Some(scripts) = json.get("scripts").and_then(serde_json::Value::as_object) else {
        return Vec::new();
    };
    let mut names: Vec<String> = scripts
        .iter()
        .filter(|(_, command)| {
            !command.as_str().is_some_and(|text| text.contains("no test specified"))
        })
        .map(|(name, _)| name.clone())
        .collect();
    names.sort();
    names.truncate(MAX_NAMES);
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("src")).unwrap();
        fs::write(
            folder.path().join("Makefile"),
            "CC := cc\nall: prog\ncheck test:\n\tx\n.PHONY: all\n",
        )
        .unwrap();
        fs::write(
            folder.path().join("package.json"),
            r#"{"scripts": {"build": "tsc", "test": "echo \"Error: no test specified\" && exit 1"}}"#,
        )
        .unwrap();
        let git = Command::new("git")
            .args(["init", "-q", "-b", "trunk"])
            .current_dir(folder.path())
            .status()
            .unwrap();
        assert!(git.success());
        let facts = Facts::read(folder.path(), 2);
        assert_eq!(facts.files, ["Makefile", "package.json", "src/"]);
        assert_eq!(facts.make_targets, ["all", "check", "test"]);
        assert_eq!(facts.npm_scripts, ["build"]);
        assert_eq!((facts.branch.as_str(), facts.workers), ("trunk", 2));
    }

    #[test]
    fn a_folder_that_is_not_there_gives_nothing() {
        let facts = Facts::read(Path::new("/no/such/folder"), 1);
        assert_eq!((facts.files.len(), facts.branch.as_str()), (0, ""));
    }
}
