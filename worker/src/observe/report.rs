//! `$LINN_REPORT` (F21): a file to which a step appends lines of JSON, each telling one thing.
//!
//! ```text
//! {"property": N, "value": V}
//! {"statistic": N, "value": X}
//! {"url": U, "name": N}
//! {"test": N, "result": "passed|failed|skipped", "duration": S}
//! {"progress": 0.0-1.0}
//! ```
//!
//! A line that says nothing is told to people and harms nobody.

use std::path::PathBuf;

use serde_json::{Map, Value};

use super::lines::Lines;
use super::tally::Outcome;
use crate::exec::tail::Tail;

/// The variable that names the file.
pub(crate) const VAR: &str = "LINN_REPORT";

/// The most numbers of one command.
pub(super) const MAX_STATISTICS: usize = 200;
/// The most properties and links of one command, each.
const MAX_ENTRIES: usize = 1_000;
/// Their size, in bytes: they travel in one message with the command's end.
const MAX_ENTRIES_BYTES: usize = 1 << 20;
/// The most lines of one command.
const MAX_LINES: u64 = 200_000;
/// The longest name, in bytes.
const MAX_NAME_BYTES: usize = 256;
/// The longest address, in bytes.
const MAX_URL_BYTES: usize = 2_048;
/// So much is read at a time.
const READ_BYTES: usize = 64 << 10;

/// One thing a line tells.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Entry {
    /// Name and value, as JSON.
    Property(String, String),
    /// Name and address.
    Link(String, String),
    /// From 0 to 1.
    Progress(f64),
    /// Name and value.
    Statistic(String, f64),
    /// Name, outcome, seconds.
    Test(String, Outcome, Option<f64>),
}

/// The file, as far as it has been read.
#[derive(Debug)]
pub(crate) struct Report {
    tail: Tail,
    lines: Lines,
    number: u64,
    entries: usize,
    bytes: usize,
}

impl Report {
    pub(super) fn new(path: PathBuf) -> Self {
        let tail = Tail::new(0, path);
        Self { tail, lines: Lines::default(), number: 0, entries: 0, bytes: 0 }
    }

    /// What new lines tell, or what is wrong with them: a clause that says which line.
    pub(super) fn read(&mut self, mask: &dyn Fn(&str) -> String) -> Vec<Result<Entry, String>> {
        let mut told = Vec::new();
        if self.number > MAX_LINES {
            return told;
        }
        let mut buffer = vec![0; READ_BYTES];
        // A file that cannot be read tells nothing.
        while let Ok(count @ 1..) = self.tail.read(&mut buffer) {
            let mut lines = std::mem::take(&mut self.lines);
            lines.feed(&buffer[..count], |line| self.line(line, mask, &mut told));
            self.lines = lines;
            if self.number > MAX_LINES {
                break;
            }
        }
        told
    }

    /// The same for a last line that was never ended.
    pub(super) fn end(&mut self, mask: &dyn Fn(&str) -> String) -> Vec<Result<Entry, String>> {
        let mut told = self.read(mask);
        let mut lines = std::mem::take(&mut self.lines);
        lines.end(|line| self.line(line, mask, &mut told));
        told
    }

    fn line(
        &mut self,
        line: &[u8],
        mask: &dyn Fn(&str) -> String,
        told: &mut Vec<Result<Entry, String>>,
    ) {
        self.number += 1;
        let number = self.number;
        if number > MAX_LINES {
            if number == MAX_LINES + 1 {
                told.push(Err(format!("line {number}: there are more than {MAX_LINES}")));
            }
            return;
        }
        let text = String::from_utf8_lossy(line);
        if text.trim().is_empty() {
            return;
        }
        let entry = read(&mask(&text)).and_then(|entry| self.within(entry));
        told.push(entry.map_err(|why| format!("line {number}: {why}")));
    }

