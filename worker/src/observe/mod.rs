//! What a supervisor looks for in what its command writes: warnings, test results, and the lines of `$LINN_REPORT`
//! (F19 to F21). The bytes are here, so none travels for it, and a restart of agent or master interrupts nothing.
//!
//! Everything is bounded, for a command may write what it likes: lines in length, names in number and length, files in
//! size. What is beyond a bound is left out, and said where somebody would miss it.

mod format;
mod junit;
mod libtest;
mod lines;
mod report;
mod subunit;
mod tally;
mod tap;
mod warnings;

use std::path::PathBuf;

use linn_proto::worker::{Observe, Said, Stream};

use format::{Files, Parser};
pub(crate) use report::{Entry, Report, VAR as REPORT_VAR};
use tally::Tally;

use warnings::Warnings;

/// All that is looked for in one command.
#[derive(Debug, Default)]
pub(crate) struct Observer {
    warnings: Option<Warnings>,
    /// Reads standard output.
    output: Option<Parser>,
    /// Read when the command is over.
    files: Option<Files>,
    report: Option<Report>,
    tally: Tally,
    /// Somebody asked for test results.
    wants_tests: bool,
    said: Said,
    trouble: String,
}

impl Observer {
    /// What `observe` asks for; lines of the command's own are read from `report`.
    pub(crate) fn new(observe: Option<&Observe>, report: PathBuf) -> Self {
        let mut made = Self { report: Some(Report::new(report)), ..Self::default() };
        let Some(observe) = observe else { return made };
        if !observe.warning_pattern.is_empty() {
            match Warnings::new(observe) {
                Ok(warnings) => made.warnings = Some(warnings),
                Err(why) => made.mistake(why),
            }
        }
        if !observe.report_format.is_empty() {
            made.wants_tests = true;
            match Parser::new(&observe.report_format) {
                Some(parser) if observe.report.is_empty() => made.output = Some(parser),
                // Where the file is is known when the command's folder is: `read_tests_from`.
                Some(_) => {}
                None => {
                    made.trouble =
                        format!("this worker does not read {}: upgrade it", observe.report_format);
                }
            }
        }
        made
    }

    /// Test results are read from files below a folder when the command is over.
    pub(crate) fn read_tests_from(&mut self, folder: PathBuf, pattern: &str, format: &str) {
        self.files = Some(Files::new(folder, pattern, format));
    }

    /// Takes what a log grew by. What it gives goes to the log of warnings.
    pub(crate) fn feed(&mut self, log: usize, stream: Stream, bytes: &[u8]) -> Option<Vec<u8>> {
        if let Some(parser) = self.output.as_mut().filter(|_| log == 0 && stream != Stream::Err) {
            parser.feed(bytes, &mut self.tally);
        }
        self.warnings.as_mut().and_then(|warnings| warnings.feed(log, stream, bytes))
    }

    /// What the command reported since the look before; `last`: it will report no more.
    pub(crate) fn reported(&mut self, last: bool, mask: &dyn Fn(&str) -> String) -> Vec<Entry> {
        let Some(report) = &mut self.report else { return Vec::new() };
        let mut news = Vec::new();
        for entry in if last { report.end(mask) } else { report.read(mask) } {
            match entry {
                Ok(Entry::Statistic(name, value)) => {
                    if self.said.statistics.len() < report::MAX_STATISTICS
                        || self.said.statistics.contains_key(&name)
                    {
                        self.said.statistics.insert(name, value);
                    }
                }
                Ok(Entry::Test(name, outcome, seconds)) => self.tally.add(&name, outcome, seconds),
                Ok(entry) => news.push(entry),
                Err(why) => self.mistake(why),
            }
        }
        news
    }

    /// The command is over, after `started_ms` if it ever was. What it gives goes to the log of warnings.
    pub(crate) fn end(&mut self, started_ms: i64) -> Option<Vec<u8>> {
        if let Some(parser) = &mut self.output
            && let Err(why) = parser.end(&mut self.tally)
        {
            self.trouble = format!("the output {why}");
        }
        if let Some(files) = self.files.take()
            && started_ms > 0
            && let Err(why) = files.read(started_ms, &mut self.tally)
        {
            self.trouble = why;
        }
        self.warnings.as_mut().and_then(Warnings::end)
    }

    /// All that was found, but for what was told as it came.
    pub(crate) fn finish(&mut self) -> Said {
        let mut said = std::mem::take(&mut self.said);
        said.warnings = self.warnings.as_ref().map_or(0, Warnings::count);
        let tally = std::mem::take(&mut self.tally);
        if self.wants_tests || tally.any() {
            said.tests = Some(tally.finish(std::mem::take(&mut self.trouble)));
        }
        said
    }

    fn mistake(&mut self, why: String) {
        self.said.mistakes += 1;
        if self.said.first_mistake.is_empty() {
            self.said.first_mistake = why;
        }
    }
}
