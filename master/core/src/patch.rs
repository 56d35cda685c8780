//! Which patches are taken at all: text, of a bearable size, a unified diff, and inside the tree (PA-1, TY-5, TY-6).
//!
//! This is the first of two doors. The worker, which applies a patch, does not let it leave the tree either; here
//! whoever sends one is told at once, and by which path.

use std::collections::BTreeSet;

use crate::change::Patch;

/// The longest diff, in bytes.
pub const MAX_PATCH_BYTES: usize = 2 * 1024 * 1024;
/// The most leading folders that `-p` takes off a path.
const MAX_LEVEL: u32 = 30;
/// The longest author and comment, in bytes.
const MAX_TEXT_BYTES: usize = 64 * 1024;
/// Folders in which a version control keeps what is its own; `git~1` is what one of them is called on some file systems.
const PRIVATE: [&str; 5] = [".git", "git~1", ".hg", ".svn", ".bzr"];

/// Whether a patch may be laid over a tree.
///
/// # Errors
/// Why not. The sentence goes on from "the patch".
pub fn check(patch: &Patch) -> Result<(), String> {
    if patch.diff.len() > MAX_PATCH_BYTES {
        return Err(format!("is longer than {MAX_PATCH_BYTES} bytes"));
    }
    if patch.diff.contains('\0') {
        return Err("holds zero bytes: it is no text".to_owned());
    }
    if patch.level > MAX_LEVEL {
        return Err(format!("has a level that is not within 0 and {MAX_LEVEL}"));
    }
    for (name, text) in [("author", &patch.author), ("comment", &patch.comment)] {
        if text.len() > MAX_TEXT_BYTES {
            return Err(format!("has a {name} that is longer than {MAX_TEXT_BYTES} bytes"));
        }
    }
    if patch.author.chars().any(char::is_control) {
        return Err("has an author with control characters".to_owned());
    }
    if !patch.subdir.is_empty() {
        inside(&patch.subdir)
            .map_err(|why| format!("is for {}, which {why}", shown(&patch.subdir)))?;
    }
    Reader::default().read(&patch.diff)
}

/// A path for a sentence: in ticks, on one line, not endless.
fn shown(path: &str) -> String {
    let path: String = path.chars().take(200).collect();
    format!("`{}`", path.escape_debug())
}

/// Whether a path stays inside the tree and out of what belongs to a version control. Backslashes part folders too: some
/// workers read them so.
fn inside(path: &str) -> Result<(), &'static str> {
    let is_drive = path.as_bytes().get(1) == Some(&b':')
        && path.as_bytes().first().is_some_and(u8::is_ascii_alphabetic);
    if path.starts_with(['/', '\\']) || is_drive {
        return Err("is no path inside the tree");
    }
    for folder in path.split(['/', '\\']) {
        if folder == ".." {
            return Err("leaves the tree");
        }
        // Some file systems know no case, and no dots or blanks at the end of a name.
        let plain = folder.trim_end_matches(['.', ' ']).to_ascii_lowercase();
        if PRIVATE.contains(&plain.as_str()) {
            return Err("belongs to the version control");
        }
    }
    Ok(())
}

/// Whether a symbolic link in the folder of `link` points inside the tree. Both are relative to one root.
fn points_inside(link: &str, target: &str) -> bool {
    if target.starts_with(['/', '\\']) || target.as_bytes().get(1) == Some(&b':') {
        return false;
    }
    let mut depth = link.matches('/').count();
    for folder in target.split(['/', '\\']) {
        match folder {
            "" | "." => {}
            ".." if depth == 0 => return false,
            ".." => depth -= 1,
            folder if PRIVATE.contains(&folder.to_ascii_lowercase().as_str()) => return false,
            _ => depth += 1,
        }
    }
    true
}

/// Reads a unified diff line by line. Inside a hunk nothing is a header, whatever it looks like.
#[derive(Default)]
struct Reader {
    /// Lines that the present hunk still takes from the old and the new file.
    old: u64,
    new: u64,
    /// The new file of the present part is a symbolic link.
    is_link: bool,
    /// The path of the present part, its first folder taken off.
    path: String,
    links: BTreeSet<String>,
    paths: BTreeSet<String>,
    /// A file's header was read; a hunk was, or what stands in the place of one.
    any_header: bool,
    any_change: bool,
}

impl Reader {
    fn read(mut self, diff: &str) -> Result<(), String> {
        for line in diff.lines() {
            if self.old > 0 || self.new > 0 {
                self.content(line)?;
            } else {
                self.header(line)?;
            }
        }
        if !self.any_header || !self.any_change {
            return Err(
                "is no unified diff: make it with `diff -u` or your version control".to_owned()
            );
        }
        for path in &self.paths {
            let through = path
                .match_indices('/')
                .any(|(at, _)| path.get(..at).is_some_and(|folder| self.links.contains(folder)));
            if through {
                return Err(format!("writes {} through a symbolic link of its own", shown(path)));
            }
        }
        Ok(())
    }

