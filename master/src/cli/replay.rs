//! `linn replay`: steps through a recorded input log of the core and prints what it decides.
//!
//! The log says everything that a core is told, so the transcript is the same on every machine and each time. The
//! simulator writes one for a seed that breaks a law; people may write one by hand ([`linn_core::testing::Recording`]).

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU32, Ordering};

use linn_core::testing::{Moment, Player, Recording, Said, What, action_line, line};
use serde::Serialize;

use super::check;
use super::failure::{Failure, print};
use crate::config::{self, Library, Loaded, Origin};

pub(super) const EXAMPLE: &str = "Example:
  linn replay linn-seed-17.log";

/// The name that the configuration in a log goes by: messages about it and its digest contain one.
const NAME: &str = "master.star";

/// `linn replay`.
#[derive(Clone, Debug, clap::Args)]
pub struct ReplayArgs {
    /// The log: a configuration, a line `---`, then one JSON object for each input
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Prints each moment of the log with the records and actions that came of it.
///
/// # Errors
/// When the file cannot be read or is no log.
pub(super) fn run(args: &ReplayArgs, json: bool) -> Result<ExitCode, Failure> {
    let shown = args.file.display();
    let text = fs::read_to_string(&args.file).map_err(|error| {
        Failure::usage(format!("{shown} cannot be read")).why(error.to_string())
    })?;
    let recording = Recording::parse(&text).map_err(|error| {
        Failure::usage(format!("{shown} is no input log"))
            .why(error.to_string())
            .hint("it is a configuration, a line `---`, then one JSON object for each input")
    })?;
    let Some(loaded) = evaluate(&recording.config)? else { return Ok(ExitCode::from(2)) };
    let show = |step: Step<'_>| if json { print(&step.json()) } else { print(&step.text()) };
    let played = config::on_deep_stack(|| replay(&recording, &loaded, show));
    // Who closed the pipe has seen enough.
    let _ = played.map_err(Failure::internal)?;
    Ok(ExitCode::SUCCESS)
}

/// Evaluates the configuration of a log; `None`: it has mistakes, which have been told.
fn evaluate(text: &str) -> Result<Option<Loaded>, Failure> {
    let folder = Folder::make().map_err(|error| {
        Failure::internal("no file can be made for the configuration").why(error.to_string())
    })?;
    let file = folder.0.join(NAME);
    fs::write(&file, text).map_err(|error| {
        Failure::internal(format!("{} cannot be written", file.display())).why(error.to_string())
    })?;
    match config::load(Origin::File(&file), None) {
        Ok(loaded) => Ok(Some(loaded)),
        Err(problems) => {
            check::tell(&problems);
            Ok(None)
        }
    }
}

/// A folder for one file, gone in the end.
struct Folder(PathBuf);

impl Folder {
    fn make() -> io::Result<Self> {
        static LAST: AtomicU32 = AtomicU32::new(0);
        let number = LAST.fetch_add(1, Ordering::Relaxed);
        let name = format!("linn-replay-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        // Made anew and ours alone: nobody else can have put a link there.
        fs::DirBuilder::new().mode(0o700).create(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What stays behind is one small file among others of its kind.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A moment and what came of it.
#[derive(Serialize)]
struct Step<'a> {
    #[serde(flatten)]
    moment: &'a Moment,
    records: Vec<String>,
    actions: Vec<String>,
}

impl Step<'_> {
    fn new<'a>(moment: &'a Moment, said: &Said) -> Step<'a> {
        Step {
            moment,
            records: said.records.iter().map(line).collect(),
            actions: said.actions.iter().map(action_line).collect(),
        }
    }

    /// The moment at the margin, what came of it below.
    fn text(&self) -> String {
        let mut text = format!("{} {}", self.moment.at, told(&self.moment.what));
        for line in self.records.iter().chain(&self.actions) {
            text.push_str("\n  ");
            text.push_str(line);
        }
        text
    }

