//! Mails of anybody: change objects in JSON, or the mail itself as a change.

use linn_core::change::NewChange;

use super::mail::Mail;
use crate::source::webhook::from_json;

/// Reads a mail.
///
/// # Errors
/// What is wrong with the change objects in it.
pub(super) fn changes(mail: &Mail) -> Result<Vec<NewChange>, String> {
    let text = mail.text.trim();
    if text.starts_with(['{', '[']) {
        return from_json(text);
    }
    let comments = match (mail.subject.as_str(), text) {
        (subject, "") => subject.to_owned(),
        ("", text) => text.to_owned(),
        (subject, text) => format!("{subject}\n\n{text}"),
    };
    let (author, when) = (mail.from.clone(), mail.when);
    Ok(vec![NewChange { author, comments, when, ..NewChange::default() }])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mail_itself_or_what_is_in_it() {
        let mail = |text: &str| Mail {
            from: "Ana <ana@x>".to_owned(),
            subject: "new release".to_owned(),
            text: text.to_owned(),
            ..Mail::default()
        };
        let told = changes(&mail("please build\n")).unwrap();
        assert_eq!(told[0].author, "Ana <ana@x>");
        assert_eq!(told[0].comments, "new release\n\nplease build");
        let told = changes(&mail("{\"author\": \"Bob\", \"revision\": \"7\"}\n")).unwrap();
        assert_eq!((told[0].author.as_str(), told[0].revision.as_deref()), ("Bob", Some("7")));
        assert!(changes(&mail("{\"author\"")).unwrap_err().contains("no JSON"));
    }
}
