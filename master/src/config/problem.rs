//! What is wrong with a configuration, as people and programs read it (config.md, contract.md C31).
//!
//! A problem always says what and where; the hint says what to write instead. Text that comes out of the file is shortened
//! and made harmless before it goes into a message.

use std::fmt;

use serde::Serialize;

/// A place in a file. Lines and columns count from 1, columns in characters; 0 stands for the file as a whole.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Place {
    /// As the file is called among the sources: `master.star`, `lib/cargo.star`.
    pub file: String,
    /// From 1.
    pub line: u32,
    /// From 1.
    pub column: u32,
}

impl Place {
    /// A file as a whole.
    pub(super) fn file(name: impl Into<String>) -> Self {
        Self { file: name.into(), line: 0, column: 0 }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// One mistake, or one remark. Serialises as contract.md C31 wants it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub struct Problem {
    /// The path as it was given, or the path of a loaded file beside it.
    pub file: String,
    /// From 1; 0: the file as a whole.
    pub line: u32,
    /// From 1, in characters; 0: the file as a whole.
    pub column: u32,
    /// What is wrong and why.
    pub message: String,
    /// What to write instead; may be empty.
    pub hint: String,
}

impl Problem {
    /// A mistake at a place.
    pub(super) fn at(place: &Place, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            file: place.file.clone(),
            line: place.line,
            column: place.column,
            message: message.into(),
            hint: hint.into(),
        }
    }
}

impl fmt::Display for Problem {
    /// `master.star:LINE:COL: what and why; what to write instead`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        write!(f, ": {}", self.message)?;
        if !self.hint.is_empty() {
            write!(f, "; {}", self.hint)?;
        }
        Ok(())
    }
}

/// Everything that is wrong with a configuration, in the order of the text. Never empty.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// Just one.
    pub(super) fn one(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl fmt::Display for Problems {
    /// One line each, and `N errors` as the last (contract.md C31).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.0 {
            writeln!(f, "{problem}")?;
        }
        match self.0.len() {
            1 => f.write_str("1 error"),
            many => write!(f, "{many} errors"),
        }
    }
}

impl std::error::Error for Problems {}

/// The longest piece of outside text that a message repeats, in characters.
const SHOWN: usize = 80;

/// Puts text from outside between backticks: shortened, on one line, without anything that a terminal acts on.
pub(super) fn quote(text: &str) -> String {
    let mut shown = String::with_capacity(text.len().min(SHOWN) + 2);
    shown.push('`');
    shown.push_str(&harmless(text, SHOWN));
    shown.push('`');
    shown
}

/// The text on one line, with controls and direction marks escaped, of at most so many characters.
pub(super) fn harmless(text: &str, limit: usize) -> String {
    let mut out = String::new();
    for (count, c) in text.chars().enumerate() {
        if count == limit {
            out.push('…');
            break;
        }
        let steers = matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
        if c.is_control() || steers {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// contract.md C31.
    #[test]
    fn problems_print_as_the_contract_says() {
        let place = Place { file: "dir/master.star".into(), line: 3, column: 14 };
        let problems =
            Problems(vec![Problem::at(&place, "no such thing", "did you mean `that`?"); 2]);
        let line = "dir/master.star:3:14: no such thing; did you mean `that`?";
        assert_eq!(problems.to_string(), format!("{line}\n{line}\n2 errors"));
        assert_eq!(
            serde_json::to_string(&problems.0[0]).unwrap(),
            r#"{"file":"dir/master.star","line":3,"column":14,"message":"no such thing","hint":"did you mean `that`?"}"#
        );
    }

    #[test]
    fn outside_text_cannot_steer_a_terminal() {
        assert_eq!(quote("a\u{1b}[2Jb\n"), "`a\\u{1b}[2Jb\\n`");
        assert_eq!(quote("\u{202e}x"), "`\\u{202e}x`");
        assert!(quote(&"x".repeat(1000)).chars().count() < 90);
    }
}
