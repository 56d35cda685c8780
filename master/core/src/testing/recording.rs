//! What a master was told, as text: its configuration, a line `---`, then one JSON object for each moment.
//!
//! ```text
//! worker("w")
//! ---
//! {"at":0,"mark":"start"}
//! {"at":1500,"input":{"worker_detached":{"session":1}}}
//! {"at":1600,"unwritten":"timeout"}
//! {"at":1700,"mark":"crash"}
//! ```
//!
//! Whoever wrote it and whoever reads it make the same of it: all that a core decides is in here.

use std::fmt;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::input::Input;
use crate::time::Timestamp;

/// Between the configuration and the moments.
const RULE: &str = "---";

/// A configuration and what happened under it.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Recording {
    /// The text of its main file, whole.
    pub config: String,
    /// In order.
    pub moments: Vec<Moment>,
}

/// Something that happened to a master.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Moment {
    /// When, in milliseconds since 1970.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub what: What,
}

/// Read through a map: what serde buffers for `flatten` on its own has no numbers of arbitrary precision, which a
/// library of the master's switches on for the whole program.
impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut fields = Map::deserialize(deserializer)?;
        let at = fields.remove("at").ok_or_else(|| D::Error::missing_field("at"))?;
        let at = serde_json::from_value(at).map_err(D::Error::custom)?;
        let what = serde_json::from_value(Value::Object(fields)).map_err(D::Error::custom)?;
        Ok(Self { at, what })
    }
}

/// What happened to a master.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// It handled an input, and what came of that was written down.
    Input(Box<Input>),
    /// It handled an input, and the store refused what came of that: the state was thrown away.
    Unwritten(Box<Input>),
    /// It came or went.
    Mark(Mark),
}

/// How a master comes and goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// It takes up what was written down.
    Start,
    /// All that was not written down is gone.
    Crash,
}

/// Why a text is no recording.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RecordingError {
    /// Which line, from 1.
    pub line: usize,
    /// A fragment.
    pub why: String,
}

impl fmt::Display for RecordingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.why)
    }
}

impl std::error::Error for RecordingError {}

impl Recording {
    /// Reads a recording. Empty lines among the moments are left out.
    ///
    /// # Errors
    /// The first line that is wrong, and how.
    pub fn parse(text: &str) -> Result<Self, RecordingError> {
        let lines: Vec<&str> = text.lines().collect();
        let Some(rule) = lines.iter().position(|line| *line == RULE) else {
            let why = format!("no line `{RULE}` ends the configuration");
            return Err(RecordingError { line: lines.len().max(1), why });
        };
        let mut recording = Self::default();
        for line in &lines[..rule] {
            recording.config.push_str(line);
            recording.config.push('\n');
        }
        for (at, line) in lines.iter().enumerate().skip(rule + 1) {
            if line.trim().is_empty() {
                continue;
            }
            let moment = serde_json::from_str(line)
                .map_err(|error| RecordingError { line: at + 1, why: error.to_string() })?;
            recording.moments.push(moment);
        }
        Ok(recording)
    }

    /// The recording as text.
    ///
    /// # Errors
    /// When an input is no plain data ([`Input::Reconfigured`]).
    pub fn text(&self) -> serde_json::Result<String> {
        let mut text = self.config.clone();
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(RULE);
        text.push('\n');
        for moment in &self.moments {
            text.push_str(&serde_json::to_string(moment)?);
            text.push('\n');
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::NewChange;
    use crate::id::{CommandId, SessionId, Token};
    use crate::input::Asking;

    #[test]
    fn what_is_written_is_read() {
        let asking = Asking { token: Token(1), request_id: "a".into(), who: "kim".into() };
        let changes = vec![NewChange { author: "ana".into(), ..NewChange::default() }];
        let submitted = Input::ChangesSubmitted { asking, changes, commits: Vec::new() };
        let moment = |at, what| Moment { at: Timestamp(at), what };
        let recording = Recording {
            config: "worker(\"w\")\n".to_owned(),
            moments: vec![
                moment(0, What::Mark(Mark::Start)),
                moment(5, What::Input(Box::new(submitted))),
                moment(
                    6,
                    What::Input(Box::new(Input::ProgressTold {
                        session: SessionId(1),
                        command: CommandId(2),
                        share: 0.25,
                    })),
                ),
                moment(6, What::Unwritten(Box::new(Input::Timeout))),
                moment(7, What::Mark(Mark::Crash)),
            ],
        };
        let text = recording.text().expect("plain data");
        assert_eq!(Recording::parse(&text), Ok(recording), "{text}");
    }

    #[test]
    fn a_hand_may_leave_out_what_is_empty() {
        let text = "---\n\n{\"at\":1,\"input\":{\"changes_submitted\":{\"asking\":{\"token\":1},\
                    \"changes\":[{\"branch\":\"main\"}]}}}\n";
        let recording = Recording::parse(text).expect("a recording");
        assert_eq!(recording.moments.len(), 1);
    }

    #[test]
    fn a_mistake_has_a_line() {
        let wrong = |text| Recording::parse(text).expect_err("a mistake").line;
        assert_eq!(wrong(""), 1);
        assert_eq!(wrong("worker(\"w\")\n"), 1);
        assert_eq!(wrong("a\n---\n{\"at\":0,\"mark\":\"start\"}\n{\"at\":1}\n"), 4);
    }
}
