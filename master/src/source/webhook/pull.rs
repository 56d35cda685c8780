//! What a pull or merge request means, whichever forge tells of it: a change for its newest commit (F15, GP-7).

use linn_core::change::{self, NewChange};
use linn_core::config::Webhook;
use linn_core::time::Timestamp;
use serde_json::Value;

/// Something is asked to be taken in.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Pull {
    /// As its forge numbers them.
    pub(super) number: u64,
    /// The forge's name for what is asked to be taken in: `refs/pull/7/head`.
    pub(super) reference: String,
    /// Its newest commit.
    pub(super) revision: String,
    /// The branch that is to take it in.
    pub(super) target: String,
    /// The branch that it is on.
    pub(super) from: String,
    /// The name of the repository that it is in, when another one.
    pub(super) fork: Option<String>,
    pub(super) title: String,
    /// Who asks.
    pub(super) author: String,
    pub(super) when: Option<Timestamp>,
    pub(super) link: String,
    /// The message of its newest commit, where the forge tells.
    pub(super) message: String,
}

impl Pull {
    /// Its change; none when it is not built.
    pub(super) fn changes(self, hook: &Webhook) -> Vec<NewChange> {
        if !hook.pull_requests
            || change::is_skipped(&self.title)
            || change::is_skipped(&self.message)
        {
            return Vec::new();
        }
        let mut properties = std::collections::BTreeMap::new();
        let mut put = |name: &str, value: Value| drop(properties.insert(name.to_owned(), value));
        put("basename", self.target.into());
        put("headname", self.from.into());
        put("pull_request", self.number.into());
        put("pull_request_title", title(&self.title).into());
        put("pull_request_url", self.link.clone().into());
        if let Some(fork) = self.fork {
            put("pull_request_fork", fork.into());
        }
        vec![NewChange {
            author: self.author,
            comments: match self.message.trim_end_matches('\n') {
                "" => self.title,
                message => message.to_owned(),
            },
            branch: Some(self.reference),
            revision: Some(self.revision),
            category: "pull".to_owned(),
            revlink: self.link,
            when: self.when,
            properties,
            vcs: "git".to_owned(),
            ..NewChange::default()
        }]
    }
}

/// The most characters of a title that become a property.
const TITLE_MAX_CHARS: usize = 1_000;

fn title(text: &str) -> String {
    text.chars().take(TITLE_MAX_CHARS).collect()
}
