//! What the journal says of a record: its own fields as a JSON object.
//!
//! Left out is what the tables have and what only weighs: a build's planned steps and properties, a command's environment
//! (where secrets may be), the files of a change, thousands of learnt commits. Whoever wants them asks by the subject.

use linn_core::record::Record;
use serde::Serialize;
use serde_json::json;

/// The body of a record's event. Never fails: what cannot be said in JSON (a number that is none) is an empty object.
pub(super) fn body(record: &Record) -> String {
    match record {
        Record::BuildStarted(build) => object(&json!({
            "id": build.id,
            "builder": build.builder,
            "number": build.number,
            "requests": build.requests,
            "buildset": build.buildset,
            "worker": build.worker,
            "attempt": build.attempt,
            "reason": build.reason,
            "scheduler": build.scheduler,
            "started_at": build.started_at,
        })),
        Record::StepStarted { id, build, step, name, at, shown, text, spec, .. } => {
            object(&json!({
                "id": id,
                "build": build,
                "step": step,
                "name": name,
                "at": at,
                "shown": shown,
                "text": text,
                "command": spec.as_ref().map(|spec| spec.id),
            }))
        }
        Record::BuildsetAdded(buildset) => object(&json!({
            "id": buildset.id,
            "reason": buildset.reason,
            "scheduler": buildset.scheduler,
            "submitted_at": buildset.submitted_at,
            "requests": buildset.requests,
            "external_id": buildset.external_id,
            "rebuild_of": buildset.rebuild_of,
        })),
        Record::ChangeAdded(change) => object(&json!({
            "id": change.id,
            "author": change.author,
            "committer": change.committer,
            "comments": change.comments,
            "branch": change.branch,
            "revision": change.revision,
            "repository": change.repository,
            "codebase": change.codebase,
            "project": change.project,
            "category": change.category,
            "when": change.when,
            "key": change.key,
        })),
        Record::CommitsLearned { repository, commits } => {
            object(&json!({ "repository": repository, "commits": commits.len() }))
        }
        _ => own_fields(record),
    }
}

fn object(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "{}".to_owned())
}

/// A record is `{"kind":{...}}`; the kind has its own column.
fn own_fields(record: &Record) -> String {
    let mut whole = object(record);
    let begin = record.kind().len() + r#"{"":"#.len();
    if whole.len() > begin && whole.ends_with('}') {
        whole.pop();
        whole.drain(..begin);
        whole
    } else {
        "{}".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use linn_core::id::{ConfigDigest, RequestId};
    use linn_core::time::Timestamp;

    use super::*;

    /// contract.md C15.
    #[test]
    fn bodies_are_the_own_fields() {
        let record = Record::RequestPrioritised { request: RequestId(7), priority: -3 };
        assert_eq!(body(&record), r#"{"request":7,"priority":-3}"#);
        let record =
            Record::ConfigApplied { digest: ConfigDigest::from("ab\"c"), at: Timestamp(5) };
        assert_eq!(body(&record), r#"{"digest":"ab\"c","at":5}"#);
    }
}
