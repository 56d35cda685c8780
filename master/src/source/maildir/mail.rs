//! One mail: who wrote it, when, and its text; the transport's own headers do not count.

use linn_core::time::Timestamp;
use mail_parser::MessageParser;
use sha2::{Digest as _, Sha256};

/// The largest mail, in bytes.
pub(super) const MAX_MAIL_BYTES: usize = 8 << 20;

/// A mail, as much of it as means something.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Mail {
    /// `Name <mail>`, or the address alone.
    pub(super) from: String,
    /// What stands before the `@`: the user of old version control systems.
    pub(super) user: String,
    pub(super) subject: String,
    pub(super) when: Option<Timestamp>,
    /// Its text, with `\n` at the end of each line.
    pub(super) text: String,
    /// The same for the same mail, however often and by whichever way it is delivered.
    pub(super) key: String,
}

impl Mail {
    /// Reads a mail.
    ///
    /// # Errors
    /// Why it is none.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        let message = MessageParser::default().parse(bytes).ok_or("it is no mail")?;
        let sender = message.from().and_then(|from| from.first());
        let Some(sender) = sender else { return Err("it has no sender".to_owned()) };
        let address = sender.address().unwrap_or_default().trim();
        let name = sender.name().unwrap_or_default().trim();
        let subject = message.subject().unwrap_or_default().trim().to_owned();
        let text = message.body_text(0).unwrap_or_default().replace("\r\n", "\n");
        let when = message.date().map(|date| Timestamp(date.to_timestamp().saturating_mul(1000)));
        let mut digest = Sha256::new();
        let id = message.message_id().unwrap_or_default();
        let moment = when.map(|when| when.0.to_string()).unwrap_or_default();
        for part in [id, address, &moment, &subject, &text] {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part.as_bytes());
        }
        let key = crate::hex::text_of(&digest.finalize());
        let from = match (name, address) {
            ("", address) => address.to_owned(),
            (name, "") => name.to_owned(),
            (name, address) => format!("{name} <{address}>"),
        };
        let user = address.split('@').next().unwrap_or_default().to_owned();
        Ok(Self { from, user, subject, when, text, key })
    }

    /// The lines of its text.
    pub(super) fn lines(&self) -> impl Iterator<Item = &str> {
        self.text.lines().map(str::trim_end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_counts_of_a_mail() {
        let mail = b"Received: from a by b\r\nMessage-ID: <1@x>\r\nFrom: =?utf-8?q?An=C3=A4?= <ana@x.example>\r\n\
            Date: Fri, 27 Nov 2026 11:00:00 +0100\r\nSubject: a\r\n long one\r\nMIME-Version: 1.0\r\n\
            Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
            caf=C3=A9 =\r\nx\r\n";
        let read = Mail::read(mail).unwrap();
        assert_eq!((read.from.as_str(), read.user.as_str()), ("Anä <ana@x.example>", "ana"));
        assert_eq!((read.subject.as_str(), read.text.as_str()), ("a long one", "café x\n"));
        assert_eq!(read.when, Some(Timestamp(1_795_773_600_000)));
        let by_another_way = String::from_utf8_lossy(mail).replace("from a by b", "from c by d");
        assert_eq!(Mail::read(by_another_way.as_bytes()).unwrap().key, read.key);
        let another = String::from_utf8_lossy(mail).replace("=C3=A9", "e");
        assert_ne!(Mail::read(another.as_bytes()).unwrap().key, read.key);
        assert_eq!(Mail::read(b"Subject: x\n\ny"), Err("it has no sender".to_owned()));
        assert!(Mail::read(b"").is_err() && Mail::read(b"\0\xff\n\n").is_err());
    }
}
