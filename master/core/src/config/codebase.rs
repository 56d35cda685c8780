//! A codebase: where it lives, where its forks do, and where people see a commit of it (CH-2, CH-3).

use std::fmt::Write as _;

use super::TextPattern;

/// A codebase and where it lives.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Codebase {
    /// URL or path; may be empty.
    pub repository: String,
    /// Forks and mirrors, whose changes are of this codebase too.
    pub also: Vec<TextPattern>,
    /// May be empty.
    pub project: String,
    /// What `None` as a branch stands for; `None`: the repository's own default.
    pub branch: Option<String>,
    /// Where people see a change, when its source does not say; `None`: nobody knows.
    pub revlink: Option<Revlink>,
}

/// The address of a commit with holes in it: `%(revision)s`, `%(branch)s`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Revlink(Vec<Part>);

#[derive(Clone, PartialEq, Eq, Debug)]
enum Part {
    Text(String),
    Revision,
    Branch,
}

impl Revlink {
    /// Reads one.
    ///
    /// # Errors
    /// What is wrong with it: it is no address, or has a hole that is not known. A fragment.
    pub fn parse(text: &str) -> Result<Self, String> {
        if !text.starts_with("https://") && !text.starts_with("http://") {
            return Err("does not begin with https:// or http://".to_owned());
        }
        if text.chars().any(|it| it.is_whitespace() || it.is_control()) {
            return Err("has a blank in it".to_owned());
        }
        let (mut parts, mut rest) = (Vec::new(), text);
        while let Some((before, after)) = rest.split_once("%(") {
            let (name, after) = after.split_once(")s").ok_or("has a `%(` without `)s`")?;
            let part = match name {
                "revision" => Part::Revision,
                "branch" => Part::Branch,
                other => return Err(format!("has `%({other})s`, which a change has not")),
            };
            parts.extend([Part::Text(before.to_owned()), part]);
            rest = after;
        }
        parts.push(Part::Text(rest.to_owned()));
        Ok(Self(parts))
    }

    /// The address of a commit; empty: the change does not say what the address needs.
    #[must_use]
    pub fn of(&self, branch: Option<&str>, revision: Option<&str>) -> String {
        let mut address = String::new();
        for part in &self.0 {
            let value = match part {
                Part::Text(text) => {
                    address.push_str(text);
                    continue;
                }
                Part::Revision => revision,
                Part::Branch => branch,
            };
            let Some(value) = value else { return String::new() };
            push_escaped(&mut address, value);
        }
        address
    }
}

/// What comes from outside is part of a path and no more: RFC 3986's unreserved characters and the slash stay as they are.
fn push_escaped(address: &mut String, value: &str) {
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            address.push(char::from(byte));
        } else {
            // Writing to a text cannot fail.
            let _ = write!(address, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Revlink;

    #[test]
    fn the_address_of_a_commit() {
        let link = Revlink::parse("https://x/%(branch)s/c/%(revision)s#top").expect("an address");
        assert_eq!(link.of(Some("rel/1"), Some("abc")), "https://x/rel/1/c/abc#top");
        assert_eq!(link.of(Some("a?b"), Some("\u{1b}]")), "https://x/a%3Fb/c/%1B%5D#top");
        assert_eq!(link.of(None, Some("abc")), "");
        for wrong in [
            "x",
            "javascript:%(revision)s",
            "https://%(author)s",
            "http://x/%(revision",
            "http://a b",
        ] {
            assert!(Revlink::parse(wrong).is_err(), "{wrong}");
        }
    }
}
