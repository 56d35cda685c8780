//! Where retention stands: by which rules, since when, and when it last went through all history.

use crate::record::Record;
use crate::time::Timestamp;

/// Where retention stands.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Retained {
    /// The rules it goes by, in words; empty: none.
    pub rules: String,
    /// Since when.
    pub since: Timestamp,
    /// When the last pass ended.
    pub last: Option<Timestamp>,
}

impl Retained {
    /// Makes a fact true. State and stores call this alike.
    pub fn learn(&mut self, record: &Record) {
        match record {
            Record::RetentionTimed { rules, at } => {
                self.rules.clone_from(rules);
                self.since = *at;
            }
            Record::RetentionApplied { at, .. } => self.last = Some(*at),
            _ => {}
        }
    }
}
