//! A delivery as it came: the few headers that mean something, and the body.

use std::borrow::Cow;

use linn_core::config::Dialect;
use serde::de::DeserializeOwned;

/// A delivery.
#[derive(Clone, Debug, Default)]
pub(crate) struct Letter<'a> {
    /// `Content-Type`, as sent; empty: none.
    pub(crate) content_type: &'a str,
    /// `Content-Encoding`, as sent; empty: none.
    pub(crate) encoding: &'a str,
    /// The header in which the dialect's forge names its event; empty: none.
    pub(crate) event: &'a str,
    /// The body.
    pub(crate) body: &'a [u8],
}

/// The headers in which a dialect's forges name the event, the best first.
pub(crate) const fn event_headers(dialect: Dialect) -> &'static [&'static str] {
    match dialect {
        Dialect::Generic | Dialect::Gerrit => &[],
        Dialect::Github => &["x-github-event"],
        Dialect::Gitlab => &["x-gitlab-event"],
        Dialect::Gitea => &["x-gitea-event", "x-forgejo-event"],
        Dialect::Bitbucket => &["x-event-key"],
    }
}

/// The headers in which they number deliveries: one that is sent again has the same number.
pub(crate) const fn delivery_headers(dialect: Dialect) -> &'static [&'static str] {
    match dialect {
        Dialect::Generic | Dialect::Gerrit => &[],
        Dialect::Github => &["x-github-delivery"],
        Dialect::Gitlab => &["idempotency-key", "x-gitlab-event-uuid"],
        Dialect::Gitea => &["x-gitea-delivery", "x-forgejo-delivery"],
        Dialect::Bitbucket => &["x-request-uuid", "x-request-id"],
    }
}

/// The longest piece of a delivery that a sentence repeats, in characters.
const SHOWN: usize = 60;

impl Letter<'_> {
    /// The body as the dialect's own structure.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, String> {
        serde_json::from_slice(&self.text()?).map_err(|error| {
            let what = match error.classify() {
                serde_json::error::Category::Data => "the body is not what this event has",
                _ => "the body is no JSON",
            };
            format!("{what}: {}", shown(&error.to_string(), 200))
        })
    }

    /// The JSON text, which forges may also send as the field `payload` of a form.
    fn text(&self) -> Result<Cow<'_, [u8]>, String> {
        if !matches!(self.encoding, "" | "identity") {
            return Err(format!(
                "the body is packed with `{}`; send it as it is",
                shown(self.encoding, SHOWN)
            ));
        }
        let kind = self.content_type.split(';').next().unwrap_or_default().trim();
        match kind.to_ascii_lowercase().as_str() {
            "" | "application/json" | "text/json" => Ok(Cow::Borrowed(self.body)),
            "application/x-www-form-urlencoded" => payload_of(self.body)
                .map(Cow::Owned)
                .ok_or_else(|| "the form has no field `payload`".to_owned()),
            _ => Err(format!(
                "the content type `{}` is none that linn reads; send application/json",
                shown(kind, SHOWN)
            )),
        }
    }

    /// An event that this version does not know.
    pub(super) fn unknown_event(&self, header: &str) -> String {
        if self.event.is_empty() {
            format!("there is no header {header}, which names the event")
        } else {
            format!("the event `{}` is none that linn knows", shown(self.event, SHOWN))
        }
    }
}

/// Foreign text as part of a sentence.
pub(super) fn shown(text: &str, most_chars: usize) -> String {
    text.chars().take(most_chars).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// The field `payload` of a form, decoded.
fn payload_of(form: &[u8]) -> Option<Vec<u8>> {
    let field =
        form.split(|byte| *byte == b'&').find_map(|field| field.strip_prefix(b"payload="))?;
    let mut text = Vec::with_capacity(field.len());
    let mut bytes = field.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'+' => text.push(b' '),
            b'%' => {
                let mut digit = || char::from(*bytes.next()?).to_digit(16);
                let (high, low) = (digit()?, digit()?);
                text.push(u8::try_from(high * 16 + low).ok()?);
            }
            other => text.push(*other),
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content_type: &str, encoding: &str, body: &[u8]) -> Result<serde_json::Value, String> {
        Letter { content_type, encoding, event: "", body }.json()
    }

    #[test]
    fn bodies_and_what_is_wrong_with_them() {
        for (kind, body) in [
            ("application/json; charset=utf-8", r#"{"a":1}"#),
            ("", r#"{"a":1}"#),
            ("application/x-www-form-urlencoded", "x=1&payload=%7B%22a%22%3A+1%7d&y"),
        ] {
            assert_eq!(read(kind, "", body.as_bytes()).unwrap()["a"], 1, "{kind}");
        }
        let form = "application/x-www-form-urlencoded";
        let deep = "[".repeat(100_000);
        for (kind, encoding, body, why) in [
            ("text/xml", "", "<a/>", "`text/xml` is none that linn reads"),
            ("application/json", "gzip", "\x1f", "packed with `gzip`"),
            (form, "", "a=b", "no field `payload`"),
            (form, "", "payload=%7", "no field `payload`"),
            ("", "", "", "the body is no JSON"),
            ("", "", "{\"a\":", "the body is no JSON"),
            ("", "", deep.as_str(), "the body is no JSON: recursion limit"),
        ] {
            let said = read(kind, encoding, body.as_bytes()).unwrap_err();
            assert!(said.contains(why), "{said}");
        }
    }
}
