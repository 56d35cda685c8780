//! Steps on files become commands (F17). Whether a path stays below the build's folder is the worker's to say, which knows
//! what lies there; a text that is too large is told here, where it comes from.

use crate::config::{FilesStep, FilesWork, TemplateValue};
use crate::model::{FilesCommand, secret};
use crate::render::{RenderError, Renderer};

/// The largest text of a `download_text`, in bytes: it is kept with the build while the step runs, and sent in one message.
const MAX_TEXT_BYTES: usize = 1 << 20;

/// Who may read a file with a secret in it: its owner.
const SECRET_MODE: u32 = 0o600;

pub(super) fn render(
    renderer: &Renderer<'_>,
    step: &FilesStep,
) -> Result<FilesCommand, RenderError> {
    let path = |what: &str, path| below(renderer, &step.workdir, what, path);
    Ok(match &step.what {
        FilesWork::MakeFolder { dir } => FilesCommand::MakeFolder(path("dir", dir)?),
        FilesWork::RemoveFolder { dir } => FilesCommand::RemoveFolder(path("dir", dir)?),
        FilesWork::CopyFolder { source, dest } => {
            FilesCommand::CopyFolder { source: path("src", source)?, dest: path("dest", dest)? }
        }
        FilesWork::RemoveFile { file } => FilesCommand::RemoveFile(path("file", file)?),
        FilesWork::Exists { file } => FilesCommand::Exists(path("file", file)?),
        FilesWork::Write { text, dest, mode } => {
            let text = renderer.handled_text("text", text)?;
            if text.len() > MAX_TEXT_BYTES {
                let what = format!(
                    "the text has {} bytes, and at most {MAX_TEXT_BYTES} are sent; put it in a file beside master.star \
                     and use download",
                    text.len()
                );
                return Err(RenderError::new(what));
            }
            // A secret is nobody else's on that machine.
            let own = (!secret::names(&text).is_empty()).then_some(SECRET_MODE);
            FilesCommand::Write { dest: path("dest", dest)?, text, mode: mode.or(own) }
        }
    })
}

/// A path of a step, from its work folder on: what the worker gets begins at the build's folder. One that says nothing, or
/// begins at the root, stays as it is, for the worker to refuse.
pub(super) fn below(
    renderer: &Renderer<'_>,
    workdir: &TemplateValue,
    what: &str,
    path: &TemplateValue,
) -> Result<String, RenderError> {
    let (workdir, path) = (renderer.workdir(workdir)?, renderer.text(what, path)?);
    let workdir = workdir.trim_end_matches('/');
    Ok(if workdir.is_empty() || path.is_empty() || path.starts_with('/') {
        path
    } else {
        format!("{workdir}/{path}")
    })
}
