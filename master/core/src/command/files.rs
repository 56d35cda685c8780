//! Steps on files become commands (F17). Whether a path stays below the build's folder is the worker's to say, which knows
//! what lies there; a text that is too large is told here, where it comes from.

use crate::config::FilesStep;
use crate::model::FilesCommand;
use crate::render::{RenderError, Renderer};

/// The largest text of a `download_text`, in bytes: it is kept with the build while the step runs, and sent in one message.
const MAX_TEXT_BYTES: usize = 1 << 20;

pub(super) fn render(
    renderer: &Renderer<'_>,
    step: &FilesStep,
) -> Result<FilesCommand, RenderError> {
    Ok(match step {
        FilesStep::MakeFolder { dir } => FilesCommand::MakeFolder(renderer.text("dir", dir)?),
        FilesStep::RemoveFolder { dir } => FilesCommand::RemoveFolder(renderer.text("dir", dir)?),
        FilesStep::CopyFolder { source, dest } => FilesCommand::CopyFolder {
            source: renderer.text("src", source)?,
            dest: renderer.text("dest", dest)?,
        },
        FilesStep::Exists { file } => FilesCommand::Exists(renderer.text("file", file)?),
        FilesStep::Write { text, dest } => {
            let text = renderer.handled_text("text", text)?;
            if text.len() > MAX_TEXT_BYTES {
                let what = format!(
                    "the text has {} bytes, and at most {MAX_TEXT_BYTES} are sent; put it in a file beside master.star \
                     and use download",
                    text.len()
                );
                return Err(RenderError::new(what));
            }
            FilesCommand::Write { dest: renderer.text("dest", dest)?, text }
        }
    })
}
