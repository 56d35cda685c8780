//! `linn try`: builds what is not published yet, as a patch over the newest revision that is (TY-1 to TY-4).

mod git;
mod hg;
mod svn;
mod tool;

use std::io::Read as _;
use std::path::PathBuf;

use clap::Args;
use linn_proto::common::Patch;
use linn_proto::control::TryRequest;
use serde_json::json;

use super::session::{Door, VERB_PATIENCE};
use super::{Done, ExitCode, force, pairs};
use crate::client::{ClientError, Master, Patience, request_id};

pub(crate) const EXAMPLE: &str = "Example, in a checkout of git, Mercurial or Subversion:\n  \
    linn try --builder linux --comment 'does it build there?' --wait\n\n\
    Sends all that is not published, committed or not, as a patch over the newest published revision, and prints \
    `request ID BUILDER` for each builder. With --wait the exit code is 0 for SUCCESS and WARNINGS, 1 otherwise.";

/// The longest patch that a master takes, in bytes.
const MAX_PATCH_BYTES: usize = 2 * 1024 * 1024;
/// How many files a warning names.
const MAX_NAMED: usize = 5;

/// `linn try`.
#[derive(Debug, Args)]
pub struct Try {
    /// A builder; give it once for each [default: all of the try scheduler's]
    #[arg(long = "builder", value_name = "B")]
    builders: Vec<String>,
    /// A unified diff to send instead of what the checkout holds
    #[arg(long, value_name = "FILE")]
    diff: Option<PathBuf>,
    /// How many leading folders are taken off the paths of the diff, as `patch -p` [default: 1; 0 for Subversion]
    #[arg(long, value_name = "N", requires = "diff")]
    level: Option<u32>,
    /// The published revision that the patch is for [default: worked out]
    #[arg(long, value_name = "REV")]
    base: Option<String>,
    /// A property; commas between the values of a list
    #[arg(long = "property", value_name = "K=V", value_parser = pairs::pair)]
    properties: Vec<(String, String)>,
    /// What it is about
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    comment: String,
    /// Your own name for it, by which `linn buildsets --external-id` finds it [default: an id of linn's]
    #[arg(long, value_name = "X", default_value = "", hide_default_value = true)]
    external_id: String,
    /// The codebase [default: the one that lives where the checkout comes from]
    #[arg(long, value_name = "C")]
    codebase: Option<String>,
    /// The try scheduler [default: the first that has all the builders]
    #[arg(long, value_name = "S", default_value = "", hide_default_value = true)]
    scheduler: String,
    /// Send files too that the version control does not know
    #[arg(long)]
    untracked: bool,
    /// Wait until all of it is finished
    #[arg(long)]
    wait: bool,
    /// Only show what would be sent, and to which builders
    #[arg(long, conflicts_with = "wait")]
    dry_run: bool,
}

/// What a checkout holds.
#[derive(Debug, Default)]
struct Work {
    /// Where it comes from, likeliest first.
    repositories: Vec<String>,
    /// Where the base is published; `None`: on the default branch.
    branch: Option<String>,
    /// The base.
    base: String,
    /// As `patch -p`.
    level: u32,
    /// All that is not in the base.
    diff: Vec<u8>,
    /// Files that the version control does not know and that were left out.
    left_out: Vec<String>,
}

/// What is wanted of a checkout.
#[derive(Debug, Clone, Copy)]
struct Wanted<'a> {
    base: Option<&'a str>,
    untracked: bool,
    /// The diff is made elsewhere.
    no_diff: bool,
}

