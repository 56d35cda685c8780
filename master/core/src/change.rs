//! What came in: changes, the commits behind them, and source stamps (CH-1, TS-9, SS-3, PA-1).

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

use crate::id::{ChangeId, CodebaseName};
use crate::time::Timestamp;

/// Whether a message asks that its commit is not built: `[ci skip]` or `[skip ci]`, however spaced and spelt (GP-7).
#[must_use]
pub fn is_skipped(text: &str) -> bool {
    let mut rest = text;
    while let Some(at) = rest.find('[') {
        rest = &rest[at + 1..];
        let Some(end) = rest.find(']') else { return false };
        let words: Vec<String> =
            rest[..end].split_whitespace().map(str::to_ascii_lowercase).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        if matches!(words.as_slice(), ["ci", "skip"] | ["skip", "ci"]) {
            return true;
        }
    }
    false
}

/// A change as its source tells it, before it has a number.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct NewChange {
    /// The same key again is the same change (I2); `None`: each telling is a new change.
    pub key: Option<String>,
    /// Who is responsible: `Full Name <mail>` where the version control has it.
    pub author: String,
    /// Who committed, when another; may be empty.
    pub committer: String,
    /// The message.
    pub comments: String,
    /// Paths touched.
    pub files: Vec<String>,
    /// `None`: the default branch.
    pub branch: Option<String>,
    /// `None`: unknown.
    pub revision: Option<String>,
    /// The revisions it follows; empty where unknown.
    pub parents: Vec<String>,
    /// Where it lives; may be empty.
    pub repository: String,
    /// `None`: found by the repository among the declared ones, else the unnamed one (CH-2).
    pub codebase: Option<CodebaseName>,
    /// May be empty.
    pub project: String,
    /// May be empty.
    pub category: String,
    /// A link for people; may be empty.
    pub revlink: String,
    /// When it was made; `None`: now.
    pub when: Option<Timestamp>,
    /// CH-4.
    pub properties: BTreeMap<String, Value>,
    /// `git`, `hg`, `svn` ...; empty: unknown (CH-5).
    pub vcs: String,
    /// Where its branch was before; `None`: unknown. It tells a branch that is back at a commit it had before from one that
    /// is told of twice (GP-3 better, F35).
    pub moved_from: Option<String>,
}

/// A change that has been taken in.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Change {
    /// Its number, in order of arrival (CH-6).
    pub id: ChangeId,
    /// See [`NewChange::key`].
    pub key: Option<String>,
    /// See [`NewChange::author`].
    pub author: String,
    /// See [`NewChange::committer`].
    pub committer: String,
    /// See [`NewChange::comments`].
    pub comments: String,
    /// See [`NewChange::files`].
    pub files: Vec<String>,
    /// See [`NewChange::branch`].
    pub branch: Option<String>,
    /// See [`NewChange::revision`].
    pub revision: Option<String>,
    /// See [`NewChange::parents`].
    pub parents: Vec<String>,
    /// See [`NewChange::repository`].
    pub repository: String,
    /// Resolved at intake (CH-2).
    pub codebase: CodebaseName,
    /// See [`NewChange::project`].
    pub project: String,
    /// See [`NewChange::category`].
    pub category: String,
    /// See [`NewChange::revlink`].
    pub revlink: String,
    /// When it was made.
    pub when: Timestamp,
    /// When it came in.
    pub received_at: Timestamp,
    /// CH-4.
    pub properties: BTreeMap<String, Value>,
    /// See [`NewChange::vcs`].
    pub vcs: String,
}

/// A commit of the version-control graph, known whether or not a change speaks of it. Blame walks these (BM-4).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Commit {
    /// Its full id.
    pub revision: String,
    /// What it follows; first parent first.
    pub parents: Vec<String>,
}

/// One codebase's tree (TS-9, with every change listed: TS-10).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SourceStamp {
    /// Which codebase.
    pub codebase: CodebaseName,
    /// Where it lives; empty: the step's own setting decides.
    pub repository: String,
    /// May be empty.
    pub project: String,
    /// `None`: the default branch.
    pub branch: Option<String>,
    /// The pinned revision (SS-3); `None`: the tip, where nobody could resolve it.
    pub revision: Option<String>,
    /// What somebody typed, where the pinned revision is another text: a tag, or the beginning of an id (SS-3 better).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested: Option<String>,
    /// A diff laid over it.
    pub patch: Option<Patch>,
    /// The changes that made it, oldest first.
    pub changes: Vec<ChangeId>,
}

/// A diff (PA-1).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Patch {
    /// As `patch -p`.
    pub level: u32,
    /// The diff, as text; other bytes are refused at intake.
    pub diff: String,
    /// Who made it.
    pub author: String,
    /// What for.
    pub comment: String,
    /// Where it applies, inside the tree; empty: at its root.
    pub subdir: String,
}

#[cfg(test)]
mod tests {
    use super::is_skipped;

    /// GP-7.
    #[test]
    fn a_message_can_ask_not_to_be_built() {
        for text in ["x [ci skip]", "[skip ci] x", "[a] [ CI   Skip ] b", "x\n\n[SKIP CI]"] {
            assert!(is_skipped(text), "{text}");
        }
        for text in ["", "ci skip", "[ciskip]", "[skip]", "[ci skip", "[ci [skip]", "[no skip ci]"]
        {
            assert!(!is_skipped(text), "{text}");
        }
    }
}
