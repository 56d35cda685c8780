//! The lines git gives a post-receive hook: `OLD NEW REF`.

use crate::client::ClientError;

/// A branch that came into being or moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Moved {
    /// The branch, without `refs/heads/`.
    pub(super) branch: String,
    /// Where it was; none for a new branch.
    pub(super) old: Option<String>,
    /// Where it is.
    pub(super) new: String,
}

/// The branches that moved. Deleted ones are nothing (C28), and so are tags and other refs (GP-4).
///
/// # Errors
/// Input that no git gives.
pub(super) fn parse(input: &[u8]) -> Result<Vec<Moved>, ClientError> {
    let text = String::from_utf8_lossy(input);
    let mut moved = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let fields: Vec<&str> = line.splitn(3, ' ').collect();
        let [old, new, name] = fields[..] else { return Err(no_update(line)) };
        if !is_id(old) || !is_id(new) {
            return Err(no_update(line));
        }
        let Some(branch) = name.strip_prefix("refs/heads/") else { continue };
        if is_zero(new) || old == new {
            continue;
        }
        let old = (!is_zero(old)).then(|| old.to_owned());
        moved.push(Moved { branch: branch.to_owned(), old, new: new.to_owned() });
    }
    Ok(moved)
}

/// A commit's id: SHA-1 or SHA-256 in hex.
pub(super) fn is_id(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_zero(id: &str) -> bool {
    id.bytes().all(|byte| byte == b'0')
}

fn no_update(line: &str) -> ClientError {
    ClientError::usage(format!("`{line}` on standard input is no ref update"))
        .why("git gives a post-receive hook lines of `OLD NEW REF`")
        .hint("install it as hooks/post-receive; to try it: echo \"$(git rev-parse HEAD~1 HEAD | xargs) refs/heads/main\" | linn hook git")
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
    const Z: &str = "0000000000000000000000000000000000000000";

    #[test]
    fn updates() {
        let input = format!(
            "{A} {B} refs/heads/main\n{Z} {A} refs/heads/a/b\n{A} {Z} refs/heads/gone\n{Z} {A} refs/tags/v1\n\
             {A} {A} refs/heads/same\n\n"
        );
        let moved = parse(input.as_bytes()).expect("updates");
        let branch = |branch: &str, old: Option<&str>, new: &str| Moved {
            branch: branch.into(),
            old: old.map(Into::into),
            new: new.into(),
        };
        assert_eq!(moved, [branch("main", Some(A), B), branch("a/b", None, A)]);
    }

    #[test]
    fn no_updates() {
        for input in
            ["x", "a b refs/heads/main", &format!("{A} {B}"), &format!("{A} --all refs/heads/x")]
        {
            assert!(parse(input.as_bytes()).is_err(), "{input} was taken");
        }
        assert_eq!(parse(b""), Ok(Vec::new()));
    }
}
