//! Which log, and where its files lie. Names are outside text: a slug of them names the file, and cannot leave the folder.

use std::path::{Path, PathBuf};

use linn_core::id::{BuildId, LogId};

/// The longest slug, in characters (LG-9).
pub const MAX_SLUG: usize = 50;

/// Names one log. The id alone identifies it; build and name place its files.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogKey {
    /// Whose.
    pub build: BuildId,
    /// Which, over all builds.
    pub log: LogId,
    /// As its step calls it: any text.
    pub name: String,
}

impl LogKey {
    /// Names a log.
    #[must_use]
    pub fn new(build: BuildId, log: LogId, name: impl Into<String>) -> Self {
        Self { build, log, name: name.into() }
    }

    /// `<log id>-<slug>`, the beginning of each of its files' names.
    pub(super) fn stem(&self) -> String {
        format!("{}-{}", self.log, slug(&self.name))
    }
}

/// The folder of a build's logs: `<root>/<build ÷ 1000>/<build>`.
#[must_use]
pub(super) fn build_folder(root: &Path, build: BuildId) -> PathBuf {
    root.join((build.0 / 1000).to_string()).join(build.to_string())
}

/// Text → a file name of letters, digits, `-` and `_` (LG-9): what is not allowed becomes `_`, a leading digit too, and
/// there are at most [`MAX_SLUG`] characters. Never empty. Dots go as well, so no name is hidden or climbs.
#[must_use]
pub fn slug(name: &str) -> String {
    let mut slug: String = name
        .chars()
        .take(MAX_SLUG)
        .map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' })
        .collect();
    if slug.starts_with(|c: char| c.is_ascii_digit()) {
        slug.replace_range(..1, "_");
    }
    if slug.is_empty() { "_".to_owned() } else { slug }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// LG-9.
    #[test]
    fn slugs_are_tame() {
        for (name, expected) in [
            ("stdio", "stdio"),
            ("test.log", "test_log"),
            ("../../etc/passwd", "______etc_passwd"),
            ("2nd", "_nd"),
            ("", "_"),
            (".", "_"),
            ("a/b\0c\n", "a_b_c_"),
            ("größe", "gr__e"),
        ] {
            assert_eq!(slug(name), expected, "{name:?}");
        }
        assert_eq!(slug(&"x".repeat(1000)).len(), MAX_SLUG);
    }

    #[test]
    fn folders_hold_a_thousand_builds_each() {
        let folder = build_folder(Path::new("/l"), BuildId(12_345));
        assert_eq!(folder, Path::new("/l/12/12345"));
        assert_eq!(LogKey::new(BuildId(1), LogId(7), "stdio").stem(), "7-stdio");
    }
}
