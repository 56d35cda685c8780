//! What a commit says: author, message, time, parents and files (GP-6). All of it is foreign text, kept as it is but
//! for bytes that are no UTF-8 and lengths beyond reason.

use std::collections::BTreeMap;

use linn_core::change::NewChange;
use linn_core::time::Timestamp;

use super::command::Git;
use super::error::GitError;
use super::repository::Repository;

/// The most characters of a message that are kept.
const COMMENTS_MAX_CHARS: usize = 64 * 1024;
/// The most characters of a name that are kept.
const NAME_MAX_CHARS: usize = 1_000;
/// The most parents of a change that are kept.
const PARENTS_MAX: usize = 1_000;
/// The most files of a change that are kept.
pub(super) const FILES_MAX: usize = 10_000;
/// The most bytes that git may say about one batch of commits before it is asked about fewer at once.
const BATCH_MAX_BYTES: usize = 16 << 20;
/// What is read of a commit that has more to say than that. Longer than all that is kept of a message.
const BEGINNING_MAX_BYTES: usize = 1 << 20;
/// 9999-12-31T23:59:59Z: times beyond are a joke of somebody's clock.
const LAST_SECOND: i64 = 253_402_300_799;
const FIELDS: usize = 6;
const READ_COMMITS: &str = "read the commits";

/// Reads the commits, in their order. The mailmap is that of `tip` (F33). Sources fill in the rest of the changes.
///
/// # Errors
/// When git cannot tell.
pub(super) async fn read(
    repository: &Repository,
    tip: &str,
    revisions: &[String],
) -> Result<Vec<NewChange>, GitError> {
    let mut changes = Vec::with_capacity(revisions.len());
    let mut batches = vec![revisions];
    while let Some(batch) = batches.pop() {
        if batch.is_empty() {
            continue;
        }
        match read_batch(repository, tip, batch).await {
            Ok(read) => changes.extend(read),
            // A commit that is left out would be the end of its source: no later look could get past it.
            Err(GitError::TooMuch { .. }) => match batch {
                [alone] => changes.push(read_beginning(repository, tip, alone).await?),
                _ => {
                    let (older, newer) = batch.split_at(batch.len() / 2);
                    batches.push(newer);
                    batches.push(older);
                }
            },
            Err(error) => return Err(error),
        }
    }
    Ok(changes)
}

async fn read_batch(
    repository: &Repository,
    tip: &str,
    batch: &[String],
) -> Result<Vec<NewChange>, GitError> {
    let said = log(repository, tip, batch).await?.limit(BATCH_MAX_BYTES).run().await?;
    let unreadable =
        || GitError::Unreadable { what: format!("{READ_COMMITS} of {}", repository.shown()) };
    let mut read = changes_of(&said).ok_or_else(unreadable)?;
    add_files(repository, &mut read).await?;
    // Git answers in the order asked; a commit asked for twice is told once.
    if read.len() == batch.len() { Ok(read) } else { Err(unreadable()) }
}

/// A commit that alone says more than anybody reads: as much of it as there is a use for. What is cut is the message, for
/// it comes last, unless a name is as long as that.
async fn read_beginning(
    repository: &Repository,
    tip: &str,
    revision: &String,
) -> Result<NewChange, GitError> {
    let batch = std::slice::from_ref(revision);
    let said = log(repository, tip, batch).await?.limit(BEGINNING_MAX_BYTES).run_cut().await?;
    let mut fields: Vec<&[u8]> = said.splitn(FIELDS, |b| *b == 0).collect();
    fields.resize(FIELDS, b"");
    let unreadable =
        || GitError::Unreadable { what: format!("{READ_COMMITS} of {}", repository.shown()) };
    let mut read = [change_of(&fields).ok_or_else(unreadable)?];
    tracing::warn!(
        repository = repository.shown(),
        revision,
        "only the beginning of a commit is kept"
    );
    add_files(repository, &mut read).await?;
    let [change] = read;
    Ok(change)
}

/// Asks for the fields of commits.
async fn log(repository: &Repository, tip: &str, revisions: &[String]) -> Result<Git, GitError> {
    let git = repository.git(READ_COMMITS).await?;
    Ok(git
        // The one in the tree that is built, and no other.
        .setting("mailmap.file=")
        .setting(format!("mailmap.blob={tip}:.mailmap"))
        .args(["log", "--no-walk=unsorted", "--stdin", "-s", "-z"])
        .args(["--format=%H%x00%P%x00%ct%x00%aN <%aE>%x00%cN <%cE>%x00%B"])
        .input(revisions.iter().map(|id| format!("{id}\n")).collect::<String>()))
}

async fn add_files(repository: &Repository, changes: &mut [NewChange]) -> Result<(), GitError> {
    let mut files = files_of(repository, changes).await?;
    for change in changes {
        let revision = change.revision.as_deref().unwrap_or_default();
        change.files = files.remove(revision).unwrap_or_default();
    }
    Ok(())
}