    fn content(&mut self, line: &str) -> Result<(), String> {
        match line.as_bytes().first() {
            Some(b'-') => self.old = self.old.saturating_sub(1),
            Some(b'+') => {
                self.new = self.new.saturating_sub(1);
                let target = line.get(1..).unwrap_or("");
                if self.is_link && !points_inside(&self.path, target) {
                    return Err(format!(
                        "makes {} a symbolic link to {}, which is not in the tree",
                        shown(&self.path),
                        shown(target)
                    ));
                }
            }
            // "\ No newline at end of file"
            Some(b'\\') => {}
            _ => {
                self.old = self.old.saturating_sub(1);
                self.new = self.new.saturating_sub(1);
            }
        }
        Ok(())
    }

    fn header(&mut self, line: &str) -> Result<(), String> {
        if let Some(ranges) = line.strip_prefix("@@ -") {
            (self.old, self.new) = ranges_of(ranges).unwrap_or_default();
            self.any_change = true;
        } else if let Some(names) = line.strip_prefix("diff --git ") {
            self.is_link = false;
            self.any_header = true;
            // Where a name has blanks this looks at its pieces, which is as good.
            for name in names.split_ascii_whitespace() {
                self.path(&unquoted(name))?;
            }
        } else if let Some(name) = line.strip_prefix("--- ").or_else(|| line.strip_prefix("+++ ")) {
            self.any_header = true;
            let name = unquoted(name.split('\t').next().unwrap_or(name).trim_end());
            self.path(&name)?;
        } else if let Some(name) = ["rename from ", "rename to ", "copy from ", "copy to "]
            .iter()
            .find_map(|word| line.strip_prefix(word))
        {
            self.any_change = true;
            let name = unquoted(name);
            inside(&name).map_err(|why| format!("touches {}, which {why}", shown(&name)))?;
            self.paths.insert(name);
        } else if let Some(name) = line.strip_prefix("Index: ") {
            let name = name.trim();
            inside(name).map_err(|why| format!("touches {}, which {why}", shown(name)))?;
        } else if let Some(mode) = mode_of(line) {
            self.any_change = true;
            match mode {
                "120000" => {
                    self.is_link = true;
                    self.links.insert(self.path.clone());
                }
                "160000" => return Err(format!("changes the submodule {}", shown(&self.path))),
                _ => {}
            }
        } else if line.starts_with("GIT binary patch") || line.starts_with("Binary files ") {
            return Err(format!("changes {}, which is no text", shown(&self.path)));
        }
        Ok(())
    }

    /// Looks at a path of a header, whole and without its first folder, which is `a` or `b` mostly.
    fn path(&mut self, name: &str) -> Result<(), String> {
        if name == "/dev/null" {
            return Ok(());
        }
        inside(name).map_err(|why| format!("touches {}, which {why}", shown(name)))?;
        let short = name.split_once('/').map_or(name, |(_, short)| short);
        short.clone_into(&mut self.path);
        self.paths.insert(short.to_owned());
        self.paths.insert(name.to_owned());
        Ok(())
    }
}

/// The mode that a file has afterwards, of a header's line.
fn mode_of(line: &str) -> Option<&str> {
    if let Some(mode) =
        line.strip_prefix("new file mode ").or_else(|| line.strip_prefix("new mode "))
    {
        return Some(mode.trim());
    }
    if line.starts_with("deleted file mode ") || line.starts_with("old mode ") {
        return Some("");
    }
    // "index 1234..5678 120000": the mode stays as it is.
    line.strip_prefix("index ")?.rsplit_once(' ').map(|(_, mode)| mode.trim())
}

/// `12,3 +14,5 @@ ...` → 3 and 5.
fn ranges_of(text: &str) -> Option<(u64, u64)> {
    let (old, rest) = text.split_once(" +")?;
    let (new, _) = rest.split_once(" @@")?;
    let count = |range: &str| match range.split_once(',') {
        Some((_, count)) => count.parse().ok(),
        None => Some(1),
    };
    Some((count(old)?, count(new)?))
}

