//! What a checkout of git holds that is not published (TY-4): since the merge base with the branch that is followed, else
//! with the default branch of `origin`. A checkout that follows nobody is itself what the master reads: its base is HEAD.

use std::path::{Path, PathBuf};

use super::tool::{ask, ask_with, line, maybe, names};
use super::{Wanted, Work, binary};
use crate::client::ClientError;

/// The diff is git's own, whatever the user has set.
const DIFF: [&str; 9] = [
    "-c",
    "core.quotePath=false",
    "diff",
    "--no-ext-diff",
    "--no-textconv",
    "--no-color",
    "--full-index",
    "--src-prefix=a/",
    "--dst-prefix=b/",
];

pub(super) async fn look(folder: &Path, wanted: Wanted<'_>) -> Result<Work, ClientError> {
    let root = PathBuf::from(line(folder, "git", &["rev-parse", "--show-toplevel"]).await?);
    let root = root.as_path();
    let published = published(root).await?;
    let base = match (wanted.base, &published.tip) {
        (Some(base), _) => {
            let commit = format!("{base}^{{commit}}");
            line(root, "git", &["rev-parse", "--verify", "--quiet", &commit]).await.map_err(
                |_| {
                    ClientError::refused(format!("there is no revision {base} here"))
                        .hint("give the full id of a commit that is published")
                },
            )?
        }
        (None, Some(tip)) => {
            line(root, "git", &["merge-base", "HEAD", tip]).await.map_err(|_| {
                ClientError::refused(format!("HEAD and {tip} have no commit in common"))
                    .hint("say --base REV")
            })?
        }
        (None, None) => line(root, "git", &["rev-parse", "--verify", "HEAD"]).await?,
    };
    let mut work = Work {
        repositories: published
            .repository
            .into_iter()
            .chain([root.display().to_string()])
            .collect(),
        branch: published.branch,
        base,
        level: 1,
        ..Work::default()
    };
    if wanted.no_diff {
        return Ok(work);
    }
    let others = ask(root, "git", &["ls-files", "--others", "--exclude-standard", "-z"]).await?;
    let others = names(&others);
    // An index of our own: that of the user is none of our business.
    let index = if wanted.untracked && !others.is_empty() {
        Some(Index::with(root, &others).await?)
    } else {
        work.left_out = others;
        None
    };
    let vars: Vec<(&str, &Path)> =
        index.iter().map(|index| ("GIT_INDEX_FILE", index.0.as_path())).collect();
    let diff = |how: &'static str| [DIFF.as_slice(), &[how]].concat();
    let mut counts = diff("--numstat");
    counts.extend(["-z", "--no-renames", work.base.as_str(), "--"]);
    let counted = names(&ask_with(root, "git", &counts, &vars).await?);
    let strange: Vec<String> =
        counted.iter().filter_map(|line| line.strip_prefix("-\t-\t")).map(str::to_owned).collect();
    if !strange.is_empty() {
        return Err(binary(&strange));
    }
    let mut patch = diff("--patch");
    patch.extend([work.base.as_str(), "--"]);
    work.diff = ask_with(root, "git", &patch, &vars).await?;
    Ok(work)
}

/// What is published, and where.
struct Published {
    repository: Option<String>,
    branch: Option<String>,
    /// `None`: the checkout follows nobody.
    tip: Option<String>,
}

async fn published(root: &Path) -> Result<Published, ClientError> {
    let own = maybe(root, "git", &["symbolic-ref", "--quiet", "--short", "HEAD"]).await;
    let mut remote = "origin".to_owned();
    if let Some(own) = &own {
        let setting = |what: &str| format!("branch.{own}.{what}");
        let followed = maybe(root, "git", &["config", &setting("remote")]).await;
        let merged = maybe(root, "git", &["config", &setting("merge")]).await;
        if let (Some(followed), Some(merged)) = (followed, merged)
            && followed != "."
        {
            let branch = merged.strip_prefix("refs/heads/").unwrap_or(&merged).to_owned();
            let tip = format!("refs/remotes/{followed}/{branch}");
            if maybe(root, "git", &["rev-parse", "--verify", "--quiet", &tip]).await.is_some() {
                let repository = maybe(root, "git", &["remote", "get-url", &followed]).await;
                return Ok(Published { repository, branch: Some(branch), tip: Some(tip) });
            }
            remote = followed;
        }
    }
    let Some(repository) = maybe(root, "git", &["remote", "get-url", &remote]).await else {
        return Ok(Published { repository: None, branch: own, tip: None });
    };
    let prefix = format!("refs/remotes/{remote}/");
    let head = format!("{prefix}HEAD");
    let main = maybe(root, "git", &["symbolic-ref", "--quiet", &head]).await;
    for tip in main.into_iter().chain(["main", "master"].map(|name| format!("{prefix}{name}"))) {
        if maybe(root, "git", &["rev-parse", "--verify", "--quiet", &tip]).await.is_some() {
            let branch = tip.strip_prefix(&prefix).map(str::to_owned);
            return Ok(Published { repository: Some(repository), branch, tip: Some(tip) });
        }
    }
    Err(ClientError::refused(format!(
        "it is not known which branch of {remote} is the default one"
    ))
    .hint(format!("git remote set-head {remote} --auto; or say --base REV and follow a branch")))
}

/// An index that is gone when it is dropped.
struct Index(PathBuf);

impl Index {
    /// The checkout's, and these files as if they had been added.
    async fn with(root: &Path, files: &[String]) -> Result<Self, ClientError> {
        let here = line(root, "git", &["rev-parse", "--absolute-git-dir"]).await?;
        let name = format!("linn-try-index-{}", std::process::id());
        let index = Self(Path::new(&here).join(name));
        let from = Path::new(&here).join("index");
        if from.exists() {
            std::fs::copy(&from, &index.0).map_err(|error| {
                ClientError::internal("cannot copy git's index").why(error.to_string())
            })?;
        }
        for some in files.chunks(100) {
            let mut add = vec!["--literal-pathspecs", "add", "--intent-to-add", "--"];
            add.extend(some.iter().map(String::as_str));
            ask_with(root, "git", &add, &[("GIT_INDEX_FILE", &index.0)]).await?;
        }
        Ok(index)
    }
}

impl Drop for Index {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
