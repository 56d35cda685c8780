//! `linn man`: the manual, from the markdown in `assets/manual/`.

use clap::Args;
use serde_json::json;

use super::session::Door;
use super::{Done, ExitCode};
use crate::client::ClientError;

pub(crate) const EXAMPLE: &str = "Example:\n  linn man commands | less";

/// The pages: name and text, the contents first.
const PAGES: [(&str, &str); 9] = [
    ("index", include_str!("../../../assets/manual/index.md")),
    ("commands", include_str!("../../../assets/manual/commands.md")),
    ("json", include_str!("../../../assets/manual/json.md")),
    ("config", include_str!("../../../assets/manual/config.md")),
    ("console", include_str!("../../../assets/manual/console.md")),
    ("operations", include_str!("../../../assets/manual/operations.md")),
    ("buildbot", include_str!("../../../assets/manual/buildbot.md")),
    ("translation", include_str!("../../../assets/manual/translation.md")),
    ("troubleshooting", include_str!("../../../assets/manual/troubleshooting.md")),
];

/// `linn man`.
#[derive(Debug, Args)]
pub struct Man {
    /// The page [default: the contents]
    #[arg(value_name = "PAGE", default_value = "index", hide_default_value = true)]
    page: String,
}

pub(crate) fn run(man: &Man, at: &mut Door<'_>) -> Done {
    let Some((name, text)) = PAGES.iter().find(|(name, _)| *name == man.page) else {
        let names: Vec<&str> = PAGES.iter().map(|(name, _)| *name).collect();
        return Err(ClientError::refused(format!("the manual has no page `{}`", man.page))
            .why(format!("it has {}", names.join(", ")))
            .hint("`linn COMMAND --help` explains a command")
            .into());
    };
    if at.global.json {
        at.io.json(&json!({"page": name, "text": text}))?;
    } else {
        at.io.line(text.trim_end())?;
    }
    Ok(ExitCode::DONE)
}
