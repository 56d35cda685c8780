//! How a line of a log is printed.

use linn_proto::console::LogLine;

use crate::cli::ansi;
use crate::cli::io::{Io, Stop};
use crate::cli::json;
use crate::cli::paint::Tone;
use crate::cli::when;
use crate::safe::text as shown;

/// The same for all lines of one command.
#[derive(Debug, Clone, Copy)]
pub(super) struct Printer {
    pub(super) json: bool,
    pub(super) colour: bool,
    pub(super) numbers: bool,
    pub(super) timestamps: bool,
}

impl Printer {
    /// One line.
    pub(super) fn line(&self, line: &LogLine, io: &mut Io) -> Result<(), Stop> {
        if self.json {
            return io.json(&json::log_line(line));
        }
        let mut out = String::new();
        if self.timestamps {
            let time = if line.at_ms == 0 { None } else { when::stamp(line.at_ms) };
            out.push_str(&self.dim(&format!("{:<24} ", time.as_deref().unwrap_or("-"))));
        }
        if self.numbers {
            out.push_str(&self.dim(&format!("{}:", line.number)));
        }
        out.push_str(&ansi::line(&line.text, self.colour));
        if line.cut {
            out.push_str(&self.dim(" [the line goes on; --raw has all of it]"));
        }
        io.line(&out)
    }

    /// What the master says before and after a log, several lines; dim (C16).
    pub(super) fn header(&self, text: &str, io: &mut Io) -> Result<(), Stop> {
        if self.json {
            return Ok(());
        }
        for line in text.lines() {
            io.line(&self.dim(&shown(line)))?;
        }
        Ok(())
    }

    fn dim(&self, text: &str) -> String {
        if self.colour { Tone::Dim.paint(text) } else { text.to_owned() }
    }
}
