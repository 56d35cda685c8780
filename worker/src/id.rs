//! The number that fences a command.
//!
//! The master never uses one twice (within one epoch of its database), so a worker that has seen an id never starts it
//! again, and a result can belong to one run only.

use std::fmt;

/// Which command: given by the master, never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommandId(pub u64);

impl fmt::Display for CommandId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
