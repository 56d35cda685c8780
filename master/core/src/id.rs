//! Ids and names as types, made by two macros, so that a `BuildId` is never taken for a `RequestId`.
//!
//! Numbers are handed out by the core, grow by one and are never used again. Names obey contract.md F32.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

macro_rules! number {
    ($($(#[$doc:meta])* $name:ident($inner:ty);)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

macro_rules! name {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes the text as it is; whether it is allowed is [`crate::config::validate`]'s business.
            pub fn new(text: impl Into<Arc<str>>) -> Self {
                Self(text.into())
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    )*};
}

number! {
    /// A change, in order of arrival.
    ChangeId(u64);
    /// A buildset.
    BuildsetId(u64);
    /// A build request.
    RequestId(u64);
    /// A build, over all builders. People see [`BuildRef`].
    BuildId(u64);
    /// A step's position in its build, from 1.
    StepNumber(u32);
    /// A log, over all builds; names its file.
    LogId(u64);
    /// One command on one worker. Fences: an id runs at most once, ever.
    CommandId(u64);
    /// One connection of one worker. Given by the edge, never stored.
    SessionId(u64);
    /// Who waits for an answer. Given by the edge, never stored.
    Token(u64);
    /// One commit's place in the journal.
    Seq(u64);
}

name! {
    /// A builder's name.
    BuilderName;
    /// A worker's name.
    WorkerName;
    /// A scheduler's name.
    SchedulerName;
    /// A change source's name.
    SourceName;
    /// A lock's name.
    LockName;
    /// A codebase's name; the unnamed one is the empty text.
    CodebaseName;
    /// A secret's name; its value is known to edges only, at the last moment (F12).
    SecretName;
    /// The hex SHA-256 of a configuration's text with all that it loaded (decision D9).
    ConfigDigest;
}

/// A build as people name it: `linux#42`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct BuildRef {
    /// Whose build.
    pub builder: BuilderName,
    /// Which one, from 1.
    pub number: u32,
}

impl fmt::Display for BuildRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.builder, self.number)
    }
}
