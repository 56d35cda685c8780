//! Is this text of a shape that can be parsed at all? Looked at before the parser does, which recurses.
//!
//! A file of ten thousand brackets would not be an error message but an overrun stack, so depth and runs are bounded here,
//! by a scan that knows only strings, comments and brackets. Encoding is settled here too.

use super::problem::{Place, Problem};

/// The largest file, in bytes.
pub(super) const MAX_FILE_BYTES: usize = 1024 * 1024;
/// The deepest nest of brackets, and of indented blocks.
const MAX_DEPTH: usize = 100;
/// The most operators on the way from the outermost expression to the innermost; also the most `elif` in a file.
const MAX_RUN: usize = 1000;

/// Makes text of a file's bytes, without the mark that some editors put in front.
///
/// # Errors
/// When it is too large, not UTF-8, or has a NUL.
pub(super) fn text_of(place: &Place, bytes: Vec<u8>) -> Result<String, Problem> {
    if bytes.len() > MAX_FILE_BYTES {
        return Err(Problem::at(
            place,
            format!("the file has {} bytes; at most 1 MiB is read", bytes.len()),
            "move recipes to files of their own and load() them",
        ));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        let at =
            Place { line: u32::try_from(line).unwrap_or(u32::MAX), column: 1, ..place.clone() };
        Problem::at(&at, "the file is not UTF-8 text", "save it as UTF-8")
    })?;
    Ok(text.strip_prefix('\u{feff}').map_or_else(|| text.clone(), str::to_owned))
}

/// Refuses what would overrun the parser's stack.
///
/// # Errors
/// The first place that goes too deep.
pub(super) fn check(file: &str, text: &str) -> Result<(), Problem> {
    let mut scan = Scan { line: 1, column: 0, runs: vec![0], elifs: 0, word: String::new() };
    let mut rest = text;
    let mut at_line_start = true;
    while let Some(c) = rest.chars().next() {
        if at_line_start && scan.runs.len() == 1 {
            let indent = rest.len() - rest.trim_start_matches([' ', '\t']).len();
            if indent > MAX_DEPTH * 8 {
                return Err(scan.too_deep(file, "the line is indented too far"));
            }
        }
        at_line_start = c == '\n';
        let taken = match c {
            '#' => rest.find('\n').unwrap_or(rest.len()),
            '"' | '\'' => string_length(rest, c),
            _ => c.len_utf8(),
        };
        scan.step(c, &rest[..taken]);
        if scan.runs.len() > MAX_DEPTH {
            return Err(scan.too_deep(file, "brackets are nested too deep"));
        }
        if scan.runs.iter().sum::<usize>() > MAX_RUN || scan.elifs > MAX_RUN {
            return Err(scan.too_deep(file, "the expression is too long"));
        }
        rest = &rest[taken..];
    }
    Ok(())
}

/// How long a string literal is, quotes included; to the end of the text when it is never closed.
fn string_length(text: &str, quote: char) -> usize {
    let triple: String = [quote; 3].iter().collect();
    let (open, close) =
        if text.starts_with(&triple) { (3, triple.as_str()) } else { (1, &text[..1]) };
    let mut at = open;
    while let Some(c) = text[at..].chars().next() {
        if text[at..].starts_with(close) {
            return at + close.len();
        }
        if c == '\n' && open == 1 {
            return at;
        }
        at += c.len_utf8();
        if c == '\\' {
            at += text[at..].chars().next().map_or(0, char::len_utf8);
        }
    }
    text.len()
}

struct Scan {
    line: u32,
    column: u32,
    /// The operators since the last comma, for each open bracket and for the line itself. Never empty.
    runs: Vec<usize>,
    elifs: usize,
    word: String,
}

impl Scan {
    fn step(&mut self, c: char, taken: &str) {
        for each in taken.chars() {
            if each == '\n' {
                (self.line, self.column) = (self.line.saturating_add(1), 0);
            } else {
                self.column = self.column.saturating_add(1);
            }
        }
        if c.is_alphanumeric() || c == '_' {
            self.word.push(c);
            return;
        }
        match self.word.as_str() {
            "not" | "if" | "else" | "and" | "or" | "in" | "lambda" | "for" => self.operator(),
            "elif" => self.elifs += 1,
            _ => {}
        }
        self.word.clear();
        match c {
            '(' | '[' | '{' => {
                // A chain of calls and indexes, `f()()()`, nests as deep as it is long.
                self.operator();
                self.runs.push(0);
            }
            ')' | ']' | '}' if self.runs.len() > 1 => _ = self.runs.pop(),
            ',' => self.begin_anew(),
            '\n' if self.runs.len() == 1 => self.begin_anew(),
            '+' | '-' | '~' | '*' | '/' | '%' | '|' | '&' | '^' | '<' | '>' | '=' | '.' => {
                self.operator();
            }
            _ => {}
        }
    }

    fn operator(&mut self) {
        if let Some(run) = self.runs.last_mut() {
            *run += 1;
        }
    }

    fn begin_anew(&mut self) {
        if let Some(run) = self.runs.last_mut() {
            *run = 0;
        }
    }

    fn too_deep(&self, file: &str, what: &str) -> Problem {
        let place = Place { file: file.to_owned(), line: self.line, column: self.column.max(1) };
        Problem::at(&place, what, "give parts of it names of their own")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// security.md S1: depth 10,000 is an error with a place, not an overrun stack.
    #[test]
    fn depth_is_bounded() {
        for bad in [
            "(".repeat(10_000),
            format!("x = {}1", "-".repeat(10_000)),
            format!("x = {}1", "not ".repeat(10_000)),
            format!("x = f{}", "()".repeat(10_000)),
            format!("x = 1{}", " + 1".repeat(10_000)),
            format!("if a:\n  b\n{}", "elif a:\n  b\n".repeat(10_000)),
            format!("{}x = 1", " ".repeat(10_000)),
            format!("x = {}", format!("f(a, {}", "-".repeat(100)).repeat(50)),
        ] {
            assert!(check("f", &bad).is_err(), "{}", &bad[..20]);
        }
    }

    #[test]
    fn ordinary_text_passes() {
        let long_list = format!("x = [{}]", "\"w-1\", ".repeat(10_000));
        for good in [
            long_list.as_str(),
            "x = \"((((((\" # ((((",
            "x = '''\n((((\n''' + \"\\\"\" + 'a\\'b'",
            "",
            "x = \"never closed\n(",
        ] {
            assert_eq!(check("f", good), Ok(()));
        }
    }

    #[test]
    fn encodings_are_named() {
        let place = Place::file("f");
        assert_eq!(text_of(&place, b"\xef\xbb\xbfx = 1".to_vec()), Ok("x = 1".to_owned()));
        let utf16 = text_of(&place, b"a\nb\n\xff\xfe".to_vec()).unwrap_err();
        assert_eq!((utf16.line, utf16.message.as_str()), (3, "the file is not UTF-8 text"));
        assert!(text_of(&place, vec![b' '; MAX_FILE_BYTES + 1]).is_err());
    }
}
