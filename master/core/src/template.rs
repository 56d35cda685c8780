//! `interpolate("...")`: from text to pieces, at load, so that its mistakes are found there (PP-5).
//!
//! `%(selector:name)s` is replaced, `%%` is a per cent sign, everything else stands as it is. Operands may hold
//! substitutions again.

use std::fmt;

use crate::config::validate::check_secret_name;
use crate::config::{Piece, Selector, Substitution};
use crate::id::CodebaseName;

/// A mistake in a template: where, and what to write instead.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TemplateError {
    /// The byte at which the faulty substitution begins.
    pub at: usize,
    /// One sentence, lower case, no stop.
    pub what: String,
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for TemplateError {}

/// How deep operands may nest: beyond it nobody can read the text, and a hostile one could exhaust the stack.
const MAX_DEPTH: usize = 16;

/// What `src:` can select.
const SOURCE_ATTRIBUTES: [&str; 6] =
    ["branch", "revision", "repository", "project", "codebase", "got_revision"];

/// Reads a template.
///
/// # Errors
/// An unknown selector or operator, a bad name, a missing delimiter, an open parenthesis or a lone per cent sign.
pub fn parse_template(text: &str) -> Result<Vec<Piece>, TemplateError> {
    parse(text, 0, 0)
}

fn parse(text: &str, base: usize, depth: usize) -> Result<Vec<Piece>, TemplateError> {
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut at = 0;
    while let Some(found) = text[at..].find('%') {
        let start = at + found;
        plain.push_str(&text[at..start]);
        let wrong = |what: String| TemplateError { at: base + start, what };
        let after = &text[start + 1..];
        if after.starts_with('%') {
            plain.push('%');
            at = start + 2;
            continue;
        }
        if after.starts_with('s') {
            let what = "a positional `%s` has no meaning here; write %(prop:NAME)s, or %% for a per cent sign";
            return Err(wrong(what.to_owned()));
        }
        if !after.starts_with('(') {
            return Err(wrong("a lone `%`; write %% for a per cent sign".to_owned()));
        }
        if depth >= MAX_DEPTH {
            return Err(wrong(format!("substitutions nest deeper than {MAX_DEPTH}")));
        }
        let length =
            matching(after).ok_or_else(|| wrong("`%(` is never closed with `)s`".to_owned()))?;
        let inner = &after[1..length];
        if !after[length + 1..].starts_with('s') {
            return Err(wrong(format!("`%({inner})` must end in `)s`")));
        }
        if !plain.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut plain)));
        }
        pieces.push(substitute(inner, base + start + 2, depth)?);
        at = start + length + 3;
    }
    plain.push_str(&text[at..]);
    if !plain.is_empty() {
        pieces.push(Piece::Text(plain));
    }
    Ok(pieces)
}

