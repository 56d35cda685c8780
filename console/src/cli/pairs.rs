//! `NAME=VALUE` on the command line.

use std::collections::BTreeMap;

use crate::client::ClientError;

/// One `NAME=VALUE`; for clap.
pub(crate) fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some(("", _)) => Err("the name before the `=` is missing".to_owned()),
        Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
        None => Err("write NAME=VALUE".to_owned()),
    }
}

/// The pairs as a map.
///
/// # Errors
/// A name given twice: which one was meant nobody can tell.
pub(crate) fn map(pairs: Vec<(String, String)>) -> Result<BTreeMap<String, String>, ClientError> {
    let mut map = BTreeMap::new();
    for (name, value) in pairs {
        if map.contains_key(&name) {
            return Err(ClientError::usage(format!("property `{name}` is given twice"))
                .hint(format!("a list has commas between its values: --property {name}=a,b")));
        }
        map.insert(name, value);
    }
    Ok(map)
}

/// The JSON of a value as typed: what begins like JSON and is JSON counts as such, all else is text.
pub(crate) fn as_json(value: &str) -> String {
    let structured = value.starts_with(['[', '{', '"']);
    match serde_json::from_str::<serde_json::Value>(value) {
        Ok(json) if structured => json.to_string(),
        _ => serde_json::Value::from(value).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs() {
        assert_eq!(pair("a=b=c"), Ok(("a".to_owned(), "b=c".to_owned())));
        assert_eq!(pair("a="), Ok(("a".to_owned(), String::new())));
        assert!(pair("a").is_err() && pair("=b").is_err());
        let twice = vec![("a".to_owned(), "1".to_owned()), ("a".to_owned(), "2".to_owned())];
        assert!(map(twice).is_err());
    }

    #[test]
    fn values() {
        for (text, json) in [
            ("x", "\"x\""),
            ("7", "\"7\""),
            ("true", "\"true\""),
            ("[1, 2]", "[1,2]"),
            ("\"q\"", "\"q\""),
            ("[not json", "\"[not json\""),
            ("", "\"\""),
        ] {
            assert_eq!(as_json(text), json);
        }
    }
}
