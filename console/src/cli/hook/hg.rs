//! `linn hook hg`: an external hook of Mercurial, for `changegroup`, `incoming` or `commit`. A changeset is a change on its
//! own named branch, as the poller has it.

use std::path::PathBuf;

use linn_proto::change::NewChange;

use super::GitHook;
use super::commits::MAX_COMMITS;
use super::deliver::deliver;
use super::look::ask;
use super::spool::Spool;
use crate::cli::Done;
use crate::cli::session::Door;
use crate::client::ClientError;

/// A message's length, at most, in bytes.
const MAX_COMMENT_BYTES: usize = 1 << 18;
/// A line for each changeset; what could end a field or a line is escaped.
const TEMPLATE: &str = "{node}\\t{p1node} {p2node}\\t{date|hgdate}\\t{branch|stringescape}\\t{user|stringescape}\\t{desc|stringescape}\\t{files % '{file|stringescape}\\t'}\\n";

/// The key of a changeset: the same from the hook and from the poller (I2).
#[must_use]
pub fn hg_change_key(repository: &str, branch: &str, revision: &str) -> String {
    format!("hg {repository} {branch} {revision}")
}

pub(super) async fn run(hook: GitHook, at: Door<'_>) -> Done {
    let node = |name: &str| at.place.var(name).map(ToOwned::to_owned);
    let Some(first) = node("HG_NODE") else {
        return Err(ClientError::usage("there is no HG_NODE in the environment")
            .why("hg tells its hooks what has come")
            .hint("install it in .hg/hgrc: [hooks] changegroup.linn = linn hook hg")
            .into());
    };
    let last = node("HG_NODE_LAST").unwrap_or_else(|| first.clone());
    for id in [&first, &last] {
        if id.len() != 40 || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(
                ClientError::usage(format!("`{}` is no changeset", id.escape_debug())).into()
            );
        }
    }
    let root = ask("hg", &at.place.folder, &["root"]).await?;
    let root = String::from_utf8_lossy(&root);
    let root = PathBuf::from(root.trim_end_matches(['\n', '\r']));
    let spool = Spool::of(&root.join(".hg"));
    let name = hook.repository.clone().unwrap_or_else(|| root.display().to_string());
    let set = format!("last({first}:{last}, {})", MAX_COMMITS + 1);
    let args = ["log", "-r", &set, "--template", TEMPLATE];
    let said = ask("hg", &root, &args).await?;
    let said = String::from_utf8_lossy(&said);
    let mut changes: Vec<NewChange> =
        said.lines().filter_map(|line| change(&hook, &name, line)).collect();
    let mut notes = Vec::new();
    if changes.len() > MAX_COMMITS {
        changes.remove(0);
        notes.push(format!(
            "more than {MAX_COMMITS} new changesets, only the newest {MAX_COMMITS} become changes"
        ));
    }
    for change in &mut changes {
        if let [from, _] = change.parents.as_slice() {
            // F33: a merge's files are those against its first parent.
            let to = change.revision.as_deref().unwrap_or_default();
            let args = ["status", "--rev", from, "--rev", to, "-mar", "-n", "-0"];
            let said = ask("hg", &root, &args).await?;
            let said = String::from_utf8_lossy(&said);
            change.files =
                said.split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        }
        if super::commits::shorten(&mut change.files) {
            let id = change.revision.as_deref().unwrap_or_default();
            notes.push(format!("{id}: too many files to name, some are left out"));
        }
    }
    deliver(at, &spool, &changes, notes).await
}

fn change(hook: &GitHook, name: &str, line: &str) -> Option<NewChange> {
    let mut fields = line.split('\t');
    let node = fields.next().filter(|node| node.len() == 40)?.to_owned();
    let parents = fields.next()?;
    let seconds = fields.next()?.split(' ').next()?.parse::<i64>().unwrap_or(0);
    let branch = unescaped(fields.next()?);
    let author = unescaped(fields.next()?);
    let mut comments = unescaped(fields.next()?);
    comments.truncate(comments.floor_char_boundary(MAX_COMMENT_BYTES));
    Some(NewChange {
        key: hg_change_key(name, &branch, &node),
        project: hook.project.clone(),
        codebase: hook.codebase.clone(),
        repository: name.to_owned(),
        branch: Some(branch),
        revision: Some(node),
        author,
        comments: comments.trim_end().to_owned(),
        files: fields.filter(|file| !file.is_empty()).map(unescaped).collect(),
        when_ms: Some(seconds.max(0).saturating_mul(1000)),
        parents: parents
            .split(' ')
            .filter(|parent| parent.bytes().any(|byte| byte != b'0'))
            .map(str::to_owned)
            .collect(),
        vcs: "hg".to_owned(),
        ..NewChange::default()
    })
}

/// Takes back what hg's filter `stringescape` did.
fn unescaped(text: &str) -> String {
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
    String::from_utf8_lossy(&bytes).into_owned()
}
