//! The locks of a git that was killed. Git never removes them by itself: whoever meets one fails, for ever.

use std::fs;
use std::path::Path;

/// How deep refs are nested at most; deeper ones are not ours to tidy.
const DEPTH: usize = 32;

/// Removes every lock from a git folder. Only for who holds off all others: a lock that somebody works under would go too.
pub fn remove_git_locks(git_dir: &Path) {
    for place in ["", "objects/info", "objects/info/commit-graphs"] {
        remove_in(&git_dir.join(place), 0);
    }
    remove_in(&git_dir.join("refs"), DEPTH);
}

/// In this folder, and so deep below it. What cannot be removed is in git's way, and git will say so.
fn remove_in(folder: &Path, depth: usize) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            if depth > 0 {
                remove_in(&path, depth - 1);
            }
        } else if path.extension().is_some_and(|ending| ending == "lock") {
            let _ = fs::remove_file(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locks_go_and_nothing_else_does() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let locks = ["HEAD.lock", "packed-refs.lock", "refs/heads/a/b.lock", "objects/info/x.lock"];
        let kept = ["HEAD", "refs/heads/a/b", "objects/pack/keep.lock"];
        for file in locks.iter().chain(&kept) {
            fs::create_dir_all(at(file).parent().unwrap()).unwrap();
            fs::write(at(file), "").unwrap();
        }
        remove_git_locks(dir.path());
        assert!(locks.iter().all(|file| !at(file).exists()));
        assert!(kept.iter().all(|file| at(file).exists()));
    }
}
