//! Which branches a repository has, where their tips are, and which of them are asked for (GP-4).

use std::collections::BTreeMap;

use globset::{Glob, GlobSet, GlobSetBuilder};
use linn_core::config::{GitOnly, TextPattern};

/// A repository's branches at one moment.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Branches {
    /// Branch → tip.
    pub(super) tips: BTreeMap<String, String>,
    /// What its HEAD means; `None`: it has no commit yet, or nobody can tell.
    pub(super) head: Option<Head>,
    /// Tag → the commit it marks, by the name [`TAGS`] begins; only where they were asked for.
    pub(super) tags: BTreeMap<String, String>,
}

/// What HEAD means.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Head {
    /// The branch of that name: the default branch.
    Branch(String),
    /// A commit that is on no branch by name (a detached HEAD).
    Commit(String),
}

/// What stands for a branch's name where HEAD is detached: git itself takes it for one wherever a branch may stand.
pub(super) const DETACHED: &str = "HEAD";

pub(super) const HEADS: &str = "refs/heads/";

/// What the name of a tag begins with where a branch may stand: the branch of its change (F33).
pub(super) const TAGS: &str = "refs/tags/";

/// The format that [`Branches::of_refs`] reads, for `git for-each-ref`.
pub(super) const REFS_FORMAT: &str =
    "--format=%(HEAD)%(if)%(*objectname)%(then)%(*objectname)%(else)%(objectname)%(end) %(refname)";

