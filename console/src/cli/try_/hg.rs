//! What a checkout of Mercurial holds that is not published (TY-4): since the last public ancestor.

use std::path::{Path, PathBuf};

use super::tool::{ask, line, maybe, names};
use super::{Wanted, Work, binary};
use crate::client::ClientError;

pub(super) async fn look(folder: &Path, wanted: Wanted<'_>) -> Result<Work, ClientError> {
    let root = PathBuf::from(line(folder, "hg", &["root"]).await?);
    let root = root.as_path();
    let which = wanted.base.unwrap_or("last(ancestors(.) and public())");
    let told =
        line(root, "hg", &["log", "--rev", which, "--template", "{node} {branch}\n"]).await?;
    let Some((base, branch)) = told.lines().next().and_then(|line| line.split_once(' ')) else {
        return Err(ClientError::refused("nothing of this repository is published")
            .why("no ancestor of the checkout is public")
            .hint("push something first, or say --base REV"));
    };
    let mut work = Work {
        repositories: maybe(root, "hg", &["paths", "default"])
            .await
            .into_iter()
            .chain([root.display().to_string()])
            .collect(),
        branch: Some(branch.to_owned()),
        base: base.to_owned(),
        level: 1,
        ..Work::default()
    };
    if wanted.no_diff {
        return Ok(work);
    }
    let others =
        names(&ask(root, "hg", &["status", "--unknown", "--no-status", "--print0"]).await?);
    if wanted.untracked && !others.is_empty() {
        return Err(ClientError::refused(format!("{} is not added", others.join(", ")))
            .why("Mercurial shows only what it knows")
            .hint("`hg add` it first"));
    }
    work.left_out = others;
    work.diff = ask(root, "hg", &["diff", "--git", "--rev", base]).await?;
    let text = String::from_utf8_lossy(&work.diff);
    let mut file = "";
    let mut strange = Vec::new();
    for line in text.lines() {
        if let Some(names) = line.strip_prefix("diff --git a/") {
            file = names.split(" b/").next().unwrap_or(names);
        } else if line == "GIT binary patch" {
            strange.push(file.to_owned());
        }
    }
    if strange.is_empty() { Ok(work) } else { Err(binary(&strange)) }
}
