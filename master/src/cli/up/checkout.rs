//! The checkout that `linn up` builds, and the folder in it where everything is kept.

use std::fs;
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::cli::configuration::{Chosen, checkout_around};
use crate::cli::failure::{Failure, shown};
use crate::config::{BUILT_IN, BUILT_IN_NAME};

/// A checkout of a git repository.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Checkout {
    top: PathBuf,
}

impl Checkout {
    /// The one around the working folder.
    ///
    /// # Errors
    /// When there is none.
    pub(in crate::cli) fn here() -> Result<Self, Failure> {
        let here = std::env::current_dir().map_err(|error| {
            Failure::usage("cannot find the working folder").why(error.to_string())
        })?;
        Self::around(&here)
    }

    fn around(folder: &Path) -> Result<Self, Failure> {
        let Some(top) = checkout_around(folder) else {
            return Err(Failure::usage(format!(
                "{} is not inside a git checkout",
                folder.display()
            ))
            .why("`linn up` builds the checkout it is started in")
            .hint("go into one, make one with `git init`, or take the tour: linn demo"));
        };
        Ok(Self { top: top.to_owned() })
    }

    /// Its top folder, absolute.
    pub(in crate::cli) fn top(&self) -> &Path {
        &self.top
    }

    /// The folder's name, for people.
    pub(super) fn title(&self) -> String {
        self.top
            .file_name()
            .map_or_else(|| "checkout".to_owned(), |name| shown(&name.to_string_lossy()))
    }

    /// The configuration that people wrote for it, if they did.
    pub(super) fn configuration(&self, state: &State) -> Option<PathBuf> {
        [self.top.join("master.star"), state.dir().join("master.star")]
            .into_iter()
            .find(|file| file.is_file())
    }

    /// A path as people in the checkout write it.
    fn short(&self, path: &Path) -> String {
        shown(&path.strip_prefix(&self.top).unwrap_or(path).display().to_string())
    }

    /// Which configuration is followed, what it found out by itself, and how to change that. One line, unless linn could
    /// not find out anything: then what to write.
    pub(super) fn greeting(&self, state: &State, chosen: &Chosen) -> String {
        if let Some(file) = &chosen.file {
            return format!("following {}", self.short(file));
        }
        let copy = format!("cp {} master.star", self.short(&state.built_in()));
        let builders: Vec<String> =
            chosen.loaded.config.builders.keys().map(|name| format!("`{name}`")).collect();
        if builders.is_empty() {
            let notes: Vec<&str> =
                chosen.loaded.notes.iter().map(|note| note.message.as_str()).collect();
            return notes.join("\n");
        }
        format!(
            "no master.star here, so linn found out by itself how this is built: {}; to change that: {copy}",
            builders.join(", ")
        )
    }
}

/// The folder that holds the master's state.
#[derive(Clone, Debug)]
pub(super) struct State {
    dir: PathBuf,
}

impl State {
    /// Makes the folder, with a `.gitignore` that keeps all of it out of `git status`, and puts the built-in configuration
    /// there for who wants to copy it.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(super) fn prepare(checkout: &Checkout, dir: Option<&Path>) -> Result<Self, Failure> {
        let dir = dir.map_or_else(|| checkout.top().join(".linn"), Path::to_owned);
        let dir = std::path::absolute(&dir).unwrap_or(dir);
        let failed = |error: std::io::Error| {
            Failure::new(3, format!("cannot keep the master's state in {}", dir.display()))
                .why(error.to_string())
                .hint("name another folder with --dir")
        };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&dir).map_err(failed)?;
        write_when_absent(&dir.join(".gitignore"), "*\n").map_err(failed)?;
        let state = Self { dir: dir.clone() };
        fs::write(state.built_in(), BUILT_IN).map_err(failed)?;
        Ok(state)
    }

    /// The built-in configuration as a file, to be copied.
    fn built_in(&self) -> PathBuf {
        self.dir.join(BUILT_IN_NAME)
    }

    /// The folder, absolute.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where a master answers.
    pub(super) fn socket(&self) -> PathBuf {
        self.dir.join("linn.sock")
    }

    /// What a master in the background says.
    pub(super) fn log(&self) -> PathBuf {
        self.dir.join("master.log")
    }
}

fn write_when_absent(path: &Path, text: &str) -> std::io::Result<()> {
    match fs::File::options().write(true).create_new(true).open(path) {
        Ok(mut file) => file.write_all(text.as_bytes()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkout_is_found_from_below_and_its_state_is_out_of_sight_c25() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("a/b");
        fs::create_dir_all(&below).unwrap();
        let failure = Checkout::around(&below).unwrap_err().to_string();
        assert!(failure.contains("is not inside a git checkout"), "{failure}");
        let init = std::process::Command::new("git")
            .args(["init", "-q"])
            .current_dir(folder.path())
            .status();
        assert!(init.unwrap().success());
        let checkout = Checkout::around(&below).unwrap();
        assert_eq!(checkout.top(), folder.path());
        let state = State::prepare(&checkout, None).unwrap();
        State::prepare(&checkout, None).unwrap();
        assert_eq!(state.socket(), folder.path().join(".linn/linn.sock"));
        let status = std::process::Command::new("git")
            .args(["status", "--porcelain", "--untracked-files=all"])
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&status.stdout), "");
        assert_eq!(checkout.configuration(&state), None);
        assert_eq!(checkout.short(&state.built_in()), ".linn/default.star");
        assert_eq!(fs::read_to_string(state.built_in()).unwrap(), BUILT_IN);
    }
}