    fn within(&mut self, entry: Entry) -> Result<Entry, String> {
        if let Entry::Property(name, text) | Entry::Link(name, text) = &entry {
            self.entries += 1;
            self.bytes += name.len() + text.len();
            if self.entries > MAX_ENTRIES || self.bytes > MAX_ENTRIES_BYTES {
                return Err("there is no room for more properties and links".to_owned());
            }
        }
        Ok(entry)
    }
}

/// What one line tells.
fn read(text: &str) -> Result<Entry, String> {
    let value: Value = serde_json::from_str(text).map_err(|error| {
        let shown: String = text.chars().filter(|c| !c.is_control()).take(60).collect();
        format!("`{shown}` is no JSON: {error}")
    })?;
    let Value::Object(line) = value else { return Err("it is no JSON object".to_owned()) };
    if let Some(name) = line.get("property") {
        let value = line.get("value").ok_or("the property has no `value`")?;
        return Ok(Entry::Property(named("property", name)?, value.to_string()));
    }
    if let Some(name) = line.get("statistic") {
        let value = number(&line, "value")?.ok_or("the statistic has no `value`")?;
        return Ok(Entry::Statistic(named("statistic", name)?, value));
    }
    if let Some(url) = line.get("url") {
        let url = url.as_str().ok_or("`url` is no text")?;
        let name = line.get("name").map(|name| named("name", name)).transpose()?;
        return Ok(Entry::Link(name.unwrap_or_else(|| url.to_owned()), address(url)?));
    }
    if let Some(name) = line.get("test") {
        let outcome = match line.get("result").and_then(Value::as_str) {
            Some("passed") => Outcome::Passed,
            Some("failed") => Outcome::Failed,
            Some("skipped") => Outcome::Skipped,
            _ => return Err("`result` of a test is passed, failed or skipped".to_owned()),
        };
        let name = name.as_str().ok_or("`test` is no text")?;
        return Ok(Entry::Test(name.to_owned(), outcome, number(&line, "duration")?));
    }
    if line.contains_key("progress") {
        return match number(&line, "progress")? {
            Some(share) if (0.0..=1.0).contains(&share) => Ok(Entry::Progress(share)),
            _ => Err("`progress` is a number from 0 to 1".to_owned()),
        };
    }
    Err("it has none of property, statistic, url, test, progress".to_owned())
}

fn named(what: &str, name: &Value) -> Result<String, String> {
    let name = name.as_str().ok_or_else(|| format!("`{what}` is no text"))?;
    if name.is_empty() || name.len() > MAX_NAME_BYTES || name.chars().any(char::is_control) {
        return Err(format!("`{what}` is no name: 1 to {MAX_NAME_BYTES} bytes on one line"));
    }
    Ok(name.to_owned())
}

/// A number, if it is there. JSON has no infinite ones, but some that become so.
fn number(line: &Map<String, Value>, key: &str) -> Result<Option<f64>, String> {
    match line.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_f64().filter(|number| number.is_finite()) {
            Some(number) => Ok(Some(number)),
            None => Err(format!("`{key}` is no number")),
        },
    }
}

