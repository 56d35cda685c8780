//! What a working copy of Subversion holds that is not committed (TY-4). Its files must be of one revision: a patch has one
//! base.

use std::path::{Path, PathBuf};

use super::tool::{ask, line};
use super::{Wanted, Work, binary};
use crate::client::ClientError;

pub(super) async fn look(folder: &Path, wanted: Wanted<'_>) -> Result<Work, ClientError> {
    let root = line(folder, "svn", &["info", "--show-item", "wc-root"]).await?;
    let root = PathBuf::from(root);
    let root = root.as_path();
    let url = line(root, "svn", &["info", "--show-item", "url"]).await?;
    let relative = line(root, "svn", &["info", "--show-item", "relative-url"]).await?;
    let at = line(root, "svnversion", &["-n"]).await?;
    let base = at.trim_end_matches(['M', 'S', 'P']);
    let base = match wanted.base {
        Some(base) => base,
        None if !base.is_empty() && base.bytes().all(|byte| byte.is_ascii_digit()) => base,
        None => {
            return Err(ClientError::refused(format!("the working copy is of the revisions {at}"))
                .why("a patch is for one revision, and parts of this one are of several")
                .hint("`svn update` first"));
        }
    };
    // F48: what is on the trunk is on the default branch.
    let branch = relative.trim_start_matches("^/");
    let branch = (!branch.is_empty() && branch != "trunk").then(|| branch.to_owned());
    let mut work = Work {
        repositories: vec![
            url,
            line(root, "svn", &["info", "--show-item", "repos-root-url"]).await?,
        ],
        branch,
        base: base.to_owned(),
        level: 0,
        ..Work::default()
    };
    if wanted.no_diff {
        return Ok(work);
    }
    let status = ask(root, "svn", &["status"]).await?;
    let text = String::from_utf8_lossy(&status);
    let others = text.lines().filter_map(|line| line.strip_prefix('?'));
    work.left_out = others.map(|name| name.trim().to_owned()).collect();
    if wanted.untracked && !work.left_out.is_empty() {
        let named = work.left_out.join(", ");
        return Err(ClientError::refused(format!("{named} is not added"))
            .why("Subversion shows only what it knows")
            .hint("`svn add` it first"));
    }
    let mut diff = vec!["diff", "--internal-diff"];
    if let Some(base) = wanted.base {
        diff.extend(["-r", base]);
    }
    work.diff = ask(root, "svn", &diff).await?;
    let text = String::from_utf8_lossy(&work.diff);
    let mut file = "";
    let mut strange = Vec::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("Index: ") {
            file = name;
        } else if line.starts_with("Cannot display: file marked as a binary type") {
            strange.push(file.to_owned());
        }
    }
    if strange.is_empty() { Ok(work) } else { Err(binary(&strange)) }
}
