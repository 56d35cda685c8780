//! SHA-256 as hex, for comparing what a program wrote with what is stored.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

/// The hex SHA-256 of these bytes.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes all");
        text
    })
}
