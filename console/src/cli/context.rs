//! `linn context`: names for masters.

use clap::Subcommand;
use serde_json::json;

use super::paint::Tone;
use super::session::Door;
use super::table::{Cell, Table};
use super::{Done, ExitCode};
use crate::client::{ClientError, Context, Contexts};

pub(crate) const EXAMPLE: &str =
    "Example:\n  linn context add prod unix:/srv/linn/linn.sock && linn context use prod";

/// `linn context`.
#[derive(Debug, Subcommand)]
pub enum ContextVerb {
    /// List the named masters; the current one is marked
    #[command(after_help = "Example:\n  linn context list")]
    List,
    /// Make one of them the master of all commands
    #[command(after_help = "Example:\n  linn context use prod")]
    Use {
        /// Its name
        name: String,
    },
    /// Name a master; the first one named becomes current
    #[command(after_help = "Example:\n  linn context add prod unix:/srv/linn/linn.sock")]
    Add {
        /// Its name
        name: String,
        /// unix:PATH or http://127.0.0.1:PORT
        #[arg(value_name = "ADDRESS")]
        address: String,
    },
    /// Forget a name
    #[command(after_help = "Example:\n  linn context remove prod")]
    Remove {
        /// Its name
        name: String,
    },
}

pub(crate) fn run(verb: ContextVerb, at: &mut Door<'_>) -> Done {
    let file = at.place.contexts_file().ok_or_else(|| {
        ClientError::usage("cannot tell where the contexts are kept")
            .why("neither $XDG_CONFIG_HOME nor $HOME is set to an absolute path")
    })?;
    let mut contexts = Contexts::read(&file)?;
    let (shown, told) = match verb {
        ContextVerb::List => (contexts.all(), None),
        ContextVerb::Use { name } => {
            contexts.choose(&name)?;
            (vec![contexts.named(&name)?], Some(format!("current context: {name}")))
        }
        ContextVerb::Add { name, address } => {
            // A relative path would mean another master in every folder.
            let address = match address.strip_prefix("unix:").filter(|path| !path.is_empty()) {
                Some(path) => {
                    let path = at.place.folder.join(path.strip_prefix("//").unwrap_or(path));
                    format!("unix:{}", path.display())
                }
                None => address,
            };
            contexts.add(&name, &address)?;
            (vec![contexts.named(&name)?], Some(format!("added {name}: {address}")))
        }
        ContextVerb::Remove { name } => {
            (vec![contexts.remove(&name)?], Some(format!("removed {name}")))
        }
    };
    match told {
        _ if at.global.json => {
            for Context { name, server, current } in shown {
                at.io.json(&json!({"name": name, "server": server, "current": current}))?;
            }
        }
        Some(sentence) => at.io.tell(&sentence),
        None => {
            let mut table = Table::new(&["", "CONTEXT", "SERVER"]);
            for context in shown {
                let mark = if context.current { "*" } else { "" };
                table.row([
                    mark.into(),
                    Cell::new(&context.name, Tone::Strong),
                    context.server.into(),
                ]);
            }
            table.print(at.io, "contexts")?;
        }
    }
    Ok(ExitCode::DONE)
}
