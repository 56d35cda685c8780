//! Test results in one of four formats (F20): from standard output as it comes, or from files when the command is over.
//!
//! A file that was not written by this command is none of its results: what an earlier build left in a folder that is
//! kept must not make the next one green.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::junit::Junit;
use super::libtest::Libtest;
use super::lines::Lines;
use super::subunit::Subunit;
use super::tally::Tally;
use super::tap::Tap;

/// The largest file that is read; the rest of a larger one is left out.
const MAX_FILE_BYTES: u64 = 64 << 20;
/// The most files that a pattern stands for.
const MAX_FILES: usize = 2_000;
/// So much is read at a time.
const READ_BYTES: usize = 256 << 10;
/// File systems have coarse clocks: a file this much older than its command may be of it.
const SLACK_MS: i64 = 2_000;

/// Reads test results in one format.
#[derive(Debug)]
pub(super) enum Parser {
    Junit(Junit),
    Tap(Lines, Tap),
    Libtest(Lines, Libtest),
    Subunit(Subunit),
}

impl Parser {
    /// `None`: there is no such format.
    pub(super) fn new(format: &str) -> Option<Self> {
        Some(match format {
            "junit" => Self::Junit(Junit::default()),
            "tap" => Self::Tap(Lines::default(), Tap::default()),
            "libtest" => Self::Libtest(Lines::default(), Libtest::default()),
            "subunit" => Self::Subunit(Subunit::default()),
            _ => return None,
        })
    }

    /// Takes what has come.
    pub(super) fn feed(&mut self, bytes: &[u8], tally: &mut Tally) {
        match self {
            Self::Junit(junit) => junit.feed(bytes),
            Self::Tap(lines, tap) => lines.feed(bytes, |line| tap.line(&text(line), tally)),
            Self::Libtest(lines, libtest) => {
                lines.feed(bytes, |line| libtest.line(&text(line), tally));
            }
            Self::Subunit(subunit) => subunit.feed(bytes, tally),
        }
    }

    /// Nothing more comes. An error says what is wrong: a clause that follows the name of what was read.
    pub(super) fn end(&mut self, tally: &mut Tally) -> Result<(), String> {
        match self {
            Self::Junit(junit) => junit.end(tally),
            Self::Tap(lines, tap) => {
                lines.end(|line| tap.line(&text(line), tally));
                tap.end(tally);
                Ok(())
            }
            Self::Libtest(lines, libtest) => {
                lines.end(|line| libtest.line(&text(line), tally));
                libtest.end();
                Ok(())
            }
            Self::Subunit(subunit) => {
                subunit.end(tally);
                Ok(())
            }
        }
    }
}

fn text(line: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(line)
}

/// Files with test results.
#[derive(Debug)]
pub(super) struct Files {
    folder: PathBuf,
    pattern: String,
    format: String,
}

impl Files {
    /// `pattern` is below `folder`; `*` in it stands for any name, or part of one.
    pub(super) fn new(folder: PathBuf, pattern: &str, format: &str) -> Self {
        Self { folder, pattern: pattern.to_owned(), format: format.to_owned() }
    }

    /// Reads those that the command wrote which began at `started_ms`. An error says why there are none, or not all.
    pub(super) fn read(&self, started_ms: i64, tally: &mut Tally) -> Result<(), String> {
        let mut found = Vec::new();
        let parts: Vec<&str> =
            self.pattern.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
        expand(&self.folder, &parts, &mut found);
        found.sort();
        let pattern = &self.pattern;
        if found.is_empty() {
            return Err(format!("there is no {pattern}"));
        }
        let mut trouble = None;
        let mut fresh = 0;
        for file in &found {
            let name = file.strip_prefix(&self.folder).unwrap_or(file).display();
            match self.read_one(file, started_ms, tally) {
                Ok(true) => fresh += 1,
                Ok(false) => {}
                Err(why) => {
                    fresh += 1;
                    trouble.get_or_insert_with(|| format!("{name} {why}"));
                }
            }
        }
        match trouble {
            Some(trouble) => Err(trouble),
            None if fresh == 0 => Err(format!("{pattern} is older than the step")),
            None => Ok(()),
        }
    }

    /// Whether the file was written since.
    fn read_one(&self, file: &Path, started_ms: i64, tally: &mut Tally) -> Result<bool, String> {
        let failed = |error: std::io::Error| format!("cannot be read: {error}");
        let meta = std::fs::metadata(file).map_err(failed)?;
        if !meta.is_file() {
            return Err("is no file".to_owned());
        }
        let written = meta.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        let written = written.and_then(|at| i64::try_from(at.as_millis()).ok());
        if written.is_some_and(|at| at + SLACK_MS < started_ms) {
            return Ok(false);
        }
        let Some(mut parser) = Parser::new(&self.format) else { return Ok(true) };
        let mut rest = File::open(file).map_err(failed)?.take(MAX_FILE_BYTES);
        let mut buffer = vec![0; READ_BYTES];
        loop {
            match rest.read(&mut buffer).map_err(failed)? {
                0 => break,
                count => parser.feed(&buffer[..count], tally),
            }
        }
        parser.end(tally)?;
        if meta.len() > MAX_FILE_BYTES {
            return Err(format!("is larger than {} MiB", MAX_FILE_BYTES >> 20));
        }
        Ok(true)
    }
}