/// Whether the text is a full commit id: only such ever go back to git.
pub(super) fn is_revision(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

impl Branches {
    /// Reads the answer of `git for-each-ref` with [`REFS_FORMAT`]. Names that are no UTF-8 cannot be asked for, so they
    /// are left out. `None`: not in that form.
    pub(super) fn of_refs(answer: &[u8]) -> Option<Self> {
        let mut branches = Self::default();
        for line in answer.split(|b| *b == b'\n').filter(|line| !line.is_empty()) {
            let Ok(line) = std::str::from_utf8(line) else { continue };
            let (here, rest) = line.split_at_checked(1)?;
            let (tip, name) = rest.split_once(' ')?;
            if !is_revision(tip) {
                return None;
            }
            if name.starts_with(TAGS) {
                branches.tags.insert(name.to_owned(), tip.to_owned());
                continue;
            }
            let name = name.strip_prefix(HEADS)?;
            if here == "*" {
                branches.head = Some(Head::Branch(name.to_owned()));
            }
            branches.tips.insert(name.to_owned(), tip.to_owned());
        }
        Some(branches)
    }

    /// Reads the answer of `git ls-remote --symref`. `None`: not in that form.
    pub(super) fn of_remote(answer: &[u8]) -> Option<Self> {
        let mut branches = Self::default();
        let mut symbolic = None;
        let mut detached = None;
        for line in answer.split(|b| *b == b'\n').filter(|line| !line.is_empty()) {
            let Ok(line) = std::str::from_utf8(line) else { continue };
            let (value, name) = line.split_once('\t')?;
            if let Some(target) = value.strip_prefix("ref: ") {
                if name == "HEAD" {
                    symbolic = target.strip_prefix(HEADS).map(ToOwned::to_owned);
                }
            } else if !is_revision(value) {
                return None;
            } else if name == "HEAD" {
                detached = Some(value.to_owned());
            } else if name.starts_with(TAGS) {
                // What an annotated tag marks comes after it.
                let name = name.strip_suffix("^{}").unwrap_or(name);
                branches.tags.insert(name.to_owned(), value.to_owned());
            } else if let Some(branch) = name.strip_prefix(HEADS) {
                branches.tips.insert(branch.to_owned(), value.to_owned());
            }
        }
        branches.head = match (symbolic, detached) {
            (Some(name), _) if branches.tips.contains_key(&name) => Some(Head::Branch(name)),
            // Old servers do not say which branch HEAD is: the one with the same tip, main and master first.
            (None, Some(tip)) => Some(
                ["main", "master"]
                    .into_iter()
                    .chain(branches.tips.keys().map(String::as_str))
                    .find(|name| branches.tips.get(*name) == Some(&tip))
                    .map_or(Head::Commit(tip.clone()), |name| Head::Branch(name.to_owned())),
            ),
            _ => None,
        };
        Some(branches)
    }

    /// The default branch with its tip; a detached HEAD under the name [`DETACHED`].
    pub(super) fn default_tip(&self) -> Option<(String, String)> {
        match self.head.as_ref()? {
            Head::Branch(name) => Some((name.clone(), self.tips.get(name)?.clone())),
            Head::Commit(tip) => Some((DETACHED.to_owned(), tip.clone())),
        }
    }
}

/// Which branches a source looks at.
#[derive(Debug)]
pub(super) enum Selection {
    /// The default branch alone.
    Default,
    /// Those that match.
    Matching(GlobSet),
    /// None: tags alone.
    Nothing,
    /// All, for a function picks among them.
    All,
}

impl Selection {
    /// Of a configuration's patterns (F6): a value, or a glob over the whole name when it has `*`, `?` or `[`. A pattern
    /// that is no glob after all matches itself.
    pub(super) fn new(patterns: &[TextPattern], only: Option<&GitOnly>) -> Self {
        match only {
            Some(GitOnly::Tags) => Self::Nothing,
            Some(GitOnly::Picked(_)) => Self::All,
            None if patterns.is_empty() => Self::Default,
            None => Self::Matching(globs(patterns)),
        }
    }

    /// The selected branches with their tips. Those asked for by name that do not exist are left out (GP-4).
    ///
    /// Who looks at the default branch alone also goes on to know the tips of former default branches that still exist,
    /// as they were: going back to one later is then no look at a new branch.
    pub(super) fn pick(
        &self,
        branches: &Branches,
        known: &BTreeMap<String, String>,
    ) -> BTreeMap<String, String> {
        match self {
            Self::Default => {
                let mut tips: BTreeMap<_, _> = known
                    .iter()
                    .filter(|(name, _)| branches.tips.contains_key(*name))
                    .map(|(name, tip)| (name.clone(), tip.clone()))
                    .collect();
                tips.extend(branches.default_tip());
                tips
            }
            Self::Nothing => BTreeMap::new(),
            Self::All => branches.tips.clone(),
            Self::Matching(set) => branches
                .tips
                .iter()
                .filter(|(name, _)| set.is_match(name))
                .map(|(name, tip)| (name.clone(), tip.clone()))
                .collect(),
        }
    }
}

/// What matches any of these patterns (F6).
pub(in crate::source) fn globs(patterns: &[TextPattern]) -> GlobSet {
    let mut set = GlobSetBuilder::new();
    for TextPattern(pattern) in patterns {
        let plain = !pattern.contains(['*', '?', '[']);
        let text = if plain { globset::escape(pattern) } else { pattern.clone() };
        let glob = Glob::new(&text).or_else(|_| Glob::new(&globset::escape(pattern)));
        if let Ok(glob) = glob {
            set.add(glob);
        }
    }
    set.build().unwrap_or_else(|_| GlobSet::empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

    fn names(patterns: &[&str], branches: &Branches) -> Vec<String> {
        let patterns: Vec<_> = patterns.iter().map(|p| TextPattern((*p).to_owned())).collect();
        Selection::new(&patterns, None).pick(branches, &BTreeMap::new()).into_keys().collect()
    }

    fn branches() -> Branches {
        let refs = format!(
            "*{A} refs/heads/main\n {B} refs/heads/release/1.0\n {B} refs/heads/-rf\n {B} refs/heads/[x\n"
        );
        Branches::of_refs(refs.as_bytes()).unwrap()
    }

    #[test]
    fn names_globs_and_the_default() {
        let branches = branches();
        assert_eq!(names(&[], &branches), ["main"]);
        assert_eq!(names(&["main", "gone"], &branches), ["main"]);
        assert_eq!(names(&["release/*"], &branches), ["release/1.0"]);
        assert_eq!(names(&["*"], &branches).len(), 4);
        assert_eq!(names(&["-rf"], &branches), ["-rf"]);
        assert_eq!(names(&["[x"], &branches), ["[x"]);
        assert_eq!(names(&["mai"], &branches), Vec::<String>::new());
    }

    #[test]
    fn a_former_default_branch_stays_known_while_it_exists() {
        let known: BTreeMap<_, _> =
            [("release/1.0", A), ("gone", A)].map(|(n, t)| (n.to_owned(), t.to_owned())).into();
        let tips = Selection::Default.pick(&branches(), &known);
        let expected: BTreeMap<_, _> =
            [("main", A), ("release/1.0", A)].map(|(n, t)| (n.to_owned(), t.to_owned())).into();
        assert_eq!(tips, expected);
    }

    #[test]
    fn a_remote_says_which_branch_its_head_is_or_leaves_it_to_be_found() {
        let said = format!(
            "ref: refs/heads/dev\tHEAD\n{A}\tHEAD\n{A}\trefs/heads/dev\n{B}\trefs/heads/x\n"
        );
        let branches = Branches::of_remote(said.as_bytes()).unwrap();
        assert_eq!(branches.default_tip(), Some(("dev".to_owned(), A.to_owned())));
        let said = format!("{A}\tHEAD\n{A}\trefs/heads/aaa\n{A}\trefs/heads/main\n");
        let branches = Branches::of_remote(said.as_bytes()).unwrap();
        assert_eq!(branches.head, Some(Head::Branch("main".to_owned())));
        let said = format!("{A}\tHEAD\n{B}\trefs/heads/main\n");
        let branches = Branches::of_remote(said.as_bytes()).unwrap();
        assert_eq!(branches.default_tip(), Some((DETACHED.to_owned(), A.to_owned())));
        assert_eq!(Branches::of_remote(b"<html>no</html>\n"), None);
        assert_eq!(Branches::of_remote(b""), Some(Branches::default()));
    }
}