/// Addresses that a console may offer to open.
fn address(url: &str) -> Result<String, String> {
    let web = ["http://", "https://"].iter().any(|scheme| {
        url.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
            && url.len() > scheme.len()
    });
    let plain = !url.chars().any(|c| c.is_whitespace() || c.is_control());
    if web && plain && url.len() <= MAX_URL_BYTES {
        return Ok(url.to_owned());
    }
    Err(format!(
        "`url` begins with http:// or https://, without blanks, {MAX_URL_BYTES} bytes at most"
    ))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn same(text: &str) -> String {
        text.to_owned()
    }

    #[test]
    fn every_sort_of_line_is_understood() {
        let (name, some) = (|text: &str| text.to_owned(), Some(0.25));
        for (line, entry) in [
            (
                r#"{"property": "v", "value": [1, "a"]}"#,
                Entry::Property(name("v"), name(r#"[1,"a"]"#)),
            ),
            (r#"{"property": "v", "value": null}"#, Entry::Property(name("v"), name("null"))),
            (r#"{"statistic": "size", "value": -3}"#, Entry::Statistic(name("size"), -3.0)),
            (
                r#"{"url": "https://x/y", "name": "docs"}"#,
                Entry::Link(name("docs"), name("https://x/y")),
            ),
            (r#"{"url": "http://x"}"#, Entry::Link(name("http://x"), name("http://x"))),
            (
                r#"{"test": "a", "result": "failed", "duration": 0.25}"#,
                Entry::Test(name("a"), Outcome::Failed, some),
            ),
            (
                r#"{"test": "a", "result": "skipped"}"#,
                Entry::Test(name("a"), Outcome::Skipped, None),
            ),
            (r#" {"progress": 0.5} "#, Entry::Progress(0.5)),
        ] {
            assert_eq!(read(line), Ok(entry), "{line}");
        }
    }

    #[test]
    fn a_line_that_says_nothing_says_why() {
        for (line, why) in [
            ("property=1", "no JSON"),
            ("[1]", "no JSON object"),
            ("{}", "none of property"),
            (r#"{"property": "v"}"#, "no `value`"),
            (r#"{"property": "", "value": 1}"#, "no name"),
            (r#"{"property": 1, "value": 1}"#, "no text"),
            (r#"{"statistic": "v", "value": "1"}"#, "no number"),
            (r#"{"statistic": "v", "value": 1e999}"#, ""),
            (r#"{"url": "javascript:alert(1)"}"#, "http"),
            (r#"{"url": "https://x y"}"#, "http"),
            (r#"{"url": "https://"}"#, "http"),
            (r#"{"test": "a", "result": "ok"}"#, "passed, failed or skipped"),
            (r#"{"progress": 1.5}"#, "from 0 to 1"),
        ] {
            let said = read(line).unwrap_err();
            assert!(said.contains(why), "{line}: {said}");
        }
        let deep = format!("{{\"property\": \"v\", \"value\": {}", "[".repeat(100_000));
        assert!(read(&deep).is_err());
    }

    #[test]
    fn lines_are_read_as_they_come_and_numbered() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("report");
        let mut report = Report::new(path.clone());
        assert_eq!(report.read(&same), []);
        let mut file = std::fs::File::create(&path).unwrap();
        file.write_all(b"{\"progress\": 0.5}\nbad\n{\"prog").unwrap();
        let told = report.read(&same);
        assert_eq!(told[0], Ok(Entry::Progress(0.5)));
        assert!(told[1].as_ref().unwrap_err().starts_with("line 2: "), "{told:?}");
        assert_eq!(told.len(), 2);
        file.write_all(b"ress\": 1}").unwrap();
        assert_eq!(report.read(&same), []);
        assert_eq!(report.end(&same), [Ok(Entry::Progress(1.0))]);
    }

    #[test]
    fn lines_and_properties_are_bounded() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("report");
        let value = "x".repeat(10_000);
        let line = format!("{{\"property\": \"v\", \"value\": \"{value}\"}}\n");
        std::fs::write(&path, line.repeat(200)).unwrap();
        let told = Report::new(path.clone()).end(&same);
        let kept = told.iter().filter(|entry| entry.is_ok()).count();
        assert!((100..110).contains(&kept), "{kept}");
        std::fs::write(&path, "{\"progress\":0}\n".repeat(250_000)).unwrap();
        let told = Report::new(path).end(&same);
        assert_eq!(told.len() as u64, MAX_LINES + 1);
        assert!(told.last().unwrap().is_err());
    }

    #[test]
    fn secrets_are_masked_before_anything_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("report");
        std::fs::write(&path, "{\"property\": \"v\", \"value\": \"hunter2\"}\n").unwrap();
        let told = Report::new(path).end(&|text| text.replace("hunter2", "***"));
        assert_eq!(told, [Ok(Entry::Property("v".into(), "\"***\"".into()))]);
    }
}
