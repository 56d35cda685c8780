//! What a git that was killed leaves behind. Its locks are never removed by git: whoever meets one fails, for ever. What it
//! had received of a pack may be as large as the repository, and stays for weeks, or for ever where nothing is pruned.

use std::fs;
use std::path::Path;

/// How deep refs are nested at most; deeper ones are not ours to tidy.
const DEPTH: usize = 32;

/// Removes every lock and every half-written object from a git folder. Only for who holds off all others: what somebody
/// works under or writes would go too.
pub fn remove_git_leftovers(git_dir: &Path) {
    for place in ["", "objects/info", "objects/info/commit-graphs"] {
        remove_in(&git_dir.join(place), 0, is_lock);
    }
    remove_in(&git_dir.join("refs"), DEPTH, is_lock);
    remove_in(&git_dir.join("objects"), 2, is_half_written);
}

fn is_lock(name: &str) -> bool {
    name.ends_with(".lock")
}

/// Packs, indexes and objects get their names when they are whole; until then git calls them so.
fn is_half_written(name: &str) -> bool {
    name.starts_with("tmp_") || name.starts_with(".tmp-")
}

/// In this folder, and so deep below it. What cannot be removed is in git's way, and git will say so.
fn remove_in(folder: &Path, depth: usize, is_stale: fn(&str) -> bool) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            if depth > 0 {
                remove_in(&entry.path(), depth - 1, is_stale);
            }
        } else if entry.file_name().to_str().is_some_and(is_stale) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locks_and_halves_go_and_nothing_else_does() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let locks = ["HEAD.lock", "packed-refs.lock", "refs/heads/a/b.lock", "objects/info/x.lock"];
        let halves = [
            "objects/pack/tmp_pack_x1Y2z3",
            "objects/pack/.tmp-7-pack-ab.idx",
            "objects/ab/tmp_obj_x",
        ];
        let kept = [
            "HEAD",
            "refs/heads/a/b",
            "refs/heads/tmp_b",
            "objects/pack/keep.lock",
            "objects/pack/pack-ab.pack",
        ];
        for file in locks.iter().chain(&halves).chain(&kept) {
            fs::create_dir_all(at(file).parent().unwrap()).unwrap();
            fs::write(at(file), "").unwrap();
        }
        remove_git_leftovers(dir.path());
        assert!(locks.iter().chain(&halves).all(|file| !at(file).exists()));
        assert!(kept.iter().all(|file| at(file).exists()));
    }
}