pub(crate) async fn run(asked: Try, at: Door<'_>) -> Done {
    let wanted = Wanted {
        base: asked.base.as_deref(),
        untracked: asked.untracked,
        no_diff: asked.diff.is_some(),
    };
    if wanted.base.is_some_and(|base| base.starts_with('-')) {
        return Err(ClientError::usage("a base revision does not start with `-`").into());
    }
    let folder = &at.place.folder;
    let marked = |mark: &str| folder.ancestors().position(|folder| folder.join(mark).exists());
    let nearest = [("git", marked(".git")), ("hg", marked(".hg")), ("svn", marked(".svn"))]
        .into_iter()
        .filter_map(|(kind, depth)| Some((depth?, kind)))
        .min();
    let mut work = match nearest {
        Some((_, "git")) => git::look(folder, wanted).await?,
        Some((_, "hg")) => hg::look(folder, wanted).await?,
        Some(_) => svn::look(folder, wanted).await?,
        None => {
            let what = format!("{} is in no checkout", folder.display());
            return Err(ClientError::usage(what)
                .hint("go to a checkout of git, Mercurial or Subversion")
                .into());
        }
    };
    if let Some(file) = &asked.diff {
        work.diff = read(&folder.join(file))?;
        work.level = asked.level.unwrap_or(work.level);
    }
    let bytes = work.diff.len();
    if work.diff.iter().all(u8::is_ascii_whitespace) {
        return Err(ClientError::refused("there is nothing to try")
            .why(format!("nothing differs from the published revision {}", work.base))
            .into());
    }
    if bytes > MAX_PATCH_BYTES {
        return Err(ClientError::refused(format!("the patch has {bytes} bytes"))
            .why(format!("a master takes {MAX_PATCH_BYTES} at most"))
            .hint("publish a part of it, on a branch of your own perhaps")
            .into());
    }
    if let Some(first) = work.left_out.first() {
        let more = match work.left_out.len() {
            1 => first.clone(),
            count => {
                let named = work.left_out.iter().take(MAX_NAMED).cloned().collect::<Vec<_>>();
                let dots = if count > MAX_NAMED { ", ..." } else { "" };
                format!("{}{dots}", named.join(", "))
            }
        };
        at.io.tell(&format!("left out, as nobody added it: {more} (--untracked sends such files)"));
    }
    let request = TryRequest {
        request_id: request_id(),
        builders: asked.builders,
        scheduler: asked.scheduler,
        codebase: asked.codebase,
        repositories: work.repositories,
        branch: work.branch,
        revision: Some(work.base),
        patch: Some(Patch { level: work.level, diff: work.diff, ..Patch::default() }),
        properties: pairs::map(asked.properties)?,
        comment: asked.comment,
        dry_run: asked.dry_run,
        external_id: asked.external_id,
    };
    let mut session = at.open().await?;
    let patience = if asked.wait { Patience::endless() } else { Patience::at_most(VERB_PATIENCE) };
    let answer = session
        .persist(patience, async |master: &Master| master.control().r#try(request.clone()).await)
        .await?;
    let Some(accepted) = answer.accepted else {
        let (branch, base) = (request.branch, request.revision.unwrap_or_default());
        if session.json {
            session.io.json(&json!({
                "scheduler": answer.scheduler,
                "builders": answer.builders,
                "codebase": answer.codebase,
                "branch": branch,
                "revision": base,
                "bytes": bytes,
            }))?;
        } else {
            let branch = branch.unwrap_or_else(|| "the default branch".to_owned());
            let safe = |text: &str| crate::safe::text(text).into_owned();
            session.io.line(&format!("scheduler  {}", safe(&answer.scheduler)))?;
            session.io.line(&format!("builders   {}", safe(&answer.builders.join(" "))))?;
            session.io.line(&format!("base       {} on {}", safe(&base), safe(&branch)))?;
            session.io.line(&format!("patch      {bytes} bytes"))?;
            let diff = request.patch.unwrap_or_default().diff;
            for line in String::from_utf8_lossy(&diff).lines() {
                session.io.line(&safe(line))?;
            }
        }
        return Ok(ExitCode::DONE);
    };
    force::finish(&mut session, &accepted, asked.wait).await
}

fn read(path: &std::path::Path) -> Result<Vec<u8>, ClientError> {
    let failed = |error: std::io::Error| {
        ClientError::usage(format!("cannot read {}", path.display())).why(error.to_string())
    };
    let file = std::fs::File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(MAX_PATCH_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

/// Nothing but text can be sent (PA-1).
fn binary(files: &[String]) -> ClientError {
    let named: Vec<_> = files.iter().take(MAX_NAMED).cloned().collect();
    ClientError::refused(format!("{} is no text", named.join(", ")))
        .why("a patch is text, and what is not cannot be tried")
        .hint("publish it first, on a branch of your own perhaps; or put it aside")
}
