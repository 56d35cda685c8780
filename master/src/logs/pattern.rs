//! What a search looks for.
//!
//! A pattern speaks of one line at a time. Most patterns can be run over a megabyte of lines at once all the same, as
//! grep does: a line is then looked at alone only where something was found.

use regex::bytes::{Regex, RegexBuilder};

use super::LogError;

/// The longest pattern, in bytes.
const MAX_PATTERN: usize = 4096;
/// The largest compiled form, in bytes.
const MAX_COMPILED: usize = 4 * 1024 * 1024;

/// What is looked for in each line of a log.
#[derive(Clone, Debug)]
pub struct Pattern {
    regex: Regex,
    /// It means the same over many lines as over one, but that it may reach over a newline.
    over_many: bool,
}

impl Pattern {
    /// A regular expression, matched against each line alone, without its end (`\n` or `\r\n`). Of a line longer than
    /// 1 MiB the first 1 MiB counts.
    ///
    /// # Errors
    /// [`LogError::Pattern`] when it is none, or too large.
    pub fn regex(text: &str, ignore_case: bool) -> Result<Self, LogError> {
        // Where text begins and ends is not the same in many lines; flags inside could change that unseen.
        let edges = ["^", "$", "\\A", "\\z", "\\b{", "(?"];
        let over_many = !edges.iter().any(|edge| text.contains(edge)) && !may_cross_lines(text);
        Self::build(text, text, ignore_case, over_many)
    }

    /// A text as it is.
    ///
    /// # Errors
    /// [`LogError::Pattern`] when it is too long.
    pub fn literal(text: &str, ignore_case: bool) -> Result<Self, LogError> {
        Self::build(text, &regex::escape(text), ignore_case, true)
    }

    fn build(
        typed: &str,
        regex: &str,
        ignore_case: bool,
        over_many: bool,
    ) -> Result<Self, LogError> {
        let wrong = |why: String| LogError::Pattern { pattern: typed.to_owned(), why };
        if typed.len() > MAX_PATTERN {
            let pattern = typed.chars().take(40).collect::<String>() + "…";
            let why = format!("it is longer than {MAX_PATTERN} bytes");
            return Err(LogError::Pattern { pattern, why });
        }
        let regex = RegexBuilder::new(regex)
            .case_insensitive(ignore_case)
            .size_limit(MAX_COMPILED)
            .build()
            .map_err(|error| wrong(one_line(&error)))?;
        Ok(Self { regex, over_many })
    }

    /// Whether one line, without its newline, matches.
    pub(super) fn is_in(&self, line: &[u8]) -> bool {
        self.regex.is_match(line.strip_suffix(b"\r").unwrap_or(line))
    }

    /// Where, from `from` on, the next line that may match begins to: some place inside of it.
    pub(super) fn candidate(&self, lines: &[u8], from: usize) -> Option<usize> {
        if self.over_many {
            self.regex.find_at(lines, from).map(|hit| hit.start())
        } else {
            Some(from)
        }
    }
}

/// The parser draws arrows below the pattern over several lines; its last line says what is wrong.
fn one_line(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().next_back().unwrap_or_default();
    last.strip_prefix("error: ").unwrap_or(last).trim().to_owned()
}

/// Any of some plain texts, over bytes.
pub(super) fn any_of(texts: &[&str]) -> Regex {
    let all: Vec<String> = texts.iter().map(|text| regex::escape(text)).collect();
    Regex::new(&format!("(?-u){}", all.join("|"))).expect("escaped texts are a regular expression")
}

/// Whether an expression may match an end of line. Each match that does is looked for again line by line, so one that runs
/// over many lines from each of them would take minutes. Says yes too often rather than too seldom.
fn may_cross_lines(text: &str) -> bool {
    let escapes = || text.match_indices('\\').map(|(at, _)| text[at + 1..].chars().next());
    let safe = |escaped: Option<char>| {
        escaped.is_some_and(|it| it.is_ascii_punctuation() || "dwSbB".contains(it))
    };
    text.contains("[^")
        || text.contains("[:")
        || text.contains(|it: char| it.is_control())
        || !escapes().all(safe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_cross_lines_is_looked_for_in_each() {
        for text in ["[^x]*y", "a\\s+b", "(.|\\n)y", "\\D+7", "[[:space:]]y", "\\x0ay", "a\nb"] {
            assert!(!Pattern::regex(text, false).unwrap().over_many, "{text}");
        }
        for text in ["error\\[E\\d+\\]", "[Ww]arning: ", "a.*b\\b", "FAILED|panicked"] {
            assert!(Pattern::regex(text, false).unwrap().over_many, "{text}");
        }
    }

    #[test]
    fn mistakes_are_told_in_one_line() {
        let error = Pattern::regex("a(b", false).unwrap_err().to_string();
        assert_eq!(error, "`a(b` is no usable regular expression: unclosed group");
        assert!(Pattern::regex(&"x".repeat(5000), false).is_err());
        assert!(Pattern::regex("(((a{1000}){1000}){1000})", false).is_err());
        assert!(Pattern::literal("a(b", false).unwrap().is_in(b"xa(b"));
        assert!(Pattern::regex("end$", false).unwrap().is_in(b"the end\r"));
        assert!(Pattern::literal("ERROR", true).unwrap().is_in(b"an error"));
    }
}
