//! `linn hook svn`: a post-commit hook of Subversion. A revision is a change of each branch of the standard layout that it
//! touches, as the poller has it (F48).

use std::collections::BTreeMap;
use std::path::Path;

use linn_proto::change::NewChange;

use super::SvnHook;
use super::deliver::deliver;
use super::look::ask;
use super::spool::Spool;
use crate::cli::Done;
use crate::cli::session::Door;
use crate::client::ClientError;

/// A message's length, at most, in bytes.
const MAX_COMMENT_BYTES: usize = 1 << 18;
/// The default branch, in keys and in the repository.
const TRUNK: &str = "trunk";

/// The key of a revision on a branch, `trunk` being the default one: the same from the hook and from the poller (I2).
#[must_use]
pub fn svn_change_key(repository: &str, branch: &str, revision: u64) -> String {
    format!("svn {repository} {branch} {revision}")
}

/// What a revision did to a branch.
#[derive(Debug, Default, PartialEq, Eq)]
struct What {
    files: Vec<String>,
    changed: bool,
    made: bool,
    gone: bool,
}

pub(super) async fn run(hook: SvnHook, at: Door<'_>) -> Done {
    let folder = at.place.folder.join(&hook.folder);
    if !folder.join("format").is_file() {
        return Err(ClientError::usage(format!(
            "{} is no Subversion repository",
            folder.display()
        ))
        .hint("in hooks/post-commit: linn hook svn \"$1\" \"$2\"")
        .into());
    }
    let root = hook.root.trim_matches('/').to_owned();
    let name = hook.says.repository.clone().unwrap_or_else(|| match root.is_empty() {
        true => folder.display().to_string(),
        false => format!("{}/{root}", folder.display()),
    });
    let spool = Spool::of(&folder);
    let listed = look(&folder, "changed", hook.revision, &["--copy-info"], "").await?;
    let mut notes = Vec::new();
    let mut changes = Vec::new();
    let touched = touched(&listed, &root, !hook.no_layout);
    let wanted = touched.into_iter().filter(|(branch, done)| {
        let tag = branch.starts_with("tags/");
        // A branch that is made or goes is no change by itself (GP-2); a tag that is asked for is.
        if tag { hook.tags && (done.changed || done.made) } else { done.changed }
    });
    let wanted: Vec<_> = wanted.collect();
    if !wanted.is_empty() {
        let author = look(&folder, "author", hook.revision, &[], "").await?.trim().to_owned();
        let mut comments = look(&folder, "log", hook.revision, &[], "").await?;
        comments.truncate(comments.floor_char_boundary(MAX_COMMENT_BYTES));
        let when_ms = moment(&look(&folder, "date", hook.revision, &[], "").await?);
        for (branch, mut done) in wanted {
            if super::commits::shorten(&mut done.files) {
                let at = hook.revision;
                notes.push(format!("r{at}: too many files to name, some are left out"));
            }
            let path = match hook.no_layout {
                true => format!("/{root}"),
                false => format!("/{root}/{branch}").replace("//", "/"),
            };
            let history = look(&folder, "history", hook.revision, &["-l", "2"], &path).await?;
            changes.push(NewChange {
                key: svn_change_key(&name, &branch, hook.revision),
                project: hook.says.project.clone(),
                codebase: hook.says.codebase.clone(),
                repository: name.clone(),
                branch: (branch != TRUNK).then_some(branch),
                revision: Some(hook.revision.to_string()),
                author: author.clone(),
                comments: comments.trim_end().to_owned(),
                files: done.files,
                when_ms,
                parents: before(&history, hook.revision).into_iter().collect(),
                vcs: "svn".to_owned(),
                ..NewChange::default()
            });
        }
    }
    deliver(at, &spool, &changes, notes).await
}