/// Reads the answer of `git log`: six fields and a message's end for each commit, each ended by NUL. A message cannot
/// have a NUL, so the fields cannot be forged.
fn changes_of(said: &[u8]) -> Option<Vec<NewChange>> {
    let mut fields: Vec<&[u8]> = said.split(|b| *b == 0).collect();
    if fields.pop().is_some_and(|rest| !rest.is_empty()) || !fields.len().is_multiple_of(FIELDS) {
        return None;
    }
    fields.chunks_exact(FIELDS).map(change_of).collect()
}

fn change_of(fields: &[&[u8]]) -> Option<NewChange> {
    let [revision, parents, seconds, author, committer, message] = fields else { return None };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let seconds: i64 = text(seconds).trim().parse().unwrap_or(0);
    Some(NewChange {
        author: beginning(text(author).trim(), NAME_MAX_CHARS),
        committer: beginning(text(committer).trim(), NAME_MAX_CHARS),
        comments: beginning(text(message).trim_end_matches('\n'), COMMENTS_MAX_CHARS),
        revision: Some(text(revision)),
        parents: text(parents)
            .split(' ')
            .filter(|id| !id.is_empty())
            .take(PARENTS_MAX)
            .map(ToOwned::to_owned)
            .collect(),
        when: Some(Timestamp(seconds.clamp(0, LAST_SECOND) * 1000)),
        vcs: "git".to_owned(),
        ..NewChange::default()
    })
}

/// At most so many characters of a text.
pub(in crate::source) fn beginning(text: &str, most_chars: usize) -> String {
    let end = text.char_indices().nth(most_chars).map_or(text.len(), |(at, _)| at);
    text[..end].to_owned()
}

/// The files of each commit against its first parent (F33), by revision.
async fn files_of(
    repository: &Repository,
    changes: &[NewChange],
) -> Result<BTreeMap<String, Vec<String>>, GitError> {
    let mut pairs = String::new();
    for change in changes {
        pairs.push_str(change.revision.as_deref().unwrap_or_default());
        if let Some(parent) = change.parents.first() {
            pairs.push(' ');
            pairs.push_str(parent);
        }
        pairs.push('\n');
    }
    let asked = repository
        .git("read the files of the commits")
        .await?
        .limit(BATCH_MAX_BYTES)
        .args(["diff-tree", "--stdin", "-z", "-r", "--root", "--name-only", "--no-renames"])
        .args(["--no-ext-diff", "--no-textconv", "--ignore-submodules=none", "--format=%x00%H%x00"])
        .input(pairs)
        .run()
        .await;
    match asked {
        Ok(said) => Ok(files_by_revision(&said)),
        // One commit alone with more names than anybody reads: better without its files than not at all.
        Err(GitError::TooMuch { .. }) if changes.len() == 1 => {
            tracing::warn!(
                repository = repository.shown(),
                revision = changes[0].revision.as_deref(),
                "a commit touches too many files to list them"
            );
            Ok(BTreeMap::new())
        }
        Err(error) => Err(error),
    }
}

/// Reads the answer of `git diff-tree`: an empty text, the revision, an empty text, then the names, the first of them
/// after a line feed. A name is never empty, so a name cannot be taken for a revision.
fn files_by_revision(said: &[u8]) -> BTreeMap<String, Vec<String>> {
    let mut found = BTreeMap::new();
    let mut parts = said.split(|b| *b == 0).peekable();
    while let Some(part) = parts.next() {
        if !part.is_empty() {
            continue;
        }
        let Some(revision) = parts.next().filter(|part| !part.is_empty()) else { break };
        parts.next();
        let mut files = Vec::new();
        while let Some(name) = parts.next_if(|part| !part.is_empty()) {
            let first = files.is_empty();
            let name = if first { name.strip_prefix(b"\n").unwrap_or(name) } else { name };
            if files.len() < FILES_MAX {
                files.push(readable(name));
            }
        }
        found.insert(String::from_utf8_lossy(revision).into_owned(), files);
    }
    found
}

/// A path as text: bytes that are no UTF-8 as `\xNN`, so that two such names stay two.
pub(in crate::source) fn readable(name: &[u8]) -> String {
    use std::fmt::Write;
    let mut text = String::with_capacity(name.len());
    for chunk in name.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_cannot_be_forged_and_odd_times_are_cut() {
        let said = b"r1\0p1 p2\099999999999999\0 <a@x>\0C <c@x>\0line\n\nmore\x1b[31m\n\0";
        let changes = changes_of(said).unwrap();
        assert_eq!(changes.len(), 1);
        let change = &changes[0];
        assert_eq!(change.author, "<a@x>");
        assert_eq!(change.parents, ["p1", "p2"]);
        assert_eq!(change.comments, "line\n\nmore\u{1b}[31m");
        assert_eq!(change.when, Some(Timestamp(LAST_SECOND * 1000)));
        assert_eq!(changes_of(b"r1\0p1\0"), None);
        assert_eq!(changes_of(b""), Some(Vec::new()));
    }

    #[test]
    fn names_of_files_that_look_like_the_answer_itself() {
        let said = b"\0r1\0\0\n\nodd\0r2\0\0r2\0\0\nx\xffy\0";
        let files = files_by_revision(said);
        assert_eq!(files["r1"], ["\nodd", "r2"]);
        assert_eq!(files["r2"], ["x\\xffy"]);
        assert!(files_by_revision(b"").is_empty());
    }
}
