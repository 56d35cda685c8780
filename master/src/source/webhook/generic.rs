//! Change objects of cli.md, one or a list of them (F14): for scripts, and for what has no dialect of its own.

use std::collections::BTreeMap;

use linn_core::change::NewChange;
use linn_core::config::Webhook;
use linn_core::id::CodebaseName;
use linn_core::time::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::letter::Letter;
use super::push::moment;
use super::{MAX_CHANGES, Told};

/// A change of cli.md. What `linn changes --json` prints of one can be sent as it is; `id` and `received_at` are the
/// master's to give.
#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct Object {
    author: Option<String>,
    committer: Option<String>,
    comments: Option<String>,
    files: Option<Vec<String>>,
    branch: Option<String>,
    revision: Option<String>,
    parents: Option<Vec<String>>,
    repository: Option<String>,
    codebase: Option<String>,
    project: Option<String>,
    category: Option<String>,
    revlink: Option<String>,
    when: Option<Value>,
    properties: Option<BTreeMap<String, Value>>,
    key: Option<String>,
    vcs: Option<String>,
    #[serde(rename = "id")]
    _id: Option<Value>,
    #[serde(rename = "received_at")]
    _received_at: Option<Value>,
}

/// Reads a delivery.
///
/// # Errors
/// What is wrong with it.
pub(super) fn read(_: &Webhook, letter: &Letter<'_>) -> Result<Told, String> {
    Ok(Told { changes: changes(letter.json()?)?, addresses: Vec::new(), ..Told::default() })
}

/// Reads change objects from JSON: mails may hold them, too (F47).
///
/// # Errors
/// What is wrong with which of them.
pub(in crate::source) fn from_json(text: &str) -> Result<Vec<NewChange>, String> {
    let body = text.as_bytes();
    changes(Letter { body, ..Letter::default() }.json()?)
}

fn changes(body: Value) -> Result<Vec<NewChange>, String> {
    let objects = match body {
        Value::Array(objects) => objects,
        object => vec![object],
    };
    if objects.is_empty() {
        return Err("there is no change in it".to_owned());
    }
    if objects.len() > MAX_CHANGES {
        return Err(format!(
            "{} changes at one time are too many; send {MAX_CHANGES} at most",
            objects.len()
        ));
    }
    let several = objects.len() > 1;
    let read = objects.into_iter().enumerate().map(|(index, object)| {
        let which = if several { format!("change {}: ", index + 1) } else { String::new() };
        change(object).map_err(|why| format!("{which}{why}"))
    });
    read.collect()
}

fn change(object: Value) -> Result<NewChange, String> {
    if !object.is_object() {
        return Err("it is no change object".to_owned());
    }
    let Object {
        author,
        committer,
        comments,
        files,
        branch,
        revision,
        parents,
        repository,
        codebase,
        project,
        category,
        revlink,
        when,
        properties,
        key,
        vcs,
        ..
    } = serde_json::from_value(object)
        .map_err(|error| super::letter::shown(&error.to_string(), 200))?;
    let Some(author) = author.filter(|author| !author.is_empty()) else {
        return Err("`author` is missing".to_owned());
    };
    let present = |text: Option<String>| text.filter(|text| !text.is_empty());
    let properties = properties.unwrap_or_default().into_iter();
    Ok(NewChange {
        key: present(key),
        author,
        committer: committer.unwrap_or_default(),
        comments: comments.unwrap_or_default(),
        files: files.unwrap_or_default(),
        branch: present(branch),
        revision: present(revision),
        parents: parents.unwrap_or_default(),
        repository: repository.unwrap_or_default(),
        codebase: codebase.map(CodebaseName::from),
        project: project.unwrap_or_default(),
        category: category.unwrap_or_default(),
        revlink: revlink.unwrap_or_default(),
        when: when.map(|when| time(&when)).transpose()?.flatten(),
        properties: properties.map(|(name, value)| (name, plain(value))).collect(),
        vcs: vcs.unwrap_or_default(),
        moved_from: None,
    })
}

/// RFC 3339, as `linn changes` prints it, or seconds since 1970.
fn time(when: &Value) -> Result<Option<Timestamp>, String> {
    let read = match when {
        Value::Null => return Ok(None),
        Value::String(text) => moment(text),
        Value::Number(seconds) => seconds
            .as_i64()
            .and_then(|seconds| seconds.checked_mul(1000))
            .or_else(|| seconds.as_f64().map(|seconds| (seconds * 1000.0) as i64))
            .map(Timestamp),
        _ => None,
    };
    read.map(Some).ok_or_else(|| {
        "`when` is no time; write it as 2026-11-27T10:00:00Z or in seconds since 1970".to_owned()
    })
}

/// A property as `linn changes` prints it, with its source, or its value alone.
fn plain(value: Value) -> Value {
    match value {
        Value::Object(mut object)
            if object.len() == 2
                && object.contains_key("value")
                && object.contains_key("source") =>
        {
            object.remove("value").unwrap_or_default()
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_and_lists_of_them() {
        let changes = from_json(
            r#"[{"author": "Ana", "branch": "", "when": 1.5, "properties": {"n": {"value": 1, "source": "change"}, "o": [2]}},
                {"id": 7, "author": "Bob", "when": null, "files": null, "received_at": "x", "key": "k"}]"#,
        )
        .unwrap();
        assert_eq!((changes[0].branch.as_ref(), changes[0].when), (None, Some(Timestamp(1500))));
        assert_eq!(changes[0].properties["n"], 1);
        assert_eq!(changes[0].properties["o"], serde_json::json!([2]));
        assert_eq!(changes[1].key.as_deref(), Some("k"));
        for (text, why) in [
            ("[]", "there is no change in it"),
            ("7", "it is no change object"),
            ("{}", "`author` is missing"),
            (r#"[{"author": "a"}, {"author": ""}]"#, "change 2: `author` is missing"),
            (r#"{"author": "a", "brunch": "x"}"#, "unknown field `brunch`"),
            (r#"{"author": "a", "when": "soon"}"#, "`when` is no time"),
            (r#"{"author": "a", "files": "x"}"#, "invalid type"),
        ] {
            let said = from_json(text).unwrap_err();
            assert!(said.contains(why), "{said}");
        }
    }
}
