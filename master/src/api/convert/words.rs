//! The words that all things share: moments, results, properties, source stamps.

use linn_core::change::SourceStamp;
use linn_core::properties::{Origin, Properties};
use linn_core::results::Results;
use linn_core::time::Timestamp;
use linn_proto::common as wire;
use serde_json::Value;

use crate::source::without_passwords;

/// A moment in milliseconds.
pub(crate) const fn at(moment: Timestamp) -> i64 {
    moment.0
}

/// A moment that may not have come.
pub(crate) fn at_opt(moment: Option<Timestamp>) -> Option<i64> {
    moment.map(at)
}

/// A result.
pub(crate) const fn results(results: Results) -> wire::Results {
    match results {
        Results::Success => wire::Results::Success,
        Results::Warnings => wire::Results::Warnings,
        Results::Failure => wire::Results::Failure,
        Results::Skipped => wire::Results::Skipped,
        Results::Exception => wire::Results::Exception,
        Results::Retry => wire::Results::Retry,
        Results::Cancelled => wire::Results::Cancelled,
    }
}

/// The number of a result that may not be known yet.
pub(crate) fn results_of(known: Option<Results>) -> i32 {
    known.map_or(wire::Results::Unspecified, results).into()
}

/// One property.
pub(crate) fn property(name: &str, value: &Value, source: Origin) -> wire::Property {
    wire::Property {
        name: name.to_owned(),
        json: without_passwords(&value.to_string()),
        source: source.word().to_owned(),
    }
}

/// All properties, by name.
pub(crate) fn properties(all: &Properties) -> Vec<wire::Property> {
    all.iter().map(|(name, one)| property(name, &one.value, one.source)).collect()
}

/// One codebase's tree. A password in its address is for who checks it out, not for people.
pub(crate) fn stamp(stamp: &SourceStamp) -> wire::SourceStamp {
    wire::SourceStamp {
        codebase: stamp.codebase.to_string(),
        repository: without_passwords(&stamp.repository),
        project: stamp.project.clone(),
        branch: stamp.branch.clone(),
        revision: stamp.revision.clone(),
        patch: stamp.patch.as_ref().map(|patch| wire::Patch {
            level: patch.level,
            diff: patch.diff.clone().into_bytes(),
            author: patch.author.clone(),
            comment: patch.comment.clone(),
            subdir: patch.subdir.clone(),
        }),
        changes: stamp.changes.iter().map(|change| change.0).collect(),
        requested: stamp.requested.clone().unwrap_or_default(),
    }
}

/// All trees.
pub(crate) fn stamps(all: &[SourceStamp]) -> Vec<wire::SourceStamp> {
    all.iter().map(stamp).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_of_addresses_are_not_shown() {
        let address = "https://ana:hunter2@h/x.git";
        let tree = SourceStamp {
            codebase: "x".into(),
            repository: address.to_owned(),
            project: String::new(),
            branch: None,
            revision: None,
            requested: None,
            patch: None,
            changes: Vec::new(),
        };
        assert_eq!(stamp(&tree).repository, "https://…@h/x.git");
        let shown = property("repository", &Value::from(address), Origin::Change);
        assert_eq!(shown.json, "\"https://…@h/x.git\"");
    }
}
