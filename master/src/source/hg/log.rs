//! What a changeset says: author, message, time, parents and files (GP-6). All of it is foreign text.

use linn_core::change::NewChange;
use linn_core::time::Timestamp;

use super::is_node;
use super::repository::Repository;
use crate::source::git::{beginning, readable};
use crate::source::tool::ToolError;

/// The most characters of a message that are kept.
const COMMENTS_MAX_CHARS: usize = 64 * 1024;
/// The most characters of a name that are kept.
const NAME_MAX_CHARS: usize = 1_000;
/// The most files of a change that are kept.
const FILES_MAX: usize = 10_000;
/// The most bytes that hg may say about one batch before it is asked about fewer at once.
const BATCH_MAX_BYTES: usize = 16 << 20;
/// 9999-12-31T23:59:59Z: times beyond are a joke of somebody's clock.
const LAST_SECOND: i64 = 253_402_300_799;
/// A line for each changeset; what could end a field or a line is escaped. The files come last, for they may be cut.
const TEMPLATE: &str = "{node}\\t{p1node} {p2node}\\t{date|hgdate}\\t{branch|stringescape}\\t{user|stringescape}\\t{desc|stringescape}\\t{files % '{file|stringescape}\\t'}\\n";

/// Reads the changesets, in their order. Sources fill in the rest of the changes.
///
/// # Errors
/// When hg cannot tell.
pub(super) async fn read(
    repository: &Repository,
    nodes: &[String],
) -> Result<Vec<NewChange>, ToolError> {
    let mut changes = Vec::with_capacity(nodes.len());
    let mut batches = vec![nodes];
    while let Some(batch) = batches.pop() {
        if batch.is_empty() {
            continue;
        }
        let set = batch.join("+");
        let asked = repository.hg("read the changesets").limit(BATCH_MAX_BYTES).args([
            "log",
            "-r",
            &set,
            "--template",
            TEMPLATE,
        ]);
        // A changeset that is left out would be the end of its source: of one that says too much, the beginning.
        let said = if batch.len() == 1 { asked.run_cut().await } else { asked.run().await };
        match said {
            Ok(said) => {
                let read: Vec<NewChange> =
                    said.split(|b| *b == b'\n').filter_map(change_of).collect();
                if read.len() != batch.len() {
                    let what = format!("read the changesets of {}", repository.shown());
                    return Err(ToolError::Unreadable { program: "hg", what });
                }
                changes.extend(read);
            }
            Err(ToolError::TooMuch { .. }) => {
                let (older, newer) = batch.split_at(batch.len() / 2);
                batches.push(newer);
                batches.push(older);
            }
            Err(error) => return Err(error),
        }
    }
    for change in &mut changes {
        if let ([first, _], Some(node)) = (change.parents.as_slice(), &change.revision) {
            change.files = between(repository, first, node).await?;
        }
    }
    Ok(changes)
}

/// The files of a merge: those against its first parent (F33).
async fn between(repository: &Repository, from: &str, to: &str) -> Result<Vec<String>, ToolError> {
    let asked = repository
        .hg("read the files of a merge")
        .limit(BATCH_MAX_BYTES)
        .args(["status", "--rev", from, "--rev", to, "-mar", "-n", "-0"]);
    let said = asked.run_cut().await?;
    let mut names: Vec<&[u8]> = said.split(|b| *b == 0).collect();
    // What comes after the last NUL is nothing, or was cut.
    names.pop();
    Ok(names.into_iter().take(FILES_MAX).map(readable).collect())
}

fn change_of(line: &[u8]) -> Option<NewChange> {
    let mut fields = line.split(|b| *b == b'\t');
    let mut field =
        || fields.next().map_or(String::new(), |bytes| String::from_utf8_lossy(bytes).into_owned());
    let node = Some(field()).filter(|node| is_node(node))?;
    let (parents, date, branch) = (field(), field(), unescaped(&field()));
    let (user, message) = (unescaped(&field()), unescaped(&field()));
    let seconds = date.split(' ').next().and_then(|text| text.parse::<i64>().ok()).unwrap_or(0);
    Some(NewChange {
        author: beginning(user.trim(), NAME_MAX_CHARS),
        comments: beginning(message.trim_end_matches('\n'), COMMENTS_MAX_CHARS),
        revision: Some(node),
        branch: Some(branch),
        parents: parents.split(' ').filter(|p| is_somebody(p)).map(ToOwned::to_owned).collect(),
        when: Some(Timestamp(seconds.clamp(0, LAST_SECOND) * 1000)),
        vcs: "hg".to_owned(),
        files: fields
            .filter(|name| !name.is_empty())
            .take(FILES_MAX)
            .map(|name| readable(&bytes_of(&String::from_utf8_lossy(name))))
            .collect(),
        ..NewChange::default()
    })
}

/// Whether a parent is one: hg says nothing but zeros where there is none.
pub(super) fn is_somebody(node: &str) -> bool {
    is_node(node) && node.bytes().any(|byte| byte != b'0')
}

/// Takes back what hg's filter `stringescape` did.
pub(super) fn unescaped(text: &str) -> String {
    String::from_utf8_lossy(&bytes_of(text)).into_owned()
}

fn bytes_of(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        match rest.next() {
            Some(b'n') => bytes.push(b'\n'),
            Some(b'r') => bytes.push(b'\r'),
            Some(b't') => bytes.push(b'\t'),
            Some(b'x') => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                if let (Some(high), Some(low)) = (digit(rest.next()), digit(rest.next())) {
                    bytes.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
                }
            }
            Some(other) => bytes.push(other),
            None => {}
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaped_text_comes_back() {
        assert_eq!(unescaped("one\\n\\xc3\\xbc\\ttab \\\\n"), "one\nü\ttab \\n");
        assert_eq!(unescaped("\\"), "");
        assert_eq!(unescaped("\\xz"), "");
        assert_eq!(readable(&bytes_of("x\\xffy")), "x\\xffy");
    }

    #[test]
    fn a_line_that_was_cut_is_still_a_change() {
        let node = "a".repeat(40);
        let zero = "0".repeat(40);
        let whole =
            format!("{node}\t{node} {zero}\t7 -3600\tdefault\tAna <a@x>\tone\\ntwo\ta\tb/c\t");
        let change = change_of(whole.as_bytes()).unwrap();
        assert_eq!((change.author.as_str(), change.comments.as_str()), ("Ana <a@x>", "one\ntwo"));
        assert_eq!(
            (change.files, change.when),
            (vec!["a".to_owned(), "b/c".to_owned()], Some(Timestamp(7000)))
        );
        assert_eq!(change.parents, std::slice::from_ref(&node));
        let cut = change_of(&whole.as_bytes()[..150]).unwrap();
        assert!(cut.comments.is_empty() || "one\ntwo".starts_with(&cut.comments));
        assert_eq!(change_of(b"warning: x"), None);
        assert_eq!(change_of(b""), None);
    }
}
