//! What `svn log --xml -v` says of revisions (GP-6). All of it is foreign text.

use linn_core::change::NewChange;
use linn_core::time::Timestamp;

use super::xml::{Event, events};
use crate::source::git::beginning;

/// The most characters of a message that are kept.
const COMMENTS_MAX_CHARS: usize = 64 * 1024;
/// The most characters of a name that are kept.
const NAME_MAX_CHARS: usize = 1_000;

/// A revision.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Entry {
    pub(super) revision: u64,
    pub(super) author: String,
    pub(super) when: Option<Timestamp>,
    pub(super) comments: String,
    pub(super) paths: Vec<Touched>,
}

/// A path that a revision touched.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Touched {
    /// From the root of the repository, with a slash before it.
    pub(super) path: String,
    /// `A`, `D`, `M` or `R`.
    pub(super) action: char,
    pub(super) folder: bool,
    pub(super) copied_from: Option<(String, u64)>,
}

impl Entry {
    /// The change that it is on whatever branch.
    pub(super) fn change(&self) -> NewChange {
        NewChange {
            author: beginning(self.author.trim(), NAME_MAX_CHARS),
            comments: beginning(self.comments.trim_end_matches('\n'), COMMENTS_MAX_CHARS),
            revision: Some(self.revision.to_string()),
            when: self.when,
            vcs: "svn".to_owned(),
            ..NewChange::default()
        }
    }
}

/// The revisions of an answer, in its order. Of one that is cut off, what was said of it until there.
pub(super) fn entries(said: &[u8]) -> Vec<Entry> {
    let said = String::from_utf8_lossy(said);
    let mut entries: Vec<Entry> = Vec::new();
    let mut within: Vec<String> = Vec::new();
    for event in events(&said) {
        match event {
            Event::Open(name, attributes) => {
                let get = |key: &str| {
                    attributes.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
                };
                let number = |key| get(key).and_then(|text| text.parse::<u64>().ok());
                match (name.as_str(), entries.last_mut()) {
                    ("logentry", _) => {
                        let revision = number("revision").unwrap_or_default();
                        entries.push(Entry { revision, ..Entry::default() });
                    }
                    ("path", Some(entry)) => entry.paths.push(Touched {
                        path: String::new(),
                        action: get("action").and_then(|text| text.chars().next()).unwrap_or('M'),
                        folder: get("kind") == Some("dir"),
                        copied_from: get("copyfrom-path")
                            .map(ToOwned::to_owned)
                            .zip(number("copyfrom-rev")),
                    }),
                    _ => {}
                }
                within.push(name);
            }
            Event::Text(text) => match (within.last().map(String::as_str), entries.last_mut()) {
                (Some("author"), Some(entry)) => entry.author.push_str(&text),
                (Some("msg"), Some(entry)) => entry.comments.push_str(&text),
                (Some("date"), Some(entry)) => entry.when = moment(&text),
                (Some("path"), Some(entry)) => {
                    if let Some(touched) = entry.paths.last_mut() {
                        touched.path.push_str(&text);
                    }
                }
                _ => {}
            },
            Event::Close => {
                within.pop();
            }
        }
    }
    // The path that an answer is cut off in.
    for entry in &mut entries {
        entry.paths.retain(|touched| !touched.path.is_empty());
    }
    entries
}

fn moment(text: &str) -> Option<Timestamp> {
    let moment: jiff::Timestamp = text.trim().parse().ok()?;
    Some(Timestamp(moment.as_millisecond().max(0)))
}
