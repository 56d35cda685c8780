//! Which branch a path is on (F48): `trunk` is the default branch, `branches/NAME` and `tags/NAME` are called so.

use std::collections::BTreeMap;

use linn_core::config::{SVN_TRUNK, SvnLayout};

use super::log::{Entry, Touched};

/// What a revision did to a branch.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Done {
    /// Paths inside it; folders end with `/`.
    pub(super) files: Vec<String>,
    /// Something in it, or it itself, was changed.
    pub(super) changed: bool,
    /// It came into being.
    pub(super) made: bool,
    /// As a copy of this path of the repository at that revision.
    pub(super) copied_from: Option<(String, u64)>,
    /// It went.
    pub(super) gone: bool,
}

/// Branch and path inside it of a path of a project; `None`: it is on no branch. The branch has the name that tips have.
pub(super) fn place(layout: SvnLayout, path: &str) -> Option<(String, &str)> {
    if layout == SvnLayout::None {
        return Some((SVN_TRUNK.to_owned(), path));
    }
    let (first, rest) = path.split_once('/').unwrap_or((path, ""));
    match first {
        SVN_TRUNK => Some((SVN_TRUNK.to_owned(), rest)),
        "branches" | "tags" if !rest.is_empty() => {
            let (name, inside) = rest.split_once('/').unwrap_or((rest, ""));
            Some((format!("{first}/{name}"), inside))
        }
        _ => None,
    }
}

/// A path of the repository as one of the project at `prefix` (`/` or `/a/b`); `None`: it is outside.
pub(super) fn inside<'a>(prefix: &str, path: &'a str) -> Option<&'a str> {
    let rest = path.strip_prefix(prefix.trim_end_matches('/'))?;
    if rest.is_empty() { Some("") } else { rest.strip_prefix('/') }
}

/// What a revision did to each branch, and which whole families of branches it took away.
pub(super) fn done(
    layout: SvnLayout,
    prefix: &str,
    entry: &Entry,
) -> (BTreeMap<String, Done>, Vec<String>) {
    let mut found: BTreeMap<String, Done> = BTreeMap::new();
    let mut families = Vec::new();
    for Touched { path, action, folder, copied_from } in &entry.paths {
        let went = matches!(action, 'D' | 'R');
        let Some(path) = inside(prefix, path) else {
            if went && prefix.starts_with(&format!("{path}/")) {
                families.push(String::new());
            }
            continue;
        };
        let Some((branch, inside)) = place(layout, path) else {
            if went {
                families.push(if path.is_empty() { String::new() } else { format!("{path}/") });
            }
            continue;
        };
        let done = found.entry(branch).or_default();
        match (inside, action) {
            ("", 'D') => done.gone = true,
            ("", 'A' | 'R') => {
                done.made = true;
                done.copied_from.clone_from(copied_from);
            }
            ("", _) => done.changed = true,
            _ => {
                done.changed = true;
                done.files.push(format!("{inside}{}", if *folder { "/" } else { "" }));
            }
        }
    }
    (found, families)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branches_of_paths() {
        let standard = |path| place(SvnLayout::Standard, path);
        assert_eq!(standard("trunk"), Some(("trunk".to_owned(), "")));
        assert_eq!(standard("trunk/a/b"), Some(("trunk".to_owned(), "a/b")));
        assert_eq!(standard("branches/x/a"), Some(("branches/x".to_owned(), "a")));
        assert_eq!(standard("tags/1"), Some(("tags/1".to_owned(), "")));
        for none in ["", "branches", "tags", "README", "trunks/x"] {
            assert_eq!(standard(none), None, "{none}");
        }
        assert_eq!(place(SvnLayout::None, "branches/x"), Some(("trunk".to_owned(), "branches/x")));
        assert_eq!(inside("/", "/trunk/a"), Some("trunk/a"));
        assert_eq!(inside("/p", "/p/trunk"), Some("trunk"));
        assert_eq!(inside("/p", "/p"), Some(""));
        assert_eq!(inside("/p", "/pq/trunk"), None);
    }
}