/// Every file that the parts of a pattern stand for.
fn expand(folder: &Path, parts: &[&str], found: &mut Vec<PathBuf>) {
    let Some((part, rest)) = parts.split_first() else { return };
    if !part.contains('*') {
        let path = folder.join(part);
        return if !rest.is_empty() {
            expand(&path, rest, found);
        } else if path.exists() && found.len() < MAX_FILES {
            found.push(path);
        };
    }
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut names: Vec<_> =
        entries.flatten().filter_map(|it| it.file_name().into_string().ok()).collect();
    names.retain(|name| fits(part, name));
    names.sort();
    for name in names {
        if found.len() >= MAX_FILES {
            return;
        }
        let path = folder.join(name);
        if rest.is_empty() { found.push(path) } else { expand(&path, rest, found) }
    }
}

/// Whether a name fits a pattern in which `*` stands for any text. What begins with a dot must be named so.
fn fits(pattern: &str, name: &str) -> bool {
    if name.starts_with('.') && !pattern.starts_with('.') {
        return false;
    }
    let mut pieces = pattern.split('*');
    let Some(mut rest) = pieces.next().and_then(|first| name.strip_prefix(first)) else {
        return false;
    };
    let mut last = "";
    for piece in pieces {
        let Some(at) = rest.find(last) else { return false };
        rest = &rest[at + last.len()..];
        last = piece;
    }
    rest.len() >= last.len() && rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = r#"<testsuite><testcase name="a"/></testsuite>"#;

    #[test]
    fn stars_stand_for_any_text() {
        for (pattern, name, yes) in [
            ("*.xml", "a.xml", true),
            ("*.xml", ".xml", false),
            ("TEST-*.xml", "TEST-a.b.xml", true),
            ("TEST-*.xml", "TEST-.xml", true),
            ("TEST-*.xml", "TEST.xml", false),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "axxcyyb", false),
            ("ab*bc", "abc", false),
            ("*", "x", true),
            ("**", "x", true),
        ] {
            assert_eq!(fits(pattern, name), yes, "{pattern} {name}");
        }
    }

    #[test]
    fn all_files_of_a_pattern_are_read_and_old_ones_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let reports = dir.path().join("a/reports");
        std::fs::create_dir_all(&reports).unwrap();
        std::fs::write(reports.join("TEST-1.xml"), ONE).unwrap();
        std::fs::write(reports.join("TEST-2.xml"), ONE).unwrap();
        std::fs::write(reports.join("other.txt"), ONE).unwrap();
        let now = crate::clock::now_ms();
        let files = |pattern: &str| Files::new(dir.path().to_owned(), pattern, "junit");
        let mut tally = Tally::default();
        assert_eq!(files("*/reports/TEST-*.xml").read(now, &mut tally), Ok(()));
        assert_eq!(tally.numbers(), (2, 2, 0, 0));
        let said = files("a/reports/TEST-1.xml").read(now + 60_000, &mut Tally::default());
        assert_eq!(said.unwrap_err(), "a/reports/TEST-1.xml is older than the step");
        let said = files("a/none.xml").read(now, &mut Tally::default());
        assert_eq!(said.unwrap_err(), "there is no a/none.xml");
        let said = files("a/reports").read(now, &mut Tally::default());
        assert_eq!(said.unwrap_err(), "a/reports is no file");
        std::fs::write(reports.join("TEST-2.xml"), "no xml at all <<<").unwrap();
        let mut tally = Tally::default();
        let said = files("a/reports/*.xml").read(now, &mut tally).unwrap_err();
        assert!(said.starts_with("a/reports/TEST-2.xml "), "{said}");
        assert_eq!(tally.numbers(), (1, 1, 0, 0), "the good one counts");
    }

    /// Whatever comes in whatever format, nothing breaks, and counts add up.
    #[test]
    fn rubbish_is_survived_in_every_format() {
        let mut seed = 0x2545_f491_4f6c_dd1d_u64;
        let mut byte = || {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            (seed >> 24) as u8
        };
        for format in ["junit", "tap", "libtest", "subunit"] {
            for round in 0..40_u8 {
                let mut bytes: Vec<u8> = (0..2_000).map(|_| byte()).collect();
                let sample = match format {
                    "junit" => ONE.as_bytes().to_vec(),
                    "tap" => b"1..3\nok 1\nnot ok 2 - b # TODO\n".to_vec(),
                    "libtest" => {
                        b"test a ... ok\ntest result: ok. 1 passed; 0 failed; 0 ignored\n".to_vec()
                    }
                    _ => vec![0xb3, 0x29, 0x01, 0x0c, 0x03, 0x66, 0x6f, 0x6f, 8, 0x55, 0x5f, 0x1b],
                };
                bytes.splice(usize::from(round)..usize::from(round), sample);
                let (mut tally, mut parser) = (Tally::default(), Parser::new(format).unwrap());
                for piece in bytes.chunks(usize::from(round) + 1) {
                    parser.feed(piece, &mut tally);
                }
                drop(parser.end(&mut tally));
                let (total, passed, failed, skipped) = tally.numbers();
                assert_eq!(total, passed + failed + skipped, "{format}");
            }
        }
    }
}
