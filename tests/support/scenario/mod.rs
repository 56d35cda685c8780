//! Behaviours as text: a configuration, inputs with their times, and what the master must make of them.
//!
//! A scenario is a file that reads top to bottom:
//!
//! ```text
//! # TS-7: an unimportant change does not extend a running quiet period.
//! ---
//! worker("w")
//! builder("b", workers = ["w"], factory = [shell("t", command = "true")])
//! any_branch_scheduler("s", builders = ["b"], tree_stable_timer = "30s", unimportant_files = ["doc/*"])
//! ---
//! 0s change main r1 files=src/a.c
//!   change_added 1 ...
//! 20s change main r2 files=doc/a
//!   ...
//! 40s tick
//!   @30s
//!   buildset_added 1 ...
//! ```
//!
//! The first comment names the ids of the rules shown. Timeouts that fall due on the way to an event are handled at
//! their own time and marked `@TIME`; between `down` and `restart` there is no master, so nothing happens. Further
//! configurations may follow the events, each after a line of `---`: `reload` follows the next one. `UPDATE=1` writes what
//! came out into the file, to be read before it is committed.
//! After every event the tables of both stores are compared with the state (`load(tables) == state`), so each scenario
//! is a test of the stores too.

mod script;
mod stage;
mod view;

pub use script::{Event, Script};
pub use stage::{Stage, evaluate};

use std::path::Path;

/// Runs one file. Answers the difference between what it says and what happened, if there is one.
///
/// # Errors
/// What is wrong with the file, or where the outcome differs.
pub fn run(path: &Path) -> Result<(), String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let script = Script::parse(&text)?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut stage = Stage::new(&script.config, &script.later)?;
    let mut played = script.head();
    for event in &script.events {
        let came =
            stage.play(event).map_err(|error| format!("{name}: `{}`: {error}", event.text))?;
        played.push_str(&event.text);
        played.push('\n');
        for line in came {
            played.push_str("  ");
            played.push_str(&line);
            played.push('\n');
        }
    }
    played.push_str(&script.tail());
    if played == text {
        return Ok(());
    }
    if std::env::var_os("UPDATE").is_some() {
        return std::fs::write(path, played).map_err(|error| error.to_string());
    }
    Err(format!("{name} went otherwise (UPDATE=1 accepts it):\n{}", difference(&text, &played)))
}

/// The first lines that differ, with a few before them.
fn difference(wanted: &str, found: &str) -> String {
    let (wanted, found): (Vec<_>, Vec<_>) = (wanted.lines().collect(), found.lines().collect());
    let same = wanted.iter().zip(&found).take_while(|(a, b)| a == b).count();
    let before = wanted[same.saturating_sub(4)..same].iter().map(|line| format!("    {line}\n"));
    let missing = wanted.iter().skip(same).take(6).map(|line| format!("  - {line}\n"));
    let instead = found.iter().skip(same).take(6).map(|line| format!("  + {line}\n"));
    before.chain(missing).chain(instead).collect()
}