/// A name that git wrote in quotes, as it is: octal bytes and escapes.
fn unquoted(name: &str) -> String {
    let Some(inner) = name.strip_prefix('"') else { return name.to_owned() };
    let inner = inner.strip_suffix('"').unwrap_or(inner);
    let mut bytes = Vec::new();
    let mut rest = inner.bytes().peekable();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        let Some(next) = rest.next() else { break };
        if !(b'0'..=b'7').contains(&next) {
            bytes.push(next);
            continue;
        }
        let mut value = u32::from(next - b'0');
        for _ in 0..2 {
            match rest.peek() {
                Some(digit @ b'0'..=b'7') => {
                    value = value * 8 + u32::from(digit - b'0');
                    rest.next();
                }
                _ => break,
            }
        }
        bytes.push(u8::try_from(value & 0xff).unwrap_or(b'?'));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(diff: &str) -> Patch {
        Patch {
            level: 1,
            diff: diff.to_owned(),
            author: "ana".to_owned(),
            comment: String::new(),
            subdir: String::new(),
        }
    }

    fn edit(path: &str) -> String {
        format!("--- a/{path}\n+++ b/{path}\n@@ -1 +1 @@\n-one\n+two\n")
    }

    #[test]
    fn ordinary_diffs_are_taken() {
        for diff in [
            edit("a.txt"),
            edit("dir/with blank/ä.txt"),
            edit("..dots/.gitignore"),
            "diff --git a/x b/y\nsimilarity index 100%\nrename from x\nrename to y\n".to_owned(),
            "diff --git a/x b/x\nold mode 100644\nnew mode 100755\n".to_owned(),
            // SQL and other texts that look like headers are text inside a hunk.
            "--- a/q.sql\n+++ b/q.sql\n@@ -1,2 +1,2 @@\n--- ../old\n+++ ../new\n same\n".to_owned(),
            "Index: a.txt\n=====\n--- a.txt\t(revision 3)\n+++ a.txt\t(working copy)\n@@ -0,0 +1 @@\n+x\n"
                .to_owned(),
            "diff --git a/l b/l\nnew file mode 120000\n--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+dir/a\n\\ No newline at end of file\n"
                .to_owned(),
        ] {
            assert_eq!(check(&of(&diff)), Ok(()), "{diff}");
        }
    }

    #[test]
    fn what_leaves_the_tree_is_named() {
        for (path, why) in [
            ("../../etc/passwd", "leaves the tree"),
            ("dir/../../x", "leaves the tree"),
            (".git/hooks/post-checkout", "belongs to the version control"),
            ("sub/.GIT/config", "belongs to the version control"),
            (".hg/hgrc", "belongs to the version control"),
            ("..\\x", "leaves the tree"),
        ] {
            let said = check(&of(&edit(path))).unwrap_err();
            assert!(said.contains(why), "{path}: {said}");
            assert!(said.contains(&path.escape_debug().to_string()), "{path}: {said}");
        }
        for diff in [
            "--- /etc/passwd\n+++ /etc/passwd\n@@ -1 +1 @@\n-a\n+b\n",
            "--- C:\\x\n+++ C:\\x\n@@ -1 +1 @@\n-a\n+b\n",
            "--- \"a/\\056\\056/x\"\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n",
            "diff --git a/x b/.git/x\nrename from x\nrename to .git/x\n",
            "diff --git a/x b/x\nrename from x\nrename to ../x\n",
            "Index: ../x\n--- x\n+++ x\n@@ -1 +1 @@\n-a\n+b\n",
        ] {
            assert!(check(&of(diff)).is_err(), "{diff}");
        }
        let subdir = Patch { subdir: "../x".to_owned(), ..of(&edit("a")) };
        assert_eq!(check(&subdir), Err("is for `../x`, which leaves the tree".to_owned()));
    }

    #[test]
    fn links_stay_inside() {
        let link = |path: &str, target: &str| {
            format!(
                "diff --git a/{path} b/{path}\nnew file mode 120000\n--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+{target}\n"
            )
        };
        assert_eq!(check(&of(&link("d/l", "../a"))), Ok(()));
        for (path, target) in
            [("l", "/etc"), ("l", "../x"), ("d/l", "../../x"), ("l", "d/../../x"), ("l", ".git/x")]
        {
            let said = check(&of(&link(path, target))).unwrap_err();
            assert!(said.contains("a symbolic link to"), "{said}");
        }
        let through = format!("{}{}", link("l", "d"), edit("l/x"));
        assert_eq!(
            check(&of(&through)),
            Err("writes `l/x` through a symbolic link of its own".to_owned())
        );
    }

    #[test]
    fn what_is_no_unified_diff_is_refused() {
        for diff in [
            "hello",
            "",
            "1,2c\nx\n.\nw\n",
            "*** a/x\n--- b/x\n***************\n",
            "--- a/x\n+++ b/x\n",
        ] {
            assert!(check(&of(diff)).is_err(), "{diff}");
        }
        assert!(
            check(&of("diff --git a/p.png b/p.png\nGIT binary patch\n"))
                .unwrap_err()
                .contains("`p.png`")
        );
        assert!(check(&of("a\0b")).unwrap_err().contains("no text"));
        let deep = Patch { level: 31, ..of(&edit("a")) };
        assert!(check(&deep).is_err());
        let long = of(&"x".repeat(MAX_PATCH_BYTES + 1));
        assert!(check(&long).unwrap_err().contains("longer"));
    }
}