/// What `svnlook` says of a revision.
async fn look(
    folder: &Path,
    what: &str,
    revision: u64,
    more: &[&str],
    path: &str,
) -> Result<String, ClientError> {
    let (revision, repository) = (revision.to_string(), folder.display().to_string());
    let mut args = vec![what, "-r", &revision];
    args.extend(more);
    args.push("--");
    args.push(&repository);
    args.extend(Some(path).filter(|path| !path.is_empty()));
    let said = ask("svnlook", folder, &args).await?;
    Ok(String::from_utf8_lossy(&said).into_owned())
}

/// The branches of `svnlook changed` with what was done to each.
fn touched(listed: &str, root: &str, layout: bool) -> BTreeMap<String, What> {
    let mut found: BTreeMap<String, What> = BTreeMap::new();
    for line in listed.lines() {
        // Three columns of what was done and a blank; where a copy is from stands under it, after blanks.
        let Some((columns, path)) = line.split_at_checked(4).filter(|(c, _)| !c.starts_with(' '))
        else {
            continue;
        };
        let inside = match root {
            "" => Some(path),
            root => path.strip_prefix(root).and_then(|rest| rest.strip_prefix('/')),
        };
        let Some((branch, inside)) = inside.and_then(|path| place(path, layout)) else { continue };
        let done = found.entry(branch).or_default();
        match (inside, columns.as_bytes().first()) {
            ("", Some(b'D')) => done.gone = true,
            ("", Some(b'A')) => done.made = true,
            ("", _) => done.changed = true,
            _ => {
                done.changed = true;
                done.files.push(inside.to_owned());
            }
        }
    }
    found.retain(|_, done| !done.gone || done.made);
    found
}

/// Branch and path inside it of a path of a project; folders end with `/`.
fn place(path: &str, layout: bool) -> Option<(String, &str)> {
    if !layout {
        return Some((TRUNK.to_owned(), path));
    }
    let (first, rest) = path.split_once('/')?;
    match first {
        TRUNK => Some((TRUNK.to_owned(), rest)),
        "branches" | "tags" if !rest.is_empty() => {
            let (name, inside) = rest.split_once('/').unwrap_or((rest, ""));
            Some((format!("{first}/{name}"), inside))
        }
        _ => None,
    }
}

/// The revision before this one in `svnlook history`.
fn before(history: &str, revision: u64) -> Option<String> {
    let numbers = history.lines().filter_map(|line| line.split_whitespace().next()?.parse().ok());
    numbers.filter(|number: &u64| *number < revision).max().map(|number| number.to_string())
}

/// `2026-11-28 04:09:10 +0000 (Sat, 28 Nov 2026)`.
fn moment(text: &str) -> Option<i64> {
    let text = text.split(" (").next()?.trim();
    let moment = jiff::Zoned::strptime("%Y-%m-%d %H:%M:%S %z", text).ok()?;
    Some(moment.timestamp().as_millisecond().max(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_touched() {
        let listed = "A + branches/x/\n    (from trunk/:r2)\nU   trunk/a b\n_U  trunk/\nD   branches/y/\nA   tags/\nU   README\n";
        let found = touched(listed, "", true);
        let names: Vec<_> = found.keys().map(String::as_str).collect();
        assert_eq!(names, ["branches/x", "trunk"]);
        assert_eq!(found["trunk"].files, ["a b"]);
        assert!(found["branches/x"].made && !found["branches/x"].changed);
        assert!(touched(listed, "p", true).is_empty());
        assert_eq!(touched(listed, "", false)["trunk"].files.len(), 6);
        assert_eq!(touched("U   p/trunk/x\n", "p", true)["trunk"].files, ["x"]);
    }

    #[test]
    fn times_and_what_was_before() {
        assert_eq!(
            moment("2026-11-28 04:09:10 +0100 (Sat, 28 Nov 2026)\n"),
            Some(1_795_835_350_000)
        );
        assert_eq!(moment("x"), None);
        assert_eq!(
            before("REVISION   PATH\n----\n   5   /p\n   2   /p\n", 5).as_deref(),
            Some("2")
        );
    }
}
