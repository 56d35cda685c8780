//! What people should be told.

use serde::{Deserialize, Serialize};

use crate::id::BuildRef;

/// Something notable. An event: never merged with another (architecture.md 6).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Notice {
    /// What sort.
    pub kind: NoticeKind,
    /// The reference of what it is about.
    pub subject: String,
    /// One sentence.
    pub text: String,
    /// One for each failure: the same key replaces an earlier notice.
    pub key: String,
    /// Who should hear of it.
    pub people: Vec<String>,
    /// The build, where there is one.
    pub build: Option<BuildRef>,
    /// The step that failed, by name; empty: none.
    pub step: String,
}

/// The sorts of notice.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// Red, and was not before.
    Problem,
    /// Good again.
    Recovery,
    /// A worker was lost or is back.
    Worker,
    /// A function of the configuration erred; its default was taken (F43).
    Hook,
    /// The master itself is in trouble, or out of it.
    Master,
}

impl NoticeKind {
    /// The word of the wire.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Problem => "problem",
            Self::Recovery => "recovery",
            Self::Worker => "worker",
            Self::Hook => "hook",
            Self::Master => "master",
        }
    }
}