/// Where the parenthesis that opens `text` closes.
fn matching(text: &str) -> Option<usize> {
    let mut open = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' => open += 1,
            b')' => {
                open -= 1;
                if open == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

fn substitute(inner: &str, base: usize, depth: usize) -> Result<Piece, TemplateError> {
    let wrong = |what: String| TemplateError { at: base, what };
    let Some((selector, rest)) = inner.split_once(':') else {
        return Err(wrong(format!(
            "`%({inner})s` has no selector; write %(prop:{inner})s for a property"
        )));
    };
    let (selector, operator) = match selector {
        "secret" => {
            let (name, operator) = split_name(rest);
            check_secret_name(name).map_err(wrong)?;
            (Selector::Secret(name.into()), operator)
        }
        "prop" | "worker" | "kw" => {
            let (name, operator) = split_name(rest);
            if !is_name(name) {
                return Err(wrong(format!("`{name}` is no name that `{selector}:` could look up")));
            }
            let made = match selector {
                "prop" => Selector::Prop(name.to_owned()),
                "worker" => Selector::Worker(name.to_owned()),
                _ => Selector::Keyword(name.to_owned()),
            };
            (made, operator)
        }
        "src" => {
            let Some((codebase, rest)) = rest.split_once(':') else {
                return Err(wrong(format!(
                    "`%({inner})s` needs a codebase and an attribute; write %(src:CODEBASE:branch)s, \
                     or %(src::branch)s for the unnamed codebase"
                )));
            };
            let (attribute, operator) = split_name(rest);
            if !codebase.is_empty() && !is_name(codebase) {
                return Err(wrong(format!("`{codebase}` is no name of a codebase")));
            }
            if !SOURCE_ATTRIBUTES.contains(&attribute) {
                return Err(wrong(format!(
                    "`src:` has no attribute `{attribute}`; it has {}",
                    SOURCE_ATTRIBUTES.join(", ")
                )));
            }
            let codebase = CodebaseName::new(codebase);
            (Selector::Src { codebase, attribute: attribute.to_owned() }, operator)
        }
        other => {
            return Err(wrong(format!(
                "`{other}` is no selector; there are prop, src, kw, worker and secret"
            )));
        }
    };
    let substitution = match operator {
        None => Substitution::Value,
        Some(operator) => {
            let at = base + (operator.as_ptr() as usize - inner.as_ptr() as usize);
            parse_operator(operator, at, depth + 1)?
        }
    };
    Ok(Piece::Substitute { selector, substitution })
}

/// A name and, after a colon, an operator.
fn split_name(text: &str) -> (&str, Option<&str>) {
    match text.split_once(':') {
        Some((name, operator)) => (name, Some(operator)),
        None => (text, None),
    }
}

fn is_name(text: &str) -> bool {
    let legal = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    !text.is_empty() && text.chars().all(legal)
}

fn parse_operator(text: &str, base: usize, depth: usize) -> Result<Substitution, TemplateError> {
    let wrong = |what: String| TemplateError { at: base, what };
    if let Some(rest) = text.strip_prefix('-') {
        return Ok(Substitution::IfMissing(parse(rest, base + 1, depth)?));
    }
    if let Some(rest) = text.strip_prefix('~') {
        return Ok(Substitution::IfFalsy(parse(rest, base + 1, depth)?));
    }
    if let Some(rest) = text.strip_prefix('+') {
        return Ok(Substitution::IfPresent(parse(rest, base + 1, depth)?));
    }
    let (by_truth, rest, skipped) = if let Some(rest) = text.strip_prefix("#?") {
        (true, rest, 2)
    } else if let Some(rest) = text.strip_prefix('?') {
        (false, rest, 1)
    } else {
        return Err(wrong(format!(
            "`:{text}` is no operator; there are :-default  :~default  :+value  :?|yes|no  :#?|yes|no"
        )));
    };
    let mut letters = rest.chars();
    let Some(delimiter) = letters.next().filter(|c| !matches!(c, '(' | ')' | '%')) else {
        return Err(wrong("the delimiter is missing; write for example :?|yes|no".to_owned()));
    };
    let operands = letters.as_str();
    let from = base + skipped + delimiter.len_utf8();
    let Some(split) = outside_parentheses(operands, delimiter) else {
        return Err(wrong(format!(
            "the delimiter `{delimiter}` between the two values is missing; write :?{delimiter}yes{delimiter}no"
        )));
    };
    let (yes, no) = (&operands[..split], &operands[split + delimiter.len_utf8()..]);
    Ok(Substitution::Choose {
        by_truth,
        yes: parse(yes, from, depth)?,
        no: parse(no, from + split + delimiter.len_utf8(), depth)?,
    })
}

/// The first delimiter that stands in no parentheses.
fn outside_parentheses(text: &str, delimiter: char) -> Option<usize> {
    let mut open = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '(' => open += 1,
            ')' => open = open.saturating_sub(1),
            _ if c == delimiter && open == 0 => return Some(at),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prop(name: &str, substitution: Substitution) -> Piece {
        Piece::Substitute { selector: Selector::Prop(name.to_owned()), substitution }
    }

    fn text(text: &str) -> Piece {
        Piece::Text(text.to_owned())
    }

    /// PP-5: selectors, operators and nesting.
    #[test]
    fn templates_parse() {
        assert_eq!(parse_template(""), Ok(vec![]));
        assert_eq!(
            parse_template("a %(prop:branch)s 100%%"),
            Ok(vec![text("a "), prop("branch", Substitution::Value), text(" 100%")])
        );
        assert_eq!(
            parse_template("%(prop:a:-%(prop:b:~x)s)s"),
            Ok(vec![prop(
                "a",
                Substitution::IfMissing(vec![prop("b", Substitution::IfFalsy(vec![text("x")]))])
            )])
        );
        assert_eq!(
            parse_template("%(prop:a:#?|%(prop:b:?|p|q)s|no)s"),
            Ok(vec![prop(
                "a",
                Substitution::Choose {
                    by_truth: true,
                    yes: vec![prop(
                        "b",
                        Substitution::Choose {
                            by_truth: false,
                            yes: vec![text("p")],
                            no: vec![text("q")]
                        }
                    )],
                    no: vec![text("no")],
                }
            )])
        );
        assert_eq!(
            parse_template("%(src::revision)s%(kw:x)s%(worker:cpus:+y)s%(secret:a-b)s")
                .map(|it| it.len()),
            Ok(4)
        );
    }

    /// PP-5: the errors that are raised at load, each with its place.
    #[test]
    fn mistakes_are_named() {
        for (bad, at, word) in [
            ("x %(branch)s", 4, "no selector"),
            ("%(nope:x)s", 2, "no selector; there are"),
            ("%(prop:)s", 2, "no name"),
            ("%(prop:a b)s", 2, "no name"),
            ("%(secret:a/b)s", 2, "name of a secret"),
            ("%(secret:)s", 2, "name of a secret"),
            ("%(prop:a:=x)s", 9, "no operator"),
            ("%(prop:a:?)s", 9, "delimiter"),
            ("%(prop:a:?|yes)s", 9, "delimiter"),
            ("%(src:branch)s", 2, "codebase"),
            ("%(src:a:colour)s", 2, "attribute"),
            ("%(prop:a", 0, "never closed"),
            ("%(prop:a)d", 0, "must end"),
            ("100% sure", 3, "lone"),
            ("%s", 0, "positional"),
        ] {
            let error = parse_template(bad).expect_err(bad);
            assert_eq!(error.at, at, "{bad}: {error}");
            assert!(error.what.contains(word), "{bad}: {error}");
        }
        let deep = "%(prop:a:-".repeat(40) + &")s".repeat(40);
        assert!(parse_template(&deep).is_err());
    }
}