    fn json(&self) -> String {
        serde_json::to_string(self).expect("it was read from JSON")
    }
}

/// A moment's kind, and all of it as JSON.
fn told(what: &What) -> String {
    let word = match what {
        What::Input(_) => "",
        What::Unwritten(_) => "unwritten ",
        What::Mark(_) => "mark ",
    };
    let body = match what {
        What::Input(input) | What::Unwritten(input) => serde_json::to_string(input),
        What::Mark(mark) => serde_json::to_string(mark),
    };
    format!("{word}{}", body.expect("it was read from JSON"))
}

fn replay(
    recording: &Recording,
    loaded: &Loaded,
    mut tell: impl FnMut(Step<'_>) -> io::Result<()>,
) -> io::Result<()> {
    let hooks = Library::new();
    hooks.insert(loaded.generation.clone());
    let mut player = Player::new(loaded.config.clone(), &hooks);
    for moment in &recording.moments {
        let said = player.play(moment);
        tell(Step::new(moment, &said))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = r#"worker("w")
builder("b", workers = ["w"], factory = [shell("t", command = ["true"])])
force_scheduler("force", builders = ["b"])
---
{"at":0,"mark":"start"}
{"at":1000,"input":{"worker_attached":{"session":1,"name":"w","instance":"f"}}}
{"at":2000,"unwritten":{"force_requested":{"asking":{"token":1,"request_id":"x","who":"kim"},"builders":["b"]}}}
{"at":3000,"mark":"start"}
{"at":4000,"input":{"force_requested":{"asking":{"token":2,"request_id":"x","who":"kim"},"builders":["b"]}}}
{"at":5000,"input":{"worker_attached":{"session":2,"name":"w","instance":"f"}}}
{"at":6000,"mark":"crash"}
{"at":7000,"input":"timeout"}
"#;

    /// The first words of each line: the rest of a line is its maker's.
    const TRANSCRIPT: &str = "\
1970-01-01T00:00:00.000Z mark \"start\"
  config_applied
1970-01-01T00:00:01.000Z worker_attached
  worker_connected w
  -> welcome session 1
1970-01-01T00:00:02.000Z unwritten force_requested
  buildset_added 1
  request_added 1
  asking_answered x
  build_started b#1
  step_started b#1/t
  -> reply 1 buildset
  -> send command 1
1970-01-01T00:00:03.000Z mark \"start\"
  worker_lost w
1970-01-01T00:00:04.000Z force_requested
  buildset_added 1
  request_added 1
  asking_answered x
  -> reply 2 buildset
1970-01-01T00:00:05.000Z worker_attached
  worker_connected w
  build_started b#1
  step_started b#1/t
  -> welcome session 2
  -> send command 1
1970-01-01T00:00:06.000Z mark \"crash\"
1970-01-01T00:00:07.000Z \"timeout\"
  worker_lost w
  build_orphaned b#1
";

    fn shortened(line: &str) -> String {
        let words: Vec<&str> = line.split_whitespace().collect();
        let few = |count| words[..words.len().min(count)].join(" ").replace(':', "");
        match line.strip_prefix("  ") {
            Some(outcome) if outcome.starts_with("->") => format!("  {}\n", few(4)),
            Some(outcome) if outcome.starts_with("config_applied") => format!("  {}\n", few(1)),
            Some(_) => format!("  {}\n", few(2)),
            None => match line.split_once("{\"") {
                Some((margin, input)) => {
                    format!("{margin}{}\n", input.split('"').next().unwrap_or_default())
                }
                None => format!("{line}\n"),
            },
        }
    }

    fn transcript(json: bool) -> Vec<String> {
        let recording = Recording::parse(LOG).expect("a log");
        let loaded = evaluate(&recording.config).expect("evaluates").expect("has no mistakes");
        let mut lines = Vec::new();
        replay(&recording, &loaded, |step| {
            lines.push(if json { step.json() } else { step.text() });
            Ok(())
        })
        .expect("lines can be kept");
        lines
    }

    #[test]
    fn a_log_made_by_hand_is_stepped_through() {
        let steps = transcript(false);
        let lines: String = steps.iter().flat_map(|step| step.lines()).map(shortened).collect();
        assert_eq!(lines, TRANSCRIPT);
        assert_eq!(transcript(false), steps, "the same each time");
    }

    #[test]
    fn scripts_get_one_object_a_moment() {
        let steps = transcript(true);
        let last: serde_json::Value = serde_json::from_str(&steps[7]).expect("JSON");
        assert_eq!(last["at"], 7000);
        assert_eq!(last["input"], "timeout");
        assert_eq!(last["records"][1], "build_orphaned b#1");
        assert_eq!(steps.len(), 8);
    }
}
