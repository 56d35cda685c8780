//! Where a command may work: below its builder's folder and nowhere else.

use std::io;
use std::path::{Component, Path, PathBuf};

/// `relative` below `base`. Nothing that climbs out is accepted; the error is a sentence for the user.
pub(crate) fn below(base: &Path, relative: &str, what: &str) -> Result<PathBuf, String> {
    let plain = Path::new(relative)
        .components()
        .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if plain && !relative.contains('\0') {
        Ok(base.join(relative))
    } else {
        Err(format!(
            "the {what} `{relative}` leaves the build folder: give a path below it, without `..` or a leading `/`"
        ))
    }
}

/// What becomes of a link at the end of a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Last {
    /// What it leads to is meant.
    Followed,
    /// The link itself is meant.
    AsItIs,
}

/// `relative` below `base`, which has no links in it, with all links on the way followed; what is not there yet is taken as
/// named. The error is a sentence for the user.
pub(crate) fn inside(
    base: &Path,
    relative: &str,
    what: &str,
    last: Last,
) -> Result<PathBuf, String> {
    below(base, relative, what)?;
    let parts: Vec<_> = Path::new(relative)
        .components()
        .filter(|part| matches!(part, Component::Normal(_)))
        .collect();
    let mut path = base.to_owned();
    for (nth, part) in parts.iter().enumerate() {
        let next = path.join(part);
        let is_link = std::fs::symlink_metadata(&next).is_ok_and(|found| found.is_symlink());
        if !is_link || (last == Last::AsItIs && nth + 1 == parts.len()) {
            path = next;
            continue;
        }
        path = next.canonicalize().map_err(|error| {
            format!("the {what} `{relative}` leads over a link that cannot be followed: {error}")
        })?;
        if !path.starts_with(base) {
            return Err(format!(
                "the {what} `{relative}` leads over a link that leaves the build folder"
            ));
        }
    }
    Ok(path)
}

/// The builder's folder, `DIR/builds/<builder>`.
pub(crate) fn of_builder(dir: &Path, builder: &str) -> Result<PathBuf, String> {
    let mut parts = Path::new(builder).components();
    match (parts.next(), parts.next()) {
        (Some(Component::Normal(name)), None) if name == builder && !builder.contains('\0') => {
            Ok(dir.join("builds").join(builder))
        }
        _ => Err(format!("`{builder}` cannot be the name of a build folder")),
    }
}

/// Makes `workdir` below `builder_dir` and makes sure that no symbolic link on the way led outside. Returns its path
/// without links.
pub(crate) fn make(builder_dir: &Path, workdir: &Path) -> Result<PathBuf, String> {
    let failed =
        |error: io::Error| format!("cannot make the folder {}: {error}", workdir.display());
    std::fs::create_dir_all(workdir).map_err(failed)?;
    let real = workdir.canonicalize().map_err(failed)?;
    let base = builder_dir.canonicalize().map_err(failed)?;
    if real.starts_with(&base) {
        Ok(real)
    } else {
        Err(format!("the folder {} is a link that leaves the build folder", workdir.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_below_are_taken() {
        let base = Path::new("/w");
        for good in ["", "build", "a/b", "./a", "a//b", "..."] {
            assert!(below(base, good, "folder").unwrap().starts_with(base), "{good}");
        }
        for bad in ["..", "../x", "a/../../x", "a/..", "/etc", "a\0b"] {
            let why = below(base, bad, "folder").unwrap_err();
            assert!(why.contains("leaves the build folder"), "{why}");
        }
    }

    #[test]
    fn links_are_followed_inside_alone() {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().canonicalize().unwrap().join("b");
        std::fs::create_dir_all(base.join("real/deep")).unwrap();
        let link = |to: &Path, name: &str| {
            std::os::unix::fs::symlink(to, base.join(name)).unwrap();
        };
        link(Path::new("real"), "near");
        link(dir.path(), "out");
        link(Path::new("nothing"), "dangling");
        let of = |path: &str, last| inside(&base, path, "folder", last);
        assert_eq!(of("near/deep/new/x", Last::Followed), Ok(base.join("real/deep/new/x")));
        assert_eq!(of("near", Last::Followed), Ok(base.join("real")));
        assert_eq!(of("near", Last::AsItIs), Ok(base.join("near")));
        assert_eq!(of("out", Last::AsItIs), Ok(base.join("out")));
        assert_eq!(of("./", Last::AsItIs), Ok(base.clone()));
        for bad in ["out", "out/x", "dangling/x", "../x", "/etc", "a/../../x"] {
            let why = of(bad, Last::Followed).unwrap_err();
            assert!(why.contains("folder `"), "{why}");
        }
    }

    #[test]
    fn a_builder_is_one_folder() {
        let dir = Path::new("/w");
        for good in ["linux", "a b", "x@1:2", "...", "a.b"] {
            assert_eq!(of_builder(dir, good).unwrap(), dir.join("builds").join(good));
        }
        for bad in ["", ".", "..", "a/b", "/a", "a/", "a\0"] {
            assert!(of_builder(dir, bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_link_that_leads_outside_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let builder = dir.path().join("builds/b");
        std::fs::create_dir_all(&builder).unwrap();
        std::os::unix::fs::symlink(dir.path(), builder.join("out")).unwrap();
        assert!(make(&builder, &builder.join("out/x")).is_err());
        assert!(make(&builder, &builder.join("in/x")).unwrap().ends_with("builds/b/in/x"));
    }
}
