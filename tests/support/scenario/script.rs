//! A scenario's text: comment, configuration, events.

use linn_core::time::{Span, parse_span};

/// A parsed scenario.
pub struct Script {
    comment: String,
    /// The text between the first two rules.
    pub config: String,
    /// What happens, in order.
    pub events: Vec<Event>,
    /// Configurations to be followed later, one for each `reload`.
    pub later: Vec<String>,
}

/// One line of what happens.
pub struct Event {
    /// As written.
    pub text: String,
    /// When, after the beginning.
    pub at: Span,
    /// What.
    pub verb: String,
    /// The words that are not `name=value`.
    pub words: Vec<String>,
    named: Vec<(String, String)>,
}

impl Script {
    /// Reads a scenario. Lines that begin with two blanks are outcomes, and left out here.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = text.split("---\n");
        let (Some(comment), Some(config), Some(events)) =
            (parts.next(), parts.next(), parts.next())
        else {
            return Err(
                "a scenario is a comment, a configuration and events, parted by lines of ---"
                    .into(),
            );
        };
        if !comment.starts_with("# ") || !comment.split([' ', ',', ':', '\n']).any(is_rule) {
            return Err("a scenario begins with a comment that names the rules it shows".into());
        }
        let events = events
            .lines()
            .filter(|line| !line.starts_with("  ") && !line.trim().is_empty())
            .map(Event::parse)
            .collect::<Result<_, _>>()?;
        let later = parts.map(str::to_owned).collect();
        Ok(Self { comment: comment.to_owned(), config: config.to_owned(), events, later })
    }

    /// Everything before the events, as written.
    #[must_use]
    pub fn head(&self) -> String {
        format!("{}---\n{}---\n", self.comment, self.config)
    }

    /// Everything after the events, as written.
    #[must_use]
    pub fn tail(&self) -> String {
        self.later.iter().map(|config| format!("---\n{config}")).collect()
    }
}

impl Event {
    fn parse(line: &str) -> Result<Self, String> {
        let words = split(line);
        let mut words = words.into_iter();
        let (Some(at), Some(verb)) = (words.next(), words.next()) else {
            return Err(format!("`{line}` is no event: write `TIME VERB ...`"));
        };
        let at = parse_span(&at)?;
        let (named, plain): (Vec<_>, Vec<_>) = words.partition(|word| is_named(word));
        let named = named
            .iter()
            .filter_map(|word| word.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        Ok(Self { text: line.to_owned(), at, verb, words: plain, named })
    }

    /// The value of `name=value`, if given.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.named.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// The same, or the empty text.
    #[must_use]
    pub fn text_of(&self, name: &str) -> String {
        self.get(name).unwrap_or_default().to_owned()
    }

    /// The values of `name=a,b`, none when not given.
    #[must_use]
    pub fn list(&self, name: &str) -> Vec<String> {
        self.get(name).into_iter().flat_map(|text| text.split(',')).map(str::to_owned).collect()
    }

    /// Every `prop:NAME=VALUE`.
    pub fn properties(&self) -> impl Iterator<Item = (&str, &str)> {
        self.with_prefix("prop:")
    }

    /// Every `PREFIX` + `NAME=VALUE`, without the prefix.
    pub fn with_prefix<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.named
            .iter()
            .filter_map(move |(name, value)| Some((name.strip_prefix(prefix)?, value.as_str())))
    }

    /// The word at a place.
    ///
    /// # Errors
    /// When there is none.
    pub fn word(&self, at: usize) -> Result<&str, String> {
        self.words
            .get(at)
            .map(String::as_str)
            .ok_or_else(|| format!("`{}` needs more words", self.verb))
    }
}

/// `TS-7`, `C13`, `I2`: the id of a rule.
fn is_rule(word: &str) -> bool {
    let number = word.trim_start_matches(|c: char| c.is_ascii_uppercase());
    let letters = word.len() - number.len();
    let number = number.strip_prefix('-').unwrap_or(number);
    (1..=2).contains(&letters) && !number.is_empty() && number.chars().all(|c| c.is_ascii_digit())
}

/// `name=value`, where the name is one.
fn is_named(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || "_:.-".contains(c))
    })
}

/// Words, where double quotes keep blanks together.
fn split(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            ' ' if !quoted => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            _ => word.push(c),
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}
