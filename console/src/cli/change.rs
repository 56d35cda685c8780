//! `linn change send`: a change by hand.

use clap::{Args, Subcommand};
use linn_proto::change::{NewChange, SubmitRequest};
use linn_proto::common::Property;
use linn_proto::entity::Kind;

use super::session::{Door, VERB_PATIENCE};
use super::{Done, ExitCode, json, pairs, when};
use crate::client::{ClientError, Master, Patience};

/// `linn change`.
#[derive(Debug, Subcommand)]
pub enum ChangeVerb {
    /// Submit one change; prints its id
    #[command(after_help = EXAMPLE)]
    Send(Box<Send>),
}

pub(crate) const EXAMPLE: &str = "Example:\n  \
    linn change send --author 'Ana <ana@example.org>' --branch main --revision 9f2c1d7 --file src/lexer.rs\n\n\
    The same --key again gives the same id and submits nothing.";

/// One change.
#[derive(Debug, Args)]
pub struct Send {
    /// Who wrote it: `Name <mail>`
    #[arg(long, value_name = "A", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    author: String,
    #[command(flatten)]
    about: About,
    /// What makes it the same change when it is sent again
    #[arg(long, value_name = "K", default_value = "", hide_default_value = true)]
    key: String,
}

/// What is known of a change beside its author.
#[derive(Debug, Args)]
pub(crate) struct About {
    /// The branch [default: the default branch]
    #[arg(long, value_name = "B")]
    branch: Option<String>,
    /// The revision it made
    #[arg(long, value_name = "R")]
    revision: Option<String>,
    /// The repository's URL or path
    #[arg(long, value_name = "U", default_value = "", hide_default_value = true)]
    repository: String,
    /// The codebase [default: the one of the repository]
    #[arg(long, value_name = "C")]
    codebase: Option<String>,
    /// The project
    #[arg(long, value_name = "P", default_value = "", hide_default_value = true)]
    project: String,
    /// The category
    #[arg(long, value_name = "K", default_value = "", hide_default_value = true)]
    category: String,
    /// The commit message
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    comments: String,
    /// A file it touched; give it once for each
    #[arg(long = "file", value_name = "PATH")]
    files: Vec<String>,
    /// When it was made: RFC 3339, or seconds since 1970 [default: now]
    #[arg(long, value_name = "T", allow_hyphen_values = true)]
    when: Option<String>,
    /// A property of the builds it leads to
    #[arg(long = "property", value_name = "K=V", value_parser = pairs::pair)]
    properties: Vec<(String, String)>,
    /// The kind of version control: git, hg, svn ...
    #[arg(long, value_name = "KIND", default_value = "", hide_default_value = true)]
    vcs: String,
}

impl About {
    /// Whether nothing says where the change was made.
    pub(crate) const fn is_homeless(&self) -> bool {
        self.repository.is_empty() && self.codebase.is_none()
    }
}

pub(crate) async fn run(verb: ChangeVerb, at: Door<'_>) -> Done {
    let ChangeVerb::Send(send) = verb;
    let Send { author, about, key } = *send;
    let change = NewChange { key, ..new_change(author, about)? };
    // Without a key the master could not tell a second sending from a second change, so there is none.
    let repeatable = !change.key.is_empty();
    let mut session = at.open().await?;
    let request = SubmitRequest { changes: vec![change] };
    let patience = if repeatable { Patience::at_most(VERB_PATIENCE) } else { Patience::none() };
    let reply = session
        .persist(patience, async |master: &Master| master.changes().submit(request.clone()).await)
        .await?;
    let Some(id) = reply.ids.first() else {
        return Err(ClientError::internal("the master's answer has no id").into());
    };
    if session.json {
        let change = session.get(Kind::Change, &id.to_string()).await?;
        session.io.json(&json::entity(&change))?;
    } else {
        session.io.line(&id.to_string())?;
    }
    Ok(ExitCode::DONE)
}

/// The change that these options tell of, without a key.
pub(crate) fn new_change(author: String, send: About) -> Result<NewChange, ClientError> {
    let when_ms = match &send.when {
        None => None,
        Some(text) => Some(when::parse(text).ok_or_else(|| {
            ClientError::usage(format!("`{text}` is no time (--when)"))
                .hint("write 2026-09-21T14:13:20Z, or seconds since 1970")
        })?),
    };
    let properties = pairs::map(send.properties)?
        .into_iter()
        .map(|(name, value)| Property {
            name,
            json: pairs::as_json(&value),
            source: "change".to_owned(),
        })
        .collect();
    Ok(NewChange {
        key: String::new(),
        project: send.project,
        codebase: send.codebase,
        repository: send.repository,
        branch: send.branch,
        revision: send.revision,
        author,
        committer: String::new(),
        comments: send.comments,
        files: send.files,
        when_ms,
        category: send.category,
        revlink: String::new(),
        properties,
        parents: Vec::new(),
        vcs: send.vcs,
        moved_from: None,
    })
}
